"""What a build is asked for: the options that decide what a corpus holds, byte for byte."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from musicvae.music.meter import KINDS

__all__ = ["MATERIALS", "BuildOptions"]

MATERIALS = ("melody", "drums", "groove", "trio", "performance")
"""What a corpus can be made of."""
_DRUM_MAPS = ("nine", "nine-old", "sixty-one", "roland")
_MAX_BARS = 64


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """Options of a build; ValueError for one that makes no sense.

    material: one of `MATERIALS`. bars: lengths of windows, in model bars. hop_bars: distance of
    window starts, of shorter windows their own length. meters: kinds of meter taken (2/2 and 2/4 count as 4/4). drum_map: name of a map of
    `music.drum_maps`, where drums are taken. split_seed: decides who is train, validation and test.
    transpose: bring melodies and trios into their canonical key (performances stay as they are). keep_duplicates: leave
    near-duplicates in (they still share a split). max_off_grid: largest share of a melody's onsets that may lie further than 1/8 of a
    sixteenth from the grid; at 1 all are taken. max_seconds, max_memory_mib: what one tune may take
    in its reader. partition_files, partition_mib: the most in one unit of work; a file
    that takes longer to read than MIDI counts for several.
    """

    material: str = "melody"
    bars: tuple[int, ...] = (2, 4, 8, 16)
    hop_bars: int = 4
    meters: tuple[str, ...] = KINDS
    drum_map: str = "nine"
    split_seed: int = 0
    transpose: bool = True
    keep_duplicates: bool = False
    max_off_grid: float = 1.0
    max_seconds: float = 30.0
    max_memory_mib: int = 2048
    partition_files: int = 256
    partition_mib: int = 16

    def __post_init__(self) -> None:
        if self.material not in MATERIALS:
            raise ValueError(f"unknown material {self.material!r}; allowed are {', '.join(MATERIALS)}")
        if not self.bars or any(not 1 <= b <= _MAX_BARS for b in self.bars) or len(set(self.bars)) < len(self.bars):
            raise ValueError(
                f"window lengths {', '.join(map(str, self.bars)) or '(none)'} must be different numbers of bars from 1 to {_MAX_BARS}"
            )
        if not 1 <= self.hop_bars <= _MAX_BARS:
            raise ValueError(f"hop of {self.hop_bars} bars is outside 1 to {_MAX_BARS}")
        if unknown := [m for m in self.meters if m not in KINDS]:
            raise ValueError(f"no grid for meter {unknown[0]}; allowed are {', '.join(KINDS)} (2/2 and 2/4 count as 4/4)")
        if not self.meters:
            raise ValueError(f"no meters given; allowed are {', '.join(KINDS)}")
        if self.drum_map not in _DRUM_MAPS:
            raise ValueError(f"unknown drum map {self.drum_map!r}; allowed are {', '.join(_DRUM_MAPS)}")
        if self.material == "groove" and self.drum_map == "sixty-one":
            raise ValueError("a groove has 9 classes, the drum map sixty-one has 61; those that fit are nine, nine-old, roland")
        if not 0 <= self.max_off_grid <= 1:
            raise ValueError(f"a share of onsets off the grid lies between 0 and 1, got {self.max_off_grid}")
        if self.max_seconds <= 0 or self.max_memory_mib < 256:
            raise ValueError(f"a reader needs time and at least 256 MiB, got {self.max_seconds} s and {self.max_memory_mib} MiB")
        if self.partition_files < 1 or self.partition_mib < 1:
            raise ValueError(f"a partition holds at least 1 file and 1 MiB, got {self.partition_files} and {self.partition_mib}")

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON can hold them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, words: dict[str, Any]) -> BuildOptions:
        """The options that `to_dict` wrote."""
        fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in words.items()}
        return cls(**fields)
