"""Humdrum ``**kern`` files into scores, through music21 (`music.written`).

Conventions: ticks as in `music.score`, 480 a beat. Names, tempo and chord symbols (``**mxhm``), which
music21 passes over, are read here. Spines count from 0, left to right, as they stand at the exclusive interpretation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from musicvae.music.chords import Chord, symbol_of_kind
from musicvae.music.score import Score
from musicvae.music.tunebook import decode_abc
from musicvae.music.written import insert_chords, parse, tempi_of, to_score, with_repeats

__all__ = ["read_kern", "read_kern_text"]

_MAX_BYTES = 16 * 2**20
_MAX_SPINES = 128
_RECIPROCAL = re.compile(r"(\d+)(?:%(\d+))?(\.*)")
# A length or the sign of a grace note, and a pitch or a rest.
_NOTE = re.compile(r"^(?=.*(?:\d|q|Q))(?=.*(?:([a-gA-G])\1*|r))")
_RECORD = re.compile(r"^!!!(OTL|COM)[^:]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def read_kern(path: str | Path) -> Score:
    """The kern spines of a Humdrum file as parts, highest first; ValueError as in `read_kern_text`."""
    path = Path(path)
    if (size := path.stat().st_size) > _MAX_BYTES:
        raise ValueError(f"{path.name} has {size} bytes; at most {_MAX_BYTES} are read")
    return read_kern_text(decode_abc(path.read_bytes()), path.name)


def read_kern_text(text: str, name: str = "this text") -> Score:
    """A Humdrum text: first voice of each kern spine, ties joined, repeat signs written out.

    Title and composer are in the score and its texts (``T:``, ``C:``). Orders of sections (``*>[A,A,B]``) are not
    followed, and counted; nor are harmonies by degree (``**harm``). ValueError, with `name`, for what has no kern spine, does not
    keep its spines in order, or has no notes.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    losses: Counter[str] = Counter()
    spines = _Spines(name)
    chords: list[Chord | None] = []
    offsets: list[tuple[float, int]] = []
    for beats, symbol in spines.read(text):
        chord, known = _chord(symbol)
        losses["chord symbols not known"] += not known
        offsets.append((beats, len(chords)))
        chords.append(chord)
    text = "\n".join(spines.lines)
    losses["tokens that are no notes"] += spines.strange
    losses["orders of sections not followed"] += spines.orders
    losses["harmonies by degree not read"] += spines.degrees
    score = parse(text, "humdrum", name)
    if not len(score.parts):
        raise ValueError(f"{name} has no notes")
    insert_chords(score, offsets)
    if re.search(r"(?m)^=[^\t\n]*:", text):
        score = with_repeats(score, losses)
    records = _RECORD.findall(text)
    titles = [value for record, value in records if record == "OTL" and value]
    texts = tuple(f"{ {'OTL': 'T', 'COM': 'C'}[record] }:{value}" for record, value in records if value)
    tempi = tempi_of(re.findall(r"\*MM(\d+(?:\.\d+)?)", text))
    return to_score(
        score, losses, name=name, title=titles[0] if titles else "", texts=texts, chords=chords, tempi=tempi, part_name=spines.name_of
    )


def _chord(symbol: str) -> tuple[Chord | None, bool]:
    """The chord of a symbol such as ``C minor-seventh``, ``E-:min7`` or ``Cm7``, and whether it is known."""
    symbol = re.sub(r"\b([A-G])-(?=[ :/]|$)", r"\1b", symbol)
    root, _, rest = symbol.partition(" ")
    kind, slash, bass = rest.partition("/")
    try:
        return Chord.parse(f"{root}{symbol_of_kind(kind)}{slash}{bass}" if kind else symbol), True
    except ValueError:
        return None, False


