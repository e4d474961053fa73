"""Where a melody or a piece came from, as the text that our files carry.

Conventions: the text is ``musicvae`` and a space, then one line of JSON in ASCII, compact and with sorted names, so
that it is the same whenever the melody is. Beside what the melody carried, its entry ``"melody"`` has ``"bars"``
(written bars, of which the last may be silent) and, where known, ``"key"``, since MIDI knows no modes but two.
That of a piece has ``"piece"`` instead, with its material, drum map and the silent bars that the file begins with (``"lead_in"``) too.
What was made from other music names it under ``"inputs"``: see `inputs_of`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, Score

if TYPE_CHECKING:
    from musicvae.music.piece import Piece

__all__ = [
    "entry_of",
    "fingerprint",
    "inputs_of",
    "piece_facts",
    "piece_text",
    "provenance_of",
    "provenance_text",
    "story_text",
    "with_exact_key",
    "with_exact_length",
]

_MARK = "musicvae "
_MAX_BARS = 10_000
_FINGERPRINT_DIGITS = 12


def provenance_text(melody: Melody) -> str:
    """What `provenance_of` reads back, as one line of ASCII; ValueError for what JSON cannot hold."""
    facts: dict[str, Any] = {"bars": melody.num_bars}
    if melody.key is not None:
        facts["key"] = str(melody.key)
    return _text(melody.provenance, "melody", facts, melody.name)


def piece_text(piece: Piece, lead_in_bars: int) -> str:
    """What `provenance_of` reads back of a piece in a file that begins with so many silent bars; errors as `provenance_text`."""
    facts: dict[str, Any] = {"bars": piece.num_bars, "material": piece.material}
    if piece.material in ("drums", "groove", "trio"):
        facts["drum_map"] = piece.drum_map
    if lead_in_bars:
        facts["lead_in"] = lead_in_bars
    if piece.key is not None:
        facts["key"] = str(piece.key)
    return _text(piece.provenance, "piece", facts, piece.name)


def piece_facts(score: Score) -> Mapping[str, Any]:
    """What `piece_text` said of the piece in a file of ours; {} for any other file."""
    facts: Any = next((entry["piece"] for entry in provenance_of(score) if isinstance(entry.get("piece"), dict)), {})
    return facts if isinstance(facts, dict) else {}


def story_text(story: Mapping[str, Any]) -> str:
    """What `entry_of` reads back, as one line of ASCII; ValueError or TypeError for what JSON cannot hold."""
    return _MARK + json.dumps(dict(story), sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def _text(provenance: Mapping[str, Any], what: str, facts: Mapping[str, Any], name: str) -> str:
    try:
        return story_text({**provenance, what: facts})
    except (TypeError, ValueError) as error:
        raise ValueError(f"the provenance of {name!r} cannot be kept as JSON: {error}") from None


def _plain(value: Any) -> Any:
    """NumPy numbers and arrays as Python's, mappings as dictionaries, anything else as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)


def fingerprint(melody: Melody | Piece) -> str:
    """The first 12 hex digits of a SHA-256 over notes, meter, bars, tempo, key and program: the same for the same music."""
    if not isinstance(melody, Melody):
        return melody.fingerprint
    notes = [[int(n.pitch), int(n.onset_steps), int(n.duration_steps), int(n.velocity)] for n in melody.notes]
    key = None if melody.key is None else str(melody.key)
    facts = [notes, str(melody.meter), int(melody.num_bars), float(melody.tempo_qpm), key, int(melody.program)]
    return hashlib.sha256(json.dumps(facts).encode("ascii")).hexdigest()[:_FINGERPRINT_DIGITS]


def inputs_of(*melodies: Melody | Piece) -> list[dict[str, str]]:
    """What provenance says of the melodies or pieces that a result was made from: ``"name"`` and ``"fingerprint"`` of each."""
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
    """What our own files say of where they came from: one mapping a written melody or piece, in order; () for files of others."""
    return tuple(entry for entry in map(entry_of, score.texts) if entry is not None)


def with_exact_key(score: Score) -> Score:
    """Put back a mode that MIDI cannot say, unless the file's signature has been changed since."""
    first = next(iter(provenance_of(score)), {})
    entry = first.get("melody", first.get("piece"))
    try:
        key = Key.parse(entry["key"]) if isinstance(entry, dict) else None
    except (KeyError, TypeError, ValueError):
        key = None
    if key is None or not score.keys or score.keys[0].key.sharps != key.sharps:
        return score
    return replace(score, keys=(KeyChange(score.keys[0].tick, key), *score.keys[1:]))


def with_exact_length(score: Score) -> Score:
    """Put back bars that are silent at the end, which no note tells of."""
    facts = [entry.get("melody", entry.get("piece")) for entry in provenance_of(score)]
    stated = [fact.get("bars") for fact in facts if isinstance(fact, dict)]
    bars = max((b for b in stated if type(b) is int and 0 < b <= _MAX_BARS), default=0)
    if bars and type(lead_in := piece_facts(score).get("lead_in", 0)) is int:
        bars += min(max(lead_in, 0), _MAX_BARS)
    meter = score.meters[0].meter if score.meters else Meter(4, 4)
    return replace(score, length_ticks=round(bars * meter.beats_per_bar * score.ticks_per_beat))
