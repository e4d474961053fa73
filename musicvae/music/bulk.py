"""MIDI files in bulk: the scores that `music.midi` reads, tens of times faster, through symusic.

Conventions: as in `music.midi`. symusic pairs the notes of a file in microseconds, but keeps neither
channels nor the times of program changes, forgets notes that nothing ends, and takes fewer odd
files. So each track is walked up to its last byte that may begin anything but a note or a control change (a few names and settings,
as a rule), and given to symusic with its programs set to 0, note-offs for whatever still sounds at the end and, for each channel,
last notes that say which channel it was. Where those do not come back as they should, the reference reader takes the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import symusic

from musicvae.music.events import END_OF_TRACK, META, read_header, split_tracks
from musicvae.music.midi import score_from_bytes
from musicvae.music.midi_facts import FileFacts
from musicvae.music.score import NoteTable, Score

__all__ = ["read_midi_bulk"]

_END = b"\xff\x2f\x00"
# Bytes that may begin a program change, a meta event, system exclusive data or the like; they may also be part of a long delta time.
_MARKS = bytes(0xC0 <= byte < 0xD0 or byte >= 0xF0 for byte in range(256))
_HIGH = bytes(byte >= 0x80 for byte in range(256))
_HARMLESS = b"\xff\x01\x00"  # an empty text


def _closing(channel: int) -> bytes:
    """What is put behind a track: two notes by which it is known again, and between them note-offs of all pitches.

    The first, pitch 1 for a tick, does not come back if the track ended in the middle of an event; the
    second, pitch 0 without length, has the channel plus 1 for its velocity and starts where the note-offs end what still sounds.
    """
    on, off = 0x90 | channel, 0x80 | channel
    offs = b"".join(bytes((0, off, pitch, 0)) for pitch in range(128))
    return bytes((1, on, 1, 127, 1, off, 1, 0)) + offs + bytes((0, on, 0, channel + 1, 0, off, 0, 0))


_CLOSINGS = tuple(_closing(channel) for channel in range(16))
_NOTE_ONS = tuple(bytes((0x90 | channel,)) for channel in range(16))


class _OddError(Exception):
    """A file that is left to the reference reader."""


def read_midi_bulk(data: bytes) -> Score:
    """The score in the bytes of a MIDI file, its notes as `NoteTable`s; equal to what `music.midi.score_from_bytes` gives.

    ValueError as there for what cannot be read. (Clipped data bytes of aftertouch, which sounds nowhere here, go uncounted.)
    """
    header = read_header(data)
    facts = FileFacts()
    try:
        rests = [_scanned(chunk, number, facts) for number, chunk in enumerate(split_tracks(data, header))]
        places = [(number, channel) for number, rest in enumerate(rests) for channel in _channels(rest)]
        notes = _tables(_symusic_notes(rests, header.ticks_per_beat), places)
    except (_OddError, ValueError):
        return score_from_bytes(data)
    return facts.score(header.ticks_per_beat, notes)


def _scanned(chunk: bytes, number: int, facts: FileFacts) -> bytes:
    """What symusic shall see of a track, without its end; what it would not tell goes into `facts`."""
    end = len(chunk) - len(_END) if chunk.endswith(_END) else len(chunk)
    scan = _Scan(chunk, number, facts)
    scan.walk(chunk.translate(_MARKS).rfind(1, 0, end) + 1)
    if chunk.translate(_HIGH).find(b"\1\1\1\1", scan.position) >= 0:
        raise _OddError  # a number longer than 4 bytes, or worse
    if scan.end_of_track is not None:
        return bytes(scan.patched[: scan.end_of_track]) + _HARMLESS
    if end == len(chunk) and chunk[-1:] >= b"\x80":
        raise _OddError  # it ends in the middle of a delta time, which what is put behind it would complete
    if scan.position > end or end == len(chunk):
        return bytes(scan.patched)
    if scan.position == end:
        raise _OddError  # no time before the end of track
    return bytes(scan.patched[:end]) + _HARMLESS


class _Scan:
    """A walk over the events of a track that makes no object for a note or a control change.

    patched: the track's bytes with all programs set to 0. position: where the next event begins.
    """

    def __init__(self, chunk: bytes, number: int, facts: FileFacts) -> None:
        self.chunk, self.number, self.facts = chunk, number, facts
        self.patched = bytearray(chunk)
        self.position = 0
        self.end_of_track: int | None = None

    def walk(self, until: int) -> None:
        """Take in the events that begin before byte `until`, and programs under running status after it."""
        try:
            self._walk(until)
        except IndexError:
            raise _OddError from None  # cut off: the reference reader knows what to say

    def _walk(self, until: int) -> None:
        chunk, position, tick, running = self.chunk, 0, 0, 0
        while position < until or (running & 0xF0 == 0xC0 and position < len(chunk)):
            byte = chunk[position]
            position += 1
            delta = byte & 0x7F
            if byte & 0x80:
                delta, position = self._number(position - 1)
            tick += delta
            status = chunk[position]
            if status >= 0xF0:
                position = self._system(status, position + 1, tick)
                if self.end_of_track is not None:
                    break
                continue
            if status >= 0x80:
                running = status
                position += 1
            elif not running:
                raise _OddError
            if running & 0xE0 == 0xC0:  # programs and channel pressure have one byte
                if running < 0xD0:
                    self._program(running & 0x0F, position, tick)
                position += 1
            else:
                position += 2
        self.position = position

    def _number(self, position: int) -> tuple[int, int]:
        """The variable-length number at `position`, and the position after it."""
        value = 0
        for _ in range(4):
            byte = self.chunk[position]
            position += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, position
        raise _OddError

    def _program(self, channel: int, position: int, tick: int) -> None:
        if self.chunk[position] >= 0x80:
            raise _OddError
        self.facts.add_program(self.number, tick, channel, self.chunk[position])
        self.patched[position] = 0

    def _system(self, status: int, position: int, tick: int) -> int:
        """Where the event after this meta event or system exclusive data begins; `position` is that behind its status byte."""
        if status not in (META, 0xF0, 0xF7):
            raise _OddError
        is_meta = status == META
        size, content = self._number(position + is_meta)
        if content + size > len(self.chunk):
            raise _OddError
        if not is_meta:
            self._silence(position - 1, content, size)
        elif self.chunk[position] == END_OF_TRACK:
            self.end_of_track = position - 1
        else:
            self.facts.add_meta(self.number, tick, self.chunk[position : position + 1] + self.chunk[content : content + size])
        return content + size

    def _silence(self, start: int, content: int, size: int) -> None:
        """Make system exclusive data, which symusic takes in its own way, a text of the same number of bytes."""
        if not size:
            raise _OddError
        width = content - start - 1
        length = [size - 1 >> 7 * i & 0x7F | (0x80 if i else 0) for i in reversed(range(width))]
        self.patched[start : content + 1] = bytes((META, 1, *length))


def _channels(rest: bytes) -> list[int]:
    """The channels that notes may be on: others cannot be."""
    return [channel for channel, note_on in enumerate(_NOTE_ONS) if note_on in rest] or [0]


def _symusic_notes(rests: Sequence[bytes], ticks_per_beat: int) -> list[Any]:
    """The note columns of each (MIDI track, channel) that may have notes, in order."""
    chunks = [rest + b"".join(_CLOSINGS[channel] for channel in _channels(rest)) for rest in rests]
    file = b"MThd\0\0\0\6\0\1%b%b" % (len(chunks).to_bytes(2, "big"), ticks_per_beat.to_bytes(2, "big"))
    file += b"".join(b"MTrk%b%b" % (len(chunk).to_bytes(4, "big"), chunk) for chunk in chunks)
    try:
        tracks = symusic.Score.from_midi(file).tracks
    except RuntimeError:  # damaged, or odd in a way that it does not know
        raise _OddError from None
    columns = [track.notes.numpy() for track in tracks]
    return [found for found in columns if len(found["time"])]


def _tables(columns: Sequence[Any], places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], NoteTable]:
    """The notes of each place without the last two, which must be there."""
    if len(columns) != len(places):
        raise _OddError
    tables = {}
    for place, found in zip(places, columns, strict=True):
        onset, duration, pitch, velocity = found["time"], found["duration"], found["pitch"], found["velocity"]
        last = int(onset[-1])
        if len(onset) < 2 or (*pitch[-2:], *velocity[-2:], *duration[-2:], onset[-2] - last) != (1, 0, 127, place[1] + 1, 1, 0, -1):
            raise _OddError
        # Times beyond 31 bits come back negative. Where a note-off of ours ended a note, there may be more of its pitch.
        if onset.min() < 0 or (onset[:-2] + duration[:-2] == last).any():
            raise _OddError
        if len(onset) > 2:
            tables[place] = NoteTable(onset[:-2], pitch[:-2], duration[:-2], velocity[:-2])
    return tables
