from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune
from compose.fake_reader import FakeReader
from compose.judging.music import leaping, returning, sense, walking, wrong, yardstick

from musicvae.compose.judging.measuring import measure
from musicvae.compose.judging.model import ranked
from musicvae.compose.judging.yardstick import save_yardstick
from musicvae.compose.model import Model
from musicvae.music.vocabulary import to_tokens

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


def test_a_reader_is_asked_where_held_out_tunes_were_measured_with_one(monkeypatch, tmp_path):
    model = Model(ENGINE, path=tmp_path / "fake.safetensors")
    held_out = yardstick(ENGINE, count=2)
    tune = wrong(returning(1))
    save_yardstick(held_out, tmp_path / "fake.scores.safetensors")
    alone = model.score(tune)
    monkeypatch.setattr(Model, "reader", property(lambda _: FakeReader()))
    assert np.array_equal(model.score(tune).note_bits, alone.note_bits)
    save_yardstick(replace(held_out, with_reader=True), tmp_path / "fake.scores.safetensors", force=True)
    assert model.yardstick.with_reader
    read = model.score(tune)
    wanted = measure(ENGINE, to_tokens(tune), 0, held_out.ngram, reader=FakeReader())
    assert np.array_equal(read.note_bits, wanted.notes)
    assert np.array_equal(read.shared, wanted.shared)
    assert read.bits == alone.bits
    assert np.array_equal(model.score_many([tune])[0].note_bits, wanted.notes)


def test_a_reader_that_is_gone_is_missed(tmp_path):
    save_yardstick(replace(yardstick(ENGINE, count=2), with_reader=True), tmp_path / "fake.scores.safetensors")
    model = Model(ENGINE, path=tmp_path / "fake.safetensors")
    with pytest.raises(ValueError, match="was measured with a reader of damaged music, and none lies beside the model"):
        model.score(returning(1))
    assert np.isfinite(model.score(returning(1), places=False).bits)
