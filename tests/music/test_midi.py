from __future__ import annotations

import io
import struct
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import mido
import pretty_midi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicvae.music.key import MODES, Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import SUPPORTED, Meter
from musicvae.music.midi import midi_bytes, read_midi, score_from_bytes, write_midi
from musicvae.music.provenance import provenance_of
from musicvae.music.score import Score, ScoreNote

SONG = Melody(
    (Note(62, 0, 4, 70), Note(65, 4, 2), Note(69, 6, 6, 127)),
    meter=Meter(3, 4),
    num_bars=2,
    tempo_qpm=97,
    key=Key.parse("D dorian"),
    program=73,
    name="Tune",
    provenance={"seed": 7, "model": "m"},
)


@st.composite
def melodies(draw: st.DrawFn, meter: Meter | None = None, tempo: float | None = None) -> Melody:
    meter = meter or Meter.parse(draw(st.sampled_from([*SUPPORTED, "5/4", "7/8", "12/8"])))
    bars = draw(st.integers(1, 4))
    ends = bars * meter.steps_per_bar
    notes, step = [], 0
    while step < ends and len(notes) < 12:
        onset = step + draw(st.integers(0, 5))
        duration = draw(st.integers(1, 9))
        step = onset + duration
        if step <= ends:
            notes.append(Note(draw(st.integers(0, 127)), onset, duration, draw(st.integers(1, 127))))
    values = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.none(), st.booleans())
    return Melody(
        tuple(notes),
        meter=meter,
        num_bars=bars,
        tempo_qpm=tempo or draw(st.one_of(st.integers(4, 7000), st.sampled_from([96.5, 120.25, 3.75]))),
        key=draw(st.one_of(st.none(), st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES))))),
        program=draw(st.integers(0, 127)),
        name=draw(st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Z"]), min_size=1, max_size=8)),
        provenance=draw(st.dictionaries(st.text().filter(lambda name: name != "melody"), values, max_size=3)),
    )


def melodies_of(score: Score) -> list[Melody]:
    """The melodies back from a score that `midi_bytes` wrote, without the extraction under test elsewhere."""
    found = []
    by_name = list(score.tracks)
    for entry in provenance_of(score):
        facts = dict(entry)
        about = facts.pop("melody")
        key = Key.parse(about["key"]) if "key" in about else None
        track = by_name.pop(0)
        assert all(n.onset_ticks % 120 == n.duration_ticks % 120 == 0 for n in track.notes)
        notes = tuple(Note(n.pitch, n.onset_ticks // 120, n.duration_ticks // 120, n.velocity) for n in track.notes)
        found.append(Melody(notes, score.meters[0].meter, about["bars"], score.tempi[0].qpm, key, track.program, track.name, facts))
    return found


@given(melodies().filter(lambda melody: melody.notes))
def test_a_melody_comes_back_from_its_bytes(melody: Melody) -> None:
    score = score_from_bytes(midi_bytes([melody]))
    assert melodies_of(score) == [melody]
    assert [change.key for change in score.keys] == ([melody.key] if melody.key else [])
    assert score.title == melody.name
    assert score.ticks_per_beat == 480
    assert not score.losses


@given(st.lists(melodies(meter=Meter(4, 4), tempo=120.0).filter(lambda melody: melody.notes), min_size=2, max_size=17))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_several_melodies_come_back_in_order(several: list[Melody]) -> None:
    score = score_from_bytes(midi_bytes(several))
    assert melodies_of(score) == several
    assert not any(track.is_drum for track in score.tracks)


def test_what_other_libraries_see() -> None:
    data = midi_bytes([SONG])
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 2)
    assert [sum(message.time for message in track) for track in file.tracks] == [6 * 480, 6 * 480]
    assert [message.key for message in file.tracks[0] if message.type == "key_signature"] == ["C"]
    meter = next(message for message in file.tracks[0] if message.type == "time_signature")
    assert (meter.numerator, meter.denominator, meter.clocks_per_click) == (3, 4, 24)
    text = next(message.text for message in file.tracks[0] if message.type == "text")
    assert text == 'musicvae {"melody":{"bars":2,"key":"D dorian"},"model":"m","seed":7}'

    pretty = pretty_midi.PrettyMIDI(io.BytesIO(data))
    (instrument,) = pretty.instruments
    assert (instrument.program, instrument.name, instrument.is_drum) == (73, "Tune", False)
    beat = 60 / 97
    for note, ours in zip(instrument.notes, SONG.notes, strict=True):
        assert (note.pitch, note.velocity) == (ours.pitch, ours.velocity)
        assert note.start == pytest.approx(ours.onset * beat, rel=1e-5)
        assert note.end == pytest.approx((ours.onset + ours.duration) * beat, rel=1e-5)


@pytest.mark.parametrize(("meter", "clocks"), [("6/8", 36), ("4/4", 24), ("2/2", 48), ("2/4", 24), ("5/8", 12), ("9/8", 36)])
def test_metronome_click(meter: str, clocks: int) -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_bytes([Melody((), Meter.parse(meter), 2)])))
    assert next(m.clocks_per_click for m in file.tracks[0] if m.type == "time_signature") == clocks


