import json

import numpy as np
import pytest

from musicvae.corpus.options import BuildOptions
from musicvae.corpus.report import LeftOut, corpus_report, leading_reasons, left_out
from musicvae.corpus.store import Corpus

REPORT = {
    "files": 9, "bytes": 3 << 20, "files_read": 6, "tunes_found": 12, "tunes_read": 8,
    "skipped": {"not a kind of file that is read (.txt)": {"count": 2, "examples": ["a.txt", "b.txt"]}},
    "unreadable": {"cut short": {"count": 1, "examples": ["x.mid"]}, "is empty": {"count": 3, "examples": ["y.mid", "z.mid"]}},
    "left_out": {"no notes in it": {"count": 2, "examples": ["v.mid"]}},
    "stopped": {"took more than 30 s": {"count": 1, "examples": ["w"]}},
    "losses": {"notes in a second voice": 5, "bars in pickups or cut short": 70},
    "duplicates": {"removed": 2, "by_source": {"b (kept: a)": 2}},
    "sources": {"a": {"licence": "CC0-1.0", "files": 5}, "gone": {"files": 1}},
}  # fmt: skip


def corpus_of(lengths, *, kinds=None, splits=None, sources=None, labels=None, report=REPORT, options=None):
    """A corpus of lines of these lengths with a note in every bar."""
    count = len(lengths)
    bars = np.zeros((sum(lengths), 16), np.uint8)
    bars[:, 0] = 40
    column = {name: np.array(given if given is not None else [0] * count) for name, given in
              {"kind": kinds, "split": splits, "source": sources, "label": labels or [-1] * count}.items()}  # fmt: skip
    return Corpus(
        bars, np.cumsum([0, *lengths[:-1]]) if count else np.zeros(0, np.int64), np.array(lengths, np.int64),
        mode=np.zeros(count, np.int64),
        labels=("jig", "reel") if labels else (), sources=("a", "b"), tune_ids=tuple(f"t{i}" for i in range(count)), report=report,
        options=options or {}, **{name: values.astype(np.int64) for name, values in column.items()},
    )  # fmt: skip


def test_windows_are_counted_by_source_meter_and_split():
    corpus = corpus_of([16, 20, 3, 8], kinds=[0, 2, 0, 1], splits=[0, 0, 2, 1], sources=[0, 1, 1, 0])
    report = corpus_report(corpus)
    # 16 bars give 1 window of 16 and 4 of 4; 20 bars 2 and 5; 3 bars neither; 8 bars 0 and 2.
    assert {key: n for key, n in report.windows.items() if key[0] == 16} == {(16, "a", "4/4", "train"): 1, (16, "b", "6/8", "train"): 2}
    assert {key: n for key, n in report.windows.items() if key[0] == 4} == {
        (4, "a", "4/4", "train"): 4, (4, "a", "3/4", "validation"): 2, (4, "b", "6/8", "train"): 5,
    }  # fmt: skip
    assert report.windows_left_out[16]["tunes shorter than a window"] == 2
    assert report.lengths == (2, 4, 8, 16)
    assert report.counts["tunes"] == 4
    assert report.counts["bars"] == 47


def test_tables_have_rows_by_source_and_meter_and_their_sum():
    report = corpus_report(corpus_of([16, 20, 8], kinds=[0, 2, 0], sources=[0, 1, 0]))
    tables = {table.title: table for table in report.tables()}
    by = tables["windows by source and meter"]
    assert by.heading == ("source", "meter", "2 bars", "4 bars", "8 bars", "16 bars")
    assert [row[:2] for row in by.rows] == [("a", "4/4"), ("b", "6/8"), ("all", "")]
    assert by.rows[-1][2:] == tuple(sum(row[i] for row in by.rows[:-1]) for i in range(2, 6))
    assert tables["windows by split"].rows == (("train", *by.rows[-1][2:]),)
    assert tables["no window"].rows == (("tunes shorter than a window", 0, 0, 0, 1),)
    assert tables["near-duplicates dropped"].rows == (("b (kept: a)", 2),)
    assert [row[0] for row in tables["sources"].rows] == ["a", "b", "gone"]


