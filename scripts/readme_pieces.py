"""The short list of figures of drums, grooves and trios that README shows, from the JSON files beside the shipped models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["MODELS", "measured_pieces", "number", "table"]

MODELS = ("drums", "groove", "drumify", "trio")
Rows = list[dict[str, Any]]


def number(value: Any, digits: int = 3) -> str:
    """A figure, with its 95 % interval where it has one."""
    if isinstance(value, dict):
        low = "" if value["low"] is None else f" [{value['low']:.{digits}f}, {value['high']:.{digits}f}]"
        return number(value["value"], digits) + low
    return "-" if value is None else f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heading, ["---"] * len(heading), *rows])


def measured_pieces(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of those models that have figures, by name."""
    parts = [text for name, of_model in (("drums", _drums), ("groove", _groove), ("drumify", _drumify), ("trio", _trio))
             if name in figures for text in of_model(figures[name])]  # fmt: skip
    return "\n\n".join(parts)


def _rows(figures: Mapping[str, Any], section: str) -> Rows:
    return list(figures["sections"].get(section, {}).get("rows", []))


def _table(lead: str, rows: Rows, columns: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    """A sentence and a table of the fields asked for: their headings and digits; nothing without rows."""
    if rows:
        heading = [title for title, _ in columns.values()]
        yield f"{lead}\n\n" + table(heading, [[number(row[name], digits) for name, (_, digits) in columns.items()] for row in rows])


def _drums(figures: Mapping[str, Any]) -> Iterator[str]:
    columns = {
        "bars": ("bars", 0), "code": ("code", 0), "bits": ("KL bits", 0), "model_step_accuracy": ("step accuracy", 3),
        "linear_step_accuracy": ("linear code, same bits", 3), "model_f1": ("hit F1", 3), "linear_f1": ("linear code, same bits", 3),
    }  # fmt: skip
    lead = f"`drums` (`{figures['about']['hash']}`), beats back from the code, decoded greedily:"
    yield from _table(lead, _rows(figures, "gain"), columns)
    simple = [row for row in _rows(figures, "reconstruction") if row["bars"] == 2 and row["bits"] == 0]
    if simple:
        told = ", ".join(f"{row['code']} {number(row['step_accuracy'])} and {number(row['hit_f1'])}" for row in simple)
        yield f"Without any code, at 2 bars: {told}."
    names = {
        "style": ("style", 0), "named": ("at strength 1", 0), "twice": ("at strength 2", 0), "without_style": ("without a style", 0),
        "random_direction": ("random direction", 0), "chance": ("chance", 0), "held_out": ("held-out beats of the style", 0),
    }  # fmt: skip
    lead = "How many of 100 beats drawn for a style a judge, who learnt the styles from real beats, names as that style:"
    yield from _table(lead, _rows(figures, "styles"), names)


def _groove(figures: Mapping[str, Any]) -> Iterator[str]:
    rows = [row for row in _rows(figures, "groove") if row["temperature"] == 0]
    longest = max((row["bars"] for row in rows), default=0)
    columns = {
        "way": ("way of playing the hits", 0), "bits": ("KL bits", 0), "timing_ms": ("timing error, ms", 2),
        "velocity_error": ("velocity error, of 127", 1),
    }  # fmt: skip
    about = f"`groove` (`{figures['about']['hash']}`)"
    lead = f"{about}, held-out recordings played again from their hits and tempo, in windows of {longest} bars:"
    yield from _table(lead, [row for row in rows if row["bars"] == longest], columns)
    styles = {
        "style": ("style", 0), "hits": ("hits", 0), "quantised_ms": ("quantised, ms", 1), "regression_ms": ("regression, ms", 1),
        "humanised_ms": ("humanised, ms", 1), "gain_ms": ("gain over the better, ms", 1),
    }  # fmt: skip
    yield from _table("The same by style:", _rows(figures, "groove styles"), styles)


def _drumify(figures: Mapping[str, Any]) -> Iterator[str]:
    columns = {
        "way": ("way", 0), "decoding": ("decoding", 0), "bits": ("bits beside the taps", 0), "hit_f1": ("hit F1", 3),
        "step_accuracy": ("step accuracy", 3),
    }  # fmt: skip
    rows = [row for row in _rows(figures, "drumify") if row["bars"] == 2]
    yield from _table(f"`drumify` (`{figures['about']['hash']}`), 2 bars of held-out beats from their taps:", rows, columns)


def _trio(figures: Mapping[str, Any]) -> Iterator[str]:
    columns = {
        "source": ("trios", 0), "code": ("code", 0), "bits": ("KL bits", 0), "melody": ("melody", 3), "bass": ("bass", 3),
        "drums": ("drums", 3), "all_three": ("all three", 3),
    }  # fmt: skip
    rows = _rows(figures, "trios")
    longest = max((row["bars"] for row in rows), default=0)
    lead = f"`trio` (`{figures['about']['hash']}`), step accuracy of {longest} held-out bars back from the code, decoded greedily:"
    yield from _table(lead, [row for row in rows if row["bars"] == longest], columns)
