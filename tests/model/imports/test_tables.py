"""Sorted string tables, and the two small formats inside them."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.imports.maker import field, snappy, table, varint

from musicvae.model.imports import protobuf
from musicvae.model.imports.snappy import decompressed
from musicvae.model.imports.sstable import read_table

texts = st.binary(max_size=200) | st.sampled_from([b"abcd" * 40, b"encoder/cell_0/" * 30, bytes(500)])


@given(st.integers(-(2**63), 2**64 - 1), st.binary(max_size=3))
def test_varints_round_trip(value, after):
    data = varint(value)
    assert protobuf.varint(data + after, 0) == (value & (1 << 64) - 1, len(data))
    if value < 2**63:
        assert protobuf.signed(protobuf.varint(data, 0)[0]) == value


def test_fields_of_every_wire_type():
    data = field(1, 300) + field(2, b"text") + varint(3 << 3 | 5) + struct.pack("<I", 7) + varint(4 << 3 | 1) + struct.pack("<Q", 9)
    assert protobuf.fields_of(data + field(1, 0)) == {1: [300, 0], 2: [b"text"], 3: [7], 4: [9]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80", "cut short"), (b"\xff" * 11, "does not end"), (b"\x12\x05ab", "a field is cut short"), (b"\x00\x01", "number 0"),
        (b"\x0b", "unknown wire type 3"),
    ],
)  # fmt: skip
def test_malformed_messages(data, message):
    with pytest.raises(ValueError, match=message):
        protobuf.fields_of(data)


@given(texts)
def test_snappy_round_trip(data):
    assert decompressed(snappy(data)) == data


def test_snappy_copies_of_every_kind():
    assert decompressed(varint(10) + b"\x04ab" + bytes([4 << 2 | 1 | 0 << 5, 2])) == b"ab" * 5
    far = bytes(70_000) + b"xyz"
    block = varint(len(far) + 3) + bytes([62 << 2]) + struct.pack("<I", len(far) - 1)[:3] + far + bytes([2 << 2 | 3])
    assert decompressed(block + struct.pack("<I", 3)) == far + b"xyz"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (varint(4) + b"\x0cab", "cut short"), (varint(4) + b"\xf0", "cut short"), (varint(1 << 40) + b"\x00a", "holds 1 bytes and claims"),
        (varint(5) + b"\x00a\x01\x05", "before its beginning"), (varint(5) + b"\x00a\x02\x00", "cut short"),
        (varint(5) + b"\x00a\x01\x00", "before its beginning"), (varint(1) + b"\x04ab", "holds 2 bytes and claims 1"),
    ],
)  # fmt: skip
def test_damaged_snappy_blocks(block, message):
    with pytest.raises(ValueError, match=message):
        decompressed(block)


@settings(max_examples=40)
@given(st.dictionaries(st.binary(max_size=30), texts, max_size=40), st.integers(1, 7), st.integers(1, 5), st.booleans())
def test_tables_round_trip(entries, block_entries, restart, compress):
    assert read_table(table(entries.items(), block_entries=block_entries, restart=restart, compress=compress)) == entries


def test_every_flipped_bit_of_a_block_is_found():
    data = bytearray(table([(b"key", b"value"), (b"other", b"thing")]))
    for place in range(len(data) - 48):
        data[place] ^= 4
        try:
            read = read_table(bytes(data))
        except ValueError:
            read = None
        # The empty block of metadata, before the index block, is not read.
        assert read in (None, {b"key": b"value", b"other": b"thing"})
        data[place] ^= 4
    data[5] ^= 4
    with pytest.raises(ValueError, match="does not match its checksum"):
        read_table(bytes(data))


@pytest.mark.parametrize("size", [0, 7, 47, 60, -1])
def test_other_files_and_cut_ones(size):
    with pytest.raises(ValueError, match="not that of a table of tensors"):
        read_table(table([(b"key", b"value")])[:size])


def test_what_lies_beyond_the_end_or_twice():
    data = table([(b"key", b"value")])
    with pytest.raises(ValueError, match="beyond the end"):
        read_table(data[:-48] + (varint(0) * 2 + varint(1 << 60) + varint(9)).ljust(40, b"\0") + data[-8:])
    with pytest.raises(ValueError, match="is there twice"):
        read_table(table([(b"key", b"value"), (b"key", b"other")]))
