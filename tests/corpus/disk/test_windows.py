from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.corpus.disk import windows as rule
from musicvae.corpus.disk.windows import onsets_of
from musicvae.corpus.store import Corpus


def oracle(corpus, lines, bars, hop, allow_short):
    """Windows and counts as a plain loop finds them, from the bars themselves."""
    found, counts = [], [0, 0, 0, 0, 0]
    for line in lines:
        length, start = int(corpus.num_bars[line]), int(corpus.start[line])
        if length < bars:
            counts[1] += 1
            starts, width = ([0] if allow_short and length else []), length
        else:
            starts, width = list(range(0, length - bars + 1, hop)), bars
            if 2 * (length - bars - starts[-1]) >= hop:
                starts.append(length - bars)
        for first in starts:
            inside = corpus.bars[start + first : start + first + width] >= 2
            notes, empty = int(inside.sum()), int((~inside.any(1)).sum())
            reason = 2 if not notes else 3 if 2 * notes < width else 4 if 2 * empty > width else 0
            counts[reason] += 1
            if not reason:
                found.append([int(line), first, width])
    return found, counts


def corpus_of(lengths, *, seed, density):
    """Lines of these many bars, stored in no order."""
    rng = np.random.default_rng(seed)
    total = sum(lengths)
    bars = rng.integers(0, 90, (total, 16)).astype(np.uint8) * (rng.random((total, 16)) < density) * (rng.random((total, 1)) < 0.6)
    order = rng.permutation(len(lengths))
    start = np.zeros(len(lengths), np.int64)
    start[order] = np.cumsum([0, *np.array(lengths, int)[order]])[:-1]
    zeros = np.zeros(len(lengths), np.int64)
    kind, split = rng.integers(0, 3, len(lengths)), rng.integers(0, 3, len(lengths))
    return Corpus(bars.astype(np.uint8), start, np.array(lengths, np.int64), kind, split, zeros, zeros - 1, zeros, sources=("here",))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 40), max_size=12), st.integers(0, 99), st.sampled_from([0.02, 0.1, 0.5]), st.integers(1, 20), st.integers(1, 9),
    st.booleans(), st.sampled_from([1, 30, 1 << 18]), st.sampled_from([0, 4]), st.booleans(),
)  # fmt: skip
def test_windows_are_those_of_a_plain_loop(lengths, seed, density, bars, hop, allow_short, at_a_time, sparsest, with_column):
    made = corpus_of(lengths, seed=seed, density=density)
    if with_column:
        made = replace(made, columns={"onsets": onsets_of(made.bars, "melody")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "_ROWS_AT_A_TIME", at_a_time)
        patch.setattr(rule, "_SPARSEST", sparsest)
        for split, kind in ((None, None), ("train", None), ("test", 1)):
            expected, counts = oracle(made, made.select(split, kind=kind), bars, hop, allow_short)
            assert made.windows(split, kind=kind, bars=bars, hop=hop, allow_short=allow_short).tolist() == expected
            assert list(made.window_counts(split, kind=kind, bars=bars, hop=hop, allow_short=allow_short).values()) == counts


def drums(bars):
    zeros = np.zeros(1, np.int64)
    return Corpus(bars, zeros, zeros + len(bars), zeros, zeros, zeros - 1, zeros - 1, zeros, sources=("here",), material="drums")


def test_drums_may_be_sparse_but_not_empty_for_more_than_half():
    bars = np.zeros((24, 16), np.uint64)
    bars[:8:2, 0] = np.uint64(1) << np.uint64(63)  # four bars of eight
    bars[8:11, 3] = 5  # three of eight
    made = drums(bars)
    assert made.windows("train", bars=8, hop=8).tolist() == [[0, 0, 8]]
    counts = made.window_counts("train", bars=8, hop=8)
    assert counts == {
        "windows": 1, "tunes shorter than a window": 0, "windows without a note": 1, "windows with more than half their bars empty": 1
    }  # fmt: skip


def test_trios_are_taken_as_they_are():
    zeros = np.zeros(1, np.int64)
    made = Corpus(
        np.zeros((9, 16), np.uint8), zeros, zeros + 9, zeros, zeros, zeros - 1, zeros - 1, zeros, sources=("here",), material="trio"
    )
    assert made.window_counts(None, bars=4, hop=4) == {"windows": 2, "tunes shorter than a window": 0}


def test_onsets_of_every_material():
    assert onsets_of(np.array([[0, 1, 2, 89], [1, 1, 0, 0]], np.uint8), "melody").tolist() == [2, 0]
    assert onsets_of(np.array([[0, 3, 1 << 60, 0], [0, 0, 0, 0]], np.uint64), "drums").tolist() == [3, 0]
    grooves = np.zeros((2, 16, 9), np.uint8)
    grooves[1, :, :2] = 1
    assert onsets_of(grooves, "groove").tolist() == [0, 32]
    assert onsets_of(np.full((1, 16, 61), 9, np.uint8), "groove").tolist() == [255]


@pytest.mark.parametrize(("bars", "hop"), [(0, 4), (4, 0)])
def test_lengths_below_one_are_refused(bars, hop):
    with pytest.raises(ValueError, match="must be at least 1"):
        corpus_of([4], seed=0, density=0.5).windows(None, bars=bars, hop=hop)
