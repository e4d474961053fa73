import struct
import tracemalloc

import numpy as np
import pytest
from model.imports.maker import entry, field, table, varint, with_training_state, write_checkpoint

from musicvae.model.imports.checkpoint import Checkpoint
from musicvae.model.imports.files import open_files

KINDS = ("float32", "float64", "float16", "bfloat16")


@pytest.fixture
def tensors():
    rng = np.random.default_rng(3)
    # values that half precision and bfloat16 hold exactly
    return {f"a/{n}": rng.integers(-128, 128, shape).astype(np.float32) / 16 for n, shape in enumerate([(5,), (3, 4), (2, 1, 3), (40, 70)])}


def opened(prefix):
    with open_files(prefix.parent) as files:
        return Checkpoint(files, prefix.name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("big_endian", [False, True])
def test_every_type_and_order_of_bytes(tmp_path, tensors, kind, big_endian):
    checkpoint = opened(write_checkpoint(tmp_path, tensors, kind=kind, big_endian=big_endian))
    assert checkpoint.shapes == {name: values.shape for name, values in tensors.items()}
    for name, values in tensors.items():
        read = checkpoint.read(name)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize(
    "options",
    [{"shards": 3}, {"shards": 7}, {"block_entries": 1}, {"compress": True, "block_entries": 2}, {"restart": 1}, {"name": "x.ckpt-12"}],
)
def test_shards_blocks_and_compression(tmp_path, tensors, options):
    checkpoint = opened(write_checkpoint(tmp_path, tensors, **options))
    for name, values in tensors.items():
        np.testing.assert_array_equal(checkpoint.read(name), values)


def test_what_belongs_to_training_is_counted_and_left_out(tmp_path, tensors):
    saved = with_training_state(tensors) | {"x/Momentum": np.zeros(2, np.float32)}
    checkpoint = opened(write_checkpoint(tmp_path, saved))
    assert set(checkpoint.shapes) == set(tensors)
    assert checkpoint.others == {"optimiser slots": 2 * len(tensors) + 3, "counters": 1}
    assert checkpoint.story == {"format": "TensorFlow checkpoint", "file": "model.ckpt.index", "trained_steps": 25_000}


def test_a_damaged_number_is_found_by_its_tensor(tmp_path, tensors):
    prefix = write_checkpoint(tmp_path, tensors, shards=2)
    shard = tmp_path / "model.ckpt.data-00001-of-00002"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    checkpoint = opened(prefix)
    np.testing.assert_array_equal(checkpoint.read("a/2"), tensors["a/2"])
    with pytest.raises(ValueError, match=r"a/3 does not match its checksum: model\.ckpt\.data-00001-of-00002 is damaged"):
        checkpoint.read("a/3")


def test_a_shard_that_is_missing_or_cut_short(tmp_path, tensors):
    prefix = write_checkpoint(tmp_path, tensors, shards=2)
    shard = tmp_path / "model.ckpt.data-00000-of-00002"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"a/2 lies beyond the end of model\.ckpt\.data-00000-of-00002 \(43 bytes, 44 needed\)"):
        opened(prefix)
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt\.data-00000-of-00002 is missing in "):
        opened(prefix)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(tmp_path, bad):
    checkpoint = opened(write_checkpoint(tmp_path, {"w": np.array([1.0, bad], np.float32)}))
    with pytest.raises(ValueError, match="w holds numbers that are infinite or not numbers"):
        checkpoint.read("w")


def test_large_numbers_are_no_reason_to_refuse(tmp_path):
    values = np.array([3e38, -3e38, 1e-40], np.float32)
    np.testing.assert_array_equal(opened(write_checkpoint(tmp_path, {"w": values})).read("w"), values)
    with pytest.raises(ValueError, match="infinite"):
        opened(write_checkpoint(tmp_path, {"w": np.array([1e300])}, kind="float64")).read("w")


def damaged(tmp_path, *extra, header=None):
    prefix = write_checkpoint(tmp_path, {"w": np.ones(3, np.float32)})
    entries = [(b"", field(1, 1) if header is None else header), *extra]
    (tmp_path / "model.ckpt.index").write_bytes(table(entries))
    return prefix


def placed(kind=1, shape=(3,), shard=0, offset=0, size=12):
    dims = b"".join(field(2, field(1, each)) for each in shape)
    return field(1, kind) + field(2, dims) + field(3, shard) + field(4, offset) + field(5, size)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (placed(shape=(1 << 40, 1 << 40), size=12), "w of shape 1099511627776 x 1099511627776 cannot have 12 bytes"),
        (placed(shape=(1 << 40,), size=4 << 40), "w lies beyond the end"),
        (placed(shape=(-1,)), "no tensor has the shape"),
        (placed(shape=(1,) * 9, size=4), "no tensor has the shape"),
        (placed(offset=-8), "w lies at an impossible place"),
        (placed(size=-12), "impossible place"),
        (placed(shard=1), "w lies at an impossible place .shard 1 of 1"),
        (placed(offset=4), "w lies beyond the end"),
        (placed(size=8), "cannot have 8 bytes"),
        (placed(kind=7), "w holds numbers of type string, but weights are floating-point"),
        (placed(kind=3), "w holds numbers of type int32"),
        (placed(kind=99), "w holds numbers of type number 99"),
        (placed() + field(7, b""), "w is cut in slices"),
        (b"\xff", "cut short"),
        (field(1, b"float"), "field 1 is no number"),
        (field(2, 5), "a shape is malformed"),
    ],
)
def test_entries_that_cannot_be(tmp_path, value, message):
    prefix = damaged(tmp_path, (b"w", value))
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as caught:
        opened(prefix)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert "model.ckpt" in str(caught.value)


@pytest.mark.parametrize("header", [b"", field(1, 0), field(1, 100_000), field(1, 1) + field(2, 2)])
def test_headers_that_cannot_be(tmp_path, header):
    with pytest.raises(ValueError, match=r"model\.ckpt\.index cannot be read: its header names"):
        opened(damaged(tmp_path, (b"w", placed()), header=header))


def test_names_that_are_no_text(tmp_path):
    with pytest.raises(ValueError, match="is no text"):
        opened(damaged(tmp_path, (b"w\xff", placed())))


def test_slices_are_refused_by_the_whole_tensors_name(tmp_path):
    piece = np.ones(3, np.float32).tobytes()
    whole = field(1, 1) + field(2, field(2, field(1, 6))) + field(7, field(1, b""))
    with pytest.raises(ValueError, match="big is cut in slices"):
        opened(damaged(tmp_path, (b"big", whole), (b"\x00big\x00\x01", entry("float32", (3,), 0, 0, piece))))


def test_a_checksum_of_zero_counts_too(tmp_path):
    value = placed() + varint(6 << 3 | 5) + struct.pack("<I", 0)
    with pytest.raises(ValueError, match="does not match its checksum"):
        opened(damaged(tmp_path, (b"w", value))).read("w")
