"""Where constraints would have a piece: in which signature, and how far from a model's own coordinates.

A model of canonical key sings best without accidentals and around B4. Which signature suits chords, a scale or notes is the major
scale that holds most of them (chords count by their length and note by note); of equals the one whose tonic, or its relative
minor's, is the root of the last or the first chord, else the one with fewest accidentals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats, Layout
from musicvae.music.chords import QUALITIES
from musicvae.music.key import Key
from musicvae.music.lead_sheet import ChordSpan

__all__ = ["chord_key", "coordinate_shift", "suiting_tonic"]

_BAND = (62, 81)
"""Where a model's melodies lie for the most part, D4 to A5."""
_LAST, _FIRST = 0.02, 0.01  # of all notes' worth, for the roots of the last and the first chord


def suiting_tonic(
    spans: Sequence[ChordSpan], num_steps: int, scale: frozenset[int] | None, pitches: Sequence[int], prefer: int = 0
) -> int | None:
    """Tonic (0-11) of the major scale that suits chords best, else the scale, else the pitches; None where there are none of them.

    prefer: of equal ones the tonic taken first.
    """
    chords = [span.chord for span in spans if span.chord is not None]
    if chords:
        weights = _chord_weights(spans, num_steps)
    elif scale is not None or len(pitches):
        weights = np.bincount([p % 12 for p in (pitches if scale is None else sorted(scale))], minlength=12).astype(np.float64)
    else:
        return None
    total = weights.sum()

    def fit(tonic: int) -> tuple[float, bool, int]:
        share = weights[sorted(Key(tonic).scale)].sum() / total
        homes = (tonic, (tonic + 9) % 12)
        if chords:
            share += _LAST * (chords[-1].root in homes) + _FIRST * (chords[0].root in homes)
        return round(float(share), 9), tonic == prefer, -abs(Key(tonic).sharps)

    return max(range(12), key=fit)


def chord_key(spans: Sequence[ChordSpan], major_tonic: int | None) -> Key | None:
    """The key of a piece over chords in this signature: major or minor, by whose tonic the last chord, else the first, is built on.

    None where neither is the chord of one of them.
    """
    chords = [span.chord for span in spans if span.chord is not None]
    for chord in (*chords[-1:], *chords[:1]):
        minor = QUALITIES[chord.quality][1:2] == (3,)
        if major_tonic is not None and (chord.root - major_tonic) % 12 == (9 if minor else 0):
            return Key(chord.root, "minor" if minor else "major")
    return None


def coordinate_shift(config: Layout, major_tonic: int | None, allowed: NDArray[np.bool_], pitches: Sequence[int]) -> int:
    """What to add to written pitches for a new piece's coordinates; 0 for models without a canonical key.

    The signature of `major_tonic` goes to no accidentals (None: stays); the octave is the one in which most of the model's usual
    pitches are `allowed` (128,) and most of `pitches`, which must be there, are usual, of equals the nearest.
    """
    if not config.canonical_key:
        return 0
    shift = 0 if major_tonic is None else -((major_tonic + 6) % 12 - 6)
    usual = np.arange(_BAND[0], _BAND[1] + 1)

    def worth(octaves: int) -> tuple[int, int, int]:
        written = usual - shift - 12 * octaves
        free = int((allowed[np.clip(written, 0, 127)] & (written >= 0) & (written <= 127)).sum())
        moved = np.asarray(pitches, np.int64) + shift + 12 * octaves
        outside = int(((moved < config.lowest_pitch) | (moved > config.highest_pitch)).sum())
        inside = int(((moved >= _BAND[0] - 5) & (moved <= _BAND[1] + 5)).sum())
        return -outside, free + 4 * inside, -abs(octaves)

    return shift + 12 * max(range(-5, 6), key=worth)


def _chord_weights(spans: Sequence[ChordSpan], num_steps: int) -> Floats:
    """How long each pitch class (12,) is part of a chord."""
    weights = np.zeros(12)
    ends = [*(span.onset_steps for span in spans[1:]), num_steps]
    for span, end in zip(spans, ends, strict=True):
        if span.chord is not None:
            weights[sorted(span.chord.pitch_classes)] += end - span.onset_steps
    return weights
