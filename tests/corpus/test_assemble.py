import hashlib
import json

import numpy as np
import pytest
from corpus.made import made_result, made_tune, tree, write_part

from musicvae.corpus import assemble as module
from musicvae.corpus.assemble import assemble
from musicvae.corpus.disk.layout import SPLITS
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.store import Corpus

OPTIONS = BuildOptions(bars=(4, 8), partition_files=2)


def parts_of(folder, tunes, *, each=3):
    """Parts of so many files with a tune each."""
    folder.mkdir(exist_ok=True)
    results = [made_result([tune], source=tune.source) for tune in tunes]
    return [write_part(folder / f"{at:05}.part", results[at : at + each]) for at in range(0, len(results), each)]


def tunes():
    made = [made_tune(seed, source=("ark", "zoo")[seed >= 6], lines=1 + seed % 2, bars=8 + seed % 3) for seed in range(12)]
    again = made_tune(3, source="zoo", tune_id="zoo/again", bars=30)  # the tune of a file in ark, longer here
    return [*made, again]


def test_parts_become_a_corpus_without_the_shorter_duplicate(tmp_path):
    heard = []
    corpus = assemble(parts_of(tmp_path / "work", tunes()), tmp_path / "c", OPTIONS, progress=lambda done, of: heard.append((done, of)))
    kept = [tune for tune in tunes() if tune.tune_id != "ark/0003"]
    assert list(corpus.tune_ids) == [tune.tune_id for tune in kept for _ in tune.lines]
    assert corpus.report["duplicates"] == {"removed": 1, "by_source": {"ark (kept: zoo)": 1}, "largest_family": 2}
    assert heard == [(n, 10) for n in range(1, 11)]
    assert corpus.options == OPTIONS.to_dict()
    for line, stored in enumerate(line for tune in kept for line in tune.lines):
        np.testing.assert_array_equal(corpus.rows([[line, 0, stored.num_bars]])[0], stored.rows["bars"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "work"]
    assert Corpus.load(tmp_path / "c", verify=True).tune_ids == list(corpus.tune_ids)


def test_the_cut_into_parts_and_the_place_change_nothing(tmp_path):
    first = assemble(parts_of(tmp_path / "a", tunes(), each=1), tmp_path / "x" / "c", OPTIONS, {"skipped": {}})
    assemble(parts_of(tmp_path / "b", tunes(), each=13), tmp_path / "d", OPTIONS, {"skipped": {}}, work=tmp_path / "index")
    assert tree(tmp_path / "x" / "c") == tree(tmp_path / "d")
    assert len(first) > 0


def test_adding_tunes_moves_none_between_splits(tmp_path):
    many = [made_tune(seed) for seed in range(60)]
    few = assemble(parts_of(tmp_path / "a", many[::2]), tmp_path / "few", OPTIONS)
    all_of_them = assemble(parts_of(tmp_path / "b", many[::-1]), tmp_path / "many", OPTIONS)
    where = dict(zip(all_of_them.tune_ids, all_of_them.split.tolist(), strict=True))
    assert {name: where[name] for name in few.tune_ids} == dict(zip(few.tune_ids, few.split.tolist(), strict=True))
    assert set(where.values()) == {0, 1, 2}
    other = assemble(parts_of(tmp_path / "b", many), tmp_path / "other", BuildOptions(split_seed=1))
    assert dict(zip(other.tune_ids, other.split.tolist(), strict=True)) != where


def test_a_collections_own_division_is_honoured(tmp_path):
    made = [made_tune(seed, split=SPLITS[seed % 3]) for seed in range(9)]
    corpus = assemble(parts_of(tmp_path / "a", made), tmp_path / "c", OPTIONS)
    assert [SPLITS[s] for s in corpus.split] == [tune.split for tune in made]


def test_the_report_counts_what_came_and_what_was_left_out(tmp_path):
    (tmp_path / "w").mkdir()
    results = [
        made_result([made_tune(1)], source="ark", losses={"notes in a second voice": 2}),
        made_result([made_tune(2)], source="ark", name="two.abc", failures=["not music"], losses={"notes in a second voice": 3}),
        made_result([made_tune(4)], source="ark", name="two.abc", first_tune=100),
        made_result([], source="zoo", name="a.mid", failures=["not music"]),
    ]
    parts = [write_part(tmp_path / "w" / "0.part", results[:2]), write_part(tmp_path / "w" / "1.part", results[2:])]
    report = assemble(parts, tmp_path / "c", OPTIONS, {"skipped": {"hidden file": {"count": 1, "examples": [".x"]}}}).report
    assert [report[name] for name in ("files", "files_read", "tunes_found", "tunes_read")] == [3, 2, 5, 3]
    assert report["unreadable"] == {"not music": {"count": 2, "examples": ["two.abc#0", "a.mid#0"]}}
    assert report["losses"] == {"notes in a second voice": 5}
    assert report["skipped"]["hidden file"]["count"] == 1
    assert (report["sources"]["ark"]["files"], report["sources"]["zoo"]["files"]) == (2, 1)
    lines = sorted(f"{result.file.name} {result.sha256}\n" for result in results[:2])
    assert report["sources"]["ark"]["sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
    words = json.loads((tmp_path / "c" / "manifest.json").read_text())
    assert "sources" not in words["report"]
    assert words["windows"]["4"]["counts"]["windows"] == len(np.load(tmp_path / "c" / "windows" / "4.npy"))


def test_nothing_is_left_behind_by_a_damaged_part(tmp_path):
    parts = parts_of(tmp_path / "w", tunes())
    parts[2].write_bytes(parts[2].read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"00006\.part is no part of a build"):
        assemble(parts, tmp_path / "c", OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_nothing_found_is_an_empty_corpus(tmp_path):
    corpus = assemble([], tmp_path / "c", OPTIONS)
    assert (len(corpus), corpus.report["files"], corpus.windows(None, bars=4).shape) == (0, 0, (0, 3))


def test_shards_grow_with_the_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_SHARD", 4)
    monkeypatch.setattr(module, "_MOST_SHARDS", 8)
    assemble(parts_of(tmp_path / "w", tunes()), tmp_path / "c", OPTIONS)
    shards = sorted((tmp_path / "c" / "rows").glob("bars-*.npy"))
    assert 4 < len(shards) <= 8
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["rows_per_shard"] == 32
