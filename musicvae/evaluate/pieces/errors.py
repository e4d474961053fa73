"""Music with errors in it: hits that came too early or too late, notes of a wrong pitch; how many `repair` finds, and puts right.

Conventions: one window of each piece. Hits: a tenth of them, each moved by one to three sixteenths to where no such hit is; notes of a
trio's melody and bass: a tenth of each, moved by 1 to 6 semitones. ``found``: share of the wrong ones that are changed; ``corrected``:
that are as they were; ``damaged``: share of the right ones that are changed. Micro-averages with intervals over pieces. Pitches in C
major or its relative minor, as `repair` estimates the key of what it hears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.events.changes import HIT_REACH, changed
from musicvae.compose.judging.events.hit_facts import CLASSES
from musicvae.compose.judging.events.keys import canonical_shift, transposed_columns
from musicvae.compose.judging.events.note_facts import REACH
from musicvae.compose.judging.events.odds import PieceOdds
from musicvae.compose.pieces.engine import Columns
from musicvae.compose.revising.pieces.denoising import righted
from musicvae.compose.revising.pieces.evidence import Rows
from musicvae.compose.revising.pieces.likeness import like_rows
from musicvae.compose.revising.pieces.repairing import LINES
from musicvae.evaluate.metrics import Estimate, bootstrap
from musicvae.evaluate.pieces.windows import PieceWindows
from musicvae.music.converters.drum_hits import bits_of, hits_of
from musicvae.music.piece import is_hits
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

__all__ = ["ErrorRow", "Errors", "measure_errors", "with_errors", "with_moved_hits", "with_wrong_pitches"]

_STEPS = (-3, -2, -1, 1, 2, 3)
_SEMITONES = (-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6)
Bools = NDArray[np.bool_]
Moved = dict[tuple[int, int], int]
_Way = Callable[[Columns], Columns]


@dataclass(frozen=True)
class ErrorRow:
    """One way of putting the errors of a line right. wrong_share: expected, 0 for copying. gain: of corrected, over `than`."""

    line: str
    way: str
    wrong_share: float
    found: Estimate
    corrected: Estimate
    damaged: Estimate
    gain: Estimate
    than: str


@dataclass(frozen=True, eq=False)
class Errors:
    """A window with errors.

    heard: its columns; moved: by step and class of each wrong hit where it was; wrong: by column and step of each wrong note the token
    that was there.
    """

    true: Columns
    heard: Columns
    moved: Moved
    wrong: Mapping[str, Mapping[int, int]]


def measure_errors(
    windows: PieceWindows, odds: PieceOdds, material: str, *, wrong_shares: Sequence[float], share: float = 0.1,
    seed: int = 0, tell: Callable[[str], None] = lambda text: None,
) -> Iterator[ErrorRow]:  # fmt: skip
    """Rows for each line: by the majority of the bars, by the most alike bar, and by `repair` with each of the shares that are expected."""
    lines = LINES[material]
    damaged = [
        with_errors({name: windows.columns[name][row] for name in lines.values()}, share, np.random.default_rng([seed, row]))
        for row in range(len(windows))
    ]
    ways: dict[tuple[str, float], _Way] = {("majority", 0.0): _by_majority, ("most alike bar", 0.0): _by_alike}
    ways |= {("repair", expected): _by_repair(odds, expected) for expected in wrong_shares}
    counts: dict[tuple[str, float], dict[str, NDArray[np.float64]]] = {}
    for (name, expected), way in ways.items():
        tell(f"errors in {material}: {name}, {expected:g} expected")
        mended = [way(errors.heard) for errors in damaged]
        pairs = list(zip(damaged, mended, strict=True))
        counts[name, expected] = {
            line: np.array([_counts(errors, found, column) for errors, found in pairs], np.float64) for line, column in lines.items()
        }
    first = counts["majority", 0.0]
    for line in lines:
        for (name, expected), own in counts.items():
            yield _row(line, name, expected, own[line], first[line], windows.tunes)


def with_errors(columns: Columns, share: float, rng: np.random.Generator) -> Errors:
    """A window with that share of the hits and notes of each line wrong."""
    heard, moved, wrong = dict(columns), Moved(), dict[str, dict[int, int]]()
    for name, rows in columns.items():
        if not is_hits(rows):
            heard[name], wrong[name] = with_wrong_pitches(rows, share, rng)
        elif rows.any():
            hits, moved = with_moved_hits(bits_of(rows, CLASSES) > 0, share, rng)
            heard[name] = _packed(hits)
    return Errors(columns, heard, moved, wrong)


def _row(line: str, way: str, expected: float, own: NDArray[np.float64], first: NDArray[np.float64], tunes: NDArray[np.int64]) -> ErrorRow:
    def share(place: int, of: int) -> Estimate:
        return bootstrap(own, tunes, lambda s: s[:, place] / s[:, of])

    gain = bootstrap(np.concatenate([own, first], axis=1), tunes, lambda s: s[:, 2] / s[:, 0] - s[:, 7] / s[:, 5])
    return ErrorRow(line, way, expected, share(1, 0), share(2, 0), share(4, 3), gain, "majority")


def _counts(errors: Errors, mended: Columns, column: str) -> list[int]:
    """Wrong ones, those of them changed, and put right; right ones, and those of them changed."""
    true, heard, found = (columns[column] for columns in (errors.true, errors.heard, mended))
    if is_hits(true):
        was, now, after = (bits_of(rows, CLASSES).reshape(-1, CLASSES) > 0 for rows in (true, heard, found))
        gone = [not after[place] for place in errors.moved]
        back = [not after[place] and after[before, place[1]] for place, before in errors.moved.items()]
        right = was & now
        return [len(gone), sum(gone), sum(map(int, back)), int(right.sum()), int((right & ~after).sum())]
    wrong = errors.wrong[column]
    right_steps = [step for step in np.flatnonzero(true.reshape(-1) >= FIRST_PITCH_TOKEN).tolist() if step not in wrong]
    was, now, after = (rows.reshape(-1) for rows in (true, heard, found))
    changed, put_right = (sum(int(test) for test in tests) for tests in (
        [after[step] != now[step] for step in wrong], [after[step] == was[step] for step in wrong],
    ))  # fmt: skip
    return [len(wrong), changed, put_right, len(right_steps), sum(int(after[step] != now[step]) for step in right_steps)]


def _by_repair(odds: PieceOdds, expected: float) -> _Way:
    def way(heard: Columns) -> Columns:
        shift = canonical_shift(heard)
        now = transposed_columns(heard, shift)
        free = {name: np.ones(rows.shape, np.bool_) for name, rows in heard.items()}
        return transposed_columns(changed(now, righted(odds, now, free, expected)), -shift)

    return way


def _by_majority(heard: Columns) -> Columns:
    """Hits that most other bars lack go to the nearest free place that most have; notes become the commonest pitch of their step."""
    found: Rows = {}
    for name, rows in heard.items():
        bars = len(rows)
        if is_hits(rows):
            hits = bits_of(rows, CLASSES) > 0
            often = ((hits.sum(axis=0)[None] - hits) / max(1, bars - 1)).reshape(-1, CLASSES)
            found[name] = _moved_where(hits, often <= 0.5, often > 0.5)
            continue
        mended = rows.copy()
        for bar, step in np.argwhere(rows >= FIRST_PITCH_TOKEN).tolist():
            others = np.delete(rows[:, step], bar)
            tokens, counts = np.unique(others[others >= FIRST_PITCH_TOKEN], return_counts=True)
            if len(tokens) and 2 * counts.max() > counts.sum() and abs(int(tokens[counts.argmax()]) - int(rows[bar, step])) <= REACH:
                mended[bar, step] = tokens[counts.argmax()]
        found[name] = mended
    return found


def _by_alike(heard: Columns) -> Columns:
    """Hits that the most alike bar lacks go to the nearest free place where it has one; notes become its, where it has one."""
    found: Rows = {}
    for name, rows in heard.items():
        alike = like_rows(rows[:, None], rows[None])
        np.fill_diagonal(alike, -1.0)
        model = rows[alike.argmax(axis=1)]
        if is_hits(rows):
            has = (bits_of(model, CLASSES) > 0).reshape(-1, CLASSES)
            found[name] = _moved_where(bits_of(rows, CLASSES) > 0, ~has, has)
        else:
            near = np.abs(model.astype(np.int64) - rows) <= REACH
            found[name] = np.where((rows >= FIRST_PITCH_TOKEN) & (model >= FIRST_PITCH_TOKEN) & near, model, rows)
    return found


def _moved_where(hits: Bools, odd: Bools, wanted: Bools) -> NDArray[np.uint64]:
    """Odd hits at the nearest place that is wanted and free, if there is one in reach."""
    now = hits.reshape(-1, CLASSES).copy()
    for step, drum in np.argwhere(now & odd).tolist():
        reach = [step + by for by in sorted(range(-HIT_REACH, HIT_REACH + 1), key=abs) if by and 0 <= step + by < len(now)]
        place = next((place for place in reach if wanted[place, drum] and not now[place, drum]), None)
        if place is not None:
            now[[step, place], drum] = False, True
    return _packed(now.reshape(hits.shape))


def _packed(hits: Bools) -> NDArray[Any]:
    return np.asarray(hits_of(hits.astype(np.float32)))


def with_moved_hits(hits: Bools, share: float, rng: np.random.Generator) -> tuple[Bools, Moved]:
    """A beat (B, 16, 9) with that share of its hits, at least one, moved; by step and class of each of these where it was."""
    true = hits.reshape(-1, hits.shape[-1])
    found, moved = true.copy(), Moved()
    struck = np.argwhere(true)
    for step, drum in struck[rng.choice(len(struck), min(len(struck), max(1, round(share * len(struck)))), replace=False)].tolist():
        places = [step + by for by in _STEPS if 0 <= step + by < len(true) and not (found | true)[step + by, drum]]
        if places:
            place = int(rng.choice(places))
            found[[step, place], drum] = False, True
            moved[place, drum] = step
    return found.reshape(hits.shape), moved


def with_wrong_pitches(tokens: Tokens, share: float, rng: np.random.Generator) -> tuple[Tokens, dict[int, int]]:
    """A line (B, 16) with that share of its notes, at least one, moved; by step of each of these the token that was there."""
    found, true = tokens.copy(), dict[int, int]()
    flat = found.reshape(-1)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    for step in rng.choice(onsets, min(len(onsets), max(1, round(share * len(onsets)))), replace=False).tolist() if len(onsets) else ():
        token = int(flat[step])
        flat[step] = rng.choice([token + by for by in _SEMITONES if FIRST_PITCH_TOKEN <= token + by < VOCABULARY_SIZE])
        true[step] = token
    return found, true
