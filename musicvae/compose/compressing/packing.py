"""Files to .mvz and back, by whichever way is the shortest."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from musicvae.compose.code import Code
from musicvae.compose.compressing import container
from musicvae.compose.compressing.coder import BitCoder, Reader, TooMuch, Writer
from musicvae.compose.compressing.files import code_file
from musicvae.compose.compressing.hearing import Heard, hear
from musicvae.compose.compressing.lossy import checksum_of, pack_sketch, sketch_of, unpack_sketch
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.primer import usual
from musicvae.compose.compressing.syntax import MidiFile, parse, render
from musicvae.compose.compressing.weights import WEIGHTS
from musicvae.model.integer.network import IntegerNetwork
from musicvae.music.midi import MAX_FILE_BYTES, midi_bytes

__all__ = ["MOST_MODELLED", "Networks", "Packed", "pack", "pack_code", "unpack"]

Networks = Callable[[str], IntegerNetwork]
"""From the hash of a model to its network; ValueError where it is not at hand."""

_WAYS = {container.PLAIN: "by what the file itself teaches", container.WITH_MODEL: "with what the model knows of melodies"}


_SMALL = 1 << 13
"""Bytes of files for which the hash of a model may cost more than the model saves, so that every way is tried."""
MOST_MODELLED = 1 << 18
"""Bytes of the largest file that is packed event by event, which takes about a minute."""
MOST_BITS = MOST_MODELLED << 5
"""Decisions that any such file is made of; a damaged or hostile one is given up after so many."""
_MOST_MEMORY = 1 << 27
"""Bytes that LZMA may take, which is twice what it takes of a file that was packed here."""


@dataclass(frozen=True)
class Packed:
    """A .mvz file. way: in words, how it was packed; original_bytes: of the file that went in.

    tried: bytes by each way, as `container` counts them, that was tried. notices: what the user should know.
    """

    data: bytes = field(repr=False)
    way: str
    original_bytes: int
    model_hash: str = ""
    notices: tuple[str, ...] = ()
    tried: Mapping[int, int] = field(default_factory=dict)


def pack(data: bytes, network: IntegerNetwork | None = None, *, way: int | None = None) -> Packed:
    """The file in these bytes without loss: `unpack` gives the very same bytes.

    way: `container.PLAIN` or `container.WITH_MODEL` (default: the shorter); ValueError for one that cannot be, without network or melody.
    """
    if len(data) > MOST_MODELLED:
        if way is not None:
            raise ValueError(f"{len(data)} bytes are too many to be modelled: at most {MOST_MODELLED} are, and more are packed as xz does")
        return _in_bulk(data)
    file = parse(data)
    heard = hear(data, file, canonical_key=network is None or network.config.canonical_key)
    found = _boxed(data, file, None, None)
    if heard is not None:
        if network is None or way == container.PLAIN or len(data) <= _SMALL:
            found += _boxed(data, file, heard, None)
        if network is not None and way != container.PLAIN:
            found += _boxed(data, file, heard, network)
    if not found:
        return _in_bulk(data)
    allowed = [box for box in found if way in (None, box.way)]
    if not allowed:
        raise ValueError("there is no melody in it that a model could help with, or no model")
    best = min(allowed, key=lambda box: len(box.to_bytes()))
    tried = {known: min(len(box.to_bytes()) for box in found if box.way == known) for known in sorted({box.way for box in found})}
    used = network.hash if network is not None and best.way == container.WITH_MODEL else ""
    return Packed(best.to_bytes(), _WAYS[best.way], len(data), used, tried=tried)


def pack_code(code: Code, network: IntegerNetwork, bits: int, original_bytes: int) -> Packed:
    """A melody's code in at most so many bits, and nothing else of the file; ValueError where that is too few."""
    sketch, spent = sketch_of(code, network, bits)
    way = f"an idea of the melody in {spent} bits"
    return Packed(pack_sketch(sketch, network), way, original_bytes, network.hash, code.notices)


def unpack(data: bytes, networks: Networks) -> bytes:
    """The bytes of the file that went in, or of a MIDI file of the melody that is left.

    ValueError for what is no .mvz file, is damaged, or needs a model that is not at hand.
    """
    box = container.from_bytes(data)
    network = None if box.way in container.WITHOUT_MODEL else networks(box.model_hash)
    try:
        found, checksum = _opened(box, network)
    except (ArithmeticError, LookupError, EOFError, ValueError, lzma.LZMAError) as error:
        raise ValueError(f"what is in it makes no sense ({error}): is it damaged, or packed by another version?") from error
    box.check(checksum)
    return found


def _opened(box: container.Container, network: IntegerNetwork | None) -> tuple[bytes, int]:
    """The bytes of a MIDI file, and the checksum of what the file says it holds."""
    if box.way == container.LOSSY:
        assert network is not None
        melody = unpack_sketch(box.payload, network)
        return midi_bytes([melody]), checksum_of(melody)
    if box.way == container.BULK:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MOST_MEMORY)
        found = decompressor.decompress(box.payload, MAX_FILE_BYTES)
    else:
        found = render(code_file(_mixer(Reader(box.payload, most=MOST_BITS)), None, None, network))
    return found, zlib.crc32(found)


def _in_bulk(data: bytes) -> Packed:
    """The file packed as xz does, in no time."""
    payload = lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME)
    box = container.Container.of(container.BULK, "", zlib.crc32(data), payload)
    notice = f"{len(data)} bytes were packed as xz does: modelling them would take minutes"
    return Packed(box.to_bytes(), "as xz does", len(data), notices=(notice,), tried={container.BULK: len(box.to_bytes())})


def _boxed(data: bytes, file: MidiFile, heard: Heard | None, network: IntegerNetwork | None) -> list[container.Container]:
    """The file packed in one way; nothing where that would take too long."""
    writer = Writer(most=MOST_BITS)
    try:
        code_file(_mixer(writer), file, heard, network)
    except TooMuch:
        return []
    way, digest = (container.PLAIN, "") if network is None else (container.WITH_MODEL, network.hash)
    return [container.Container.of(way, digest, zlib.crc32(data), writer.finish())]


def _mixer(coder: BitCoder) -> Mixer:
    return Mixer(coder, WEIGHTS, experience=usual())
