"""One evaluation of a model of pieces: what every table of it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows, select_pieces

if TYPE_CHECKING:
    from musicvae.compose.pieces.engine import PieceEngine
    from musicvae.compose.pieces.model import PieceModel
    from musicvae.compose.styles import StyleVector
    from musicvae.corpus.store import Corpus

__all__ = ["FULL", "QUICK", "Job", "PieceEffort"]


@dataclass(frozen=True, kw_only=True)
class PieceEffort:
    """How much is measured. None: everything there is.

    windows: test windows of each length. train_windows, components: of what is fitted. samples: pieces of each source. style_pieces:
    for each style. refine_steps, refine_windows: gradient steps at encode time, and windows they are tried on.
    """

    windows: int | None = None
    train_windows: int | None = 12_000
    components: int | None = None
    samples: int = 1000
    style_pieces: int = 100
    refine_steps: int = 10
    refine_windows: int = 128


FULL = PieceEffort()
QUICK = PieceEffort(windows=64, train_windows=2000, components=512, samples=32, style_pieces=25, refine_windows=16)


@dataclass(frozen=True)
class Job:
    """One run: the model, the corpus, how much to do, whom to tell, and the seed that decides all chance."""

    model: PieceModel
    corpus: Corpus
    effort: PieceEffort = FULL
    tell: Callable[[str], None] = lambda text: None
    seed: int = 0

    @property
    def engine(self) -> PieceEngine:
        """The model's network."""
        return self.model.engine

    def lengths(self, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the wanted numbers of bars that the network takes; a fixed window's own number."""
        if self.engine.fixed_window:
            return (self.engine.bars,)
        return tuple(bars for bars in wanted if bars <= self.engine.bars)

    def windows(self, split: str = "test", *, bars: int, hop: int | None = None, limit: int | None = None) -> PieceWindows:
        """Windows of a split; at most `limit`, by default those of the effort, `train_windows` for "train" and else `windows`."""
        most = limit if limit is not None else self.effort.train_windows if split == "train" else self.effort.windows
        return select_pieces(self.corpus, split, bars=bars, hop=hop, limit=most, seed=self.seed)

    def codec(self, what: str) -> PieceCodec:
        """A codec that tells how many windows it has done for this part."""
        self.tell(what)
        done = 0

        def heard(count: int) -> None:
            nonlocal done
            done += count
            self.tell(f"{what}: {done}")

        return PieceCodec(self.engine, progress=heard)

    @cached_property
    def styles(self) -> tuple[StyleVector, ...]:
        """The vectors that lie beside the model's file as NAME.styles.safetensors."""
        from musicvae.compose.styles import load_styles

        path = self.model.path
        path = None if path is None else path.with_name(f"{path.name.removesuffix('.safetensors')}.styles.safetensors")
        return tuple(load_styles(path).values()) if path is not None and path.is_file() else ()
