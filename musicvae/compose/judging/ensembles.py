"""How likely drums and trios are under an own network of them, by part and bar, and which hits, notes and bars do not belong.

Bits are those of `judging.evidence`, of all parts together: what z costs is shared by them and counted apart. Which hits and notes would
be likelier otherwise, `judging.events` tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.judging.events.changes import WRONG_SHARE, doubts
from musicvae.compose.judging.events.corrections import PieceCorrection, found_corrections
from musicvae.compose.judging.events.odds import shipped_odds
from musicvae.compose.judging.evidence import SPAN
from musicvae.compose.judging.piece_yardstick import PIECE_STATISTICS, PieceYardstick
from musicvae.compose.judging.tails import smallest_of
from musicvae.compose.judging.verdict import Verdict
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
class EnsembleScore(Verdict):
    """How likely a piece of B bars is, in bits.

    events: how many notes and hits it has. parts: by name, (B,) bits of each bar given z; code: (B,) what z costs in each bar, and
    tune, what it costs besides. shared: (B,) bits a bar that the most foreign passage over it shares with the rest; NaN where the
    piece is too short to tell. doubts: the hits and notes that would be likelier otherwise, in order. chances: by statistic, the share of
    held-out pieces that are as odd. shared_limit: where bars begin to be odd.
    """

    piece: Piece
    events: int
    parts: Mapping[str, Floats]
    code: Floats
    tune: float
    shared: Floats
    doubts: tuple[PieceCorrection, ...] = ()
    chances: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.05
    shared_limit: float = float("-inf")
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

    @property
    def doubt_bits_per_event(self) -> float:
        """Bits for each note or hit by which others would be likelier; NaN where there is none."""
        return sum(item.bits for item in self.doubts) / self.events if self.events else float("nan")

    def odd_bars(self) -> list[int]:
        """Bars, from 1, that share less with the rest than they should."""
        return [bar + 1 for bar in np.flatnonzero(self.shared <= self.shared_limit).tolist()]

    def statistics(self) -> dict[str, float]:
        """By `PIECE_STATISTICS`, higher for odder pieces; NaN where there is too little to tell."""
        known = self.shared[~np.isnan(self.shared)]
        return {"events": self.doubt_bits_per_event, "passages": -float(known.min()) if len(known) else float("nan")}


def judge_piece(
    engine: PieceEngine, piece: Piece, yardstick: PieceYardstick | None = None, *, threshold: float = 0.05, places: bool = True
) -> EnsembleScore:
    """Score a piece, window by window. places: also which hits, notes and bars are odd.

    threshold: share of held-out pieces that may seem as odd. ValueError for a network that is none of this project's of drums or trios.
    """
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
        bars = len(window["bars"])
        shared.append(_shared(scoring, window, found.total[0]) if places else np.full(bars, np.nan))
    joined = {name: np.concatenate(bits) for name, bits in parts.items()}
    doubted = found_corrections(piece, lambda columns: doubts(shipped_odds(), columns, WRONG_SHARE)) if places else ()
    scored = EnsembleScore(piece, count_events(piece), joined, np.concatenate(code), tune, np.concatenate(shared), doubted)
    return scored if yardstick is None or not places else _set_against(scored, yardstick, threshold, len(shared))


def _set_against(score: EnsembleScore, yardstick: PieceYardstick, threshold: float, windows: int) -> EnsembleScore:
    """The score with the chances of its statistics; the most foreign passage is one of so many windows'."""
    bars, values = score.piece.num_bars, score.statistics()
    chances = {name: yardstick.chance(name, value, bars) for name, value in values.items()}
    chances["passages"] = smallest_of([chances["passages"]] * windows)
    limit = -yardstick.limit("passages", threshold / len(PIECE_STATISTICS) / windows, bars)
    return replace(score, chances=chances, threshold=threshold, shared_limit=limit)


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
