"""How well holes in held-out tunes are filled, and wrong notes in them found and put right.

Conventions: one window of `bars` bars of each tune, in the model's coordinates. Holes: bars 7 to 10 are taken away; figures are of those
bars only. ``tokens``: share of steps with the very same token (holds, which are most of them, among these); ``pitch``: share of steps
at which the same pitch sounds, or silence in both; ``onsets``: F1 of the steps at which notes start, whatever their pitch; ``notes``:
F1 of onsets with their pitch; all micro-averages over windows with intervals over tunes. ``gain``: of tokens over the most alike bar,
paired: both fill the same windows, and the interval is that of their difference. Wrong notes: a tenth of the notes of each
window are moved by 1 to 6 semitones, up or down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.revising.denoising import Judges, righted
from musicvae.compose.revising.filling import Search, fill
from musicvae.compose.revising.hole import Hole
from musicvae.compose.revising.likeness import most_alike
from musicvae.evaluate.codec import Windows
from musicvae.evaluate.metrics import Estimate, bootstrap, f1_score
from musicvae.model.noise import piece_seed
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, VOCABULARY_SIZE, Tokens

__all__ = ["HOLE_BARS", "FillRow", "WrongRow", "measure_fills", "measure_wrong_notes", "with_wrong_notes"]

HOLE_BARS = slice(6, 10)
_ALIKE = "most alike bar"
_MOVES = np.array([-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6])
_Filler = Callable[[Tokens, NDArray[np.bool_], int, int], Tokens]


@dataclass(frozen=True)
class FillRow:
    """One way of filling bars 7 to 10, over windows of one meter."""

    meter: str
    way: str
    tokens: Estimate
    gain: Estimate
    pitch: Estimate
    onsets: Estimate
    notes: Estimate


@dataclass(frozen=True)
class WrongRow:
    """Wrong notes: the share changed, the share put right, and of right notes the share changed; wrong_share: what the model expected."""

    meter: str
    way: str
    wrong_share: float
    found: Estimate
    corrected: Estimate
    damaged: Estimate


def measure_fills(
    engine: Engine, windows: Windows, searches: Mapping[str, Search], ngram: NGram | None = None, *, seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> list[FillRow]:  # fmt: skip
    """A row for each way of filling the hole: copying, an n-gram, and the network's by name."""
    ways: dict[str, _Filler] = {"four bars before": _four_before, _ALIKE: _alike}
    if ngram is not None:
        ways |= {"n-gram, likeliest event": _ngram_events(ngram), "n-gram, likeliest bars": _ngram_bars(ngram)}
    ways |= {name: _network(engine, search) for name, search in searches.items()}
    free = np.zeros(windows.tokens.shape[1:], np.bool_)
    free[HOLE_BARS] = True
    sums = {}
    for name, way in ways.items():
        if tell:
            tell(f"{windows.meter} {name}")
        filled = np.stack([way(tokens, free, windows.kind, piece_seed(seed, i)) for i, tokens in enumerate(windows.tokens)])
        sums[name] = _agreements(windows.tokens, filled)
    return [_fill_row(windows, name, own, sums[_ALIKE]) for name, own in sums.items()]


def _agreements(tokens: Tokens, filled: Tokens) -> NDArray[np.float64]:
    """Counts (W, 7) in the holes: equal tokens, steps, equal pitches sounding, onsets in both, equal onsets, true and own onsets."""
    truth, guess = tokens[:, HOLE_BARS], filled[:, HOLE_BARS]
    sounding = [np.stack([_sounding(window)[HOLE_BARS] for window in music]) for music in (tokens, filled)]
    true_onset, own_onset = truth >= FIRST_PITCH_TOKEN, guess >= FIRST_PITCH_TOKEN
    counts = [
        truth == guess, np.ones(truth.shape), sounding[0] == sounding[1], true_onset & own_onset,
        true_onset & (truth == guess), true_onset, own_onset,
    ]  # fmt: skip
    return np.stack([np.asarray(count, np.float64).sum(axis=(1, 2)) for count in counts], axis=1)


def _fill_row(windows: Windows, way: str, own: NDArray[np.float64], alike: NDArray[np.float64]) -> FillRow:
    def estimate(statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Estimate:
        return bootstrap(np.concatenate([own, alike], axis=1), windows.tunes, statistic)

    return FillRow(
        windows.meter, way, estimate(lambda s: s[:, 0] / s[:, 1]), estimate(lambda s: (s[:, 0] - s[:, 7]) / s[:, 1]),
        estimate(lambda s: s[:, 2] / s[:, 1]), estimate(lambda s: f1_score(s[:, 3], s[:, 5], s[:, 6])),
        estimate(lambda s: f1_score(s[:, 4], s[:, 5], s[:, 6])),
    )  # fmt: skip


def _sounding(tokens: Tokens) -> NDArray[np.int64]:
    """The token of the note that sounds at each step (B, S), 0 for none."""
    flat = tokens.reshape(-1).astype(np.int64)
    latest = np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))
    return np.where(flat[latest] >= FIRST_PITCH_TOKEN, flat[latest], 0).reshape(tokens.shape)


