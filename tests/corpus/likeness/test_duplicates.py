import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.corpus.likeness import candidates
from musicvae.corpus.likeness.duplicates import RELATED, RELATED_SKELETON, SAME, Index, needed, split_of
from musicvae.corpus.likeness.fingerprints import PLACE_BITS, melody_shingles, melody_skeleton
from musicvae.corpus.lines import take_tune
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.sources.collections import tunes_of
from musicvae.corpus.sources.items import expand
from musicvae.music.meter import Meter

NOTHING = np.zeros(0, np.uint64)


def tune(generator, notes=60):
    return generator.integers(60, 80, notes), np.cumsum(generator.choice([1, 2, 2, 4], notes))


def hashes(line):
    pitch, onset = line
    return melody_shingles([line]), melody_skeleton([(pitch, onset, np.append(np.diff(onset), 1), Meter(4, 4))])


def varied(generator, line, share):
    pitch, onset = line
    changed = generator.random(len(pitch)) < share
    return np.where(changed, pitch + generator.integers(1, 5, len(pitch)), pitch) + generator.integers(-6, 7), onset


def resolved(folder, tunes, memory_mib=512, **parts):
    index = Index(folder, memory_mib=memory_mib)
    for number, (shingles, skeleton) in enumerate(tunes):
        index.add(number, shingles, skeleton)
    return index.resolve(**parts)


def are_same(one, other, part=SAME):
    """The exact test of two tunes, by sets."""
    a, b = set(one[0].tolist()), set(other[0].tolist())
    smaller = min(len(a), len(b))
    return smaller > 0 and (a == b or len(a & b) >= max(part * smaller, 6) - 1e-9 or (smaller < 6 and len(a & b) == smaller))


def are_aligned(one, other):
    """The exact test of two skeletons, passage by passage."""
    a, b = ({int(h) >> PLACE_BITS: ((int(h) >> 4) % 2**16, int(h) % 16) for h in tune[1]} for tune in (one, other))
    votes = {}
    for passage in a.keys() & b.keys():
        apart = (a[passage][0] - b[passage][0]) % 2**16, (a[passage][1] - b[passage][1]) % 12
        votes[apart] = votes.get(apart, 0) + 1
    most = max((sum(v for (_, key), v in votes.items() if key == k and v >= 4) for k in range(12)), default=0)
    smaller = min(len(a), len(b))
    return smaller > 0 and most >= max(RELATED_SKELETON * smaller, min(12, smaller)) - 1e-9


def groups_of_pairs(count, alike):
    head = list(range(count))
    for a in range(count):
        for b in range(a):
            if alike(a, b):
                old, new = sorted((head[a], head[b]))[::-1]
                head = [new if h == old else h for h in head]
    return head


def check_clusters(tunes, cluster):
    """Every tune is the same as the largest one of its cluster, and no two of these largest ones are."""
    members = {}
    for number, head in enumerate(cluster):
        members.setdefault(head, []).append(number)
    assert all(head == min(group) for head, group in members.items())
    centres = [min(group, key=lambda i: (-len(tunes[i][0]), i)) for group in members.values()]
    for centre, group in zip(centres, members.values(), strict=True):
        assert all(i == centre or are_same(tunes[centre], tunes[i]) for i in group)
    assert not any(are_same(tunes[a], tunes[b]) for k, a in enumerate(centres) for b in centres[:k])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_where_no_shingle_is_common_the_result_is_that_of_all_pairs(tmp_path_factory, seed, strains):
    generator = np.random.default_rng(seed)
    pool = [tune(generator, int(generator.integers(3, 40))) for _ in range(strains + 4)]
    tunes = [(NOTHING, NOTHING)]
    for _ in range(15):
        parts = [
            varied(generator, pool[i], generator.choice([0, 0, 0.1])) for i in generator.integers(0, len(pool), generator.integers(1, 4))
        ]
        pitch = np.concatenate([p for p, _ in parts])
        tunes.append(hashes((pitch, np.cumsum(np.concatenate([np.diff(o, prepend=0) for _, o in parts])))))
    found = resolved(tmp_path_factory.mktemp("index"), tunes)
    check_clusters(tunes, found.cluster.tolist())
    related = groups_of_pairs(len(tunes), lambda a, b: are_same(tunes[a], tunes[b], RELATED) or are_aligned(tunes[a], tunes[b]))
    assert found.family.tolist() == related


@pytest.mark.parametrize("share", [0, 0.04])
def test_three_hundred_near_copies_are_found_whole(tmp_path, share):
    generator = np.random.default_rng(8)
    song = tune(generator, 120)
    copies = [hashes(varied(generator, song, share)) for _ in range(300)]
    others = [hashes(tune(generator)) for _ in range(300)]
    tunes = [t for pair in zip(copies, others, strict=True) for t in pair]
    assert np.bincount(np.unique(np.concatenate([t[0] for t in copies]), return_inverse=True)[1]).max() > 10 * candidates.FEW
    for name, chosen in (("shingles", tunes), ("skeletons", [(NOTHING, s) for _, s in tunes])):
        found = resolved(tmp_path / name, chosen)
        assert set(found.family[::2].tolist()) == {0}, name
        assert found.family[1::2].tolist() == list(range(1, 600, 2))
        if name == "shingles":
            check_clusters(chosen, found.cluster.tolist())
            assert len(set(found.cluster[::2].tolist())) <= 3


