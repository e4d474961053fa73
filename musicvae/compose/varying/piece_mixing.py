"""Pieces of drums, trios or performances among several others: as `compose.varying.mixing` and `compose.varying.morphing` for melodies.

Where ends are "exact", what the network plays alike at a point and at the z of the nearest input stays as it is in that input, lane by
lane (`compose.pieces.styling`), so that a point with all its weight on one input is that input itself. Tempo is the weighted
mean (of its logarithm); name, key and what conditions the network come from the nearest input, of equals the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.blending import distance
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.coding import decode_windows, encode, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import at_tempo, window_guides, with_guide
from musicvae.compose.pieces.styling import carried_over
from musicvae.compose.pieces.windows import join_columns
from musicvae.compose.seeds import window_seed
from musicvae.compose.spacing import GRID, even_alphas
from musicvae.compose.varying.centres import centre
from musicvae.compose.varying.mixing import Manner, between_inputs, tempo_notices, tempo_of
from musicvae.compose.varying.morphing import seamed
from musicvae.compose.varying.plans import Point, morph_points, nearest
from musicvae.compose.varying.results import Blends
from musicvae.compose.varying.together import letter, pieces_together
from musicvae.music.piece import VOICES, Piece

__all__ = ["PieceGround", "morph_pieces", "piece_blends_at", "piece_ground_of"]

Array = NDArray[Any]


@dataclass(frozen=True)
class PieceGround:
    """Pieces of one length, as the engine knows them. played: what it plays at the z of each, () where ends are decoded."""

    engine: PieceEngine
    inputs: tuple[Piece, ...]
    codes: tuple[PieceCode, ...]
    played: tuple[Columns, ...]
    manner: Manner
    notices: tuple[str, ...]

    def columns(self, points: Sequence[Point], temperature: float, home: int | None = None) -> list[dict[str, Array]]:
        """The columns (B, ...) at each point; home: the input that all go by, default each one's nearest."""
        windows, seed = self.codes[0].windows, self.manner.seed
        homes = [nearest(point.in_order) if home is None else home for point in points]
        z = [centre([own.mu[w] for own in self.codes], p.in_latent, self.manner.method) for p in points for w in range(len(windows))]
        seeds = [window_seed(seed, w) for w in range(len(windows))] * len(points)
        guides = [told for p, h in zip(points, homes, strict=True) for told in window_guides(self.guide(p, h), windows)]
        parts = decode_windows(self.engine, np.stack(z), windows * len(points), guides, temperature=temperature, seeds=seeds)
        found = []
        for number, h in enumerate(homes):
            rows = parts[number * len(windows) : (number + 1) * len(windows)]
            after = join_columns(rows, windows, self.engine.material, self.codes[h].held)
            found.append(carried_over(self.inputs[h].columns, self.played[h], after, self.engine.material) if self.played else after)
        return found

    def guide(self, point: Point, home: int) -> Columns:
        """What the network is told at a point, at the tempo there."""
        told = self.codes[home].guide
        if not self.engine.hears_tempo:
            return told
        return at_tempo(told, tempo_of([own.tempo_qpm for own in self.inputs], point.in_order), self.codes[home].num_bars)

    def even(self, start: int, end: int, steps: int) -> tuple[float, ...]:
        """A `plans.Evener`, by the greedy decodings on the way from one input to another."""
        if steps == 2 or self.manner.spacing == "latent":
            return tuple(np.linspace(0, 1, steps).tolist())
        grid = np.linspace(0, 1, GRID * (steps - 1) + 1)
        found = self.columns([between_inputs(start, end, float(alpha), len(self.inputs)) for alpha in grid], 0.0)
        to_start, to_end = (np.array([distance(x, found[i], self.engine.material) for x in found]) for i in (0, -1))
        return even_alphas(to_start, to_end, steps)

    def piece(self, columns: Columns, point: Point, **facts: Any) -> Piece:
        """The piece at a point, dressed as this module's head says."""
        home = nearest(point.in_order)
        tempo_qpm = tempo_of([own.tempo_qpm for own in self.inputs], point.in_order)
        dress: dict[str, Any] = {"name": self.inputs[home].name, "key": self.inputs[home].key, "tempo_qpm": tempo_qpm}
        return piece_of(self.engine, with_guide(self.engine, columns, self.guide(point, home)), **{**dress, **facts})


