import numpy as np
import pytest

from musicvae.corpus.build import Tune, assemble, build_corpus
from musicvae.corpus.store import SPLITS
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import from_tokens


def melody(seed, *, bars=16, meter=None):
    meter = meter or Meter(4, 4)
    generator = np.random.default_rng(seed)
    onsets = range(0, bars * meter.steps_per_bar, 2)
    pitches = generator.choice([60, 62, 64, 65, 67, 69, 71, 72], len(onsets))
    return Melody(tuple(Note(int(p), o, 2) for p, o in zip(pitches, onsets, strict=True)), meter, bars, key=Key(0))


@pytest.fixture
def folder(tmp_path):
    for label, seeds in (("jig", (1, 2)), ("reel", (3,))):
        (tmp_path / label).mkdir()
        for seed in seeds:
            melody(seed).write(tmp_path / label / f"{seed}.mid")
    melody(1).transposed(5).write(tmp_path / "reel" / "again.mid")
    (tmp_path / "broken.mid").write_bytes(b"not music")
    (tmp_path / "words.txt").write_text("left alone")
    (tmp_path / "two.abc").write_text(
        "X:1\nT:a\nM:2/4\nL:1/16\nK:D\nA2|" + "DEFG AGFE|" * 5 + "\n\nX:2\nT:b\nM:9/8\nL:1/8\nK:G\nGGG GGG GGG|\n"
    )
    return tmp_path


def test_a_folder_becomes_a_corpus(folder):
    seen = []
    corpus = build_corpus([folder], progress=lambda done, of: seen.append((done, of)))
    assert seen == [(n, 7) for n in range(1, 8)]
    assert corpus.labels == ("jig", "reel")
    assert set(corpus.tune_ids) == {"jig/1.mid", "jig/2.mid", "reel/3.mid", "two.abc#1"}
    report = corpus.report
    assert (report["files"], report["files_read"], report["tunes_found"], report["tunes_read"]) == (6, 5, 7, 5)
    assert report["duplicates"]["removed"] == 1
    assert sum(entry["count"] for entry in report["unreadable"].values()) == 2
    assert "only bars in unsupported meter 9/8" in report["unreadable"]
    assert report["losses"]["bars in pickups or cut short"] == 1
    assert sum(report["windows"][split]["4/4"]["windows"] for split in SPLITS) == 3


def test_tunes_are_stored_in_canonical_key_from_the_first_whole_bar(folder):
    corpus = build_corpus([folder / "two.abc"])
    assert (corpus.num_bars.tolist(), corpus.kind.tolist(), corpus.mode.tolist(), corpus.label.tolist()) == ([3], [0], [0], [-1])
    found = from_tokens(corpus.bars, Meter(2, 4))
    # D E F# G A G F# E in D major, a whole tone lower and up to the octave nearest to B4
    assert [n.pitch for n in found.notes[:8]] == [72, 74, 76, 77, 79, 77, 76, 74]


def test_empty_and_missing_folders(tmp_path):
    corpus = build_corpus([tmp_path])
    assert (len(corpus), corpus.report["files"]) == (0, 0)
    assert len(corpus.windows("train")) == 0
    with pytest.raises(FileNotFoundError, match="is not there"):
        build_corpus([tmp_path / "no"])


def test_adding_tunes_moves_none_between_splits():
    tunes = [Tune("s", f"{seed:03}", "", (melody(seed),)) for seed in range(60)]
    few = assemble(tunes[:40])
    many = assemble(tunes[::-1])
    where = dict(zip(many.tune_ids, many.split.tolist(), strict=True))
    assert {name: where[name] for name in few.tune_ids} == dict(zip(few.tune_ids, few.split.tolist(), strict=True))
    assert len(set(where.values())) > 1
    assert where != dict(zip(many.tune_ids, assemble(tunes, split_seed=1).split.tolist(), strict=True))


def test_the_longest_of_near_duplicates_stays():
    long, short = melody(1, bars=20), melody(1, bars=20).cut(0, 14)
    corpus = assemble([Tune("a", "short", "", (short,)), Tune("b", "long", "", (long,)), Tune("b", "other", "", (melody(2),))])
    assert corpus.tune_ids == ("long", "other")
    assert corpus.report["duplicates"] == {"removed": 1, "by_source": {"a (kept: b)": 1}}