def test_a_chain_of_tunes_is_one_family_and_not_one_cluster(tmp_path):
    generator = np.random.default_rng(3)
    strains = [tune(generator, 40) for _ in range(7)]
    chain = [
        hashes((np.concatenate([a[0], b[0]]), np.concatenate([a[1], a[1][-1] + b[1]])))
        for a, b in zip(strains, strains[1:], strict=False)
    ]  # fmt: skip
    found = resolved(tmp_path, chain)
    assert found.family.tolist() == [0] * 6
    assert len(set(found.cluster.tolist())) == 3
    check_clusters(chain, found.cluster.tolist())


def test_transposed_varied_and_shortened_tunes_are_found_and_others_are_not(tmp_path):
    generator = np.random.default_rng(4)
    song = tune(generator)
    part = (song[0][:40] + 5, song[1][:40])
    tunes = [hashes(line) for line in (song, tune(generator), varied(generator, song, 0.06), part, tune(generator))]
    found = resolved(tmp_path, tunes)
    assert found.cluster.tolist() == found.family.tolist() == [0, 1, 0, 0, 4]


def test_tunes_of_few_shingles_are_the_same_only_if_all_are_and_empty_ones_never(tmp_path):
    sets = [[], [], [1], [1], [1, 2], [10, 11, 12, 13], [10, 11, 12, 13], [10, 11, 12], list(range(10, 40))]
    found = resolved(tmp_path, [(np.array(s, np.uint64), NOTHING) for s in sets])
    assert found.cluster.tolist() == [0, 1, 2, 2, 2, 5, 5, 5, 5]
    empty = resolved(tmp_path / "none", [])
    assert empty.cluster.shape == empty.family.shape == (0,)
    assert needed(np.array([1, 5, 6, 17, 18, 100]), 0.35).tolist() == [1, 5, 6, 6, 7, 35]


def test_little_memory_and_a_second_run_change_nothing(tmp_path, monkeypatch):
    generator = np.random.default_rng(6)
    pool = [tune(generator, 50) for _ in range(60)]
    tunes = [hashes(varied(generator, pool[i], 0.05)) for i in generator.integers(0, 60, 400)]
    first = resolved(tmp_path / "a", tunes)
    (tmp_path / "a" / "pairs-0").write_bytes(b"left over by a run that was broken off")
    again = resolved(tmp_path / "a", tunes)
    monkeypatch.setattr(candidates, "_PAIRS_AT_ONCE", 100)
    little = resolved(tmp_path / "b", tunes, memory_mib=0)
    for found in (again, little):
        assert np.array_equal(found.cluster, first.cluster)
        assert np.array_equal(found.family, first.family)
    assert sorted(path.suffix for path in (tmp_path / "b").iterdir()) == [".ends", ".ends", ".hashes", ".hashes"]


def test_slips_are_told(tmp_path):
    index = Index(tmp_path)
    with pytest.raises(ValueError, match="tune 1 was added where 0 comes next; tunes are added in order"):
        index.add(1, NOTHING)
    for wrong in (np.array([2, 1], np.uint64), np.array([1, 1], np.uint64), np.array([1, 2])):
        with pytest.raises(ValueError, match="ascending, none twice; got .*: not yet sorted"):
            index.add(0, wrong)
    with pytest.raises(ValueError, match="0 < related <= same <= 1 .* got 0.5, 0.4 and 0.17"):
        index.resolve(0.4, 0.5)
    index.close()


def test_the_split_is_stable_and_has_its_shares():
    names = [split_of([number]) for number in range(4000)]
    assert {name: names.count(name) / 4000 for name in set(names)} == pytest.approx(
        {"train": 0.88, "validation": 0.06, "test": 0.06}, abs=0.015
    )
    assert [split_of([5, 9, 7]), split_of({9, 5})] == [split_of([5])] * 2
    assert names != [split_of([number], seed=1) for number in range(4000)]


def plain_title(tune_id):
    """The title without articles, punctuation and the kind of dance."""
    title = tune_id.partition("#")[2].partition(" ")[2].lower().partition("--")[0].partition("(")[0]
    title = re.sub(r"\b(the|a|an|of|reel|hornpipe|jig|strathspey|march|air|clog)\b", "", title).replace("favourite", "favorite")
    return re.sub(r"[^a-z0-9]", "", title)


@pytest.mark.slow
def test_tunes_in_two_folk_collections_are_found_and_different_tunes_are_kept_apart(tmp_path):
    found = {}
    for file in expand(["music21:oneills1850", "music21:ryansMammoth"], unpack=None):
        for source in tunes_of(file):
            found.setdefault(plain_title(source.tune_id), []).append(source)
    in_both = [title for title, sources in sorted(found.items()) if len(title) > 3 and len({s.source for s in sources}) == 2]
    tunes, names = [], []
    for title in in_both + [title for title in sorted(found) if title not in in_both][::5]:
        for source in found[title]:
            tune = take_tune(source, source.read(), BuildOptions())[0]
            if tune is not None:
                tunes.append((tune.shingles, tune.skeleton))
                names.append((title, tune.source))
    family = resolved(tmp_path, tunes).family
    families = {}
    for name, head in zip(names, family.tolist(), strict=True):
        families.setdefault(name, set()).add(head)
    across = [title for title in in_both if (title, "oneill") in families and (title, "ryan") in families]
    together = [title for title in across if families[title, "oneill"] & families[title, "ryan"]]
    # An alignment of the notes calls 68 of these titles the same tune, the others different tunes of one name.
    assert len(across) >= 85
    assert len(together) >= 55
    assert np.bincount(family).max() <= 8
