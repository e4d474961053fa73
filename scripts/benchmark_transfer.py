"""How near a feel that is taken from a performance comes to the truth: half of a performance's hits are played by the feel of the others.

    python scripts/benchmark_transfer.py CORPUS [--model groove] [--split test] [--bars 8] [--share 0.6] [--seed 0]

CORPUS is one of grooves (scripts/build_pieces_corpora.py). Of one window of each recording a share of the hits is the performance; the
others are the pattern, whose own velocities and timing are known. Mean absolute errors over all hits, with 95 % bootstrap intervals over
recordings: of the expected feel (z = 0), the feel of the performance's code, and that with what the code misses given back.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from musicvae.cli.terminal import table
from musicvae.compose.grooving.feel import Played
from musicvae.compose.grooving.performance import likened
from musicvae.compose.model import load
from musicvae.compose.pieces.engine import BarEngine
from musicvae.corpus.store import Corpus
from musicvae.evaluate.metrics import bootstrap
from musicvae.evaluate.pieces.windows import PieceWindows, select_pieces
from musicvae.music.converters.drum_hits import hits_of

Floats = NDArray[np.float64]
STEPS_PER_MINUTE_MS = 60_000 / 4


def played(engine: BarEngine, z: Floats, struck: NDArray[np.bool_], tempo: Floats) -> Played:
    """Hits (N, B, 16, 9) as the network plays them from z (N, Z)."""
    told = {"hits": hits_of(struck), "tempo": tempo}
    found = engine.decode(z, bars=struck.shape[1], temperature=0.0, told=told)
    return Played(np.where(struck, found["bars"], 0.0).astype(np.float64), np.where(struck, found["offsets"], 0.0).astype(np.float64))


def feels(engine: BarEngine, windows: PieceWindows, share: float, seed: int) -> tuple[dict[str, Played], NDArray[np.bool_]]:
    """By the way they are played, the hits that are not in the performance, and which those are."""
    struck = windows.columns["bars"] > 0
    shown = struck & (np.random.default_rng(seed).random(struck.shape) < share)
    asked, tempo = struck & ~shown, windows.columns["tempo"].astype(np.float64)
    own = {"bars": np.where(shown, windows.columns["bars"], 0), "offsets": np.where(shown, windows.columns["offsets"], 0), "tempo": tempo}
    z = engine.encode(own)[0]
    feel, heard = played(engine, z, asked, tempo), played(engine, z, shown, tempo)
    back = [
        likened(Played(feel.velocity[n], feel.offset[n]), Played(heard.velocity[n], heard.offset[n]), {k: v[n] for k, v in own.items()})
        for n in range(len(z))
    ]
    given_back = Played(np.stack([each.velocity for each in back]), np.stack([each.offset for each in back]))
    return {"expected": played(engine, np.zeros_like(z), asked, tempo), "code": feel, "code, misses given back": given_back}, asked


def rows(windows: PieceWindows, ways: dict[str, Played], asked: NDArray[np.bool_], seed: int) -> list[tuple[str, str, str]]:
    """Each way's timing error in milliseconds and velocity error."""
    step_ms = (STEPS_PER_MINUTE_MS / windows.columns["tempo"].astype(np.float64))[..., None, None]
    counts, found = asked.sum((1, 2, 3)), []
    for name, way in ways.items():
        late = np.where(asked, np.abs(way.offset - windows.columns["offsets"]) * step_ms, 0.0).sum((1, 2, 3))
        loud = np.where(asked, np.abs(way.velocity - windows.columns["bars"]), 0.0).sum((1, 2, 3))
        values = [bootstrap(np.stack([each, counts], 1), windows.tunes, _ratio, seed=seed) for each in (late, loud)]
        found.append((name, *(f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]" for value in values)))
    return found


def _ratio(sums: Floats) -> Floats:
    return np.asarray(sums[:, 0] / sums[:, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model", default="groove")
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--share", type=float, default=0.6, help="of the hits that are the performance (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    windows = select_pieces(Corpus.load(args.corpus), args.split, bars=args.bars, one_per_tune=True, seed=args.seed)
    ways, asked = feels(load(args.model).engine, windows, args.share, args.seed)
    print(f"{len(windows)} recordings, {int(asked.sum())} hits")
    print(*table(rows(windows, ways, asked, args.seed), heading=("way", "timing, ms", "velocity")), sep="\n")


if __name__ == "__main__":
    main()
