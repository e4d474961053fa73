"""The child process of a `Guard` as seen from its parent: started, asked, waited for, killed with all it has started.

The child has a folder of its own for temporary files, which goes with it. Its parent holds a lock on that folder, so that the folders of
parents that were killed themselves are known and removed by whoever comes next.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from musicvae.corpus.work.child import OUT_OF_MEMORY, RETIRED
from musicvae.corpus.work.frames import FrameSplitter, unpack

__all__ = ["ReaderProcess", "Stop"]

_FOLDER = "musicvae-reader-"
_LOCK = "lock"
_START_SECONDS = 120.0
_STARTS = 3
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Stop:
    """Why a process answers no more. is_blameless: it is not for what it was reading."""

    reason: str
    is_blameless: bool = False


class ReaderProcess:
    """A child process and the pipes to it; started by `start`, and anew whenever it has ended.

    is_fresh: nothing was read by it yet; for the owner to clear.
    """

    def __init__(self, max_seconds: float, max_memory_mib: int, readers: str) -> None:
        self._max_seconds, self._max_memory_mib, self._readers = max_seconds, max_memory_mib, readers
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: _Folder | None = None
        self._splitter, self._is_garbled = FrameSplitter(), False
        self._frames: deque[bytes] = deque()
        self._finalizer: weakref.finalize[..., ReaderProcess] | None = None
        self.is_fresh = True

    def start(self) -> bool:
        """Start the child unless there is one; whether that was needed. RuntimeError where it cannot be started."""
        if self._process is not None and self._process.poll() is None:
            return False
        for _ in range(_STARTS):
            self.kill()
            self._spawn()
            answer = self.receive(_START_SECONDS)
            if isinstance(answer, bytes) and unpack(answer)[0].get("is") == "ready":
                return True
        told = self._stderr()
        self.close()
        raise RuntimeError(f"the process that reads files does not start: {told or repr(answer)}")

    def send(self, frame: bytes) -> None:
        """Send a request; where nobody is there to take it, `receive` will tell."""
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(frame)

    def receive(self, seconds: float) -> bytes | Stop:
        """The next answer, or why none came within `seconds`."""
        if self._frames:
            return self._frames.popleft()
        if self._is_garbled:
            return Stop("the reader's answer was garbled")
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        end = time.monotonic() + seconds
        while not self._frames:
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                return Stop(f"the reader took more than {self._max_seconds:g} s")
            data = os.read(pipe, 1 << 18)
            try:
                self._frames.extend(self._splitter.feed(data))
            except ValueError:
                self._is_garbled = True  # what came before is good
                return self.receive(0)
            if not data:
                return self._ended()
        return self._frames.popleft()

    def _ended(self) -> Stop:
        """Why a process has closed its pipe."""
        assert self._process is not None
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return Stop("the reader closed its pipe")
        if status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
            return Stop(f"the reader crashed ({name})")
        if status == OUT_OF_MEMORY:
            return Stop(f"the reader needed more than {self._max_memory_mib} MiB of memory")
        return Stop(f"the reader ended by itself (exit status {status})", is_blameless=status == RETIRED)

    def kill(self) -> None:
        """End the child at once, and the programs it has started; empty its folder."""
        if self._process is not None:
            _kill(self._process)
            self._process = None
        if self._finalizer is not None:
            self._finalizer.detach()
            self._finalizer = None
        if self._folder is not None:
            self._folder.clear()
        self._splitter, self._is_garbled = FrameSplitter(), False
        self._frames.clear()

    def close(self) -> None:
        """End the child and remove its folder."""
        self.kill()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _spawn(self) -> None:
        if self._folder is None:
            self._folder = _Folder()
        # The child imports what this process would, wherever that came from; -P: and nothing that happens to lie in the current folder.
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "TMPDIR": str(self._folder.path), **dict.fromkeys(_ONE_THREAD, "1")}
        numbers = (str(os.getpid()), repr(self._max_seconds), str(self._max_memory_mib))
        command = [sys.executable, "-P", "-m", "musicvae.corpus.work.child", *numbers, self._readers]
        with open(self._folder.errors, "wb") as errors:
            self._process = subprocess.Popen(
                command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=env, start_new_session=True
            )
        self._finalizer = weakref.finalize(self, _end, self._process, os.getpid())
        self.is_fresh = True

    def _stderr(self) -> str:
        """The last line that the child wrote before it was ready."""
        lines = self._folder.errors.read_text(errors="replace").split("\n") if self._folder and self._folder.errors.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class _Folder:
    """A folder for temporary files, locked as long as this process lives."""

    def __init__(self) -> None:
        _remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=_FOLDER))
        self.errors = self.path / "errors"
        self._lock = os.open(self.path / "new", os.O_CREAT | os.O_RDWR, 0o600)
        _lock(self._lock)
        # Under its name only when it is locked, so that nobody takes the folder for an abandoned one.
        os.rename(self.path / "new", self.path / _LOCK)
        self._finalizer = weakref.finalize(self, _remove, self.path, self._lock, os.getpid())

    def clear(self) -> None:
        """Remove all but the lock."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.path):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                elif entry.name != _LOCK:
                    os.unlink(entry.path)

    def remove(self) -> None:
        """Remove all."""
        self._finalizer()


def _lock(file: int) -> bool:
    """Lock an open file; whether nobody else holds it. False where the platform has no such locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _remove_abandoned() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            file = os.open(lock, os.O_RDWR)
            try:
                if _lock(file):
                    shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(file)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """What `kill` does, for one who has forgotten to."""
    if os.getpid() == owner:  # not in a fork of it
        _kill(process)


def _remove(path: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(lock)
