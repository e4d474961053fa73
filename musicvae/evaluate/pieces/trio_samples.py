"""What drawn trios are like beside held-out ones, in ten statistics.

Conventions: parts as in `evaluate.pieces.parts`, W windows of B bars in the key without accidentals that corpora of trios have. A
*sounding* pitch is that of the last onset that no note-off has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.metrics import Estimate, bootstrap
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.parts import PARTS, Parts, parts_of
from musicvae.evaluate.table import Section
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, NOTE_OFF

__all__ = ["TrioSampleRow", "samples", "sounding", "trio_sample_row"]

Floats = NDArray[np.float64]
_KICK = 0
_WHITE = (0, 2, 4, 5, 7, 9, 11)
_CONSONANT = (0, 3, 4, 7, 8, 9)  # semitones above the bass, modulo an octave


@dataclass(frozen=True)
class TrioSampleRow:
    """Ten figures of a set of trios.

    empty_melody_bars: share of bars without an onset of the melody. in_key, bass_in_key: share of onsets on white keys. bass_jump: mean
    semitones from one bass note to the next. bass_on_kick: share of bass onsets with a kick. consonant: share of the steps at which
    melody and bass sound where the melody is a unison, third, fifth or sixth above. different_bars: share of bars that are first of
    their kind in the window, all parts counted.
    """

    source: str
    trios: int
    melody_notes_a_bar: Estimate
    bass_notes_a_bar: Estimate
    hits_a_bar: Estimate
    empty_melody_bars: Estimate
    in_key: Estimate
    bass_in_key: Estimate
    bass_jump: Estimate
    bass_on_kick: Estimate
    consonant: Estimate
    different_bars: Estimate


def samples(job: Job) -> Iterator[Section]:
    """Held-out, training and drawn trios of 16 bars, or of as many as the network takes."""
    bars = min(16, job.engine.bars)
    held, train = job.windows(bars=bars), job.windows("train", bars=bars, limit=max(job.effort.samples, 1))
    rows = [trio_sample_row(name, parts_of(each.columns), each.tunes.tolist())
            for name, each in (("held-out trios", held), ("training trios", train)) if len(each)]  # fmt: skip
    if job.effort.samples:
        codec, seeds = job.codec("samples"), piece_seeds(job.seed, job.effort.samples)
        z = codec.sample_prior(seeds, bars=bars)
        drawn = codec.decode(z, bars=bars, temperature=1.0, seeds=seeds)
        rows.append(trio_sample_row("drawn, temperature 1", parts_of(drawn), list(range(len(seeds)))))
    yield Section("trio_samples", "Drawn trios beside held-out ones", _SAMPLES, rows)


def trio_sample_row(source: str, parts: Parts, tunes: Sequence[int]) -> TrioSampleRow:
    """The figures of W trios; tunes (W,): which belong together, for the intervals. NaN where there is nothing to count."""
    windows, bars = parts["melody"].shape[:2]
    onsets = {part: parts[part] >= FIRST_PITCH_TOKEN for part in PARTS[:2]} | {"drums": parts["drums"]}
    counts = {part: _sum(onset) for part, onset in onsets.items()}
    pitch = {part: sounding(parts[part]) for part in PARTS[:2]}
    every = np.full(windows, float(bars))
    white = {part: _sum(onsets[part] & np.isin(pitch[part] % 12, _WHITE)) for part in PARTS[:2]}
    both = (pitch["melody"] >= 0) & (pitch["bass"] >= 0)
    above = both & np.isin((pitch["melody"] - pitch["bass"]) % 12, _CONSONANT)
    jumps = [np.abs(np.diff(p[o])) for p, o in zip(pitch["bass"], onsets["bass"], strict=True)]
    figures = {
        "melody_notes_a_bar": (counts["melody"], every), "bass_notes_a_bar": (counts["bass"], every),
        "hits_a_bar": (counts["drums"], every),
        "empty_melody_bars": (bars - _sum(np.any(onsets["melody"], axis=2)), every),
        "in_key": (white["melody"], counts["melody"]), "bass_in_key": (white["bass"], counts["bass"]),
        "bass_jump": (np.array([float(j.sum()) for j in jumps]), np.array([float(len(j)) for j in jumps])),
        "bass_on_kick": (_sum(onsets["bass"] & parts["drums"][..., _KICK]), counts["bass"]),
        "consonant": (_sum(above), _sum(both)), "different_bars": (_different(parts), every),
    }  # fmt: skip
    return TrioSampleRow(source, windows, **{name: _ratio(*pair, tunes) for name, pair in figures.items()})


def sounding(tokens: NDArray[Any]) -> NDArray[np.int64]:
    """The MIDI pitch that sounds at each step of tokens (W, B, 16), -1 for none."""
    flat = tokens.reshape(len(tokens), -1).astype(np.int64)
    event = np.where(flat >= NOTE_OFF, np.arange(flat.shape[1]), -1)
    last = np.maximum.accumulate(event, axis=1)
    token = np.where(last >= 0, np.take_along_axis(flat, np.maximum(last, 0), axis=1), NOTE_OFF)
    return np.where(token >= FIRST_PITCH_TOKEN, token - FIRST_PITCH_TOKEN + MIN_PITCH, -1).reshape(tokens.shape)


def _different(parts: Parts) -> Floats:
    found = []
    for window in zip(*(parts[part] for part in PARTS), strict=True):
        found.append(len({tuple(part[bar].tobytes() for part in window) for bar in range(len(window[0]))}))
    return np.array(found, np.float64)


def _sum(flags: NDArray[Any]) -> Floats:
    return np.asarray(flags.reshape(len(flags), -1).sum(axis=1), np.float64)


def _ratio(part: Floats, whole: Floats, tunes: Sequence[int]) -> Estimate:
    def share(sums: Floats) -> Floats:
        return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1), np.nan)

    return bootstrap(np.stack([part, whole], axis=1), list(tunes), share)


_SAMPLES = (
    "Ten figures of held-out, training and drawn trios of the longest windows, drawn from the prior at temperature 1. In key: onsets on "
    "white keys, all trios being in the key without accidentals nearest to their own. Consonant: steps at which the melody stands a "
    "unison, third, fifth or sixth above the bass."
)
