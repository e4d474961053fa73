"""What grooving asks of a network: how given hits are played, and which hits go with given taps.

Conventions: N rows, B bars of 16 steps. Columns as in `compose.pieces.engine`: velocity ``bars`` (N, B, 16, 9) uint8 and ``offsets``
(N, B, 16, 9) in sixteenths, late positive. Told are ``hits`` (N, B, 16) uint64, a bit a class of drums; ``tempo`` (N, B) quarter notes
a minute; ``taps`` (N, B, 16) uint8, 0 or 1, with ``tap_offsets`` (N, B, 16) in sixteenths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns

__all__ = ["GroovingEngine", "require_kind"]

_WORDS = {
    "hits": "plays given hits with a feel, such as the shipped 'groove'",
    "taps": "makes beats of taps, such as the shipped 'drumify'",
}


class GroovingEngine(Protocol):
    """A network that is told hits (a player) or taps (a drummer); a part of the engine of any piece."""

    @property
    def config(self) -> Any:
        """Numbers of the network: z_size, and where windows are not fixed z_global and z_bar."""
        ...

    @property
    def hash(self) -> str:
        """Names the weights."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the file says about itself."""
        ...

    @property
    def material(self) -> str:
        """Of a player "groove", of a drummer "drums"."""
        ...

    @property
    def bars(self) -> int:
        """The most bars at once, or exactly as many where windows are fixed."""
        ...

    @property
    def fixed_window(self) -> bool:
        """Whether it takes exactly `bars` bars, with one z for all of them."""
        ...

    @property
    def guide(self) -> str:
        """What it is told: "hits" or "taps" are wanted here."""
        ...

    def z_used(self, bars: int) -> int:
        """Length of the part of z that so many bars have."""
        ...

    def encode(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | columns); ``tempo`` may be among them."""
        ...

    def sample_prior(
        self, seeds: Sequence[int], *, bars: int, temperature: float = 1.0, given: Floats | None = None, given_bars: int = 0,
        told: Columns | None = None,
    ) -> Floats:  # fmt: skip
        """Draw z (N, Z), row i from `seeds[i]`; the blocks of the piece and of the first `given_bars` bars are those of `given` (N, Z)."""
        ...

    def decode(
        self, z: Floats, *, bars: int, temperature: float, seeds: Sequence[int] | None = None, told: Columns | None = None
    ) -> Columns:
        """Columns (N, bars, ...): velocity and offsets of the hits told, or ``bars`` (N, bars, 16) uint64 for the taps told."""
        ...


def require_kind(engine: Any, guide: str, name: str, work: str) -> None:
    """ValueError unless the engine is told "hits" or "taps", as `guide` says; name: of the model; work: what was asked of it."""
    told = getattr(engine, "guide", "")
    fits = told == guide and engine.material == ("groove" if guide == "hits" else "drums")
    if not fits:
        what = getattr(engine, "material", "melody")
        raise ValueError(f"{name} (a model of {what}) cannot {work}: that needs a model that {_WORDS[guide]}; leave the model out?")
