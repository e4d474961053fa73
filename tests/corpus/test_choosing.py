from dataclasses import replace

import numpy as np
import pytest
from corpus.made import made_tune
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.choosing import Facts, choose
from musicvae.corpus.disk.layout import SPLITS
from musicvae.corpus.likeness.duplicates import Families, split_of
from musicvae.corpus.tunes import Tune

LINE = made_tune(0, bars=1).lines[0]


def tune(bars=4, tune_id="", split="", shingles=(5,), source="s"):
    return Tune(source, tune_id, "x.mid", {}, split, (LINE,) * bars, np.array(sorted(shingles), np.uint64))


def decide(tunes, cluster=None, family=None, *, seed=0, keep_duplicates=False):
    facts = Facts()
    for each in tunes:
        facts.add(each)
    alone = np.arange(len(tunes))
    cluster = alone if cluster is None else np.array(cluster, np.int64)
    family = cluster if family is None else np.array(family, np.int64)
    return choose(facts, Families(cluster, family), lambda number: tunes[number].tune_id, seed=seed, keep_duplicates=keep_duplicates)


def test_of_a_cluster_the_longest_stays_then_the_first_by_name():
    tunes = [tune(4, "b"), tune(6, "c", source="t"), tune(6, "a"), tune(9, "z"), tune(6, "b")]
    choice = decide(tunes, [0, 0, 0, 3, 0])
    assert choice.kept.tolist() == [False, False, True, True, False]
    assert choice.rows == 15
    assert choice.removed == {("s", "s"): 2, ("t", "s"): 1}


def test_a_tune_that_its_collection_holds_out_comes_first_and_keeps_its_side():
    tunes = [tune(9, "a"), tune(2, "b", "validation"), tune(1, "c", "test"), tune(5, "d", "train")]
    choice = decide(tunes, [0, 0, 0, 0])
    assert choice.kept.tolist() == [False, False, True, False]
    assert SPLITS[choice.split[2]] == "test"


def test_duplicates_that_are_kept_share_a_split_and_none_brings_a_held_out_tune_into_training():
    tunes = [tune(9, "a"), tune(2, "b", "test"), tune(5, "d", "train"), tune(3, "e"), tune(2, "f")]
    choice = decide(tunes, [0, 0, 0, 3, 3], keep_duplicates=True)
    assert choice.kept.tolist() == [True, True, False, True, True]
    assert [SPLITS[s] for s in choice.split[:2]] == ["test", "test"]
    assert choice.split[3] == choice.split[4]
    assert choice.removed == {("s", "s"): 1}


def test_a_family_goes_where_its_smallest_shingle_says():
    for first in range(30):
        tunes = [tune(shingles=(first + 200, 900)), tune(shingles=(first,)), tune(shingles=()), tune(shingles=(first + 7,))]
        choice = decide(tunes, family=[0, 0, 0, 3], seed=4)
        sides = [SPLITS[s] for s in choice.split]
        assert sides == [split_of([first], seed=4)] * 3 + [split_of([first + 7], seed=4)]
    assert SPLITS[decide([tune(shingles=())]).split[0]] == split_of([])


def test_families_are_numbered_by_their_first_kept_tune():
    choice = decide([tune(1), tune(2), tune(3), tune(4), tune(5)], [0, 0, 2, 3, 2], [0, 0, 0, 3, 0])
    assert choice.kept.tolist() == [False, True, False, True, True]
    assert choice.family[choice.kept].tolist() == [0, 1, 0]


def test_names_are_asked_for_only_where_nothing_else_decides():
    facts = Facts()
    for each in (tune(4), tune(5), tune(5, split="test"), tune(1)):
        facts.add(each)
    groups = np.array([0, 0, 0, 3])
    assert choose(facts, Families(groups, groups), pytest.fail, seed=0, keep_duplicates=False).kept.tolist() == [False, False, True, True]


def test_no_tunes():
    choice = decide([])
    assert (choice.kept.shape, choice.rows, choice.removed) == ((0,), 0, {})


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.sampled_from("abc"), st.sampled_from(["", *SPLITS])), max_size=20))
def test_the_kept_ones_are_the_best_by_plain_sorting(drawn):
    tunes = [tune(bars, tune_id, split) for _, bars, tune_id, split in drawn]
    groups = [[other for other, _, _, _ in drawn].index(group) for group, _, _, _ in drawn]
    choice = decide(tunes, groups)
    expected = set()
    for head in set(groups):
        members = [i for i, group in enumerate(groups) if group == head]
        rank = {"test": 0, "validation": 1}
        expected.add(min(members, key=lambda i: (rank.get(tunes[i].split, 2), -len(tunes[i].lines), tunes[i].tune_id, i)))
    assert set(np.flatnonzero(choice.kept).tolist()) == expected
    for i in expected:
        assert SPLITS[choice.split[i]] == (tunes[i].split or split_of([5]))
    assert replace(choice, removed={}).rows == sum(len(tunes[i].lines) for i in expected)


def test_a_family_too_large_to_be_held_out_goes_into_training():
    held_out = next(n for n in range(1000) if split_of((n,), seed=0) == "test")
    tunes = [tune(4, str(n), shingles=(held_out,)) for n in range(30)] + [tune(4, f"x{n}", shingles=(10_000 + n,)) for n in range(970)]
    small, large = np.arange(1000), np.arange(1000)
    small[:15], large[:30] = 0, 0
    assert set(decide(tunes, family=small).split[:15].tolist()) == {SPLITS.index("test")}
    assert set(decide(tunes, family=large).split[:30].tolist()) == {SPLITS.index("test")}
    large[:31] = 0
    choice = decide(tunes, family=large)
    assert set(choice.split[:31].tolist()) == {SPLITS.index("train")}
    assert choice.largest_family == 31


@pytest.mark.parametrize("own", SPLITS)
def test_relatives_of_a_tune_whose_split_is_given_are_on_its_side(own):
    for first in range(30):
        tunes = [tune(tune_id="a", shingles=(first,)), tune(tune_id="b", split=own, shingles=(900,)), tune(tune_id="c", shingles=(901,))]
        assert {SPLITS[s] for s in decide(tunes, [0, 1, 2], [0, 0, 0]).split} == {own}


def test_relatives_of_held_out_tunes_are_held_out_though_others_are_given_to_training():
    tunes = [tune(split="train"), tune(split="validation"), tune(split="test"), tune(), tune(shingles=())]
    choice = decide(tunes, [0, 1, 2, 3, 4], [0, 0, 0, 0, 0])
    assert [SPLITS[s] for s in choice.split] == ["train", "validation", "test", "test", "test"]
