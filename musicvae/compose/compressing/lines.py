"""Lines of melody through a coder, with or without what a network has dreamt of.

Conventions: tokens as in `music.vocabulary`, in the model's coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicvae.compose.compressing.melodies import Bar, MelodyCoder
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_natural
from musicvae.model.integer.network import IntegerNetwork
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import Tokens

__all__ = ["MOST_BARS", "Line", "code_lines"]

MOST_BARS = 4000
"""Of all lines together; a damaged file could ask for any number."""


@dataclass(frozen=True, eq=False)
class Line:
    """Tokens (B, S) of a kind of meter, an index into `music.meter.KINDS`."""

    kind: int
    tokens: Tokens


def code_lines(mixer: Mixer, lines: Sequence[Line] | None, network: IntegerNetwork | None) -> tuple[Line, ...]:
    """Code lines (None: they are read)."""
    count = code_natural(mixer, None if lines is None else len(lines), "lines", [()])
    coder = MelodyCoder(mixer)
    return tuple(_code_line(mixer, coder, None if lines is None else lines[number], network) for number in range(count))


def _code_line(mixer: Mixer, coder: MelodyCoder, line: Line | None, network: IntegerNetwork | None) -> Line:
    kind = code_class(mixer, None if line is None else line.kind, "kind", [()], width=2)
    if kind >= len(KINDS):
        raise ValueError("its melody is in no meter that is known here")
    steps, first = Meter.parse(KINDS[kind]).steps_per_model_bar, len(coder.bars)
    count = code_natural(mixer, None if line is None else len(line.tokens), "bars", [first > 0])
    if first + count > MOST_BARS:
        raise ValueError("its melody has more bars than are possible")
    before = mixer.experience
    if network is not None:
        from musicvae.compose.compressing.experience import experience_of  # which itself codes lines

        mixer.experience = experience_of(network, kind)
    for number in range(count):
        bar: Bar | None = None if line is None else tuple(line.tokens[number].tolist())
        if lag := coder.lag(bar, steps, number):
            coder.again(lag)
        else:
            coder.bar(bar, steps)
    mixer.experience = before
    return Line(kind, np.array(coder.bars[first:], np.uint8).reshape(-1, steps))
