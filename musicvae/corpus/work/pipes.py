"""The two pipes of the process that reads files: requests in, answers out, both frames."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping
from typing import Any

from musicvae.corpus.work.frames import FrameSplitter, pack, unpack

__all__ = ["IDLE_SECONDS", "Answers", "Requests"]

IDLE_SECONDS = 60.0
"""A child that is asked nothing for so long ends; the guard starts another when one is needed."""
_FLUSH_SECONDS = 0.005
_FLUSH_BYTES = 1 << 16


class Answers:
    """Frames on their way out, held back a little so that several go in one piece."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._held: list[bytes] = []
        self._bytes = 0
        self._sent = time.monotonic()

    def put(self, words: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> None:
        """Hold back one more answer."""
        frame = pack(words, arrays)
        self._held.append(frame)
        self._bytes += len(frame)

    def flush(self) -> None:
        """Send all that is held back."""
        data = memoryview(b"".join(self._held))
        while data:
            data = data[os.write(self._pipe, data) :]
        self._held.clear()
        self._bytes = 0
        self._sent = time.monotonic()

    def flush_if_due(self) -> None:
        """Send what is held back if it is much, or was held for long."""
        if self._bytes > _FLUSH_BYTES or time.monotonic() - self._sent > _FLUSH_SECONDS:
            self.flush()


class Requests:
    """Requests as they come in."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._splitter = FrameSplitter()
        self._ready: list[bytes] = []
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)

    def next(self, answers: Answers) -> dict[str, Any] | None:
        """The next request; None when the guard has gone or asks nothing for long. Flushes before it waits."""
        while not self._ready:
            if not self._poll.poll(0):
                answers.flush()
                if not self._poll.poll(IDLE_SECONDS * 1000):
                    return None
            data = os.read(self._pipe, 1 << 16)
            if not data:
                return None
            self._ready.extend(self._splitter.feed(data))
        return unpack(self._ready.pop(0))[0]
