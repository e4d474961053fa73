"""A whole MIDI file through a coder: its header, its tracks, and whatever else is in it."""

from __future__ import annotations

from musicvae.compose.compressing.events import EventCoder
from musicvae.compose.compressing.expecting import Agenda
from musicvae.compose.compressing.hearing import Heard, code_heard
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_flag, code_natural
from musicvae.compose.compressing.syntax import Chunk, MidiFile
from musicvae.compose.compressing.texts import code_bytes
from musicvae.model.integer.network import IntegerNetwork

__all__ = ["code_file"]


def code_file(mixer: Mixer, file: MidiFile | None, heard: Heard | None = None, network: IntegerNetwork | None = None) -> MidiFile:
    """Code a file (None: it is read). heard: its melody, if it is to go first; network: what knows melodies, if it is to be asked."""
    if not code_flag(mixer, None if file is None else file.header is not None, "is midi", [()]):
        return MidiFile(None, (), code_bytes(mixer, None if file is None else file.tail, ("bytes", 0)))
    given = (None, None, None) if file is None or file.header is None else file.header
    kind = code_natural(mixer, given[0], "format", [()])
    division = code_natural(mixer, given[2], "division", [()])
    count = code_natural(mixer, None if file is None else len(file.chunks), "chunks", [kind])
    tracks = code_natural(mixer, given[1], "tracks", [()], guesses=[(count, 1)])
    beat = division if 0 < division < 0x8000 else 1
    has_melody = code_flag(mixer, None if file is None else heard is not None, "melody", [()])
    melody = code_heard(mixer, heard, network, beat) if has_melody else None
    coder = EventCoder(mixer, beat)
    chunks: list[Chunk] = []
    for number in range(count):
        chunk = None if file is None else file.chunks[number]
        chunks.append(_code_chunk(mixer, chunk, coder, melody.agenda(beat) if melody and melody.chunk == number else Agenda()))
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
