"""Seams between the sections of a written tune, where what is written is often a beat too long or too short.

Conventions: ticks as in `music.score`. A section ends before a repeat sign or double bar and may begin
with a pickup. Last bar and pickup together should make one bar; where they do not, players keep the beat:
they rest for what is missing, let the pickup cut the last note short, or leave out a pickup that the
last bar of the repeat already holds. `seam_edits` finds those places and `Edits` does to times what players do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from musicvae.music.meter import Meter
from musicvae.music.score import NoteTable

__all__ = ["BarLine", "Edits", "seam_edits"]

FILLED = "section ends filled with a rest"
CUT = "section ends cut for a pickup"
LEFT_OUT = "pickups not repeated"


@dataclass(frozen=True, slots=True)
class BarLine:
    """Where a written bar begins when played; number: which written bar line it is; is_seam: a section may begin here."""

    tick: int
    meter: Meter
    is_seam: bool = False
    number: int = -1


@dataclass(frozen=True, slots=True)
class _Edit:
    tick: int
    removed_ticks: int = 0
    added_ticks: int = 0
    drops_notes: bool = False


@dataclass(frozen=True)
class Edits:
    """Stretches of time taken out or put in, ascending, and how many for what reason."""

    edits: tuple[_Edit, ...]
    reasons: Counter[str]

    def tick(self, tick: int, *, is_end: bool = False) -> int:
        """Where an onset or, for is_end, the end of a note comes to lie."""
        moved = tick
        for edit in self.edits:
            if edit.tick < tick or (edit.tick == tick and not is_end):
                moved += edit.added_ticks - min(edit.removed_ticks, tick - edit.tick)
        return moved

    def notes(self, notes: NoteTable) -> NoteTable:
        """The notes at their new times, without those of pickups left out."""
        if not self.edits:
            return notes
        gone = [(e.tick, e.tick + e.removed_ticks) for e in self.edits if e.drops_notes]
        kept = [n for n in notes if not any(start <= n.onset_ticks < end for start, end in gone)]
        moved = [(n, self.tick(n.onset_ticks), self.tick(n.onset_ticks + n.duration_ticks, is_end=True)) for n in kept]
        return NoteTable.of([replace(n, onset_ticks=start, duration_ticks=end - start) for n, start, end in moved])


def seam_edits(lines: Sequence[BarLine], end_ticks: int, ticks_per_beat: int, onsets: Sequence[int]) -> Edits:
    """What to do at the seams of a tune of one voice so that all its bars are whole.

    lines: its bar lines as played, ascending; onsets: those of its notes, ascending. Only seams between whole bars of one meter
    are touched; no onset is ever cut away but those of a pickup that is played a second time.
    """
    starts = [line.tick for line in lines] + [end_ticks]
    lengths = [b - a for a, b in zip(starts, starts[1:], strict=False)]
    played: set[int] = set()
    edits: list[_Edit] = []
    reasons: Counter[str] = Counter()
    for i, line in enumerate(lines):
        is_repeat = line.number in played
        played.add(line.number)
        if not line.is_seam or i == 0 or i + 1 >= len(lines):
            continue
        found = _edit_at(i, lines, lengths, ticks_per_beat, onsets, is_repeat=is_repeat)
        if found is not None:
            edits.append(found[0])
            reasons[found[1]] += 1
    return Edits(tuple(edits), reasons)


def _edit_at(
    i: int, lines: Sequence[BarLine], lengths: Sequence[int], ticks_per_beat: int, onsets: Sequence[int], *, is_repeat: bool
) -> tuple[_Edit, str] | None:
    """The edit at seam i and its reason; None where bars fit or nothing can be told."""
    tick, bar = lines[i].tick, round(lines[i].meter.beats_per_bar * ticks_per_beat)
    slack = ticks_per_beat // 32
    near = lines[max(0, i - 2) : i + 2]
    if any(line.meter != lines[i].meter for line in near):
        return None
    last, first = _part(lengths[i - 1], bar, slack), _part(lengths[i], bar, slack)
    pickup = first if lengths[i] < bar else 0
    before_last = i < 2 or lines[i - 1].is_seam or _part(lengths[i - 2], bar, slack) == 0
    # A short bar that is a section of its own is a pickup itself, and its other half lies before it.
    is_own = lines[i - 1].is_seam and last
    after = _part(lengths[i + 1], bar, slack) if pickup else first
    # Little more than a bar is a slip of the pen; two bars nearly are two without the line between them.
    is_long = lengths[i - 1] > bar and 0 < 2 * last < bar
    if is_own or is_long or not before_last or (after and i + 2 < len(lines)):
        return None
    if last and last + pickup < bar - slack:
        return _Edit(tick, added_ticks=bar - last - pickup), FILLED
    excess = last + pickup - bar if last else pickup
    if excess <= slack:
        return None
    under = bisect_left(onsets, tick - excess), bisect_left(onsets, tick)
    if under[0] == under[1]:
        return _Edit(tick - excess, removed_ticks=excess), CUT
    if is_repeat and not last:
        return _Edit(tick, removed_ticks=pickup, drops_notes=True), LEFT_OUT
    return None


def _part(length: int, bar: int, slack: int) -> int:
    """What a bar is longer than whole ones; 0 for one that is whole."""
    rest = length % bar
    return 0 if min(rest, bar - rest) <= slack else rest
