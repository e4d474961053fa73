import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.likeness.grouping import Forest, stars

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)).filter(lambda pair: pair[0] != pair[1]), max_size=60)


@given(PAIRS)
def test_a_forest_passes_likeness_on(pairs):
    forest = Forest(20)
    group = {i: {i} for i in range(20)}
    for block in np.array_split(np.array(pairs, np.int64).reshape(-1, 2), 3):
        forest.join(block[:, 0], block[:, 1])
    for one, other in pairs:
        merged = group[one] | group[other]
        group.update(dict.fromkeys(merged, merged))
    assert forest.roots().tolist() == [min(group[i]) for i in range(20)]


@given(PAIRS)
def test_stars_do_not(pairs):
    ordered = np.array(sorted((max(pair), min(pair)) for pair in pairs), np.int64).reshape(-1, 2)
    centre = stars([(block[:, 0], block[:, 1]) for block in np.array_split(ordered, 3)], 20).tolist()
    alike = {frozenset(pair) for pair in pairs}
    for member in range(20):
        earlier = [c for c in range(member) if centre[c] == c and frozenset((c, member)) in alike]
        assert centre[member] == min(earlier, default=member)
