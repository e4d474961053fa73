"""Between a musician's pitches and the model's: the one place where melodies change key.

Conventions: *coordinates* are the tokens a model sees. Where its configuration says
`canonical_key`, a melody is shifted so that its signature has no accidentals
(`music.key.canonical_shift` of its stated key, else of the estimated one, and of the mean of its
pitches, each note counted once); otherwise the shift is 0. Pitches that leave the model's range (21..108
unless it has a smaller one) are moved by octaves and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from musicvae.music.attributes import own_key, pitch_mean
from musicvae.music.key import Key, canonical_shift
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH, Tokens, from_tokens, to_tokens

__all__ = ["Placed", "fold", "from_coordinates", "to_coordinates", "transposition"]


@dataclass(frozen=True)
class Placed:
    """A melody in coordinates.

    tokens: (B, S). shift_semitones: what was added to every pitch. key: the key it was placed by.
    num_folded: notes that had to change octave to be inside the model's range.
    """

    tokens: Tokens
    shift_semitones: int
    key: Key
    num_folded: int


def to_coordinates(melody: Melody, *, canonical_key: bool, lowest: int = MIN_PITCH, highest: int = MAX_PITCH) -> Placed:
    """Place a melody as a model sees it whose pitches are `lowest` to `highest`; ValueError for a meter without a grid."""
    key = own_key(melody)
    shift = canonical_shift(key, pitch_mean(melody)) if canonical_key else 0
    notes = tuple(replace(note, pitch=fold(note.pitch + shift, lowest, highest)) for note in melody.notes)
    num_folded = sum(placed.pitch != note.pitch + shift for placed, note in zip(notes, melody.notes, strict=True))
    return Placed(to_tokens(replace(melody, notes=notes)), shift, key, num_folded)


def from_coordinates(tokens: Tokens, meter: Meter, *, shift_semitones: int, num_bars: int | None = None) -> Melody:
    """The melody of tokens (B, S) with the shift undone; pitches that leave 0..127 are moved by octaves."""
    melody = from_tokens(tokens, meter, num_bars=num_bars)
    notes = tuple(replace(note, pitch=fold(note.pitch - shift_semitones, 0, 127)) for note in melody.notes)
    return replace(melody, notes=notes)


def fold(pitch: int, low: int, high: int) -> int:
    """The pitch moved by as few octaves as put it inside [low, high] (at least an octave wide)."""
    if pitch < low:
        return pitch + 12 * -((pitch - low) // 12)
    if pitch > high:
        return pitch - 12 * -((high - pitch) // 12)
    return pitch


def transposition(key: Key, to: Key) -> int:
    """The shift, -6 to 5 semitones, from the signature of one key to that of another."""
    return (to.major_tonic - key.major_tonic + 6) % 12 - 6
