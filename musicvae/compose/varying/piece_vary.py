"""Graded neighbours of a piece of drums, a trio or a performance.

As `compose.varying.vary`, with what those networks allow: a variation lies on the way from mu to a new idea from the prior, bars
that are the same stay the same (in a trio each part by itself), and how far to go is searched. What the code forgets is carried
along lane by lane, as told in `compose.pieces.styling`: what the network plays alike at mu and on the way stays as it is in the
piece. Distance is the share of hits and notes (of a performance: events) that are not in both, 1 - F1 over all lanes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.latent import between
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.coding import decode_windows, encode, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import window_guides
from musicvae.compose.pieces.styling import carried_over
from musicvae.compose.pieces.windows import join_columns
from musicvae.compose.seeds import window_seed
from musicvae.compose.varying.form import with_returns
from musicvae.compose.varying.results import Variations
from musicvae.compose.varying.strides import Way, distinct_ways, few_notices, places_for, reach_notices
from musicvae.music.performance import NOTHING
from musicvae.music.piece import VOICES, Piece
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, canonical_tokens

__all__ = ["note_share", "refuse_fillers", "vary_piece"]

Array = NDArray[Any]


def vary_piece(
    engine: PieceEngine,
    piece: Piece,
    amounts: Sequence[float],
    n: int = 1,
    *,
    seed: int = 0,
    refine: int = 0,
    provenance: Mapping[str, Any] | None = None,
) -> Variations[Piece]:
    """`n` ways away from a piece, on each of them a variation for each of the amounts; seeds and provenance as `varying.vary`.

    ValueError for a network that plays given hits or fills in what it is not shown: it has nothing of its own to vary.
    """
    refuse_fillers(engine)
    ground = _Ground.of(engine, piece, encode(engine, piece, refine=refine))
    ways, repeated = distinct_ways(lambda seeds: ground.ways(seeds, amounts), n, seed, any(amounts))
    found = [(way.seed, amount, step) for way in ways for amount, step in zip(amounts, way.steps, strict=True)]
    pieces = tuple(
        piece_of(
            engine, {**piece.columns, **columns}, tempo_qpm=piece.tempo_qpm, name=piece.name, key=piece.key,
            provenance={**(provenance or {}), "seed": own, "amount": amount},
        )
        for own, amount, (columns, _) in found
    )  # fmt: skip
    distances, asked = tuple(distance for _, _, (_, distance) in found), tuple(amount for _, amount, _ in found)
    return Variations(pieces, (*ground.code.notices, *few_notices(repeated), *reach_notices(asked, distances)), asked, distances)


def refuse_fillers(engine: PieceEngine) -> None:
    """ValueError for a network that plays what it is given instead of making something of its own."""
    if engine.fills_in or engine.guide in ("hits", "taps"):
        raise ValueError(f"{engine.title} plays what it is given: vary the beat with a model that makes beats, such as 'drums'")


def note_share(a: Columns, b: Columns, material: str) -> float:
    """Share of hits and notes of two pieces of one length that are not in both, in [0, 1]; 0 where neither has any."""
    common = total = 0
    for name in ("bars", "bass", "drums"):
        if name in a:
            mine, theirs, both = _counts(a[name], b[name], name in VOICES.get(material, ()))
            common, total = common + both, total + mine + theirs
    return 1 - 2 * common / total if total else 0.0


def _counts(a: Array, b: Array, tokens: bool) -> tuple[int, int, int]:
    """How many notes, hits or events are in a, in b, and in both."""
    if a.dtype == np.uint64:
        return _bits(a), _bits(b), _bits(a & b)
    if tokens:
        return int((a >= FIRST_PITCH_TOKEN).sum()), int((b >= FIRST_PITCH_TOKEN).sum()), int(((a == b) & (a >= FIRST_PITCH_TOKEN)).sum())
    ours, theirs = a > max(NOTHING, 0), b > max(NOTHING, 0)
    same = (a == b) if a.dtype == np.int16 else theirs  # of a groove the hits
    return int(ours.sum()), int(theirs.sum()), int((ours & same).sum())


def _bits(hits: Array) -> int:
    return int(np.unpackbits(np.ascontiguousarray(hits).view(np.uint8)).sum())


@dataclass(frozen=True)
class _Ground:
    """The piece that is varied, as the engine knows it: its own columns, and what the network plays at mu."""

    engine: PieceEngine
    own: Columns
    code: PieceCode
    before: Columns

    @cached_property
    def origins(self) -> list[int]:
        """For each bar the first one that is the same in all parts."""
        return self._origins(tuple(self.own))

    @cached_property
    def returns(self) -> dict[str, list[int]]:
        """For each column and bar the first one that is the same in that part; velocity and timing of a groove go together."""
        together = tuple(self.own) if self.code.material == "groove" else ()
        return {name: self._origins(together or (name,)) for name in self.own}

    def _origins(self, names: Sequence[str]) -> list[int]:
        first: dict[bytes, int] = {}
        own = {name: self.own[name] for name in names}
        return [first.setdefault(_like(own, bar, self.code.material), bar) for bar in range(self.code.num_bars)]

    @classmethod
    def of(cls, engine: PieceEngine, piece: Piece, code: PieceCode) -> _Ground:
        names = [name for name in ("bars", "bass", "drums", "offsets") if name in piece.columns]
        own = {name: piece.columns[name] for name in names}
        return cls(engine, own, code, _joined(engine, code, [code.mu])[0])

    def ways(self, seeds: Sequence[int], amounts: Sequence[float]) -> list[Way[dict[str, Array]]]:
        """For each seed what it comes to at each amount."""
        ideas = [self.ideas(own) for own in seeds]
        seen: dict[tuple[int, float], dict[str, Array]] = {(way, 0.0): dict(self.own) for way in range(len(seeds))}

        def measured(asked: Sequence[tuple[int, float]]) -> list[float]:
            decoded = self.at([ideas[way] for way, _ in asked], [t for _, t in asked])
            seen.update(zip(asked, decoded, strict=True))
            return [note_share(self.own, columns, self.code.material) for columns in decoded]

        places = places_for(measured, len(seeds), amounts)
        chosen = [[seen[way, float(t)] for t in row] for way, row in enumerate(places)]
        return [
            Way(own, tuple((c, note_share(self.own, c, self.code.material)) for c in row)) for own, row in zip(seeds, chosen, strict=True)
        ]

    def at(self, ideas: Sequence[Floats], places: Sequence[float]) -> list[dict[str, Array]]:
        """The columns at each place on the way to each idea (W, Z)."""
        z = [
            np.stack([between(mu, new, t, "slerp") for mu, new in zip(self.code.mu, idea, strict=True)])
            for idea, t in zip(ideas, places, strict=True)
        ]
        moved = [carried_over(self.own, self.before, after, self.code.material) for after in _joined(self.engine, self.code, z)]
        return [self._returned(columns) for columns in moved]

    def ideas(self, seed: int) -> Floats:
        """An idea from the prior for each window, (W, Z); bars that are the same in the piece have one."""
        engine, windows = self.engine, self.code.windows
        guides = window_guides(self.code.guide, windows)
        ideas = np.zeros_like(self.code.mu)
        for w, window in enumerate(windows):
            told = {name: rows[None] for name, rows in guides[w].items()} if engine.guide and not engine.fixed_window else None
            ideas[w] = engine.sample_prior([window_seed(seed, w)], bars=window.read_bars, told=told)[0]
        if engine.fixed_window:
            return ideas
        for w, window in enumerate(windows):
            for bar in range(window.num_bars):
                origin = self.origins[window.start_bar + bar]
                first = next(i for i, other in enumerate(windows) if origin < other.start_bar + other.num_bars)
                ideas[w, _block(engine, bar)] = ideas[first, _block(engine, origin - windows[first].start_bar)]
        return ideas

    def _returned(self, columns: Columns) -> dict[str, Array]:
        """The columns with every bar that returns like the first one that is the same, part by part."""
        voices = VOICES.get(self.code.material, ())
        return {
            name: with_returns(column, self.own[name], self.returns[name]) if name in voices else column[self.returns[name]]
            for name, column in columns.items()
        }


def _like(own: Columns, bar: int, material: str) -> bytes:
    """What bars that are the same have in common."""
    voices = VOICES.get(material, ())
    rows = [canonical_tokens(column[bar][None]) if name in voices else column[bar] for name, column in own.items()]
    return b"".join(np.ascontiguousarray(row).tobytes() for row in rows)


def _joined(engine: PieceEngine, code: PieceCode, points: Sequence[Floats]) -> list[dict[str, Array]]:
    """What the network plays at each z (W, Z), greedily, as columns (B, ...)."""
    size = len(code.windows)
    guides = window_guides(code.guide, code.windows) * len(points)
    parts = decode_windows(engine, np.concatenate(points), code.windows * len(points), guides, temperature=0.0, seeds=[0] * len(guides))
    return [join_columns(parts[i : i + size], code.windows, code.material, code.held) for i in range(0, len(parts), size)]


def _block(engine: PieceEngine, bar: int) -> slice:
    """Where in z the numbers of a bar are."""
    end = engine.z_used(bar + 1)
    width = engine.z_used(2) - engine.z_used(1) if engine.bars > 1 else 0
    return slice(end - width, end)
