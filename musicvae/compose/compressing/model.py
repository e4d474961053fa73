"""Compressing as musicians call it: any music in, bytes of a .mvz file out, and back to a MIDI file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musicvae.compose.compressing.packing import Packed, pack, unpack
from musicvae.compose.engine import Engine
from musicvae.compose.grooving.rendition import bytes_of
from musicvae.compose.intake import Source
from musicvae.compose.styled import LoadedModel
from musicvae.music.melody import Melody

__all__ = ["CompressingModel", "compress", "expand", "packed"]


class CompressingModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that makes files small."""

    def compress(self, source: Source, *, bits: int | None = None, tune: int = 1) -> bytes:
        """The bytes of a .mvz file of any music, as `compress` makes them with this model."""
        return packed(source, model=self, bits=bits, tune=tune).data

    def expand(self, data: bytes) -> bytes:
        """The MIDI file in the bytes of a .mvz file, as `expand` makes it."""
        return expand(data, model=self)


def compress(source: Source, *, model: Any = None, bits: int | None = None, tune: int = 1) -> bytes:
    """The bytes of a .mvz file of any music, from which `expand` makes it again.

    Of a MIDI file every byte comes back; other music is first made one. model: of melodies, a loaded one, its name or path (default:
    "melody"). bits: spend no more than that on the melody's latent code, and keep nothing else. tune: which one of an ABC file, from 1.
    Errors as `compose.intake.take`.
    """
    return packed(source, model=model, bits=bits, tune=tune).data


def packed(source: Source, *, model: Any = None, bits: int | None = None, tune: int = 1) -> Packed:
    """As `compress`, with what is to be told of it."""
    _, data, notices = bytes_of(source, tune)
    found = pack(data)
    return Packed(found.data, found.way, found.original_bytes, found.model_hash, (*notices, *found.notices))


def expand(data: bytes, *, model: Any = None) -> bytes:
    """The MIDI file that went into a .mvz file; ValueError for what is none, or is damaged."""
    return unpack(data)


def _path_of(model: Any) -> Path | None:
    return None
