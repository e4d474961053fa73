from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from train.corpora import make_corpus

from musicvae.corpus.store import Corpus
from musicvae.model.config import PRESETS
from musicvae.music.meter import KINDS
from musicvae.train.data import TrainingWindows, ValidationWindows, data_report, full_bars, steps_per_bar
from musicvae.train.options import TrainOptions
from musicvae.train.own_course import OwnCourse


def windows(corpus, **changes):
    return TrainingWindows(corpus, **{"bars": 16, "hop_bars": 2, "batch_size": 4, "seed": 3, **changes})


def rows(found):
    return {tuple(row) for row in found.tolist()}


def test_a_batch_holds_the_tunes_own_bars(corpus):
    source = windows(corpus)
    for number in range(30):
        found, kind = source.batch_windows(number)
        batch = source.batch(number)
        assert batch.kind == kind
        assert batch.tokens.dtype == torch.uint8
        assert batch.tokens.shape == (len(found), found[0, 2], 16 if KINDS[kind] == "4/4" else 12)
        for tokens, (tune, first, bars) in zip(batch.tokens.numpy(), found, strict=True):
            assert corpus.kind[tune] == kind
            assert corpus.split[tune] == 0
            at = corpus.start[tune] + first
            np.testing.assert_array_equal(tokens, corpus.bars[at : at + bars, : tokens.shape[1]])


def test_steps_of_the_three_grids():
    assert [steps_per_bar(kind) for kind in range(3)] == [16, 12, 12]


def test_any_batch_can_be_drawn_without_those_before(corpus):
    straight = list(islice(windows(corpus).onward(0), 40))
    for number in (39, 17, 0):
        alone = windows(corpus).batch(number)
        assert alone.kind == straight[number].kind
        assert torch.equal(alone.tokens, straight[number].tokens)
    assert torch.equal(next(windows(corpus).onward(25)).tokens, straight[25].tokens)


def test_seeds_and_passes_differ(corpus):
    source = windows(corpus, short_share=0.0)
    n = source.batches_per_pass
    first = [source.batch_windows(i)[0].tolist() for i in range(n)]
    assert first != [source.batch_windows(i)[0].tolist() for i in range(n, 2 * n)]
    assert first != [windows(corpus, short_share=0.0, seed=4).batch_windows(i)[0].tolist() for i in range(n)]


def test_a_pass_meets_no_window_twice_and_all_of_them_where_kinds_keep_their_share(corpus):
    one_kind = make_corpus(kinds=1)
    source = windows(one_kind, short_share=0.0)
    met = [tuple(row) for i in range(source.batches_per_pass) for row in source.batch_windows(i)[0].tolist()]
    assert len(met) == len(set(met))
    assert len(met) > len(one_kind.windows("train", bars=16, hop=2)) - 4


def test_ranks_share_kind_and_bars_but_no_window(corpus):
    both = [windows(corpus, rank=rank, world_size=2) for rank in (0, 1)]
    for number in range(2 * both[0].batches_per_pass):
        (mine, kind), (theirs, other) = (source.batch_windows(number) for source in both)
        assert kind == other
        assert mine.shape == theirs.shape
        assert mine[0, 2] == theirs[0, 2]
        assert not rows(mine) & rows(theirs)
    assert both[0].batches_per_pass == pytest.approx(windows(corpus).batches_per_pass / 2, abs=1)


def test_shares_of_lengths_and_kinds(corpus):
    source = windows(corpus, short_share=0.2, kind_power=0.75)
    plans = [source.batch_windows(i) for i in range(1500)]
    lengths = np.array([found[0, 2] for found, _ in plans])
    assert np.mean(lengths < 16) == pytest.approx(0.2, abs=0.04)
    assert {1, 2, 4, 8} < set(lengths.tolist())
    assert len(set(lengths.tolist())) > 8
    assert max(len(found) for found, _ in plans) == 16  # four times the batch
    counts = np.array([len(corpus.windows("train", kind=kind, bars=16, hop=2)) for kind in range(3)]) ** 0.75
    kinds = np.bincount([kind for found, kind in plans if found[0, 2] == 16], minlength=3)
    np.testing.assert_allclose(kinds / kinds.sum(), counts / counts.sum(), atol=0.05)


def test_batches_shrink_to_what_there_is():
    few = make_corpus(tunes=6, validation=1, bars=(16, 16), kinds=3)  # two full windows of each kind
    source = windows(few, batch_size=64, short_share=0.0)
    for number in range(6):
        found, kind = source.batch_windows(number)
        assert rows(found) == rows(few.windows("train", kind=kind, bars=16, hop=2))
    assert len(windows(few, batch_size=64, world_size=2, short_share=0.0).batch_windows(0)[0]) == 1


def test_validation_is_fixed_spread_and_limited(corpus):
    held_out = ValidationWindows(corpus, bars=16, hop_bars=8, batch_size=3, most=9)
    batches = list(held_out)
    assert len(batches) == len(held_out)
    assert {batch.kind for batch in batches} == {0, 1, 2}
    assert sum(len(batch.tokens) for batch in batches) <= 9 + 2
    assert all(torch.equal(a.tokens, b.tokens) for a, b in zip(batches, held_out, strict=True))
    everything = ValidationWindows(corpus, bars=16, hop_bars=8, batch_size=3, most=10_000)
    assert sum(len(batch.tokens) for batch in everything) == len(corpus.windows("validation", bars=16, hop=8))


@pytest.mark.parametrize(("bars", "expected"), [((16, 24), 16), ((9, 12), 8), ((4, 7), 4), ((1, 1), 1)])
def test_full_windows_are_as_long_as_the_tunes_allow(bars, expected):
    assert full_bars(make_corpus(tunes=120, bars=bars), 16, hop_bars=2) == expected


def test_a_corpus_of_another_material_is_refused(corpus):
    drums = replace(corpus, bars=corpus.bars.astype(np.uint64), material="drums")
    with pytest.raises(ValueError, match="this corpus holds drums, and melody is needed: build one with --kind melody"):
        OwnCourse(drums, PRESETS["tiny"], TrainOptions())


def test_a_corpus_on_disk_gives_the_same_batches(corpus, tmp_path):
    ours, theirs = (windows(c, short_share=0.5) for c in (corpus, Corpus.load(corpus.save(tmp_path / "corpus"))))
    for number in range(4):
        assert torch.equal(ours.batch(number).tokens, theirs.batch(number).tokens)


def test_too_little_data_says_how_much_there_is_and_is_needed():
    few = make_corpus(tunes=6, bars=(8, 8))
    have = len(few.windows("train", bars=1, hop=2))
    with pytest.raises(ValueError, match=rf"too little data: {have} training windows of at least 1 bar; needed are 64"):
        full_bars(few, 16, hop_bars=2)
    with pytest.raises(ValueError, match="no validation tunes"):
        full_bars(make_corpus(validation=0), 16, hop_bars=2)


def test_report_counts_tunes_and_windows(corpus):
    report = data_report(corpus, bars=16, hop_bars=2)
    assert report["tunes"] == {"train": 40, "validation": 8, "test": 0}
    assert report["tunes_by_source"] == {"made up": 48}
    assert sum(report["windows"]["train"].values()) == len(corpus.windows("train", bars=16, hop=2))
    assert report["corpus"]["licences"] == {"made up": "CC0"}
