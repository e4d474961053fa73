from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.corpus.likeness import candidates
from musicvae.corpus.likeness.candidates import Candidates, packed, unpacked
from musicvae.corpus.likeness.hashsets import HashSetWriter


def written(folder, sets):
    folder.mkdir(parents=True, exist_ok=True)
    writer = HashSetWriter(folder, "sets")
    for hashes in sets:
        writer.add(np.array(sorted(hashes), np.uint64))
    return writer.finished()


def all_pairs(search):
    blocks = list(search.pairs())
    return {(int(a), int(b)): int(m) for first, second, met in blocks for a, b, m in zip(first, second, met, strict=True)}


SETS = st.lists(st.sets(st.integers(0, 40).map(lambda n: n * 0x0123456789ABCDEF % 2**64), max_size=12), max_size=candidates.FEW)


@settings(max_examples=30, deadline=None)
@given(SETS, st.sampled_from([0, 512]), st.integers(0, 2**16))
def test_where_keys_are_held_by_few_every_pair_is_met_at_all_it_shares(tmp_path_factory, sets, memory_mib, mask):
    chosen = np.array([mask >> i & 1 for i in range(len(sets))], bool)
    folder = tmp_path_factory.mktemp("candidates")
    search = Candidates(written(folder, sets), chosen, folder, memory_mib=memory_mib)
    numbers = np.flatnonzero(chosen).tolist()
    shared = {(a, b): len(sets[a] & sets[b]) for a, b in combinations(numbers, 2) if sets[a] & sets[b]}
    assert all_pairs(search) == shared
    assert not search.common.any()


def test_hashes_that_differ_in_their_lowest_bits_are_one_key(tmp_path):
    sets = [{5 << 20 | 1, 7 << 20}, {5 << 20 | 9}, {5 << 20 | 2, 5 << 20 | 3}, {8 << 20}]
    search = Candidates(written(tmp_path, sets), np.ones(4, bool), tmp_path, shift=20)
    assert all_pairs(search) == {(0, 1): 1, (0, 2): 1, (1, 2): 1}


def test_among_many_holders_those_with_like_sets_meet(tmp_path):
    generator = np.random.default_rng(0)
    common = set(range(10))  # held by all, so that it tells nobody from others
    groups = [set(generator.integers(1000, 2**63, 30).tolist()) for _ in range(100)]
    sets = [common | group for group in groups for _ in range(3)]
    order = generator.permutation(300)
    search = Candidates(written(tmp_path, [sets[i] for i in order]), np.ones(300, bool), tmp_path)
    met = all_pairs(search)
    group = order // 3
    alike = [(a, b) for a, b in combinations(range(300), 2) if group[a] == group[b]]
    # 30 keys of their own, and mostly the common ones too, where they lie side by side.
    assert min(met[pair] for pair in alike) >= 30 + 5
    assert (search.common == 10).all()
    assert len(met) < 300 * 299 / 2 / 2, "and by far not all pairs are met"


def test_pairs_sort_as_their_numbers_do():
    pairs = np.array([(0, 5), (1, 0), (1, 2**32 - 1), (2**32 - 1, 0)])
    made = packed(pairs[:, 0], pairs[:, 1])
    assert (np.diff(made.astype(object)) > 0).all()
    assert np.array_equal(np.stack(unpacked(made), axis=1), pairs)
