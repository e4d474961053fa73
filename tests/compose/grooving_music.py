"""Files with beats to play."""

import numpy as np
from hypothesis import strategies as st

from musicvae.music.meter import Meter
from musicvae.music.score import MeterChange, NoteTable, Score, TempoChange, Track

TICKS = 480
STEP = TICKS // 4
KICK, SNARE, HAT, OPEN = 36, 38, 42, 46


def table(rows):
    """Notes of (onset ticks, pitch, length ticks, velocity)."""
    return NoteTable(*np.array(rows, np.int64).reshape(-1, 4).T)


def stiff(bars=2, *, meter="4/4", ticks=TICKS, tempi=(120.0,), bass=True, skip_first=False, **fields):
    """A rock beat on the grid, all equally loud, and a bass line of fifths; tempi: one a bar, as long as they last."""
    step = ticks // 4
    width = Meter.parse(meter).steps_per_bar
    rows, notes = [], []
    for at in range(int(skip_first), bars * width):
        place = at % 16
        rows += [(at * step, HAT, step // 2, 100)] if place % 2 == 0 else []
        rows += [(at * step, KICK, step, 100)] if place in (0, 8, 10) else []
        rows += [(at * step, SNARE, step, 100)] if place in (4, 12) else []
        notes += [(at * step, 36 + 7 * (place % 8 == 4), 4 * step, 90)] if place % 4 == 0 else []
    tracks = [Track(table(rows), "Kit", is_drum=True)]
    if bass:
        tracks.insert(0, Track(table(notes), "Fretless Bass", 35))
    changes = tuple(TempoChange(bar * width * step, qpm) for bar, qpm in enumerate(tempi))
    return Score(ticks, tuple(tracks), changes, (MeterChange(0, Meter.parse(meter)),), **fields)


@st.composite
def beats(draw):
    """Drums of any looseness, with doubled hits and overlaps, and a pitched track; tempo changes inside."""
    bars = draw(st.integers(1, 7))
    count = draw(st.integers(1, 40))
    pitches = draw(st.lists(st.sampled_from((36, 35, 38, 40, 42, 44, 46, 49, 51, 3)), min_size=count, max_size=count))
    pitches[0] = 36  # so that one is known
    onsets = draw(st.lists(st.integers(0, bars * 1920 - 121), min_size=count, max_size=count))
    if draw(st.booleans()):
        onsets = [onset // STEP * STEP for onset in onsets]
    rows = {}
    for onset, pitch in zip(onsets, pitches, strict=True):
        rows.setdefault((onset, pitch), (onset, pitch, draw(st.integers(1, 300)), draw(st.integers(1, 127))))
    drums = Track(table(list(rows.values())), "Drums", is_drum=True)
    line = Track(table([(onset, 50 + i % 12, 100, 80) for i, onset in enumerate(sorted(set(onsets)))]), "Lead", 80)
    tempi = tuple(TempoChange(960 * i, qpm) for i, qpm in enumerate(draw(st.lists(st.floats(40, 240), max_size=4))))
    return Score(TICKS, (drums, line), tempi, (MeterChange(0, Meter(4, 4)),))


def rows_of(score, number):
    """(onset, pitch, length, velocity) of a track, from 1, in order."""
    return [(n.onset_ticks, n.pitch, n.duration_ticks, n.velocity) for n in score.tracks[number - 1].notes]


def drums_of(score):
    """The same of all drums, whatever tracks a file spreads overlapping hits over, and of all else."""
    rows = [[row for i, t in enumerate(score.tracks, 1) if t.is_drum == drum for row in rows_of(score, i)] for drum in (True, False)]
    return sorted(rows[0]), sorted(rows[1])
