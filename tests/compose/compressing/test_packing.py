import lzma
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.compose.compressing import container, mixing, packing
from musicvae.compose.compressing.coder import Writer
from musicvae.compose.compressing.files import code_file
from musicvae.compose.compressing.packing import pack
from musicvae.compose.compressing.packing import unpack as unpack_with
from musicvae.compose.compressing.syntax import parse, render

EXAMPLES = Path(__file__).parents[3] / "data"
JIG = (EXAMPLES / "examples" / "jig.mid").read_bytes()


def chunk(name, body):
    return name + len(body).to_bytes(4, "big") + body


def midi(*bodies, kind=1, division=480):
    header = b"".join(n.to_bytes(2, "big") for n in (kind, len(bodies), division))
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", body) for body in bodies)


END = b"\x00\xff\x2f\x00"


def unpack(data):
    def no_model(digest):
        raise ValueError(f"no model {digest} is here")

    return unpack_with(data, no_model)


ODD = {
    "empty": b"",
    "no MIDI at all": b"hello hello hello hello",
    "no track": midi(),
    "empty track": midi(END),
    "running status": midi(b"\x00\x90\x3c\x40\x10\x3c\x00\x10\x3e\x40\x10\x3e\x00" + END),
    "bytes after the end of a track": midi(END + b"\x01\x02"),
    "no end of track": midi(b"\x00\x90\x3c\x40"),
    "long way of writing a number": midi(b"\x80\x00\x90\x3c\x40" + END),
    "data byte above 127": midi(b"\x00\x90\x3c\xc0" + END),
    "system exclusive": midi(b"\x00\xf0\x03\x7e\x7f\xf7\x00\xf7\x01\x00" + END),
    "controllers, bends, pressure": midi(b"\x00\xb0\x07\x64\x00\xe0\x00\x40\x00\xd0\x10\x00\xa0\x3c\x10\x00\xc0\x05" + END),
    "unknown meta event": midi(b"\x00\xff\x60\x02ab" + END),
    "end that comes later": midi(b"\x00\x90\x3c\x40\x10\x80\x3c\x00\x83\x60\xff\x2f\x00"),
    "foreign chunk": midi(END) + chunk(b"XFIH", b"abc"),
    "bytes after the file": midi(END) + b"junk",
    "cut short": JIG[:-5],
    "wrong number of tracks": midi(END).replace(b"\x00\x01\x00\x01", b"\x00\x01\x00\x09"),
    "SMPTE": midi(END, division=0xE728),
    "note without a start": midi(b"\x00\x80\x3c\x40" + END),
    "note without an end": midi(b"\x00\x90\x3c\x40" + END),
}


@pytest.mark.parametrize("name", ODD)
def test_every_byte_of_odd_files_comes_back(name):
    data = ODD[name]
    assert render(parse(data)) == data
    assert unpack(pack(data).data) == data


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.mid")), ids=lambda path: path.name)
def test_every_byte_of_real_files_comes_back(path):
    data = path.read_bytes()
    packed = pack(data)
    assert unpack(packed.data) == data
    assert len(packed.data) < len(data) / 2


@settings(max_examples=15)
@given(st.binary(max_size=60))
def test_any_bytes_come_back(data):
    assert unpack(pack(data).data) == data


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([b"\x00", b"\x60", b"\x83\x60"]),
        st.one_of(
            st.tuples(st.sampled_from([0x80, 0x90, 0x91, 0xB0, 0xE0]), st.integers(0, 127), st.integers(0, 127)).map(bytes),
            st.tuples(st.sampled_from([0xC0, 0xD3]), st.integers(0, 127)).map(bytes),
            st.binary(max_size=9).map(lambda text: b"\xff\x01" + bytes((len(text),)) + text),
        ),
    ).map(b"".join),
    max_size=12,
)


@settings(max_examples=15)
@given(st.lists(EVENTS.map(b"".join), max_size=3))
def test_any_events_come_back(bodies):
    data = midi(*(body + END for body in bodies))
    assert all(c.events is not None for c in parse(data).chunks)
    assert unpack(pack(data).data) == data


