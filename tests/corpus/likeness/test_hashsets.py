import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.corpus.likeness.hashsets import Buckets, HashSetWriter


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.integers(0, 2**64 - 1), max_size=5), max_size=8), st.integers(1, 12), st.randoms(use_true_random=False))
def test_sets_come_back_one_by_one_joined_and_in_chunks(tmp_path_factory, sets, size, shuffler):
    folder = tmp_path_factory.mktemp("sets")
    writer = HashSetWriter(folder, "all")
    lists = [sorted(s) for s in sets]
    for hashes in lists:
        writer.add(np.array(hashes, np.uint64))
    found = writer.finished()
    assert [found.of(i).tolist() for i in range(len(found))] == lists
    assert found.sizes.tolist() == [len(s) for s in lists]
    picked = shuffler.sample(range(len(lists)), shuffler.randint(0, len(lists)))
    values, starts = found.joined(np.array(picked, np.int64))
    assert [values[a:b].tolist() for a, b in zip(starts, starts[1:], strict=False)] == [lists[i] for i in picked]
    chunks = list(found.chunks(size))
    assert [i for first, end in chunks for i in range(first, end)] == list(range(len(lists)))
    assert all(sum(map(len, lists[first:end])) <= size or end == first + 1 for first, end in chunks)


def test_a_set_out_of_order_is_refused(tmp_path):
    writer = HashSetWriter(tmp_path, "all")
    with pytest.raises(ValueError, match=r"got \(2,\) int64: not yet sorted\?"):
        writer.add(np.array([1, 2]))
    writer.close()


def test_buckets_keep_the_order_of_what_is_appended_and_begin_anew(tmp_path):
    buckets = Buckets(tmp_path, "numbers", "<u8", 3)
    buckets.append(np.array([5, 4, 3, 2], np.uint64), np.array([2, 0, 2, 0]))
    buckets.append(np.array([9, 1], np.uint64), np.array([2, 2]))
    assert [buckets.read(i).tolist() for i in range(3)] == [[4, 2], [], [5, 3, 9, 1]]
    assert buckets.read(0, remove=True).tolist() == [4, 2]
    assert buckets.read(0).tolist() == []
    assert Buckets(tmp_path, "numbers", "<u8", 3).read(2).tolist() == []
