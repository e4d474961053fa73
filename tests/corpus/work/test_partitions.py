from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import musicvae
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import SourceFile
from musicvae.corpus.work import frames
from musicvae.corpus.work.frames import pack
from musicvae.corpus.work.partitions import PartSummary, _spec_files, plan, read_part, release_readers, run_partition, spec_paths
from musicvae.corpus.work.results import pack_result

DOUBLES = "reading_doubles"
OPTIONS = BuildOptions(partition_files=12, max_memory_mib=256)
LINES = ("reel", "jig", "nothing", "raise 7 notes")


@pytest.fixture(autouse=True, scope="module")
def no_reader_is_left():
    yield
    release_readers()


def music(folder: Path, count: int = 8, *, more: str = "") -> list[SourceFile]:
    """Files of one to four tunes; the sixth has one more."""
    folder.mkdir(exist_ok=True)
    files = []
    for number in range(count):
        path = folder / f"{number}.abc"
        path.write_text("\n".join([*LINES[number % 4 :], *([more] if more and number == 5 else [])]), encoding="utf-8")
        files.append(SourceFile("folk", path.name, str(path), "", "dances", size=path.stat().st_size))
    return files


def all_parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.part"))}


def run_all(folder: Path, options: BuildOptions = OPTIONS) -> list[PartSummary]:
    return [run_partition(spec, options, readers=DOUBLES) for spec in spec_paths(folder)]


@given(st.lists(st.integers(0, 3 << 20), max_size=30), st.integers(1, 5), st.integers(1, 4))
def test_units_are_as_large_as_they_may_be(tmp_path_factory, sizes, partition_files, partition_mib):
    folder = tmp_path_factory.mktemp("plan")
    options = BuildOptions(partition_files=partition_files, partition_mib=partition_mib)
    files = [SourceFile("s", f"{n}.mid", f"/x/{n}.mid", size=size) for n, size in enumerate(sizes)]
    assert plan(iter(files), folder, options) == len(spec_paths(folder))
    groups = [_spec_files(path) for path in spec_paths(folder)]
    assert [file for group in groups for file in group] == files
    most = partition_mib << 20
    for group, after in zip(groups, [*groups, []][1:], strict=False):
        size = sum(file.size for file in group)
        assert len(group) == 1 or (len(group) <= partition_files and size <= most)
        assert not after or len(group) == partition_files or size + after[0].size > most


def test_files_are_planned_as_they_come(tmp_path):
    def files():
        for number in range(5):
            assert len(list(tmp_path.glob("*.json"))) == max(0, (number - 1) // 2)
            yield SourceFile("s", f"{number}.mid", "")

    assert plan(files(), tmp_path, BuildOptions(partition_files=2)) == 3


def test_a_new_plan_removes_what_is_beyond_it(tmp_path):
    files = [SourceFile("s", f"{n}.abc", "") for n in range(9)]
    plan(files, tmp_path, OPTIONS)
    for name in ("00000.part", "00002.part", "00001.part.77-ab.tmp", "notes.json"):
        (tmp_path / name).write_text("")
    plan(files[:6], tmp_path, OPTIONS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000.json", "00000.part", "00001.json", "notes.json"]


def test_specs_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("100000.json", "99999.json", "00000.json", "manifest.json"):
        (tmp_path / name).touch()
    assert [path.stem for path in spec_paths(tmp_path)] == ["00000", "99999", "100000"]


def test_a_part_holds_what_its_files_gave(tmp_path):
    files = music(tmp_path / "music", more="abort")
    assert plan(files, tmp_path / "work", OPTIONS) == 3
    sizes = [sum(file.size for file in files[n : n + 3]) for n in (0, 3, 6)]
    # Of the files 0 to 3 come 2, 1, 0 and 0 tunes; all four have the one that raises, all but the last the one that holds nothing.
    assert run_all(tmp_path / "work") == [
        PartSummary("00000", 3, 3, 6, 0, sizes[0]),
        PartSummary("00001", 3, 3, 6, 1, sizes[1]),
        PartSummary("00002", 2, 0, 3, 0, sizes[2]),
    ]
    part = read_part(tmp_path / "work" / "00001.part")
    assert [result.file for result in part.results] == [replace(file, path="") for file in files[3:6]]
    assert [tune.tune_id for tune in part.tunes] == ["4.abc#1", "4.abc#2", "5.abc#1"]
    np.testing.assert_array_equal(part.tunes[1].lines[0].rows["bars"], np.full((4, 16), 2, np.uint8))
    assert part.report["tunes_found"] == 9
    assert part.report["left_out"] == {"too little music": {"count": 2, "examples": ["4.abc#3", "5.abc#2"]}}
    assert part.report["unreadable"] == {"N notes": {"count": 3, "examples": ["3.abc#1", "4.abc#4", "5.abc#3"]}}
    assert part.report["stopped"] == {"the reader crashed (SIGABRT)": {"count": 1, "examples": ["5.abc#4"]}}


def test_equal_inputs_give_equal_bytes_wherever_they_lie(tmp_path):
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        plan(music(tmp_path / place / "music"), tmp_path / place / "work", OPTIONS)
        run_all(tmp_path / place / "work")
    parts = all_parts(tmp_path / "here" / "work")
    assert len(parts) == 3
    assert parts == all_parts(tmp_path / "there" / "work")
    assert not any(str(tmp_path).encode() in data for data in parts.values())


def test_a_part_that_fits_is_left_as_it_is(tmp_path):
    plan(music(tmp_path / "music"), tmp_path / "work", OPTIONS)
    first = run_all(tmp_path / "work")
    stamps = [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("work/*.part"))]
    plan(music_again(tmp_path / "music"), tmp_path / "work", OPTIONS)
    again = run_all(tmp_path / "work")
    assert again == [replace(summary, was_there=True) for summary in first]
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("work/*.part"))] == stamps


