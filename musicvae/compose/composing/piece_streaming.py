"""Drums and trios without an end, bar by bar, whose moods, styles and tempo can be changed while they play.

As `compose.composing.streaming` has it of melodies: the form is played again and again, of every letter but the first each round has
a theme of its own, and a change is heard from the next bar on. Given z, bars are written apart from one another, so that the bars
of a section that are still to come are simply written anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from musicvae.compose.composing.ensembles import Ensemble, Rows, apart, has_pitches
from musicvae.compose.composing.form import Section, Sign
from musicvae.compose.composing.moods import Palette
from musicvae.compose.composing.streaming import Wanted, glided, named_strengths, towards
from musicvae.compose.engine import Floats
from musicvae.compose.limits import check_tempo
from musicvae.compose.pieces.coding import piece_of
from musicvae.compose.styled import Styles
from musicvae.music.piece import Piece
from musicvae.music.vocabulary import canonical_tokens

__all__ = ["PieceBar", "PieceStream"]


@dataclass(frozen=True, eq=False)
class PieceBar:
    """One bar of a stream of drums or trios.

    number: from 0. section: its letter, with a prime for a varied return. music: the bar by itself; its columns, one after another, are
    those of the whole, in which a note of a trio sounds on into the next bar where that begins with a hold. moods: the strengths in
    this bar. is_last: whether the stream ends with it.
    """

    number: int
    section: str
    music: Piece
    moods: Mapping[str, float] = field(default_factory=dict)
    is_last: bool = False

    @property
    def tempo_qpm(self) -> float:
        """Quarter notes a minute in this bar."""
        return self.music.tempo_qpm

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return 60 * self.music.num_beats / self.music.tempo_qpm


@dataclass(eq=False)
class _Draft:
    """The section that is being played, the strengths of its bars so far, and its bars (n, ...) once they are written."""

    section: Section
    past: list[dict[str, float]]
    rows: Rows | None = None


class PieceStream(Iterator[PieceBar]):
    """Bars without an end; iterate over it, and change it from any thread while somebody else iterates."""

    def __init__(self, ensemble: Ensemble, form: tuple[Sign, ...], wanted: Wanted, palette: Callable[[tuple[str, ...]], Palette]) -> None:
        self._ensemble, self._form, self._wanted, self._palette_of = ensemble, form, wanted, palette
        self._palette = palette(tuple(wanted.strengths))
        self._now, self._tempo = dict(wanted.strengths), wanted.tempo_qpm
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._ending = self._over = False
        self._number = 0
        self._turns: dict[str, int] = {}
        self._draft: _Draft | None = None
        self._planned: Wanted | None = None

    @property
    def wanted(self) -> Wanted:
        """What was asked for last."""
        return self._wanted

    @property
    def notices(self) -> tuple[str, ...]:
        """What moods would move that the model has no vector for."""
        return self._palette.left_out

    def set(self, *, mood: Styles | None = None, style: Styles | None = None, tempo_qpm: float | None = None) -> None:
        """Ask for other strengths or another tempo, from the next bar on; what is not named stays as it was asked for.

        mood, style: a name, which means 1, or strengths by name; 0 takes one away. ValueError, and nothing changes, for unknown
        names and strengths beyond +-10.
        """
        asked = {**named_strengths(style), **named_strengths(mood)}
        tempo = None if tempo_qpm is None else check_tempo(tempo_qpm)
        with self._lock:
            strengths = {**self._wanted.strengths, **asked}
            palette = self._palette_of(tuple(strengths)) if asked.keys() - self._wanted.strengths.keys() else self._palette
            self._wanted = Wanted(strengths, self._wanted.tempo_qpm if tempo is None else tempo)
            self._palette = palette

    def finish(self) -> None:
        """Ask for an end: the section that plays, or where it is in its last bar the next one, ends with one stroke."""
        self._ending = True

    def __iter__(self) -> PieceStream:
        return self

    def __next__(self) -> PieceBar:
        with self._turn:
            if self._over:
                raise StopIteration
            return self._next()

    # What follows is run by one thread at a time, and reads what others ask for once a bar.

    def _next(self) -> PieceBar:
        with self._lock:
            wanted, palette = self._wanted, self._palette
        place = self._number % self._ensemble.bars
        if self._draft is None or not place:
            self._draft = _Draft(self._section(self._number // self._ensemble.bars), [])
        if self._number:
            self._now, self._tempo = towards(self._now, wanted.strengths), glided(self._tempo, wanted.tempo_qpm)
        draft = self._draft
        draft.past.append(dict(self._now))
        ends = self._ending and not draft.section.is_last
        if ends:
            own = draft.section
            draft.section = Section(own.letter, own.turn, own.start_bar, own.num_bars, own.variation, is_last=True)
        if draft.rows is None or ends or self._planned is not wanted:
            draft.rows = self._written(draft, wanted, palette)
        self._planned = wanted
        bar = self._bar(draft, draft.rows, place)
        self._number += 1
        self._over = bar.is_last
        return bar

    def _section(self, index: int) -> Section:
        round_, place = divmod(index, len(self._form))
        sign, label = self._form[place], self._label(index)
        self._ensemble.forget({self._label(other) for other in range(index, index + 2 * len(self._form))})
        turn = self._turns.get(label, 0)
        self._turns[label] = turn + 1
        marked = any(other.primes for other in self._form)
        variation = turn and (sign.primes + round_ if marked else turn)
        return Section(label, turn, index * self._ensemble.bars, self._ensemble.bars, variation)

    def _label(self, index: int) -> str:
        round_, place = divmod(index, len(self._form))
        letter = self._form[place].letter
        return letter if letter == self._form[0].letter or not round_ else f"{letter} {round_ + 1}"

    def _written(self, draft: _Draft, wanted: Wanted, palette: Palette) -> Rows:
        """The section's bars in the moods as they were, and as they will be if nothing more is asked."""
        bars = list(draft.past)
        while len(bars) < self._ensemble.bars:
            bars.append(towards(bars[-1], wanted.strengths))
        asked: dict[str, Floats] = {name: np.array([row.get(name, 0.0) for row in bars]) for name in palette.shares}
        rows = self._ensemble.section(draft.section, palette.course(asked, len(bars), vectors_alone=True))
        material = self._ensemble.engine.material
        rows = {name: canonical_tokens(values) if has_pitches(name, material) else values for name, values in rows.items()}
        return {name: apart(values, name, material) for name, values in rows.items()} if draft.section.start_bar else rows

    def _bar(self, draft: _Draft, rows: Rows, place: int) -> PieceBar:
        engine, section = self._ensemble.engine, draft.section
        music = piece_of(
            engine, {name: values[place : place + 1] for name, values in rows.items()}, tempo_qpm=self._tempo, key=self._ensemble.home
        )  # fmt: skip
        name = section.letter.split()[0] + "'" * bool(section.variation)
        strengths = {mood: value for mood, value in self._now.items() if value}
        return PieceBar(self._number, name, music, strengths, section.is_last and place == section.num_bars - 1)
