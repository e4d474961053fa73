from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

import musicvae
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import SourceFile
from musicvae.corpus.work.guard import Guard
from musicvae.corpus.work.results import Failure, FileResult

DOUBLES = "reading_doubles"
OPTIONS = BuildOptions()


@pytest.fixture(autouse=True, scope="module")
def own_temporary_folder(tmp_path_factory):
    """So that the folders of readers can be looked at."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(folder))
        yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def guard(own_temporary_folder):
    """One for many tests, as in a build."""
    with Guard(30, 256, readers=DOUBLES) as guard:
        yield guard


@pytest.fixture(scope="module")
def impatient(own_temporary_folder):
    """One that waits only half a second for a tune."""
    with Guard(0.5, 256, readers=DOUBLES, warm_up_seconds=0.5) as guard:
        yield guard


def file_of(folder: Path, name: str, *lines: str) -> SourceFile:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return SourceFile("folk", name, str(path), size=path.stat().st_size)


def outcome(result: FileResult) -> list[str]:
    """Of each tune in the file: "ok", or why not."""
    told = {tune.tune_id: "ok" for tune in result.tunes} | {failure.tune_id: failure.reason for failure in result.failures}
    return [told.pop(f"{result.file.name}#{n + 1}") for n in range(result.num_found)] + list(told.values())


def wait_until_gone(pid: int, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def wait_for_text(path: Path, seconds: float = 20.0) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"nothing came into {path}")


def test_tunes_come_through_whole(guard, tmp_path):
    file = file_of(tmp_path, "a.mid", "reel", "nothing", "jig")
    result = guard.read(file, OPTIONS)
    assert result.file == file
    assert [tune.tune_id for tune in result.tunes] == ["a.mid#1", "a.mid#3"]
    assert result.failures == (Failure("a.mid#2", "too little music", "left out"),)
    assert result.losses == {"notes lost": 4}
    assert result.sha256 == hashlib.sha256(b"reel\nnothing\njig").hexdigest()
    assert (result.size, result.num_found) == (16, 3)
    jig = result.tunes[1]
    assert (jig.source, jig.file, jig.tags, jig.split) == ("folk", "a.mid", {"type": "jig"}, "test")
    assert [(line.kind, line.meter, line.start_bar, line.tempo_qpm, line.shift) for line in jig.lines] == [
        (0, "4/4", 1, 120.0, -2),
        (2, "6/8", 5, 90.5, 0),
    ]
    assert str(jig.lines[0].key) == "D dorian"
    np.testing.assert_array_equal(jig.lines[1].rows["bars"], np.full((4, 16), 3, np.uint8), strict=True)
    np.testing.assert_array_equal(jig.shingles, np.arange(3, dtype=np.uint64), strict=True)


CRASHED = "the reader crashed (SIGABRT)"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("abort", CRASHED),
        ("exit", "the reader ended by itself (exit status 3)"),
        ("interrupt", "the reader crashed (SIGINT)"),
        ("allocate", "the reader needed more than 256 MiB of memory"),
        ("allocate-dressed-up", "the reader needed more than 256 MiB of memory"),
        ("garbage", "the reader's answer was garbled"),
    ],
)
def test_a_reader_that_stops_is_a_result_and_the_other_tunes_are_read(guard, tmp_path, line, reason):
    result = guard.read(file_of(tmp_path, "a.abc", "reel", line, "jig"), OPTIONS)
    assert outcome(result) == ["ok", reason, "ok"]
    assert result.failures == (Failure("a.abc#2", reason, "stopped"),)
    assert result.sha256


def test_a_reader_that_hangs_is_a_result_and_the_other_tunes_are_read(impatient, tmp_path):
    result = impatient.read(file_of(tmp_path, "a.abc", "reel", "hang", "jig"), OPTIONS)
    assert outcome(result) == ["ok", "the reader took more than 0.5 s", "ok"]


def test_what_a_reader_raises_or_writes_stops_nothing(guard, tmp_path):
    lines = {
        "pid": "ok",
        "sys-exit": "the reader asked the program to end",
        "recurse": "RecursionError: maximum recursion depth exceeded",
        "print": "ok",
        "input": "EOFError: EOF when reading a line",
        "raise bad note 7": "bad note N",
        "not-a-number": "these words cannot be kept as JSON: Out of range float values are not JSON compliant",
    }
    result = guard.read(file_of(tmp_path, "a.abc", *lines, "pid"), OPTIONS)
    # Newer versions of Python name the value that is out of range.
    assert [reason.partition(" compliant")[0] for reason in outcome(result)] == [
        r.partition(" compliant")[0] for r in (*lines.values(), "ok")
    ]
    assert {failure.kind for failure in result.failures} == {"unreadable"}
    assert result.tunes[0].tags["pid"] == result.tunes[-1].tags["pid"]


def test_files_after_a_crash_are_read_in_order(guard, tmp_path):
    files = [file_of(tmp_path, f"{n}.mid", *(["reel", "abort"] if n == 30 else ["reel"] * (n % 3))) for n in range(60)]
    results = list(guard.read_all(files, OPTIONS))
    assert [result.file for result in results] == files
    assert [outcome(result) for result in results] == [["ok", CRASHED] if n == 30 else ["ok"] * (n % 3) for n in range(60)]


def test_a_tune_is_judged_by_itself_and_not_by_what_came_before(guard, tmp_path):
    files = [file_of(tmp_path, "a.mid", "poison", "trip", "reel"), file_of(tmp_path, "b.mid", "poison"), file_of(tmp_path, "c.mid", "trip")]
    assert [outcome(result) for result in guard.read_all(files, OPTIONS)] == [["ok"] * 3, ["ok"], ["ok"]]


def test_a_file_that_stops_every_reader_is_passed_over_in_the_end(guard, tmp_path):
    result = guard.read(file_of(tmp_path, "a.abc", "reel", *["abort"] * 7, "jig"), OPTIONS)
    assert outcome(result) == ["ok", *[CRASHED] * 5, *["not read, since the reader had stopped 5 times in this file"] * 3]


@pytest.mark.parametrize(("line", "reason", "kind"), [("list-abort", CRASHED, "stopped"), ("list-raise", "KeyError: '...'", "unreadable")])
def test_a_file_whose_tunes_cannot_be_found_keeps_those_before(guard, tmp_path, line, reason, kind):
    results = list(guard.read_all([file_of(tmp_path, "a.abc", "reel", line, "jig"), file_of(tmp_path, "b.abc", "reel")], OPTIONS))
    assert [outcome(result) for result in results] == [["ok", reason], ["ok"]]
    assert results[0].failures == (Failure("", reason, kind),)


def test_a_file_that_is_gone_is_a_failure(guard, tmp_path):
    file = SourceFile("folk", "a.mid", str(tmp_path / "a.mid"))
    result = guard.read(file, OPTIONS)
    assert result == FileResult(file, failures=(Failure("", "No such file or directory"),))


def test_the_child_is_used_again_until_it_holds_too_much(guard, tmp_path):
    files = [file_of(tmp_path, f"{n}.mid", line, "pid") for n, line in enumerate(["reel", "jig", "hoard 200", "reel", "reel"])]
    results = list(guard.read_all(files, OPTIONS))
    assert [outcome(result) for result in results] == [["ok", "ok"]] * 5
    pids = [result.tunes[1].tags["pid"] for result in results]
    assert len(set(pids[:3])) == len(set(pids[3:])) == 1
    assert pids[2] != pids[3]


def test_memory_held_from_before_does_not_make_a_tune_fail(guard, tmp_path):
    result = guard.read(file_of(tmp_path, "a.abc", "hoard 150", "reel", "hoard 160", "reel"), OPTIONS)
    assert outcome(result) == ["ok"] * 4


def test_options_can_change_between_files(guard, tmp_path):
    file = file_of(tmp_path, "a.mid", "reel")
    assert [guard.read(file, BuildOptions(hop_bars=hop)).tunes[0].lines[0].num_bars for hop in (4, 7, 7, 2)] == [4, 7, 7, 2]


def test_a_child_that_died_while_nothing_was_asked_is_replaced(guard, tmp_path):
    file = file_of(tmp_path, "a.mid", "pid")
    first = int(guard.read(file, OPTIONS).tunes[0].tags["pid"])
    os.kill(first, signal.SIGKILL)
    assert wait_until_gone(first)
    assert outcome(guard.read(file, OPTIONS)) == ["ok"]


def test_a_guard_left_in_the_middle_can_be_used_again(guard, tmp_path):
    files = [file_of(tmp_path, f"{n}.mid", "reel") for n in range(50)]
    reading = guard.read_all(files, OPTIONS)
    assert next(reading).file == files[0]
    reading.close()
    assert [result.file for result in guard.read_all(files[10:13], OPTIONS)] == files[10:13]


def test_a_reading_begun_before_another_has_ended_takes_the_child(guard, tmp_path):
    files = [file_of(tmp_path, f"{n}.mid", *["reel"] * (n + 1)) for n in range(20)]
    first = guard.read_all(files, OPTIONS)
    next(first)
    assert [result.num_found for result in guard.read_all(files[10:13], OPTIONS)] == [11, 12, 13]
    with pytest.raises(RuntimeError, match="has begun to read other files"):
        next(first)
    assert guard.read(files[4], OPTIONS).num_found == 5


def test_closing_ends_the_child_and_the_guard_can_still_be_used(guard, tmp_path):
    file = file_of(tmp_path, "a.mid", "pid")
    pid = int(guard.read(file, OPTIONS).tunes[0].tags["pid"])
    guard.close()
    assert not psutil.pid_exists(pid)
    assert outcome(guard.read(file, OPTIONS)) == ["ok"]


def test_no_files_need_no_child():
    with Guard(readers=DOUBLES) as guard:
        assert list(guard.read_all([], OPTIONS)) == []
        assert guard._process._process is None


def test_programs_that_a_reader_has_started_end_with_it(impatient, tmp_path):
    note = tmp_path / "pid"
    result = impatient.read(file_of(tmp_path, "a.mid", f"start-and-hang {note}"), OPTIONS)
    assert outcome(result) == ["the reader took more than 0.5 s"]
    assert wait_until_gone(int(note.read_text()))


def test_files_that_a_crashed_reader_left_are_removed(guard, tmp_path, own_temporary_folder):
    note = tmp_path / "path"
    guard.read(file_of(tmp_path, "a.mid", f"leave-file-and-abort {note}"), OPTIONS)
    assert own_temporary_folder in Path(note.read_text()).parents
    assert not Path(note.read_text()).exists()


def test_readers_that_cannot_be_imported_are_an_error_that_says_so(tmp_path):
    with (
        Guard(readers="no_such_readers") as guard,
        pytest.raises(RuntimeError, match="does not start: .*No module named 'no_such_readers'"),
    ):
        guard.read(file_of(tmp_path, "a.mid", "reel"), OPTIONS)


SCRIPT = """
import sys
from pathlib import Path
from musicvae.corpus.work.guard import Guard
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import SourceFile
path = Path(sys.argv[1])
result = Guard(60, 256, readers="reading_doubles").read(SourceFile("s", path.name, str(path)), BuildOptions())
print(len(result.tunes), result.failures)
"""


def script(folder: Path, file: SourceFile, **more: str) -> subprocess.Popen[str]:
    """A process of its own, in `folder`, that reads a file."""
    path = os.pathsep.join((str(Path(musicvae.__file__).parents[1]), str(Path(__file__).parents[2])))
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder), **more}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, file.path], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)


def test_what_lies_in_the_current_folder_is_not_imported(tmp_path):
    (tmp_path / "child").mkdir()
    (tmp_path / "numpy.py").write_text("raise ImportError('mine')")
    file = file_of(tmp_path, "a.mid", "reel")
    path = tmp_path / "main.py"
    path.write_text(SCRIPT)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(Path(musicvae.__file__).parents[1]), str(Path(__file__).parents[2]))),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-P", str(path), file.path], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "1 ()\n", done.stderr
    assert not list(tmp_path.glob("musicvae-reader-*"))


def test_no_child_outlives_a_parent_that_is_killed(tmp_path):
    note = tmp_path / "pid"
    with script(tmp_path, file_of(tmp_path, "a.mid", f"pid-and-hang {note}")) as parent:
        child = int(wait_for_text(note))
        left = list(tmp_path.glob("musicvae-reader-*"))
        parent.kill()
    assert len(left) == 1
    assert wait_until_gone(child)
    # The next one to come removes what the killed one could not.
    with script(tmp_path, file_of(tmp_path, "b.mid", "reel")) as parent:
        assert parent.communicate()[0] == "1 ()\n"
    assert not list(tmp_path.glob("musicvae-reader-*"))


ABC = """X:1
T:A reel
R:reel
M:4/4
L:1/8
K:G
GABc dedB|dedB dedB|c2ec B2dB|A2A2 A2GA|
GABc dedB|dedB dedB|c2ec B2dB|A2A2 G4|]

X:2
T:No meter that is known
M:5/4
L:1/4
K:D
DEFGA|DEFGA|DEFGA|DEFGA|]
"""


def test_the_readers_of_the_library_are_used_where_no_others_are_named(tmp_path):
    with Guard() as guard:
        results = list(guard.read_all([file_of(tmp_path, "a.abc", ABC), file_of(tmp_path, "b.mid", "MThd, but no more")], OPTIONS))
    assert [tune.tags["type"] for tune in results[0].tunes] == ["reel"]
    assert results[0].failures[0].reason == "only bars in unsupported meter 5/4"
    assert results[0].num_found == 2
    assert [failure.kind for failure in results[1].failures] == ["unreadable"]
    assert "b.mid" not in results[1].failures[0].reason
