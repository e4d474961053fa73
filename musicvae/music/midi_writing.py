"""A whole `Score` as a MIDI file, exact in ticks: what `music.midi` reads from it is the score again.

Conventions: format 1 in the score's own ticks per beat. The first MIDI track holds title, tempi, meters, keys and
texts; then one a track, on channels of their own as far as 15 reach, drums on channel 9. Tempi are kept as the whole
microseconds a beat that they were read from. MIDI has no place for chord changes and for modes other than major and minor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from musicvae.music.events import read_events, read_header, split_tracks
from musicvae.music.files import atomic_path
from musicvae.music.key import Key
from musicvae.music.midi_facts import DRUM_CHANNEL, roundest_qpm
from musicvae.music.score import Ints, NoteTable, Score, Track

__all__ = ["score_bytes", "with_track", "write_score"]

_TEXT, _TRACK_NAME, _END, _TEMPO, _METER, _KEY = 0x01, 0x03, 0x2F, 0x51, 0x58, 0x59
_MAX_DELTA = 2**28 - 1
_MAX_MICROSECONDS = 2**24 - 1


def write_score(score: Score, path: str | Path, *, force: bool = False) -> Path:
    """Write `score_bytes`; returns the path. FileExistsError if it is there and `force` is off."""
    data = score_bytes(score)
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def score_bytes(score: Score) -> bytes:
    """The bytes of a MIDI file with every track, note, tempo, meter, key, name and text of a score.

    Notes of equal pitch that overlap are paired first in, first out by readers; where a later one ends sooner,
    it goes to a further track of the same name and program. ValueError for what MIDI cannot hold.
    """
    if not 1 <= score.ticks_per_beat <= 0x7FFF:
        raise ValueError(f"{score.ticks_per_beat} ticks per beat cannot be written: MIDI allows 1 to 32767")
    end = max(score.end_ticks, score.length_ticks)
    chunks = [_conductor(score, end)]
    pitched = 0
    for number, track in enumerate(score.tracks, 1):
        channel = DRUM_CHANNEL if track.is_drum else _channel(pitched)
        pitched += not track.is_drum
        chunks += [_notes(track, layer, channel, end, number) for layer in _layers(NoteTable.of(track.notes))]
    header = b"MThd\0\0\0\6\0\1%b%b" % (len(chunks).to_bytes(2, "big"), score.ticks_per_beat.to_bytes(2, "big"))
    return header + b"".join(b"MTrk%b%b" % (len(chunk).to_bytes(4, "big"), chunk) for chunk in chunks)


def with_track(data: bytes, track: Track) -> bytes:
    """The bytes of a MIDI file with one track more, in the file's own ticks, on a channel that no other uses as far as there is one."""
    header = read_header(data)
    chunks = list(split_tracks(data, header))
    used, end = {DRUM_CHANNEL}, 0
    for number, chunk in enumerate(chunks, 1):
        events = read_events(chunk, number, Counter())
        used |= {event.status & 0x0F for event in events if event.status < 0xF0}
        end = max(end, events[-1].tick if events else 0)
    channel = DRUM_CHANNEL if track.is_drum else next((number for number in range(16) if number not in used), 15)
    notes = NoteTable.of(track.notes)
    chunks.append(_notes(track, notes, channel, max(end, int(notes.end_ticks.max(initial=0))), len(chunks) + 1))
    head = b"MThd\0\0\0\6\0\1%b%b" % (len(chunks).to_bytes(2, "big"), header.ticks_per_beat.to_bytes(2, "big"))
    return head + b"".join(b"MTrk%b%b" % (len(chunk).to_bytes(4, "big"), chunk) for chunk in chunks)


def _channel(pitched: int) -> int:
    channel = pitched % 15
    return channel + (channel >= DRUM_CHANNEL)


def _conductor(score: Score, end: int) -> bytes:
    # At one tick tempo, meter and key stand in this order; the title and the texts come first of all.
    events = [(0, 0, _meta(_TRACK_NAME, _encoded(score.title)))] if score.title else []
    events += [(0, 1, _meta(_TEXT, _encoded(text))) for text in score.texts]
    events += [(change.tick, 2, _meta(_TEMPO, _microseconds(change.qpm).to_bytes(3, "big"))) for change in score.tempi]
    events += [(change.tick, 3, _meta(_METER, _meter(change.meter.numerator, change.meter.denominator))) for change in score.meters]
    events += [(change.tick, 4, _meta(_KEY, _signature(change.key))) for change in score.keys]
    events.sort(key=lambda event: event[:2])
    return b"".join(_timed(((tick, data) for tick, _, data in events), end))


def _timed(events: Iterable[tuple[int, bytes]], end: int) -> Iterator[bytes]:
    """Events with the time since the one before, then the end of the track."""
    now = 0
    for tick, data in events:
        yield _delta(tick - now) + data
        now = tick
    yield _delta(max(0, end - now)) + _meta(_END, b"")


