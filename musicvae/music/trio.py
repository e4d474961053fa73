"""Trios: a melody, a bass and drums that play at the same time.

Conventions: bars are model bars unless said otherwise, steps are sixteenths. Which tracks take part is told by
`music.trio_choice`; which bars, by MusicVAE's rule of coverage (`covered_runs`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drum_maps import DRUM_MAPS, DrumMap
from musicvae.music.drums import drum_notes, hit_steps, hits_from_notes, hits_to_notes, supported_segments
from musicvae.music.grid import MOVED, OFF_GRID_STEPS, Columns, GridLine, on_grid, sane_notes, skyline
from musicvae.music.key import Key, estimate_key
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.score import MeterChange, NoteTable, Score, TempoChange, Track
from musicvae.music.segments import Segment, after_pickup, stated_key, tempo_at
from musicvae.music.trio_choice import TrioChoice, choose_trio

__all__ = ["GAP_BARS", "LONG_BARS", "TrioExtraction", "TrioLine", "covered_runs", "extract_trios", "grid_notes", "lowest_line"]

GAP_BARS = 2
"""Silent bars beside a part's notes that still count as covered."""
LONG_BARS = 16
"""Runs of so many bars are looked for first."""
_SHORT_BARS = 2
_MOST_PAIRS = 32
_MELODY_PROGRAM, _BASS_PROGRAM = 0, 33
Hits = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class TrioLine:
    """Bars of one meter that all three parts cover.

    melody, bass: lines of the same bars, in the same key, with the program and name of their track. hits: (B, 16) uint64
    as in `music.drums`. start_ticks: where the first bar begins in the file. melody_track, bass_track: from 1.
    """

    melody: GridLine
    bass: GridLine
    hits: Hits
    start_ticks: int
    melody_track: int
    bass_track: int

    @property
    def meter(self) -> Meter:
        """The meter as written."""
        return self.melody.meter

    @property
    def num_bars(self) -> int:
        """Written bars."""
        return self.melody.num_bars

    @property
    def start_bar(self) -> int:
        """Written bar of the file, from 1."""
        return self.melody.start_bar

    def to_score(self, drums: DrumMap = DRUM_MAPS["nine"], *, ticks_per_beat: int = 480) -> Score:
        """The line as a score of three tracks, beginning at tick 0."""
        tracks = (
            Track(grid_notes(self.melody, ticks_per_beat), "Melody", _MELODY_PROGRAM),
            Track(grid_notes(self.bass, ticks_per_beat), "Bass", _BASS_PROGRAM),
            Track(hits_to_notes(self.hits, drums, self.meter, ticks_per_beat=ticks_per_beat), "Drums", is_drum=True),
        )
        length = round(self.num_bars * self.meter.beats_per_bar * ticks_per_beat)
        tempi = (TempoChange(0, self.melody.tempo_qpm),)
        return Score(ticks_per_beat, tracks, tempi, (MeterChange(0, self.meter),), length_ticks=length)


@dataclass(frozen=True)
class TrioExtraction:
    """Lines in the order of the file, the candidates for their tracks, which were taken and why, and what was lost."""

    lines: tuple[TrioLine, ...]
    choice: TrioChoice
    why: str
    losses: Mapping[str, int] = field(default_factory=dict)


def extract_trios(score: Score, drums: DrumMap = DRUM_MAPS["nine"], *, gap_bars: int = GAP_BARS) -> TrioExtraction:
    """Take melody, bass and drums out of a score: a line for each longest run of bars that all three cover.

    The best melody and bass of `choose_trio` come first; bars in which they do not play together go to the next best
    that do, runs of `LONG_BARS` before shorter ones. The melody is the highest, the bass the lowest of the notes
    that sound together; the drums are all drum tracks together. A pickup and bars cut short are left out.
    ValueError where one of the three is missing or there is no bar that all cover.
    """
    choice = choose_trio(score)
    losses: Counter[str] = Counter(score.losses)
    hits, classes = drum_notes(score, choice.drums, drums, losses)
    voices = _Voices(score, choice, hits, classes)
    lines: list[TrioLine] = []
    for segment in supported_segments(score, score.end_ticks, voices.first_ticks, losses):
        lines += _lines(voices, segment, gap_bars, losses)
    if not lines:
        raise ValueError(f"no bar in a meter with a grid that melody, bass and drums all cover ({choice.why})")
    used = sorted({track for line in lines for track in (line.melody_track, line.bass_track)})
    for track in used:
        losses.update(voices.losses[track])
    taken = {*used, *choice.drums}
    losses["notes in other tracks"] += sum(len(t.notes) for i, t in enumerate(score.tracks, 1) if i not in taken)
    return TrioExtraction(tuple(lines), choice, _why(lines, choice), dict(+losses))


