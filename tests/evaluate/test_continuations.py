import numpy as np
import pytest
from compose.fake_engine import FakeEngine

from musicvae.compose.judging.ngram import fit_ngram
from musicvae.corpus.store import Corpus
from musicvae.evaluate.continuations import Broken, follow_gains, follow_row, followed, select_broken, ways_of

RNG = np.random.default_rng(5)


def bars(count):
    """Bars of the scale of C that differ."""
    tokens = np.zeros((count, 16), np.uint8)
    tokens[:, ::4] = RNG.choice([41, 43, 45, 46, 48], (count, 4))
    tokens[:, 2] = 41 + np.arange(count) % 40
    return tokens


A, B = bars(8), bars(8)
ENGINE = FakeEngine()
NGRAM = fit_ngram([(np.stack([A, B]), 0)])
AABB = Broken(np.concatenate([A, A, B, B]), 24, 0, 1)
ABAB = Broken(np.concatenate([A, B, A, B]), 16, 0, 2)


def row(tunes, results):
    return follow_row(ENGINE, NGRAM, tunes, results, given="half", way="x")


def test_the_tune_itself_is_right_in_all():
    found = row([AABB, ABAB], [AABB.tokens, ABAB.tokens])
    assert {getattr(found, name).value for name in ("returns", "form", "tokens", "pitch", "onsets")} == {1.0}
    assert (found.lag_distance, found.leap > 0) == (0, True)


def test_returns_to_other_bars_and_new_bars_are_told_apart():
    wrong = AABB.tokens.copy()
    wrong[24:28] = A[:4]  # returns, but to other bars
    wrong[28] = bars(1)[0] + 2  # new
    found = row([AABB], [wrong])
    assert found.returns.value == pytest.approx(2 * 3 / (8 + 7))
    assert found.form.value == pytest.approx(3 / 8)
    assert found.lag_distance == pytest.approx(5 / 8)  # lags 16 or none in place of 8


def test_lags_look_at_new_bars_alone_and_at_the_latest_equal_one():
    again = AABB.tokens.copy()
    again[24:] = A
    assert row([AABB], [again]).lag_distance == 1.0


def test_every_way_keeps_what_is_given():
    for way in ways_of(ENGINE, NGRAM).values():
        (result,) = followed(way, [ABAB])
        assert np.array_equal(result[:16], ABAB.tokens[:16])
        assert result.shape == ABAB.tokens.shape


def test_copying_ways_copy():
    ways = ways_of(ENGINE, None)
    assert np.array_equal(followed(ways["last 8 bars again"], [AABB])[0], AABB.tokens)
    assert np.array_equal(followed(ways["opening again"], [ABAB])[0], ABAB.tokens)
    assert "n-gram, likeliest event" not in ways


def test_gains_are_differences_over_the_same_tunes():
    found = {"the tune itself": [AABB.tokens, ABAB.tokens], "good": [AABB.tokens, ABAB.tokens], "bad": []}
    found["bad"] = [np.concatenate([b.tokens[: b.given], 50 + b.tokens[: len(b.tokens) - b.given] % 7]) for b in (AABB, ABAB)]
    (gain,) = follow_gains([AABB, ABAB], found, "good", given="half")
    bad = row([AABB, ABAB], found["bad"])
    assert (gain.way, gain.against) == ("good", "bad")
    assert gain.tokens.value == pytest.approx(1 - bad.tokens.value)
    assert gain.returns.value == 1.0


def test_tunes_are_drawn_over_the_whole_corpus_and_broken_off():
    sizes = np.array([40, 12, 16, 64])
    corpus = Corpus(
        bars=np.tile(np.concatenate([A, B, A]), (6, 1))[: sizes.sum()], start=np.cumsum(sizes) - sizes, num_bars=sizes,
        kind=np.zeros(4, int), split=np.full(4, 2), mode=np.zeros(4, int), label=np.full(4, -1), source=np.zeros(4, int), sources=("a",),
    )  # fmt: skip
    found = {broken.tune: (broken.given, len(broken.tokens)) for broken in select_broken(corpus, "test", 0, 0.5, 9)}
    assert found == {0: (20, 36), 2: (8, 16), 3: (32, 48)}
    assert len(select_broken(corpus, "test", 0, 0.75, 2)) == 2
