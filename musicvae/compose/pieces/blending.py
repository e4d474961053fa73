"""The way from one piece of drums, a groove, a trio or a performance to another.

Conventions: a blend has K pieces at positions k / (K - 1), k = 0 .. K - 1; its alphas say how far along the latent way each
lies. The ends are taken at the encoder's mean, and all pieces share the same noise. Tempo moves evenly (in its logarithm);
name, key and what conditions the network (chords, hits) come from the nearer input, in the very middle from B.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.alignment import ALIGNMENTS
from musicvae.compose.blending import METHODS, SPACINGS
from musicvae.compose.engine import Floats
from musicvae.compose.latent import between
from musicvae.compose.learning import Tell
from musicvae.compose.limits import check_choice, check_steps, check_temperature
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.coding import decode_windows, encode, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import at_tempo, window_guides, with_guide
from musicvae.compose.pieces.windows import join_columns
from musicvae.compose.seeds import window_seed
from musicvae.compose.spacing import GRID, even_alphas
from musicvae.music.meter import counted_bars
from musicvae.music.piece import Piece

__all__ = ["PieceBlend", "align_pieces", "blend_pieces", "distance"]


@dataclass(frozen=True, eq=False)
class PieceBlend(Sequence[Piece]):
    """The pieces on the way from A to B, ends included, as a sequence.

    notices: what was chosen and lost. alphas: how far along the latent way each piece lies, in [0, 1]. inputs: the two
    pieces as they were blended, of one length.
    """

    pieces: tuple[Piece, ...]
    notices: tuple[str, ...]
    alphas: tuple[float, ...]
    inputs: tuple[Piece, Piece]

    def __len__(self) -> int:
        return len(self.pieces)

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        return self.pieces[index]

    def __iter__(self) -> Iterator[Piece]:
        return iter(self.pieces)


@dataclass(frozen=True, eq=False)
class _Way:
    """Both ends in z, and how to decode points between. guide: for all points, or None for that of the nearer end."""

    engine: PieceEngine
    ends: tuple[PieceCode, PieceCode]
    method: str
    seed: int
    guide: Columns | None = field(default=None)
    tell: Tell = field(default=lambda text: None)

    def guide_at(self, position: float) -> Columns:
        """What the network is told at a position, at the tempo that the blend has there."""
        guide = self.ends[position >= 0.5].guide if self.guide is None else self.guide
        if not self.engine.hears_tempo:
            return guide
        return at_tempo(guide, _tempo(self.ends[0].tempo_qpm, self.ends[1].tempo_qpm, position), self.ends[0].num_bars)

    def columns(
        self, alphas: Sequence[float], positions: Sequence[float], temperature: float, what: str = "steps"
    ) -> list[dict[str, NDArray[Any]]]:  # fmt: skip
        """The joined columns (B, ...) at each alpha, guided by its position; what: what they are called as they are told."""
        a, b = self.ends
        windows = a.windows
        z = np.stack([between(a.mu[w], b.mu[w], alpha, self.method) for alpha in alphas for w in range(len(windows))])
        seeds = [window_seed(self.seed, w) for w in range(len(windows))] * len(alphas)
        guides = [told for position in positions for told in window_guides(self.guide_at(position), windows)]
        left = total = sum(window.read_bars for window in windows) * len(alphas)

        def done(bars: int) -> None:
            nonlocal left
            left -= bars
            self.tell(f"{what}: {total - left} of {total} bars")

        parts = decode_windows(self.engine, z, windows * len(alphas), guides, temperature=temperature, seeds=seeds, done=done)
        joined = []
        for point, position in enumerate(positions):
            rows = slice(point * len(windows), (point + 1) * len(windows))
            held = self.ends[position >= 0.5].held
            joined.append(join_columns(parts[rows], windows, a.material, held))
        return joined


def blend_pieces(
    engine: PieceEngine,
    a: Piece,
    b: Piece,
    steps: int = 9,
    *,
    method: str = "slerp",
    temperature: float = 0.0,
    seed: int = 0,
    alignment: str = "repeat",
    spacing: str = "even",
    refine: int = 0,
    guide: Columns | None = None,
    provenance: Mapping[str, Any] | None = None,
    tell: Tell = lambda text: None,
) -> PieceBlend:
    """Blend two pieces in `steps` pieces, both reconstructions included.

    method: of `compose.blending.METHODS`. alignment: of `align_pieces`. spacing: "latent" takes even alphas; "even" decodes a grid
    four times finer at temperature 0 and takes those whose share of the `distance` comes nearest to even. refine:
    gradient steps on the ends. guide: what the network is told throughout, (bars, ...) of the longer one (of the
    shorter with "trim"). tell: hears how far it is. ValueError for options that do not exist.
    """
    for what, value, allowed in (("method", method, METHODS), ("spacing", spacing, SPACINGS)):
        check_choice(what, value, allowed)
    check_steps(steps)
    check_temperature(temperature)
    a, b, notices = align_pieces(a, b, how=alignment)
    ends = (encode(engine, a, refine=refine), encode(engine, b, refine=refine))
    way = _Way(engine, ends, method, seed, guide, tell)
    alphas = _even(way, steps) if spacing == "even" else tuple(np.linspace(0, 1, steps).tolist())
    positions = [k / (steps - 1) for k in range(steps)]
    pieces = []
    for k, (columns, position) in enumerate(zip(way.columns(alphas, positions, temperature), positions, strict=True)):
        nearer = (a, b)[position >= 0.5]
        pieces.append(piece_of(
            engine, with_guide(engine, columns, way.guide_at(position)), tempo_qpm=_tempo(a.tempo_qpm, b.tempo_qpm, position),
            name=nearer.name, key=nearer.key, provenance={**(provenance or {}), "step": k + 1},
        ))  # fmt: skip
    if a.tempo_qpm != b.tempo_qpm:
        notices = (*notices, f"the tempo moves from {round(a.tempo_qpm, 3):g} to {round(b.tempo_qpm, 3):g} quarter notes a minute")
    seen = dict.fromkeys((*ends[0].notices, *ends[1].notices))
    return PieceBlend(tuple(pieces), (*notices, *seen), alphas, (a, b))


def align_pieces(a: Piece, b: Piece, *, how: str = "repeat") -> tuple[Piece, Piece, tuple[str, ...]]:
    """Bring two pieces to one length, and what was done for it.

    "repeat" plays the shorter one again, its last round cut where it must be; "pad" fills it up with silence; "trim" cuts the longer.
    """
    check_choice("align", how, ALIGNMENTS)
    if a.num_bars == b.num_bars:
        return a, b, ()
    name, short, long = ("A", a, b) if a.num_bars < b.num_bars else ("B", b, a)
    total = long.num_bars
    if how == "trim":
        long, notice = long.cut(0, short.num_bars), f"both were cut to the {counted_bars(short.num_bars)} of {name}"
    elif how == "pad":
        notice = f"{name}, of {counted_bars(short.num_bars)}, was filled up with silence to {total}"
        short = short.cut(0, total)
    else:
        notice = f"{name}, of {counted_bars(short.num_bars)}, was repeated to fill {total}"
        short = Piece.joined([short] * -(-total // short.num_bars)).cut(0, total)
    return (short, long, (notice,)) if name == "A" else (long, short, (notice,))


def distance(a: Columns, b: Columns, material: str) -> float:
    """How far two pieces of one length are from one another.

    Drums: hits that one has and the other has not. Grooves: these, and the differences of velocity (in 127ths) and timing (in
    sixteenths) of the others. Melodies, basses and performances: events that differ.
    """
    if material == "groove":
        hit = (a["bars"] > 0, b["bars"] > 0)
        louder = np.abs(a["bars"].astype(float) - b["bars"]) / 127 + np.abs(a["offsets"].astype(float) - b["offsets"])
        return float(np.where(hit[0] & hit[1], louder, hit[0] != hit[1]).sum())
    total = 0
    for name in ("bars", "bass", "drums"):
        if name not in a:
            continue
        if a[name].dtype == np.uint64:
            total += int(np.unpackbits((a[name] ^ b[name]).view(np.uint8)).sum())
        else:
            total += int(np.count_nonzero(a[name] != b[name]))
    return float(total)


def _even(way: _Way, steps: int) -> tuple[float, ...]:
    """Alphas of `steps` points whose greedy decodings advance evenly from A to B."""
    if steps == 2:
        return (0.0, 1.0)
    grid = np.linspace(0, 1, GRID * (steps - 1) + 1).tolist()
    points = way.columns(grid, grid, 0.0, "finding even steps")
    to_a, to_b = (_distances(points, points[end], way.engine.material) for end in (0, -1))
    return even_alphas(to_a, to_b, steps)


def _distances(points: Sequence[Columns], end: Columns, material: str) -> Floats:
    return np.array([distance(point, end, material) for point in points], np.float64)


def _tempo(a_qpm: float, b_qpm: float, position: float) -> float:
    """The tempo at a position in [0, 1], even in its logarithm and exactly a's and b's at the ends."""
    if a_qpm == b_qpm or position in (0.0, 1.0):
        return b_qpm if position else a_qpm
    return float(a_qpm ** (1 - position) * b_qpm**position)
