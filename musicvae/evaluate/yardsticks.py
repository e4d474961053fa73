"""Making the file beside a model that says what held-out tunes score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from musicvae.compose.coding import windows_of
from musicvae.compose.judging.ensembles import judge_piece
from musicvae.compose.judging.measuring import measure
from musicvae.compose.judging.piece_yardstick import PIECE_STATISTICS, PieceYardstick
from musicvae.compose.judging.yardstick import STATISTICS, Yardstick
from musicvae.compose.pieces.coding import piece_of
from musicvae.compose.windows import cut_tokens
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.pieces.windows import select_pieces
from musicvae.evaluate.style_sense import sense_of
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.compose.pieces.engine import PieceEngine
    from musicvae.compose.reading import Reader
    from musicvae.corpus.store import Corpus

__all__ = ["make_piece_yardstick", "make_yardstick", "passages_of_split"]

_LENGTHS = (16, 8, 4)
"""Bars of windows of drums and trios."""

_SEEN = 3
"""Times an event must be heard in a context to stay in the n-gram that is kept: a third of the size, and odd notes are found as well."""


def make_yardstick(
    engine: Engine, corpus: Corpus, *, reader: Reader | None = None, windows: int = 160, seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Yardstick:  # fmt: skip
    """Measure windows of the validation split, each kind having its share of them; styles, n-gram: of the training split.

    reader: of damaged music, which `score` will ask, too. windows: how many at most. progress hears how many are done. ValueError for a
    corpus of another material, or without validation tunes.
    """
    ngram = ngram_of(corpus, bars=min(engine.config.max_bars, 16), least=_SEEN)
    chosen = list(passages_of_split(engine, corpus, "validation", windows, seed=seed))
    if not chosen:
        raise ValueError("the corpus has no validation tunes to measure: is it a corpus with a validation split?")
    rows = []
    for number, (tokens, kind) in enumerate(chosen, 1):
        rows.append(measure(engine, tokens, kind, ngram, reader=reader).statistics())
        if progress is not None:
            progress(f"held-out windows: {number} of {len(chosen)}")
    measured = {name: np.array([row[name] for row in rows]) for name in STATISTICS}
    about = {"windows": len(chosen), "split": "validation", "seed": seed}
    kinds = np.array([kind for _, kind in chosen], np.int64)
    senses = {kind: sense_of(engine, corpus, kind, seed=seed) for kind in engine.config.kinds}
    styles = {kind: sense for kind, sense in senses.items() if sense is not None}
    return Yardstick(engine.hash, measured, kinds, styles, ngram, about, reader is not None)


def make_piece_yardstick(
    engine: PieceEngine, corpus: Corpus, *, windows: int = 160, seed: int = 0, progress: Callable[[str], None] | None = None
) -> PieceYardstick:
    """Measure windows of the validation split, at most so many of each length; the other arguments as above."""
    rows, lengths = [], []
    for bars in _LENGTHS:
        chosen = select_pieces(corpus, "validation", bars=bars, limit=windows, seed=seed)
        for number in range(len(chosen)):
            columns = {name: column[number] for name, column in chosen.columns.items()}
            rows.append(judge_piece(engine, piece_of(engine, columns)).statistics())
            lengths.append(bars)
            if progress is not None:
                progress(f"held-out windows of {bars} bars: {number + 1} of {len(chosen)}")
    if not rows:
        raise ValueError("the corpus has no validation pieces to measure: is it a corpus with a validation split?")
    measured = {name: np.array([row[name] for row in rows]) for name in PIECE_STATISTICS}
    about = {"windows": len(rows), "split": "validation", "seed": seed}
    return PieceYardstick(engine.hash, measured, np.array(lengths, np.int64), about)


def passages_of_split(engine: Engine, corpus: Corpus, split: str, count: int, *, seed: int = 0) -> Iterator[tuple[Tokens, int]]:
    """At most `count` windows of a split, cut as those of any piece are, one of each tune, every kind having its share; and their kinds."""
    lines = np.concatenate([corpus.select(split, kind=kind) for kind in engine.config.kinds])
    drawn = np.random.default_rng([seed, 7]).permutation(lines)
    _, first = np.unique(corpus.tune[drawn], return_index=True)
    for line in drawn[np.sort(first)[:count]].tolist():
        kind, rng = int(corpus.kind[line]), np.random.default_rng([seed, line])
        meter = Meter.parse(KINDS[kind])
        whole = corpus.tokens([(line, 0, int(corpus.num_bars[line]))])[0][:, : meter.steps_per_model_bar]
        parts = cut_tokens(whole, windows_of(engine, [whole], meter), apart=engine.config.fixed_window)
        heard = [part for part in parts if (part >= FIRST_PITCH_TOKEN).any()]
        if heard:
            yield heard[rng.integers(len(heard))], kind