def music_again(folder: Path) -> list[SourceFile]:
    """The files of `music`, without writing them."""
    return [
        SourceFile("folk", f"{n}.abc", str(folder / f"{n}.abc"), "", "dances", size=(folder / f"{n}.abc").stat().st_size) for n in range(8)
    ]


def cut_off(work: Path) -> BuildOptions:
    path = work / "00001.part"
    path.write_bytes(path.read_bytes()[:-9])
    return OPTIONS


def damage(work: Path) -> BuildOptions:
    path = work / "00001.part"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    return OPTIONS


def remove(work: Path) -> BuildOptions:
    (work / "00001.part").unlink()
    return OPTIONS


def touch(work: Path) -> BuildOptions:
    later = time.time() + 10
    os.utime(work.parent / "music" / "4.abc", (later, later))
    return OPTIONS


def put_in_place(work: Path) -> BuildOptions:
    """Another file of the same size, written before the part, gets the name of one."""
    path = work.parent / "music" / "4.abc"
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    os.utime(other, (1, 1))
    os.replace(other, path)
    return OPTIONS


def change_spec(work: Path) -> BuildOptions:
    spec = work / "00001.json"
    spec.write_text(spec.read_text().replace('"dances"', '"songs"', 1))
    return OPTIONS


def no_last_frame(work: Path) -> BuildOptions:
    path = work / "00001.part"
    path.write_bytes(
        path.read_bytes()[: -len(pack({"counts": dict.fromkeys(("num_files", "num_tunes", "num_failed", "num_stopped", "num_bytes"), 3)}))]
    )
    return OPTIONS


@pytest.mark.parametrize("change", [cut_off, damage, remove, touch, put_in_place, change_spec, no_last_frame])
def test_a_part_that_does_not_fit_is_made_again(tmp_path, change):
    plan(music(tmp_path / "music"), tmp_path / "work", OPTIONS)
    run_all(tmp_path / "work")
    before = all_parts(tmp_path / "work")
    options = change(tmp_path / "work")
    assert [summary.was_there for summary in run_all(tmp_path / "work", options)] == [True, False, True]
    assert (all_parts(tmp_path / "work") == before) == (change is not change_spec)


def test_other_options_make_all_parts_again(tmp_path):
    plan(music(tmp_path / "music"), tmp_path / "work", OPTIONS)
    run_all(tmp_path / "work")
    assert not any(summary.was_there for summary in run_all(tmp_path / "work", replace(OPTIONS, hop_bars=2)))
    assert read_part(tmp_path / "work" / "00000.part").tunes[0].lines[0].num_bars == 2


def test_another_version_of_the_library_makes_all_parts_again(tmp_path, monkeypatch):
    plan(music(tmp_path / "music"), tmp_path / "work", OPTIONS)
    run_all(tmp_path / "work")
    monkeypatch.setattr(musicvae, "__version__", "0.0.0")
    assert not any(summary.was_there for summary in run_all(tmp_path / "work"))


