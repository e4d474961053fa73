import json
from pathlib import Path

import numpy as np
import pytest

from musicvae.corpus.store import Corpus


def corpus(*lengths, fill=1.0):
    """Tunes of these many bars; every bar has notes on steps 0 and 8 unless blanked by the test."""
    bars = np.zeros((sum(lengths), 16), np.uint8)
    bars[:, 0] = 2 + np.arange(len(bars)) % 80
    bars[:, 8] = 1
    start = np.cumsum([0, *lengths[:-1]])
    zeros = np.zeros(len(lengths), np.int64)
    return Corpus(
        bars,
        start,
        np.array(lengths),
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
    read = Corpus.load(made.save(tmp_path / "new" / "folder"))
    for name in ("bars", "start", "num_bars", "kind", "split", "mode", "label", "source"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert (read.tune_ids, read.sources, read.report) == (("a", "b"), ("here",), {"files": 3})
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == ["corpus.json", "corpus.npz"]


def test_a_folder_with_the_arrays_is_complete(tmp_path, monkeypatch):
    renamed = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (renamed.append(Path(target).name), replace(self, target))[1])
    corpus(4).save(tmp_path)
    assert renamed == ["corpus.json", "corpus.npz"]


def test_what_is_not_there_or_damaged_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no corpus"):
        Corpus.load(tmp_path)
    corpus(4).save(tmp_path)
    words = json.loads((tmp_path / "corpus.json").read_text())
    (tmp_path / "corpus.json").write_text(json.dumps({**words, "format": 2}))
    with pytest.raises(ValueError, match="newer"):
        Corpus.load(tmp_path)
    corpus(4).save(tmp_path)
    (tmp_path / "corpus.npz").write_bytes((tmp_path / "corpus.npz").read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        Corpus.load(tmp_path)


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
