import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from musicvae.corpus.options import BuildOptions
from musicvae.corpus.store import Corpus

REPORT = {
    "files": 5, "files_read": 3, "tunes_found": 7, "tunes_read": 4,
    "skipped": {"not a kind of file that is read (.txt)": {"count": 2, "examples": ["a.txt", "b.txt"]}},
    "left_out": {"no notes in it": {"count": 3, "examples": ["x.mid", "y.mid", "z.mid"]}},
    "losses": {"notes in a second voice": 5}, "duplicates": {"removed": 2, "by_source": {"b (kept: a)": 2}},
}  # fmt: skip


def corpus_of(lengths, options):
    """Lines of these lengths, a note in every bar."""
    bars = np.zeros((sum(lengths), 16), np.uint8)
    bars[:, 0] = 40
    zeros = np.zeros(len(lengths), np.int64)
    starts = np.cumsum([0, *lengths[:-1]]) if lengths else zeros
    return Corpus(bars, starts, np.array(lengths, np.int64), zeros, zeros, zeros, zeros - 1, zeros, sources=("tunes",),
                  tune_ids=tuple(f"tune {i}" for i in zeros), report=REPORT, options=options.to_dict())  # fmt: skip


@pytest.fixture
def built(monkeypatch):
    """Calls of `musicvae.corpus.build.build_corpus`, in whose place a small corpus is written; set `lengths` or `error` to change it."""
    from musicvae.corpus import build

    class Calls(list):
        lengths = (16, 9)
        error = None

    calls = Calls()

    def fake(sources, out, options=None, **rest):
        calls.append({"sources": list(sources), "out": out, "options": options or BuildOptions(), **rest})
        if calls.error is not None:
            raise calls.error
        corpus = corpus_of(list(calls.lengths), calls[-1]["options"])
        corpus.save(out)
        return Corpus.load(out)

    monkeypatch.setattr(build, "build_corpus", fake)
    return calls


def test_options_reach_the_build(run, built):
    words = (
        "corpus build a b.zip music21:ryansMammoth -o c --kind drums --bars 4,8 --meters 4/4,6/8 --hop 2 --drum-map roland --jobs 3 "
        "--engine dask --scheduler tcp://10.0.0.1:8786 --seed 7 --keep-duplicates --max-seconds 2.5 --max-memory 512 --force"
    )
    code, _, err = run(*words.split())
    assert (code, err) == (0, "")
    (call,) = built
    assert call["sources"] == ["a", "b.zip", "music21:ryansMammoth"]
    assert call["options"] == BuildOptions(
        material="drums", bars=(4, 8), meters=("4/4", "6/8"), hop_bars=2, drum_map="roland", split_seed=7, keep_duplicates=True,
        max_seconds=2.5, max_memory_mib=512,
    )  # fmt: skip
    assert (call["engine"], call["jobs"], call["scheduler"]) == ("dask", 3, "tcp://10.0.0.1:8786")
    assert (call["resume"], call["force"]) == (False, True)


def test_plain_words_mean_the_defaults(run, built):
    assert run("corpus", "build", "a", "-o", "c")[0] == 0
    assert built[0]["options"] == BuildOptions()
    assert (built[0]["engine"], built[0]["jobs"], built[0]["resume"], built[0]["out"]) == ("processes", None, False, Path("c"))


def test_the_report_follows_and_the_folder_is_the_last_line(run, built):
    code, out, err = run("corpus", "build", "tunes", "-o", "c")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "melody: 1 tune, 2 lines, 25 bars; windows of 2, 4, 8 and 16 bars, one every 2 to 4 bars"
    assert lines[1] == "files: 5, 3 gave something, 2 passed over"
    assert lines[2] == "tunes: 7 found, 4 taken, 2 dropped as near-duplicates"
    assert "3  no notes in it\n     x.mid, y.mid, z.mid\n" in out
    assert lines[-1] == "c"
    assert all(len(line) <= 100 for line in lines)
    again = run("corpus", "report", "c")[1]
    assert again.splitlines() == lines[:-1]


def test_report_as_json(run, built):
    built.lengths = (16,)
    assert json.loads(run("corpus", "build", "tunes", "-o", "c", "--json")[1])["path"] == "c"
    code, out, err = run("corpus", "report", "c", "--json")
    assert (code, err) == (0, "")
    words = json.loads(out)
    assert (words["command"], words["path"], words["material"]) == ("corpus report", "c", "melody")
    assert words["counts"]["files"] == 5
    assert words["left_out"]["no notes in it"]["count"] == 3
    assert {"bars": 16, "source": "tunes", "meter": "4/4", "split": "train", "windows": 1} in words["windows"]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_an_empty_corpus_writes_the_report_and_ends_with_the_reasons(run, built, words):
    built.lengths = ()
    code, out, err = run("corpus", "build", "tunes", "-o", "c", *words)
    assert code == 2
    assert "no notes in it" in out
    assert err == "musicvae: no melody in 5 files: no notes in it (3, such as x.mid); 'musicvae corpus report c' tells all\n"
    assert run("corpus", "report", "c")[0] == 0


