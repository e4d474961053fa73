"""The numbers of a network of drums, grooves or trios; presets are numbers only. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from musicvae.model.config import BarConfig
from musicvae.music.drum_maps import DRUM_MAPS, drum_map
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["PIECE_PRESETS", "TOLD_WIDTHS", "PieceConfig"]

_STREAMS: Mapping[str, tuple[str, ...]] = {"drums": ("drums",), "groove": ("feel",), "trio": ("melody", "bass", "drums")}
"""What networks of a material can write."""
_TOLD: Mapping[str, tuple[str, ...]] = {"drums": ("", "taps"), "groove": ("hits",), "trio": ("",)}
TOLD_WIDTHS: Mapping[str, int] = {"": 0, "hits": 10, "taps": 3}
"""Numbers that are told at a step: hits of nine classes, or a tap and its timing; and last the tempo."""
_CLASSES = 9


@dataclass(frozen=True, kw_only=True)
class PieceConfig(BarConfig):
    """Sizes of a `PieceVAE` and of its learned prior, and what it is about; ValueError where they do not fit together.

    All bars are of 4/4, 16 steps.
    """

    material: str = "drums"
    """What it makes: drums (hits), groove (the feel of given hits), trio (melody, bass and drums)."""
    streams: tuple[str, ...] = ("drums",)
    """What is written at each step, by a decoder of its own each: of drums "drums", of grooves "feel", of trios one to three
    of "melody", "bass" and "drums"."""
    told: str = ""
    """What encoder, conductor and decoders are told, so that z need not hold it: "" for nothing, "hits" or "taps"."""
    told_size: int = 128
    """Width of the recurrence over what is told of the bars, per direction."""
    nade_size: int = 64
    """Hidden width of the autoregression over the classes of drums at a step."""
    feel_size: int = 384
    """Width of the decoder of feel."""
    feel_layers: int = 2
    """Layers of the decoder of feel."""
    drums: str = "nine"
    """Name of the map of drums, of nine classes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.material not in _STREAMS:
            raise ValueError(f"unknown material {self.material!r}; allowed are {', '.join(_STREAMS)}")
        possible = _STREAMS[self.material]
        object.__setattr__(self, "streams", tuple(self.streams))
        if not self.streams or list(self.streams) != [name for name in possible if name in self.streams]:
            raise ValueError(f"streams of {self.material} are some of {', '.join(possible)}, in this order, got {self.streams!r}")
        if self.told not in _TOLD[self.material]:
            allowed = ", ".join(repr(name) for name in _TOLD[self.material])
            raise ValueError(f"what is told of {self.material} is one of {allowed}, got {self.told!r}")
        if self.heads % len(self.streams):
            raise ValueError(f"heads ({self.heads}) must be divisible by the number of streams ({len(self.streams)})")
        if len(drum_map(self.drums)) != _CLASSES:
            nine = ", ".join(name for name, drums in DRUM_MAPS.items() if len(drums) == _CLASSES)
            raise ValueError(f"the map of drums must have nine classes: one of {nine}, got {self.drums!r}")

    @property
    def told_width(self) -> int:
        """Numbers that are told at a step, 0 for nothing."""
        return TOLD_WIDTHS[self.told]

    @property
    def told_of_bar(self) -> int:
        """Numbers by which the network, and its prior, are told of each bar besides z."""
        return MAX_STEPS_PER_BAR * self.told_width

    @property
    def has_prior(self) -> bool:
        """Whether z has a learned prior; that of the feel of a groove is N(0, I)."""
        return self.material != "groove"

    @property
    def corpus_materials(self) -> tuple[str, ...]:
        """Materials of a corpus that the network can learn from; the hits of grooves are drums, taps have their timing."""
        if self.material == "drums":
            return ("groove",) if self.told == "taps" else ("drums", "groove")
        return (self.material,)

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, as JSON holds them."""
        return {**super().to_dict(), "streams": list(self.streams)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration with these fields; ValueError for a name it does not know."""
        streams = values.get("streams")
        return super().from_dict({**values, "streams": tuple(streams)} if isinstance(streams, list) else values)


_TINY: dict[str, Any] = {
    "z_global": 4, "z_bar": 6, "bar_size": 32, "encoder_size": 24, "conductor_size": 32, "embedding_size": 48, "heads": 6,
    "decoder_size": 32, "readout_size": 8, "prior_size": 32, "prior_mixtures": 2, "told_size": 16, "nade_size": 8, "feel_size": 16,
}  # fmt: skip
_GROOVE: dict[str, Any] = {"material": "groove", "streams": ("feel",), "told": "hits", "z_global": 16, "z_bar": 8}
_TRIO: dict[str, Any] = {"material": "trio", "streams": _STREAMS["trio"], "z_global": 24, "z_bar": 32, "heads": 6}
_ALONE: dict[str, Any] = {"material": "trio", "z_bar": 12, "heads": 2}
PIECE_PRESETS: Mapping[str, PieceConfig] = {
    "drums": PieceConfig(z_global=16, z_bar=24),
    "groove": PieceConfig(**_GROOVE),
    "drumify": PieceConfig(told="taps", z_global=16, z_bar=16, readout_size=48),
    "trio": PieceConfig(**_TRIO, bar_size=320, encoder_size=256, conductor_size=320, prior_mixtures=8),
    "tiny-drums": PieceConfig(**_TINY),
    "tiny-groove": PieceConfig(**{**_GROOVE, **_TINY}),
    "tiny-drumify": PieceConfig(told="taps", **_TINY),
    "tiny-trio": PieceConfig(**{**_TRIO, **_TINY}),
    **{f"trio-{name}": PieceConfig(**_ALONE, streams=(name,)) for name in _STREAMS["trio"]},
}
"""By name; those that begin with "tiny-" are made in seconds, to try things out, those with "trio-" learn one part of a trio alone."""
