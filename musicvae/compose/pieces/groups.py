"""Style vectors for the groups of a corpus: what the files of one label have in common, beside all others.

A group needs enough files from enough sessions: files of one session are of one drummer, day and kit, and a vector of theirs would be
one of these. Every file has about the same say, however long it is, and the bars of z are learnt from windows of several lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.learning import Lesson, Tell
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import own_guide
from musicvae.compose.pieces.learning import learn_from_examples, with_effects
from musicvae.compose.pieces.passages import Passages, encoded
from musicvae.compose.pieces.recognition import recognised
from musicvae.compose.styles import StyleVector
from musicvae.corpus.store import SPLITS, Corpus

__all__ = ["MIN_FILES", "MIN_SESSIONS", "GroupStyles", "LabelledPassages", "corpus_passages", "group_sizes", "learn_groups"]

MIN_FILES, MIN_SESSIONS = 10, 2
"""What a group needs at least for a vector of its own."""
SESSION = "session"
"""The facet of a corpus that tells which files belong to one session."""
_LENGTHS = (2, 4, 8, 16)  # bars
_WINDOWS_A_FILE = 4  # of each length
_FOUR_FOUR = 0  # of music.meter.KINDS

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledPassages:
    """Passages of a corpus, R in all, with the index of their label (-1: none) and the number of their tune, (R,) each."""

    passages: Passages
    labels: Ints
    tunes: Ints

    def where(self, chosen: NDArray[np.bool_]) -> Passages:
        """The passages for which `chosen` (R,) holds."""
        return self.passages.take(np.flatnonzero(chosen).tolist())


@dataclass(frozen=True)
class GroupStyles:
    """The vectors of the groups that are large enough, and why the others have none, by label."""

    vectors: tuple[StyleVector, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def group_sizes(corpus: Corpus, splits: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Files and sessions of each label of a corpus in these splits; a corpus that tells no sessions has one for each file."""
    lines = _lines_of(corpus, splits)
    sessions = np.asarray(corpus.tags.get(SESSION, corpus.tune), np.int64)
    sizes = {}
    for number, label in enumerate(corpus.labels):
        own = lines[np.asarray(corpus.label)[lines] == number]
        sizes[label] = (len(np.unique(np.asarray(corpus.tune)[own])), len(np.unique(sessions[own])))
    return sizes


def learn_groups(
    engine: PieceEngine, corpus: Corpus, found: LabelledPassages, *, splits: Sequence[str], tell: Tell = lambda text: None
) -> GroupStyles:
    """A vector for every label with at least `MIN_FILES` files from `MIN_SESSIONS` sessions in these splits, whose passages are given.

    Its tempo is the median of its files', its strength as `compose.pieces.recognition` has it. ValueError for a corpus without labels.
    """
    if not corpus.labels:
        raise ValueError("the files of this corpus have no labels, so that there are no groups to learn from")
    vectors: list[StyleVector] = []
    left_out = {}
    for label, (files, sessions) in group_sizes(corpus, splits).items():
        own = found.labels == corpus.labels.index(label)
        if files < MIN_FILES or sessions < MIN_SESSIONS or not own.any() or own.all():
            left_out[label] = f"{_counted(files, 'file')} of {_counted(sessions, 'session')}"
            continue
        tell(f"{label}: {files} files of {sessions} sessions")
        words = f"{label}: what {files} files of {sessions} sessions have beside all others"
        lesson = Lesson(label, words, tempo_qpm=_tempo(corpus, found.tunes[own]))
        vectors.append(learn_from_examples(engine, lesson, found.where(own), found.where(~own), tell=lambda text: None))
    places = {corpus.labels.index(vector.name): group for group, vector in enumerate(vectors)}
    groups = np.array([places.get(label, -1) for label in found.labels.tolist()], np.int64)
    tell("how strong they have to be")
    scaled = recognised(engine, vectors, found.passages, groups, found.tunes)
    measured = []
    for vector in scaled:
        if vector.scale == 1:  # what it does has been measured at one difference
            measured.append(vector)
            continue
        rest = found.where(found.labels != corpus.labels.index(vector.name))
        measured.append(with_effects(engine, vector, rest, lambda text: None))
    return GroupStyles(tuple(measured), left_out)


