"""A piece judged as a whole, with the notes and bars that are odd in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.measuring import Measured, measure
from musicvae.compose.judging.tails import smallest_of
from musicvae.compose.judging.verdict import Verdict
from musicvae.compose.judging.yardstick import STATISTICS, Yardstick
from musicvae.compose.reading import Reader
from musicvae.compose.windows import Window, cut_tokens
from musicvae.music.melody import Melody

__all__ = ["OddNote", "PieceScore", "judge"]


@dataclass(frozen=True)
class OddNote:
    """A note that stands out: number counts from 0, bar from 1 and beat from 1 in quarter notes; better: the pitch the model would hear."""

    number: int
    bar: int
    beat: float
    pitch: int
    better: int
    bits: float


@dataclass(frozen=True, eq=False)
class PieceScore(Verdict):
    """How likely a piece is, in bits.

    bits: of the whole melody; simple_bits: of an n-gram for the same, NaN without one. bar_bits: (model bars,), NaN for bars outside
    every window. note_bits: (notes,) of each note's pitch given all other notes, better: (notes,) MIDI pitches that the model would
    rather hear. shared: (model bars,) bits that the passages over it share with the rest, as `judging.measuring` has them. All NaN where
    they were not asked for. chances: by statistic, the share of held-out tunes that are as odd, for so many
    windows. note_limit, shared_limit: where notes and bars begin to be odd. foreignness: as `judging.collection` has it.
    """

    melody: Melody
    bits: float
    simple_bits: float
    bar_bits: Floats
    note_bits: Floats
    better: NDArray[np.int64]
    shared: Floats
    chances: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.05
    note_limit: float = float("inf")
    shared_limit: float = float("-inf")
    foreignness: float = float("nan")
    notices: tuple[str, ...] = ()

    @property
    def bits_per_note(self) -> float:
        """Bits of the whole for each note; NaN without notes."""
        return self.bits / len(self.melody.notes) if self.melody.notes else float("nan")

    @property
    def gain(self) -> float:
        """Bits for each note that the n-gram needs more than the model: what is found in the piece beyond the nearest notes."""
        return (self.simple_bits - self.bits) / len(self.melody.notes) if self.melody.notes else float("nan")

    def odd_notes(self) -> list[OddNote]:
        """The notes that stand out and would be likelier at another pitch, in order."""
        own = np.array([note.pitch for note in self.melody.notes], np.int64)
        steps = self.melody.meter.steps_per_bar
        found = []
        for number in np.flatnonzero((self.note_bits >= self.note_limit) & (self.better != own)).tolist():
            note = self.melody.notes[number]
            bar, step = divmod(note.onset_steps, steps)
            bits = float(self.note_bits[number])
            found.append(OddNote(number, bar + 1, 1 + step / 4, note.pitch, int(self.better[number]), bits))
        return found

    def odd_bars(self) -> list[int]:
        """Written bars, from 1, that share less with the rest than they should."""
        width = self.melody.meter.written_per_model_bar
        odd = [bar * width + 1 + k for bar in np.flatnonzero(self.shared <= self.shared_limit).tolist() for k in range(width)]
        return [bar for bar in odd if bar <= self.melody.num_bars]


def judge(
    engine: Engine, melody: Melody, yardstick: Yardstick | None = None, *, reader: Reader | None = None, threshold: float = 0.05,
    places: bool = True,
) -> PieceScore:  # fmt: skip
    """Score a melody, window by window. places: also which notes and bars are odd, which takes about a second for 16 bars.

    threshold: share of held-out tunes that may seem as odd. reader: of damaged music; the yardstick must have been made with one
    where it is given, and without where not. ValueError for a meter that the engine does not know.
    """
    placed, notices = place(engine, melody)
    windows = windows_of(engine, [placed.tokens], melody.meter)
    parts = cut_tokens(placed.tokens, windows, apart=engine.config.fixed_window)
    kind = melody.meter.kind_index
    ngram = None if yardstick is None else yardstick.ngram
    found = [measure(engine, part, kind, ngram, reader=reader, places=places) for part in parts]
    bar_bits, shared = (np.full(len(placed.tokens), np.nan) for _ in range(2))
    for window, part in zip(windows, found, strict=True):
        rows = slice(window.start_bar, window.start_bar + window.num_bars)
        bar_bits[rows], shared[rows] = part.bars, part.shared
    note_bits, better = _of_notes(melody, windows, found, placed.tokens.shape[1])
    scored = PieceScore(
        melody, sum(part.bits for part in found), sum(part.simple for part in found), bar_bits, note_bits, better, shared,
        threshold=threshold, notices=notices,
    )  # fmt: skip
    if yardstick is None or not places:
        return scored
    share = threshold / len(STATISTICS) / len(windows)
    limits = yardstick.limit("notes", share, kind), -yardstick.limit("passages", share, kind)
    return replace(scored, chances=_chances(yardstick, found, kind), note_limit=limits[0], shared_limit=limits[1])


def _of_notes(melody: Melody, windows: tuple[Window, ...], found: list[Measured], steps: int) -> tuple[Floats, NDArray[np.int64]]:
    by_step = {
        window.start_bar * steps + int(onset): (bits, int(move))
        for window, part in zip(windows, found, strict=True)
        for onset, bits, move in zip(part.onsets, part.notes, part.moves, strict=True)
    }
    rows = [by_step[note.onset_steps] for note in melody.notes]
    better = [note.pitch + move for note, (_, move) in zip(melody.notes, rows, strict=True)]
    return np.array([bits for bits, _ in rows], np.float64), np.array(better, np.int64)


def _chances(yardstick: Yardstick, found: list[Measured], kind: int) -> dict[str, float]:
    """By statistic, the smallest of the windows' chances, times how many windows there are."""
    return {name: smallest_of(yardstick.chance(name, part.statistics()[name], kind) for part in found) for name in STATISTICS}
