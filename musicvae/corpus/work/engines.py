"""Runs a function on many items: here, in processes of this machine, or on the workers of a Dask cluster.

The function and its items go to other processes by pickle; what it returns should be small. An item may be run more than once, when a
worker dies, so that running it again must do no harm.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

__all__ = ["ENGINES", "Progress", "check_engine", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int, Any], None]
"""Called with the number of items done, of all, and what the function returned for the last."""
ENGINES = ("processes", "dask", "inline")
_MAX_DEATHS = 3  # of workers, while the same item was with one of them
_RETRIES = 2
_MIN_AHEAD = 64  # tasks that a Dask scheduler knows at a time: workers may join later
_AHEAD = 2  # items for each worker, so that it need not wait


def run(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    engine: str = "processes",
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Call the function with every item, in any order; the first exception ends it all and is raised.

    engine: one of `ENGINES`. jobs: processes or local Dask workers, None for one per core. scheduler: address of a Dask scheduler,
    None for a cluster on this machine. A worker that dies is replaced and its items run again, a few times; then RuntimeError names
    one. After an interrupt no process is left. ValueError for an unknown engine, or for Dask where it is not installed.
    """
    check_engine(engine, jobs, scheduler)
    jobs = min(jobs or _cores(), max(1, len(items)))
    if engine == "inline" or (engine == "processes" and jobs == 1):  # a process for one job alone would only cost its start
        results = (function(item) for item in items)
    else:
        results = _processes(function, items, jobs) if engine == "processes" else _dask(function, items, jobs, scheduler)
    with contextlib.closing(results):  # so that an exception or interrupt in here ends the workers too
        for done, result in enumerate(results, 1):
            if progress is not None:
                progress(done, len(items), result)


def check_engine(engine: str, jobs: int | None, scheduler: str | None) -> None:
    """ValueError for what `run` would refuse, before there is anything to run."""
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; allowed are {', '.join(ENGINES)}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    if scheduler is not None and engine != "dask":
        raise ValueError(f"a scheduler ({scheduler}) is for the engine dask, not {engine}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processes(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Generator[Result]:
    """Results as they come, from a pool that is replaced when one of its processes dies."""
    waiting = list(range(len(items)))[::-1]
    deaths: Counter[int] = Counter()
    while waiting:
        # spawn: a fork of a process with threads may hang.
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _follow_parent)
        running: dict[Future[Result], int] = {}
        is_whole = False
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * jobs:
                    index = waiting.pop()
                    running[pool.submit(function, items[index])] = index
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    del running[future]
                    yield result
            is_whole = True
        except BrokenProcessPool:
            lost = sorted(running.values(), reverse=True)
            deaths.update(lost)
            worst = max(lost, key=lambda index: (deaths[index], -index))
            if deaths[worst] >= _MAX_DEATHS:
                raise RuntimeError(_often_dead(items[worst])) from None
            waiting += lost
        finally:
            _shut(pool, is_whole)


def _often_dead(item: object) -> str:
    return (
        f"the processes that work on {item} and its neighbours died {_MAX_DEATHS} times: is memory short? "
        '(a script that starts a build needs its lines under `if __name__ == "__main__":`)'
    )


def _shut(pool: ProcessPoolExecutor, is_whole: bool) -> None:
    """End the pool: when all is done, in peace; else at once, whatever its processes are at."""
    workers = list((getattr(pool, "_processes", None) or {}).values())
    if not is_whole:
        for worker in workers:
            with contextlib.suppress(ValueError, OSError):
                worker.kill()
    pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """Run in each worker: an interrupt is the parent's business, and a parent that is killed takes its workers with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _dask(function: Callable[[Item], Result], items: Sequence[Item], jobs: int, scheduler: str | None) -> Generator[Result]:
    """Results as they come, from a cluster that runs the items of a dead worker elsewhere."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise ValueError('the engine dask needs packages that are not installed: pip install "musicvae[cluster]"') from None
    try:
        client = (
            Client(scheduler, timeout=30)
            if scheduler
            else Client(n_workers=jobs, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR)
        )
    except OSError as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:  # leaving it lets go of what is not yet done
        waiting = iter(items)
        ahead = max(_MIN_AHEAD, 2 * _AHEAD * sum(client.nthreads().values()))
        # Each is a task of its own, whatever ran before: its part may have been removed since.
        finished = as_completed(client.submit(function, item, pure=False, retries=_RETRIES) for item in islice(waiting, ahead))
        for future in finished:
            try:
                result: Result = future.result()
            except KilledWorker as error:
                raise RuntimeError(f"Dask's workers died again and again: {error}") from None
            yield result
            for item in islice(waiting, 1):
                finished.add(client.submit(function, item, pure=False, retries=_RETRIES))
