"""The narrow interface between composing and a published network of any material.

Conventions: N rows; B bars, always the network's whole span; Z latent size. *Columns* are the arrays of a corpus by name,
each (N, B, 16, ...), as in `corpus.tunes.COLUMNS`, without "onsets"; those of one piece lack the first axis. A row's answer
depends on that row alone, never on the rows beside it or on the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.conversion import converter_for
from musicvae.music.converters import Converter

__all__ = ["Columns", "PieceEngine", "converter_of"]

Columns: TypeAlias = Mapping[str, NDArray[Any]]


class PieceEngine(Protocol):
    """A loaded network: encodes, draws, decodes. Safe to call from several threads."""

    @property
    def config(self) -> PublishedConfig:
        """Numbers and parts of the network."""
        ...

    @property
    def hash(self) -> str:
        """Names the weights: two engines with the same hash give the same answers."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the file says about itself besides its configuration."""
        ...

    @property
    def material(self) -> str:
        """What it is about: "drums", "groove", "trio" or "performance" (or "melody")."""
        ...

    @property
    def bars(self) -> int:
        """B."""
        ...

    def encode(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | columns)."""
        ...

    def sample_prior(self, seeds: Sequence[int], *, temperature: float = 1.0) -> Floats:
        """Draw z (N, Z) ~ N(0, temperature ** 2), row i from `seeds[i]`."""
        ...

    def decode(self, z: Floats, *, temperature: float, seeds: Sequence[int] | None = None, controls: NDArray[Any] | None = None) -> Columns:
        """Columns of z (N, Z), drawn step by step; temperature 0 takes the likeliest and needs no seeds. controls: (N, T, C)."""
        ...

    def refine(self, z: Floats, columns: Columns, steps: int) -> Floats:
        """The z (N, Z) after `steps` gradient steps towards the columns."""
        ...


def converter_of(engine: PieceEngine) -> Converter:
    """What turns the engine's columns into its network's arrays, with its vocabulary and its drum map."""
    return converter_for(engine.config)
