"""The 90 melody events of MusicVAE on a sixteenth grid, and the converters both ways.

Conventions: tokens are a (B, S) uint8 array, B model bars of S steps (16 for 4/4, 12 for 3/4 and
6/8). 0 = nothing new (a note goes on, or silence does), 1 = the note ends here, 2..89 = a note of
MIDI pitch 21..108 starts here, ending whatever sounded. Before the first note all is silence.
Velocities are not in the tokens.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musicvae.music.melody import DEFAULT_VELOCITY, Melody, Note
from musicvae.music.meter import Meter

__all__ = ["FIRST_PITCH_TOKEN", "HOLD", "MAX_PITCH", "MIN_PITCH", "NOTE_OFF", "VOCABULARY_SIZE",
           "Tokens", "canonical_tokens", "from_tokens", "grid_tokens", "pitch_of", "to_tokens", "token_of"]  # fmt: skip

Tokens = NDArray[np.uint8]
Ints = NDArray[np.int64]

HOLD = 0
NOTE_OFF = 1
FIRST_PITCH_TOKEN = 2
MIN_PITCH = 21
MAX_PITCH = 108
VOCABULARY_SIZE = FIRST_PITCH_TOKEN + MAX_PITCH - MIN_PITCH + 1


def token_of(pitch: int) -> int:
    """The token that starts a note of this MIDI pitch; ValueError outside 21-108."""
    if not MIN_PITCH <= pitch <= MAX_PITCH:
        raise ValueError(f"pitch {pitch} is outside [{MIN_PITCH}, {MAX_PITCH}], the range of a piano: transpose by octaves?")
    return pitch - MIN_PITCH + FIRST_PITCH_TOKEN


def pitch_of(token: int) -> int:
    """The MIDI pitch that this token starts; ValueError unless 2 <= token <= 89."""
    if not FIRST_PITCH_TOKEN <= token < VOCABULARY_SIZE:
        raise ValueError(f"token {token} starts no note; those that do are {FIRST_PITCH_TOKEN}..{VOCABULARY_SIZE - 1}")
    return token - FIRST_PITCH_TOKEN + MIN_PITCH


def to_tokens(melody: Melody) -> Tokens:
    """Tokens of a melody, shape (model bars, steps); an odd last bar of 2/4 is filled with silence.

    ValueError for a meter without a grid or a pitch outside 21-108.
    """
    meter = melody.meter.require_supported()
    bars = meter.model_bars(melody.num_bars)
    flat = np.zeros(bars * meter.steps_per_model_bar, np.uint8)
    for note in melody.notes:
        # A note-off is written first, so that a note starting where this one ends replaces it.
        if note.end_steps < len(flat):
            flat[note.end_steps] = NOTE_OFF
        flat[note.onset_steps] = token_of(note.pitch)
    return flat.reshape(bars, -1)


def grid_tokens(pitch: Ints, onset_steps: Ints, duration_steps: Ints, meter: Meter, num_bars: int) -> Tokens:
    """`to_tokens` for notes in columns (N,), sorted and not overlapping, in `num_bars` written bars of a meter.

    ValueError for a meter without a grid, a pitch outside 21-108, or notes outside the bars.
    """
    bars = meter.require_supported().model_bars(num_bars)
    flat = np.zeros(bars * meter.steps_per_model_bar + 1, np.uint8)
    if len(pitch):
        for extreme in (int(pitch.min()), int(pitch.max())):
            token_of(extreme)
        end = onset_steps + duration_steps
        if onset_steps[0] < 0 or end[-1] >= len(flat):
            raise ValueError(f"notes from step {onset_steps[0]} to {end[-1]} do not fit {num_bars} bars of {meter}")
        # Note-offs first, so that a note starting where another ends replaces it.
        flat[end] = NOTE_OFF
        flat[onset_steps] = pitch - (MIN_PITCH - FIRST_PITCH_TOKEN)
    return flat[:-1].reshape(bars, -1)


def from_tokens(tokens: Tokens, meter: Meter, *, num_bars: int | None = None) -> Melody:
    """The melody that tokens (B, S) stand for, `num_bars` written bars long (default: all).

    Any token sequence is a melody: a note-off in silence is ignored. ValueError for a shape that
    does not fit the meter or a token above 89.
    """
    meter.require_supported()
    if tokens.ndim != 2 or tokens.shape[1] != meter.steps_per_model_bar:
        raise ValueError(f"tokens of {meter} have shape (bars, {meter.steps_per_model_bar}), got {tokens.shape}")
    if tokens.size and int(tokens.max()) >= VOCABULARY_SIZE:
        raise ValueError(f"token {int(tokens.max())} is outside 0..{VOCABULARY_SIZE - 1}")
    bars = tokens.shape[0] * meter.written_per_model_bar if num_bars is None else num_bars
    flat = tokens.reshape(-1)[: bars * meter.steps_per_bar]
    notes: list[Note] = []
    for step in np.flatnonzero(flat):
        if notes and notes[-1].duration_steps == 0:
            notes[-1] = replace(notes[-1], duration_steps=int(step) - notes[-1].onset_steps)
        if flat[step] >= FIRST_PITCH_TOKEN:
            notes.append(Note(pitch_of(int(flat[step])), int(step), 0, DEFAULT_VELOCITY))
    if notes and notes[-1].duration_steps == 0:
        notes[-1] = replace(notes[-1], duration_steps=len(flat) - notes[-1].onset_steps)
    return Melody(tuple(notes), meter=meter, num_bars=bars)


def canonical_tokens(tokens: Tokens) -> Tokens:
    """The same melody written the one way `to_tokens` writes it: no note-off in silence.

    tokens: (B, S) or any shape read in C order; returns a new array of that shape.
    """
    flat = tokens.reshape(-1).copy()
    sounding = False
    for step in np.flatnonzero(flat):
        if flat[step] == NOTE_OFF and not sounding:
            flat[step] = HOLD
        sounding = flat[step] >= FIRST_PITCH_TOKEN or (sounding and flat[step] != NOTE_OFF)
    return flat.reshape(tokens.shape)
