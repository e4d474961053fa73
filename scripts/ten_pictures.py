"""Ten pieces of a model of drums, grooves, beats from taps or trios as one page of piano rolls, to look at.

    python scripts/ten_pictures.py MODEL -o PAGE.png [--bars 8] [--seed 0] [--count 10] [--temperature 1.0]
    python scripts/ten_pictures.py MODEL -o PAGE.png --corpus CORPUS [--reconstruct]
    python scripts/ten_pictures.py --corpus CORPUS -o PAGE.png

MODEL is a name or path. A model that is told something besides its code (taps, or the hits of a groove) needs a CORPUS, of whose held-out
windows, each of another tune, it is told. With --reconstruct every second panel is a held-out window, and the next what comes back
of it, greedy, from the mean of its code. Without MODEL the held-out windows themselves are drawn.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

import numpy as np

from musicvae.compose.model import load
from musicvae.compose.pieces.engine import PieceEngine
from musicvae.compose.pieces.model import PieceModel
from musicvae.corpus.store import Corpus
from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows, select_pieces, told_of
from musicvae.music.files import atomic_path
from musicvae.music.picture import write_piano_roll
from musicvae.music.piece import PIECE_COLUMNS, Piece

Columns = dict[str, np.ndarray]
GAP_PIXELS = 40


def engine_of(model: str) -> PieceEngine:
    """The network of a model of pieces; ValueError for one of melodies."""
    loaded = load(model)
    if not isinstance(loaded, PieceModel):
        raise ValueError(f"{model} is a model of melodies; pages are made of drums, grooves and trios")
    return loaded.engine


def held_out(corpus: Corpus, args: argparse.Namespace) -> tuple[PieceWindows, list[str]]:
    """Windows of as many tunes as panels, and their tunes' names."""
    windows = select_pieces(corpus, args.split, bars=args.bars, limit=args.count, one_per_tune=True, seed=args.seed)
    if not len(windows):
        raise ValueError(f"the corpus has no windows of {args.bars} bars in its split {args.split}")
    lines = {int(tune): line for line, tune in reversed(list(enumerate(np.asarray(corpus.tune).tolist())))}
    return windows, [corpus.tune_ids[lines[int(tune)]].rpartition("/")[2] for tune in windows.tunes]


def pieces_of(columns: Columns, material: str, titles: list[str], tempo_qpm: list[float], drum_map: str = "nine") -> list[Piece]:
    """A piece for each row of columns."""
    names = PIECE_COLUMNS[material]
    return [
        Piece(material, {name: columns[name][i] for name in names}, tempo_qpm=tempo or 120.0, drum_map=drum_map, name=title)
        for i, (title, tempo) in enumerate(zip(titles, tempo_qpm, strict=True))
    ]


def drawn(engine: PieceEngine, args: argparse.Namespace) -> list[Piece]:
    """Pieces drawn from the prior; of what it is told, if anything, of held-out windows."""
    codec = PieceCodec(engine)
    seeds, titles, tempi, told = (
        piece_seeds(args.seed, args.count),
        [f"drawn, {i + 1}" for i in range(args.count)],
        [120.0] * args.count,
        None,
    )
    if engine.guide:
        if args.corpus is None:
            raise ValueError(f"this model is told {engine.guide}: name a corpus to take them from with --corpus")
        windows, names = held_out(Corpus.load(args.corpus), args)
        told = told_of(engine, windows.columns)
        seeds, titles, tempi = seeds[: len(windows)], [f"{engine.guide} of {name}" for name in names], windows.tempo_qpm.tolist()
    z = codec.sample_prior(seeds, bars=args.bars, told=told)
    columns = codec.decode(z, bars=args.bars, temperature=args.temperature, seeds=seeds, told=told)
    return pieces_of(columns, engine.material, titles, tempi, engine.drum_map)


def come_back(engine: PieceEngine, args: argparse.Namespace) -> list[Piece]:
    """Held-out windows, each with what comes back of it beneath."""
    corpus = Corpus.load(args.corpus)
    args.count = (args.count + 1) // 2
    windows, names = held_out(corpus, args)
    codec, tempi = PieceCodec(engine), windows.tempo_qpm.tolist()
    back = codec.decode(codec.encode(windows).mu, bars=args.bars, told=told_of(engine, windows.columns))
    before = pieces_of(dict(windows.columns), corpus.material, names, tempi, engine.drum_map)
    after = pieces_of(back, engine.material, [f"{name}, from its code" for name in names], tempi, engine.drum_map)
    return [piece for pair in zip(before, after, strict=True) for piece in pair]


def write_page(pieces: list[Piece], path: Path, *, force: bool) -> None:
    """Two columns of piano rolls in one picture."""
    from matplotlib import image

    half = (len(pieces) + 1) // 2
    columns = []
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate((pieces[:half], pieces[half:])):
            if part:
                columns.append(image.imread(write_piano_roll(part, Path(folder) / f"{number}.png"))[..., :3])
    height = max(len(column) for column in columns)
    padded = [np.pad(column, ((0, height - len(column)), (0, GAP_PIXELS), (0, 0)), constant_values=1.0) for column in columns]
    buffer = io.BytesIO()
    image.imsave(buffer, np.concatenate(padded, axis=1), format="png")
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(buffer.getvalue())


def main() -> int:
    parser = argparse.ArgumentParser(description="Ten pieces of a model as one page of piano rolls.")
    parser.add_argument("model", nargs="?")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--reconstruct", action="store_true")
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    try:
        if (args.model is None or args.reconstruct) and args.corpus is None:
            raise ValueError("name a corpus with --corpus, for its held-out windows")
        if args.model is None:
            corpus = Corpus.load(args.corpus)
            windows, names = held_out(corpus, args)
            pieces = pieces_of(dict(windows.columns), corpus.material, names, windows.tempo_qpm.tolist())
        else:
            engine = engine_of(args.model)
            pieces = come_back(engine, args) if args.reconstruct else drawn(engine, args)
        write_page(pieces, args.output, force=args.force)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
