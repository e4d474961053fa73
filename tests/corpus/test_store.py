import json
from dataclasses import replace

import numpy as np
import pytest
from corpus.made import made_line, made_tune, tree

from musicvae.corpus.disk.shards import ShardWriter
from musicvae.corpus.store import Corpus
from musicvae.music.key import Key


def corpus(*lengths, fill=1.0):
    """Tunes of these many bars; every bar has notes on steps 0 and 8 unless blanked by the test."""
    bars = np.zeros((sum(lengths), 16), np.uint8)
    bars[:, 0] = 2 + np.arange(len(bars)) % 80
    bars[:, 8] = 1
    start = np.cumsum([0, *lengths])[:-1]
    zeros = np.zeros(len(lengths), np.int64)
    return Corpus(
        bars,
        start,
        np.array(lengths, np.int64),
        zeros,
        zeros.copy(),
        zeros.copy(),
        zeros - 1,
        zeros.copy(),
        (),
        ("here",),
        tuple("abcdef"[: len(lengths)]),
        {"files": 3},
    )


def test_it_comes_back_from_disk(tmp_path):
    made = corpus(4, 7)
    folder = made.save(tmp_path / "new" / "folder")
    read = Corpus.load(folder, verify=True)
    for name in ("bars", "start", "num_bars", "kind", "split", "mode", "label", "source", "tune", "family", "tonic", "meter"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert (read.tune_ids, read.sources, read.report) == (["a", "b"], ("here",), {"files": 3})
    assert sorted(path.name for path in folder.iterdir()) == ["lines", "manifest.json", "rows"]
    assert not list((tmp_path / "new").glob("folder.*"))
    np.testing.assert_array_equal(read.tokens([[1, 2, 3]]), made.tokens([[1, 2, 3]]))


def full(folder, **changes):
    with ShardWriter(folder, "melody", options={"bars": [4], "hop_bars": 2}, rows_per_shard=16) as writer:
        for seed in range(6):
            tags = {"type": ("jig", "reel")[seed % 2], "composer": "nobody"} if seed else {}
            writer.append(made_tune(seed, lines=2, bars=9, tags=tags, **changes), split=seed % 3, family=0)
        writer.finish({"files": 6}, {"here": {"licence": "CC0"}})
    return folder


def test_a_loaded_corpus_saves_to_the_same(tmp_path):
    first = Corpus.load(full(tmp_path / "a"))
    assert (first.material, first.labels, first.tag_names["composer"]) == ("melody", ("jig", "reel"), ("nobody",))
    assert first.report["sources"] == {"here": {"licence": "CC0"}}
    again = Corpus.load(first.save(tmp_path / "b"))
    assert tree(again.save(tmp_path / "a")) == tree(tmp_path / "b")  # in place of the one that is open
    with pytest.raises(ValueError, match="read-only"):
        first.start[0] = 1


def test_windows_are_described(tmp_path):
    made = Corpus.load(full(tmp_path / "a"))
    windows = np.array([[0, 3, 4], [11, 0, 2]])
    first, last = made.describe(windows)
    assert (first.source, first.tune_id, first.split, first.tags) == ("here", "here/0000", "train", {})
    assert (last.tune_id, last.split, last.tags, last.bars) == ("here/0005", "test", {"composer": "nobody", "type": "reel"}, 2)
    assert (first.meter, first.bar, first.key, first.shift, first.tempo_qpm) == ("4/4", 4, Key(7, "dorian"), -7, 96.5)
    stored = made_tune(0, lines=2, bars=9).lines[0]
    np.testing.assert_array_equal(first.chords, stored.rows["chords"][3:7])
    assert last.chords.shape == (2, 8)
    bare = corpus(4).describe([[0, 1, 3]])[0]
    assert (bare.key, bare.bar, bare.chords, bare.tempo_qpm) == (None, 0, None, 0.0)


def test_written_bars_of_2_4_are_half_as_long(tmp_path):
    with ShardWriter(tmp_path / "c", "melody") as writer:
        line = made_line(0, bars=9, meter="2/4", start_bar=5, key=None)
        writer.append(replace(made_tune(0), lines=(line,)), split=0)
        writer.finish()
    (about,) = Corpus.load(tmp_path / "c").describe([[0, 3, 4]])
    assert (about.meter, about.bar, about.bars, about.key) == ("2/4", 11, 4, None)


def test_rows_of_any_column_end_empty(tmp_path):
    made = Corpus.load(full(tmp_path / "a"))
    found = made.rows([[0, 7, 2], [1, 0, 3]], "chords")
    assert (found.shape, found.dtype) == ((2, 3, 8), np.uint8)
    np.testing.assert_array_equal(found[0, :2], made.columns["chords"][7:9])
    assert not found[0, 2].any()
    with pytest.raises(ValueError, match="no column 'bass'; it has bars, chords, onsets"):
        made.rows([[0, 0, 1]], "bass")


@pytest.mark.parametrize("material", ["drums", "groove", "trio"])
def test_other_materials_are_stored_too(tmp_path, material):
    with ShardWriter(tmp_path / "c", material) as writer:
        writer.append(made_tune(3, material=material), split=0)
        writer.finish()
    made, stored = Corpus.load(tmp_path / "c", verify=True), made_tune(3, material=material).lines[0]
    for name, values in stored.rows.items():
        np.testing.assert_array_equal(made.rows([[0, 4, 8]], name)[0], values[4:12])
    if material != "trio":
        with pytest.raises(ValueError, match=f"a corpus of {material} has no melody tokens"):
            made.tokens([[0, 0, 4]])
    assert tree(made.save(tmp_path / "d")) == tree(tmp_path / "c")


def test_what_is_not_there_or_newer_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no corpus \(manifest\.json is missing\)"):
        Corpus.load(tmp_path)
    (tmp_path / "corpus.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="no longer read"):
        Corpus.load(tmp_path)
    corpus(4).save(tmp_path)
    assert not (tmp_path / "corpus.npz").exists()
    words = json.loads((tmp_path / "manifest.json").read_text())
    for change, message in (
        ({"schema": 2}, "schema 2, newer"), ({"kinds": ["5/8"]}, "build it again"), ({"material": "noise"}, "damaged"),
        ({"columns": {"x": {"dtype": "uint8", "shape": []}}}, "does not know"), ({"lines": 2}, "start.npy"),
        ({"tags": {"../x": []}}, "facet"),
    ):  # fmt: skip
        (tmp_path / "manifest.json").write_text(json.dumps({**words, **change}))
        with pytest.raises(ValueError, match=message):
            Corpus.load(tmp_path)
    for text in ("", "[]", "{}", json.dumps({name: word for name, word in words.items() if name != "rows"})):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match="damaged"):
            Corpus.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["rows/bars-00001.npy", "rows/onsets-00000.npy", "lines/start.npy", "lines/ids.npy", "lines/tags/type.npy"]
)
def test_files_that_are_missing_or_cut_short_are_told_when_it_is_opened(tmp_path, name):
    path = full(tmp_path / "a") / name
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(ValueError, match=f"damaged.*{path.name}"):
        Corpus.load(tmp_path / "a")
    path.unlink()
    with pytest.raises(ValueError, match=f"damaged.*{path.name}"):
        Corpus.load(tmp_path / "a")


