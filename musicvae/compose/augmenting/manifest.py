"""The list of what an augmented folder holds: JSON and CSV, and the records from which an interrupted run goes on.

Conventions: paths are relative to the folder, with slashes. A record is what came of one source, written once all its files are.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from musicvae.music.files import atomic_path

__all__ = [
    "COLUMNS", "MANIFEST_CSV", "MANIFEST_JSON", "RECORDS", "forget_records", "read_manifest", "read_record", "write_manifest",
    "write_record",
]  # fmt: skip

MANIFEST_JSON, MANIFEST_CSV, RECORDS = "manifest.json", "manifest.csv", ".augment"
COLUMNS = ("path", "label", "source", "tune", "seed", "amount", "distance", "nearest", "bars", "meter", "key", "tempo_qpm", "notes")
"""Of a row. distance: from the source; nearest: from the nearest other variation of it."""


def record_path(folder: Path, source: str) -> Path:
    """Where the record of a source lies."""
    return folder / RECORDS / f"{hashlib.sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}.json"


def write_record(folder: Path, source: str, about: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Keep what came of a source in a run with these options."""
    path = record_path(folder, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, json.dumps({"source": source, "about": dict(about), **content}, indent=1))


def read_record(folder: Path, source: str, about: Mapping[str, Any]) -> dict[str, Any] | None:
    """What came of a source; None where that is not known, one of its files is missing, or the options were others."""
    try:
        content: Any = json.loads(record_path(folder, source).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("source") != source or content.get("about") != json.loads(json.dumps(dict(about))):
        return None
    try:
        return content if all((folder / row["path"]).is_file() for row in content["rows"]) else None
    except (KeyError, TypeError):
        return None


def write_manifest(
    folder: Path, about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], left_out: Sequence[Mapping[str, Any]]
) -> None:
    """Write both lists, and forget the records."""
    with atomic_path(folder / MANIFEST_CSV, force=True) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows({name: row.get(name) for name in COLUMNS} for row in rows)
    content = {"about": dict(about), "rows": [dict(row) for row in rows], "left_out": [dict(entry) for entry in left_out]}
    _write(folder / MANIFEST_JSON, json.dumps(content, indent=1) + "\n")
    forget_records(folder)


def forget_records(folder: Path) -> None:
    """Take away the records of a run that has come to its end."""
    records = folder / RECORDS
    for path in records.glob("*.json") if records.is_dir() else ():
        path.unlink()
    if records.is_dir():
        records.rmdir()


def read_manifest(folder: Path) -> Iterable[Path]:
    """The variations that a folder's list and the records of an interrupted run name, inside the folder and nowhere else."""
    lists = [folder / MANIFEST_JSON, *sorted((folder / RECORDS).glob("*.json"))]
    inside = folder.resolve()
    found = ((folder / name).resolve() for path in lists for name in _paths_in(path))
    return [path for path in found if path.suffix == ".mid" and path.is_relative_to(inside)]


def _paths_in(path: Path) -> list[str]:
    """The paths of the rows in a list or record; none where it cannot be read."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return [str(row["path"]) for row in content["rows"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _write(path: Path, text: str) -> None:
    with atomic_path(path, force=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
