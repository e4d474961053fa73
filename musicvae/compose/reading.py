"""What a reader of damaged music (`model.reader`) is asked, and where it lies.

Conventions: N windows of B bars and S steps, tokens (N, B, S) and gaps (N, B, S). Gaps are 0 where a token counts, 1 where its event
is unknown, 2 where a note starts whose pitch is unknown; what tokens say in gaps is not read, but may be asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine, Floats
from musicvae.compose.library import READER_SUFFIX
from musicvae.music.vocabulary import Tokens

__all__ = ["ANY", "PITCH", "Gaps", "Reader", "reader_beside"]

ANY, PITCH = 1, 2
Gaps = NDArray[np.uint8]


class Reader(Protocol):
    """A reader as `model.reading.ReadingEngine` has it: each row is a window of which one bar is asked about, `bars` (N,)."""

    def bar_log_probs(self, tokens: Tokens, gaps: Gaps, kind: int, *, bars: NDArray[np.int64], doubtful: bool = False) -> Floats:
        """Nats (N, S) of the tokens in the gaps of one bar of each row, each given those before it; 0 outside gaps."""
        ...

    def step_log_probs(
        self, tokens: Tokens, gaps: Gaps, kind: int, *, bars: NDArray[np.int64], steps: NDArray[np.int64], doubtful: bool = False
    ) -> Floats:
        """Log-probabilities (N, 90) of all events at one step of one bar of each row."""
        ...

    def draw(
        self, tokens: Tokens, gaps: Gaps, kind: int, *, bars: NDArray[np.int64], temperature: float = 1.0,
        seeds: Sequence[int], bias: Floats | None = None, doubtful: bool = False,
    ) -> Tokens:  # fmt: skip
        """One bar (N, S) of each row, its gaps filled event after event."""
        ...


def reader_beside(engine: Engine, model_path: Path | None) -> Reader | None:
    """The reader in the file beside a model's, None where there is none; ValueError for that of another model or a damaged one."""
    if model_path is None:
        return None
    path = model_path.with_name(model_path.name.removesuffix(".safetensors") + READER_SUFFIX)
    if not path.is_file():
        return None
    from musicvae.model.engine import Engine as NetworkEngine
    from musicvae.model.reading import ReadingEngine

    return ReadingEngine.beside(engine, path) if isinstance(engine, NetworkEngine) else None
