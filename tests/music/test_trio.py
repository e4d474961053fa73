from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.drum_maps import drum_map
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track
from musicvae.music.trio import covered_runs, extract_trios, grid_notes, lowest_line
from tests.strategies import METERS

TPB = 480


def part(pitch, bars, program=0, *, name="", beats_per_bar=4, drum=False):
    """Quarter notes of one pitch in these bars (from 0)."""
    notes = [ScoreNote((bar * beats_per_bar + b) * TPB, pitch, TPB, 80) for bar in bars for b in range(beats_per_bar)]
    return Track(tuple(notes), name, program, drum)


def band(melody, bass, drums, *others, meters=((0, 4, 4),), **fields):
    tracks = (part(72, melody), part(40, bass, 33), part(36, drums, drum=True), *others)
    return Score(TPB, tracks, meters=tuple(MeterChange(t, Meter(n, d)) for t, n, d in meters), **fields)


def spans(found):
    """(first written bar, bars) of every line."""
    return [(line.start_bar, len(line.hits)) for line in found.lines]


def covered_by_hand(parts, gap):
    """The rule said bar by bar."""
    bars = len(parts[0])
    wide = [[any(p[max(0, b - gap) : b + gap + 1]) for b in range(bars)] for p in parts]
    together = [
        (any if b < gap or b >= bars - gap else all)([w[b] for w in wide])
        for b in range(bars)
    ]  # fmt: skip
    runs, start = [], None
    for b, flag in enumerate([*together, False]):
        if flag and start is None:
            start = b
        if not flag and start is not None:
            runs.append((start, b))
            start = None
    return runs


@given(
    st.integers(0, 30).flatmap(lambda bars: st.lists(st.lists(st.booleans(), min_size=bars, max_size=bars), min_size=3, max_size=3)),
    st.integers(0, 3),
)
def test_coverage_is_the_rule_said_bar_by_bar(parts, gap):
    assert covered_runs(np.array(parts, bool).reshape(3, -1), gap) == covered_by_hand(parts, gap)


def test_four_silent_bars_of_a_part_are_bridged_and_five_are_not():
    four = extract_trios(band([*range(8), *range(12, 20)], range(20), range(20)))
    five = extract_trios(band([*range(8), *range(13, 20)], range(20), range(20)))
    assert spans(four) == [(1, 20)]
    assert spans(five) == [(1, 10), (12, 9)]
    assert five.losses == {"bars that melody, bass and drums do not all cover": 1}


def test_at_the_ends_of_a_piece_one_part_is_enough_but_all_must_come_in():
    assert spans(extract_trios(band(range(3, 20), range(3, 20), range(20)))) == [(1, 20)]
    assert spans(extract_trios(band(range(8, 20), range(8, 20), range(20)))) == [(7, 14)]


@st.composite
def trios(draw):
    """A meter and columns (onset, pitch, duration) of a melody and a bass with a note in every model bar, and hits there."""
    meter = draw(st.sampled_from(METERS))
    bars = draw(st.integers(2, 5))
    width = meter.steps_per_model_bar
    parts = []
    for low, high in ((60, 84), (28, 55)):
        onsets = sorted({b * width for b in range(bars)} | draw(st.sets(st.integers(0, bars * width - 1), max_size=20)))
        limits = [*onsets[1:], bars * width]
        parts.append([(o, draw(st.integers(low, high)), draw(st.integers(1, end - o))) for o, end in zip(onsets, limits, strict=True)])
    hits = sorted(
        {(b * width, 0) for b in range(bars)} | draw(st.sets(st.tuples(st.integers(0, bars * width - 1), st.integers(0, 8)), max_size=20))
    )
    return meter, bars, parts, hits


