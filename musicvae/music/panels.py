"""What a piano roll shows of a melody, a piece or a score: boxes on rows, before anything is drawn.

Conventions: time runs in written bars from 1. Rows of pitches lie at the pitch and are one unit high; those of drums, one for each
class with the first lowest, lie from 0 up where there is nothing else, and below the lowest pitch, twice as high, otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.music.colours import Colour, of_pitch, of_track, paler
from musicvae.music.drum_maps import DRUM_MAPS, DrumMap
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.piece import Piece
from musicvae.music.provenance import piece_facts
from musicvae.music.score import NoteTable, Score, Track
from musicvae.music.segments import segments, tempo_at

__all__ = ["Box", "Panel", "panels_of"]

_MIN_ROWS = 13  # an octave, so that a flat melody is not drawn as fat blocks
_GAP_STEPS = 0.06  # so that repeated notes can be told apart
_ROWS_BETWEEN = 2
_NO_PITCH = 128
_DRUM_GREY: Colour = (0.36, 0.38, 0.42)
_TICKS_PER_BAR = 4 * 480
_MOST_PARTS = 8


@dataclass(frozen=True)
class Box:
    """A note: from bar to bar, its pitch or, of drums, its class, and its colour."""

    begin: float
    end: float
    number: int
    colour: Colour
    is_drum: bool = False


@dataclass(frozen=True)
class Panel:
    """One melody or piece. pitches: the lowest row and the row after the highest; None for drums alone.

    drums: the map whose classes have rows below the pitches; None for none. parts: names of its tracks with their colours.
    """

    name: str
    num_bars: int
    meter: Meter
    tempo_qpm: float
    key: Key | None
    boxes: tuple[Box, ...]
    pitches: tuple[int, int] | None
    drums: DrumMap | None = None
    parts: tuple[tuple[str, Colour], ...] = ()

    @property
    def first_drum_row(self) -> int:
        """The row of the first class of drums."""
        return 0 if self.pitches is None or self.drums is None else self.pitches[0] - _ROWS_BETWEEN - len(self.drums) * self.drum_height

    @property
    def drum_height(self) -> int:
        """How high a row of drums is."""
        return 1 if self.pitches is None else 2

    def row(self, box: Box) -> tuple[int, int]:
        """Where a box lies, and how high its row is."""
        return (self.first_drum_row + box.number * self.drum_height, self.drum_height) if box.is_drum else (box.number, 1)

    @property
    def rows(self) -> tuple[int, int]:
        """The lowest row and the row after the highest."""
        if self.pitches is None:
            return 0, len(self.drums or ())
        return (self.pitches[0] if self.drums is None else self.first_drum_row), self.pitches[1]


def panels_of(music: Sequence[Melody | Piece | Score]) -> list[Panel]:
    """A panel each, all with the same rows; of a score with all its tracks, the drums in the classes of the map "nine"."""
    panels = [_melody_panel(m) if isinstance(m, Melody) else _piece_panel(m) if isinstance(m, Piece) else _score_panel(m) for m in music]
    ranges = [panel.pitches for panel in panels if panel.pitches is not None]
    maps = {panel.drums.name: panel.drums for panel in panels if panel.drums is not None}
    if len(maps) > 1:
        raise ValueError(f"drums of different maps ({', '.join(maps)}) cannot be drawn in one picture: one picture each?")
    pitches = _rows(min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
    drums = next(iter(maps.values()), None)
    return [replace(panel, pitches=pitches, drums=drums) for panel in panels]


def _melody_panel(melody: Melody) -> Panel:
    """Notes in the colour of their pitch class, as strong as they are loud."""
    width = melody.meter.steps_per_bar
    boxes = tuple(
        Box(1 + n.onset_steps / width, 1 + (n.end_steps - _GAP_STEPS) / width, n.pitch, paler(of_pitch(n.pitch), n.velocity))
        for n in melody.notes
    )
    pitches = _range([n.pitch for n in melody.notes])
    return Panel(melody.name, melody.num_bars, melody.meter, melody.tempo_qpm, melody.key, boxes, pitches)


def _piece_panel(piece: Piece) -> Panel:
    """A melody in the colours of its pitch classes, several tracks in one each, drums grey; where they are played, not on the grid."""
    tracks = piece.to_score().tracks
    pitched = [track for track in tracks if not track.is_drum and len(track.notes)]
    drums = piece.drums if any(track.is_drum for track in tracks) or not piece.has_pitches else None
    pitches = _range([p for track in pitched for p in NoteTable.of(track.notes).pitch.tolist()]) if piece.has_pitches else None
    panel = Panel(piece.name, piece.num_bars, piece.meter, piece.tempo_qpm, piece.key, (), pitches, drums)
    boxes: list[Box] = []
    parts = []
    for number, track in enumerate(pitched, 1):
        colour = of_track(number)
        parts.append((track.name, colour))
        boxes += _boxes(track, *_placed(piece, track), panel, None if piece.material == "melody" else colour)
    for track in tracks:
        if track.is_drum:
            boxes += _boxes(track, *_placed(piece, track), panel, _DRUM_GREY)
    return replace(panel, boxes=tuple(boxes), parts=tuple(parts) if len(parts) > 1 else ())


def _score_panel(score: Score) -> Panel:
    """Every track in a colour of its own, drums grey, over the bars as they lie in the file; the first after a silent lead-in is 1."""
    stretches = segments(score, score.end_ticks)
    bars = [s.start + bar * s.meter.beats_per_bar * score.ticks_per_beat for s in stretches for bar in range(s.num_bars)]
    said = piece_facts(score).get("lead_in")
    lead = said if type(said) is int and 0 < said < len(bars) else 0
    last = stretches[-1]
    ticks = np.array([*bars, last.start + last.num_bars * last.meter.beats_per_bar * score.ticks_per_beat])
    pitched = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    drums = [track for track in score.tracks if track.is_drum and len(track.notes)]
    pitches = _range([p for track in pitched for p in NoteTable.of(track.notes).pitch.tolist()]) if pitched or not drums else None
    key = score.keys[0].key if score.keys else None
    tempo = tempo_at(score, 0)
    panel = Panel(score.title, len(bars) - lead, stretches[0].meter, tempo, key, (), pitches, DRUM_MAPS["nine"] if drums else None)
    parts = [(track.name, of_track(number)) for number, track in enumerate(pitched, 1)]
    boxes: list[Box] = []
    gap = _GAP_STEPS * score.ticks_per_beat / STEPS_PER_BEAT
    for track, colour in [*zip(pitched, (colour for _, colour in parts), strict=True), *((track, _DRUM_GREY) for track in drums)]:
        notes = NoteTable.of(track.notes)
        ends = np.maximum(notes.end_ticks - gap, notes.onset_ticks)
        begin, end = (1 - lead + np.interp(places, ticks, np.arange(len(ticks))) for places in (notes.onset_ticks, ends))
        boxes += _boxes(track, begin, end, panel, colour)
    return replace(panel, boxes=tuple(boxes), parts=tuple(parts[:_MOST_PARTS]) if len(parts) > 1 else ())


def _placed(piece: Piece, track: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where notes of a piece begin and end, in bars."""
    notes = NoteTable.of(track.notes)
    begin = 1 - piece.lead_in_bars + notes.onset_ticks / _TICKS_PER_BAR
    return begin, begin + (notes.duration_ticks - _GAP_STEPS * 120) / _TICKS_PER_BAR