def test_a_file_in_pieces_counts_its_bytes_once(tmp_path):
    (whole,) = music(tmp_path / "music", 1)
    plan([replace(whole, tunes=1), replace(whole, first_tune=1, tunes=1)], tmp_path / "work", OPTIONS)
    assert sum(summary.num_bytes for summary in run_all(tmp_path / "work")) == whole.size


def test_a_failure_leaves_no_half_written_part(tmp_path):
    plan(music(tmp_path / "music"), tmp_path / "work", OPTIONS)
    with pytest.raises(RuntimeError, match="does not start"):
        run_partition(tmp_path / "work" / "00000.json", OPTIONS, readers="no_such_readers")
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["00000.json", "00001.json", "00002.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 2, "files": []}', '{"schema": 1, "files": [["a"]]}'])
def test_a_spec_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "00000.json").write_text(text)
    with pytest.raises(ValueError, match=r"00000.json is no spec of a partition"):
        run_partition(tmp_path / "00000.json", OPTIONS)


@pytest.mark.parametrize(
    "data", [b"", b"something else", pack({"key": ""}), pack({"key": ""}) + pack({}), pack({"key": ""}) * 2 + pack({"counts": {}})]
)
def test_a_part_that_is_none_is_refused(tmp_path, data):
    (tmp_path / "00000.part").write_bytes(data)
    with pytest.raises(ValueError, match=r"00000.part is no part of a build"):
        read_part(tmp_path / "00000.part")


BUILD = """
import sys
from functools import partial
from pathlib import Path
from musicvae.corpus.work.engines import run
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.work.partitions import run_partition, spec_paths
if __name__ == "__main__":
    options = BuildOptions(partition_files=12, max_memory_mib=256)
    function = partial(run_partition, options=options, readers="reading_doubles")
    run(function, spec_paths(sys.argv[1]), engine=sys.argv[2], jobs=2)
"""


@pytest.mark.parametrize("engine", [pytest.param("inline", marks=pytest.mark.slow), "processes"])
def test_a_build_that_was_killed_goes_on_to_the_same_bytes(tmp_path, engine):
    files = music(tmp_path / "music", 12, more="abort")
    plan(files, tmp_path / "whole", OPTIONS)
    run_all(tmp_path / "whole")
    # The build that is to be killed hangs in the third part.
    slow = Path(files[7].path)
    quick = slow.read_text(encoding="utf-8")
    slow.write_text("slow 1000")
    plan(files, tmp_path / "work", OPTIONS)
    path = os.pathsep.join((str(Path(musicvae.__file__).parents[1]), str(Path(__file__).parents[2])))
    script = tmp_path / "build.py"
    script.write_text(BUILD)
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "work"), engine], env=env) as build:
        wanted = 2 if engine == "inline" else 3
        end = time.monotonic() + 30
        while len(all_parts(tmp_path / "work")) < wanted or not list(tmp_path.glob("work/00002.part.*.tmp")):
            assert time.monotonic() < end
            time.sleep(0.01)
        build.send_signal(signal.SIGKILL)
    assert "00002.part" not in all_parts(tmp_path / "work")
    slow.write_text(quick, encoding="utf-8")
    plan(files, tmp_path / "work", OPTIONS)
    assert not list(tmp_path.glob("work/*.tmp"))
    assert [summary.was_there for summary in run_all(tmp_path / "work")].count(True) == wanted
    assert all_parts(tmp_path / "work") == all_parts(tmp_path / "whole")


def test_files_that_take_long_to_read_make_smaller_units(tmp_path):
    def units(name, **fields):
        return plan([SourceFile("s", f"{n}{name}", "", **fields) for n in range(64)], tmp_path, BuildOptions(partition_files=64))

    assert [units(".mid"), units(".abc"), units(".abc", tunes=8), units(".mxl"), units(".krn")] == [1, 4, 32, 32, 32]


def test_a_file_that_gives_more_than_a_frame_holds_stops_nothing(tmp_path, monkeypatch):
    files = music(tmp_path / "music", 2)
    plan(files, tmp_path, OPTIONS)
    largest = max(len(pack(*pack_result(result))) for result in whole_results(tmp_path))
    monkeypatch.setattr(frames, "MAX_FRAME_BYTES", largest - 1)
    for part in tmp_path.glob("*.part"):
        part.unlink()
    results = whole_results(tmp_path)
    assert sorted(bool(result.tunes) for result in results) == [False, True]
    (failed,) = [result for result in results if not result.tunes]
    assert "is too large; at most" in failed.failures[-1].reason


def whole_results(folder):
    run_all(folder)
    return [result for path in sorted(folder.glob("*.part")) for result in read_part(path).results]
