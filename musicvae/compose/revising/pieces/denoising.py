"""Wrong hits and notes of beats and trios found and put right, everything else as it is: `compose.revising.denoising` for pieces.

A hit or note is put right where that is likelier, given all others (`compose.judging.events.changes`). The surest of each bar and line
goes first; then all is looked at again. A network of pieces that hears the bar with the change and without adds nothing to the votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from musicvae.compose.judging.events.changes import Change, changed, tried_changes, voting_parts
from musicvae.compose.judging.events.odds import PieceOdds
from musicvae.compose.pieces.engine import Columns, Free
from musicvae.music.piece import is_hits

__all__ = ["righted"]

_PASSES = 8


def righted(odds: PieceOdds, columns: Columns, free: Free, wrong_share: float) -> list[Change]:
    """The hits and notes of a piece that are wrong, the surest first, each with what it is to be.

    free: by column (B, 16), where hits and notes may be changed; columns of other lines are only heard.
    """
    found = []
    for first, part in voting_parts(columns):
        may = {name: steps[first : first + len(part["bars"])] for name, steps in free.items()}
        found += [change.later(first) for change in _righted(odds, part, may, wrong_share)]
    return sorted(found, key=lambda change: (-change.nats, change.step, change.column, change.value))


def _righted(odds: PieceOdds, columns: Columns, free: Free, wrong_share: float) -> list[Change]:
    now: Columns = columns
    done: dict[tuple[str, int, int], Change] = {}
    for _ in range(_PASSES):
        settled = {(change.column, change.better_step, change.better_value) for change in done.values()}
        tried = [change for change in tried_changes(odds, columns, now, free, wrong_share) if _open(change, now, settled)]
        chosen = _surest_of_each(tried)
        now = changed(now, chosen)
        for change in chosen:
            if is_hits(now[change.column]):
                done[change.column, change.step, change.value] = change
                continue
            heard = int(columns[change.column].reshape(-1)[change.step])
            before = done.pop((change.column, change.step, heard), change)
            if change.better_value != heard:
                done[change.column, change.step, heard] = replace(change, value=heard, nats=max(change.nats, before.nats))
        if not chosen:
            break
    return list(done.values())


def _open(change: Change, now: Columns, settled: set[tuple[str, int | None, int]]) -> bool:
    """Whether it may be made: a hit is moved once."""
    return not is_hits(now[change.column]) or (change.column, change.step, change.value) not in settled


def _surest_of_each(tried: Sequence[Change]) -> list[Change]:
    """The surest gain of each bar and line, no two of which want the same place."""
    chosen: dict[tuple[str, int], Change] = {}
    places = set()
    for change in sorted(tried, key=lambda change: (-change.nats, change.step, change.column, change.value)):
        place = (change.column, change.better_step, change.better_value)
        if change.nats > 0 and (change.column, change.bar) not in chosen and (change.better_step is None or place not in places):
            chosen[change.column, change.bar] = change
            places.add(place)
    return list(chosen.values())
