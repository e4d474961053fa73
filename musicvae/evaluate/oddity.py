"""Whether what is wrong is found: the area under the ROC curve of scores on held-out tunes that were spoiled.

Spoiled are windows of the test split, one of each tune: one note moved by 1 to 6 semitones, or a tenth of all notes; four bars
exchanged for those of another tune in the same meter. Each is told from all windows as they were. A rival judges without the
network: an n-gram by the bits a note, or by the likelihood of the same moved notes. Beside what is shipped stands what a model without a
reader of damaged music does. Intervals come from drawing tunes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.measuring import Measured, measure
from musicvae.compose.judging.notes import REACH, own_bits
from musicvae.compose.judging.tails import smallest_of
from musicvae.compose.judging.yardstick import STATISTICS, Yardstick
from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.metrics import Estimate
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.compose.judging.ngram import NGram
    from musicvae.compose.reading import Reader
    from musicvae.corpus.store import Corpus

__all__ = ["AlarmRow", "GainRow", "OddityRow", "RankRow", "SpoiledRows", "area", "spoiled_rows", "with_foreign_bars", "with_wrong_notes"]

Floats = NDArray[np.float64]
_DRAWS = 2000
_SWAPPED_BARS = 4
_STRANGEST = {
    "one wrong note": ("oddest note", "n-gram, notes moved: oddest note"),
    "a tenth of the notes wrong": ("oddest quarter of the notes", "n-gram, notes moved: oddest note"),
    "four bars of another tune": ("most foreign passage", "n-gram: oddest bar"),
}
"""What tells each kind of spoiling, and the n-gram's statistic that does so best on validation tunes."""


@dataclass(frozen=True)
class OddityRow:
    """One kind of spoiling, one judge: the area under the curve over tunes."""

    meter: str
    spoiled: str
    judge: str
    area: Estimate


@dataclass(frozen=True)
class GainRow:
    """By how much the score's area under the curve is larger than another judge's, on the same tunes."""

    meter: str
    spoiled: str
    than: str
    gain: Estimate


@dataclass(frozen=True)
class AlarmRow:
    """Windows of one kind: the share that is called odd where `threshold` of held-out tunes may be, in any way and by each statistic."""

    meter: str
    windows: str
    tunes: int
    threshold: float
    odd: Estimate
    whole: float
    notes: float
    passages: float


@dataclass(frozen=True)
class RankRow:
    """One judge: the share of a tune's right notes that the wrong one is odder than, how often it is the oddest, or among three."""

    meter: str
    judge: str
    above: Estimate
    first: float
    among_three: float


def with_wrong_notes(tokens: Tokens, share: float, rng: np.random.Generator) -> tuple[Tokens, NDArray[np.int64]]:
    """A window (B, S) with this share of its notes, at least one, moved by 1 to 6 semitones, and which (numbers of notes)."""
    flat = tokens.reshape(-1).copy()
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    wrong = np.sort(rng.choice(len(onsets), max(1, round(share * len(onsets))), replace=False))
    for onset in onsets[wrong]:
        move = int(rng.integers(1, 7)) * int(rng.choice([-1, 1]))
        moved = int(flat[onset]) + move
        flat[onset] = moved if FIRST_PITCH_TOKEN <= moved < VOCABULARY_SIZE else int(flat[onset]) - move
    return flat.reshape(tokens.shape), wrong


def with_foreign_bars(tokens: Tokens, other: Tokens, rng: np.random.Generator) -> Tokens:
    """A window (B, S) with four bars in a row from the same place of another."""
    start = int(rng.integers(len(tokens) - _SWAPPED_BARS + 1))
    mixed = tokens.copy()
    mixed[start : start + _SWAPPED_BARS] = other[start : start + _SWAPPED_BARS]
    return mixed


