"""What a network of pieces reads and writes: the columns of a corpus as numbers of each step, and back.

Conventions: N windows of B bars of 16 steps. Columns are those of `corpus.tunes.COLUMNS`, (N, B, 16, ...). The frames of a stream:
of drums (N, B, 16, 9) hits, 0 or 1; of melody and bass (N, B, 16, 1) events of the 90-event vocabulary; of feel (N, B, 16, 18)
velocities from 0 to 1 and then onsets minus grid in sixteenths, late positive, of nine classes, 0 where nothing is hit. What is told:
(N, B, 16, 10) nine hits, or (N, B, 16, 3) a tap, 0 or 1, and its onset minus grid in sixteenths; last log2(tempo / 120 qpm), where
tempi that nobody drums at are told as the nearest that is drummed at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.pieces.config import PieceConfig
from musicvae.music.converters.converter import Columns, column_of, in_steps
from musicvae.music.converters.drum_hits import bits_of, hits_of
from musicvae.music.converters.melodies import Voice
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["USUAL_TEMPO_QPM", "Columns", "Frames", "columns_of", "frames_of", "told_of"]

USUAL_TEMPO_QPM = 120.0
"""Where no tempo is known."""
_SLOWEST_QPM, _FASTEST_QPM = 50.0, 290.0  # of the performances that there are to learn from
_MAX_VELOCITY, _USUAL_VELOCITY = 127, 100 / 127
_ROW, _GROOVE_ROW = (MAX_STEPS_PER_BAR,), (MAX_STEPS_PER_BAR, GROOVE_CLASSES)


class Frames(NamedTuple):
    """Windows as a network takes them: streams in the order of its configuration; told: None where it is told nothing."""

    streams: tuple[Tensor, ...]
    told: Tensor | None

    @property
    def num_windows(self) -> int:
        """N."""
        return len(self.streams[0])

    @property
    def bars(self) -> int:
        """B."""
        return int(self.streams[0].shape[1])


def frames_of(config: PieceConfig, columns: Columns) -> Frames:
    """Columns of the network's material, or of grooves for one of drums, as its frames; ValueError where they do not fit."""
    streams = tuple(torch.from_numpy(np.ascontiguousarray(_READ[name](columns, config))) for name in config.streams)
    return Frames(streams, told_of(config, columns))


def told_of(config: PieceConfig, columns: Columns) -> Tensor | None:
    """What the network is told of columns of drums or grooves; None where it is told nothing.

    "tempo" (N, B) in qpm may be among the columns, and is 120 where it is not.
    """
    if not config.told:
        return None
    hits = _hits(columns)
    qpm = np.asarray(columns.get("tempo", np.full(hits.shape[:2], USUAL_TEMPO_QPM)), np.float32)
    tempo = np.log2(np.clip(qpm, _SLOWEST_QPM, _FASTEST_QPM) / USUAL_TEMPO_QPM)
    parts = [hits] if config.told == "hits" else _taps(columns)
    wide = np.broadcast_to(tempo[:, :, None, None], (*hits.shape[:3], 1))
    return torch.from_numpy(np.concatenate([*parts, wide], -1).astype(np.float32))


def columns_of(config: PieceConfig, streams: tuple[NDArray[Any], ...]) -> dict[str, NDArray[Any]]:
    """The columns of frames that were written, by the network's material; streams of a trio that it has not are silent."""
    found = dict(zip(config.streams, streams, strict=True))
    if config.material == "groove":
        velocity, offset = np.split(found["feel"], 2, axis=-1)
        loudness = np.clip(np.rint(velocity * _MAX_VELOCITY), 0, _MAX_VELOCITY).astype(np.uint8)
        return {"bars": loudness, "offsets": np.where(loudness > 0, np.clip(offset, -0.5, 0.5), 0).astype(np.float16)}
    if config.material == "drums":
        return {"bars": hits_of(found["drums"])}
    shape = streams[0].shape[:3]
    silent = np.zeros(shape, np.uint8)
    voices = {column: found[name][..., 0].astype(np.uint8) if name in found else silent for name, column in _VOICES.items()}
    return {**voices, "drums": hits_of(found["drums"]) if "drums" in found else np.zeros(shape, np.uint64)}


_VOICES: Mapping[str, str] = {"melody": "bars", "bass": "bass"}
"""Columns of a trio's voices."""


def _read_voice(columns: Columns, column: str) -> NDArray[Any]:
    tokens = column_of(columns, column, _ROW)
    # A note-off that is left from a note before the window becomes a hold.
    return Voice().classes(in_steps(tokens)).reshape(*tokens.shape, 1).astype(np.uint8)


def _read_drums(columns: Columns, config: PieceConfig) -> NDArray[Any]:
    return _hits(columns, "drums" if config.material == "trio" else "bars").astype(np.uint8)


def _read_feel(columns: Columns, config: PieceConfig) -> NDArray[Any]:
    velocity, offset = _groove(columns)
    return np.concatenate([velocity, offset], -1)


_READ: Mapping[str, Callable[[Columns, PieceConfig], NDArray[Any]]] = {
    "drums": _read_drums,
    "feel": _read_feel,
    "melody": lambda columns, _: _read_voice(columns, "bars"),
    "bass": lambda columns, _: _read_voice(columns, "bass"),
}


def _hits(columns: Columns, name: str = "bars") -> NDArray[np.float32]:
    """Hits (N, B, 16, 9), 0 or 1, of bits (N, B, 16) or velocities (N, B, 16, 9)."""
    if name in columns and np.ndim(columns[name]) == 2 + len(_GROOVE_ROW):
        return (column_of(columns, name, _GROOVE_ROW) > 0).astype(np.float32)
    hits = column_of(columns, name, _ROW).astype(np.uint64)
    if hits.size and int(hits.max()) >> GROOVE_CLASSES:
        raise ValueError(f"hits of classes beyond the {GROOVE_CLASSES} of the network's map: drums of another map?")
    return bits_of(hits, GROOVE_CLASSES)


def _groove(columns: Columns) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Velocities 0..1 and offsets in sixteenths, (N, B, 16, 9) each; hits without loudness are of 100, without timing on the grid."""
    hits = _hits(columns)
    bars = np.asarray(columns["bars"])
    velocity = bars.astype(np.float32) / np.float32(_MAX_VELOCITY) if bars.ndim == hits.ndim else hits * np.float32(_USUAL_VELOCITY)
    offset = column_of(columns, "offsets", _GROOVE_ROW).astype(np.float32) if "offsets" in columns else np.zeros_like(hits)
    return velocity, offset * hits


def _taps(columns: Columns) -> list[NDArray[np.float32]]:
    """A bit where anything is hit, and the offset of the loudest hit there, (N, B, 16, 1) each."""
    velocity, offset = _groove(columns)
    loudest = velocity.argmax(-1)[..., None]
    return [(velocity.max(-1, keepdims=True) > 0).astype(np.float32), np.take_along_axis(offset, loudest, -1)]
