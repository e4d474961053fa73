"""Numbers that describe a melody: note density, syncopation, how diatonic it is, how it repeats.

Conventions: an *attribute* takes a Melody and returns one float, defined for every melody, also
one without notes. Shares lie in [0, 1]. Positions within a bar count steps (sixteenths) from 0.
The first five are those of MusicVAE (Roberts et al. 2018, appendix C), with two differences:
`diatonic` asks for the tune's own key instead of C major, and `syncopation-8` knows 6/8.

Statistics of form work on tokens (B, S) instead: B model bars, as `music.vocabulary` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from musicvae.music.key import CANONICAL_MEAN_PITCH, Key, estimate_key
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import Tokens, canonical_tokens

__all__ = ["ATTRIBUTES", "PAPER_ATTRIBUTES", "Attribute", "density", "diatonic", "different_bars", "interval", "own_key", "pitch_mean",
           "pitch_range", "repeat_lags", "repetition", "rests", "scale_share", "syncopation_8", "syncopation_16"]  # fmt: skip

_STEPS_PER_EIGHTH = STEPS_PER_BEAT // 2
_HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)
# The natural minor scales are those of the major keys, so that they need no entry of their own.
_SCALES = tuple(Key(tonic).scale for tonic in range(12)) + tuple(
    frozenset((tonic + step) % 12 for step in _HARMONIC_MINOR) for tonic in range(12)
)


@dataclass(frozen=True)
class Attribute:
    """A named attribute; call it with a melody. range: the least and the greatest value possible."""

    name: str
    function: Callable[[Melody], float]
    meaning: str
    unit: str
    range: tuple[float, float]

    def __call__(self, melody: Melody) -> float:
        """The value for this melody."""
        return self.function(melody)


def density(melody: Melody) -> float:
    """Note onsets per step, in [0, 1]; 0 without notes."""
    return len(melody.notes) / melody.num_steps


def interval(melody: Melody) -> float:
    """Mean distance between consecutive notes in semitones, whatever the direction; 0 with fewer than two notes."""
    leaps = [abs(after.pitch - before.pitch) for before, after in zip(melody.notes, melody.notes[1:], strict=False)]
    return sum(leaps) / len(leaps) if leaps else 0.0


def syncopation_16(melody: Melody) -> float:
    """Share of onsets that fall between two eighths (on an odd step) with no onset one step before; 0 without notes."""
    return _syncopated_share(melody, beat_steps=_STEPS_PER_EIGHTH, grid_steps=1)


def syncopation_8(melody: Melody) -> float:
    """Share of onsets on an eighth off the beat with no onset since the beat, that one included; 0 without notes.

    The beat is a quarter, which gives the paper's rule: step mod 4 is 2, and nothing starts on the
    two steps before. In 6/8 (also 3/8, 9/8 and 12/8) it is a dotted quarter, and the eighths off it
    are the second and the third: a jig's quarter and eighth is no syncopation, an eighth whose beat
    is silent or held over is.
    """
    return _syncopated_share(melody, beat_steps=_steps_in_beat(melody.meter), grid_steps=_STEPS_PER_EIGHTH)


def diatonic(melody: Melody) -> float:
    """Share of notes in the scale of the tune's own key; 1 without notes, since none is outside.

    The scale of a minor key is the natural one. Where the key is unknown it is estimated.
    """
    return _share_within(melody, own_key(melody).scale)


def pitch_mean(melody: Melody) -> float:
    """Mean MIDI pitch of the notes, each counted once; `CANONICAL_MEAN_PITCH` (71) without notes."""
    pitches = [note.pitch for note in melody.notes]
    return sum(pitches) / len(pitches) if pitches else CANONICAL_MEAN_PITCH


def pitch_range(melody: Melody) -> float:
    """Semitones from the lowest note to the highest; 0 without notes."""
    pitches = [note.pitch for note in melody.notes]
    return float(max(pitches) - min(pitches)) if pitches else 0.0


def rests(melody: Melody) -> float:
    """Share of the steps in which nothing sounds; 1 without notes."""
    return 1 - sum(note.duration_steps for note in melody.notes) / melody.num_steps


def repetition(melody: Melody) -> float:
    """Share of the written bars that equal an earlier one, in [0, 1): 0 when all differ.

    Bars are equal when the same pitches start and sound at the same steps; velocity does not count.
    Two empty bars are equal, so that a tune of B bars without notes gives (B - 1) / B.
    """
    # Per step: 0 for silence, else the pitch + 1, negative where it starts.
    sounding = np.zeros(melody.num_steps, np.int16)
    for note in melody.notes:
        sounding[note.onset_steps : note.end_steps] = note.pitch + 1
        sounding[note.onset_steps] *= -1
    return 1 - len({bar.tobytes() for bar in sounding.reshape(melody.num_bars, -1)}) / melody.num_bars


_LIST = (
    Attribute("density", density, "note onsets per sixteenth", "onsets per step", (0.0, 1.0)),
    Attribute("interval", interval, "mean distance between consecutive notes", "semitones", (0.0, 127.0)),
    Attribute("syncopation-8", syncopation_8, "onsets on an eighth off a silent beat", "share of onsets", (0.0, 1.0)),
    Attribute("syncopation-16", syncopation_16, "onsets on a sixteenth off a silent eighth", "share of onsets", (0.0, 1.0)),
    Attribute("diatonic", diatonic, "notes in the scale of the tune's own key", "share of notes", (0.0, 1.0)),
    Attribute("pitch-mean", pitch_mean, "mean pitch", "MIDI pitch", (0.0, 127.0)),
    Attribute("pitch-range", pitch_range, "from the lowest note to the highest", "semitones", (0.0, 127.0)),
    Attribute("rests", rests, "steps in which nothing sounds", "share of steps", (0.0, 1.0)),
    Attribute("repetition", repetition, "bars equal to an earlier bar", "share of bars", (0.0, 1.0)),
)
ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({attribute.name: attribute for attribute in _LIST})
"""All attributes by name."""
PAPER_ATTRIBUTES = tuple(ATTRIBUTES)[:5]
"""Names of the five that MusicVAE was measured by."""


def own_key(melody: Melody) -> Key:
    """The key that the melody states, else the one estimated from its notes (C major without notes)."""
    if melody.key is not None:
        return melody.key
    return estimate_key([note.pitch for note in melody.notes], [note.duration_steps for note in melody.notes])


def scale_share(melody: Melody) -> float:
    """The largest share of notes inside any one major, natural minor or harmonic minor scale; 1 without notes."""
    return max(_share_within(melody, scale) for scale in _SCALES)


def different_bars(tokens: Tokens) -> float:
    """Distinct bars / bars of tokens (B, S), in (0, 1]; 1 for B = 0. Note-offs in silence do not count."""
    bars = _bar_rows(tokens)
    return len(set(bars)) / len(bars) if bars else 1.0


def repeat_lags(tokens: Tokens, max_lag: int = 8) -> NDArray[np.int64]:
    """Count how many bars ago each bar of tokens (B, S) was last heard.

    Returns (max_lag + 1,), summing to B: entry k >= 1 counts the bars whose most recent equal is k
    bars before, entry 0 those with no equal among the `max_lag` bars before. Histograms of several
    tunes may be added. ValueError for max_lag < 1.
    """
    if max_lag < 1:
        raise ValueError(f"max_lag must be at least 1 bar, got {max_lag}")
    counts = np.zeros(max_lag + 1, np.int64)
    last: dict[bytes, int] = {}
    for index, bar in enumerate(_bar_rows(tokens)):
        lag = index - last.get(bar, index)
        counts[lag if lag <= max_lag else 0] += 1
        last[bar] = index
    return counts


def _steps_in_beat(meter: Meter) -> int:
    compound = meter.denominator == 8 and meter.numerator % 3 == 0
    return 3 * _STEPS_PER_EIGHTH if compound else STEPS_PER_BEAT


def _syncopated_share(melody: Melody, *, beat_steps: int, grid_steps: int) -> float:
    """Share of onsets on the grid but off the beat with no onset since that beat, the beat included."""
    onsets = [note.onset_steps for note in melody.notes]
    taken, syncopated = set(onsets), 0
    for onset in onsets:
        since = onset % melody.meter.steps_per_bar % beat_steps
        if since and since % grid_steps == 0 and taken.isdisjoint(range(onset - since, onset)):
            syncopated += 1
    return syncopated / len(onsets) if onsets else 0.0


def _share_within(melody: Melody, scale: frozenset[int]) -> float:
    inside = sum(note.pitch % 12 in scale for note in melody.notes)
    return inside / len(melody.notes) if melody.notes else 1.0


def _bar_rows(tokens: Tokens) -> list[bytes]:
    if tokens.ndim != 2:
        raise ValueError(f"tokens have shape (bars, steps), got {tokens.shape}; of several tunes, pass one at a time")
    return [bar.tobytes() for bar in canonical_tokens(tokens)]
