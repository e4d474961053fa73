"""Which bars are looked at when some are to be found: as many known ones around them as the network takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.windows import Window

__all__ = ["runs_of_bars", "window_around"]

_PHRASE = 4  # bars


def runs_of_bars(free: NDArray[np.bool_], most: int) -> Iterator[tuple[int, int]]:
    """Stretches (first bar, bars) of bars with free steps (B, S), each of at most `most`; those a bar or two apart are one."""
    bars = np.flatnonzero(free.any(axis=1)).tolist()
    while bars:
        first = bars[0]
        inside = [bar for bar in bars if bar < first + most]
        taken = [first]
        for bar in inside[1:]:
            if bar - taken[-1] > _PHRASE:
                break
            taken.append(bar)
        yield first, taken[-1] - first + 1
        bars = bars[len(taken) :]


def window_around(first: int, bars: int, total: int, max_bars: int, still_free: Sequence[int] = ()) -> Window:
    """The window for a stretch of bars to be found: `max_bars` bars with it in the middle, begun with a phrase of four if it can be.

    still_free: later bars that are to be found too, before which the window ends.
    """
    end = min([total, *(bar for bar in still_free if bar >= first + bars)])
    size = min(max_bars, end)
    start = min(max(0, first + bars // 2 - size // 2), end - size)
    aligned = start - start % _PHRASE
    if aligned + size >= first + bars:
        start = aligned
    return Window(start, min(size, end - start))
