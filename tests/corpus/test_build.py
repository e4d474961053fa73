"""Builds from end to end, through real reader processes."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from musicvae.corpus.build import build_corpus, work_folder
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.store import SPLITS, Corpus
from musicvae.corpus.work.engines import run
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
    home = tmp_path / "tunes"
    for label, seeds in (("jig", (1, 2)), ("reel", (3,))):
        (home / label).mkdir(parents=True)
        for seed in seeds:
            melody(seed).write(home / label / f"{seed}.mid")
    melody(1).transposed(5).write(home / "reel" / "again.mid")
    (home / "broken.mid").write_bytes(b"not music")
    (home / "words.doc").write_text("left alone")
    (home / "two.abc").write_text(
        "X:1\nT:a\nM:2/4\nL:1/16\nK:D\nA2|" + "DEFG AGFE|" * 5 + "\n\nX:2\nT:b\nM:9/8\nL:1/8\nK:G\nGGG GGG GGG|\n"
    )
    return home


def digest(folder):
    """One hash of the names and bytes of all files in a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    lines = [f"{p.relative_to(folder).as_posix()} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_a_folder_becomes_a_corpus(folder, tmp_path):
    seen = []
    corpus = build_corpus(folder, tmp_path / "out", progress=seen.append)
    assert [p.stage for p in seen if p.files_done == 0] == ["listing", "reading", "writing"]
    assert [p.files_done for p in seen if p.stage == "reading"][-1] == 6
    assert corpus.labels == ("jig", "reel")
    assert set(corpus.tune_ids) == {"tunes/jig/1.mid", "tunes/jig/2.mid", "tunes/reel/3.mid", "tunes/two.abc#1 a"}
    report = corpus.report
    assert (report["files"], report["files_read"], report["tunes_found"], report["tunes_read"]) == (6, 5, 7, 5)
    assert report["duplicates"] == {"removed": 1, "by_source": {"tunes (kept: tunes)": 1}, "largest_family": 2}
    assert [entry["examples"] for entry in report["unreadable"].values()] == [["tunes/broken.mid"]]
    assert report["left_out"] == {"only bars in unsupported meter 9/8": {"count": 1, "examples": ["tunes/two.abc#2 b"]}}
    assert [entry["examples"] for entry in report["skipped"].values()] == [["words.doc"]]
    assert report["losses"]["bars in pickups or cut short"] == 1
    assert sum(len(corpus.windows(split, bars=16)) for split in SPLITS) == 3
    assert not work_folder(tmp_path / "out").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "tunes"]


def test_tunes_are_stored_in_canonical_key_from_the_first_whole_bar(folder, tmp_path):
    corpus = build_corpus(folder / "two.abc", tmp_path / "out")
    assert (corpus.num_bars.tolist(), corpus.kind.tolist(), corpus.mode.tolist(), corpus.label.tolist()) == ([3], [0], [0], [-1])
    found = from_tokens(np.asarray(corpus.bars), Meter(2, 4))
    # D E F# G A G F# E in D major, a whole tone lower and up to the octave nearest to B4
    assert [n.pitch for n in found.notes[:8]] == [72, 74, 76, 77, 79, 77, 76, 74]
    assert (corpus.tonic.tolist(), corpus.shift.tolist()) == ([2], [10])


def test_the_result_hangs_on_neither_jobs_nor_partitions_nor_engine(folder, tmp_path):
    small = BuildOptions(partition_files=1)
    one = build_corpus(folder, tmp_path / "one", engine="inline")
    build_corpus(folder, tmp_path / "two", small, jobs=2)
    two = Corpus.load(tmp_path / "two", verify=True)
    assert (one.tune_ids, one.report) == (two.tune_ids, two.report)
    np.testing.assert_array_equal(one.bars, two.bars)
    build_corpus(folder, tmp_path / "three", small, jobs=1)
    assert digest(tmp_path / "two") == digest(tmp_path / "three")


