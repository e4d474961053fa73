from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune
from compose.fake_reader import FakeReader

from musicvae.compose.judging.notes import pitches_read
from musicvae.compose.reading import ANY, PITCH
from musicvae.compose.revising.denoising import Correction, Judges, corrections, mended
from musicvae.compose.revising.filling import Search, fill
from musicvae.compose.revising.hole import Hole
from musicvae.compose.revising.redrawing import expected_right, joint_draws, redrawn
from musicvae.compose.revising.repairing import Repair, repair
from musicvae.compose.revising.spans import steps_of
from musicvae.music.melody import Melody

ENGINE = FakeEngine()


class TwoMinds:
    """Bars are all 40 or all 50, with equal chances, and the same as any other bar that is known."""

    def draw(self, tokens, gaps, kind, *, bars, temperature=1.0, seeds, bias=None, doubtful=False):
        found = []
        for own, unknown, bar, seed in zip(tokens, gaps, bars.tolist(), seeds, strict=True):
            known = [other for other in range(1, len(own)) if other != bar and not unknown[other].any()]
            value = own[known[0], 0] if known else np.random.default_rng(seed).choice([40, 50])
            found.append(np.full(len(own[bar]), value, np.uint8))
        return np.stack(found)


def hole(bars=4, free=(1, 2), bias=None):
    tokens = np.full((bars, 16), 30, np.uint8)
    mask = np.zeros(tokens.shape, np.bool_)
    mask[list(free)] = True
    return Hole(tokens, mask, 0, bias)


def test_draws_are_joint_and_no_chain_knows_of_another():
    drawn = joint_draws(TwoMinds(), hole(3), 5, chains=200, rounds=0)
    assert (drawn[:, 0] == 30).all()
    assert (drawn[:, 1] == drawn[:, 2]).all()
    assert abs(Counter(drawn[:, 1, 0].tolist())[40] - 100) < 5 * np.sqrt(50)


def test_bars_are_drawn_anew_given_all_others():
    reader = FakeReader()
    joint_draws(reader, hole(), 0, chains=3, rounds=2)
    missing = [gaps.any(axis=2).sum(axis=1).tolist() for gaps, _ in reader.asked]
    assert missing == [[2, 2, 2], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]


def test_the_answer_has_of_each_beat_what_most_draws_have():
    beats = np.array([[[40] * 4 + [1, 0, 0, 0] + [60] * 4], [[40] * 4 + [2, 0, 0, 0] + [61] * 4], [[41] * 4 + [2, 0, 0, 0] + [61] * 4]])
    answer = expected_right(beats.astype(np.uint8), np.ones((1, 12), np.bool_))
    assert answer[0].tolist() == [40] * 4 + [2, 0, 0, 0] + [61] * 4
    kept = expected_right(beats.astype(np.uint8), np.zeros((1, 12), np.bool_))
    assert (kept == beats[0]).all()


def test_likely_notes_win_over_a_little_likelier_holds():
    """Of ten draws four begin one note here and two another; four hold: .4 + .4 * .6 against .4."""
    draws = np.zeros((10, 1, 12), np.uint8)
    draws[:4, 0, 4], draws[4:6, 0, 4] = 40, 41
    assert expected_right(draws, np.ones((1, 12), np.bool_))[0, 4] == 40


def test_only_free_steps_change_and_the_same_seed_gives_the_same():
    tokens = np.random.default_rng(0).choice([0, 0, 40, 45], (6, 16)).astype(np.uint8)
    free = np.zeros((6, 16), np.bool_)
    free[2, 4:] = free[3] = True
    asked = Hole(tokens, free, 0)
    for temperature in (0.0, 1.0):
        filled = redrawn(FakeReader(), asked, 3, temperature=temperature)
        assert (filled[~free] == asked.put(tokens[None])[0][~free]).all()
        assert (filled == fill(ENGINE, asked, Search(temperature=temperature, reader=FakeReader()), 3)).all()
    assert (redrawn(FakeReader(), asked, 3, temperature=1.0) != redrawn(FakeReader(), asked, 4, temperature=1.0)).any()
    reader = FakeReader()
    redrawn(reader, asked, 3, temperature=0.5)
    assert {(len(gaps), heat) for gaps, heat in reader.asked} == {(1, 0.5)}


def test_where_only_notes_may_start_only_their_pitch_is_unknown():
    bias = np.zeros((4, 16, 90))
    bias[1, 3, :2] = -1e9
    gaps = hole(bias=bias).gaps
    assert gaps[1, 3] == PITCH
    assert (np.delete(gaps[1], 3) == ANY).all()
    assert (gaps[[0, 3]] == 0).all()


@pytest.mark.parametrize("rhythm", [False, True])
def test_repair_asks_the_reader_and_leaves_the_rest_note_for_note(rhythm):
    melody = Melody.joined([tune(3, 4)] * 3)
    masked = steps_of("6-7", melody.meter, melody.num_bars)
    reader = FakeReader()
    found = repair(ENGINE, melody, Repair(masked, np.zeros_like(masked), Search(reader=reader), keep_rhythm=rhythm), seed=1)
    assert reader.asked
    assert [n for n in found.notes if not masked[n.onset_steps]] == [n for n in melody.notes if not masked[n.onset_steps]]
    onsets = [[n.onset_steps for n in music.notes] for music in (found, melody)]
    assert (onsets[0] == onsets[1]) == rhythm
    assert found.notes != melody.notes


def test_a_wrong_note_is_found_by_what_other_bars_have():
    melody = Melody.joined([tune(3, 1)] * 6)
    tokens = np.repeat(np.array([[40, 0, 0, 0, 42, 0, 0, 0, 44, 0, 0, 0, 40, 0, 0, 0]], np.uint8), 6, axis=0)
    tokens[2, 4] = 45
    scores = pitches_read(FakeReader(), tokens, 0, np.array([0, 36]))
    assert scores.argmax(axis=1).tolist() == [6, 3]  # as it is, three semitones down
    both = Judges(reader=FakeReader()).substituted(tokens, 0, np.array([0, 36]))
    np.testing.assert_array_equal(both, scores)
    notes = list(melody.notes)
    width = len(notes) // 6
    notes[2 * width + 1] = replace(notes[2 * width + 1], pitch=notes[2 * width + 1].pitch + 2)
    wrong = replace(melody, notes=tuple(notes))
    found = corrections(ENGINE, wrong, reader=FakeReader())
    assert [item.index for item in found] == [2 * width + 1]
    assert mended(wrong, found).notes == melody.notes


def test_what_is_no_correction_is_refused():
    melody = tune(3, 4)
    with pytest.raises(ValueError, match="1 is no correction: give some of those that propose_repairs returns"):
        mended(melody, [1])
    wrong = Melody.joined([tune(3, 1)] * 6)
    with pytest.raises(ValueError, match="no note that the correction of note 100 is for: was it proposed for another one"):
        mended(wrong, [Correction(99, 0, 60, 61, 1.0)])