def _notes(track: Track, notes: NoteTable, channel: int, end: int, number: int) -> bytes:
    """A MIDI track with a name, a program and these notes."""
    if not 0 <= track.program <= 127:
        raise ValueError(f"track {number} has program {track.program}, outside 0-127")
    name = b"\0" + _meta(_TRACK_NAME, _encoded(track.name)) if track.name else b""
    program = bytes((0, 0xC0 | channel, track.program))
    if not len(notes):
        return name + program + _delta(end) + _meta(_END, b"")
    for what, values, low in (("pitch", notes.pitch, 0), ("velocity", notes.velocity, 1)):
        if values.min() < low or values.max() > 127:
            raise ValueError(
                f"track {number} has a note of {what} {values.min() if values.min() < low else values.max()}, outside {low}-127"
            )
    if notes.onset_ticks[0] < 0 or notes.duration_ticks.min() < 0:
        raise ValueError(f"track {number} has a note that starts before tick 0 or ends before it starts")
    ends = notes.end_ticks
    lasting = notes.duration_ticks > 0
    ticks = np.concatenate([ends, notes.onset_ticks])
    # At one tick: the ends of lasting notes, then notes without length from start to end, then starts.
    kinds = np.concatenate([np.where(lasting, 0, 2), np.where(lasting, 3, 1)])
    order = np.lexsort((kinds, ticks))
    count = len(notes)
    status = np.where(order < count, 0x80, 0x90) | channel
    velocity = np.concatenate([np.zeros(count, np.int64), notes.velocity])[order]
    events = _packed(np.diff(ticks[order], prepend=0), status, np.tile(notes.pitch, 2)[order], velocity)
    return name + program + events + _delta(max(0, end - int(ends.max()))) + _meta(_END, b"")


def _packed(deltas: Ints, status: Ints, pitch: Ints, velocity: Ints) -> bytes:
    """Channel events of two data bytes with their delta times, all at once; (M,) each."""
    _check_delta(int(deltas.max()))
    table = np.empty((len(deltas), 7), np.uint8)
    used = np.ones(table.shape, np.bool_)
    for column, shift in enumerate((21, 14, 7, 0)):
        table[:, column] = deltas >> shift & 0x7F | (0x80 if shift else 0)
        used[:, column] = (deltas >> shift > 0) | (shift == 0)
    table[:, 4], table[:, 5], table[:, 6] = status, pitch, velocity
    return table[used].tobytes()


def _layers(notes: NoteTable) -> list[NoteTable]:
    """The notes, split so that of equal pitches in each part the first to start is the first to end."""
    order = np.lexsort((np.arange(len(notes)), notes.pitch))
    pitch, ends = notes.pitch[order], notes.end_ticks[order]
    if not bool(((ends[1:] < ends[:-1]) & (pitch[1:] == pitch[:-1])).any()):
        return [notes]
    layer_of = np.zeros(len(notes), np.int64)
    last_ends: list[int] = []
    last_pitch = -1
    for index, high, stop in zip(order.tolist(), pitch.tolist(), ends.tolist(), strict=True):
        last_ends = last_ends if high == last_pitch else []
        last_pitch = high
        layer = next((i for i, before in enumerate(last_ends) if before <= stop), len(last_ends))
        last_ends[layer : layer + 1] = [stop]
        layer_of[index] = layer
    columns = (notes.onset_ticks, notes.pitch, notes.duration_ticks, notes.velocity)
    return [NoteTable(*(c[layer_of == layer] for c in columns)) for layer in range(int(layer_of.max()) + 1)]


def _meta(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + _delta(len(content)) + content


def _delta(ticks: int) -> bytes:
    """A number as MIDI writes it, 7 bits a byte."""
    _check_delta(ticks)
    return bytes(ticks >> shift & 0x7F | (0x80 if shift else 0) for shift in (21, 14, 7, 0) if ticks >> shift or not shift)


def _check_delta(ticks: int) -> None:
    if not 0 <= ticks <= _MAX_DELTA:
        raise ValueError(f"{ticks} ticks between two events cannot be written: MIDI allows 0 to {_MAX_DELTA}")


def _microseconds(qpm: float) -> int:
    microseconds = round(60_000_000 / qpm) if qpm > 0 else 0
    if microseconds > _MAX_MICROSECONDS or roundest_qpm(microseconds) is None:
        raise ValueError(f"tempo {qpm:g} cannot be written: MIDI holds 3.58 to 10000 quarter notes a minute")
    return microseconds


def _meter(numerator: int, denominator: int) -> bytes:
    if numerator > 255 or denominator > 64:
        raise ValueError(f"meter {numerator}/{denominator} cannot be written: MIDI holds up to 255/64")
    compound = denominator >= 8 and numerator % 3 == 0
    clocks = max(1, 96 * (3 if compound else 1) // denominator)  # 24 a quarter note
    return bytes((numerator, denominator.bit_length() - 1, clocks, 8))


def _signature(key: Key) -> bytes:
    return bytes((key.sharps & 0xFF, key.mode == "minor"))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
