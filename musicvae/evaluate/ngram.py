"""The n-gram of melodies that figures are set against, fitted on the training tunes of a corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicvae.compose.judging.ngram import NGram, fit_ngram
from musicvae.evaluate.codec import select_windows
from musicvae.music.meter import KINDS

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus

__all__ = ["NGram", "ngram_of"]


def ngram_of(corpus: Corpus, split: str = "train", *, bars: int = 16, least: int = 1) -> NGram:
    """The n-gram of every bar of a split, all kinds of meter together; least: times an event must be seen in a context to be kept.

    bars: of the windows it is counted in, which do not overlap. ValueError for a corpus of another material, or without such windows.
    """
    corpus.require_material("melody")
    windows = [select_windows(corpus, split, kind, bars=bars, hop=bars) for kind in range(len(KINDS))]
    if not any(map(len, windows)):
        raise ValueError(f"the corpus has no windows of {bars} bars in its split {split!r} to count an n-gram from")
    return fit_ngram(((part.tokens, part.kind) for part in windows if len(part)), least=least)