def _four_before(tokens: Tokens, free: NDArray[np.bool_], kind: int, seed: int) -> Tokens:
    bars = np.flatnonzero(free.any(axis=1))
    filled = tokens.copy()
    filled[bars] = tokens[bars - 4]
    return filled


def _alike(tokens: Tokens, free: NDArray[np.bool_], kind: int, seed: int) -> Tokens:
    return most_alike(tokens, free)


def _network(engine: Engine, search: Search) -> _Filler:
    return lambda tokens, free, kind, seed: fill(engine, Hole(tokens, free, kind), search, seed)


def _ngram_events(ngram: NGram) -> _Filler:
    """Each event the likeliest after those before, hold, note-off or an onset first and then its pitch."""

    def filler(tokens: Tokens, free: NDArray[np.bool_], kind: int, seed: int) -> Tokens:
        filled = tokens.copy()
        last = int(np.flatnonzero(free.any(axis=1))[-1]) + 1
        for step in np.flatnonzero(free.reshape(-1)).tolist():
            scores = ngram.logits(filled[None, :last], kind).reshape(-1, VOCABULARY_SIZE)[step]
            onset = np.logaddexp.reduce(scores[FIRST_PITCH_TOKEN:])
            first = int(np.argmax([scores[HOLD], scores[NOTE_OFF], onset]))
            event = first if first < FIRST_PITCH_TOKEN else FIRST_PITCH_TOKEN + int(scores[FIRST_PITCH_TOKEN:].argmax())
            filled.reshape(-1)[step] = event
        return filled

    return filler


def _ngram_bars(ngram: NGram) -> _Filler:
    """Of the known bars the one that makes all that follows likeliest, bar after bar, nats a step."""

    def filler(tokens: Tokens, free: NDArray[np.bool_], kind: int, seed: int) -> Tokens:
        filled = most_alike(tokens, free)
        known = tokens[~free.any(axis=1)]
        for bar in np.flatnonzero(free.any(axis=1)).tolist():
            tried = np.repeat(filled[None], len(known), axis=0)
            tried[:, bar] = known
            filled = tried[int(ngram.log_probs(tried, kind).sum(axis=(1, 2)).argmax())]
        return filled

    return filler


def with_wrong_notes(tokens: Tokens, share: float, rng: np.random.Generator) -> Tokens:
    """A window (B, S) with that share of its notes, at least one, moved by 1 to 6 semitones up or down."""
    moved = tokens.copy()
    flat = moved.reshape(-1)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    for step in rng.choice(onsets, max(1, round(share * len(onsets))), replace=False).tolist():
        possible = [int(flat[step]) + move for move in _MOVES.tolist() if FIRST_PITCH_TOKEN <= int(flat[step]) + move < VOCABULARY_SIZE]
        flat[step] = rng.choice(possible)
    return moved


def measure_wrong_notes(
    windows: Windows, judges: Mapping[str, Judges], *, wrong_shares: Sequence[float], share: float = 0.1, seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> Iterator[WrongRow]:  # fmt: skip
    """A row for each of the judges, by name, and each share of wrong notes that is expected."""
    played = [with_wrong_notes(tokens, share, np.random.default_rng([seed, i])) for i, tokens in enumerate(windows.tokens)]
    for name, judge in judges.items():
        for expected in wrong_shares:
            if tell:
                tell(f"{windows.meter} wrong notes, {name}, {expected:g} expected")
            sums = [
                _counts(tokens, heard, righted(judge, heard, windows.kind, np.ones(heard.size, np.bool_), expected))
                for tokens, heard in zip(windows.tokens, played, strict=True)
            ]
            table = np.array(sums, np.float64)
            found, corrected, damaged = (
                bootstrap(table[:, [a, b]], windows.tunes, lambda s: s[:, 0] / s[:, 1]) for a, b in ((1, 0), (2, 0), (4, 3))
            )
            yield WrongRow(windows.meter, name, expected, found, corrected, damaged)


def _counts(truth: Tokens, heard: Tokens, found: Mapping[int, tuple[int, float]]) -> list[int]:
    """Wrong notes, those of them changed, and put right; right notes, and those of them changed."""
    mended = heard.reshape(-1).copy()
    for step, (token, _) in found.items():
        mended[step] = token
    true, onsets = truth.reshape(-1), np.flatnonzero(truth.reshape(-1) >= FIRST_PITCH_TOKEN)
    wrong = true[onsets] != heard.reshape(-1)[onsets]
    changed = mended[onsets] != heard.reshape(-1)[onsets]
    right = wrong & (mended[onsets] == true[onsets])
    return [int(mask.sum()) for mask in (wrong, wrong & changed, right, ~wrong, ~wrong & changed)]
