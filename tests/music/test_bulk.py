"""Bulk MIDI against the reference reader, which walks every event."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import mido
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musicvae.music import bulk
from musicvae.music.bulk import read_midi_bulk
from musicvae.music.extract import extract_grid
from musicvae.music.melody import Melody, Note
from musicvae.music.midi import midi_bytes, score_from_bytes
from musicvae.music.score import NoteTable

# Times whose bytes look like the status bytes of note-ons, programs, meta events and system exclusive data.
TIMES = st.one_of(st.integers(0, 500), st.sampled_from((0x0C80, 0x0800, 0x2000, 0x2780, 0x3F80, 0x3FFF, 0x4000 * 0x45, 2**27)))
CHANNELS = st.sampled_from((0, 0, 0, 1, 5, 9, 15))
PITCHES = st.sampled_from((0, 60, 61, 127))


def message(kind, **fields):
    return st.builds(mido.Message, st.just(kind), time=TIMES, channel=CHANNELS, **fields)


def meta(kind, **fields):
    return st.builds(mido.MetaMessage, st.just(kind), time=TIMES, **fields)


NOTES = st.one_of(
    message("note_on", note=PITCHES, velocity=st.sampled_from((0, 1, 64, 127))),
    message("note_on", note=PITCHES, velocity=st.sampled_from((0, 1, 64, 127))),
    message("note_off", note=PITCHES, velocity=st.integers(0, 127)),
)
EVENTS = st.one_of(
    NOTES, NOTES, NOTES,
    message("program_change", program=st.integers(0, 127)),
    message("control_change", control=st.integers(0, 127), value=st.integers(0, 127)),
    message("pitchwheel", pitch=st.integers(-8192, 8191)),
    message("aftertouch", value=st.integers(0, 127)),
    st.builds(lambda data, time: mido.Message("sysex", data=data, time=time), st.lists(st.integers(0, 127), max_size=4), TIMES),
    meta("track_name", name=st.sampled_from(("Flute", "", "\xc0\x90"))),
    meta("text", text=st.sampled_from(("a", "musicvae {}"))),
    meta("set_tempo", tempo=st.integers(0, 2**24 - 1)),
    meta("time_signature", numerator=st.integers(1, 9), denominator=st.sampled_from((2, 4, 8))),
    meta("key_signature", key=st.sampled_from(("C", "Bbm", "F#"))),
)  # fmt: skip


def saved(tracks, ticks=96, kind=1):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def closed(events):
    """The events, then note-offs for whatever they leave sounding."""
    sounding = [(e.channel, e.note) for e in events if e.type == "note_on" and e.velocity]
    return [*events, *(mido.Message("note_off", channel=channel, note=note, time=7) for channel, note in sounding)]


def raw(*tracks, kind=1, division=96):
    chunks = b"".join(b"MTrk" + struct.pack(">L", len(track)) + track for track in tracks)
    return b"MThd" + struct.pack(">LHHH", 6, kind, len(tracks), division) + chunks


@pytest.fixture
def fallen(monkeypatch):
    """The files that were left to the reference reader."""
    seen = []
    monkeypatch.setattr(bulk, "score_from_bytes", lambda data: seen.append(data) or score_from_bytes(data))
    return seen


@given(st.lists(st.lists(EVENTS, max_size=30), max_size=4))
@settings(max_examples=150)
def test_bulk_and_reference_read_the_same(tracks):
    data = saved(tracks)
    assert read_midi_bulk(data) == score_from_bytes(data)


@given(st.lists(st.lists(EVENTS, max_size=30).map(closed), min_size=1, max_size=4))
@settings(max_examples=150)
def test_whole_files_are_read_without_the_reference(tracks):
    data = saved(tracks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "score_from_bytes", None)
        score = read_midi_bulk(data)
    assert score == score_from_bytes(data)
    assert all(isinstance(track.notes, NoteTable) for track in score.tracks)


def test_programs_channels_and_names_of_one_track(fallen):
    events = [
        mido.MetaMessage("track_name", name="Song"), mido.Message("program_change", channel=3, program=40),
        mido.Message("note_on", channel=3, note=60, velocity=70), mido.Message("program_change", channel=3, program=50, time=5),
        mido.Message("note_off", channel=3, note=60, time=5), mido.Message("note_on", channel=9, note=36, velocity=71),
        mido.Message("note_off", channel=9, note=36, time=5), mido.Message("note_on", channel=1, note=62, velocity=72),
        mido.Message("note_off", channel=1, note=62, time=20_000),
    ]  # fmt: skip
    score = read_midi_bulk(saved([events], kind=0))
    assert not fallen
    assert score.title == "Song"
    assert [(t.program, t.is_drum, [(n.onset_ticks, n.pitch, n.duration_ticks, n.velocity) for n in t.notes]) for t in score.tracks] == [
        (0, False, [(15, 62, 20_000, 72)]), (40, False, [(0, 60, 10, 70)]), (0, True, [(10, 36, 5, 71)]),
    ]  # fmt: skip


NOTE = b"\x00\x90\x3c\x50\x10\x3c\x00"
END = b"\x00\xff\x2f\x00"


@pytest.mark.parametrize(
    "data",
    [
        raw(NOTE),
        raw(NOTE + END + b"\x00\x90\x40\x50"),
        raw(NOTE + END)[:14] + b"XFIH\0\0\0\2ab" + raw(NOTE + END)[14:],
        b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + raw(NOTE + END),
        raw(b"\x00\xf0\x03\x01\x02\xf7\x00\xf7\x01\x05" + NOTE + END),
        raw(b"\x00\x90\x3c\x50\x00\xf0\x01\xf7\x10\x3c\x00" + END),
        raw(b"\x00\xf8\x00\xf3\x01" + NOTE + END),
        raw(b"\x00\xc0\x05\x10\x06" + NOTE + END),
        raw(b"\x00\x90\x3c\x50\x05\x90\x3c\x51" + END),
        raw(b"\x05\xff\x60\x01\x00" + NOTE + b"\x81\xff\x2f\x00"),
        raw(b"\xff\xff\xff\x7f\x90\x3c\x50\xff\xff\xff\x7f\x3c\x00" * 9 + END),
        raw(b"\x00\x90\x3c\xd0\x10\x3c\x00" + END),
        raw(NOTE + b"\xff\x2f\x00"),
        raw(NOTE, kind=2),
        raw(NOTE, division=0xE728),
        raw(b"\x00\xf4" + NOTE),
        raw(b"\x80\x80\x80\x80\x00\x90\x3c\x50\x10\x3c\x00" + END),
        raw(NOTE + b"\x80\x80\x80\x80\x00\x90\x3c\x50\x10\x3c\x00" + END),
        raw(b"\x00\xc0\xff" + NOTE + END),
        raw(b"\x00\x90\x3c"),
        raw(NOTE)[:-2],
        raw(),
        b"",
    ],
    ids=range(23),
)
def test_odd_and_damaged_files_are_read_or_refused_alike(data):
    assert outcome(read_midi_bulk, data) == outcome(score_from_bytes, data)


def outcome(read, data):
    try:
        return read(data)
    except ValueError as error:
        return str(error)


VALID = midi_bytes([Melody(tuple(Note(60 + i, 2 * i, 2) for i in range(8)), name=name) for name in ("a", "b")])


@given(st.lists(st.tuples(st.integers(14, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(303, 0), (305, 128)])  # it ends in the middle of a delta time
@settings(max_examples=300)
def test_damage_is_met_alike(changes):
    data = bytearray(VALID)
    for place, byte in changes:
        data[place] = byte
    ours, reference = outcome(read_midi_bulk, bytes(data)), outcome(score_from_bytes, bytes(data))
    assert ours == reference


def test_the_files_of_music21_are_read_alike():
    music21 = pytest.importorskip("music21")
    files = sorted(Path(music21.__file__).parent.rglob("*.mid"))
    assert files
    for path in files:
        data = path.read_bytes()
        assert outcome(read_midi_bulk, data) == outcome(score_from_bytes, data), path


def test_a_melody_comes_through_bulk_as_it_was_written():
    notes = tuple(Note(60 + i % 5, 4 * i, 3, 64 + i) for i in range(16))
    (line,) = extract_grid(read_midi_bulk(midi_bytes([Melody(notes, num_bars=4)]))).lines
    assert line.melody().notes == notes
