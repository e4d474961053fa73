"""Tunes and parts that need no files of music."""

import numpy as np

from musicvae.corpus.tunes import COLUMNS, SourceFile, StoredLine, Tune
from musicvae.corpus.work.frames import pack
from musicvae.corpus.work.results import Failure, FileResult, pack_result
from musicvae.music.key import Key

DORIAN = Key(7, "dorian")
METERS = ("4/4", "3/4", "6/8")


def made_line(seed, *, bars=16, kind=0, material="melody", start_bar=1, meter="", key=DORIAN, shift=-7):
    """A line of random rows, a fifth of its bars empty."""
    rng = np.random.default_rng(seed)
    rows = {}
    for name, column in COLUMNS[material].items():
        values = rng.integers(0, 80, (bars, *column.shape))
        rows[name] = values.astype(column.dtype)
    rows["bars"][rng.random(bars) < 0.2] = 0
    rows["onsets"] = np.minimum((rows["bars"].reshape(bars, -1) >= 2).sum(1), 255).astype(np.uint8)
    return StoredLine(rows, kind, meter or METERS[kind], start_bar, 96.5, key, shift)


def made_tune(seed, *, source="here", tune_id="", lines=1, bars=16, split="", tags=None, shingles=None, material="melody"):
    stored = tuple(made_line((seed, i), bars=bars, kind=(seed + i) % 3, material=material) for i in range(lines))
    prints = (
        np.unique(np.random.default_rng(seed).integers(0, 2**64, 30, dtype=np.uint64))
        if shingles is None
        else np.array(shingles, np.uint64)
    )
    return Tune(source, tune_id or f"{source}/{seed:04}", f"{seed:04}.mid", tags or {}, split, stored, prints)


def made_result(tunes, *, source="here", name="", failures=(), losses=None, first_tune=0):
    name = name or tunes[0].file
    file = SourceFile(source, name, f"/somewhere/{name}", first_tune=first_tune)
    found = tuple(Failure(f"{name}#{i}", reason) for i, reason in enumerate(failures))
    return FileResult(file, tuple(tunes), found, losses or {}, name.encode().hex(), 100, len(tunes) + len(found))


def write_part(path, results):
    frames = [pack({"schema": 1, "key": "made up"}), *(pack(*pack_result(result)) for result in results), pack({"counts": {}})]
    path.write_bytes(b"".join(frames))
    return path


def tree(folder):
    """Every file below a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