def area(odd: Floats, usual: Floats, *, paired: bool, seed: int = 0) -> Estimate:
    """The chance that an odd one (A,) scores above a usual one (B,), ties half, with its bootstrap interval; paired: of the same tunes."""
    beats = (odd[:, None] > usual) + 0.5 * (odd[:, None] == usual)
    rng = np.random.default_rng(seed)
    first = rng.multinomial(len(odd), np.full(len(odd), 1 / len(odd)), _DRAWS) / len(odd)
    second = first if paired else rng.multinomial(len(usual), np.full(len(usual), 1 / len(usual)), _DRAWS) / len(usual)
    low, high = np.percentile(np.einsum("ri,ij,rj->r", first, beats, second, optimize=True), [2.5, 97.5])
    return Estimate(float(beats.mean()), float(low), float(high), len(odd) + len(usual), len(odd))


@dataclass(frozen=True)
class SpoiledRows:
    """What is measured of one kind of meter."""

    areas: list[OddityRow]
    gains: list[GainRow]
    alarms: list[AlarmRow]
    ranks: list[RankRow]


def spoiled_rows(
    engine: Engine, corpus: Corpus, kind: int, yardstick: Yardstick, ngram: NGram, *, reader: Reader | None = None,
    without_too: bool = False, tunes: int = 40, split: str = "test", seed: int = 0, threshold: float = 0.05,
    tell: Callable[[str], None] = lambda text: None,
) -> SpoiledRows:  # fmt: skip
    """Rows of one kind of meter; ngram: the rival, fitted on the training tunes.

    reader: as the yardstick was made with; without_too: also judge without it.
    """
    part = select_windows(corpus, split, kind, bars=engine.config.max_bars, limit=tunes, one_per_tune=True, seed=seed)
    rng, count = np.random.default_rng([seed, kind]), len(part)
    spoiled: dict[str, list[Tokens]] = {"": list(part.tokens)}
    one = [with_wrong_notes(tokens, 0, rng) for tokens in part.tokens]
    spoiled["one wrong note"] = [tokens for tokens, _ in one]
    spoiled["a tenth of the notes wrong"] = [with_wrong_notes(tokens, 0.1, rng)[0] for tokens in part.tokens]
    others = (np.arange(count) + rng.integers(1, count, count)) % count
    spoiled["four bars of another tune"] = [
        with_foreign_bars(tokens, part.tokens[other], rng) for tokens, other in zip(part.tokens, others, strict=True)
    ]
    found: dict[str, list[_Judged]] = {}
    for name, windows in spoiled.items():
        found[name] = []
        for number, tokens in enumerate(windows, 1):
            tell(f"{part.meter} {name or 'as they were'}: {number} of {count}")
            found[name].append(_Judged.of(engine, tokens, kind, yardstick, ngram, reader, without_too))
    rows = [
        OddityRow(part.meter, name, judge, area(_column(judged, judge), _column(found[""], judge), paired=True))
        for name, judged in found.items() if name for judge in found[""][0].statistics
    ]  # fmt: skip
    gains = [row for name, judged in found.items() if name for row in _gains(part.meter, name, judged, found[""], without_too)]
    alarms = [_alarms(part.meter, name or "as they were", judged, threshold) for name, judged in found.items()]
    return SpoiledRows(rows, gains, alarms, _ranks(part.meter, found["one wrong note"], [int(wrong[0]) for _, wrong in one]))


