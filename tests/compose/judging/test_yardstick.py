from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.judging.music import sense, yardstick

from musicvae.compose.judging.yardstick import STATISTICS, load_yardstick, save_yardstick


def with_values(values, kinds=None):
    values = np.asarray(values, float)
    kinds = np.zeros(len(values), np.int64) if kinds is None else np.asarray(kinds)
    return replace(yardstick(count=2), measured=dict.fromkeys(STATISTICS, values), kinds=kinds)


def test_a_chance_is_the_share_of_tunes_as_odd():
    held_out = with_values(np.arange(99))
    assert held_out.chance("notes", 50, 0) == pytest.approx(0.5)
    assert held_out.chance("notes", -1, 0) == pytest.approx(1)
    assert np.isnan(held_out.chance("notes", float("nan"), 0))


def test_chances_in_the_tail_are_those_of_an_exponential_distribution():
    values = np.random.default_rng(0).exponential(2.0, 400)
    held_out = with_values(values)
    for value, wanted in ((np.log(1000) * 2, 0.001), (np.log(10000) * 2, 0.0001)):
        assert held_out.chance("notes", value, 0) == pytest.approx(wanted, rel=0.6)
    assert held_out.chance("notes", 1e9, 0) > 0


def test_the_limit_is_where_the_chance_is_reached():
    held_out = with_values(np.random.default_rng(1).normal(size=120))
    for chance in (0.0001, 0.02, 0.05, 0.3, 0.9):
        limit = held_out.limit("notes", chance, 0)
        assert held_out.chance("notes", limit, 0) <= max(chance, 0) * 1.0001
        assert held_out.chance("notes", limit - 0.2, 0) > chance
    tied = with_values(np.repeat(np.arange(10), 10))
    assert tied.chance("notes", tied.limit("notes", 0.35, 0), 0) <= 0.35


def test_chances_fall_as_music_grows_odder():
    held_out = with_values(np.random.default_rng(2).normal(size=77))
    chances = [held_out.chance("whole", value, 0) for value in np.linspace(-4, 8, 200)]
    assert all(a >= b for a, b in pairwise(chances))


def test_kinds_with_too_few_tunes_are_compared_with_all():
    held_out = with_values([*np.arange(60), *np.arange(100, 105)], [0] * 60 + [1] * 5)
    assert held_out.chance("whole", 30, 0) == pytest.approx(31 / 61)
    assert held_out.chance("whole", 30, 1) == pytest.approx(36 / 66)


def test_a_file_gives_the_same_back(tmp_path):
    held_out = replace(yardstick(), styles={0: sense(FakeEngine(canonical_key=False))})
    again = load_yardstick(save_yardstick(held_out, tmp_path / "a.scores.safetensors"), "fake")
    for name in STATISTICS:
        assert again.measured[name] == pytest.approx(held_out.measured[name], rel=1e-6, nan_ok=True)
    tokens = np.zeros((1, 2, 16), np.uint8)
    tokens[0, :, ::4] = 50
    assert np.array_equal(again.ngram.log_probs(tokens, 0), held_out.ngram.log_probs(tokens, 0))
    assert again.styles[0].usual == pytest.approx(held_out.styles[0].usual, rel=1e-3, abs=1e-6)
    assert again.styles.keys() == {0}
    assert again.about == {"windows": 60}


def test_files_that_are_none_or_of_another_model_are_refused(tmp_path):
    path = save_yardstick(yardstick(count=2), tmp_path / "a.scores.safetensors")
    with pytest.raises(ValueError, match="was made for model fake, this is model other: make it again"):
        load_yardstick(path, "other")
    with pytest.raises(FileExistsError, match="use --force"):
        save_yardstick(yardstick(count=2), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="is damaged"):
        load_yardstick(path, "fake")
    with pytest.raises(FileNotFoundError, match="calibrate_scores"):
        load_yardstick(tmp_path / "b.scores.safetensors", "fake")
