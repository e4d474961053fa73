"""The result of an evaluation as text and as JSON.

Conventions: a section is a table of named results, all of one dataclass; its fields are the columns. An
`Estimate` reads ``value [low, high]`` with its 95 % interval over tunes. Text is Markdown. The same
results give the same text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from musicvae.evaluate.metrics import Estimate

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["Evaluation", "Section"]

_HEADINGS = {
    "bits": "KL bits",
    "step_accuracy": "step accuracy",
    "onset_f1": "onset F1",
    "onset_f1_by_window": "onset F1, mean of windows",
    "hit_f1": "hit F1",
    "hit_f1_by_window": "hit F1, mean of windows",
    "f1_gain": "F1 gain",
    "model_f1": "model F1",
    "linear_f1": "linear F1",
    "smallest_nats": "smallest KL (nats)",
    "largest_nats": "largest KL (nats)",
    "end_f1": "onset F1 of ends",
    "lag_distance": "lag distance to real tunes",
    "shift": "shift (SD per unit)",
    "side_shift": "side shift (SD per unit)",
    "random_shift": "random shift (SD per unit)",
    "random_rank": "random rank correlation",
    "rank_pooled": "rank correlation, pooled",
    "rank_by_melody": "rank correlation, by melody",
    "rank_decoded": "rank correlation from reconstruction",
    "judge_area": "judge AUC",
    "named": "named of 100",
    "twice": "named of 100 at strength 2",
    "without_style": "without a style",
    "class_distance": "class distance to held-out beats",
    "shares": "shares at lag none, 1, 2, ... bars",
    "distances": "distance to A along the way",
    "nats": "KL (nats) of each dimension",
    "mu_variance": "variance of mu of each dimension",
}
_BLOCK_LENGTH = 20  # longer tuples stand below the table
_PER_LINE = 16


@dataclass(frozen=True)
class Section:
    """A table: name (a short key), title, what its figures mean, and rows of one dataclass."""

    name: str
    title: str
    note: str
    rows: Sequence[DataclassInstance]

    def to_text(self) -> str:
        """Markdown: heading, note, table, and long lists in blocks below it."""
        lines = [f"## {self.title}", "", self.note, ""]
        if not self.rows:
            return "\n".join([*lines, "Nothing to measure."])
        cells = [_flat(row) for row in self.rows]
        columns = [name for name in dict.fromkeys(name for row in cells for name in row) if not _is_long(cells[0].get(name))]
        lines += [_line([_heading(name) for name in columns]), _line(["---"] * len(columns))]
        lines += [_line([_cell(row.get(name)) for name in columns]) for row in cells]
        for row in cells:
            for name, value in row.items():
                if _is_long(value):
                    lines += ["", f"{_heading(name)}, {_cell(row[columns[0]])}:", "", "```", *_block(value), "```"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Title, note and rows in types that JSON has."""
        return {"title": self.title, "note": self.note, "rows": [{k: _plain(v) for k, v in _fields(row).items()} for row in self.rows]}


@dataclass(frozen=True)
class Evaluation:
    """Everything measured of one model: about (model, corpus, options) and the sections in order."""

    about: Mapping[str, Any]
    sections: tuple[Section, ...]

    def section(self, name: str) -> Section:
        """A section by its name; KeyError if there is none."""
        return {section.name: section for section in self.sections}[name]

    def to_text(self) -> str:
        """The whole as Markdown, ending in a newline."""
        head = ["# Evaluation", "", *(f"* {name}: {_cell(value)}" for name, value in self.about.items())]
        head += ["", "Values in brackets are 95 % bootstrap intervals over tunes (pairs for blends, pieces drawn for samples)."]
        return "\n\n".join(["\n".join(head), *(section.to_text() for section in self.sections)]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The whole in types that JSON has; undefined figures are None."""
        return {"about": _plain(self.about), "sections": {section.name: section.to_dict() for section in self.sections}}

    def to_json(self) -> str:
        """The whole as JSON text, ending in a newline."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"


def _fields(row: DataclassInstance) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _flat(row: DataclassInstance) -> dict[str, Any]:
    """Fields by name, a mapping's entries each as a column of its own."""
    flat: dict[str, Any] = {}
    for name, value in _fields(row).items():
        flat.update(value if isinstance(value, Mapping) else {name: value})
    return flat


def _is_long(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > _BLOCK_LENGTH


def _block(values: Sequence[float]) -> list[str]:
    texts = [f"{value:7.3f}" for value in values]
    return [" ".join(texts[i : i + _PER_LINE]) for i in range(0, len(texts), _PER_LINE)]


def _heading(name: str) -> str:
    return _HEADINGS.get(name, name.replace("_", " "))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if isinstance(value, Estimate):
        interval = "" if math.isnan(value.low) else f" [{value.low:.3f}, {value.high:.3f}]"
        return _cell(value.value) + interval
    if isinstance(value, float):
        if math.isnan(value):
            return "-"
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
    if isinstance(value, tuple | list):
        return " ".join(_cell(item) for item in value) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    return "-" if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return {
            "value": _plain(value.value), "low": _plain(value.low), "high": _plain(value.high),
            "windows": value.num_windows, "tunes": value.num_tunes,
        }  # fmt: skip
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
