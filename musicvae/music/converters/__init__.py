"""Converters: bars of notes as the inputs, targets and controls of every published network, and back.

`converter` gives one by name. Nothing here knows of networks: arrays in, arrays out, all of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from musicvae.music.converters.converter import Array, Columns, Converter
from musicvae.music.converters.drum_hits import DrumConverter
from musicvae.music.converters.grooves import GrooveConverter
from musicvae.music.converters.melodies import MelodyConverter
from musicvae.music.converters.performances import PerformanceConverter
from musicvae.music.converters.trios import TrioConverter
from musicvae.music.vocabulary import MIN_PITCH

__all__ = ["CONVERTERS", "Array", "Columns", "Converter", "converter"]

_Maker = Callable[[str, int, tuple[int, ...]], Converter]

CONVERTERS: Mapping[str, _Maker] = {
    "melody": lambda name, low, outputs: MelodyConverter(name, min_pitch=low, outputs=outputs),
    "melody-chords": lambda name, low, outputs: MelodyConverter(name, chords=True, min_pitch=low, outputs=outputs),
    "drums": lambda name, low, outputs: DrumConverter(name, drums="nine-old", rolls=False),
    "drum-rolls": lambda name, low, outputs: DrumConverter(name, drums="nine-old", rolls=True),
    "drum-rolls-full": lambda name, low, outputs: DrumConverter(name, drums="sixty-one", rolls=True),
    "trio": lambda name, low, outputs: TrioConverter(name, drums="nine-old", min_pitch=low, outputs=outputs),
    "groove": lambda name, low, outputs: GrooveConverter(name),
    "groove-humanize": lambda name, low, outputs: GrooveConverter(name, hidden="feel"),
    "groove-tap": lambda name, low, outputs: GrooveConverter(name, hidden="all but taps"),
    "groove-add-closed-hat": lambda name, low, outputs: GrooveConverter(name, hidden="closed hi-hat"),
    "groove-hits": lambda name, low, outputs: GrooveConverter(name, hits=True),
    "performance": lambda name, low, outputs: PerformanceConverter(name),
    "performance-chords": lambda name, low, outputs: PerformanceConverter(name, chords=True),
}
"""Makers of the converters by name; `converter` calls them."""


def converter(name: str, *, min_pitch: int = MIN_PITCH, outputs: tuple[int, ...] = (), steps: int | None = None) -> Converter:
    """The converter of this name, one of `CONVERTERS`; ValueError for an unknown one.

    min_pitch: lowest MIDI pitch of the melodies' vocabulary. outputs: width of each of the network's streams, where a vocabulary of
    melodies ends below pitch 108; () for the published ones. What the network does not say of drums is the published map:
    that before April 2019 for drums and trios, the present one for grooves. steps: of the network's examples, to be checked: whole bars.
    ValueError also for outputs that the converter cannot have.
    """
    if name not in CONVERTERS:
        raise ValueError(f"unknown converter {name!r}; allowed are {', '.join(CONVERTERS)}")
    made = CONVERTERS[name](name, min_pitch, tuple(outputs))
    if outputs and made.outputs != tuple(outputs):
        raise ValueError(f"the converter {name} has outputs of {made.outputs}, not {tuple(outputs)}: another converter?")
    if steps is not None:
        made.bars(steps)
    return made
