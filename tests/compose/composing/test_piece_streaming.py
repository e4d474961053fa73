from itertools import islice

import numpy as np
import pytest
from compose.fake_piece_engine import FakePieceEngine
from model.pieces.networks import saved

from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.music.vocabulary import pitch_of


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for kind in ("drums", "trio"):
        model = load(saved(f"tiny-{kind}", folder / f"{kind}.safetensors", return_threshold=0.3))
        direction = np.zeros(model.engine.config.z_size)
        direction[:4] = 3.0
        vector = StyleVector(name="density", direction=direction, model_hash=model.engine.hash, attribute="density")
        save_styles([vector], folder / f"{kind}.styles.safetensors")
        found[kind] = PieceModel(model.engine, name=kind, path=folder / f"{kind}.safetensors", styles_folder=folder / "own")
    return found


def joined(bars, column="bars"):
    return np.concatenate([bar.music.columns[column] for bar in bars])


@pytest.mark.parametrize("kind", ["drums", "trio"])
def test_the_same_seed_streams_the_same_bars(models, kind):
    one, other, third = (list(islice(models[kind].stream("AB", seed=seed, section_bars=4), 12)) for seed in (4, 4, 5))
    assert [bar.music for bar in one] == [bar.music for bar in other]
    assert [bar.music for bar in one] != [bar.music for bar in third]
    assert [bar.number for bar in one] == list(range(12))
    assert [bar.section for bar in one[::4]] == ["A", "B", "A'"]
    assert all(bar.music.num_bars == 1 and bar.seconds == 2 for bar in one)


@pytest.mark.parametrize("kind", ["drums", "trio"])
def test_a_stream_begins_as_a_piece_does(models, kind):
    bars = list(islice(models[kind].stream("AB", seed=7, section_bars=4), 4))
    whole = models[kind].compose("AB", bars=8, section_bars=4, seed=7).music
    for name in whole.columns:
        np.testing.assert_array_equal(joined(bars, name), whole.columns[name][:4])


def test_the_first_section_returns_in_every_round(models):
    a, b, again, other = np.split(joined(islice(models["drums"].stream("AB", seed=4, vary=0, section_bars=4), 16)), 4)
    assert (a[:3] == again[:3]).all()
    assert not (b == other).all()


def test_a_change_is_heard_from_the_next_bar_on_and_glides(models):
    plain = list(islice(models["drums"].stream(seed=3, section_bars=4), 8))
    stream, bars = models["drums"].stream(seed=3, section_bars=4), []
    for bar in islice(stream, 8):
        bars.append(bar)
        if bar.number == 1:
            stream.set(mood={"density": 1.0}, tempo_qpm=240)
    assert [bar.music for bar in bars[:2]] == [bar.music for bar in plain[:2]]
    assert [bar.moods.get("density", 0.0) for bar in bars[1:5]] == [0, 0.5, 1, 1]
    assert [bar.music.columns["bars"].tolist() for bar in bars[2:]] != [bar.music.columns["bars"].tolist() for bar in plain[2:]]
    assert 120 < bars[2].tempo_qpm < bars[7].tempo_qpm
    with pytest.raises(ValueError, match="is no mood"):
        stream.set(mood="clam")
    assert stream.wanted.strengths == {"density": 1.0}


def test_an_end_that_is_asked_for_is_one_stroke_on_the_tonic(models):
    stream, bars = models["trio"].stream(seed=3, section_bars=4), []
    for bar in stream:
        bars.append(bar)
        if bar.number == 5:
            stream.finish()
        assert bar.number < 12
    assert len(bars) == 8
    assert bars[-1].is_last
    last = bars[-1].music
    assert np.count_nonzero(last.columns["drums"]) == 1
    assert pitch_of(int(last.columns["bass"][0, 0])) % 12 == last.key.tonic
    assert next(stream, None) is None


def test_what_cannot_be_streamed_is_refused(models):
    with pytest.raises(ValueError, match="at most 8 can contrast"):
        models["drums"].stream(section_bars=16)
    with pytest.raises(ValueError, match="cannot compose"):
        PieceModel(FakePieceEngine()).stream()
