"""What the user should know about what was learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from musicvae.music.meter import KINDS

if TYPE_CHECKING:
    from musicvae.train.adapter import Leaning

__all__ = ["FEW_FILES", "leaning_notices"]

FEW_FILES = 5
"""With fewer files in a kind of meter, what is drawn leans little."""


def leaning_notices(leanings: Sequence[Leaning], base: str, kinds: int) -> tuple[str, ...]:
    """How far the new model leans, in each of the kinds of meter that it knows."""
    told = [_told(leaning, base, f"in {KINDS[leaning.kind]} " if kinds > 1 else "") for leaning in leanings]
    met = {leaning.kind for leaning in leanings}
    if kinds > 1 and (others := [KINDS[kind] for kind in range(kinds) if kind not in met]):
        told.append(f"no files in {' or '.join(others)}: there it composes as {base} does")
    return tuple(told)


def _told(leaning: Leaning, base: str, where: str) -> str:
    files = "1 file" if leaning.files == 1 else f"{leaning.files} files"
    if leaning.files == 1:
        return f"{where}it learned from {files}, and one piece cannot tell what is its kind: it leans a little only"
    gain = leaning.gain_nats / leaning.bars / math.log(2)
    found = f"left out in turn, they are {gain:.2f} bits a bar likelier than under {base}"
    if leaning.caution is None:
        found = f"left out in turn, none are likelier for it than under {base}, so that it scores music as that does"
    few = ", which are few: it leans a little only" if leaning.files < FEW_FILES else ""
    return f"{where}it learned from {files}{few}; {found}"
