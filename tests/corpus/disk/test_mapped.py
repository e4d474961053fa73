import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.disk import mapped
from musicvae.corpus.disk.layout import HEADER_BYTES, npy_header
from musicvae.corpus.disk.mapped import IdList, ShardedRows, open_array

WHOLE = np.arange(23 * 3, dtype=np.int16).reshape(23, 3)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    paths = []
    for number in range(4):
        paths.append(folder / f"{number}.npy")
        np.save(paths[-1], WHOLE[number * 7 : number * 7 + 7])
    return ShardedRows(paths, rows=23, rows_per_shard=7, dtype="int16", row_shape=(3,))


def test_it_looks_like_an_array(rows):
    assert (rows.shape, rows.dtype, rows.ndim, len(rows)) == ((23, 3), np.int16, 2, 23)
    np.testing.assert_array_equal(np.asarray(rows), WHOLE)
    np.testing.assert_array_equal(np.stack(list(rows)), WHOLE)
    np.testing.assert_array_equal(np.asarray(rows, np.float64), WHOLE.astype(np.float64))


@pytest.mark.parametrize(
    "index",
    [
        0, 22, -1, np.int64(7), slice(None), slice(3, 3), slice(2, 19), slice(6, 8), slice(-5, None), slice(20, 2, -3), slice(1, 22, 5),
        [], [4], [22, 0, 7, 6, 7], np.array([[0, 8], [21, -2]]), np.zeros((2, 0, 3), int), WHOLE[:, 0] % 2 == 0,
        (5, 1), (slice(4, 16), slice(0, 2)), ([3, 9], 2), (np.array([[1, 20]]), slice(None), ),
    ],
    ids=repr,
)  # fmt: skip
def test_it_is_taken_as_an_array_is(rows, index):
    found = rows[index]
    expected = WHOLE[np.asarray(index, np.int64) if isinstance(index, list) else index]
    np.testing.assert_array_equal(found, expected)
    assert np.asarray(found).dtype == np.int16


@given(st.lists(st.integers(-23, 22), max_size=40), st.integers(1, 24))
def test_any_gather_from_shards_of_any_size(wanted, size):
    rows = ShardedRows(["unused"] * -(-23 // size), rows=23, rows_per_shard=size, dtype="int16", row_shape=(3,))
    rows._open.update({number: WHOLE[number * size :][:size] for number in range(len(rows.paths))})
    np.testing.assert_array_equal(rows[wanted], WHOLE[np.array(wanted, np.int64)])


@pytest.mark.parametrize("index", [23, -24, [0, 23], 1.5, np.ones(5, bool), "a"])
def test_what_is_not_there_is_refused(rows, index):
    with pytest.raises(IndexError):
        rows[index]


def test_few_files_are_open_and_copies_for_other_processes_begin_without(rows, monkeypatch):
    monkeypatch.setattr(mapped, "_MOST_OPEN", 2)
    fresh = pickle.loads(pickle.dumps(rows))
    assert not fresh._open
    np.testing.assert_array_equal(fresh[[20, 1, 9, 14, 2]], WHOLE[[20, 1, 9, 14, 2]])
    assert len(fresh._open) == 2


def test_a_window_is_read_without_its_shard(tmp_path):
    rows_per_shard, path = 1 << 24, tmp_path / "sparse.npy"  # 256 MiB, of which nothing is on disk
    with path.open("wb") as file:
        file.write(npy_header("uint8", (rows_per_shard, 16)))
        file.truncate(HEADER_BYTES + rows_per_shard * 16)
        file.seek(HEADER_BYTES + 9_999_999 * 16)
        file.write(bytes(range(1, 17)))
    rows = ShardedRows([path], rows=rows_per_shard, rows_per_shard=rows_per_shard, dtype="uint8", row_shape=(16,))
    tracemalloc.start()
    try:
        found = rows[np.arange(9_999_990, 10_000_006)]
        assert tracemalloc.get_traced_memory()[1] < 1 << 18
    finally:
        tracemalloc.stop()
    assert found[9].tolist() == list(range(1, 17))
    assert found.sum() == 136


def test_files_that_do_not_fit_are_told(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3, np.int32))
    with pytest.raises(ValueError, match=r"x.npy holds \(3,\) int32, its manifest says \(4,\) int32"):
        open_array(tmp_path / "x.npy", "int32", (4,))
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ValueError, match=r"x.npy is missing or cut short"):
        open_array(tmp_path / "x.npy", "int32", (3,))
    with pytest.raises(ValueError, match="23 rows make 4 shards of 7, got 1"):
        ShardedRows([tmp_path], rows=23, rows_per_shard=7, dtype="int16", row_shape=(3,))


def test_ids_are_decoded_when_asked_for():
    words = ["a", "", "Ländler/№1", "z"]
    text = "".join(words).encode()
    end = np.cumsum([len(word.encode()) for word in words])
    ids = IdList(np.frombuffer(text, np.uint8), end, np.array([0, 2, 2, 3, 1]))
    assert ids == ["a", words[2], words[2], "z", ""]
    assert ids[1:3] == [words[2], words[2]]
    assert ids[-2] == "z"
    assert ids != ["a"]