def test_a_changed_byte_is_found_when_asked_for(tmp_path):
    path = full(tmp_path / "a") / "windows" / "4.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    Corpus.load(tmp_path / "a")
    with pytest.raises(ValueError, match=r"windows/4\.npy is missing or not what was written"):
        Corpus.load(tmp_path / "a", verify=True)


def test_nothing_is_read_that_is_not_looked_at(tmp_path, monkeypatch):
    folder = full(tmp_path / "a")
    opened = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda path, **how: (opened.append((path.name, how.get("mmap_mode"))), load(path, **how))[1])
    made = Corpus.load(folder)
    assert not [name for name, _ in opened if name.startswith("bars-")]
    made.tokens([[7, 2, 5]])  # rows 65 to 69
    assert [name for name, _ in opened if name.startswith("bars-")] == ["bars-00004.npy"]
    made.windows(None, bars=4)
    assert {mode for _, mode in opened} == {"r"}
    assert [name for name, _ in opened if name.startswith("bars-")] == ["bars-00004.npy"]


def test_an_empty_corpus(tmp_path):
    made = Corpus.load(corpus().save(tmp_path / "a"), verify=True)
    assert (len(made), made.windows(None).shape, made.tokens(np.zeros((0, 3))).shape) == (0, (0, 3), (0, 1, 16))