@dataclass
class _Spines:
    """A walk through the lines of a Humdrum file that keeps the time of each spine.

    orders, degrees, strange: orders of sections, spines of harmonies by degree, and tokens that are no notes, met so far. lines: the
    file for music21, which would complain of such tokens on the terminal.
    """

    name: str
    orders: int = 0
    degrees: int = 0
    strange: int = 0
    lines: list[str] = field(default_factory=list)
    _begun: bool = False
    _kinds: list[str] = field(default_factory=list)
    _origin: list[int] = field(default_factory=list)
    _until: list[Fraction] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)

    def name_of(self, part: Any) -> str:
        """The name of a music21 part: that of its spine, else of its instrument."""
        match = re.fullmatch(r"spine_(\d+)", str(part.id))
        return self._names.get(int(match[1]) if match else -1) or str(part.partName or "")

    def read(self, text: str) -> Iterator[tuple[float, str]]:
        """(beats, symbol) of every chord symbol; ValueError where the spines are in disorder."""
        for number, line in enumerate(text.split("\n"), 1):
            self.lines.append(line)
            if not line or line.startswith("!!"):
                continue
            tokens = line.split("\t")
            if line.startswith("**"):
                self._begin(tokens)
                continue
            if not self._kinds:
                raise ValueError(f"{self.name} is no kern: line {number} comes before the line that begins with **kern")
            if len(tokens) != len(self._kinds):
                raise ValueError(
                    f"{self.name}: line {number} has {len(tokens)} columns where its spines are {len(self._kinds)}: are its tabs intact?"
                )
            if line.startswith("*"):
                self._interpret(tokens, number)
            elif line.startswith("!"):
                self._comment(tokens)
            elif not line.startswith("="):
                yield from self._data(tokens)
        if not self._begun:
            raise ValueError(f"{self.name} is no kern: it has no line that begins with **kern")

    def _begin(self, tokens: list[str]) -> None:
        if self._begun:
            raise ValueError(f"{self.name} begins its spines twice; a kern file holds one piece")
        if "**kern" not in tokens:
            raise ValueError(f"{self.name} is no kern: its spines are {', '.join(tokens[:8])}")
        self._begun = True
        # music21 stumbles over other spines; it shall not look into them.
        self.lines[-1] = "\t".join(kind if kind == "**kern" else "**other" for kind in tokens)
        self._kinds, self._origin = list(tokens), list(range(len(tokens)))
        self._until = [Fraction(0)] * len(tokens)
        self.degrees = sum(kind in ("**harm", "**rhrm") for kind in tokens)

    def _comment(self, tokens: list[str]) -> None:
        for spine, token in zip(self._origin, tokens, strict=True):
            if token.startswith("!") and token[1:].strip() and not any(self._until):
                self._names.setdefault(spine, token[1:].strip())

    def _interpret(self, tokens: list[str], number: int) -> None:
        self.orders += tokens[0].startswith("*>[")
        for spine, token in zip(self._origin, tokens, strict=True):
            if token.startswith('*I"') and token[3:].strip():
                self._names[spine] = token[3:].strip()
        if not any(token in ("*^", "*v", "*x", "*+", "*-") for token in tokens):
            return
        spines = list(zip(self._kinds, self._origin, self._until, strict=True))
        exchanged = [i for i, token in enumerate(tokens) if token == "*x"]
        if len(exchanged) == 2:
            first, second = exchanged
            spines[first], spines[second] = spines[second], spines[first]
        kept: list[tuple[str, int, Fraction]] = []
        for i, (state, token) in enumerate(zip(spines, tokens, strict=True)):
            if token == "*-" or (token == "*v" and i and tokens[i - 1] == "*v" and spines[i - 1][1] == state[1]):
                continue
            kept += [state] * (2 if token == "*^" else 1)
            if token == "*+":
                kept.append(("**", -1, state[2]))
        if len(kept) > _MAX_SPINES:
            raise ValueError(f"{self.name}: line {number} makes {len(kept)} spines; at most {_MAX_SPINES} are read")
        self._kinds, self._origin, self._until = [s[0] for s in kept], [s[1] for s in kept], [s[2] for s in kept]

    def _data(self, tokens: list[str]) -> Iterator[tuple[float, str]]:
        is_kern = [kind == "**kern" for kind in self._kinds]
        # A line lies where the first notes end that were sounding; without kern spines left, nowhere new.
        now = min((until for until, kern in zip(self._until, is_kern, strict=True) if kern), default=Fraction(0))
        for i, token in enumerate(tokens):
            if token == ".":
                continue
            if is_kern[i] and not all(_NOTE.search(note) for note in token.split(" ")):
                self.strange += 1
                self.lines[-1] = "\t".join([*tokens[:i], ".", *tokens[i + 1 :]])
                tokens[i] = "."
            elif is_kern[i]:
                self._until[i] = now + _beats(token)
            elif self._kinds[i] == "**mxhm":
                yield float(now), token.strip()


def _beats(token: str) -> Fraction:
    """Length in quarter notes of a kern token: a note, rest, chord, or grace note (0)."""
    match = _RECIPROCAL.search(token.split(" ")[0])
    if match is None or "q" in token:
        return Fraction(0)
    # 0 is a breve, 00 a long; 3%2 is two thirds of a whole note.
    whole = Fraction(2 ** len(match[1])) if not int(match[1]) else Fraction(int(match[2] or 1), int(match[1]))
    return 4 * whole * (2 - Fraction(1, 2 ** len(match[3])))
