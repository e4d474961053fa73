import numpy as np
import pytest
from compose.grooving_doubles import FakeDrummer
from compose.grooving_music import stiff
from model.pieces.networks import engine, told

from musicvae.compose.grooving.expecting import (
    THRESHOLDS,
    ExpectingEngine,
    best_threshold,
    expected_hits,
    hit_chances,
    likely_hits,
    settle_threshold,
)
from musicvae.compose.pieces.model import PieceModel


@pytest.fixture(scope="module")
def drummer():
    return engine("tiny-drumify", hit_threshold=0.3)


def test_hits_are_where_taps_are_whatever_the_threshold(drummer):
    known = told("tiny-drumify", 3, 2)
    z = np.zeros((3, drummer.config.z_size))
    for threshold in (0.05, 0.3, 1.0):
        drummer.hit_threshold = threshold
        assert np.array_equal(expected_hits(drummer, z, 2, known) > 0, known["taps"] > 0)
    drummer.hit_threshold = 0.3


def test_chances_do_not_hang_on_what_else_is_asked(drummer):
    known = told("tiny-drumify", 70, 1)
    z = drummer.sample_prior(range(70), bars=1, told=known)
    every = hit_chances(drummer, z, 1, known)
    alone = drummer.hit_chances(z[66:67], bars=1, told={name: column[66:67] for name, column in known.items()})
    assert every[66:67] == pytest.approx(alone, abs=1e-12)
    beats = [drummer.decode(z, bars=1, temperature=1.0, seeds=range(k, k + 70), told=known)["bars"] for k in range(0, 4200, 70)]
    drawn = np.mean([(bits[..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1) for bits in beats], axis=0)
    assert np.corrcoef(every.ravel(), drawn.ravel())[0, 1] > 0.97


def test_only_networks_for_taps_have_chances():
    made = engine("tiny-drums")
    with pytest.raises(ValueError, match="makes no beats of taps"):
        made.hit_chances(np.zeros((1, made.config.z_size)), bars=1, told=told("tiny-drumify", 1, 1))
    assert not isinstance(FakeDrummer(), ExpectingEngine)


def test_the_threshold_is_the_highest_that_is_about_as_good_as_the_best():
    rng = np.random.default_rng(0)
    chances = rng.random((40, 2, 16, 9)) ** 2
    truth = rng.random(chances.shape) < chances
    found, scores = best_threshold(truth, chances)
    assert list(scores) == list(THRESHOLDS)
    best = max(scores, key=scores.get)
    # The best threshold for a pooled F1 is half of that F1 (Lipton et al. 2014).
    assert best == pytest.approx(scores[best] / 2, abs=0.05)
    assert best <= found <= best + 0.15
    assert scores[found] >= scores[best] - 0.01
    assert all(scores[other] < scores[best] - 0.01 for other in THRESHOLDS if other > found)


def test_a_tap_without_a_likely_hit_gets_the_likeliest():
    chances = np.zeros((1, 2, 9))
    chances[0, 0, :3] = 0.1, 0.2, 0.15
    assert likely_hits(chances, 0.5).nonzero()[2].tolist() == [1]


def test_settling_on_the_engines_own_beats_finds_what_they_have(drummer):
    known = told("tiny-drumify", 24, 2)
    z = np.zeros((24, drummer.config.z_size))
    bits = drummer.decode(z, bars=2, temperature=1.0, seeds=range(24), told=known)["bars"]
    truth = ((bits[..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1)) > 0
    threshold, scores = settle_threshold(drummer, truth, known)
    assert 0.1 <= threshold <= 0.6
    assert scores[threshold] > scores[0.6] - 0.01


def test_at_temperature_nought_the_expected_beat_is_made_whatever_the_seed(drummer):
    model = PieceModel(drummer, name="drumify")
    one, other = (model.drumify(stiff(2), player=None, temperature=0.0, seed=seed) for seed in (1, 2))
    assert np.array_equal(one.notes.onset_ticks, other.notes.onset_ticks)
    assert np.array_equal(one.notes.pitch, other.notes.pitch)
    drummer.hit_threshold = 0.02
    more = model.drumify(stiff(2), player=None, temperature=0.0, seed=1)
    drummer.hit_threshold = 0.3
    assert more.report.hits > one.report.hits
