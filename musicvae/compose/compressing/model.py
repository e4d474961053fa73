"""Compressing as musicians call it: any music in, bytes of a .mvz file out, and back to a MIDI file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from musicvae.compose.coding import encode
from musicvae.compose.compressing.packing import Packed, pack, pack_code, unpack
from musicvae.compose.engine import Engine
from musicvae.compose.grooving.rendition import bytes_of
from musicvae.compose.intake import Source, take
from musicvae.compose.library import available_models, find_model
from musicvae.compose.styled import LoadedModel
from musicvae.model.integer.network import IntegerNetwork
from musicvae.music.melody import Melody

__all__ = ["CompressingModel", "compress", "expand", "packed"]


class CompressingModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that makes files small."""

    def compress(self, source: Source, *, bits: int | None = None, tune: int = 1) -> bytes:
        """The bytes of a .mvz file of any music, as `compressing.model.compress` makes them with this model."""
        return packed(source, model=self, bits=bits, tune=tune).data

    def expand(self, data: bytes) -> bytes:
        """The MIDI file in the bytes of a .mvz file, as `compressing.model.expand` makes it."""
        return expand(data, model=self)


ModelOrName: TypeAlias = LoadedModel[Engine, Melody] | str | Path | None


def compress(source: Source, *, model: ModelOrName = None, bits: int | None = None, tune: int = 1) -> bytes:
    """The bytes of a .mvz file of any music, from which `expand` makes it again.

    Of a MIDI file every byte comes back; other music is first made one. model: one of our own of melodies, loaded, or its name or path
    (default: "melody"). bits: spend at most that many on the latent code of the melody, and keep nothing else. tune: which one of an
    ABC file, from 1. Errors as `compose.intake.take`; ValueError for a model of another kind, and for too few bits.
    """
    return packed(source, model=model, bits=bits, tune=tune).data


def packed(source: Source, *, model: ModelOrName = None, bits: int | None = None, tune: int = 1) -> Packed:
    """As `compress`, with what is to be told of it."""
    network = _network(model)
    _, data, notices = bytes_of(source, tune)
    if bits is None:
        found = pack(data, network)
    elif isinstance(bits, bool) or not isinstance(bits, int) or bits < 0:
        raise ValueError(f"bits must be a whole number from 0 up, got {bits!r}")
    else:
        found = _sketched(source, model, bits, tune, len(data), network)
        notices = ()  # which what was taken says itself
    return replace(found, notices=(*notices, *found.notices))


def _sketched(source: Source, model: ModelOrName, bits: int, tune: int, size: int, network: IntegerNetwork) -> Packed:
    from musicvae.compose.model import load_melodic  # which has this module's methods

    loaded = model if isinstance(model, LoadedModel) else load_melodic(model)
    taken = take(source, tune=tune)
    code = encode(loaded.engine, taken.melody)
    found = pack_code(code, network, bits, size)
    return replace(found, notices=(*taken.notices, *found.notices))


def expand(data: bytes, *, model: ModelOrName = None) -> bytes:
    """The MIDI file that went into a .mvz file; where bits were limited, one of the melody that is left.

    model: the one that packed it, loaded, or its name or path (default: whichever of the installed ones has the hash that the file names).
    ValueError for what is no .mvz file, or is damaged, or was packed with a model that is not here.
    """
    return unpack(data, lambda digest: _network_of(digest, model))


def _network(model: ModelOrName) -> IntegerNetwork:
    if isinstance(model, LoadedModel):
        if model.path is None:
            raise ValueError(f"{model.name} was not loaded from a file, which compressing reads its numbers from")
        return IntegerNetwork.load(model.path)
    return IntegerNetwork.load(find_model(model)[1])


def _network_of(digest: str, model: ModelOrName) -> IntegerNetwork:
    """The network with this hash."""
    if model is not None:
        network = _network(model)
        if not network.hash.startswith(digest):
            raise ValueError(f"it was packed with model {digest}, and this is model {network.hash}: give the one that packed it")
        return network
    for known in available_models():
        with known.path.open("rb") as data:
            if hashlib.file_digest(data, "sha256").hexdigest().startswith(digest):
                return IntegerNetwork.load(known.path)
    raise ValueError(f"it was packed with model {digest}, which is not installed: name its file with --model (in Python: model=...)")
