import numpy as np
import pytest

from musicvae.music.chords import Chord
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.multitrack import extract_performances, performed_tracks
from musicvae.music.performance import END, empty_bars, parts_of_bar
from musicvae.music.score import ChordChange, KeyChange, MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track

TPB = 480
BAR = 4 * TPB


def track(notes, *, program=0, is_drum=False, name=""):
    """notes: (onset in ticks, pitch[, duration in ticks])."""
    table = NoteTable.of([ScoreNote(onset, pitch, (*rest, 240)[0], 80) for onset, pitch, *rest in notes])
    return Track(table, name, program, is_drum)


def beat(bars, pitch, **fields):
    """Four quarters in each of these bars."""
    return track([(bar * BAR + quarter * TPB, pitch) for bar in bars for quarter in range(4)], **fields)


def scored(*tracks, meters=((0, 4, 4),), **fields):
    return Score(TPB, tracks, meters=tuple(MeterChange(tick, Meter(n, d)) for tick, n, d in meters), **fields)


def programs(line):
    """The tokens that begin the rows of each bar, as far as somebody plays."""
    return [[int(row[0]) for row in bar if row[0] != END] for bar in line.bars]


def test_rows_are_sorted_by_program_with_drums_last():
    score = scored(beat([0], 38, is_drum=True), beat([0], 60, program=40), beat([0], 40, program=33), beat([0], 70, program=40))
    (line,) = extract_performances(score).lines
    assert programs(line) == [[393, 400, 400, 488]]
    found = parts_of_bar(line.bars[0])
    assert [int(p.pitch[0]) for p in found] == [40, 60, 70, 38]
    assert [p.onset_steps.tolist() for p in found] == [[0, 24, 48, 72]] * 4
    assert (line.start_bar, line.num_bars, line.start_ticks, line.tempo_qpm) == (1, 1, 0, 120)


def test_bars_that_cannot_be_learnt_from_end_a_run_and_are_counted():
    crowd = [beat([4], 60 + i, program=i) for i in range(7)]
    fast = track([(5 * BAR + i * 60, 60 + i % 7, 60) for i in range(32)], program=1)
    sparse = track([(6 * BAR, 50)], program=3)
    score = scored(beat([0, 2, 3, 4, 5, 7], 48, program=20), beat([0, 1, 2, 3, 4, 5, 7], 40, program=33), *crowd, fast, sparse)
    found = extract_performances(score)
    assert [(line.start_bar, len(line.bars)) for line in found.lines] == [(1, 1), (3, 2), (8, 1)]
    assert found.losses == {
        "bars of fewer than 2 instruments": 2, "bars of more than 8 instruments": 1, "bars of more than 62 events in one instrument": 1,
    }  # fmt: skip
    assert [line.start_ticks for line in found.lines] == [0, 2 * BAR, 7 * BAR]


def test_whole_keeps_every_bar_and_says_what_is_left_out():
    crowd = [beat([1], 60 + i, program=i) for i in range(8)]
    louder = track([(BAR + i * 240, 50, 120) for i in range(8)], program=100)
    fast = track([(3 * BAR + i * 60, 60 + i % 7, 60) for i in range(32)], program=101)
    found = extract_performances(scored(*crowd, louder, fast), whole=True)
    (line,) = found.lines
    assert programs(line) == [[], [360, 361, 362, 363, 364, 365, 366, 460], [], [461]]
    assert line.bars[3, 0, 62] != END
    assert line.bars[3, 0, 63] == END
    assert found.losses["instruments beyond 8 in a bar"] == 1
    assert found.losses["events beyond 62 of an instrument in a bar"] == 32 * 3 + 1 - 62


def test_times_go_to_the_nearest_24th_and_notes_end_with_their_bar():
    first = track([(9, 60, 1), (11, 61, 100), (BAR - 100, 62, 500), (BAR - 9, 63, 40)])
    score = scored(first, beat([0, 1], 40, program=33), beat([0, 1], 41, program=34))
    (line,) = extract_performances(score).lines
    piano = parts_of_bar(line.bars[0])[0]
    # 20 ticks are a step: halves go up, a note lasts at least one.
    assert list(zip(piano.onset_steps.tolist(), piano.pitch.tolist(), piano.duration_steps.tolist(), strict=True)) == [
        (0, 60, 1), (1, 61, 5), (91, 62, 5),
    ]  # fmt: skip
    assert parts_of_bar(line.bars[1])[0].pitch.tolist() == [63]
    assert extract_performances(scored(track([(0, 60, 0)]), *score.tracks)).losses["zero-length notes"] == 1


def test_bars_of_two_four_are_taken_in_pairs_and_other_meters_left_out():
    pair = [beat(range(2), 60), beat(range(2), 40, program=33)]
    (line,) = extract_performances(scored(*pair, meters=((0, 2, 4),))).lines
    assert (len(line.bars), line.num_bars, str(line.meter)) == (2, 4, "2/4")
    mixed = scored(*pair, meters=((0, 4, 4), (BAR, 3, 4)))
    found = extract_performances(mixed)
    assert [line.num_bars for line in found.lines] == [1]
    assert found.losses["bars in 3/4, not 4/4"] == 2
    with pytest.raises(ValueError, match=r"no bar of several instruments in 4/4 \(3 bars in 3/4, not 4/4\)"):
        extract_performances(scored(*pair, meters=((0, 3, 4),)))
    with pytest.raises(ValueError, match="no notes in it"):
        extract_performances(scored())


def test_key_and_tempo_are_those_of_the_place():
    score = scored(
        beat([0, 2], 60), beat([0, 2], 40, program=33), keys=(KeyChange(0, Key(7)),), tempi=(TempoChange(0, 90), TempoChange(2 * BAR, 100)),
        chords=(ChordChange(0, Chord(0)),),
    )  # fmt: skip
    assert [(line.key, line.tempo_qpm) for line in extract_performances(score).lines] == [(Key(7), 90), (Key(7), 100)]


def test_tracks_go_on_from_bar_to_bar():
    score = scored(beat([0, 1], 60, program=5), beat([1], 64, program=5), beat([0], 40, program=33), beat([0, 1], 38, is_drum=True))
    (line,) = extract_performances(score).lines
    tracks = performed_tracks(line.bars)
    assert [(t.name, t.program, t.is_drum, len(t.notes)) for t in tracks] == [
        ("Piano", 5, False, 8), ("Piano 2", 5, False, 4), ("Bass", 33, False, 4), ("Drums", 0, True, 8),
    ]  # fmt: skip
    assert [n.onset_ticks for n in tracks[2].notes] == [0, 480, 960, 1440]
    assert [n.duration_ticks for n in tracks[0].notes] == [240] * 8
    again = extract_performances(Score(TPB, tracks, meters=(MeterChange(0, Meter(4, 4)),)))
    np.testing.assert_array_equal(again.lines[0].bars, line.bars)
    assert performed_tracks(empty_bars(2)) == ()


def test_programs_of_one_family_have_names_of_their_own():
    bars = empty_bars(1)
    for row, program in enumerate((0, 1, 0, 4)):
        bars[0, row, :5] = [360 + program, 60, 256 + 11, 128 + 60, 489]
    tracks = performed_tracks(bars)
    assert [(t.name, t.program) for t in tracks] == [("Piano", 0), ("Piano 2", 0), ("Piano 3", 1), ("Piano 4", 4)]
