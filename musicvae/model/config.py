"""The numbers of a network, checked when built and saved with its weights; presets are numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from musicvae.music.meter import KINDS
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH

__all__ = ["PRESETS", "BarConfig", "ModelConfig"]


@dataclass(frozen=True, kw_only=True)
class BarConfig:
    """Sizes that every network of this project has, whose bars are written independently, and those of its learned prior.

    z is one vector of `z_size` numbers: a block for the whole piece, then a block for each bar.
    """

    z_global: int = 16
    """Latent numbers that belong to the whole piece."""
    z_bar: int = 10
    """Latent numbers that belong to one bar."""
    max_bars: int = 16
    """Longest piece the network takes, in model bars."""
    bar_size: int = 256
    """Width of a bar inside the encoder."""
    encoder_size: int = 192
    """Width of the recurrent encoder of bars, per direction."""
    conductor_size: int = 256
    """Width of the recurrent conductor."""
    embedding_size: int = 192
    """Width of the embedding that describes one bar to the decoder."""
    heads: int = 4
    """Parts of an embedding that can return to different earlier bars."""
    decoder_size: int = 256
    """Width of the recurrent bar decoder."""
    readout_size: int = 32
    """Numbers that a bar's embedding gives directly to each step."""
    prior_size: int = 256
    """Width of the recurrent prior."""
    prior_mixtures: int = 10
    """Gaussians in each mixture of the prior."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{field.name} must be a whole number of at least 1, got {value!r}")
        if self.embedding_size % self.heads:
            raise ValueError(f"embedding_size ({self.embedding_size}) must be divisible by heads ({self.heads})")

    @property
    def fixed_window(self) -> bool:
        """Whether z stands for `max_bars` bars as a whole: never, it has blocks for bars."""
        return False

    @property
    def told_of_bar(self) -> int:
        """Numbers by which the network, and its prior, are told of each bar besides z: none."""
        return 0

    @property
    def z_size(self) -> int:
        """Length of z: the piece's block and `max_bars` bar blocks."""
        return self.z_global + self.max_bars * self.z_bar

    def z_used(self, bars: int) -> int:
        """Length of the part of z that a piece of this many bars uses; the rest stays 0.

        ValueError outside 1..max_bars.
        """
        if not 1 <= bars <= self.max_bars:
            raise ValueError(f"this model takes 1 to {self.max_bars} bars at a time, got {bars}")
        return self.z_global + bars * self.z_bar

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration with these fields; ValueError for a name it does not know."""
        if unknown := set(values) - {field.name for field in fields(cls)}:
            raise ValueError(f"unknown model options {sorted(unknown)}: was the file written by a newer version?")
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class ModelConfig(BarConfig):
    """Sizes of a `MelodyVAE` and of its learned prior."""

    canonical_key: bool = True
    """Whether melodies are moved to a signature without accidentals before encoding."""

    @property
    def kinds(self) -> tuple[int, ...]:
        """The kinds of meter that the network knows: all of `music.meter.KINDS`."""
        return tuple(range(len(KINDS)))

    @property
    def lowest_pitch(self) -> int:
        """Lowest MIDI pitch of the network's vocabulary."""
        return MIN_PITCH

    @property
    def highest_pitch(self) -> int:
        """Highest MIDI pitch of the network's vocabulary."""
        return MAX_PITCH

    @property
    def takes_chords(self) -> bool:
        """Whether the network is conditioned on chords: it is not."""
        return False


PRESETS: dict[str, ModelConfig] = {
    "tiny": ModelConfig(
        z_global=4, z_bar=4, max_bars=16, bar_size=32, encoder_size=24, conductor_size=32, embedding_size=32,
        heads=2, decoder_size=32, readout_size=8, prior_size=32, prior_mixtures=2,
    ),
    "small": ModelConfig(
        z_bar=8, bar_size=160, encoder_size=96, conductor_size=128, embedding_size=128, decoder_size=160, prior_size=128
    ),
    "melody": ModelConfig(),
}  # fmt: skip