def covered_runs(covered: NDArray[np.bool_], gap_bars: int = GAP_BARS) -> list[tuple[int, int]]:
    """Longest runs (first bar, end) of bars that all parts cover; covered: (parts, bars), where each part sounds.

    A part covers a bar if it sounds in it or in one of the `gap_bars` before and after, so that up to twice
    as many silent bars are bridged; within `gap_bars` of either end it is enough that one part does.
    """
    if not covered.shape[1]:
        return []
    wide = covered.copy()
    for shift in range(1, gap_bars + 1):
        wide[:, shift:] |= covered[:, :-shift]
        wide[:, :-shift] |= covered[:, shift:]
    together: NDArray[np.bool_] = np.all(wide, axis=0)
    if gap_bars:
        together[:gap_bars] = wide[:, :gap_bars].any(axis=0)
        together[-gap_bars:] = wide[:, -gap_bars:].any(axis=0)
    return _runs(together)


def lowest_line(columns: Columns, ticks_per_beat: int, losses: Counter[str]) -> Columns:
    """One note at a time, the lowest of those that sound together: `music.grid.skyline` in the mirror."""
    onset, pitch, duration, velocity = columns
    order = np.lexsort((-pitch, onset))
    line = skyline((onset[order], -pitch[order], duration[order], velocity[order]), ticks_per_beat, losses)
    return line[0], -line[1], line[2], line[3]


def grid_notes(line: GridLine, ticks_per_beat: int = 480) -> NoteTable:
    """The notes of a line in ticks from its first bar."""
    step = ticks_per_beat // STEPS_PER_BEAT
    return NoteTable(line.onset_steps * step, line.pitch, line.duration_steps * step, line.velocity)


class _Voices:
    """One voice of each candidate, times in ticks, and the drums; losses: what each track lost on the way."""

    def __init__(self, score: Score, choice: TrioChoice, drums: NoteTable, classes: NDArray[np.int64]) -> None:
        self.score, self.drums, self.classes = score, drums, classes
        self.melodies = [c.track for c in choice.candidates if c.role == "melody"]
        self.basses = [c.track for c in choice.candidates if c.role == "bass"]
        worth = {c.track: c.score for c in choice.candidates}
        pairs = [(m, b) for m in self.melodies for b in self.basses]
        self.pairs = sorted(pairs, key=lambda pair: (-worth[pair[0]] - worth[pair[1]], pair))[:_MOST_PAIRS]
        self.losses: dict[int, Counter[str]] = {track: Counter() for track in worth}
        self.columns = {track: self._voice(track) for track in worth}
        onsets = (drums.onset_ticks, *(columns[0] for columns in self.columns.values()))
        self.first_ticks = min(int(onset[0]) for onset in onsets if len(onset))

    def _voice(self, track: int) -> Columns:
        losses = self.losses[track]
        columns = sane_notes(NoteTable.of(self.score.tracks[track - 1].notes), losses)
        one_voice = skyline if track in self.melodies else lowest_line
        return one_voice(columns, self.score.ticks_per_beat, losses)

    def part(self, track: int, segment: Segment) -> GridLine:
        """The part of a track in a whole segment; its key and tempo are filled in later."""
        onset, pitch, duration, velocity = on_grid(self.columns[track], segment, self.score.ticks_per_beat, self.losses[track])
        source = self.score.tracks[track - 1]
        return GridLine(pitch, onset, duration, velocity, segment.meter, segment.num_bars, segment.start_bar, 120.0, Key(0),
                        source.program, source.name)  # fmt: skip


