"""Files to .mvz and back, by whichever way is the shortest."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from musicvae.compose.compressing import container
from musicvae.compose.compressing.coder import Reader, Writer
from musicvae.compose.compressing.files import code_file
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.syntax import MidiFile, parse, render

__all__ = ["Packed", "pack", "unpack"]


@dataclass(frozen=True)
class Packed:
    """A .mvz file. way: in words, how it was packed; original_bytes: of the file that went in. notices: what the user should know."""

    data: bytes = field(repr=False)
    way: str
    original_bytes: int
    model_hash: str = ""
    notices: tuple[str, ...] = ()


def pack(data: bytes) -> Packed:
    """The file in these bytes without loss: `unpack` gives the very same bytes."""
    return Packed(_plain(data, parse(data)), "by what the file itself teaches", len(data))


def unpack(data: bytes) -> bytes:
    """The bytes of the file that went in; ValueError for what is no .mvz file, or is damaged."""
    box = container.from_bytes(data)
    return box.check(render(code_file(Mixer(Reader(box.payload)), None)))


def _plain(data: bytes, file: MidiFile) -> bytes:
    writer = Writer()
    code_file(Mixer(writer), file)
    return container.Container(container.PLAIN, "", zlib.crc32(data), writer.finish()).to_bytes()
