import numpy as np
import pytest
from compose.fake_piece_engine import engine as published
from model.pieces.networks import columns, engine

from musicvae.compose.pieces.groups import MIN_FILES, corpus_passages, group_sizes, learn_groups
from musicvae.corpus.store import Corpus

SPLITS = ("train", "validation")


def corpus(files, material="drums", sessions=True):
    """A corpus of (label, session, split, bars, tempo) for each file; funk has kicks only where others have none."""
    rows = [{name: column[0] for name, column in columns(material, 1, bars, n).items()} for n, (_, _, _, bars, _) in enumerate(files)]
    for row, (label, *_) in zip(rows, files, strict=True):
        if material == "drums":
            row["bars"] = (row["bars"] & ~np.uint64(1)) | np.uint64(label == "funk")
    labels, names = (tuple(sorted({file[place] for file in files})) for place in (0, 1))
    lengths = np.array([bars for *_, bars, _ in files])
    none = np.zeros(len(files), np.int64)
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return Corpus(
        bars=joined["bars"], columns=joined, material=material, start=np.cumsum(lengths) - lengths, num_bars=lengths, kind=none,
        split=np.array([("train", "validation", "test").index(file[2]) for file in files]), mode=none - 1,
        label=np.array([labels.index(file[0]) for file in files]), source=none, labels=labels, sources=("made",),
        tune_ids=[str(n) for n in range(len(files))], tempo_qpm=np.array([float(file[4]) for file in files]),
        tags={"session": np.array([names.index(file[1]) for file in files])} if sessions else {},
        tag_names={"session": names} if sessions else {},
    )  # fmt: skip


FILES = [
    *[("funk", f"s{n % 2}", SPLITS[n % 5 == 0], 2 + 8 * (n == 3), 90 + n) for n in range(MIN_FILES)],
    *[("rock", f"s{n % 3}", "train", 4, 120) for n in range(MIN_FILES + 2)],
    *[("punk", "s9", "train", 4, 180) for _ in range(MIN_FILES + 5)],
    *[("blues", f"s{n % 2}", "train", 4, 60) for n in range(MIN_FILES - 1)],
    ("blues", "s1", "test", 4, 60),
]


def test_files_and_sessions_are_counted_in_the_splits_asked_for():
    made = corpus(FILES)
    sizes = group_sizes(made, SPLITS)
    assert sizes == {"blues": (MIN_FILES - 1, 2), "funk": (MIN_FILES, 2), "punk": (MIN_FILES + 5, 1), "rock": (MIN_FILES + 2, 3)}
    assert group_sizes(made, ("test",))["blues"] == (1, 1)
    assert group_sizes(corpus(FILES, sessions=False), SPLITS)["punk"] == (MIN_FILES + 5, MIN_FILES + 5)


def test_groups_that_are_large_enough_get_vectors_and_the_others_a_reason():
    made, network = corpus(FILES), engine("tiny-drums")
    found = corpus_passages(network, made, SPLITS)
    heard = []
    styles = learn_groups(network, made, found, splits=SPLITS, tell=heard.append)
    assert [vector.name for vector in styles.vectors] == ["funk", "rock"]
    assert styles.left_out == {"blues": "9 files of 2 sessions", "punk": "15 files of 1 session"}
    assert [vector.tempo_qpm for vector in styles.vectors] == [94.0, 120.0]
    assert heard == ["funk: 10 files of 2 sessions", "rock: 12 files of 3 sessions", "how strong they have to be"]
    funk = styles.vectors[0]
    assert funk.direction[: network.z_used(4)].any()
    assert not funk.direction[network.z_used(8) :].any()  # nobody has more than eight bars


def test_a_vector_is_the_mean_of_a_group_beside_the_others():
    made, network = corpus(FILES), engine("tiny-drums")
    found = corpus_passages(network, made, SPLITS)
    own = found.labels == made.labels.index("rock")
    (rock,) = [vector for vector in learn_groups(network, made, found, splits=SPLITS).vectors if vector.name == "rock"]
    use = network.z_used(2)
    expected = found.where(own).mu[:, :use].mean(axis=0) - found.where(~own).mu[:, :use].mean(axis=0)
    assert np.allclose(rock.direction[:use], expected)


def test_every_file_has_a_few_windows_however_long_it_is():
    files = [("rock", "a", "train", 64, 100), *[("rock", "b", "train", 4, 100) for _ in range(3)]]
    found = corpus_passages(engine("tiny-drums"), corpus(files), ("train",))
    counts = np.bincount(found.tunes)
    assert counts[0] == 4 * 4
    assert set(found.passages.bars) == {2, 4, 8, 16}
    assert (counts[1:] >= 3).all()


def test_a_network_for_taps_learns_from_grooves_and_a_fixed_window_from_its_own_length():
    groove = corpus([("funk", "a", "train", 6, 100), ("rock", "b", "train", 6, 0)], "groove")
    found = corpus_passages(engine("tiny-drumify"), groove, ("train",))
    assert set(found.passages.windows[0]) == {"bars", "taps", "tap_offsets", "tempo"}
    assert found.passages.windows[0]["bars"].dtype == np.uint64
    fixed = corpus_passages(published("groove"), groove, ("train",))
    assert set(fixed.passages.bars) == {4}


def test_what_has_nothing_to_learn_from_is_refused():
    short = corpus([("rock", "a", "train", 1, 100)])
    with pytest.raises(ValueError, match="the splits train, test of this corpus have no windows of 2 bars or more"):
        corpus_passages(engine("tiny-drums"), short, ("train", "test"))