def _boxes(track: Track, begin: NDArray[np.float64], end: NDArray[np.float64], panel: Panel, colour: Colour | None) -> list[Box]:
    """The notes from bar to bar; colour: None for that of the pitch class."""
    notes = NoteTable.of(track.notes)
    numbers = notes.pitch
    if track.is_drum and panel.drums is not None:
        classes = panel.drums.class_of[notes.pitch]
        # What the map does not know, a performance's drums may be, goes to the row of the last class.
        numbers = np.where(classes < 0, len(panel.drums) - 1, classes)
    columns = zip(begin.tolist(), end.tolist(), numbers.tolist(), notes.pitch.tolist(), notes.velocity.tolist(), strict=True)
    return [
        Box(a, b, number, paler(of_pitch(pitch) if colour is None else colour, velocity), track.is_drum)
        for a, b, number, pitch, velocity in columns
    ]


def _range(pitches: list[int]) -> tuple[int, int]:
    """Lowest and highest pitch; the one above the other where there is none."""
    return min(pitches, default=_NO_PITCH), max(pitches, default=-1)


def _rows(lowest: int, highest: int) -> tuple[int, int]:
    """Lowest row and the row after the highest, with one row to spare at each end."""
    lowest, highest = (lowest, highest) if lowest <= highest else (60, 71)
    low, high = lowest - 1, highest + 2
    missing = max(0, _MIN_ROWS - (high - low))
    return low - missing // 2, high + missing - missing // 2
