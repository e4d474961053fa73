"""The numbers and parts of one published network, checked when built and saved with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["HEADS", "PublishedConfig"]

HEADS = ("categorical", "nade", "groove")
_TUPLES = ("encoder_sizes", "encoder_levels", "decoder_sizes", "conductor_sizes", "outputs", "control_sizes")
_MOST_STEPS = 1 << 14  # a thousand bars; more is damage, and would be asked of the memory
_LEAST = {"steps": 1, "z_size": 1, "input_depth": 1, "segments": 1, "control_depth": 0, "nade_size": 0, "min_pitch": 0}


@dataclass(frozen=True, kw_only=True)
class PublishedConfig:
    """Sizes of a `PublishedVAE` and which parts it is made of; ValueError where they do not fit together."""

    preset: str
    """Name under which the network was published, or that of the file it came from."""
    converter: str
    """How notes become arrays, a name of `music.converters`."""
    steps: int
    """T: steps of an example."""
    z_size: int
    encoder_sizes: tuple[int, ...]
    """Width of each recurrent layer, per direction; with levels, of every level's one layer."""
    decoder_sizes: tuple[int, ...]
    """Width of each layer of a core decoder."""
    outputs: tuple[int, ...]
    """Width of what is written at a step, one number for each stream."""
    input_depth: int
    """Width of what the encoder reads at a step, controls left aside."""
    head: str = "categorical"
    """What the outputs mean, one of `HEADS`."""
    encoder_levels: tuple[int, ...] = ()
    """Length of a segment at each level, from the steps up; () for an encoder that reads all steps at once."""
    conductor_sizes: tuple[int, ...] = ()
    """Width of each layer of the conductor; () for none."""
    segments: int = 1
    """Stretches in which the decoder begins anew; above 1 with a conductor only."""
    separate: bool = False
    """Whether each stream has a core decoder of its own."""
    control_depth: int = 0
    """Width of what conditions both encoder and decoder at each step."""
    control_sizes: tuple[int, ...] = ()
    """Width, per direction, of the recurrent layers that read the controls for the decoder; () for none."""
    nade_size: int = 0
    """Hidden width of the autoregression over the classes of a step, with head "nade"."""
    min_pitch: int = 21
    """Lowest MIDI pitch of a melody's vocabulary."""

    def __post_init__(self) -> None:
        for name in _TUPLES:
            given = getattr(self, name)
            if not isinstance(given, tuple | list) or not all(_is_whole(size) and size >= 1 for size in given):
                raise ValueError(f"{name} must be whole numbers of at least 1, got {given!r}")
            object.__setattr__(self, name, tuple(given))
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not _is_whole(value) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if self.steps > _MOST_STEPS:
            raise ValueError(f"an example has at most {_MOST_STEPS} steps ({_MOST_STEPS // 16} bars), got {self.steps}")
        for name, kind in (("preset", str), ("converter", str), ("separate", bool)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} must be {'true or false' if kind is bool else 'a name'}, got {getattr(self, name)!r}")
        if self.head not in HEADS:
            raise ValueError(f"unknown head {self.head!r}; allowed are {', '.join(HEADS)}")
        if not self.encoder_sizes or not self.decoder_sizes or not self.outputs:
            raise ValueError("a network needs at least one layer in its encoder and decoder, and one output")
        if self.steps % self.segments:
            raise ValueError(f"{self.steps} steps cannot be cut into {self.segments} equal stretches")
        if bool(self.conductor_sizes) != (self.segments > 1):
            raise ValueError(f"{self.segments} stretches and a conductor of {self.conductor_sizes}: more than one need one")
        self._check_levels()

    def _check_levels(self) -> None:
        product = 1
        for size in self.encoder_levels:
            product *= size
        if self.encoder_levels and (product != self.steps or len(self.encoder_sizes) != 1):
            raise ValueError(f"levels {self.encoder_levels} of {len(self.encoder_sizes)} layers do not make up {self.steps} steps")
        if (self.head == "nade") != (self.nade_size > 0):
            raise ValueError(f"head {self.head!r} with nade_size {self.nade_size}")
        if self.head != "categorical" and len(self.outputs) != 1:
            raise ValueError(f"head {self.head!r} has one stream, got {self.outputs}")

    @property
    def steps_per_segment(self) -> int:
        """S: steps of a stretch."""
        return self.steps // self.segments

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PublishedConfig:
        """The configuration with these fields; ValueError for a name it does not know."""
        if unknown := set(values) - {field.name for field in fields(cls)}:
            raise ValueError(f"unknown network options {sorted(unknown)}: was the file written by a newer version?")
        numbers: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**numbers)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
