"""Whole lines written for the others of a window: a bass for a melody and drums, drums for a melody and a bass.

The prior draws many windows, and the lines of one of them are taken: where a melody or a bass is written for the other, each of their
bars is moved to where it goes best with that (`compose.revising.pieces.harmony`), and the window that then goes best is taken; drums alone
are those that have most in common with all others that were drawn, which a beat has that is to be expected; a melody and a bass for given
drums are those whose own drums are most like these. Where the given lines return, so do the new ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns, Free
from musicvae.compose.revising.pieces.evidence import FillingEngine, Rows
from musicvae.compose.revising.pieces.harmony import suited
from musicvae.compose.revising.pieces.likeness import beside, like_rows
from musicvae.compose.seeds import derived_seed
from musicvae.model.noise import generator

__all__ = ["written_lines"]

_DRAWS = 32
_RETURN = 0.85  # likeness of the given lines from which on the new ones return too
_PITCHED = ("bars", "bass")


def written_lines(engine: FillingEngine, columns: Columns, free: Free, new: Sequence[str], temperature: float, seed: int) -> Rows:
    """The columns (B, 16) with these lines written anew; temperature: 0 takes the best window, else one is drawn by how good it is."""
    total = len(columns["bars"])
    touched = np.asarray(sum(steps.any(axis=1).astype(np.int64) for steps in free.values()))
    given = np.flatnonzero(touched)
    first = int(given[0]) if len(given) else 0
    known = {name: np.asarray(rows).copy() for name, rows in columns.items()}
    seeds = [derived_seed(seed, f"line {k}") for k in range(_DRAWS)]
    mu = np.repeat(engine.encode({name: rows[None] for name, rows in known.items()})[0], _DRAWS, axis=0) if first else None
    z = engine.sample_prior(seeds, bars=total, given=mu, given_bars=first)
    drawn = {name: np.asarray(rows).copy() for name, rows in engine.decode(z, bars=total, temperature=0.0).items()}
    worth = _worth(drawn, columns, new)
    best = int(worth.argmax()) if not temperature else _chosen(worth / temperature, seed)
    origin = [_origin(columns, free, bar) for bar in range(total)]
    whole = {name: np.where(free[name].any(axis=1, keepdims=True), drawn[name][best], columns[name]) for name in new}
    return {**known, **{name: rows[origin] for name, rows in whole.items()}}


def _worth(drawn: Rows, columns: Columns, new: Sequence[str]) -> Floats:
    """How good each of the windows drawn is (N,), in nats; melody or bass alone are moved, in place."""
    pitched = [name for name in _PITCHED if name in new]
    count = len(drawn["bars"])
    if "bass" in columns and len(pitched) == 1:
        line, other = pitched[0], columns["bass" if pitched[0] == "bars" else "bars"]
        worth = np.zeros(count)
        for row in range(count):
            for bar in range(len(other)):
                drawn[line][row, bar], nats = suited(line, drawn[line][row, bar], other[bar])
                worth[row] += nats
        return worth
    drums = "drums" if "drums" in columns else "bars"
    against = drawn[drums][None] if drums in new else np.asarray(columns[drums])[None, None]
    return np.asarray(like_rows(drawn[drums][:, None], against).mean(axis=(1, 2)) * len(columns["bars"]))


def _chosen(worth: Floats, seed: int) -> int:
    weights = np.exp(worth - worth.max())
    return int(generator(seed, "line").choice(len(worth), p=weights / weights.sum()))


def _origin(columns: Columns, free: Free, bar: int) -> int:
    """The first bar that is so alike in the given lines that a new one returns to it, or the bar itself."""
    return next((other for other in range(bar) if beside(columns, free, bar, other) >= _RETURN), bar)
