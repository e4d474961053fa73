import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from corpus.made import made_line, made_tune, tree

from musicvae.corpus.disk import shards
from musicvae.corpus.disk.shards import ShardWriter
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.store import Corpus
from musicvae.corpus.tunes import COLUMNS

OPTIONS = BuildOptions(bars=(2, 4), hop_bars=2).to_dict()
TAGS = ({}, {"type": "reel"}, {"composer": "Öhlin", "type": "jig"}, {"type": ""})


def tunes(material="melody"):
    return [
        made_tune(seed, source=("zoo", "ark")[seed % 2], lines=1 + seed % 3, bars=5 + seed, tags=TAGS[seed % 4], material=material)
        for seed in range(9)
    ]


def write(folder, made=None, material="melody", **options):
    with ShardWriter(folder, material, options={**OPTIONS, "material": material}, **options) as writer:
        for number, tune in enumerate(made or tunes(material)):
            writer.append(tune, split=number % 3, family=number // 2)
        return writer.finish({"files": 9}, {"zoo": {"licence": "CC0"}, "gone": {"files": 1}})


@pytest.mark.parametrize("material", COLUMNS)
def test_numpy_alone_finds_everything_that_was_appended(tmp_path, material, monkeypatch):
    monkeypatch.setattr(shards, "_BUFFERED_ROWS", 20)
    folder = write(tmp_path / "c", material=material, rows_per_shard=32)
    words = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    table = {path.stem: np.load(path) for path in (folder / "lines").glob("*.npy")}
    for name in COLUMNS[material]:
        parts = [np.load(path) for path in sorted((folder / "rows").glob(f"{name}-*.npy"))]
        assert [len(part) for part in parts[:-1]] == [32] * (len(parts) - 1)
        rows = np.concatenate(parts)
        lines = [line for tune in tunes(material) for line in tune.lines]
        for line, start, num_bars in zip(lines, table["start"], table["num_bars"], strict=True):
            np.testing.assert_array_equal(rows[start : start + num_bars], line.rows[name])
            assert rows.dtype == line.rows[name].dtype
    assert (words["rows"], words["lines"], words["tunes"]) == (len(rows), len(lines), 9)
    owner = [tune for tune in tunes(material) for _ in tune.lines]
    assert [words["line_sources"][i] for i in table["source"]] == [tune.source for tune in owner]
    assert [words["meters"][i] for i in table["meter"]] == [line.meter for line in lines]
    for facet in ("type", "composer"):
        codes = np.load(folder / "lines" / "tags" / f"{facet}.npy")
        assert [words["tags"][facet][i] if i >= 0 else "" for i in codes] == [tune.tags.get(facet, "") for tune in owner]
        assert words["tags"][facet] == sorted(words["tags"][facet])
    ids = table["ids"].tobytes()
    ends = [0, *table["id_end"].tolist()]
    assert [ids[ends[i] : ends[i + 1]].decode() for i in table["tune"]] == [tune.tune_id for tune in owner]
    assert table["split"].tolist() == [int(tune.file[:4]) % 3 for tune in owner]
    assert table["family"].tolist() == [int(tune.file[:4]) // 2 for tune in owner]
    assert (table["tonic"] == 7).all()
    assert (table["mode"] == 2).all()
    assert (table["shift"] == -7).all()
    assert table["tempo_qpm"].tolist() == [96.5] * len(lines)


def test_windows_of_every_length_are_written_and_counted(tmp_path):
    folder = write(tmp_path / "c")
    words, corpus = json.loads((folder / "manifest.json").read_text()), Corpus.load(folder)
    for bars in (2, 4):
        expected = corpus.windows(None, bars=bars, hop=2)
        np.testing.assert_array_equal(np.load(folder / "windows" / f"{bars}.npy"), expected)
        told = words["windows"][str(bars)]
        assert told["counts"] == corpus.window_counts(None, bars=bars, hop=2)
        assert sum(entry[-1] for entry in told["by"]) == len(expected)
        source, kind, split, count = told["by"][0]
        lines = expected[:, 0]
        own = (corpus.source == words["line_sources"].index(source)) & (corpus.kind == words["kinds"].index(kind))
        assert count == int((own & (corpus.split == words["splits"].index(split)))[lines].sum())


def test_every_file_has_its_checksum_and_the_manifest_names_them_all(tmp_path):
    folder = write(tmp_path / "c", rows_per_shard=32)
    words, files = json.loads((folder / "manifest.json").read_text()), tree(folder)
    del files["manifest.json"]
    assert words["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert [entry["name"] for entry in words["sources"]] == ["ark", "gone", "zoo"]
    assert words["sources"][2]["licence"] == "CC0"


def test_the_same_tunes_give_the_same_bytes_however_they_are_buffered(tmp_path, monkeypatch):
    first = tree(write(tmp_path / "a"))
    monkeypatch.setattr(shards, "_BUFFERED_ROWS", 1)
    monkeypatch.setattr(shards, "_REMAPPED_AT_A_TIME", 3)
    assert tree(write(tmp_path / "b")) == first


def test_nothing_is_left_of_a_corpus_that_was_not_finished(tmp_path):
    write(tmp_path / "c")
    before = tree(tmp_path)
    with ShardWriter(tmp_path / "c", "melody") as writer:
        writer.append(made_tune(1), split=0)
    assert tree(tmp_path) == before


def test_what_was_left_by_a_kill_is_replaced(tmp_path):
    (tmp_path / "c.partial" / "rows").mkdir(parents=True)
    (tmp_path / "c.partial" / "rows" / "bars-00000.npy").write_text("half a shard")
    write(tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]
    assert tree(write(tmp_path / "c")) == tree(write(tmp_path / "d"))


def test_what_a_kill_between_two_names_left_is_removed(tmp_path):
    """A corpus is replaced in three steps: the older one aside, the new one into its place, the older one removed."""
    for seed in (1, 2):
        with ShardWriter(tmp_path / "c", "melody") as writer:
            writer.append(made_tune(seed), split=0)
            writer.finish()
        if seed == 1:
            shutil.copytree(tmp_path / "c", tmp_path / "c.old")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert list(Corpus.load(tmp_path / "c", verify=True).tune_ids) == [made_tune(2).tune_id]


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.tex").write_text("")
    with pytest.raises(FileExistsError, match=r"holds thesis\.tex, which is no part of a corpus"):
        ShardWriter(tmp_path / "c", "melody")
    with pytest.raises(FileExistsError, match="is a file"):
        ShardWriter(tmp_path / "c" / "thesis.tex", "melody")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c", "thesis.tex"]


def test_lines_that_do_not_fit_are_refused(tmp_path):
    with ShardWriter(tmp_path / "c", "trio") as writer:
        with pytest.raises(ValueError, match=r"a line of trio needs bass of shape \(16, 16\), got nothing"):
            writer.append(made_tune(1), split=0)
        with pytest.raises(ValueError, match="has no lines"):
            writer.append(replace(made_tune(1), lines=()), split=0)
        with pytest.raises(ValueError, match="'meter' is no facet of tags"):
            writer.append(made_tune(1, material="trio", tags={"meter": "4/4"}), split=0)
    with ShardWriter(tmp_path / "c", "melody") as writer:
        writer.append(made_tune(1, tags={"../../x": "y"}), split=0)
        with pytest.raises(ValueError, match="names no facet of tags"):
            writer.finish()
    assert not list(tmp_path.iterdir())


def test_values_outside_their_column_are_refused(tmp_path):
    line = made_line(1)
    wide = replace(line, rows={**line.rows, "chords": line.rows["chords"].astype(np.int64) + 300})
    with ShardWriter(tmp_path / "c", "melody") as writer:
        writer.append(replace(made_tune(1), lines=(wide,)), split=0)
        with pytest.raises(ValueError, match="chords-00000.npy holds uint8"):
            writer.finish()
