import numpy as np
import pytest
from compose.grooving_doubles import FakeDrummer, FakePlayer
from compose.grooving_music import rows_of, stiff

import musicvae
from musicvae.compose import model as compose_model
from musicvae.compose.grooving.pieces import groove_of
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.styles import StyleVector
from musicvae.music.melody import Melody
from musicvae.music.piece import Piece
from musicvae.music.provenance import provenance_of


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Player and drummer, which their names load."""
    found = {
        "groove": PieceModel(FakePlayer(), name="groove", styles_folder=tmp_path),
        "drumify": PieceModel(FakeDrummer(), name="drumify", styles_folder=tmp_path),
    }
    monkeypatch.setattr(compose_model, "load", lambda name: found[str(name)])
    return found


def teach(model, name):
    direction = np.zeros(model.engine.config.z_size)
    direction[2::3] = 1
    model._library.add(StyleVector(name=name, direction=direction, model_hash=model.hash, scale=1.0, scale_down=1.0))


def test_functions_load_the_shipped_models(models):
    made = musicvae.humanize(stiff(2), seed=5)
    assert made.data == models["groove"].humanize(stiff(2), seed=5).data
    assert made.provenance["made_by"] == "humanize"
    assert {"model": "groove", "hash": "fake-player", "seed": 5, "temperature": 0.5, "amount": 1.0}.items() <= made.provenance.items()
    assert provenance_of(made.score)[-1]["inputs"][0]["name"] == "the score"
    beat = musicvae.drumify(stiff(2), seed=5)
    assert (beat.provenance["player"], beat.provenance["made_by"]) == ("groove", "drumify")
    assert "player" not in musicvae.drumify(stiff(2), stiff=True).provenance
    moved = musicvae.groove_transfer(stiff(2), stiff(1), model=models["groove"])
    assert [entry["name"] for entry in moved.provenance["inputs"]] == ["the score", "the score"]


def test_a_new_seed_is_drawn_and_told(models):
    made = musicvae.humanize(stiff(2))
    assert musicvae.humanize(stiff(2), seed=made.provenance["seed"]).data == made.data


def test_styles_are_those_of_who_knows_them(models):
    teach(models["groove"], "funk")
    plain, funk = (musicvae.humanize(stiff(2), seed=1, temperature=0, style=style) for style in (None, {"funk": 0.5}))
    lead = 1920 * (funk.report.lead_in_bars - plain.report.lead_in_bars)
    shift = [b[0] - a[0] - lead for a, b in zip(rows_of(plain.score, 2), rows_of(funk.score, 2), strict=True)]
    assert np.mean(shift) == pytest.approx(0.15 * 120, abs=2)
    beat = musicvae.drumify(stiff(2), seed=1, style="funk")
    assert beat.provenance["style"] == {"funk": 1.0}
    with pytest.raises(ValueError, match="unknown style 'fnk'"):
        musicvae.drumify(stiff(2), style="fnk")
    with pytest.raises(ValueError, match="unknown style 'funk'"):
        musicvae.drumify(stiff(2), style="funk", stiff=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"amount": 80}, r"amount must be a number from 0 .as it was. to 1 .all of the feel., got 80: was a percentage meant\?"),
        ({"temperature": -1}, "temperature must be a number from 0 to 10"),
        ({"drum_map": "roland"}, "unknown drum map 'roland'"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_options_are_checked(models, options, message):
    with pytest.raises(ValueError, match=message):
        musicvae.humanize(stiff(1), **options)


def test_models_of_other_things_are_refused(models):
    with pytest.raises(ValueError, match=r"drumify \(a model of drums\) cannot humanise"):
        musicvae.humanize(stiff(1), model="drumify")
    with pytest.raises(ValueError, match=r"groove \(a model of groove\) cannot make a beat of a rhythm"):
        musicvae.drumify(stiff(1), model="groove")
    with pytest.raises(ValueError, match=r"drumify \(a model of drums\) cannot play a beat"):
        musicvae.drumify(stiff(1), player="drumify")


def test_a_piece_of_drums_becomes_a_groove():
    hits = np.random.default_rng(0).integers(0, 512, (20, 16)).astype(np.uint64)
    piece = Piece("drums", {"bars": hits}, tempo_qpm=90.0, name="beat", provenance={"seed": 3})
    groove = groove_of(FakePlayer(), piece, seed=3)
    bits = np.bitwise_or.reduce((groove.columns["bars"] > 0).astype(np.uint64) << np.arange(9, dtype=np.uint64), axis=-1)
    assert np.array_equal(bits, hits)
    assert (groove.material, groove.tempo_qpm, groove.name, groove.provenance) == ("groove", 90.0, "beat", {"seed": 3})
    assert groove == groove_of(FakePlayer(), piece, seed=3)
    assert groove != groove_of(FakePlayer(), piece, seed=4)
    with pytest.raises(ValueError, match="drums of 9 classes are played, not groove of the drum map nine"):
        groove_of(FakePlayer(), groove, seed=3)


def test_a_melody_has_no_drums_to_play(models):
    with pytest.raises(ValueError, match="no drums in it"):
        musicvae.humanize(Melody.from_beats([(60, 0, 1)], num_bars=1))
