"""The narrow interface between composing and a network of drums, grooves, trios or performances, of either family.

Conventions: N rows; B bars; Z latent size. *Columns* are the arrays of a corpus by name, each (N, B, 16, ...), as in
`corpus.tunes.COLUMNS`, without "onsets", and perhaps ``tempo`` (N, B) in quarter notes a minute; those of one piece lack the first axis.
A row's answer depends on that row alone, never on the rows beside it or on the number of threads.

A network of this project takes and writes any number of bars up to `bars`; its z has a block for the piece and one for each bar, those
of bars that are not there being 0. A published one (`fixed_window`) has one z for a window of exactly `bars` bars, drawn from N(0, I).
What a network is *told* besides z (`guide`) is "hits", that is ``hits`` (N, B, 16) uint64, a bit for each class of drums; "taps", that
is ``taps`` (N, B, 16) uint8, 1 where one is, and ``tap_offsets`` (N, B, 16), its timing in sixteenths; or "chords", that is ``chords``
(N, B, 8) of `music.chords.Chord.code`; and with any of them ``tempo``, where the network hears it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats

__all__ = ["BarEngine", "Columns", "Free", "PieceEngine", "Sized"]

Columns: TypeAlias = Mapping[str, NDArray[Any]]
Free: TypeAlias = Mapping[str, NDArray[np.bool_]]
"""By column (B, 16), true where the music may be changed, or is to be found."""


class Sized(Protocol):
    """Numbers of a network that every family has."""

    @property
    def z_size(self) -> int:
        """Z: length of z."""
        ...


class BarEngine(Protocol):
    """What all that is done with bars asks of a loaded network: it encodes, draws and decodes. Safe to call from several threads."""

    @property
    def config(self) -> Any:
        """Numbers and parts of the network: z_size, and where windows are not fixed z_global and z_bar."""
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
        """What it is about: "drums", "groove", "trio" or "performance"."""
        ...

    @property
    def bars(self) -> int:
        """Most bars at once; with a fixed window, the only number."""
        ...

    @property
    def fixed_window(self) -> bool:
        """Whether z stands for a window of `bars` bars as a whole."""
        ...

    @property
    def guide(self) -> str:
        """What it is told besides z: "hits", "taps", "chords", or "" for nothing."""
        ...

    def z_used(self, bars: int) -> int:
        """Length of the part of z that so many bars have; ValueError outside 1..bars."""
        ...

    def encode(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | columns); blocks of bars beyond B are 0 and 1."""
        ...

    def sample_prior(
        self,
        seeds: Sequence[int],
        *,
        bars: int,
        temperature: float = 1.0,
        given: Floats | None = None,
        given_bars: int = 0,
        told: Columns | None = None,
    ) -> Floats:
        """Draw z (N, Z), row i from `seeds[i]`; temperature 0 is the prior's likeliest way.

        given: (N, Z), whose blocks of the piece and of the first `given_bars` bars are kept, the others being drawn given those; not
        for engines with a fixed window. told: what the bars will be told, (N, bars, ...).
        """
        ...

    def decode(
        self, z: Floats, *, bars: int, temperature: float, seeds: Sequence[int] | None = None, told: Columns | None = None
    ) -> Columns:
        """Columns of `bars` bars of z (N, Z), drawn step by step; temperature 0 takes the likeliest and needs no seeds.

        told: what `guide` names, (N, bars, ...).
        """
        ...


class PieceEngine(BarEngine, Protocol):
    """A loaded network, and what pieces are to it."""

    @property
    def config(self) -> Sized:
        """Numbers and parts of the network."""
        ...

    @property
    def title(self) -> str:
        """What messages call the network."""
        ...

    @property
    def drum_map(self) -> str:
        """The drum map that its pieces are in; that of today where it knows no classes of drums."""
        ...

    @property
    def hears_tempo(self) -> bool:
        """Whether the tempo counts among what it is told."""
        ...

    @property
    def fills_in(self) -> bool:
        """Whether it makes up what its encoder is not shown: a feel, a beat for taps, a hi-hat."""
        ...

    @property
    def any_rhythm(self) -> bool:
        """Whether the onsets of a melody will do where there are no drums."""
        ...

    def losses(self, columns: Columns) -> dict[str, int]:
        """What these columns hold that the network has no sign for, by reason, and how often."""
        ...

    def decode(
        self,
        z: Floats,
        *,
        bars: int,
        temperature: float,
        seeds: Sequence[int] | None = None,
        told: Columns | None = None,
        given: Columns | None = None,
    ) -> Columns:
        """Columns of `bars` bars of z (N, Z), drawn step by step; temperature 0 takes the likeliest and needs no seeds.

        told: what `guide` names, (N, bars, ...). given: columns of the first bars that are there already; bars that return to one of
        them are the same. Not for engines with a fixed window.
        """
        ...

    def refine(self, z: Floats, columns: Columns, steps: int) -> Floats:
        """The z (N, Z) after `steps` gradient steps towards the columns."""
        ...
