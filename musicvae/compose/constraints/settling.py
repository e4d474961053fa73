"""What a sampler is told of the chords and constraints that a musician gives it: a plan, and chords for networks that are told them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.leaning import Leaning
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import ChordRows, Layout
from musicvae.compose.harmony import Chords, spread_chords
from musicvae.music.key import Key
from musicvae.music.meter import Meter

__all__ = ["Settled", "settled"]

_NO_LEANING = Leaning(0.0, 0.0, 0.0, hearings=0)


@dataclass(frozen=True, eq=False)
class Settled:
    """plan: None where nothing is asked. chords: (model bars, 8), for a network that is conditioned on them, else None."""

    plan: Plan | None
    chords: ChordRows | None


def settled(
    config: Layout,
    constraints: Constraints | None,
    chords: Chords | None,
    meter: Meter,
    num_bars: int,
    key: Key | None,
    *,
    first_bar: int = 0,
) -> Settled:
    """What is asked, for a piece of so many written bars in a key (None: in any), of which the first `first_bar` are there already.

    A network that is conditioned on chords is told them, any other leans towards them. ValueError for what contradicts itself.
    """
    if constraints is not None and not isinstance(constraints, Constraints):
        raise ValueError(f"constraints are made by Constraints.of, as in Constraints.of(scale='D dorian'), got {constraints!r}")
    asked = constraints or Constraints()
    if chords is not None and asked.chords is not None:
        raise ValueError("chords are given twice, beside the constraints and in them: leave one out")
    over = asked.chords if chords is None else chords
    asked = replace(asked, chords=over)
    if asked.is_empty:
        return Settled(None, None)
    if config.takes_chords and over is not None:
        if key is not None:
            raise ValueError("the chords settle the key: leave the key out, or give the chords in the key you want and no key")
        plan = replace(asked.over(meter, num_bars), leaning=_NO_LEANING)
        return Settled(plan, spread_chords(over, meter.model_bars(num_bars)))
    if key is not None and not config.canonical_key:
        asked = asked.within(key)  # nothing can be moved afterwards, and such a network has no key of its own
    return Settled(asked.over(meter, num_bars, key=key, first_bar=first_bar), None)
