from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune
from compose.judging.music import leaping, returning, sense, walking, wrong, yardstick

from musicvae.compose.judging.model import ranked
from musicvae.compose.judging.yardstick import save_yardstick
from musicvae.compose.model import Model

ENGINE = FakeEngine(canonical_key=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_yardstick(yardstick(ENGINE, count=80), folder / "fake.scores.safetensors")
    return Model(ENGINE, path=folder / "fake.safetensors")


def test_scoring_a_file_tells_what_was_taken_and_what_is_odd(model, tmp_path):
    path = wrong(returning(1)).write(tmp_path / "tune.mid")
    score = model.score(path, threshold=0.2)
    assert score.is_odd
    assert max(score.odd_notes(), key=lambda note: note.bits).number == 13
    assert any("track 1" in notice for notice in score.notices)


def test_many_are_scored_as_one_and_the_oddest_comes_first(model):
    melodies = [returning(1), wrong(returning(1)), returning(2)]
    heard = []
    scores = model.score_many(melodies, progress=heard.append)
    assert scores[1].bits == model.score(melodies[1]).bits
    assert int(ranked(scores)[0]) == 1
    assert len(heard) == 3


def test_six_of_one_meter_are_compared_with_each_other(tmp_path):
    save_yardstick(replace(yardstick(ENGINE, count=2), styles={0: sense(ENGINE)}), tmp_path / "fake.scores.safetensors")
    model = Model(ENGINE, path=tmp_path / "fake.safetensors")
    melodies = [*(walking(seed) for seed in range(100, 105)), leaping(100), tune(1, 8, "3/4")]
    scores = model.score_many(melodies, places=False)
    assert all("style" in score.chances for score in scores[:6])
    assert "style" not in scores[6].chances
    assert int(np.nanargmax([score.foreignness for score in scores])) == 5
    assert scores[5].chances["style"] < min(score.chances["style"] for score in scores[:5])
    assert "style" not in model.score_many(melodies[:5], places=False)[0].chances


def test_a_model_without_held_out_tunes_has_no_chances(tmp_path):
    model = Model(ENGINE, path=tmp_path / "fake.safetensors")
    assert model.yardstick is None
    scores = model.score_many([returning(1), returning(2, bars=4)], places=False)
    assert all(np.isnan(score.chance) for score in scores)
    bits = [scores[i].bits_per_note for i in ranked(scores)]
    assert bits == sorted(bits, reverse=True)


@pytest.mark.parametrize("threshold", [0, 1, -0.1, 5])
def test_thresholds_that_make_no_sense_are_refused(model, threshold):
    with pytest.raises(ValueError, match=f"above 0 and below 1, got {threshold}"):
        model.score(returning(), threshold=threshold)
