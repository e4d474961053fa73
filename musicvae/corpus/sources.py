"""Where tunes come from: folders of a user's files, and public collections told by recipes.

A recipe is a JSON object: ``name``, ``reader`` (abc, musicxml or pop909), ``base`` and ``files`` (a glob
below that base), ``label`` (see `_label`), and per reader ``fields`` (ABC letters to rename), ``parts`` (a
pattern of part names) and ``track``. Its other entries (licence, origin ...) are for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.music.abc import read_abc_text, split_tunes, tune_fields
from musicvae.music.barlines import meter_changes
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.reading import FORMATS, file_format, read_score
from musicvae.music.score import KeyChange, Score, ScoreNote, Track

__all__ = ["SourceTune", "from_folders", "from_recipe", "normal_label", "read_pop909"]

_LABELS = {
    "reel": "reel", "hornpipe": "hornpipe", "jig": "jig", "double jig": "jig", "single jig": "jig", "slip jig": "slip-jig",
    "slipjig": "slip-jig", "strathspey": "strathspey", "clog": "clog", "air": "air", "highland fling": "highland-fling",
    "fling": "highland-fling", "waltz": "waltz", "walkaround": "walkaround", "slide": "slide", "march": "march", "polka": "polka",
    "gavotte": "gavotte", "quickstep": "quickstep", "quick step": "quickstep", "minuet": "minuet",
}  # fmt: skip
_IN_TITLE = re.compile(r"\b(reel|hornpipe|jig|strathspey|waltz|march|polka|minuet|quick ?step|gavotte)\b", re.IGNORECASE)


@dataclass(frozen=True)
class SourceTune:
    """A tune that can be read: `read` gives its score or raises ValueError. label: "" where none is known."""

    source: str
    tune_id: str
    label: str
    file: str
    read: Callable[[], Score]
    track: int | None = None


def normal_label(text: str) -> str:
    """A dance type as this library writes it ("Double Jig" is "jig"); "" for none or an unknown one."""
    return _LABELS.get(" ".join(text.lower().split()), "")


def from_folders(paths: Sequence[Path]) -> Iterator[SourceTune]:
    """Every music file in these files and folders, sorted; the label is the first folder below the given one."""
    suffixes = {s for group in FORMATS.values() for s in group}
    for base in paths:
        files = sorted(p for p in base.rglob("*") if p.is_file() and p.suffix.lower() in suffixes) if base.is_dir() else [base]
        for path in files:
            inside = path.relative_to(base) if base.is_dir() else Path(path.name)
            label = inside.parts[0] if len(inside.parts) > 1 else ""
            yield from _tunes_of_file(path, inside.as_posix(), base.name, label)


def _tunes_of_file(path: Path, name: str, source: str, label: str) -> Iterator[SourceTune]:
    try:
        tunes = len(split_tunes(path.read_text(encoding="utf-8", errors="replace"))) if file_format(path) == "ABC" else 1
    except (ValueError, OSError):
        tunes = 1  # reading it will say what is wrong
    for tune in range(max(1, tunes)):
        number = f"#{tune + 1}" if tunes > 1 else ""
        yield SourceTune(source, name + number, label, name, partial(read_score, path, tune=tune))


def from_recipe(recipe: Mapping[str, Any], base: Path) -> Iterator[SourceTune]:
    """The tunes that a recipe names below `base`; FileNotFoundError if there are none."""
    files = sorted(base.glob(recipe["files"]))
    if not files:
        raise FileNotFoundError(f"no file fits {recipe['files']!r} in {base}, where the recipe {recipe['name']!r} looks; see its origin")
    reader = {"abc": _abc_tunes, "musicxml": _musicxml_tunes, "pop909": _pop909_tunes}[recipe["reader"]]
    for path in files:
        yield from reader(recipe, path, path.relative_to(base).as_posix())


def _abc_tunes(recipe: Mapping[str, Any], path: Path, name: str) -> Iterator[SourceTune]:
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    for old, new in recipe.get("fields", {}).items():
        text = re.sub(rf"(?m)^{old}:", f"{new}:", text)
    for number, tune in enumerate(split_tunes(text), 1):
        fields = tune_fields(tune)
        title = fields.get("T", "")
        label = _label(recipe.get("label", {}), path.stem, fields.get("R", ""), title)
        tune_id = f"{recipe['name']}/{path.stem}#{number} {title}".strip()
        yield SourceTune(recipe["name"], tune_id, label, name, partial(read_abc_text, tune), recipe.get("track"))


def _label(rule: Mapping[str, Any], stem: str, field: str, title: str) -> str:
    """The label by a recipe's rule: ``fixed``, else ``stems`` (start of the file's name), else the R: field, else the title."""
    if "fixed" in rule:
        return str(rule["fixed"])
    for start, label in rule.get("stems", {}).items():
        if stem.startswith(start):
            return str(label)
    if label := normal_label(field):
        return label
    match = _IN_TITLE.search(title)
    return normal_label(match[1]) if match else ""


def _musicxml_tunes(recipe: Mapping[str, Any], path: Path, name: str) -> Iterator[SourceTune]:
    from musicvae.music.musicxml import read_musicxml

    pattern = re.compile(recipe["parts"], re.IGNORECASE)
    read = partial(read_musicxml, path, parts=lambda part: bool(pattern.search(part)))
    label = _label(recipe.get("label", {}), path.stem, "", "")
    yield SourceTune(recipe["name"], f"{recipe['name']}/{path.stem} {path.parent.name}", label, name, read, 1)


def _pop909_tunes(recipe: Mapping[str, Any], path: Path, name: str) -> Iterator[SourceTune]:
    label = _label(recipe.get("label", {}), path.stem, "", "")
    yield SourceTune(recipe["name"], f"{recipe['name']}/{path.stem}", label, name, lambda: read_pop909(path))


def read_pop909(path: Path) -> Score:
    """The MELODY track of a POP909 song, its onsets moved onto the beats of ``beat_midi.txt``.

    The second column of that file marks the first of every two beats (of three in triple meter), the
    third the bars of 4/4. A bar in triple meter is one of 3/4. Key from ``key_audio.txt``.
    """
    score = read_score(path)
    melody = next((t for t in score.tracks if t.name.strip().upper() == "MELODY" and t.notes), None)
    if melody is None:
        raise ValueError("no MELODY track with notes in it")
    table = np.loadtxt(path.parent / "beat_midi.txt", ndmin=2)
    seconds, halves, bars = table[:, 0], table[:, 1] > 0, table[:, 2] > 0
    triple = _usual_distance(halves) == 3
    meter = Meter(3, 4) if triple else Meter(4, 4)
    onset = np.array([n.onset_ticks for n in melody.notes], dtype=float)
    end = np.array([n.onset_ticks + n.duration_ticks for n in melody.notes], dtype=float)
    onset_beats, end_beats = (_beats(_seconds(score, ticks), seconds) for ticks in (onset, end))
    ticks_per_beat = 480
    notes = tuple(
        ScoreNote(round(a * ticks_per_beat), n.pitch, max(0, round((b - a) * ticks_per_beat)), n.velocity)
        for n, a, b in zip(melody.notes, onset_beats, end_beats, strict=True)
        if a >= -0.1
    )
    starts = [(int(beat) * ticks_per_beat, meter) for beat in np.flatnonzero(halves if triple else bars)]
    last = max((n.onset_ticks + n.duration_ticks for n in notes), default=0)
    starts = [s for s in starts if s[0] < last]
    meters, moved = meter_changes(starts, last, ticks_per_beat)
    keys = _pop909_keys(path.parent / "key_audio.txt", seconds, ticks_per_beat)
    losses = {"bar lines off the grid": moved, "notes before the first beat": len(melody.notes) - len(notes)}
    track = Track(tuple(sorted(notes)), "MELODY", melody.program)
    return Score(ticks_per_beat, (track,), score.tempi[:1], meters, keys, path.stem, (), {k: v for k, v in losses.items() if v})


def _usual_distance(marks: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    gaps = np.diff(np.flatnonzero(marks))
    return int(np.bincount(gaps).argmax()) if len(gaps) else 0


def _seconds(score: Score, ticks: Any) -> Any:
    """Seconds at these ticks by the tempo map."""
    tempi = [(t.tick, t.qpm) for t in score.tempi if t.qpm > 0]
    if not tempi or tempi[0][0] > 0:
        tempi.insert(0, (0, 120.0))
    knots = np.array([tick for tick, _ in tempi], dtype=float)
    rates = np.array([60 / (qpm * score.ticks_per_beat) for _, qpm in tempi])
    at_knots = np.concatenate([[0.0], np.cumsum(np.diff(knots) * rates[:-1])])
    index = np.clip(np.searchsorted(knots, ticks, side="right") - 1, 0, None)
    return at_knots[index] + (ticks - knots[index]) * rates[index]


def _beats(at: Any, beat_seconds: Any) -> Any:
    """Positions in beats of times; before the first and after the last beat the nearest beat's length goes on."""
    index = np.clip(np.searchsorted(beat_seconds, at, side="right") - 1, 0, len(beat_seconds) - 2)
    return index + (at - beat_seconds[index]) / np.maximum(1e-6, np.diff(beat_seconds)[index])


def _pop909_keys(path: Path, beat_seconds: Any, ticks_per_beat: int) -> tuple[KeyChange, ...]:
    changes: dict[int, Key] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        columns = line.split("\t")
        if len(columns) == 3:
            tonic, _, mode = columns[2].strip().partition(":")
            tick = max(0, round(float(_beats(np.array([float(columns[0])]), beat_seconds)[0]) * ticks_per_beat))
            changes[tick] = Key.parse(f"{tonic} {mode}")
    return tuple(KeyChange(tick, key) for tick, key in sorted(changes.items()))
