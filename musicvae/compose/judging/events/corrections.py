"""What sounds wrong in a beat or a trio, and what is better, by line, step and pitch; and the piece with it put right."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.events.changes import Change, changed
from musicvae.compose.judging.events.keys import canonical_shift, transposed_columns
from musicvae.compose.pieces.engine import Columns
from musicvae.music.piece import Piece, is_hits
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH

__all__ = ["LINES", "PieceCorrection", "corrected_columns", "found_corrections"]

LINES: Mapping[str, Mapping[str, str]] = {
    "drums": {"drums": "bars"},
    "trio": {"melody": "bars", "bass": "bass", "drums": "drums"},
}
"""Columns of the lines of a material, by their names."""


@dataclass(frozen=True)
class PieceCorrection:
    """A hit or note that sounds wrong, and what is better. line: "melody", "bass" or "drums".

    onset_steps: from the first bar; note: its MIDI pitch, of a hit its class of drums. better_steps: where it should be, None for
    nowhere; better_note: what it should be there. nats: by how much all is likelier then.
    """

    line: str
    onset_steps: int
    note: int
    better_steps: int | None
    better_note: int
    nats: float

    @property
    def bits(self) -> float:
        """By how many bits all is likelier with what is better."""
        return self.nats / math.log(2)


def corrected_columns(piece: Piece, found: Sequence[PieceCorrection]) -> dict[str, NDArray[Any]]:
    """The columns of the lines with the corrections made; ValueError for what is no correction of the piece."""
    columns = {name: np.array(piece.columns[name]) for name in LINES[piece.material].values()}
    changes = []
    for item in found:
        if not isinstance(item, PieceCorrection):
            raise ValueError(f"{item!r} is no correction: give some of those that propose_repairs returns")
        column = LINES[piece.material].get(item.line)
        change = None if column is None else _change(item, column, is_hits(columns[column]))
        if change is None or not 0 <= change.step < piece.num_steps or not _is_there(change, columns[change.column]):
            raise ValueError(f"the piece has nothing that the correction of {item.line} at step {item.onset_steps} is for: of another one?")
        changes.append(change)
    return changed(columns, changes)


def _is_there(change: Change, rows: NDArray[Any]) -> bool:
    token = int(rows.reshape(-1)[change.step])
    return bool(token >> change.value & 1) if is_hits(rows) else token == change.value


def _change(item: PieceCorrection, column: str, hits: bool) -> Change:
    to_token = 0 if hits else FIRST_PITCH_TOKEN - MIN_PITCH
    return Change(column, item.onset_steps, item.note + to_token, item.better_steps, item.better_note + to_token, item.nats)


def found_corrections(piece: Piece, find: Callable[[Columns], Sequence[Change]]) -> tuple[PieceCorrection, ...]:
    """What is told of the changes that `find` finds, in its order; it is given the lines in C major or its relative minor."""
    names = {column: line for line, column in LINES[piece.material].items()}
    own = {column: piece.columns[column] for column in names}
    shift = canonical_shift(own, piece.key)
    return tuple(_correction(change, names[change.column], shift) for change in find(transposed_columns(own, shift)))


def _correction(change: Change, line: str, shift: int) -> PieceCorrection:
    """What is told of a change of a piece that was moved by so many semitones."""
    to_pitch = 0 if line == "drums" else MIN_PITCH - FIRST_PITCH_TOKEN - shift
    value, better = change.value + to_pitch, change.better_value + to_pitch
    return PieceCorrection(line, change.step, value, change.better_step, better, change.nats)
