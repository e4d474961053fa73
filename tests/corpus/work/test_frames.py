from __future__ import annotations

import io
import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from musicvae.corpus.work.frames import MAX_FRAME_BYTES, FrameSplitter, pack, read_frames, unpack

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.dictionaries(st.text(), JSON, max_size=4)
DTYPES = (
    arrays_of.integer_dtypes()
    | arrays_of.unsigned_integer_dtypes()
    | arrays_of.floating_dtypes(sizes=(16, 32, 64))
    | st.just(np.dtype("?"))
)
ARRAYS = st.dictionaries(
    st.text(), DTYPES.flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0))), max_size=3
)


@given(WORDS, ARRAYS)
def test_words_and_arrays_survive_the_round_trip(words, arrays):
    got_words, got = unpack(pack(words, arrays))
    assert got_words == words
    assert list(got_words) == list(words)
    assert list(got) == list(arrays)
    for name, array in arrays.items():
        assert got[name].shape == array.shape
        assert got[name].dtype == array.dtype.newbyteorder("<")
        assert got[name].tobytes() == array.astype(got[name].dtype).tobytes()


def test_names_that_are_no_utf_8_survive():
    words = {"path": b"caf\xe9.mid".decode("utf-8", "surrogateescape")}
    assert unpack(pack(words))[0] == words


def test_the_layout_is_the_one_told():
    frame = pack({"a": 1}, {"x": np.array([[1, 2], [3, 4]], dtype=">u2").T})
    mark, header_bytes, body_bytes, checksum = struct.unpack("<4sIQQ", frame[:24])
    header = json.loads(frame[24 : 24 + header_bytes])
    assert (mark, body_bytes) == (b"mvF1", 8)
    assert checksum == zlib.crc32(frame[24:])
    assert header == {"words": {"a": 1}, "arrays": [["x", "<u2", [2, 2]]]}
    assert frame[24 + header_bytes :] == struct.pack("<4H", 1, 3, 2, 4)
    assert len(frame) % 8 == 0


def test_what_was_unpacked_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        unpack(pack({}, {"x": np.arange(3)}))[1]["x"][0] = 1


@pytest.mark.parametrize(
    "array", [np.array([object()]), np.array(["text"]), np.zeros(2, "M8[s]"), np.zeros(2, [("a", "i4")]), np.zeros(2, "c8")]
)
def test_arrays_of_other_things_are_refused(array):
    with pytest.raises(ValueError, match=r"array 'x' is of type .*; allowed are"):
        pack({}, {"x": array})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, np.int64(3), b"bytes"])
def test_words_that_json_cannot_hold_are_refused(value):
    with pytest.raises(ValueError, match="cannot be kept as JSON"):
        pack({"value": value})


def test_frames_too_large_are_refused_both_ways():
    with pytest.raises(ValueError, match="is too large; at most 256 are allowed"):
        pack({}, {"x": np.zeros(MAX_FRAME_BYTES, np.uint8)})
    announced = struct.pack("<4sIQQ", b"mvF1", 8, 1 << 60, 0)
    with pytest.raises(ValueError, match="is announced; at most 256"):
        list(FrameSplitter().feed(announced))
    with pytest.raises(ValueError, match="is announced; at most 256"):
        list(read_frames(io.BytesIO(announced)))


FRAME = pack({"name": "reel"}, {"bars": np.arange(32, dtype=np.uint8).reshape(2, 16), "start": np.arange(2)})


@given(st.integers(0, len(FRAME) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place, change):
    damaged = bytearray(FRAME)
    damaged[place] ^= change
    with pytest.raises(ValueError, match="frame"):
        unpack(bytes(damaged))


@given(st.integers(0, len(FRAME) - 1))
def test_a_frame_that_is_cut_off_is_noticed(length):
    with pytest.raises(ValueError, match="cut off"):
        unpack(FRAME[:length])
    if length:
        with pytest.raises(ValueError, match=r"cut off|begins with"):
            list(read_frames(io.BytesIO(FRAME[:length])))


@given(st.binary(max_size=200))
def test_other_bytes_are_no_frame(data):
    with pytest.raises(ValueError, match="frame"):
        unpack(data)


def sealed(header: bytes, body: bytes = b"") -> bytes:
    """A frame whose sizes and checksum are right, whatever is in it."""
    return struct.pack("<4sIQQ", b"mvF1", len(header), len(body), zlib.crc32(header + body)) + header + body


@given(st.binary(max_size=60) | JSON.map(lambda words: json.dumps(words).encode()), st.binary(max_size=20))
def test_headers_that_nobody_wrote_raise_nothing_but_value_error(header, body):
    try:
        unpack(sealed(header, body))
    except ValueError:
        return


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ([["x", "|u1", [1 << 62, 1 << 62]]], "does not fit"),
        ([["x", "|u1", [9]]], "does not fit"),
        ([["x", "|u1", [-1]]], "shape"),
        ([["x", "|u1", [True]]], "shape"),
        ([["x", "|u1", [1] * 9]], "shape"),
        ([["x", "|u1", "8"]], "by something else"),
        ([["x", "|O", [1]]], "of type '|O'"),
        ([["x", "|V8", [1]]], "of type"),
        ([["x", ["|u1"], [8]]], "of type"),
        ([["x", "|u1", [0, 1 << 62]], ["y", "|u1", [8]]], "larger than a frame"),
        ([["x", "|u1", [0]], ["x", "|u1", [8]]], "there twice"),
        ([["x", "|u1", [0]]], "8 bytes beyond"),
        ([], "8 bytes beyond"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(heads, message):
    header = json.dumps({"words": {}, "arrays": heads}).encode()
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        unpack(sealed(header, bytes(8)))


@pytest.mark.parametrize("header", [b"[1]", b'{"words": 1, "arrays": []}', b"{}", b'{"words": {"a": NaN}, "arrays": []}', b"[" * 100_000])
def test_headers_of_another_kind_are_refused(header):
    with pytest.raises(ValueError, match="the header of a frame"):
        unpack(sealed(header))


@given(st.lists(WORDS, max_size=5), st.data())
def test_a_stream_cut_anywhere_gives_the_same_frames(all_words, data):
    frames = [pack(words) for words in all_words]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    splitter = FrameSplitter()
    got = [frame for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) for frame in splitter.feed(stream[a:b])]
    assert got == frames == list(read_frames(io.BytesIO(stream)))
