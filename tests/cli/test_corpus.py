import json
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
    assert lines[0] == "melody: 1 tune, 2 lines, 25 bars; windows of 2, 4, 8 and 16 bars, one every 4 bars"
    assert lines[1] == "files: 5, 3 gave something, 2 skipped"
    assert lines[2] == "tunes: 7, 4 taken, 2 of them dropped as near-duplicates"
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
    assert err == "musicvae: no melody in 5 files (3 of: no notes in it (such as x.mid)); 'musicvae corpus report c' has all reasons\n"
    assert run("corpus", "report", "c")[0] == 0


def test_an_interrupt_says_how_to_go_on(fails, built):
    built.error = KeyboardInterrupt()
    fails("corpus build tunes -o c", "stopped", "--resume", code=130)


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
    ],
)
def test_bad_words_are_refused_before_anything_is_read(fails, built, words, parts):
    fails(words, *parts)
    assert built == []
