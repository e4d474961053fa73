"""Where a melody came from, as the text that our files carry.

Conventions: the text is ``musicvae`` and a space, then one line of JSON in ASCII, compact and with sorted names, so
that it is the same whenever the melody is. Beside what the melody carried, its entry ``"melody"`` has ``"bars"``
(written bars, of which the last may be silent) and, where known, ``"key"``, since MIDI knows no modes but two.
What was made from other melodies names them under ``"inputs"``: see `inputs_of`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, Score

__all__ = ["entry_of", "fingerprint", "inputs_of", "provenance_of", "provenance_text", "with_exact_key", "with_exact_length"]

_MARK = "musicvae "
_MAX_BARS = 10_000
_FINGERPRINT_DIGITS = 12


def provenance_text(melody: Melody) -> str:
    """What `provenance_of` reads back, as one line of ASCII; ValueError for what JSON cannot hold."""
    facts: dict[str, Any] = {"bars": melody.num_bars}
    if melody.key is not None:
        facts["key"] = str(melody.key)
    try:
        entry = {**melody.provenance, "melody": facts}
        return _MARK + json.dumps(entry, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the provenance of {melody.name!r} cannot be kept as JSON: {error}") from None


def _plain(value: Any) -> Any:
    """NumPy numbers and arrays as Python's, mappings as dictionaries, anything else as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)


def fingerprint(melody: Melody) -> str:
    """The first 12 hex digits of a SHA-256 over notes, meter, bars, tempo, key and program: the same for the same music."""
    notes = [[int(n.pitch), int(n.onset_steps), int(n.duration_steps), int(n.velocity)] for n in melody.notes]
    key = None if melody.key is None else str(melody.key)
    facts = [notes, str(melody.meter), int(melody.num_bars), float(melody.tempo_qpm), key, int(melody.program)]
    return hashlib.sha256(json.dumps(facts).encode("ascii")).hexdigest()[:_FINGERPRINT_DIGITS]


def inputs_of(*melodies: Melody) -> list[dict[str, str]]:
    """What provenance says of the melodies that a result was made from: ``"name"`` and ``"fingerprint"`` of each."""
    return [{"name": melody.name, "fingerprint": fingerprint(melody)} for melody in melodies]


def entry_of(text: str) -> Mapping[str, Any] | None:
    """What `provenance_text` wrote, or None for any other text."""
    if not text.startswith(_MARK):
        return None
    try:
        entry = json.loads(text[len(_MARK) :])
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def provenance_of(score: Score) -> tuple[Mapping[str, Any], ...]:
    """What our own files say of where they came from: one mapping a written melody, in order; () for files of others."""
    return tuple(entry for entry in map(entry_of, score.texts) if entry is not None)


def with_exact_key(score: Score) -> Score:
    """Put back a mode that MIDI cannot say, unless the file's signature has been changed since."""
    entry = next(iter(provenance_of(score)), {}).get("melody")
    try:
        key = Key.parse(entry["key"]) if isinstance(entry, dict) else None
    except (KeyError, TypeError, ValueError):
        key = None
    if key is None or not score.keys or score.keys[0].key.sharps != key.sharps:
        return score
    return replace(score, keys=(KeyChange(score.keys[0].tick, key), *score.keys[1:]))


def with_exact_length(score: Score) -> Score:
    """Put back bars that are silent at the end, which no note tells of."""
    stated = [entry["melody"].get("bars") for entry in provenance_of(score) if isinstance(entry.get("melody"), dict)]
    bars = max((b for b in stated if type(b) is int and 0 < b <= _MAX_BARS), default=0)
    meter = score.meters[0].meter if score.meters else Meter(4, 4)
    return replace(score, length_ticks=round(bars * meter.beats_per_bar * score.ticks_per_beat))