def _lines(voices: _Voices, segment: Segment, gap_bars: int, losses: Counter[str]) -> list[TrioLine]:
    """The runs of one segment, in order."""
    ticks_per_beat = voices.score.ticks_per_beat
    losses["bars in pickups or cut short"] += int(segment.has_pickup) + int(segment.has_partial_end)
    segment = after_pickup(segment, ticks_per_beat)
    if not segment.num_bars:
        return []
    per_model_bar, width = segment.meter.written_per_model_bar, segment.meter.steps_per_model_bar
    inside, step, exact = hit_steps(voices.drums, segment, ticks_per_beat)
    losses[MOVED] += int((np.abs(exact - step) > OFF_GRID_STEPS).sum())
    hits = hits_from_notes(step, voices.classes[inside], segment.meter, segment.num_bars)
    parts = {track: voices.part(track, segment) for track in voices.columns}
    struck = hits.any(axis=1)
    sounding = {track: _sounding(part, len(hits)) for track, part in parts.items()}
    # A bar cut short takes the model bar it lies in with it.
    last = (segment.num_bars - 1) // per_model_bar if segment.has_partial_end else len(hits)
    lines = []
    pairs = [(pair, np.stack([sounding[pair[0]], sounding[pair[1]], struck])[:, :last]) for pair in voices.pairs]
    for (melody, bass), begin, end in _shared_out(pairs, gap_bars):
        written = begin * per_model_bar, min((end - begin) * per_model_bar, segment.num_bars - begin * per_model_bar)
        ticks = segment.start + round(begin * width * ticks_per_beat / STEPS_PER_BEAT)
        key = _key(voices.score, segment, parts[melody], parts[bass])
        cuts = [replace(parts[track].cut(*written), key=key, tempo_qpm=tempo_at(voices.score, ticks)) for track in (melody, bass)]
        lines.append(TrioLine(cuts[0], cuts[1], hits[begin:end], ticks, melody, bass))
    losses["bars that melody, bass and drums do not all cover"] += last - sum(len(line.hits) for line in lines)
    return sorted(lines, key=lambda line: line.start_bar)


def _shared_out(pairs: Sequence[tuple[tuple[int, int], NDArray[np.bool_]]], gap_bars: int) -> Iterator[tuple[tuple[int, int], int, int]]:
    """Bars (pair, first, end) shared out among pairs of tracks, best first, by where their three parts sound, (3, bars)."""
    free = np.ones(pairs[0][1].shape[1] if pairs else 0, bool)
    for least in (LONG_BARS, _SHORT_BARS):
        for pair, covered in pairs:
            for start, end in covered_runs(covered, gap_bars):
                for a, b in _runs(free[start:end]):
                    part = covered[:, start + a : start + b]
                    filled = np.flatnonzero(part.any(axis=0))
                    # At either end of a piece, where one part is enough, the others may not come at all.
                    if not part.any(axis=1).all() or filled[-1] + 1 - filled[0] < least:
                        continue
                    begin, stop = start + a + int(filled[0]), start + a + int(filled[-1]) + 1
                    free[begin:stop] = False
                    yield pair, begin, stop


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Longest runs (first, end) of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _sounding(line: GridLine, num_bars: int) -> NDArray[np.bool_]:
    """In which model bars a note sounds, (num_bars,)."""
    width = line.meter.steps_per_model_bar
    change = np.zeros(num_bars + 1, np.int64)
    np.add.at(change, line.onset_steps // width, 1)
    np.add.at(change, (line.onset_steps + line.duration_steps - 1) // width + 1, -1)
    return np.cumsum(change)[:-1] > 0


def _key(score: Score, segment: Segment, *parts: GridLine) -> Key:
    """The key stated in the segment, else the one estimated from the pitched parts."""
    pitch, duration_steps = np.concatenate([p.pitch for p in parts]), np.concatenate([p.duration_steps for p in parts])
    return stated_key(score, segment) or estimate_key(pitch, duration_steps)


def _why(lines: Sequence[TrioLine], choice: TrioChoice) -> str:
    """The choice in words, with the bars that each track was taken in."""
    others: Counter[tuple[int, int]] = Counter()
    for line in lines:
        others[line.melody_track, line.bass_track] += len(line.hits)
    taken = [f"tracks {m} and {b} in {bars} bars" for (m, b), bars in others.items()]
    return f"{choice.why}; {', '.join(taken)}" if len(taken) > 1 else choice.why
