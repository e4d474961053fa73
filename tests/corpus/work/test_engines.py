from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import engine_doubles
import psutil
import pytest

import musicvae
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import SourceFile
from musicvae.corpus.work.engines import run
from musicvae.corpus.work.partitions import plan, release_readers, run_partition, spec_paths


def items_in(folder: Path, count: int = 8) -> list[Path]:
    return [folder / str(number) for number in range(count)]


def children() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True) if "resource_tracker" not in " ".join(p.cmdline())}


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = children()
    yield
    end = time.monotonic() + 10
    while children() - before and time.monotonic() < end:
        time.sleep(0.02)
    assert children() == before


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_every_item_is_run_and_told(tmp_path, engine):
    told = []
    run(engine_doubles.write, items_in(tmp_path), engine=engine, jobs=2, progress=lambda *what: told.append(what))
    assert sorted(path.name for path in tmp_path.iterdir()) == list("01234567")
    assert [(done, of) for done, of, _ in told] == [(n + 1, 8) for n in range(8)]
    assert sorted(result for _, _, result in told) == list("01234567")


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_no_items_are_no_work(engine):
    run(engine_doubles.write, [], engine=engine, jobs=3, progress=lambda *_: pytest.fail("there is nothing to tell"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"engine": "threads"}, "unknown engine 'threads'; allowed are processes, dask, inline"),
        ({"jobs": 0}, "jobs must be at least 1, got 0"),
        ({"scheduler": "tcp://a:1"}, r"a scheduler \(tcp://a:1\) is for the engine dask, not processes"),
    ],
)
def test_words_that_make_no_sense_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        run(engine_doubles.write, [], **words)


def test_where_dask_is_not_installed_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r'pip install "musicvae\[cluster\]"'):
        run(engine_doubles.write, items_in(tmp_path), engine="dask")


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_an_exception_ends_it_all(tmp_path, engine):
    with pytest.raises(ValueError, match="no such bar"):
        run(engine_doubles.fail, items_in(tmp_path, 100), engine=engine, jobs=2)
    assert len(list(tmp_path.iterdir())) < 20


def test_an_exception_while_telling_ends_it_all(tmp_path):
    def tell(done: int, of: int, result: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(engine_doubles.write_slowly, items_in(tmp_path, 100), engine="processes", jobs=2, progress=tell)
    assert len(list(tmp_path.iterdir())) < 20


def test_a_worker_that_dies_is_replaced_and_its_items_run_again(tmp_path):
    told = []
    run(engine_doubles.die_once, items_in(tmp_path), engine="processes", jobs=2, progress=lambda *what: told.append(what))
    assert sorted(path.name for path in tmp_path.iterdir()) == [*"01234567", "died"]
    assert [done for done, _, _ in told] == list(range(1, 9))


def test_an_item_that_always_kills_its_worker_is_named(tmp_path):
    with pytest.raises(RuntimeError, match=rf"the processes that work on {tmp_path}/[23] and its neighbours died 3 times"):
        run(engine_doubles.die_always, items_in(tmp_path), engine="processes", jobs=2)


SCRIPT = """
import sys
from pathlib import Path
import engine_doubles
from musicvae.corpus.work.engines import run
if __name__ == "__main__":
    run(engine_doubles.wait, [Path(sys.argv[1], str(n)) for n in range(4)], engine="processes", jobs=2)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_do_not_outlive_an_interrupt_or_a_kill(tmp_path, number):
    path = os.pathsep.join((str(Path(musicvae.__file__).parents[1]), str(Path(__file__).parents[2])))
    (tmp_path / "main.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        # Shells without job control start what is in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as main:
        end = time.monotonic() + 30
        while len(notes := [p.read_text() for p in tmp_path.glob("*.pid")]) < 2 or not all(notes):
            assert time.monotonic() < end
            time.sleep(0.01)
        main.send_signal(number)
        told = main.communicate()[1]
    assert main.returncode == -number
    assert (told.count("Traceback"), "KeyboardInterrupt" in told) == ((1, True) if number == signal.SIGINT else (0, False))
    end = time.monotonic() + 10
    while any(psutil.pid_exists(int(note)) for note in notes):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def music(tmp_path):
    """Twelve small files planned into partitions of two in two folders, the first of which is done."""
    files = []
    for number in range(12):
        path = tmp_path / f"{number}.abc"
        path.write_text("slow 0.05\nreel\nraise why", encoding="utf-8")
        files.append(SourceFile("folk", path.name, str(path), size=path.stat().st_size))
    options = BuildOptions(partition_files=8)
    function = partial(run_partition, options=options, readers="reading_doubles")
    for folder in ("here", "there"):
        plan(files, tmp_path / folder, options)
    for spec in spec_paths(tmp_path / "here"):
        function(spec)
    release_readers()
    return function, tmp_path / "here", tmp_path / "there"


def parts_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.part")}


def test_processes_make_the_same_parts(music):
    function, here, there = music
    run(function, spec_paths(there), engine="processes", jobs=2)
    assert len(parts_in(here)) == 6
    assert parts_in(there) == parts_in(here)


def test_dask_makes_the_same_parts_though_a_worker_is_killed_half_way(music):
    from distributed import LocalCluster

    function, here, there = music
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill_one(done: int, of: int, result: object) -> None:
            if done == 2:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        run(function, spec_paths(there), engine="dask", scheduler=cluster.scheduler_address, progress=kill_one)
    assert parts_in(there) == parts_in(here)


@pytest.mark.slow
def test_dask_without_a_scheduler_works_on_this_machine(music):
    function, here, there = music
    run(function, spec_paths(there), engine="dask", jobs=2)
    assert parts_in(there) == parts_in(here)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(ValueError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        run(engine_doubles.write, items_in(tmp_path), engine="dask", scheduler="tcp://127.0.0.1:9")
