"""Performances: one bar of up to eight instruments, each a row of events with velocities on a fine grid.

Conventions (Simon et al. 2018, "Learning a Latent Space of Multitrack Measures"): 24 steps a quarter, 96 a bar of 4/4. A row has up to
64 tokens: one for the program, then events, then the end. 0-127 start a note of that pitch, 128-255 end it, 256-351 go 1 to 96 steps
on, 352-359 set one of 8 velocities, 360-487 are the programs, 488 is a drum kit, 489 the end; -1 is nothing. The shifts of a row add up
to the bar. A missing instrument is a row of the end alone. Rows are sorted by program, drums last. Notes end with their bar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.melody import DEFAULT_VELOCITY

__all__ = [
    "DRUMS", "END", "FIRST_PROGRAM", "MAX_EVENTS", "MAX_PARTS", "NOTHING", "NUM_TOKENS", "STEPS_PER_PERFORMED_BAR",
    "STEPS_PER_PERFORMED_BEAT", "PartNotes", "empty_bars", "onset_steps_of", "part_tokens", "parts_of_bar", "velocity_bin",
]  # fmt: skip

STEPS_PER_PERFORMED_BEAT = 24
STEPS_PER_PERFORMED_BAR = 96
MAX_PARTS, MAX_EVENTS = 8, 64
NOTE_ON, NOTE_OFF, _SHIFT, _VELOCITY, FIRST_PROGRAM = 0, 128, 255, 352, 360
DRUMS, END, NUM_TOKENS = 488, 489, 490
NOTHING = -1
_VELOCITIES_PER_BIN = 16
Ints = NDArray[np.int64]
Tokens = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class PartNotes:
    """Notes of one instrument, (N,) each, sorted by onset, then pitch; steps of a twenty-fourth of a quarter from the first bar.

    velocity: 1-127. program: General MIDI, 0-127; of no meaning for drums.
    """

    program: int
    is_drum: bool
    onset_steps: Ints
    pitch: Ints
    duration_steps: Ints
    velocity: Ints

    def __len__(self) -> int:
        return len(self.pitch)

    @property
    def program_token(self) -> int:
        """The token that begins its rows."""
        return DRUMS if self.is_drum else FIRST_PROGRAM + self.program


def velocity_bin(velocity: Ints) -> Ints:
    """Bins 0-7 of velocities 1-127, each of 16."""
    bins: Ints = (velocity - 1) // _VELOCITIES_PER_BIN
    return bins


def _velocity_of(velocity_bin: int) -> int:
    """The middle of a bin, so that a performance becomes neither louder nor softer."""
    return velocity_bin * _VELOCITIES_PER_BIN + _VELOCITIES_PER_BIN // 2 + 1


def empty_bars(bars: int) -> Tokens:
    """Bars (bars, 8, 64) in which nobody plays."""
    rows = np.full((bars, MAX_PARTS, MAX_EVENTS), NOTHING, np.int16)
    rows[:, :, 0] = END
    return rows


def part_tokens(part: PartNotes, bars: int) -> tuple[Tokens, Ints]:
    """Rows (bars, 64) of one instrument, cut short after 62 events, and the events (bars,) that each bar has.

    A note belongs to the bar it starts in; those that start after the last bar are left out. At one step notes end before others start.
    A last shift goes on to the end of the bar.
    """
    step, token, bar = _events(part, bars)
    count = np.bincount(bar, minlength=bars)
    plays = count > 0
    last = np.zeros(bars, np.int64)
    last[bar] = step  # of events of one bar, the last one's
    rest = np.where(plays, STEPS_PER_PERFORMED_BAR - last, 0)
    place = np.arange(len(bar)) - (np.cumsum(count) - count)[bar] + 1
    rows = np.full((bars, MAX_EVENTS), NOTHING, np.int16)
    kept = place < MAX_EVENTS - 1
    rows[bar[kept], place[kept]] = token[kept]
    filled = (rest > 0) & (count < MAX_EVENTS - 2)
    rows[filled, count[filled] + 1] = _SHIFT + rest[filled]
    count = count + (rest > 0)
    rows[plays, 0] = part.program_token
    rows[np.arange(bars), np.where(plays, np.minimum(count, MAX_EVENTS - 2) + 1, 0)] = END
    return rows, count


def _events(part: PartNotes, bars: int) -> tuple[Ints, Ints, Ints]:
    """Step, token and bar of every event in order, shifts and velocities among them."""
    inside = part.onset_steps < bars * STEPS_PER_PERFORMED_BAR
    onset, pitch = part.onset_steps[inside], part.pitch[inside]
    bar = onset // STEPS_PER_PERFORMED_BAR
    start = onset - bar * STEPS_PER_PERFORMED_BAR
    end = np.minimum(start + np.maximum(part.duration_steps[inside], 1), STEPS_PER_PERFORMED_BAR)
    note = np.tile(np.arange(len(onset)), 2)
    step, starts = np.concatenate([start, end]), np.repeat([1, 0], len(onset))
    order = np.lexsort((note, starts, step, bar[note]))
    note, step, starts = note[order], step[order], starts[order]
    where = bar[note]
    is_first = np.diff(where, prepend=-1) > 0
    gap = np.where(is_first, step, np.diff(step, prepend=0))
    loudness = velocity_bin(part.velocity[inside])
    changes = np.zeros(len(note), np.int64)
    struck = note[starts == 1]
    changes[starts == 1] = (np.diff(bar[struck], prepend=-1) > 0) | (np.diff(loudness[struck], prepend=-1) != 0)
    # Each event is preceded by the shift to it and by its velocity, where they are needed.
    width = 1 + (gap > 0) + changes
    at = np.cumsum(width) - width
    token = np.empty(int(width.sum()), np.int64)
    token[at[gap > 0]] = _SHIFT + gap[gap > 0]
    louder = changes > 0
    token[(at + (gap > 0))[louder]] = _VELOCITY + loudness[note[louder]]
    token[at + width - 1] = pitch[note] + np.where(starts == 1, NOTE_ON, NOTE_OFF)
    return np.repeat(step, width), token, np.repeat(where, width)


def onset_steps_of(rows: NDArray[np.integer]) -> Ints:
    """The step at which each token of rows (..., 64) stands, 0 to 96; after the end of a row, its last one."""
    shifts = np.where((rows > _SHIFT) & (rows < _VELOCITY), rows.astype(np.int64) - _SHIFT, 0)
    steps: Ints = np.minimum(np.cumsum(shifts, axis=-1) - shifts, STEPS_PER_PERFORMED_BAR)
    return steps


def parts_of_bar(rows: NDArray[np.integer]) -> list[PartNotes]:
    """The instruments that play in a bar (8, 64), in the order of their rows; any rows can be read.

    What follows the end, what lies after the bar and further programs are ignored, as are notes that end before they start; a
    note that is not ended lasts to the end of the bar. Of equal pitches the first to start is the first to end. Without
    a program a row is a piano's; without a velocity, notes have the usual one. ValueError for a token above 489.
    """
    if rows.size and int(rows.max()) >= NUM_TOKENS:
        raise ValueError(f"token {int(rows.max())} is outside 0..{NUM_TOKENS - 1}")
    return [part for row in rows.tolist() if (part := _part_of_row(row)) is not None]


def _part_of_row(row: list[int]) -> PartNotes | None:
    step, velocity, program = 0, DEFAULT_VELOCITY, FIRST_PROGRAM
    has_program = False
    sounding: dict[int, list[int]] = {}
    notes: list[list[int]] = []  # onset, pitch, end, velocity
    for token in row:
        if token == END or token < 0:
            break
        if token < NOTE_OFF:
            if step < STEPS_PER_PERFORMED_BAR:
                sounding.setdefault(token, []).append(len(notes))
                notes.append([step, token, STEPS_PER_PERFORMED_BAR, velocity])
        elif token <= _SHIFT:
            if begun := sounding.get(token - NOTE_OFF):
                notes[begun.pop(0)][2] = min(step, STEPS_PER_PERFORMED_BAR)
        elif token < _VELOCITY:
            step += token - _SHIFT
        elif token < FIRST_PROGRAM:
            velocity = _velocity_of(token - _VELOCITY)
        elif not has_program:
            program, has_program = token, True
    table = np.array(sorted(note for note in notes if note[2] > note[0]), np.int64).reshape(-1, 4)
    if not len(table):
        return None
    is_drum = program == DRUMS
    onset, pitch, end, loudness = table.T
    return PartNotes(0 if is_drum else program - FIRST_PROGRAM, is_drum, onset, pitch, end - onset, loudness)
