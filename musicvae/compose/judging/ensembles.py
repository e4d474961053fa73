"""How likely drums and trios are under an own network of them, by part and bar, and which bars do not belong.

Bits are those of `judging.evidence`, of all parts together: what z costs is shared by them and counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.judging.evidence import SPAN
from musicvae.compose.pieces.coding import readings_of, windows_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.music.converters.drum_hits import bits_of as hits_of
from musicvae.music.piece import Piece
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["EnsembleScore", "count_events", "judge_piece"]

_CLASSES = 64


class ScoringEngine(PieceEngine, Protocol):
    """An engine that tells how likely columns are."""

    def log_probs(self, columns: Columns, z: Floats) -> dict[str, Floats]:
        """Nats (N, B, 16) of each stream of the columns, given z (N, Z)."""
        ...

    def prior_log_probs(self, z: Floats, columns: Columns) -> Floats:
        """Nats (N, 1 + B) of the blocks of z (N, Z) under the prior."""
        ...


@dataclass(frozen=True, eq=False)
class EnsembleScore:
    """How likely a piece of B bars is, in bits.

    events: how many notes and hits it has. parts: by name, (B,) bits of each bar given z; code: (B,) what z costs in each bar, and
    tune, what it costs besides. shared: (B,) bits a bar that the most foreign passage over it shares with the rest; NaN where the
    piece is too short to tell.
    """

    piece: Piece
    events: int
    parts: Mapping[str, Floats]
    code: Floats
    tune: float
    shared: Floats
    notices: tuple[str, ...] = ()

    @property
    def bar_bits(self) -> Floats:
        """Bits (B,) of each bar, all parts and z together."""
        return np.asarray(self.code + np.sum(list(self.parts.values()), axis=0))

    @property
    def bits(self) -> float:
        """Bits of the whole."""
        return self.tune + float(self.bar_bits.sum())

    @property
    def bits_per_event(self) -> float:
        """Bits of the whole for each note or hit; NaN where there is none."""
        return self.bits / self.events if self.events else float("nan")


def judge_piece(engine: PieceEngine, piece: Piece) -> EnsembleScore:
    """Score a piece, window by window. ValueError for a network that is none of this project's of drums or trios."""
    if not hasattr(engine, "prior_log_probs") or engine.material not in ("drums", "trio") or engine.guide:
        raise ValueError(f"{engine.title} tells no likelihoods: models of melodies, drums and trios of this project do")
    scoring = cast(ScoringEngine, engine)
    parts: dict[str, list[Floats]] = {}
    code, shared, tune = [], [], 0.0
    for window in windows_of(engine, piece, readings_of(engine, piece.num_bars)):
        found = _evidence(scoring, [window])
        tune += float(found.tune[0])
        code.append(found.code[0])
        for name, bits in found.parts.items():
            parts.setdefault(name, []).append(bits[0])
        shared.append(_shared(scoring, window, found.total[0]))
    joined = {name: np.concatenate(bits) for name, bits in parts.items()}
    return EnsembleScore(piece, count_events(piece), joined, np.concatenate(code), tune, np.concatenate(shared))


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Bits of windows: tune (N,), code (N, B), parts (N, B) by name."""

    tune: Floats
    code: Floats
    parts: Mapping[str, Floats]

    @property
    def total(self) -> Floats:
        return np.asarray(self.tune + self.code.sum(axis=1) + sum(bits.sum(axis=1) for bits in self.parts.values()))


def _evidence(engine: ScoringEngine, windows: Sequence[Columns]) -> _Evidence:
    columns = {name: np.stack([window[name] for window in windows]) for name in windows[0]}
    bars = len(windows[0]["bars"])
    mu, sigma = engine.encode(columns)
    heard = {name: -nats.sum(axis=2) / np.log(2) for name, nats in engine.log_probs(columns, mu).items()}
    certain = np.log(sigma) + np.log(2 * np.pi) / 2
    used, first = engine.z_used(bars), int(cast(Any, engine.config).z_global)
    meant = engine.prior_log_probs(mu, columns)
    code = -(meant[:, 1:] + certain[:, first:used].reshape(len(mu), bars, -1).sum(axis=2)) / np.log(2)
    return _Evidence(-(meant[:, 0] + certain[:, :first].sum(axis=1)) / np.log(2), code, heard)


def _shared(engine: ScoringEngine, window: Columns, whole: float) -> Floats:
    """As `judging.evidence.shared_bits`, the least of the passages over each bar, (B,)."""
    bars = len(window["bars"])
    if bars < 2 * SPAN:
        return np.full(bars, np.nan)
    starts = range(bars - SPAN + 1)
    alone = [{name: rows[start : start + SPAN] for name, rows in window.items()} for start in starts]
    rest = [{name: np.concatenate([rows[:start], rows[start + SPAN :]]) for name, rows in window.items()} for start in starts]
    passages = (_evidence(engine, alone).total + _evidence(engine, rest).total - whole) / SPAN
    padded = np.pad(passages, SPAN - 1, constant_values=np.inf)
    return np.asarray(np.min([padded[start : start + bars] for start in range(SPAN)], axis=0))


def count_events(piece: Piece) -> int:
    """Notes and hits."""
    count = 0
    for name, column in piece.columns.items():
        if name in ("bars", "bass", "drums"):
            is_hits = np.asarray(column).dtype == np.uint64
            count += int(hits_of(np.asarray(column), _CLASSES).sum()) if is_hits else _onsets(np.asarray(column))
    return count


def _onsets(tokens: NDArray[Any]) -> int:
    return int((tokens >= FIRST_PITCH_TOKEN).sum())