def test_a_changed_signature_outweighs_the_kept_mode() -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_bytes([SONG])))
    for message in file.tracks[0]:
        if message.type == "key_signature":
            message.key = "G"
    assert [str(change.key) for change in score_from_bytes(_saved(file)).keys] == ["G major"]


def test_refusals_when_writing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no melodies to write"):
        midi_bytes([])
    with pytest.raises(ValueError, match="share their meter, got 3/4, 4/4"):
        midi_bytes([SONG, Melody((), tempo_qpm=97)])
    with pytest.raises(ValueError, match="share their tempo, got 80, 97"):
        midi_bytes([SONG, replace(SONG, tempo_qpm=80)])
    with pytest.raises(ValueError, match=r"tempo 3\.5 cannot be written: the slowest in MIDI is 3\.58"):
        midi_bytes([replace(SONG, tempo_qpm=3.5)])
    with pytest.raises(FileNotFoundError, match="create it first"):
        write_midi([SONG], tmp_path / "none" / "a.mid")


def test_write_and_read_a_file(tmp_path: Path) -> None:
    path = SONG.write(tmp_path / "a.mid")
    assert path == tmp_path / "a.mid"
    assert melodies_of(read_midi(path)) == [SONG]
    with pytest.raises(FileExistsError, match="use --force"):
        SONG.write(path)
    other = SONG.write(tmp_path / "other name.mid")
    assert SONG.write(path, force=True).read_bytes() == other.read_bytes()


# Reading files of others


def _saved(file: mido.MidiFile) -> bytes:
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _file(*messages: mido.Message | mido.MetaMessage, more: Sequence[Sequence[mido.Message]] = (), ticks: int = 96) -> bytes:
    file = mido.MidiFile(type=1, ticks_per_beat=ticks)
    file.tracks += [mido.MidiTrack(track) for track in (messages, *more)]
    return _saved(file)


def _raw(*tracks: bytes, kind: int = 1, division: int = 96, count: int | None = None) -> bytes:
    chunks = b"".join(b"MTrk" + struct.pack(">L", len(track)) + track for track in tracks)
    return b"MThd" + struct.pack(">LHHH", 6, kind, len(tracks) if count is None else count, division) + chunks


def _on(pitch: int, time: int = 0, velocity: int = 80, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=pitch, time=time, velocity=velocity, channel=channel)


