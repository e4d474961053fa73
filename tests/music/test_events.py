import io
from collections import Counter

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.events import END_OF_TRACK, META, Event, read_events, read_header, split_tracks

MESSAGES = st.one_of(
    st.builds(lambda kind, a, b, c: mido.Message.from_bytes([kind | c, a, b]), st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0xE0]),
              st.integers(0, 127), st.integers(0, 127), st.integers(0, 15)),
    st.builds(lambda kind, a, c: mido.Message.from_bytes([kind | c, a]), st.sampled_from([0xC0, 0xD0]), st.integers(0, 127),
              st.integers(0, 15)),
    st.builds(lambda text: mido.MetaMessage("text", text=text), st.text(st.characters(max_codepoint=255), max_size=200)),
)  # fmt: skip


@given(st.lists(st.lists(st.tuples(MESSAGES, st.integers(0, 2**28 - 1)), max_size=8), min_size=1, max_size=3), st.integers(1, 32767))
def test_the_events_are_those_that_mido_wrote(tracks, ticks_per_beat):
    file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_beat)
    expected = []
    for track in tracks:
        file.tracks.append(mido.MidiTrack(message.copy(time=time) for message, time in track))
        now, events = 0, []
        for message, time in track:
            now += time
            raw = bytes(message.bytes())
            data = b"\x01" + message.text.encode("latin-1") if message.is_meta else raw[1:]
            events.append(Event(now, raw[0], data))
        expected.append([*events, Event(now, META, bytes([END_OF_TRACK]))])
    buffer = io.BytesIO()
    file.save(file=buffer)
    header = read_header(buffer.getvalue())
    assert header[:2] == (len(tracks), ticks_per_beat)
    losses = Counter()
    assert [read_events(chunk, 1, losses) for chunk in split_tracks(buffer.getvalue(), header)] == expected
    assert not losses


def test_meta_events_do_not_end_the_running_status():
    events = read_events(b"\x00\x90\x3c\x50\x00\xff\x01\x00\x05\x3c\x00", 1, Counter())
    assert events == [Event(0, 0x90, b"\x3c\x50"), Event(0, META, b"\x01"), Event(5, 0x90, b"\x3c\x00")]


@pytest.mark.parametrize(
    "chunk", [b"\x00", b"\x80", b"\x00\x90", b"\x00\x90\x3c", b"\x00\xff", b"\x00\xff\x01", b"\x00\xff\x01\x05ab", b"\x00\xf0\x02\x01"]
)
def test_a_chunk_that_ends_too_soon_names_its_track(chunk):
    with pytest.raises(ValueError, match="^track 7 is damaged: it ends in the middle of an event$"):
        read_events(chunk, 7, Counter())
