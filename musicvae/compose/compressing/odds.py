"""Probabilities as log-odds and back, by integers alone, so that every machine has the same tables.

Conventions: a probability is an integer 1..65535 in units of 2**-16; log-odds are integers in units of 1/256 nat,
-`LIMIT`..`LIMIT`. Mahoney (2005) calls the two functions stretch and squash.
"""

from __future__ import annotations

from functools import cache

__all__ = ["LIMIT", "ONE", "log_odds", "probabilities"]

ONE = 1 << 16
LIMIT = 2840
"""Largest log-odds: 11.09 nats, a probability of 2**-16."""
_BITS = 128
_EXP_STEP = 0xFF007FD55FFDDE38D68F08C257E0CE3F
"""exp(-1/256) in units of 2**-128, rounded down."""


@cache
def probabilities() -> tuple[int, ...]:
    """The probability of log-odds x at place x + `LIMIT`."""
    falling = [1 << _BITS]
    for _ in range(LIMIT):
        falling.append(falling[-1] * _EXP_STEP >> _BITS)
    half = [max(1, (e << 16) // ((1 << _BITS) + e)) for e in falling]  # of -x
    return (*reversed(half[1:]), *(ONE - p for p in half))


@cache
def log_odds() -> tuple[int, ...]:
    """The log-odds of probability p at place p, p = 0..65535: the largest whose probability is not above p."""
    table, x = [-LIMIT], -LIMIT
    chances = probabilities()
    for p in range(1, ONE):
        while x < LIMIT and chances[x + 1 + LIMIT] <= p:
            x += 1
        table.append(x)
    return tuple(table)
