import numpy as np
import pytest
from compose.fake_piece_engine import FakePieceEngine
from model.pieces.networks import saved

from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.music.vocabulary import pitch_of

KICK_AND_CRASH = (1 << 0) | (1 << 7)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: load(saved(f"tiny-{kind}", folder / f"{kind}.safetensors", return_threshold=0.3)) for kind in ("drums", "trio", "groove")}


def likeness(a, b):
    """Share of strokes in common, F1."""
    one, other = ((hits[..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1) for hits in (a, b))
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize(("kind", "column"), [("drums", "bars"), ("trio", "drums")])
def test_sections_return_and_the_last_bar_is_one_stroke(models, kind, column):
    made = models[kind].compose("AABA", bars=18, section_bars=4, seed=3)
    assert [s.name for s in made.sections] == ["A", "A'", "B", "A''", "coda"]
    assert made.music.num_bars == 18
    hits = made.music.columns[column]
    a, again, b, last = np.split(hits[:16], 4)
    assert (a[:1] == again[:1]).all()
    assert (a[:1] == last[:1]).all()
    assert likeness(a, last) > likeness(a, b)
    assert hits[-1].tolist() == [KICK_AND_CRASH] + [0] * 15


def test_a_trio_ends_on_its_tonic(models):
    made = models["trio"].compose("AB", bars=16, seed=5)
    for name in ("bars", "bass"):
        last = made.music.columns[name][-1]
        assert pitch_of(int(last[0])) % 12 == made.music.key.tonic
        assert not last[1:].any()


@pytest.mark.parametrize("kind", ["drums", "trio"])
def test_the_same_seed_makes_the_same_piece(models, kind, tmp_path):
    options = {"bars": 16, "section_bars": 4, "seed": 2, "vary": 0.6}
    one, again, other = (models[kind].compose("AABA", **{**options, **more}) for more in ({}, {}, {"seed": 3}))
    assert one.music == again.music
    assert one.music != other.music
    assert one.music.provenance["form"] == "AABA"
    assert load_back(models[kind], one.write(tmp_path / "piece.mid")).num_bars == 16


def load_back(model, path):
    return model.take(path).music


def test_without_variation_only_ends_differ(models):
    made = models["drums"].compose("AA", bars=16, seed=2, vary=0)
    a, again = np.split(made.music.columns["bars"], 2)
    assert (a[:7] == again[:7]).all()


def test_moods_move_what_the_model_has_vectors_for(models, tmp_path):
    engine = models["drums"].engine
    direction = np.zeros(engine.config.z_size)
    direction[:4] = 3.0
    vector = StyleVector(name="density", direction=direction, model_hash=engine.hash, attribute="density")
    save_styles([vector], tmp_path / "drums.styles.safetensors")
    model = PieceModel(engine, name="drums", path=tmp_path / "drums.safetensors", styles_folder=tmp_path / "own")
    plain = model.compose("A", bars=8, seed=1)
    moved = model.compose("A", bars=8, seed=1, mood={"lively": 1.0})
    assert moved.music != plain.music
    assert moved.music.tempo_qpm == pytest.approx(132)
    assert "tense leaves interval as it is: this model has no vector for it" in model.compose("A", bars=8, seed=1, mood="tense").notices


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("groove", {"bars": 16}, "groove cannot compose"),
        ("drums", {"bars": 16, "key": "D"}, "leave meter, key and chords out"),
        ("drums", {"bars": 16, "meter": "3/4"}, "knows 4/4 only"),
        ("drums", {}, "in minutes or in bars"),
        ("drums", {"bars": 64, "section_bars": 16}, "at most 8 can contrast"),
        ("trio", {"bars": 16, "mood": "clam"}, "'clam' is no mood"),
    ],
)
def test_what_cannot_be_composed_is_refused(models, kind, options, message):
    with pytest.raises(ValueError, match=message):
        models[kind].compose("AABA", **options)


def test_published_networks_are_refused():
    with pytest.raises(ValueError, match="cannot compose: models of melodies can"):
        PieceModel(FakePieceEngine()).compose("AABA", bars=16)