def test_a_build_that_was_killed_goes_on_and_gives_the_same_bytes(folder, tmp_path):
    for seed in range(10, 40):
        melody(seed).write(folder / f"{seed}.mid")
    options = BuildOptions(partition_files=2)
    whole = build_corpus(folder, tmp_path / "whole", options, jobs=1)
    program = (
        "from musicvae.corpus.build import build_corpus\nfrom musicvae.corpus.options import BuildOptions\n"
        f"build_corpus({str(folder)!r}, {str(tmp_path / 'out')!r}, BuildOptions(partition_files=2), jobs=1)"
    )
    parts = work_folder(tmp_path / "out") / "parts"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        until = time.monotonic() + 60
        while len(list(parts.glob("*.part"))) < 3 and time.monotonic() < until:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    done = len(list(parts.glob("*.part")))
    assert 3 <= done < 18, "killed half way"
    with pytest.raises(FileExistsError, match="holds an interrupted build: --resume goes on"):
        build_corpus(folder, tmp_path / "out", options)
    with pytest.raises(ValueError, match=r"the interrupted build had other options \(bars \[2, 4, 8, 16\]\)"):
        build_corpus(folder, tmp_path / "out", BuildOptions(partition_files=2, bars=(4,)), resume=True)
    (tmp_path / "splits.json").write_text('{"others": "train"}')
    with pytest.raises(ValueError, match="the interrupted build kept another division into splits"):
        build_corpus(folder, tmp_path / "out", options, resume=True, splits=tmp_path / "splits.json")
    with pytest.raises(ValueError, match="the interrupted build was of .*tunes: name the same sources"):
        build_corpus(folder / "jig", tmp_path / "out", options, resume=True)
    resumed = build_corpus(folder, tmp_path / "out", options, jobs=1, resume=True)
    assert len(resumed) == len(whole) == 34
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_empty_and_missing_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    corpus = build_corpus(tmp_path / "empty", tmp_path / "out")
    assert (len(corpus), corpus.report["files"]) == (0, 0)
    assert len(corpus.windows("train")) == 0
    with pytest.raises(FileNotFoundError, match="is not there"):
        build_corpus(tmp_path / "no", tmp_path / "other")
    assert not work_folder(tmp_path / "other").exists()


def test_what_would_be_lost_is_not_written_over(folder, tmp_path):
    with pytest.raises(ValueError, match="holds other things than a corpus"):
        build_corpus(folder, folder, force=True)
    build_corpus(folder / "jig", tmp_path / "out")
    before = digest(tmp_path / "out")
    with pytest.raises(FileExistsError, match="is a corpus already; --force builds it anew"):
        build_corpus(folder, tmp_path / "out")
    assert digest(tmp_path / "out") == before
    with pytest.raises(ValueError, match="give one of them"):
        build_corpus(folder, tmp_path / "out", resume=True, force=True)
    assert len(build_corpus(folder, tmp_path / "out", force=True)) == 4
    with pytest.raises(FileNotFoundError, match="create it first"):
        build_corpus(folder, tmp_path / "no" / "out")


def test_an_output_inside_a_source_is_no_part_of_it(folder, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(folder / "jig" / "1.mid", "1.mid")
    specs, out = [tmp_path / "more.zip", folder], folder / "out"
    corpus = build_corpus(specs, out, jobs=1)
    before = digest(out)
    assert corpus.report["files"] == 7
    assert list(corpus.report["skipped"]) == ["no music (.doc)"]
    build_corpus(specs, out, jobs=1, force=True)
    assert digest(out) == before
    shutil.rmtree(out)
    monkeypatch.setattr("musicvae.corpus.build.plan", killed)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(specs, out, jobs=1)
    monkeypatch.undo()
    build_corpus(specs, out, jobs=1, resume=True)
    assert digest(out) == before


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"force": True}])
def test_a_build_that_is_running_is_left_alone(folder, tmp_path, monkeypatch, options):
    def another(*args, **named):
        with pytest.raises(FileExistsError, match="being written by another build, which is running"):
            build_corpus(folder, tmp_path / "out", jobs=1, **options)
        return run(*args, **named)

    monkeypatch.setattr("musicvae.corpus.build.run", another)
    assert len(build_corpus(folder, tmp_path / "out", jobs=1)) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"engine": "ray"}, "unknown engine 'ray'; allowed are"),
        ({"jobs": 0}, "jobs must be at least 1, got 0"),
        ({"scheduler": "tcp://10.0.0.1:8786"}, "is for the engine dask"),
    ],
)
def test_engines_that_make_no_sense_are_told_before_anything_is_listed(folder, tmp_path, words, told):
    with pytest.raises(ValueError, match=told):
        build_corpus(folder, tmp_path / "out", **words)
    assert not work_folder(tmp_path / "out").exists()


