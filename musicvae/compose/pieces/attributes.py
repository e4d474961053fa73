"""What can be measured of drums, grooves, trios and performances, so that styles can be learnt by it and told by it.

Conventions: columns (N, B, ...) as in `compose.pieces.engine`; every attribute is one number for each of N windows. *Strikes* are
what hits a class of drums at a step.

* density: strikes (drums, grooves), or onsets of all parts, a sixteenth.
* kick, snare, hats, toms, cymbals: strikes of these a bar; of drums, grooves and trios.
* offbeat: the share of the strikes of all but hats and cymbals that are not on a quarter note.
* loudness, dynamics: mean of the velocities (1-127) and their standard deviation; of grooves.
* lateness, swing: the mean timing of all strikes, and that of those on the second and fourth sixteenths of a beat minus that of the
  others, in sixteenths, positive being late; of grooves.
* melody, bass: onsets a bar of these parts of a trio. tracks: instruments of a performance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns
from musicvae.music.drum_maps import DRUM_MAPS, drum_map
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["attributes_of", "measured"]

Measure = Callable[[Columns, str], Floats]
# Classes of the map "nine" (those of a kit).
_PARTS = {"kick": (0,), "snare": (1,), "hats": (2, 3), "toms": (4, 5, 6), "cymbals": (7, 8)}
_STEPS_PER_BEAT = 4
_NOTE_ONS = 128


def attributes_of(material: str) -> tuple[str, ...]:
    """Names of what can be measured of a material."""
    return tuple(_MEASURES[material])


def measured(name: str, columns: Columns, material: str, drums: str) -> Floats:
    """The attribute of each window, (N,); drums: name of the drum map, "" for none. ValueError for an unknown attribute."""
    if name not in _MEASURES[material]:
        raise ValueError(f"unknown attribute {name!r}; known of {material} are {', '.join(_MEASURES[material])}")
    return _MEASURES[material][name](columns, drums)


def _struck(columns: Columns, drums: str) -> NDArray[np.bool_]:
    """Strikes (N, B, 16, classes) of drums, a groove or a trio."""
    hits = columns.get("drums", columns["bars"])
    if hits.ndim == 4:
        return np.asarray(hits > 0)
    return np.asarray((hits[..., None] >> np.arange(len(drum_map(drums)), dtype=np.uint64)) & np.uint64(1), bool)


def _in_part(part: str, drums: str) -> NDArray[np.bool_]:
    """Which classes of a map are of a part of the kit, (classes,)."""
    kit = DRUM_MAPS["nine"].class_of[drum_map(drums).pitch_of]
    return np.isin(kit, _PARTS[part])


def _onsets(tokens: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(tokens >= FIRST_PITCH_TOKEN)


def _a_bar(flags: NDArray[np.bool_]) -> Floats:
    return np.asarray(flags.reshape(len(flags), -1).sum(axis=1) / flags.shape[1], np.float64)


def _density(columns: Columns, drums: str) -> Floats:
    return _a_bar(_struck(columns, drums)) / 16


def _of_part(part: str) -> Measure:
    return lambda columns, drums: _a_bar(_struck(columns, drums)[..., _in_part(part, drums)])


def _offbeat(columns: Columns, drums: str) -> Floats:
    beaten = ~(_in_part("hats", drums) | _in_part("cymbals", drums))
    strikes = _struck(columns, drums)[..., beaten].sum(axis=(1, 3))
    off = np.arange(strikes.shape[1]) % _STEPS_PER_BEAT > 0
    return np.asarray(strikes[:, off].sum(axis=1) / np.maximum(strikes.sum(axis=1), 1), np.float64)


def _mean(values: NDArray[np.floating], where: NDArray[np.bool_]) -> Floats:
    """Mean over all but the first axis of the values where they count, 0 where none does."""
    axes = tuple(range(1, values.ndim))
    return np.asarray(np.where(where, values, 0).sum(axis=axes) / np.maximum(where.sum(axis=axes), 1), np.float64)


def _loudness(columns: Columns, drums: str) -> Floats:
    return _mean(columns["bars"].astype(np.float64), columns["bars"] > 0)


def _dynamics(columns: Columns, drums: str) -> Floats:
    loud, struck = columns["bars"].astype(np.float64), columns["bars"] > 0
    return np.sqrt(np.maximum(_mean(loud**2, struck) - _mean(loud, struck) ** 2, 0))


def _lateness(columns: Columns, drums: str) -> Floats:
    return _mean(columns["offsets"].astype(np.float64), columns["bars"] > 0)


def _swing(columns: Columns, drums: str) -> Floats:
    late, struck = columns["offsets"].astype(np.float64), columns["bars"] > 0
    odd = slice(1, None, 2), slice(0, None, 2)
    between, on = (_mean(late[:, :, steps], struck[:, :, steps]) for steps in odd)
    return between - on


def _trio_density(columns: Columns, drums: str) -> Floats:
    return _density(columns, drums) + _a_bar(_onsets(columns["bars"])) / 16 + _a_bar(_onsets(columns["bass"])) / 16


def _performance_density(columns: Columns, drums: str) -> Floats:
    tokens = columns["bars"]
    return _a_bar((tokens >= 0) & (tokens < _NOTE_ONS)) / 16


def _tracks(columns: Columns, drums: str) -> Floats:
    tokens = columns["bars"]
    plays: NDArray[np.bool_] = np.any((tokens >= 0) & (tokens < _NOTE_ONS), axis=-1)
    return _a_bar(plays)


_KIT: dict[str, Measure] = {"offbeat": _offbeat, **{part: _of_part(part) for part in _PARTS}}
_MEASURES: Mapping[str, Mapping[str, Measure]] = {
    "drums": {"density": _density, **_KIT},
    "groove": {"density": _density, **_KIT, "loudness": _loudness, "dynamics": _dynamics, "lateness": _lateness, "swing": _swing},
    "trio": {
        "density": _trio_density, "melody": lambda columns, drums: _a_bar(_onsets(columns["bars"])),
        "bass": lambda columns, drums: _a_bar(_onsets(columns["bass"])), **_KIT,
    },
    "performance": {"density": _performance_density, "tracks": _tracks},
}  # fmt: skip
