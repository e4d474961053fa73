"""A whole MIDI file through a coder: its header, its tracks, and whatever else is in it."""

from __future__ import annotations

from collections.abc import Callable

from musicvae.compose.compressing.events import EventCoder
from musicvae.compose.compressing.expecting import Agenda
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_flag, code_natural
from musicvae.compose.compressing.syntax import Chunk, MidiFile
from musicvae.compose.compressing.texts import code_bytes

__all__ = ["Agendas", "code_file"]

Agendas = Callable[[int, int], Agenda]
"""From the ticks of a beat and the number of a chunk, from 0, to what is expected in it."""


def _nothing(beat: int, number: int) -> Agenda:
    return Agenda()


def code_file(mixer: Mixer, file: MidiFile | None, agendas: Agendas = _nothing) -> MidiFile:
    """Code a file (None: it is read)."""
    if not code_flag(mixer, None if file is None else file.header is not None, "is midi", [()]):
        return MidiFile(None, (), code_bytes(mixer, None if file is None else file.tail, ("bytes", 0)))
    given = (None, None, None) if file is None or file.header is None else file.header
    kind = code_natural(mixer, given[0], "format", [()])
    division = code_natural(mixer, given[2], "division", [()])
    count = code_natural(mixer, None if file is None else len(file.chunks), "chunks", [kind])
    tracks = code_natural(mixer, given[1], "tracks", [()], guesses=[(count, 1)])
    coder = EventCoder(mixer, division if division < 0x8000 else 1)
    chunks: list[Chunk] = []
    for number in range(count):
        chunk = None if file is None else file.chunks[number]
        chunks.append(_code_chunk(mixer, chunk, coder, agendas(division, number)))
    has_tail = code_flag(mixer, None if file is None else bool(file.tail), "has tail", [()])
    tail = code_bytes(mixer, None if file is None else file.tail, ("bytes", 0)) if has_tail else b""
    if max(kind, tracks, division) > 0xFFFF:
        raise ValueError("the numbers of its header are too large")
    return MidiFile((kind, tracks, division), tuple(chunks), tail)


def _code_chunk(mixer: Mixer, chunk: Chunk | None, coder: EventCoder, agenda: Agenda) -> Chunk:
    plain = code_flag(mixer, None if chunk is None else chunk.events is not None, "plain", [()])
    if plain:
        events, end_delta = coder.track(None if chunk is None else chunk.events, None if chunk is None else chunk.end_delta, agenda)
        return Chunk(b"MTrk", events, end_delta)
    name = code_bytes(mixer, None if chunk is None else chunk.name, ("name", 0))
    if len(name) != 4:
        raise ValueError("the name of a chunk has four bytes")
    return Chunk(name, raw=code_bytes(mixer, None if chunk is None else chunk.raw, ("bytes", 1)))