def piece_ground_of(engine: PieceEngine, pieces: Sequence[Piece], manner: Manner) -> PieceGround:
    """The pieces brought to one length and encoded. ValueError as `Manner.check`, and for keys and meters, which are those of melodies."""
    manner.check(len(pieces))
    if manner.meters != "map" or manner.keys != "switch":
        raise ValueError(f"{engine.title} knows one meter and no keys: leave meters={manner.meters!r} and keys={manner.keys!r} out")
    inputs, notices = pieces_together(pieces, how=manner.alignment)
    codes = tuple(encode(engine, piece, refine=manner.refine) for piece in inputs)
    bare = PieceGround(engine, inputs, codes, (), manner, ())
    corners = [Point(*[tuple(float(i == k) for i in range(len(inputs)))] * 2) for k in range(len(inputs))]
    # The same noise as at the points, so that an end is the input at any temperature.
    played = tuple(bare.columns([p], manner.temperature)[0] for p in corners) if manner.ends == "exact" and not engine.fills_in else ()
    seen = [f"{letter(i)}: {text}" for i, code in enumerate(codes) for text in code.notices]
    return PieceGround(engine, inputs, codes, played, manner, (*notices, *seen))


def piece_blends_at(
    ground: PieceGround, points: Sequence[Point], *, columns: int = 1, provenance: Mapping[str, Any] | None = None
) -> Blends[Piece]:
    """The piece of each point."""
    found = ground.columns(points, ground.manner.temperature)
    pieces = tuple(
        ground.piece(rows, point, provenance={**(provenance or {}), "step": k + 1})
        for k, (rows, point) in enumerate(zip(found, points, strict=True))
    )
    told = (*ground.notices, *tempo_notices([piece.tempo_qpm for piece in ground.inputs]))
    return Blends(pieces, told, tuple(point.in_latent for point in points), ground.inputs, columns)


def morph_pieces(ground: PieceGround, rounds: int, *, provenance: Mapping[str, Any] | None = None) -> Blends[Piece]:
    """The one piece that goes from the first input to the last bar by bar, their bars being played `rounds` times."""
    bars = ground.inputs[0].num_bars
    points = morph_points(len(ground.inputs), rounds * bars, ground.even)
    places = [number % bars for number in range(len(points))]
    lines: list[dict[str, Array]] = []
    for start in range(0, len(points), bars):  # a round at a time bounds memory
        lines += ground.columns(points[start : start + bars], ground.manner.temperature)
    whole: dict[str, Array] = {}
    for name in lines[0]:
        rows = [line[name] for line in lines]
        tokens = name in VOICES.get(ground.engine.material, ())
        whole[name] = seamed(rows, places) if tokens else np.stack([row[place] for row, place in zip(rows, places, strict=True)])
    first, told = ground.inputs[0], {}
    if ground.engine.guide == "chords":
        guides = [ground.guide(point, nearest(point.in_order)) for point in points]
        told = {"chords": np.stack([guide["chords"][place] for guide, place in zip(guides, places, strict=True)])}
    piece = piece_of(
        ground.engine, {**whole, **told}, tempo_qpm=first.tempo_qpm, name=first.name, key=first.key, provenance=dict(provenance or {})
    )
    slower = any(own.tempo_qpm != first.tempo_qpm for own in ground.inputs)
    more = (f"the one piece keeps the tempo of A throughout: {round(first.tempo_qpm, 3):g}",) if slower else ()
    return Blends((piece,), (*ground.notices, *more), tuple(point.in_latent for point in points), ground.inputs)