def test_a_source_that_is_not_there_leaves_nothing(fails, tmp_path):
    fails("corpus build nowhere -o c", "nowhere is not there")
    assert list(tmp_path.iterdir()) == []


def test_from_files_to_the_report(run, tmp_path):
    from musicvae.music.melody import Melody

    (tmp_path / "tunes" / "jigs").mkdir(parents=True)
    for k in range(3):
        notes = [(60 + (i * (k + 3) + i * i) % 12, i, 1) for i in range(64)]
        Melody.from_beats(notes, num_bars=16).write(tmp_path / "tunes" / "jigs" / f"{k}.mid")
    (tmp_path / "tunes" / "bad.mid").write_bytes(b"not music")
    code, out, err = run("corpus", "build", "tunes", "-o", "c", "--jobs", "1")
    assert (code, err) == (0, "")
    assert "files: 4 (" in out
    assert ["tunes", "4/4", "24", "12", "9", "3"] in [line.split() for line in out.splitlines()]
    assert "tunes/bad.mid" in out
    assert "type: jigs 3" in out
    assert out.endswith("\nc\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "tunes"]


def test_a_full_disk_is_told_with_the_way_on(run, built):
    built.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    code, _, err = run("corpus", "build", "tunes", "-o", "c")
    assert code == 2
    assert err == "musicvae: no space left on the disk of c; make some, and the same command with --resume goes on from here\n"
    built.error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "c.work")
    assert run("corpus", "build", "tunes", "-o", "c")[2] == "musicvae: c.work: permission denied\n"


def test_windows_of_one_bar_are_counted_in_the_singular(run, built):
    assert "windows of 1 bar, one every " in run("corpus", "build", "tunes", "-o", "c", "--bars", "1")[1]


def test_an_interrupt_says_how_to_go_on(fails, built):
    built.error = KeyboardInterrupt()
    fails("corpus build tunes -o c", "stopped", "--resume", code=130)


def test_workers_that_die_are_told_in_a_line(fails, built):
    built.error = RuntimeError("3 workers died while reading part 7")
    fails("corpus build tunes -o c", "3 workers died", "--resume")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("corpus", ("build, report, inspect or sources",)),
        ("corpus biuld", ("unknown corpus-command 'biuld'", "did you mean 'build'")),
        ("corpus build -o c", ("required", "SOURCE")),
        ("corpus build a", ("required", "-o")),
        ("corpus build a -o c --resume --force", ("give one of them",)),
        ("corpus build a -o c --scheduler tcp://x", ("--engine dask",)),
        ("corpus build a -o c --kind choir", ("unknown --kind 'choir'", "melody, drums, groove, trio")),
        ("corpus build a -o c --bars 2,x", ("'2,x' is no list of whole numbers",)),
        ("corpus build a -o c --bars 2,2", ("different numbers",)),
        ("corpus build a -o c --bars 100", ("1 to 64",)),
        ("corpus build a -o c --meters 5/4", ("5/4", "allowed are 4/4, 3/4, 6/8")),
        ("corpus build a -o c --meters 4/4,,3/4", ("between two commas",)),
        ("corpus build a -o c --drum-map nine", ("add --kind drums",)),
        ("corpus build a -o c --kind drums --drum-map ten", ("unknown drum map 'ten'", "nine, nine-old, sixty-one, roland")),
        ("corpus build a -o c --max-memory 100", ("at least 256 MiB",)),
        ("corpus build a -o c --jobs 0", ("--jobs",)),
        ("corpus report nowhere", ("nowhere does not exist", "corpus build")),
        ("corpus report .", ("holds no corpus",)),
        ("corpus report half", ("was interrupted: add --resume",)),
    ],
)
def test_bad_words_are_refused_before_anything_is_read(fails, built, words, parts, tmp_path):
    (tmp_path / "half.work").mkdir()
    fails(words, *parts)
    assert built == []


# -- inspect


@pytest.fixture
def tune(tmp_path, monkeypatch):
    """tune.mid, 20 bars of 4/4 on one of two tracks; read in this process."""
    from functools import partial

    from musicvae.corpus import inspect
    from musicvae.music.melody import Melody
    from musicvae.music.midi import write_midi

    monkeypatch.setattr(inspect, "inspect_file", partial(inspect.inspect_file, guarded=False))
    scale = [(60 + (0, 2, 4, 5, 7, 9, 11, 12)[i % 8], i, 1) for i in range(80)]
    low = [(36 + i % 2 * 7, 2 * i, 2) for i in range(40)]
    write_midi(
        [Melody.from_beats(scale, num_bars=20, name="Song"), Melody.from_beats(low, num_bars=20, name="Bass")], tmp_path / "tune.mid"
    )
    return tmp_path / "tune.mid"


