"""How a corpus lies on disk: schema 1, plain ``.npy`` arrays and one JSON manifest, readable with numpy alone.

    manifest.json             what is in the other files, and their checksums; it is written last
    rows/<column>-00000.npy   (rows per shard, ...) a row for each model bar, of every column of the material
    lines/<name>.npy          (N,) a value for each line, see `LINES`; lines/tags/<facet>.npy: (N,) int32, -1 for none
    lines/ids.npy             uint8, the UTF-8 of the ids of all tunes end to end; lines/id_end.npy: where each ends
    windows/<bars>.npy        (W, 3) int32: line, first bar, bars, in the order of the lines

Conventions: N lines, each of constant meter and stored in one stretch of rows; bars are model bars.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from musicvae.corpus.tunes import Column
from musicvae.music.key import MODES as KEY_MODES

__all__ = [
    "HEADER_BYTES", "LABEL", "LINES", "MANIFEST", "MODES", "ROWS_PER_SHARD", "SCHEMA", "SPLITS",
    "facet_path", "file_digest", "line_path", "npy_header", "read_manifest", "shard_path", "window_path", "write_manifest",
]  # fmt: skip

SCHEMA = 1
MANIFEST = "manifest.json"
SPLITS = ("train", "validation", "test")
MODES = tuple(KEY_MODES)
ROWS_PER_SHARD = 65536
LABEL = "type"
"""The facet of tags that is a tune's label: a dance type or style."""
HEADER_BYTES = 128

LINES: Mapping[str, Column] = {
    "start": Column("int64", (), "first row"),
    "num_bars": Column("int32", (), "rows"),
    "kind": Column("int8", (), "index into kinds"),
    "split": Column("int8", (), "index into splits"),
    "mode": Column("int8", (), "index into modes; -1: no key"),
    "tonic": Column("int8", (), "pitch class of the key in the file; -1: unknown"),
    "shift": Column("int16", (), "semitones from the file's pitches to the stored ones"),
    "start_bar": Column("int32", (), "written bar of the file that the line begins with, from 1; 0: unknown"),
    "tempo_qpm": Column("float32", (), "quarter notes a minute; 120 where the file states none; 0: unknown"),
    "source": Column("int32", (), "index into sources"),
    "tune": Column("int64", (), "number of the tune, from 0, in the order of ids"),
    "family": Column("int64", (), "number of the first tune that this one is related to, or its own"),
    "meter": Column("int16", (), "index into meters, as written"),
}
"""The columns of the table of lines."""


def shard_path(column: str, number: int) -> str:
    """Path of a shard inside the corpus."""
    return f"rows/{column}-{number:05}.npy"


def line_path(name: str) -> str:
    """Path of a column of the table of lines."""
    return f"lines/{name}.npy"


def facet_path(facet: str) -> str:
    """Path of the tags of one facet; ValueError for a name that is no plain word."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", facet):
        raise ValueError(f"{facet!r} names no facet of tags: lower-case letters, digits, - and _ are allowed, as in 'composer'")
    return f"lines/tags/{facet}.npy"


def window_path(bars: int) -> str:
    """Path of the windows of one length."""
    return f"windows/{bars}.npy"


def npy_header(dtype: DTypeLike, shape: tuple[int, ...]) -> bytes:
    """The first `HEADER_BYTES` bytes of a ``.npy`` file of this type and shape: of one length, so that it can be written over."""
    opened = io.BytesIO()
    words = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype).newbyteorder("<")), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(opened, words)
    header = opened.getvalue()
    if len(header) != HEADER_BYTES:
        raise ValueError(f"an array of shape {shape} has a header of {len(header)} bytes, {HEADER_BYTES} are kept for it")
    return header


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, words: Mapping[str, Any]) -> None:
    """Write the manifest, always the same bytes for the same words."""
    text = json.dumps(words, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False)
    (folder / MANIFEST).write_bytes((text + "\n").encode("utf-8"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest; FileNotFoundError where there is no corpus, ValueError for one that this library cannot read."""
    path = folder / MANIFEST
    if not path.is_file():
        if (folder / "corpus.npz").is_file():
            raise ValueError(f"the corpus in {folder} is of a layout that is no longer read (corpus.npz): build it again")
        raise FileNotFoundError(f"{folder} holds no corpus ({MANIFEST} is missing)")
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        schema = words["schema"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the corpus in {folder} is damaged: its {MANIFEST} cannot be read ({error})") from error
    if schema != SCHEMA:
        raise ValueError(f"the corpus in {folder} has schema {schema!r}, newer than this library reads ({SCHEMA}): is an update due?")
    return dict(words)
