"""What a model learns from a few files, of whatever material: windows to encode, and marks to tell copies by.

Conventions: files are numbered from 0. The *marks* of a piece are (B, P): of each place in a bar a number, `FIRST_PITCH_TOKEN` or
above where something begins. Of melodies they are the tokens; of drums each class at each step has a place of its own.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.canonical import to_coordinates
from musicvae.compose.engine import Layout
from musicvae.compose.examples import Examples, gather
from musicvae.compose.intake import Source
from musicvae.compose.library import find_model, model_header
from musicvae.compose.pieces.intake import PieceExamples, Wanted, gather_pieces
from musicvae.music.drum_maps import drum_map
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens, canonical_tokens

__all__ = ["Window", "examples_for", "marks_of_columns", "tunes_by_kind", "usual_of", "windows_of"]

_HOP, _MOST_OF_FILE = 4, 4
_LEAST_ONSETS_PER_BAR = 0.5
_VOICES = ("bars", "bass")
Marks = NDArray[np.uint8]


@dataclass(frozen=True)
class Window:
    """Bars `start` to `start + bars`, from 0, of a file."""

    file: int
    start: int
    bars: int


def examples_for(base: str | Path | None, source: str | os.PathLike[str] | Iterable[Source]) -> Examples | PieceExamples:
    """What a folder or several sources hold for the model `base` (a name or path); errors as `gather` and `gather_pieces`."""
    header = model_header(find_model(base)[1])
    if header.get("network") != "pieces":
        return gather(source)
    config = header["config"]
    return gather_pieces(source, Wanted(str(config["material"]), str(config.get("drums", "nine"))))


def tunes_by_kind(examples: Examples, config: Layout) -> dict[int, dict[int, Tokens]]:
    """Tokens (B, S) of melodies in the model's coordinates, by kind of meter and file."""
    found: dict[int, dict[int, Tokens]] = {}
    for file, melody in enumerate(examples.melodies):
        placed = to_coordinates(melody, canonical_key=config.canonical_key, lowest=config.lowest_pitch, highest=config.highest_pitch)
        found.setdefault(melody.meter.kind_index, {})[file] = canonical_tokens(placed.tokens)
    return dict(sorted(found.items()))


def windows_of(marks: Mapping[int, Marks], bars: int) -> list[Window]:
    """Windows of so many bars: at most `_MOST_OF_FILE` of each file, far apart, and none that holds less than a note every two bars."""
    found = []
    for file, own in marks.items():
        starts = np.arange(0, len(own) - bars + 1, _HOP)
        chosen = starts if len(starts) <= _MOST_OF_FILE else starts[np.linspace(0, len(starts) - 1, _MOST_OF_FILE).round().astype(int)]
        enough = _LEAST_ONSETS_PER_BAR * bars
        found += [
            Window(file, start, bars) for start in chosen.tolist() if (own[start : start + bars] >= FIRST_PITCH_TOKEN).sum() >= enough
        ]
    return found


def marks_of_columns(columns: Mapping[str, NDArray[Any]], material: str, drums: str) -> Marks:
    """The marks (..., B, P) of columns (..., B, 16, ...) of drums or trios whose drums are in this map."""
    classes = len(drum_map(drums))
    hits = columns["drums" if material == "trio" else "bars"]
    bits = (hits[..., None] >> np.arange(classes, dtype=np.uint64)) & np.uint64(1)
    struck = np.where(bits.reshape(*hits.shape[:-1], -1) > 0, VOCABULARY_SIZE - 1, 0).astype(np.uint8)
    return np.concatenate([*(columns[name] for name in _VOICES if material == "trio"), struck], axis=-1)


def usual_of(meters_and_tempi: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Meter and tempo that most files have."""
    meter = Counter(meter for meter, _ in meters_and_tempi).most_common(1)[0][0]
    return {"meter": meter, "tempo_qpm": round(median(tempo for own, tempo in meters_and_tempi if own == meter), 1)}