def test_large_files_are_packed_in_no_time():
    data = midi(b"\x00\x90\x3c\x40\x10\x3c\x00" * 40_000 + END)
    packed = pack(data)
    assert "would take minutes" in packed.notices[0]
    assert unpack(packed.data) == data
    assert len(packed.data) < 300
    with pytest.raises(ValueError, match="too many to be modelled: at most 262144"):
        pack(data, way=container.PLAIN)
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        unpack(container.Container(container.BULK, "", 1, b"nothing of that kind").to_bytes())


def test_a_damaged_file_is_refused_in_one_line():
    """Whatever one byte is changed to, in the header or behind it."""
    packed = pack(JIG).data
    rng = random.Random(0)
    for place in range(len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= rng.randrange(1, 256)
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            unpack(bytes(damaged))
    for length in range(len(packed)):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            unpack(packed[:length])


def test_nothing_is_added_to_a_file():
    with pytest.raises(ValueError, match="damaged"):
        unpack(pack(JIG).data + b"\0")


def test_a_wrong_outcome_is_refused():
    """Of a file that is whole, but packed so that something else comes out: as by another version."""
    box = container.from_bytes(pack(JIG).data)
    with pytest.raises(ValueError, match="not what was packed"):
        unpack(container.Container.of(box.way, "", box.outcome ^ 1, box.payload).to_bytes())


def test_a_small_file_cannot_ask_for_much_work(monkeypatch):
    """Decisions that cost next to nothing: after as many as the largest file has, reading is given up."""
    monkeypatch.setattr(packing, "MOST_BITS", 3000)
    long = midi(b"\x00\x90\x3c\x40\x10\x3c\x00" * 1000 + END)
    writer = Writer()
    code_file(packing._mixer(writer), parse(long))
    box = container.Container.of(container.PLAIN, "", zlib.crc32(long), writer.finish())
    assert len(box.payload) < 400
    with pytest.raises(ValueError, match="more comes out of it than was ever packed"):
        unpack(box.to_bytes())
    packed = pack(long)
    assert packed.way == "as xz does"
    assert unpack(packed.data) == long


def test_a_small_file_cannot_ask_for_much_memory():
    """LZMA's own header says how large a memory it wants."""
    packed = pack(midi(b"\x00\x90\x3c\x40\x10\x3c\x00" * 40_000 + END))
    box = container.from_bytes(packed.data)
    greedy = box.payload[:1] + (0xFFFF_FFFF).to_bytes(4, "little") + box.payload[5:]
    with pytest.raises(ValueError, match="[Mm]emory"):
        unpack(container.Container.of(container.BULK, "", 0, greedy).to_bytes())
    bomb = lzma.compress(bytes(packing.MAX_FILE_BYTES + 1000), lzma.FORMAT_ALONE)
    assert len(bomb) < 20_000
    with pytest.raises(ValueError, match="not what was packed"):
        unpack(container.Container.of(container.BULK, "", zlib.crc32(bytes(packing.MAX_FILE_BYTES + 1000)), bomb).to_bytes())


def test_contexts_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(mixing, "_MOST_SLOTS", 500)
    assert unpack(pack(JIG).data) == JIG
    assert len(pack(JIG).data) < len(JIG) / 3


@settings(max_examples=10)
@given(st.binary(max_size=40))
def test_a_foreign_payload_is_refused(payload):
    """With the right checksum of what is packed and the wrong one of what comes out, as from another version."""
    box = container.Container(container.PLAIN, "", 1, payload)
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        unpack(box.to_bytes())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no .mvz file"),
        (b"MThd", "no .mvz file"),
        (b"MVZ\xf0", "newer version"),
        (b"MVZ\x24", "newer version"),
        (b"MVZ\x20", "cut"),
        (b"MVZ\x21abcdef", "cut"),
        (b"MVZ\x10abcdefgh", "version 1, which an earlier musicvae wrote"),
    ],
)
def test_foreign_files_are_refused(data, said):
    with pytest.raises(ValueError, match=said):
        unpack(data)