def test_split_table_has_all_meters():
    table = corpus_report(corpus_of([16, 16], splits=[0, 2])).split_table(16)
    assert table.heading == ("split", "4/4", "3/4", "6/8")
    assert table.rows == (("train", 1, 0, 0), ("validation", 0, 0, 0), ("test", 1, 0, 0))


def test_what_was_left_out_comes_with_the_most_frequent_first():
    report = corpus_report(corpus_of([8]))
    assert [(each.reason, each.count) for each in report.unreadable] == [("is empty", 3), ("cut short", 1)]
    assert report.unreadable[0].examples == ("y.mid", "z.mid")
    assert [each.reason for each in report.failures] == ["is empty", "no notes in it", "cut short", "took more than 30 s"]
    assert report.skipped == (LeftOut("not a kind of file that is read (.txt)", 2, ("a.txt", "b.txt")),)
    assert list(report.losses) == ["bars in pickups or cut short", "notes in a second voice"]
    assert report.counts["files_skipped"] == 2


def test_tags_count_tunes_and_not_lines():
    corpus = corpus_of([4, 4, 4, 4], labels=[1, 1, 0, -1])
    same = Corpus(**{**vars(corpus), "tune": np.array([0, 0, 1, 2])})
    assert corpus_report(corpus).tags == {"type": {"reel": 2, "jig": 1}}
    assert corpus_report(same).tags == {"type": {"jig": 1, "reel": 1}}
    assert corpus_report(same).counts["tunes"] == 3


def test_a_folder_gives_the_report_of_the_corpus_in_it(tmp_path):
    options = BuildOptions(bars=(4, 8), hop_bars=2).to_dict()
    corpus = corpus_of([16, 20, 3, 8], kinds=[0, 2, 0, 1], splits=[0, 0, 2, 1], sources=[0, 1, 1, 0], labels=[0, 1, 1, -1], options=options)
    corpus.save(tmp_path / "c")
    from_disk, in_memory = corpus_report(tmp_path / "c"), corpus_report(corpus)
    assert from_disk.windows == in_memory.windows
    assert from_disk.lengths == (4, 8)
    assert from_disk.windows_left_out == in_memory.windows_left_out
    assert (from_disk.tags, from_disk.counts, from_disk.failures) == (in_memory.tags, in_memory.counts, in_memory.failures)
    assert [source["name"] for source in from_disk.sources] == ["a", "b", "gone"]
    assert from_disk.sources[0]["licence"] == "CC0-1.0"


def test_json_holds_everything():
    report = corpus_report(corpus_of([16, 20], labels=[0, 1]))
    words = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert words["windows"][0] == {"bars": 2, "source": "a", "meter": "4/4", "split": "train", "windows": 18}  # 8 and 10
    assert words["unreadable"]["is empty"] == {"count": 3, "examples": ["y.mid", "z.mid"]}
    assert words["duplicates"] == {"removed": 2, "by_source": {"b (kept: a)": 2}}
    assert words["tags"] == {"type": {"jig": 1, "reel": 1}}
    for table in report.tables():
        assert all(len(row) == len(table.heading) for row in table.to_dict()["rows"])


def test_an_empty_corpus_has_a_report():
    report = corpus_report(corpus_of([], report={"unreadable": REPORT["unreadable"]}))
    assert report.windows == {}
    assert report.counts["tunes"] == 0
    assert report.unreadable[0].count == 3
    assert all(table.rows for table in report.tables())


def test_reasons_in_a_line():
    reasons = left_out({f"reason {k}": {"count": k, "examples": [f"{k}.mid"]} for k in range(1, 6)})
    assert leading_reasons(reasons) == (
        "reason 5 (5, such as 5.mid); reason 4 (4, such as 4.mid); reason 3 (3, such as 3.mid); and 2 more reasons"
    )
    assert leading_reasons(()) == ""


def test_a_folder_without_a_corpus(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no corpus"):
        corpus_report(tmp_path)