def corpus_passages(engine: PieceEngine, corpus: Corpus, splits: Sequence[str], *, at_most: int = 8000) -> LabelledPassages:
    """Windows of the files of these splits, encoded: of 2, 4, 8 and 16 bars (or the network's own), a few of each file.

    at_most: so many are taken, spread evenly. ValueError where there are none.
    """
    lengths = (engine.bars,) if engine.fixed_window else [bars for bars in _LENGTHS if bars <= engine.bars] or [engine.bars]
    chosen = [window for bars in lengths for window in _spread(corpus, splits, bars)]
    if not chosen:
        raise ValueError(f"the splits {', '.join(splits)} of this corpus have no windows of {min(lengths)} bars or more")
    count = min(at_most, len(chosen))
    rows = [chosen[place * len(chosen) // count] for place in range(count)]
    windows, guides = zip(*(_fitted(engine, corpus, row) for row in rows), strict=True)
    loud = [place for place, window in enumerate(windows) if _sounds(window)]
    lines = np.array([rows[place][0] for place in loud], np.int64)
    passages = encoded(engine, [windows[place] for place in loud], [guides[place] for place in loud])
    return LabelledPassages(passages, np.asarray(corpus.label, np.int64)[lines], np.asarray(corpus.tune, np.int64)[lines])


def _spread(corpus: Corpus, splits: Sequence[str], bars: int) -> Iterator[tuple[int, int, int]]:
    """A few windows (line, first bar, bars) of every file, evenly from its beginning to its end."""
    for split in splits:
        windows = corpus.windows(split, kind=_FOUR_FOUR, bars=bars, hop=max(1, bars // 2))
        tunes = np.asarray(corpus.tune)[windows[:, 0]]
        for tune in np.unique(tunes):
            own = np.flatnonzero(tunes == tune)
            count = min(len(own), _WINDOWS_A_FILE)
            for place in range(count):
                line, first, length = windows[own[place * len(own) // count]].tolist()
                yield line, first, length


def _fitted(engine: PieceEngine, corpus: Corpus, row: tuple[int, int, int]) -> tuple[Columns, Columns]:
    """The columns (bars, ...) of a window as the network reads them, and what it is told."""
    columns: dict[str, NDArray[Any]] = {name: corpus.rows([row], name)[0] for name in corpus.columns if name != "onsets"}
    guide = own_guide(engine, columns, float(corpus.tempo_qpm[row[0]]) or 120.0)
    if engine.material == "drums" and columns["bars"].ndim == 3:
        struck = (columns["bars"] > 0).astype(np.uint64) << np.arange(columns["bars"].shape[-1], dtype=np.uint64)
        columns = {"bars": np.asarray(np.bitwise_or.reduce(struck, axis=-1))}
    return {**columns, **{name: rows for name, rows in guide.items() if name != "hits"}}, guide


def _sounds(window: Columns) -> bool:
    return any(bool(window[name].any()) for name in ("bars", "bass", "drums") if name in window)


def _lines_of(corpus: Corpus, splits: Sequence[str]) -> Ints:
    """The lines of these splits in the networks' meters."""
    inside = np.isin(np.asarray(corpus.split), [SPLITS.index(split) for split in splits])
    return np.flatnonzero(inside & (np.asarray(corpus.kind) == _FOUR_FOUR))


def _tempo(corpus: Corpus, tunes: Ints) -> float | None:
    """The median tempo of these tunes, each counting once; None where none is known."""
    _, first = np.unique(np.asarray(corpus.tune), return_index=True)
    by_tune = dict(zip(np.asarray(corpus.tune)[first].tolist(), np.asarray(corpus.tempo_qpm)[first].tolist(), strict=True))
    known = [by_tune[tune] for tune in np.unique(tunes).tolist() if by_tune[tune] > 0]
    return float(round(np.median(known))) if known else None


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
