"""Standard MIDI files: to a `Score`, and from melodies.

Conventions: reading keeps the file's integer ticks and quantises nothing; there is one `Track` for
every channel of every MIDI track. Files are written in format 1 at 480 ticks a beat: the first
track holds tempo, meter, key and, as a text event, where the melody came from (`music.provenance`);
then one track a melody, which ends on its last bar line. Nothing written depends on the time or the path.
"""

from __future__ import annotations

import io
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import mido

from musicvae.music.events import META, Event, read_events, read_header, split_tracks
from musicvae.music.files import atomic_path
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.midi_facts import DRUM_CHANNEL, FileFacts, roundest_qpm
from musicvae.music.midi_writing import score_bytes, write_score
from musicvae.music.provenance import provenance_text
from musicvae.music.score import Score, ScoreNote

__all__ = ["MAX_FILE_BYTES", "TICKS_PER_BEAT", "midi_bytes", "read_midi", "roundest_qpm", "score_bytes", "score_from_bytes",
           "write_midi", "write_score"]  # fmt: skip

TICKS_PER_BEAT = 480
_TICKS_PER_STEP = TICKS_PER_BEAT // STEPS_PER_BEAT
MAX_FILE_BYTES = 64 * 2**20
"""Larger files are refused: the largest in the public collections is a tenth of this."""

_MAX_MICROSECONDS_PER_BEAT = 2**24 - 1


def read_midi(path: str | Path) -> Score:
    """Everything musical in a MIDI file of format 0 or 1.

    Raises FileNotFoundError if it is missing, and ValueError, with the path, if it is no MIDI file,
    empty, truncated, damaged, in SMPTE time or larger than `MAX_FILE_BYTES`. What could be put right is counted in `Score.losses`.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a folder or a device, not a MIDI file")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise ValueError(f"{path} has {size / 2**20:.0f} MiB; MIDI files up to {MAX_FILE_BYTES // 2**20} MiB are read: is it audio?")
    try:
        return score_from_bytes(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def score_from_bytes(data: bytes) -> Score:
    """The score in the bytes of a MIDI file; ValueError as in `read_midi`, without the path."""
    header = read_header(data)
    facts = FileFacts()
    notes: dict[tuple[int, int], list[ScoreNote]] = defaultdict(list)
    for number, chunk in enumerate(split_tracks(data, header)):
        _read_track(read_events(chunk, number + 1, facts.losses), number, facts, notes)
    return facts.score(header.ticks_per_beat, {place: tuple(sorted(found)) for place, found in notes.items()})


def _read_track(events: Iterable[Event], number: int, facts: FileFacts, notes: dict[tuple[int, int], list[ScoreNote]]) -> None:
    # (channel, pitch) -> onset and velocity of the notes sounding; the oldest ends first
    sounding: dict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
    tick = 0
    for tick, status, data in events:
        if status == META:
            facts.add_meta(number, tick, data)
            continue
        message, channel = status & 0xF0, status & 0x0F
        if message == 0x90 and data[1]:
            sounding[channel, data[0]].append((tick, data[1]))
        elif message in (0x80, 0x90):
            if starts := sounding.get((channel, data[0])):
                onset, velocity = starts.popleft()
                notes[number, channel].append(ScoreNote(onset, data[0], tick - onset, velocity))
        elif message == 0xC0:
            facts.add_program(number, tick, channel, data[0])
    for (channel, pitch), starts in sounding.items():
        for onset, velocity in starts:
            facts.losses["notes without an end, held to the end of their track"] += 1
            notes[number, channel].append(ScoreNote(onset, pitch, tick - onset, velocity))


def midi_bytes(melodies: Sequence[Melody]) -> bytes:
    """The bytes of a MIDI file with one track a melody, all starting together.

    The melodies share meter and tempo; key signature and title are the first one's. Modes
    other than major and minor are written as the major key of the same signature and kept exactly in
    the text event. ValueError for no melodies, differing meters or tempi, or a tempo below 3.6.
    """
    _check_together(melodies)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_conductor_track(melodies))
    file.tracks += [_melody_track(melody, number) for number, melody in enumerate(melodies)]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def write_midi(melodies: Sequence[Melody], path: str | Path, *, force: bool = False) -> Path:
    """Write melodies as `midi_bytes` does; returns the path. Errors also as `music.files.atomic_path`."""
    data = midi_bytes(melodies)
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def _check_together(melodies: Sequence[Melody]) -> None:
    if not melodies:
        raise ValueError("no melodies to write; at least one is needed")
    for what, values in (("meter", {str(m.meter) for m in melodies}), ("tempo", {f"{m.tempo_qpm:g}" for m in melodies})):
        if len(values) > 1:
            raise ValueError(f"melodies in one file share their {what}, got {', '.join(sorted(values))}: write one file each?")
    slowest = 60_000_000 / _MAX_MICROSECONDS_PER_BEAT
    if melodies[0].tempo_qpm < slowest:
        raise ValueError(f"tempo {melodies[0].tempo_qpm:g} cannot be written: the slowest in MIDI is {slowest:.2f} quarter notes a minute")


def _conductor_track(melodies: Sequence[Melody]) -> mido.MidiTrack:
    first = melodies[0]
    meter = first.meter
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=_as_latin1(first.name)))
    track.append(mido.MetaMessage("set_tempo", tempo=round(60_000_000 / first.tempo_qpm)))
    clocks = 96 * (3 if compound else 1) // meter.denominator  # 24 a quarter note
    track.append(
        mido.MetaMessage("time_signature", numerator=meter.numerator, denominator=meter.denominator, clocks_per_click=max(1, clocks))
    )
    if first.key is not None:
        track.append(mido.MetaMessage("key_signature", key=_signature(first.key)))
    track += [mido.MetaMessage("text", text=provenance_text(melody)) for melody in melodies]
    track.append(mido.MetaMessage("end_of_track", time=_end_tick(first)))
    return track


def _melody_track(melody: Melody, number: int) -> mido.MidiTrack:
    channel = number % 15
    channel += channel >= DRUM_CHANNEL
    # Sorted by tick, and a note that ends before one that starts.
    events = []
    for note in melody.notes:
        events.append((note.onset_steps * _TICKS_PER_STEP, 1, note.pitch, note.velocity))
        events.append((note.end_steps * _TICKS_PER_STEP, 0, note.pitch, 0))
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=_as_latin1(melody.name)))
    track.append(mido.Message("program_change", channel=channel, program=melody.program))
    now = 0
    for tick, starts, pitch, velocity in sorted(events):
        kind = "note_on" if starts else "note_off"
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=_end_tick(melody) - now))
    return track


def _end_tick(melody: Melody) -> int:
    return melody.num_steps * _TICKS_PER_STEP


def _signature(key: Key) -> str:
    """The key in mido's spelling; modes as the major key with their signature."""
    tonic, mode = (key.tonic, "m") if key.mode == "minor" else (key.major_tonic, "")
    name = str(Key(tonic, "minor" if mode else "major")).split()[0]
    return name + mode


def _as_latin1(text: str) -> str:
    """UTF-8 bytes in the disguise of Latin-1, the one encoding mido writes whatever other threads have set."""
    return text.encode("utf-8", "replace").decode("latin-1")
