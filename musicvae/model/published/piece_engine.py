"""Published networks of drums, grooves, trios and performances behind the interface that composing has for all (`compose.pieces.engine`).

A network has one window of a fixed number of bars, one z for it, and N(0, I) as its prior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.engine import PublishedEngine
from musicvae.music.converters import Columns, Converter
from musicvae.music.performance import empty_bars

__all__ = ["WindowEngine", "fills_in", "guide_of", "network_controls"]

Floats = NDArray[np.float64]
_FILLING_IN = ("groove-humanize", "groove-tap", "groove-add-closed-hat")


class WindowEngine:
    """A published network of any material but melodies.

    config: its numbers; hash, metadata: as of `PublishedEngine`; the other properties are those of `compose.pieces.engine.PieceEngine`.
    """

    fixed_window = True
    hears_tempo = False

    def __init__(self, network: PublishedEngine) -> None:
        self.network = network
        self.config: PublishedConfig = network.config
        self.hash = network.hash
        self.metadata: Mapping[str, Any] = network.metadata
        self.title = network.config.preset
        self.material = network.material
        self.bars = network.bars
        self.drum_map = network.converter.drum_map or "nine"
        self.guide = guide_of(network.config, network.material)
        self.fills_in = fills_in(network.converter)
        self.any_rhythm = network.converter.name == "groove-tap"

    def z_used(self, bars: int) -> int:
        """All of z, whatever the number of bars."""
        return self.config.z_size

    def losses(self, columns: Columns) -> dict[str, int]:
        """What the columns hold that the network has no sign for."""
        return self.network.converter.losses(columns)

    def encode(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | columns)."""
        return self.network.encode(columns)

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
        """Draw z (N, Z) from N(0, temperature ** 2), row i from `seeds[i]`; ValueError where bars are given."""
        if given is not None:
            raise ValueError(f"{self.title} has one code for its whole window: it cannot go on from given bars")
        return self.network.sample_prior(seeds, temperature=temperature)

    def decode(
        self,
        z: Floats,
        *,
        bars: int,
        temperature: float,
        seeds: Sequence[int] | None = None,
        told: Columns | None = None,
        given: Columns | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Columns (N, bars, ...) of z (N, Z); ValueError for another number of bars than the window's, and where bars are given."""
        if bars != self.bars or given is not None:
            raise ValueError(f"{self.title} writes windows of exactly {self.bars} bars, and goes on from none; got {bars} bars")
        return self.network.decode(
            z, temperature=temperature, seeds=seeds, controls=network_controls(self.network.converter, self.guide, told)
        )

    def refine(self, z: Floats, columns: Columns, steps: int) -> Floats:
        """The z (N, Z) after `steps` gradient steps towards the columns."""
        return self.network.refine(z, columns, steps)


def guide_of(config: PublishedConfig, material: str) -> str:
    """What a network of this configuration is told besides z: "hits", "chords", or "" for nothing."""
    if not config.control_depth:
        return ""
    return "hits" if material == "groove" else "chords"


def fills_in(converter: Converter) -> bool:
    """Whether the network makes up what its encoder is not shown."""
    return converter.name in _FILLING_IN


def network_controls(converter: Converter, guide: str, told: Columns | None) -> NDArray[Any] | None:
    """The network's controls (N, T, C) for what it is told, (N, B, ...); None for a network that is told nothing."""
    if not guide:
        return None
    if told is None or guide not in told:
        raise ValueError(f"this network is told {guide} besides z, and none were given")
    if guide == "chords":
        # What will be played is not known yet: with empty bars every step is told the chord that its bar has longest.
        count, bars = told["chords"].shape[:2]
        columns = {"chords": told["chords"], "bars": np.stack([empty_bars(bars)] * count)}
    else:
        bits = (told["hits"][..., None] >> np.arange(converter.control_depth, dtype=np.uint64)) & np.uint64(1)
        columns = {"bars": bits.astype(np.uint8), "offsets": np.zeros(bits.shape, np.float16)}
    return converter.controls(columns)