@given(trios())
def test_a_trio_survives_being_written_and_read(trio):
    meter, bars, parts, hits = trio
    tracks = [
        Track(NoteTable.of([ScoreNote(o * 120, p, d * 120, 80) for o, p, d in notes]), program=program)
        for notes, program in zip(parts, (4, 36), strict=True)
    ]
    nine = drum_map("nine")
    tracks.append(Track(NoteTable.of([ScoreNote(s * 120, nine.classes[c][0], 60, 90) for s, c in hits]), is_drum=True))
    (line,) = extract_trios(
        Score(TPB, tuple(tracks), meters=(MeterChange(0, meter),), length_ticks=bars * meter.steps_per_model_bar * 120)
    ).lines
    for found, notes in zip((line.melody, line.bass), parts, strict=True):
        assert list(zip(found.onset_steps.tolist(), found.pitch.tolist(), found.duration_steps.tolist(), strict=True)) == notes
    width = meter.steps_per_model_bar
    assert [(s, c) for s in range(bars * width) for c in range(9) if int(line.hits[s // width, s % width]) >> c & 1] == hits
    assert (line.num_bars, len(line.hits)) == (bars * meter.written_per_model_bar, bars)
    (again,) = extract_trios(line.to_score()).lines
    np.testing.assert_array_equal(again.melody.tokens(), line.melody.tokens())
    np.testing.assert_array_equal(again.bass.tokens(), line.bass.tokens())
    np.testing.assert_array_equal(again.hits, line.hits)


def test_bars_go_to_the_best_tracks_and_those_left_to_the_next():
    lead = part(74, range(20, 40), 29, name="Lead")
    riff = part(55, range(50), 30)
    found = extract_trios(
        Score(TPB, (riff, lead, part(40, range(50), 34), part(36, range(50), drum=True)), meters=(MeterChange(0, Meter(4, 4)),))
    )
    assert [(line.start_bar, len(line.hits), line.melody_track) for line in found.lines] == [(1, 18, 1), (19, 24, 2), (43, 8, 1)]
    assert [(line.melody.program, line.melody.name) for line in found.lines] == [(30, ""), (29, "Lead"), (30, "")]
    assert found.why.endswith("tracks 1 and 3 in 26 bars, tracks 2 and 3 in 24 bars")


def test_the_melody_is_the_top_and_the_bass_the_bottom_of_chords():
    chord = tuple(ScoreNote(b * TPB, p, TPB, 80) for b in range(16) for p in (60, 64, 67))
    tracks = (
        Track(chord, "keys", 0),
        Track(tuple(ScoreNote(n.onset_ticks, n.pitch - 24, n.duration_ticks, 80) for n in chord), "bass", 32),
    )
    found = extract_trios(Score(TPB, (*tracks, part(36, range(4), drum=True)), meters=(MeterChange(0, Meter(4, 4)),)))
    (line,) = found.lines
    assert (set(line.melody.pitch.tolist()), set(line.bass.pitch.tolist())) == ({67}, {36})
    assert found.losses == {"notes in a second voice": 64}


def test_the_lowest_line_is_the_highest_in_the_mirror():
    onset, pitch, length = np.array([0, 0, 100, 480]), np.array([40, 52, 60, 43]), np.array([480, 480, 200, 480])
    low = lowest_line((onset, pitch, length, np.full(4, 80)), TPB, Counter())
    assert [column.tolist() for column in low[:3]] == [[0, 480], [40, 43], [480, 480]]


def test_tempo_key_and_place_are_those_of_the_line():
    tempi = (TempoChange(0, 100.0), TempoChange(12 * 4 * TPB, 140.0))
    score = band([*range(6), *range(12, 20)], range(20), range(20), tempi=tempi, keys=(KeyChange(0, Key(2)),))
    first, second = extract_trios(score).lines
    assert (first.start_ticks, first.melody.tempo_qpm, first.bass.tempo_qpm) == (0, 100.0, 100.0)
    assert (second.start_bar, second.start_ticks, second.melody.tempo_qpm) == (11, 10 * 4 * TPB, 100.0)
    assert {str(line.melody.key) for line in (first, second)} == {"D major"}
    assert second.bass.start_bar == 11


def test_changes_of_meter_split_and_pickups_and_broken_bars_are_left_out():
    score = band(range(16), range(16), range(16), meters=((0, 1, 4), (TPB, 4, 4), (TPB * 34, 3, 4)))
    found = extract_trios(score)
    assert [(str(line.meter), line.start_bar, line.num_bars) for line in found.lines] == [("4/4", 2, 8), ("3/4", 11, 10)]
    assert found.losses["bars in pickups or cut short"] == 2


def test_without_a_common_bar_it_is_said_who_was_tried():
    with pytest.raises(
        ValueError, match=r"no bar in a meter with a grid that melody, bass and drums all cover \(melody: track 1 '', the only one"
    ):
        extract_trios(band(range(4), range(20, 24), range(40, 44)))


def test_notes_of_a_line_are_given_in_ticks():
    (line,) = extract_trios(band(range(4), range(4), range(4))).lines
    assert grid_notes(line.bass) == part(40, range(4), 33).notes


def test_after_a_pickup_bars_of_two_beats_are_paired_from_the_first_whole_one():
    beats = np.arange(17) * TPB  # a pickup of one beat and eight bars
    melody = tuple(ScoreNote(int(t), 60 + i, TPB, 80) for i, t in enumerate(beats))
    tracks = (
        Track(melody, "", 0),
        Track(tuple(ScoreNote(int(t), 40, TPB, 80) for t in beats), "", 33),
        Track(tuple(ScoreNote(int(t), 36, TPB, 80) for t in beats), is_drum=True),
    )
    (line,) = extract_trios(Score(TPB, tracks, meters=(MeterChange(0, Meter(1, 4)), MeterChange(TPB, Meter(2, 4))))).lines
    assert (line.start_bar, line.num_bars, len(line.hits), line.start_ticks) == (2, 8, 4, TPB)
    assert line.melody.pitch.tolist() == list(range(61, 77))
    assert line.melody.onset_steps.tolist() == list(range(0, 64, 4))


def test_the_key_is_the_stated_one_that_holds_longest():
    keys = (KeyChange(0, Key(0)), KeyChange(4 * TPB, Key(2)))  # files often begin with a C major that means nothing
    (line,) = extract_trios(band(range(8), range(8), range(8), keys=keys)).lines
    assert line.melody.key == line.bass.key == Key(2)