def _off(pitch: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


def test_notes_of_all_sorts() -> None:
    data = _file(
        _on(60), _on(64, 10), _on(60, 0, velocity=0), _off(64, 5),  # velocity 0 ends; overlapping notes
        _on(67), _off(67),  # zero length is kept
        _on(50), _on(50, 10), _off(50, 10), _off(50, 10),  # the older one ends first
        _off(99),  # nothing to end
        _on(72, 5), mido.Message("control_change", time=7),  # never ends
    )  # fmt: skip
    (track,) = score_from_bytes(data).tracks
    assert [(n.onset_ticks, n.pitch, n.duration_ticks) for n in track.notes] == [
        (0, 60, 10), (10, 64, 5), (15, 50, 20), (15, 67, 0), (25, 50, 20), (50, 72, 7),
    ]  # fmt: skip
    assert score_from_bytes(data).losses == {"notes without an end, held to the end of their track": 1}


def test_tracks_channels_programs_and_drums() -> None:
    setup = [mido.MetaMessage("track_name", name="Song"), mido.Message("program_change", program=40, channel=2)]
    first = [
        mido.MetaMessage("track_name", name="Flute"), mido.Message("program_change", program=73),
        _on(60), _off(60, 5), mido.Message("program_change", program=1), _on(61), _off(61, 5),
        _on(36, channel=9), _off(36, 5, channel=9),
    ]  # fmt: skip
    second = [_on(70, channel=2), _off(70, 5, channel=2), _on(71), _off(71, 1)]
    score = score_from_bytes(_file(*setup, more=[first, second]))
    assert [(t.name, t.program, t.is_drum, [n.pitch for n in t.notes]) for t in score.tracks] == [
        ("Flute", 73, False, [60, 61]), ("Flute", 0, True, [36]), ("", 1, False, [71]), ("", 40, False, [70]),
    ]  # fmt: skip
    assert score.title == "Song"


def test_tempi_meters_and_keys() -> None:
    score = score_from_bytes(
        _file(
            mido.MetaMessage("set_tempo", tempo=500_000), mido.MetaMessage("set_tempo", tempo=645_161),
            mido.MetaMessage("time_signature", numerator=6, denominator=8), mido.MetaMessage("key_signature", key="Bbm"),
            mido.MetaMessage("set_tempo", tempo=0, time=96), mido.MetaMessage("set_tempo", tempo=1, time=96),
            mido.MetaMessage("time_signature", numerator=0, denominator=4),
            mido.MetaMessage("time_signature", numerator=4, denominator=2**200),
            mido.MetaMessage("key_signature", key="C#", time=1),
            mido.MetaMessage("text", text="caf\xe9"),
        )
    )  # fmt: skip
    assert [(c.tick, c.qpm) for c in score.tempi] == [(0, 93), (96, 120), (192, 120)]
    assert [(c.tick, str(c.meter)) for c in score.meters] == [(0, "6/8")]
    assert [(c.tick, c.key) for c in score.keys] == [(0, Key(10, "minor")), (193, Key(1))]
    assert score.texts == ("café",)
    assert score.losses == {"tempi of 0 or beyond 10000 a minute, read as 120": 2, "time signatures that make no sense": 2}


def test_what_is_odd_but_clear_is_read() -> None:
    note = b"\x00\x90\x3c\x50\x10\x3c\x00"  # with running status
    expected = (ScoreNote(0, 60, 16, 80),)
    end = b"\x00\xff\x2f\x00"
    plain = _raw(note + end)
    odd = {
        "no end of track": _raw(note),
        "bytes after the end": _raw(note + end + b"\x00\x90\x40\x50"),
        "a foreign chunk": plain[:14] + b"XFIH\0\0\0\2ab" + plain[14:],
        "a longer header": b"MThd\0\0\0\x08" + plain[8:14] + b"zz" + plain[14:],
        "trailing bytes": plain + b"junk",
        "RIFF": b"RIFF" + struct.pack("<L", len(plain) + 12) + b"RMIDdata" + struct.pack("<L", len(plain)) + plain,
        "a bad key signature": _raw(b"\x00\xff\x59\x02\x50\x00" + note + end),
        "empty meta events": _raw(b"".join(bytes([0, 0xFF, kind, 0]) for kind in range(0x80) if kind != 0x2F) + note + end),
        "system exclusive": _raw(b"\x00\xf0\x03\x01\x02\xf7\x00\xf7\x01\x05" + note + end),
        "real-time events": _raw(b"\x00\xf8\x00\xf3\x01" + note + end),
    }
    for name, data in odd.items():
        (track,) = score_from_bytes(data).tracks
        assert track.notes == expected, name
    # An unknown meta event keeps its time.
    assert score_from_bytes(_raw(b"\x05\xff\x60\x01\x00" + note)).tracks[0].notes[0].onset_ticks == 5
    clipped = score_from_bytes(_raw(b"\x00\x90\x3c\xd0\x10\x3c\x00" + end))
    assert clipped.tracks[0].notes == (ScoreNote(0, 60, 16, 127),)
    assert clipped.losses == {"data bytes above 127, read as 127": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"MT", "ends in the middle of its header"),
        (_raw(b"")[:11], "ends in the middle of its header"),
        (b"X:1\nT:Tune\n", r"not a MIDI file: it begins with b'X:1"),
        (_raw(b"\0" * 3, count=2), "is damaged: byte 0x00 stands where an event should begin"),
        (_raw(b"\x00\xff\x2f\x00", count=2), "the file ends after track 1 of 2; is it truncated?"),
        (_raw(b"\x00\xff\x2f\x00", b"")[:-2], "the file ends in the middle of track 2 of 2; is it truncated?"),
        (_raw(b"\x00\x90\x3c\x50\x10\x3c\x00")[:-3], r"ends in the middle of track 1 of 1 \(3 bytes are missing\)"),
        (_raw(b"\x00\x90\x3c"), "track 1 is damaged: it ends in the middle of an event"),
        (_raw(b"\xff\xff\xff\xff\x00\x90\x3c\x00"), "a number is longer than 4 bytes"),
        (_raw(b"\x00\xf4"), "no event begins with byte 0xf4"),
        (_raw(b"", kind=2), "MIDI format 2 is not read"),
        (_raw(b"", division=0xE728), "SMPTE frames"),
        (_raw(b"", division=0), "0 ticks per beat"),
        (_raw(b"", count=1)[:14] + b"\0\1\2\3\0\0\0\0" * 3, r"damaged after track 0 of 1: a chunk is called b'\\x00"),
    ],
)
def test_refusals_when_reading(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        read_midi(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="none.mid"):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(ValueError, match="is a folder or a device, not a MIDI file"):
        read_midi(tmp_path)
    monkeypatch.setattr("musicvae.music.midi.MAX_FILE_BYTES", 2**20)
    (tmp_path / "big.mid").write_bytes(bytes(2**20 + 1))
    with pytest.raises(ValueError, match=r"big.mid has 1 MiB; MIDI files up to 1 MiB are read"):
        read_midi(tmp_path / "big.mid")


@given(
    st.lists(
        st.one_of(
            st.builds(_on, st.integers(0, 127), st.integers(0, 300_000), st.integers(0, 127), st.integers(0, 15)),
            st.builds(_off, st.integers(0, 127), st.integers(0, 500), st.integers(0, 15)),
            st.builds(lambda p, t: mido.Message("pitchwheel", pitch=p, time=t), st.integers(-8192, 8191), st.integers(0, 9)),
            st.builds(lambda d, t: mido.Message("sysex", data=d, time=t), st.lists(st.integers(0, 127), max_size=5), st.integers(0, 9)),
        )
    )
)
def test_note_ons_agree_with_mido(messages: list[mido.Message]) -> None:
    score = score_from_bytes(_file(*messages))
    now, expected = 0, []
    for message in messages:
        now += message.time
        if message.type == "note_on" and message.velocity:
            expected.append((now, message.channel, message.note, message.velocity))
    ours = [(n.onset_ticks, n.pitch, n.velocity) for track in score.tracks for n in track.notes]
    assert sorted(ours) == sorted((tick, pitch, velocity) for tick, _, pitch, velocity in expected)
    assert len(score.tracks) == len({channel for _, channel, _, _ in expected})


VALID = bytearray(midi_bytes([SONG, replace(SONG, name="Other")]))


@given(st.data())
@settings(max_examples=300)
def test_damaged_files_raise_value_error_only(data: st.DataObject) -> None:
    mutated = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del mutated[data.draw(st.integers(0, len(mutated))) :]
    try:
        score_from_bytes(bytes(mutated))
    except ValueError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_every_truncation_is_named() -> None:
    for length in range(len(VALID)):
        with pytest.raises(ValueError, match="empty|truncated"):
            score_from_bytes(bytes(VALID[:length]))


def test_three_hours_and_128_tracks_are_read_in_seconds() -> None:
    notes = b"".join(bytes([0, 0x90, 40 + i % 40, 80, 60, 40 + i % 40, 0]) for i in range(3 * 3600 * 4))
    tracks = [b"\0\x90\x3c\x50\x10\x3c\x00"] * 127
    began = time.perf_counter()
    score = score_from_bytes(_raw(notes, *tracks, division=120))
    assert time.perf_counter() - began < 10
    assert len(score.tracks) == 128
    assert score.end_ticks == 3 * 3600 * 4 * 60