def test_adding_files_moves_none_between_splits(folder, tmp_path):
    for seed in range(100, 140):
        melody(seed).write(folder / f"b{seed}.mid")
    few = build_corpus(folder, tmp_path / "few")
    for seed in range(200, 220):
        melody(seed).write(folder / f"a{seed}.mid")
    many = build_corpus(folder, tmp_path / "many")
    where = dict(zip(many.tune_ids, many.split.tolist(), strict=True))
    assert {name: where[name] for name in few.tune_ids} == dict(zip(few.tune_ids, few.split.tolist(), strict=True))
    assert len(set(where.values())) > 1
    other = build_corpus(folder, tmp_path / "other", BuildOptions(split_seed=1))
    assert where != dict(zip(other.tune_ids, other.split.tolist(), strict=True))


def test_the_longest_of_near_duplicates_stays(tmp_path):
    for name, tune in (("a/short", melody(1, bars=20).cut(0, 14)), ("b/long", melody(1, bars=20)), ("b/other", melody(2))):
        (tmp_path / "pile" / name).parent.mkdir(parents=True, exist_ok=True)
        tune.write(tmp_path / "pile" / f"{name}.mid")
    corpus = build_corpus([tmp_path / "pile" / "a", tmp_path / "pile" / "b"], tmp_path / "out")
    assert set(corpus.tune_ids) == {"b/long.mid", "b/other.mid"}
    assert corpus.report["duplicates"] == {"removed": 1, "by_source": {"a (kept: b)": 1}, "largest_family": 2}


def test_an_earlier_division_is_kept(folder, tmp_path):
    for seed in range(100, 130):
        melody(seed).write(folder / f"{seed}.mid")
    old = build_corpus(folder, tmp_path / "old", BuildOptions(split_seed=1))
    usual = build_corpus(folder, tmp_path / "usual")
    for seed in range(130, 140):
        melody(seed).write(folder / f"{seed}.mid")
    new = build_corpus(folder, tmp_path / "new", splits=tmp_path / "old")
    sides = dict(zip(new.tune_ids, new.split.tolist(), strict=True))
    before = dict(zip(old.tune_ids, old.split.tolist(), strict=True))
    assert {name: sides[name] for name in before} == before != dict(zip(usual.tune_ids, usual.split.tolist(), strict=True))
    assert len(sides) == len(before) + 10
    assert new.report["kept_splits"]["tunes"] == len(before)


@pytest.mark.parametrize("force", [False, True])
def test_work_of_which_half_was_removed_is_not_gone_on_with(folder, tmp_path, monkeypatch, force):
    """A build may be killed at its very end, or when it begins anew, while it removes the work of before."""
    options, out = BuildOptions(partition_files=1), tmp_path / "out"
    build_corpus(folder, tmp_path / "whole", options, jobs=1)
    if force:
        monkeypatch.setattr("musicvae.corpus.build.assemble", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(folder, out, options, jobs=1)
        monkeypatch.undo()
    monkeypatch.setattr("musicvae.corpus.build.shutil.rmtree", half_removed)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(folder, out, options, jobs=1, force=force)
    monkeypatch.undo()
    assert work_folder(out).exists()
    build_corpus(folder, out, options, jobs=1, resume=True)
    assert digest(out) == digest(tmp_path / "whole")


def killed(*args, **named):
    raise KeyboardInterrupt


def half_removed(folder, **named):
    """Remove some of the units of work of a build, and be killed."""
    units = folder / "parts"
    if units.exists():
        for path in (*units.glob("00000.*"), *units.glob("00003.*")):
            path.unlink()
        raise KeyboardInterrupt


def test_a_build_of_a_relative_path_can_be_gone_on_with_from_elsewhere(folder, tmp_path, monkeypatch):
    options = BuildOptions(partition_files=1)
    build_corpus(folder, tmp_path / "whole", options, jobs=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("musicvae.corpus.build.run", killed)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(folder.name, tmp_path / "out", options, jobs=1)
    monkeypatch.undo()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / folder.name).mkdir()  # sources are looked for again only where they were not listed yet
    build_corpus(folder.name, tmp_path / "out", options, jobs=1, resume=True)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_a_division_that_names_none_may_still_say_where_all_go(folder, tmp_path):
    for seed in range(100, 130):
        melody(seed).write(folder / f"{seed}.mid")
    (tmp_path / "splits.json").write_text('{"others": "validation"}')
    corpus = build_corpus(folder, tmp_path / "out", splits=tmp_path / "splits.json")
    assert set(corpus.split.tolist()) == {SPLITS.index("validation")}
