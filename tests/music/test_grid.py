"""Lines of arrays against the plainest way to say the same, note by note."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import melodies

from musicvae.music.extract import extract_grid, extract_melody
from musicvae.music.grid import GridLine, skyline
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.score import MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track
from musicvae.music.segments import segments, tempo_at
from musicvae.music.vocabulary import to_tokens

TPB = 96


def line_of(melody, **fields):
    columns = np.array([(n.pitch, n.onset_steps, n.duration_steps, n.velocity) for n in melody.notes], np.int64).reshape(-1, 4).T
    return GridLine(*columns, melody.meter, melody.num_bars, 1, melody.tempo_qpm, melody.key or Key(0), **fields)


@given(melodies(), st.integers(0, 6), st.integers(1, 6))
def test_cutting_tokens_and_notes_are_those_of_the_melody(melody, first, bars):
    line = line_of(melody, has_pickup=True)
    assert line.melody().notes == melody.notes
    assert np.array_equal(line.tokens(), to_tokens(melody))
    part, expected = line.cut(first, bars), melody.cut(first, bars)
    assert (part.melody().notes, part.num_bars, part.start_bar) == (expected.notes, bars, 1 + first)
    assert part.has_pickup == (first == 0)


def test_whole_bars_leave_out_what_was_filled_up():
    line = extract_grid(score_of([(60, 0, 1), (62, 1, 4), (64, 5, 4), (65, 9, 1)], [(1, 4), (10, 3)])).lines[0]
    assert (line.num_bars, line.has_pickup, line.has_partial_end, line.start_bar) == (4, True, True, 1)
    whole = line.whole_bars()
    assert (whole.num_bars, whole.has_pickup, whole.has_partial_end, whole.start_bar) == (2, False, False, 2)
    assert whole.onset_steps.tolist() == [0, 16]
    with pytest.raises(ValueError, match="cannot be cut: a part has at least 1 bar"):
        line.cut(0, 0)
    assert line_of(line.melody().cut(0, 1), has_pickup=True).whole_bars() is None


def score_of(notes, meters=((0, 4),), **fields):
    """Notes are (pitch, onset, duration) in beats; meters (beat, quarters)."""
    track = Track(NoteTable.of([ScoreNote(round(o * TPB), p, round(d * TPB), 80) for p, o, d in notes]))
    return Score(TPB, (track,), meters=tuple(MeterChange(round(t * TPB), Meter(n, 4)) for t, n in meters), **fields)


NOTES = st.lists(
    st.tuples(st.integers(0, 200), st.integers(48, 72), st.integers(1, 60), st.integers(1, 127)).map(lambda n: ScoreNote(*n)), max_size=30
)


def one_voice(notes, ticks_per_beat):
    """The rule of `skyline`, with a list of [onset, pitch, end, velocity]."""
    line = []
    for note in sorted(notes):
        if line and note.onset_ticks - line[-1][0] < max(1, ticks_per_beat // 32):
            if note.pitch > line[-1][1]:
                line[-1] = [line[-1][0], note.pitch, line[-1][0] + note.duration_ticks, note.velocity]
            continue
        under = line[-1][2] - note.onset_ticks if line else 0
        if under > 0:
            if note.pitch < line[-1][1] and 2 * under >= note.duration_ticks:
                continue
            line[-1][2] = note.onset_ticks
        line.append([note.onset_ticks, note.pitch, note.onset_ticks + note.duration_ticks, note.velocity])
    return line


@given(NOTES, st.sampled_from((1, 24, 96, 480)))
def test_one_voice_is_left(notes, ticks_per_beat):
    table = NoteTable.of(notes)
    losses = Counter()
    columns = (table.onset_ticks, table.pitch, table.duration_ticks, table.velocity)
    onset, pitch, duration, velocity = skyline(columns, ticks_per_beat, losses)
    found = [list(row) for row in zip(onset.tolist(), pitch.tolist(), (onset + duration).tolist(), velocity.tolist(), strict=True)]
    assert found == one_voice(notes, ticks_per_beat)
    assert losses["notes in a second voice"] == len(notes) - len(found)


@given(NOTES.filter(bool), st.integers(0, 300))
def test_arrays_and_melodies_are_taken_alike(notes, first_bar_line):
    score = Score(TPB, (Track(tuple(sorted(notes))),), meters=(MeterChange(first_bar_line, Meter(3, 4)),))
    grid, melody = extract_grid(score), extract_melody(score)
    assert [(line.melody(), line.start_bar, line.has_pickup) for line in grid.lines] == [
        (line.melody, line.start_bar, line.has_pickup) for line in melody.lines
    ]
    assert (grid.losses, grid.track, grid.why) == (melody.losses, melody.track, melody.why)
    table = NoteTable.of(notes)
    columns = Track(NoteTable(table.onset_ticks, table.pitch, table.duration_ticks, table.velocity))
    assert extract_melody(Score(TPB, (columns,), meters=score.meters)) == melody


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(("4/4", "3/4", "6/8", "2/4", "5/4", "1/4"))), max_size=5), st.integers(0, 3000)
)
def test_segments_follow_each_other_and_take_every_onset_once(changes, end):
    meters = tuple(MeterChange(tick, Meter.parse(meter)) for tick, meter in sorted(dict(changes).items()))
    first = 0
    found = segments(Score(TPB, (), meters=meters), end, first)
    assert (found[0].low_ticks, found[-1].high_ticks) == (-np.inf, np.inf)
    assert found[0].start_bar == 1
    for before, after in zip(found, found[1:], strict=False):
        assert before.end == after.start
        assert before.high_ticks == after.low_ticks
        assert after.start_bar == before.start_bar + before.num_bars
    for segment in found:
        bar = segment.meter.beats_per_bar * TPB
        assert (segment.num_bars - 1) * bar <= max(1, segment.end - segment.start) <= segment.num_bars * bar + TPB / 8
    assert found[0].start <= first or (len(meters) > 1 and not found[0].has_pickup)


def test_the_first_onset_of_the_score_decides_about_a_pickup():
    score = score_of([(60, 0, 1), (62, 1, 4)], [(1, 4)])
    assert [s.has_pickup for s in segments(score, score.end_ticks)] == [True]
    assert [s.has_pickup for s in segments(score, score.end_ticks, TPB)] == [False]


def test_the_tempo_that_holds():
    score = Score(TPB, (), tempi=(TempoChange(0, 90), TempoChange(100, 0), TempoChange(200, 60)))
    assert [tempo_at(score, tick) for tick in (-50, 0, 150, 200)] == [90, 90, 90, 60]
    assert tempo_at(Score(TPB, ()), 0) == 120
