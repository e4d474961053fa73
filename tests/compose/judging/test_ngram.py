from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import tokens

from musicvae.compose.judging.ngram import NGram, fit_ngram
from musicvae.music.vocabulary import token_of


def bars_of(*pitches, wait=4, steps=16):
    """One bar for each tuple of pitches, one every `wait` steps."""
    found = np.zeros((1, len(pitches), steps), np.uint8)
    for bar, row in enumerate(pitches):
        for place, pitch in enumerate(row):
            found[0, bar, place * wait] = token_of(pitch)
    return found


@settings(max_examples=12)
@given(tokens(max_bars=3), tokens(max_bars=2))
def test_probabilities_of_all_events_sum_to_one_after_anything(known, asked):
    scores = fit_ngram([(known[None], 0)]).logits(asked[None], 0)
    assert np.exp(scores).sum(-1) == pytest.approx(np.ones(asked[None].shape))


@settings(max_examples=12)
@given(tokens(max_bars=3), tokens(max_bars=2))
def test_a_tokens_score_is_its_place_among_all_events(known, asked):
    model = fit_ngram([(known[None], 0)])
    own = np.take_along_axis(model.logits(asked[None], 0), asked[None, ..., None].astype(int), -1)[..., 0]
    assert model.log_probs(asked[None], 0) == pytest.approx(own)


@settings(max_examples=12)
@given(tokens(max_bars=3))
def test_what_comes_later_changes_nothing_before_it(asked):
    model = fit_ngram([(bars_of((60, 62, 64, 65), (67, 65, 64, 62)), 0)])
    changed = asked.copy()
    changed[-1, 8:] = 50
    before = asked.size - 8
    scores = (model.log_probs(part[None], 0).reshape(-1)[:before] for part in (asked, changed))
    assert np.array_equal(*scores)


def test_witten_bell_worked_out_by_hand():
    # Pitches after 60: 62 twice and 64 once. Below: 60 three times, 62 twice, 64 once; below that, uniform over 88.
    music = np.concatenate([bars_of((60, 62), wait=8), bars_of((60, 62), wait=8), bars_of((60, 64), wait=8)])
    model = fit_ngram([(music, 0)])
    scores = model.logits(bars_of((60, 62), wait=8), 0).reshape(-1, 90)[8]
    uniform = 1 / 88
    alone = {p: (n + 3 * uniform) / (6 + 3) for p, n in ((60, 3), (62, 2), (64, 1), (65, 0))}
    after = {p: (n + 2 * alone[p]) / (3 + 2) for p, n in ((60, 0), (62, 2), (64, 1), (65, 0))}
    # All contexts longer than one pitch are the same here, since nothing came before: each repeats the counts.
    for _ in range(4):
        after = {p: (n + 2 * after[p]) / (3 + 2) for p, n in ((60, 0), (62, 2), (64, 1), (65, 0))}
    onset = np.logaddexp.reduce(scores[2:])
    for pitch, wanted in after.items():
        assert np.exp(scores[token_of(pitch)] - onset) == pytest.approx(wanted)


def test_what_was_heard_is_likelier_than_what_was_not():
    scale = tuple(range(60, 76))
    model = fit_ngram([(bars_of(*[scale[i : i + 4] for i in range(0, 16, 4)]), 0)])
    heard, unheard = bars_of((60, 61, 62, 63)), bars_of((60, 70, 62, 74))
    assert model.log_probs(heard, 0).sum() > model.log_probs(unheard, 0).sum() + 3


def test_a_note_moved_is_scored_as_the_whole_with_that_note():
    rng = np.random.default_rng(1)
    music = np.where(rng.random((9, 4, 16)) < 0.3, rng.integers(40, 46, (9, 4, 16)), 0).astype(np.uint8)
    model, asked = fit_ngram([(music[1:], 0)]), music[0]
    moved = model.substituted(asked, 0, 2)
    onsets = np.flatnonzero(asked.reshape(-1) >= 2)
    assert moved.shape == (len(onsets), 5)
    for note, onset in enumerate(onsets.tolist()):
        rows = np.repeat(asked.reshape(1, -1), 5, axis=0)
        rows[:, onset] += np.arange(-2, 3).astype(np.uint8)
        whole = model.log_probs(rows.reshape(5, *asked.shape), 0).sum(axis=(1, 2))
        assert moved[note] - moved[note, 2] == pytest.approx(whole - whole[2])


def test_a_pitch_without_a_token_cannot_be():
    moved = fit_ngram([(bars_of((60, 62)), 0)]).substituted(bars_of((21, 108))[0], 0, 2)
    assert np.isneginf(moved).tolist() == [[True, True, False, False, False], [False, False, False, True, True]]


def test_meters_are_kept_apart_in_rhythm():
    waltz, jig = (bars_of(*[(60, 62, 64)] * 8, wait=w, steps=12) for w in (4, 2))
    model = fit_ngram([(waltz, 1), (jig, 2)])
    assert model.log_probs(waltz, 1).sum() > model.log_probs(waltz, 2).sum()
    assert model.log_probs(jig, 2).sum() > model.log_probs(jig, 1).sum()


def test_the_counts_come_back_from_their_arrays():
    rng = np.random.default_rng(0)
    music = np.where(rng.random((3, 4, 16)) < 0.4, rng.integers(0, 90, (3, 4, 16)), 0).astype(np.uint8)
    model = fit_ngram([(music, 0)])
    again = NGram.of_arrays(model.arrays())
    assert np.array_equal(model.logits(music, 0), again.logits(music, 0))


def test_rare_events_can_be_forgotten():
    music = np.concatenate([bars_of((60, 62))] * 2 + [bars_of((60, 64))])
    all_of_it, often = (fit_ngram([(music, 0)], least=n) for n in (1, 2))
    assert sum(len(level.keys) for level in often.pitches) < sum(len(level.keys) for level in all_of_it.pitches)
    assert np.exp(often.logits(music, 0)).sum(-1) == pytest.approx(np.ones(music.shape))


def test_longer_contexts_smooth_with_shorter_ones():
    sizes = [len(level.keys) for level in fit_ngram([(bars_of((60, 62, 64, 65), (67, 65, 64, 60)), 0)]).pitches]
    assert all(short <= long for short, long in pairwise(sizes))


def test_nothing_to_count_is_an_error():
    with pytest.raises(ValueError, match="at least one window"):
        fit_ngram([])
