"""Pieces with this project's own networks of any length, tiny and with drawn weights, loaded from files."""

from dataclasses import replace

import numpy as np
import pytest
from model.pieces.networks import columns, saved

from musicvae.compose.model import load
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.styles import StyleVector
from musicvae.music.melody import Melody
from musicvae.music.piece import Piece

KINDS = ("drums", "drumify", "groove", "trio")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: load(saved(f"tiny-{kind}", folder / f"{kind}.safetensors", return_threshold=0.3)) for kind in KINDS}


def own(kind, bars, seed=0, **facts):
    material = "drums" if kind == "drumify" else kind
    return Piece(material, {name: column[0] for name, column in columns(material, 1, bars, seed).items()}, **facts)


def told(kind, bars=2):
    return {"hits": own("drums", bars, 7)} if kind in ("drumify", "groove") else {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_takes_any_length_and_depends_on_its_inputs_alone(kind, models, tmp_path):
    made = models[kind]
    assert isinstance(made, PieceModel)
    for bars in (1, 3, 37):
        two = made.generate_many(2, bars, seed=4, **told(kind, bars))
        assert [drawn.num_bars for drawn in two] == [bars] * 2
        assert made.generate(bars, seed=two[1].provenance["seed"], **told(kind, bars)) == two[1]
        assert two[0] != two[1]
    path = two[0].write(tmp_path / "own.mid")
    code = made.encode(path)
    assert code.notices[-1] == "37 bars were taken in windows of 16, 12, 9"
    again = PieceCode.load(code.save(tmp_path / "code.npz"))
    assert made.decode(again) == made.decode(code) == made.reconstruct(path)
    short = own(kind, 3, 1, tempo_qpm=90.0)
    assert made.encode(short, refine=2).notices == ()
    way = made.interpolate(short, own(kind, 2, 2), 3, spacing="latent")
    assert [step.num_bars for step in way] == [3, 3, 3]
    assert way[0] == made.reconstruct(short)


def test_new_pieces_have_a_usual_length(models):
    assert {kind: models[kind].usual_bars for kind in KINDS} == {"drums": 4, "drumify": 4, "groove": 4, "trio": 16}
    assert models["drums"].generate(seed=1).num_bars == 4


def test_a_long_piece_begins_like_one_of_a_window_and_goes_on_from_its_bars(models):
    made = models["drums"]
    whole, long = made.generate(16, seed=5), made.generate(24, seed=5)
    assert long.cut(0, 16) == whole
    z = []
    engine = made.engine
    engine.sample_prior, real = (lambda seeds, **options: z.append(options) or real(seeds, **options)), engine.sample_prior
    made.generate(24, seed=5)
    del engine.sample_prior
    assert [(call["bars"], call["given_bars"]) for call in z] == [(16, 0), (16, 8)]
    expected = engine.encode({"bars": whole.columns["bars"][None, 8:]})[0]
    assert np.array_equal(z[1]["given"], expected)


def test_a_rhythm_is_enough_for_taps(models):
    tune = Melody.from_beats([(60, 0, 1), (64, 1.5, 0.5), (67, 3, 1)], num_bars=1)
    made = models["drumify"].generate(hits=tune, seed=1)
    assert made.num_bars == 1
    with pytest.raises(ValueError, match="makes a beat of given taps: say which"):
        models["drumify"].generate(2)
    with pytest.raises(ValueError, match="a single melody holds no drums"):
        models["drums"].encode(tune)


def test_styles_reach_the_bars_that_are_there(models, tmp_path):
    made = replace(models["drums"], styles_folder=tmp_path)
    style = made.learn_style("mine", [own("drums", bars, bars) for bars in (2, 3, 6)], versus=[own("drums", 4, 9)])
    used = made.engine.z_used(4)  # of the shorter group
    assert style.vector.direction[:used].all()
    assert not style.vector.direction[used:].any()
    assert set(style.report["effects"]) == {"density", "offbeat", "kick", "snare", "hats", "toms", "cymbals"}
    short = own("drums", 5)
    assert made.restyle(short, {"mine": 0.0}) is short
    plain = made.generate(40, seed=1)
    assert made.generate(40, seed=1, style={"mine": 0.0}) == plain
    assert made.generate(40, seed=1, style={"mine": 10.0}) != plain
    assert made.learn_style("busy", attribute="density", keep=False).vector.attribute == "density"


def test_a_vector_changes_nothing_beyond_the_bars_of_a_piece(models):
    made = models["drums"]
    beyond = np.zeros(made.engine.config.z_size)
    beyond[made.engine.z_used(4) :] = 5.0
    style = replace(made.learn_style("x", [own("drums", 4)], versus=[own("drums", 4, 1)], keep=False),
                    vector=StyleVector(name="x", direction=beyond, model_hash=made.hash))  # fmt: skip
    four = own("drums", 4, 3)
    assert style.apply(four) == four