def test_onsets_of_replaced_bars_are_counted_anew(tmp_path):
    made = Corpus.load(full(tmp_path / "a"))
    silent = replace(made, bars=np.zeros((len(made.bars), 16), np.uint8))
    assert len(made.windows(None, bars=4)) > 0
    assert len(silent.windows(None, bars=4)) == 0
    assert list(silent.columns) == ["bars"]


@pytest.mark.parametrize(
    ("length", "starts"), [(15, []), (16, [0]), (17, [0]), (18, [0, 2]), (19, [0, 3]), (20, [0, 4]), (23, [0, 4, 7]), (25, [0, 4, 8])]
)
def test_windows_cover_a_tune(length, starts):
    assert corpus(length).windows("train").tolist() == [[0, start, 16] for start in starts]


def test_short_tunes_give_one_window_when_asked():
    made = corpus(5, 16)
    assert made.windows("train", allow_short=True).tolist() == [[0, 0, 5], [1, 0, 16]]
    assert made.windows("train").tolist() == [[1, 0, 16]]
    assert made.window_counts("train")["tunes shorter than a window"] == 1


def test_windows_with_too_little_in_them_are_left_out_and_counted():
    made = corpus(8, 8, 8, 8)
    made.bars[0:8] = 0
    made.bars[9:16] = 0
    made.bars[16:21] = 0
    made.bars[16, :8] = 2  # enough notes, but more than half of the bars are empty
    made.bars[17:21] = 0
    made.bars[21:24] = 0
    assert made.windows("train", bars=8).tolist() == [[3, 0, 8]]
    counts = made.window_counts("train", bars=8)
    assert list(counts.values()) == [1, 0, 1, 1, 1]


def test_windows_are_chosen_by_split_and_kind():
    made = corpus(16, 16, 16)
    made.kind[:] = [0, 1, 0]
    made.split[:] = [0, 0, 2]
    assert made.windows("train")[:, 0].tolist() == [0, 1]
    assert made.windows("train", kind=1)[:, 0].tolist() == [1]
    assert made.windows("test", kind=0)[:, 0].tolist() == [2]
    assert made.windows(None)[:, 0].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="unknown split 'tests'"):
        made.windows("tests")


def test_tokens_of_a_window_start_clean_and_end_empty():
    made = corpus(4, 2)
    made.bars[1] = 0
    made.bars[1, [2, 5, 9]] = [1, 40, 1]
    tokens = made.tokens(np.array([[0, 1, 3], [1, 0, 2]]))
    assert (tokens.shape, tokens.dtype) == ((2, 3, 16), np.uint8)
    assert np.flatnonzero(tokens[0, 0]).tolist() == [5, 9]  # the note-off at step 2 belonged to a note before
    np.testing.assert_array_equal(tokens[0, 1:], made.bars[2:4])
    np.testing.assert_array_equal(tokens[1, :2], made.bars[4:6])
    assert not tokens[1, 2].any()
    assert made.bars[1, 2] == 1  # the corpus itself is not changed
    assert made.tokens(np.zeros((0, 3), int)).shape[0] == 0


def test_arrays_that_do_not_belong_together_are_refused():
    made = corpus(4)
    with pytest.raises(ValueError, match="past the last of 4 bars"):
        Corpus(**{**vars(made), "num_bars": np.array([5])})
    with pytest.raises(ValueError, match=r"kind must have shape \(1,\)"):
        Corpus(**{**vars(made), "kind": np.zeros(2, int)})
