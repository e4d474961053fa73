"""Readers that misbehave: each line of a file is a tune, and tells what its reader does.

They stand in for the library's own in the child process of a guard, which imports this module by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from musicvae.corpus.tunes import SourceFile, SourceTune, StoredLine, Tune
from musicvae.music.key import Key
from musicvae.music.score import Score

_state: dict[str, object] = {}


def tunes_of(file: SourceFile):
    lines = Path(file.path).read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines):
        if line == "list-abort":
            os.abort()
        if line == "list-raise":
            raise KeyError("what")
        yield SourceTune(file.source, f"{file.name}#{at + 1}", file.name, lambda line=line: _read(line, file), {"type": line})


def _read(line: str, file: SourceFile) -> Score:
    command, _, argument = line.partition(" ")
    if command == "hang":
        time.sleep(1000)
    elif command == "abort":
        os.abort()
    elif command == "exit":
        os._exit(3)
    elif command == "sys-exit":
        sys.exit(3)
    elif command == "interrupt":
        raise KeyboardInterrupt
    elif command == "allocate":
        _state["held"] = [np.empty(1 << 23) for _ in range(1 << 10)]
    elif command == "allocate-dressed-up":
        try:
            _read("allocate", file)
        except MemoryError as error:
            raise ValueError("cannot be read") from error
    elif command == "hoard":
        _state["hoard"] = np.empty(int(argument) << 17)
    elif command == "recurse":
        return _read(line, file)
    elif command == "print":
        print("noise" * 100_000)
        os.write(1, b"noise" * 1000)
        sys.stderr.write("noise" * 100_000)
        os.system("echo noise; echo noise >&2")
    elif command == "input":
        input()
    elif command == "garbage":
        for number in range(3, 30):
            try:
                os.write(number, b"\0garbage" * 100)
            except OSError:
                continue
    elif command == "poison":
        _state["poisoned"] = True
    elif command == "trip" and "poisoned" in _state:
        os.abort()
    elif command == "start-and-hang":
        started = subprocess.Popen(["sleep", "1000"])
        Path(argument).write_text(str(started.pid))
        time.sleep(1000)
    elif command == "leave-file-and-abort":
        _, path = tempfile.mkstemp()
        Path(argument).write_text(path)
        os.abort()
    elif command == "pid-and-hang":
        Path(argument).write_text(str(os.getpid()))
        time.sleep(1000)
    elif command == "slow":
        time.sleep(float(argument))
    elif command == "raise":
        raise ValueError(f"{file.path}: {argument}")
    elif command == "missing":
        Path(argument).read_bytes()
    return Score(480, (), title=line)


def take_tune(tune, score, options):
    if score.title == "nothing":
        return None, {"ignored": 1}, "too little music"
    number = int(tune.tune_id.rpartition("#")[2])
    rows = {
        "bars": np.full((options.hop_bars, 16), number, np.uint8),
        "chords": np.zeros((options.hop_bars, 8), np.uint8),
        "onsets": np.full(options.hop_bars, 16, np.uint8),
    }
    if score.title == "not-a-number":
        lines = (StoredLine(rows, 0, "4/4", 1, float("nan")),)
    else:
        lines = (StoredLine(rows, 0, "4/4", np.int64(1), 120.0, Key(2, "dorian"), -2), StoredLine(rows, 2, "6/8", 5, 90.5))
    tags = {**tune.tags, "pid": str(os.getpid())} if score.title == "pid" else tune.tags
    shingles = np.arange(number, dtype=np.uint64)
    return Tune(tune.source, tune.tune_id, tune.file, tags, "test", lines, shingles, shingles[:1]), {"notes lost": 2}, ""