def test_inspect_shows_tracks_lines_and_windows(run, tune):
    code, out, err = run("corpus", "inspect", "tune.mid", "--bars", "4,16,32", "--start-bar", "3")
    assert (code, err) == (0, "")
    assert out.startswith("tune.mid: MIDI, 'Song', 80 beats\ntracks\n")
    assert "Song" in out
    assert "meters: 4/4\n" in out
    assert "\n  bars 3-20\n     4 bars: 5 kept (3-6 to 15-18, 17-20)\n    16 bars: 2 kept (3-18, 5-20)\n" in out
    assert "\n    32 bars: none, the line is shorter\n" in out
    assert "40  notes in other tracks" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_inspect_as_json_with_another_track(run, tune):
    code, out, err = run("corpus", "inspect", "tune.mid", "--track", "bass", "--json")
    assert (code, err) == (0, "")
    words = json.loads(out)
    assert [track["name"] for track in words["tracks"] if track["role"]] == ["Bass"]
    assert words["why"] == "its name contains 'bass'"
    assert words["lines"][0]["windows"][-1] == {"bars": 16, "first": 5, "last": 20, "reason": ""}


def test_inspect_with_a_picture(run, tune):
    code, out, _ = run("corpus", "inspect", "tune.mid", "--plot")
    assert code == 0
    assert out.endswith("\ntune.png\n")
    assert Path("tune.png").read_bytes().startswith(b"\x89PNG")


def test_inspect_tells_what_is_lacking(run, tune):
    code, out, _ = run("corpus", "inspect", "tune.mid", "--kind", "drums")
    assert code == 0
    assert "taken as drums: nothing, since no drums in it" in out
    code, out, _ = run("corpus", "inspect", "tune.mid", "--start-bar", "21")
    assert "nothing, since bar 21 is past the end: what can be taken ends with bar 20" in out


def test_runs_of_windows():
    from musicvae.cli.inspecting import _spans
    from musicvae.corpus.inspection import WindowView

    def told(*firsts):
        return _spans([WindowView(4, first, first + 3) for first in firsts])

    assert told(1) == "1-4"
    assert told(1, 5) == "1-4, 5-8"
    assert told(1, 5, 9) == "1-4 to 9-12"
    assert told(1, 5, 9, 11) == "1-4 to 9-12, 11-14"
    assert told(1, 5, 21, 25, 29) == "1-4, 5-8, 21-24 to 29-32"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("corpus inspect none.mid", ("none.mid", "no such file")),
        ("corpus inspect tune.mid --tune 2", ("tune.mid has no tune 2: it holds 1",)),
        ("corpus inspect tune.mid --track 9", ("tune.mid: no track 9; tracks count from 1 and are: 1 'Song', 2 'Bass'",)),
        ("corpus inspect tune.mid --plot there.png", ("there.png exists; give another name with --plot",)),
        ("corpus inspect tune.mid --plot a.mp3", ("--plot a.mp3",)),
        ("corpus inspect notes.txt", ("notes.txt holds no music",)),
        ("corpus inspect .", ("is a folder",)),
        ("corpus sources pop99", ("no recipe is called 'pop99'", "did you mean pop909")),
        ("corpus sources --check nowhere", ("nowhere is no folder",)),
    ],
)
def test_what_cannot_be_shown(fails, tune, words, parts):
    Path("there.png").write_text("mine")
    Path("notes.txt").write_text("a shopping list")
    fails(words, *parts)


# -- sources


def test_sources_are_listed_and_shown(run):
    code, out, err = run("corpus", "sources")
    assert (code, err) == (0, "")
    assert all(len(line) <= 100 for line in out.splitlines())
    assert {"pop909", "nottingham", "groove", "freedoom", "lakh-full", "maestro", "gigamidi", "essen"} <= {
        line.split()[0] for line in out.splitlines() if line and not line.startswith(" ")
    }
    full = run("corpus", "sources", "pop909")[1]
    assert "licence: MIT for the arrangements" in full
    assert "how to get it: git clone" in full
    assert "reader: pop909" in full


def test_sources_as_json(run):
    words = json.loads(run("corpus", "sources", "nottingham", "--json")[1])
    assert [source["licence"] for source in words["sources"]] == ["GPL-3.0"]
    assert len(json.loads(run("corpus", "sources", "--json")[1])["sources"]) >= 14


def test_collections_in_a_folder_are_checked(run, tmp_path):
    folder = tmp_path / "sets" / "nottingham" / "ABC_cleaned"
    folder.mkdir(parents=True)
    assert run("corpus", "sources", "--check", "sets")[1] == "none of the known collections is in sets\n"
    for name in ("jigs", "reelsa-c", "ashover", "hpps", "waltzes"):
        (folder / f"{name}.abc").write_text("X:1\nK:C\nCDEF|\n")
    words = json.loads(run("corpus", "sources", "--check", "sets", "--json")[1])
    assert [(found["name"], found["fits"]) for found in words["found"]] == [("nottingham", False)]
    assert "nottingham" in run("corpus", "sources", "--check", "sets")[1]
