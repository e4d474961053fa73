import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.score import NoteTable, ScoreNote
from musicvae.music.timing import SWING_LOST, TRIPLETS_LOST, grid_losses, measure_timing

TPB = 480


def table(*beats):
    """Notes at these beats."""
    return NoteTable.of([ScoreNote(round(b * TPB), 60, 60, 80) for b in beats])


def repeated(*places, beats=16):
    """Notes at these places of every beat."""
    return table(*(b + p for b in range(beats) for p in places))


@given(st.sets(st.integers(0, 400), min_size=1))
def test_what_lies_on_the_grid_loses_nothing(steps):
    timing = measure_timing(table(*(s / 4 for s in steps)), TPB)
    assert (timing.num_onsets, timing.off_grid, timing.median_distance, timing.num_triplet_onsets) == (len(steps), 0.0, 0.0, 0)
    assert grid_losses(timing) == {}


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=60))
def test_shares_agree_with_counting_one_by_one(ticks):
    timing = measure_timing(NoteTable.of([ScoreNote(t, 60, 1, 80) for t in ticks]), TPB)
    distances = sorted(min(t % 120, -t % 120) / 120 for t in set(ticks))
    assert timing.num_onsets == len(distances)
    assert timing.off_grid == pytest.approx(sum(d > 1 / 8 for d in distances) / len(distances))
    assert timing.median_distance == pytest.approx(distances[len(distances) // 2])


def test_triplets_are_told_from_swing_and_thirty_seconds():
    triplets = measure_timing(repeated(0, 1 / 3, 2 / 3), TPB)
    assert triplets.num_triplet_onsets == 32
    assert triplets.triplets == pytest.approx(2 / 3)
    assert grid_losses(triplets) == {TRIPLETS_LOST: 32}
    assert measure_timing(repeated(0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6), TPB).num_triplet_onsets == 64
    assert measure_timing(repeated(0, 2 / 3), TPB).num_triplet_onsets == 0
    assert measure_timing(repeated(0, 1 / 8, 1 / 4, 3 / 8), TPB).num_triplet_onsets == 0


@pytest.mark.parametrize(("place", "ratio", "swung"), [(1 / 2, 1, False), (0.6, 1.5, True), (2 / 3, 2, True), (3 / 4, 3, False)])
def test_the_swing_ratio_is_that_of_the_two_eighths(place, ratio, swung):
    timing = measure_timing(repeated(0, place), TPB)
    assert timing.swing == pytest.approx(ratio)
    assert timing.is_swung is swung
    assert grid_losses(timing) == ({SWING_LOST: timing.num_pairs} if swung else {})
    assert timing.num_pairs == 15  # the last beat has no next one to measure by


def test_few_beats_say_nothing_of_swing():
    timing = measure_timing(repeated(0, 2 / 3, beats=6), TPB)
    assert timing.num_pairs == 5
    assert timing.swing is None
    assert not timing.is_swung


def test_beats_are_counted_from_the_bar_line():
    late = NoteTable.of([ScoreNote(n.onset_ticks + 100, 60, 60, 80) for n in repeated(0, 1 / 3, 2 / 3)])
    assert measure_timing(late, TPB, start_ticks=100) == measure_timing(repeated(0, 1 / 3, 2 / 3), TPB)
    assert measure_timing(late, TPB).off_grid == 1.0


def test_it_is_told_in_words():
    assert (
        str(measure_timing(repeated(0, 2 / 3), TPB))
        == "50% of 32 onsets off the sixteenth grid (median 0.33 of a sixteenth), eighths swung 2.0 to 1"
    )
    assert str(measure_timing(repeated(0, 1 / 3, 2 / 3), TPB)).endswith(", 67% in triplets")
    assert str(measure_timing(NoteTable.of([]), TPB)) == "no notes"


def test_notes_that_begin_together_count_once_and_a_beat_needs_ticks():
    assert measure_timing(NoteTable.of([ScoreNote(0, p, 60, 80) for p in (60, 64, 67)]), TPB).num_onsets == 1
    with pytest.raises(ValueError, match="a beat has at least 1 tick, got 0"):
        measure_timing(table(0), 0)
