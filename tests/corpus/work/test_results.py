from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.tunes import COLUMNS, SourceFile, StoredLine, Tune
from musicvae.corpus.work.frames import pack, unpack
from musicvae.corpus.work.results import Failure, FileResult, pack_result, pack_tune, unpack_result, unpack_tune
from musicvae.music.key import MODES, Key

KEYS = st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))


@st.composite
def tunes(draw: st.DrawFn) -> Tune:
    columns = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))]
    lines = []
    for num_bars in draw(st.lists(st.integers(0, 5), max_size=4)):
        fill = draw(st.integers(0, 100))
        rows = {name: np.full((num_bars, *column.shape), fill, column.dtype) for name, column in columns.items()}
        meter, tempo = draw(st.sampled_from(["4/4", "6/8"])), draw(st.floats(1, 400))
        lines.append(
            StoredLine(rows, draw(st.integers(0, 2)), meter, draw(st.integers(1, 99)), tempo, draw(KEYS), draw(st.integers(-40, 40)))
        )
    tags = draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
    shingles = np.array(sorted(draw(st.sets(st.integers(0, 2**64 - 1), max_size=5))), np.uint64)
    return Tune(draw(st.text(max_size=5)), draw(st.text(max_size=9)), "a/b.mid", tags, "test", tuple(lines), shingles, shingles[:1])


def assert_same_tune(got: Tune, expected: Tune) -> None:
    for name in ("source", "tune_id", "file", "tags", "split"):
        assert getattr(got, name) == getattr(expected, name)
    for name in ("shingles", "skeleton"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), strict=True)
    assert len(got.lines) == len(expected.lines)
    for a, b in zip(got.lines, expected.lines, strict=True):
        facts = ("num_bars", "kind", "meter", "start_bar", "tempo_qpm", "key", "shift")
        assert [getattr(a, name) for name in facts] == [getattr(b, name) for name in facts]
        assert list(a.rows) == list(b.rows)
        for name in a.rows:
            np.testing.assert_array_equal(a.rows[name], b.rows[name], strict=True)


@given(st.lists(tunes(), max_size=3))
def test_results_survive_a_frame(some):
    file = SourceFile("folk", "a/b.mid", "/somewhere/a/b.mid", "recipe", "a", 3, 9, 1234)
    failures = (Failure("b#1", "no notes in it"), Failure("", "the reader crashed (SIGSEGV)", "stopped"))
    result = FileResult(file, tuple(some), failures, {"b": 2, "a": 1}, "ab" * 32, 77, 5)
    frame = pack(*pack_result(result))
    got = unpack_result(*unpack(frame))
    for a, b in zip(got.tunes, some, strict=True):
        assert_same_tune(a, b)
    assert got.file == SourceFile("folk", "a/b.mid", "", "recipe", "a", 3, 9, 1234)
    assert (got.failures, got.losses, got.sha256, got.size, got.num_found) == (failures, {"a": 1, "b": 2}, "ab" * 32, 77, 5)
    assert b"somewhere" not in frame
    assert pack(*pack_result(got)) == frame


def test_lines_of_other_columns_in_one_tune_are_refused():
    first = StoredLine({"bars": np.zeros((2, 16), np.uint8)}, 0, "4/4", 1, 120.0)
    second = StoredLine({"bars": np.zeros((2, 16), np.uint8), "chords": np.zeros((2, 8), np.uint8)}, 0, "4/4", 3, 120.0)
    with pytest.raises(ValueError, match="differ in their columns"):
        pack_tune(Tune("s", "t", "f", {}, "", (first, second)))


@pytest.mark.parametrize(
    "change",
    [
        lambda words, arrays: words.pop("tags"),
        lambda words, arrays: words["lines"][0].pop(),
        lambda words, arrays: words["lines"][0].__setitem__(0, 3),
        lambda words, arrays: words["lines"].append([-1, 0, "4/4", 1, 120.0, None, 0]),
        lambda words, arrays: words["lines"][0].__setitem__(5, [12, "major"]),
        lambda words, arrays: words.__setitem__("lines", 5),
        lambda words, arrays: arrays.pop("shingles"),
        lambda words, arrays: arrays.__setitem__("rows/onsets", np.zeros(7, np.uint8)),
        lambda words, arrays: arrays.__setitem__("rows/onsets", np.zeros((), np.uint8)),
    ],
)
def test_frames_that_hold_no_tune_are_refused(change):
    rows = {"bars": np.zeros((2, 16), np.uint8), "onsets": np.zeros(2, np.uint8)}
    words, arrays = pack_tune(Tune("s", "t", "f", {}, "", (StoredLine(rows, 0, "4/4", 1, 120.0, Key(0)),)))
    change(words, arrays)
    with pytest.raises(ValueError, match="this frame holds no tune"):
        unpack_tune(words, arrays)


@pytest.mark.parametrize(
    "words", [{}, {"file": 1}, {"file": ["a"], "tunes": []}, {"file": ["a", "b", "c"], "tunes": [], "failures": [[1]]}]
)
def test_frames_that_hold_no_result_are_refused(words):
    with pytest.raises(ValueError, match="this frame holds no result"):
        unpack_result(words, {})