@dataclass(frozen=True, eq=False)
class _Judged:
    """Bits of the notes of a window by several judges, statistics of the whole by their names, and chances by theirs."""

    notes: Mapping[str, Floats]
    statistics: Mapping[str, float]
    chances: Mapping[str, float]

    @classmethod
    def of(
        cls, engine: Engine, tokens: Tokens, kind: int, yardstick: Yardstick, ngram: NGram, reader: Reader | None, without_too: bool
    ) -> _Judged:
        onsets = tokens.reshape(-1) >= FIRST_PITCH_TOKEN
        measured = {"score": measure(engine, tokens, kind, yardstick.ngram, reader=reader)}
        if without_too:
            measured["without the reader"] = measure(engine, tokens, kind, yardstick.ngram)
        surprise = -ngram.log_probs(tokens[None], kind)[0] / np.log(2)
        notes = {name: own.notes for name, own in measured.items()}
        notes["n-gram, notes moved"] = own_bits(ngram.substituted(tokens, kind, REACH))
        notes["n-gram"] = surprise.reshape(-1)[onsets]
        count = max(int(onsets.sum()), 1)
        statistics = {}
        for name, bits in notes.items():
            statistics[f"{name}: oddest note"] = float(bits.max())
            statistics[f"{name}: oddest quarter of the notes"] = float(np.sort(bits)[len(bits) - max(1, len(bits) // 4) :].mean())
        for name, own in measured.items():
            statistics[f"{name}: most foreign passage"] = own.statistics()["passages"]
        chances = _chances(measured["score"], yardstick, kind)
        statistics["score: all"] = -smallest_of(chances.values())
        statistics["network: bits a note"] = measured["score"].bits / count
        statistics["n-gram: bits a note"] = float(surprise.sum()) / count
        statistics["n-gram: oddest bar"] = float((surprise.sum(axis=1) / (2 + onsets.reshape(tokens.shape).sum(axis=1))).max())
        return cls(notes, statistics, chances)


def _chances(measured: Measured, yardstick: Yardstick, kind: int) -> Mapping[str, float]:
    return {name: yardstick.chance(name, measured.statistics()[name], kind) for name in STATISTICS}


def _gains(meter: str, spoiled: str, odd: Sequence[_Judged], usual: Sequence[_Judged], without_too: bool) -> list[GainRow]:
    statistic, ngram = _STRANGEST[spoiled]
    others = [ngram, f"without the reader: {statistic}"] if without_too else [ngram]
    own = _beats(odd, usual, f"score: {statistic}")
    weights = np.random.default_rng(0).multinomial(len(odd), np.full(len(odd), 1 / len(odd)), _DRAWS) / len(odd)
    rows = []
    for than in others:
        gained = own - _beats(odd, usual, than)
        low, high = np.percentile(np.einsum("ri,ij,rj->r", weights, gained, weights, optimize=True), [2.5, 97.5])
        estimate = Estimate(float(gained.mean()), float(low), float(high), 2 * len(odd), len(odd))
        rows.append(GainRow(meter, spoiled, than, estimate))
    return rows


def _beats(odd: Sequence[_Judged], usual: Sequence[_Judged], judge: str) -> Floats:
    """Which of the odd ones (A, B) score above which usual ones, ties half."""
    high, low = _column(odd, judge)[:, None], _column(usual, judge)
    return np.asarray((high > low) + 0.5 * (high == low))


def _alarms(meter: str, windows: str, judged: Sequence[_Judged], threshold: float) -> AlarmRow:
    odd = np.array([smallest_of(one.chances.values()) <= threshold for one in judged])
    each = [float(np.mean([one.chances[name] <= threshold for one in judged])) for name in STATISTICS]
    low, high = np.percentile(np.random.default_rng(0).choice(odd, (_DRAWS, len(odd))).mean(axis=1), [2.5, 97.5])
    estimate = Estimate(float(odd.mean()), float(low), float(high), len(odd), len(odd))
    return AlarmRow(meter, windows, len(judged), threshold, estimate, *each)


def _column(judged: Sequence[_Judged], judge: str) -> Floats:
    return np.array([one.statistics[judge] for one in judged])


def _ranks(meter: str, judged: Sequence[_Judged], wrong: Sequence[int]) -> list[RankRow]:
    rows = []
    for name in judged[0].notes:
        higher, above = [], []
        for one, note in zip(judged, wrong, strict=True):
            bits = one.notes[name]
            others = np.delete(bits, note)
            higher.append(int((others >= bits[note]).sum()))
            above.append(float(((others < bits[note]) + 0.5 * (others == bits[note])).mean()))
        draws = np.random.default_rng(0).choice(above, (_DRAWS, len(above))).mean(axis=1)
        low, high = np.percentile(draws, [2.5, 97.5])
        places = np.array(higher)
        rows.append(
            RankRow(
                meter,
                name,
                Estimate(float(np.mean(above)), float(low), float(high), len(above), len(above)),
                float((places == 0).mean()),
                float((places < 3).mean()),
            )  # fmt: skip
        )
    return rows
