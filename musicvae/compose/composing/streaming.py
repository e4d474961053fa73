"""Music without an end, bar by bar, whose moods, styles and tempo can be changed while it plays.

The form is played again and again. Its first letter stays as it was; of every other letter each round has a theme of its
own. A change is heard from the next bar on: strengths and tempo glide to what is asked, the bars of the section that are still to come are
decoded anew from the same place in latent space, with the same noise, under the new moods, and what was given out already is
forced, so that the tune goes on instead of jumping. Constraints hold in every bar from the next one on. The work of a section is spread
over its bars.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates, transposition
from musicvae.compose.composing.form import Sign
from musicvae.compose.composing.moods import Course, Palette
from musicvae.compose.composing.piece import loud
from musicvae.compose.composing.rendering import FREE
from musicvae.compose.composing.writing import Writer
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.plan import FORBIDDEN, Plan
from musicvae.compose.engine import Floats
from musicvae.compose.limits import check_strengths, check_tempo
from musicvae.compose.styled import Styles
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, VOCABULARY_SIZE, Tokens

__all__ = ["Bar", "MusicStream", "Wanted", "glided", "named_strengths", "towards"]

STRENGTH_PER_BAR = 0.5
"""By how much a mood changes from one bar to the next, at most."""
TEMPO_PER_BAR = 0.08
"""The same for the tempo, as a share of it."""


@dataclass(frozen=True)
class Bar:
    """One bar of a stream.

    number: from 0. section: its letter, with a prime for a varied return. notes: onsets are counted from the bar's start;
    the last may sound on into the bars that follow, which then begin with its sound. moods: the strengths in this bar. is_last: whether
    the stream ends with it.
    """

    number: int
    section: str
    notes: tuple[Note, ...]
    meter: Meter
    tempo_qpm: float
    key: Key
    moods: Mapping[str, float] = field(default_factory=dict)
    is_last: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return 60 * self.meter.beats_per_bar / self.tempo_qpm

    @property
    def melody(self) -> Melody:
        """The bar by itself, its notes cut at its end."""
        width = self.meter.steps_per_bar
        notes = tuple(replace(note, duration_steps=min(note.duration_steps, width - note.onset_steps)) for note in self.notes)
        return Melody(notes, meter=self.meter, num_bars=1, tempo_qpm=self.tempo_qpm, key=self.key)


@dataclass(frozen=True)
class Wanted:
    """What the music is to glide to, strengths by name of mood, attribute or style, and the tempo; and what it must keep to."""

    strengths: Mapping[str, float]
    tempo_qpm: float
    constraints: Constraints = Constraints()


@dataclass(eq=False)
class _Draft:
    """The section that is being played. labels: of its theme and of the next one's; done: what was made of it so far."""

    sign: str
    label: str
    turn: int
    variation: int
    past: list[dict[str, float]]
    tokens: Tokens | None = None
    done: tuple[str, ...] = ()
    following: str | None = None


class MusicStream(Iterator[Bar]):
    """Bars without an end; iterate over it, and change it from any thread while somebody else iterates."""

    def __init__(
        self, writer: Writer, form: tuple[Sign, ...], section_bars: int, wanted: Wanted,
        palette: Callable[[tuple[str, ...]], Palette], key: Key | None,
    ) -> None:  # fmt: skip
        self._writer, self._form, self._section_bars, self._key = writer, form, section_bars, key
        self._wanted, self._palette_of = wanted, palette
        self._fixed_shift: int | None = None
        self._palette = palette(tuple(wanted.strengths))
        self._now, self._tempo = dict(wanted.strengths), wanted.tempo_qpm
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._ending = self._over = False
        self._number = self._place = 0
        self._turns: dict[str, int] = {}
        self._draft: _Draft | None = None
        self._planned: Wanted | None = None
        self._check(wanted.constraints)

    @property
    def wanted(self) -> Wanted:
        """What was asked for last."""
        return self._wanted

    def _plan(self, constraints: Constraints, section: int) -> Plan | None:
        """What constraints come to in a section; a rhythm and chords begin with each, notes are those of its bars."""
        first = section * self._section_bars
        notes = tuple(
            replace(note, bar=note.bar - first) for note in constraints.notes if first < note.bar <= first + self._section_bars
        )  # fmt: skip
        own = replace(constraints, notes=notes)
        if own.is_empty:
            return None
        if self._key is not None and not self._writer.stage.engine.config.canonical_key:
            own = own.within(self._key)
        return own.over(self._writer.stage.meter, self._section_bars, key=self._key)

    @property
    def _shift(self) -> int:
        """Semitones that coordinates are above what is heard, the same throughout: as the first constraints or the key have it."""
        if self._fixed_shift is None and self._key is not None and self._writer.home is not None:
            return -transposition(self._writer.home, self._key)
        return self._fixed_shift or 0

    def _check(self, constraints: Constraints) -> Constraints:
        """ValueError for what contradicts itself, notes in bars that are over, and what lies outside the model's pitches here."""
        if not isinstance(constraints, Constraints):
            raise ValueError(f"constraints are made by Constraints.of, as in Constraints.of(scale='D dorian'), got {constraints!r}")
        if past := [note for note in constraints.notes if note.bar <= self._number]:
            raise ValueError(f"the note {past[0]} lies in bar {past[0].bar}, and {self._number} bars have been played: ask for later ones")
        stage = self._writer.stage
        sections = sorted({self._number // self._section_bars, *((note.bar - 1) // self._section_bars for note in constraints.notes)})
        plans = [plan for section in sections if (plan := self._plan(constraints, section)) is not None]
        if plans and self._writer.home is None:
            self._fixed_shift = plans[0].shift(stage.engine.config, None if self._key is None else self._key.major_tonic)
        for plan in plans:
            plan.bound(0, stage.meter.model_bars(self._section_bars), self._shift)
        return constraints

    @property
    def notices(self) -> tuple[str, ...]:
        """What moods would move that the model has no vector for."""
        return self._palette.left_out

    def set(
        self, *, mood: Styles | None = None, style: Styles | None = None, tempo_qpm: float | None = None,
        constraints: Constraints | None = None,
    ) -> None:  # fmt: skip
        """Ask for other strengths, another tempo or other constraints, from the next bar on; what is not named stays as it was asked for.

        mood, style: a name, which means 1, or strengths by name; 0 takes one away. constraints: in place of those before, `Constraints()`
        for none; bars of notes that must be there count from 1 at the stream's beginning. ValueError, and nothing changes, for
        unknown names, strengths beyond +-10, styles of another meter and what cannot be kept to.
        """
        asked = {**named_strengths(style), **named_strengths(mood)}
        tempo = None if tempo_qpm is None else check_tempo(tempo_qpm)
        with self._lock:
            strengths = {**self._wanted.strengths, **asked}
            palette = self._palette_of(tuple(strengths)) if asked.keys() - self._wanted.strengths.keys() else self._palette
            rule = self._wanted.constraints if constraints is None else self._check(constraints)
            self._wanted = Wanted(strengths, self._wanted.tempo_qpm if tempo is None else tempo, rule)
            self._palette = palette

    def finish(self) -> None:
        """Ask for an end: the section that plays, or where that is nearly over the next one, closes with a cadence."""
        self._ending = True

    def __iter__(self) -> MusicStream:
        return self

    def __next__(self) -> Bar:
        with self._turn:
            if self._over:
                raise StopIteration
            return self._next()

    # What follows is run by one thread at a time, and reads what others ask for once a bar.

    def _next(self) -> Bar:
        with self._lock:
            wanted, palette = self._wanted, self._palette
        if self._draft is None:
            self._draft = self._begin(self._number // self._section_bars)
        if self._number:
            self._now, self._tempo = towards(self._now, wanted.strengths), glided(self._tempo, wanted.tempo_qpm)
        draft = self._draft
        draft.past.append(dict(self._now))
        course = self._course(draft, wanted, palette)
        changed = self._planned is not wanted and self._number > 0
        if changed or not self._place:
            plan = self._plan(wanted.constraints, self._number // self._section_bars)
            self._writer.stage = replace(self._writer.stage, plan=plan, shift_semitones=self._shift)
        self._planned = wanted
        self._work(draft, course, changed)
        bar = self._bar(draft, course)
        self._number += 1
        self._place += 1
        if self._place == self._section_bars:
            self._over = bar.is_last
            self._draft, self._place = None, 0
        return bar

    def _begin(self, section: int) -> _Draft:
        round_, place = divmod(section, len(self._form))
        sign = self._form[place]
        label = self._label(section)
        # Themes of rounds that are over will not come back.
        live = {self._label(other) for other in range(section, section + 2 * len(self._form))}
        self._writer.forget(live)
        turn = self._turns.get(label, 0)
        self._turns[label] = turn + 1
        marked = any(other.primes for other in self._form)
        variation = turn and (sign.primes + round_ if marked else turn)
        return _Draft(sign.letter, label, turn, variation, [])

    def _label(self, section: int) -> str:
        round_, place = divmod(section, len(self._form))
        letter = self._form[place].letter
        return letter if letter == self._form[0].letter or not round_ else f"{letter} {round_ + 1}"

    def _course(self, draft: _Draft, wanted: Wanted, palette: Palette) -> Course:
        """The moods of the section's model bars: as they were, and as they will be if nothing more is asked."""
        bars = list(draft.past)
        while len(bars) < self._section_bars:
            bars.append(towards(bars[-1], wanted.strengths))
        asked: dict[str, Floats] = {name: np.array([row.get(name, 0.0) for row in bars]) for name in palette.shares}
        return palette.course(asked, len(bars)).every(self._writer.stage.meter.written_per_model_bar)

    def _work(self, draft: _Draft, course: Course, changed: bool) -> None:
        """Make what this bar needs of the section, and do it again where the moods have changed."""
        place, closing = self._place, max(0, self._section_bars - 3)
        due = [("plain", 0), ("varied", min(1, closing)), ("next", min(2, closing)), ("closed", closing)]
        again = draft.done if changed and draft.tokens is not None else ()
        for name, when in due:
            if name in again or (place >= when and name not in draft.done):
                self._step(draft, name, course)
                draft.done = (*draft.done, *(() if name in draft.done else (name,)))

    def _step(self, draft: _Draft, name: str, course: Course) -> None:
        writer, settled = self._writer, self._settled(draft)
        if name == "plain":
            draft.tokens = writer.plain(draft.label, course, 0, settled=settled)
            return
        assert draft.tokens is not None, "a section is made before it is varied and closed"
        if name == "varied" and draft.variation:
            draft.tokens = writer.varied(draft.label, draft.variation, course, draft.tokens, 0, settled=settled)
        elif name == "next" and draft.following is None and not self._ending:
            draft.following = self._label(self._number // self._section_bars + 1)
            # Notes that must be in this section need not be in the next one's theme.
            stage, rule = writer.stage, replace(self._planned.constraints if self._planned else Constraints(), notes=())
            writer.stage = replace(stage, plan=self._plan(rule, 0))
            writer.theme(draft.following, course, 0)
            writer.stage = stage
        elif name == "closed":
            if self._ending and "closed" not in draft.done:
                draft.following = None
            width = writer.stage.meter.steps_per_bar
            goal = writer.goal(self._section_bars * width, draft.following)
            draft.tokens = writer.closed(draft.label, draft.turn, course, draft.tokens, goal, 0, settled_steps=self._place * width)

    def _settled(self, draft: _Draft) -> Any:
        """What of the section was given out already, and the rest of a note that sounds on from there, (n, S)."""
        if draft.tokens is None or not self._place:
            return None
        flat = draft.tokens.reshape(-1)
        now = self._place * self._writer.stage.meter.steps_per_bar
        until = now
        if (flat[:now] != HOLD).any() and flat[np.flatnonzero(flat[:now])[-1]] >= FIRST_PITCH_TOKEN:
            events = np.flatnonzero(flat[now:])
            until = now + int(events[0]) + 1 if len(events) else len(flat)
        settled = np.full(len(flat), FREE, np.int16)
        settled[:until] = flat[:until]
        if until > now:  # this event was not given out yet: something has to end the note there, and need not be what was planned
            settled[until - 1] = self._kept_to(int(flat[until - 1]), until - 1)
        return settled.reshape(draft.tokens.shape)

    def _kept_to(self, token: int, step: int) -> int:
        """An event at a step of the section, or what constraints make of it: the nearest pitch that they allow, FREE where none is."""
        stage = self._writer.stage
        if stage.plan is None:
            return token
        bound = stage.plan.bound(0, stage.meter.model_bars(self._section_bars), self._shift)
        bias, forced = bound.bias.reshape(-1, VOCABULARY_SIZE)[step], int(bound.forced.reshape(-1)[step])
        if forced != FREE or bias[token] > FORBIDDEN / 2:
            return token if forced == FREE else forced
        allowed = np.flatnonzero(bias[FIRST_PITCH_TOKEN:] > FORBIDDEN / 2) + FIRST_PITCH_TOKEN
        return int(min(allowed, key=lambda other: abs(other - token))) if token >= FIRST_PITCH_TOKEN and len(allowed) else FREE

    def _bar(self, draft: _Draft, course: Course) -> Bar:
        assert draft.tokens is not None
        stage, home = self._writer.stage, self._writer.home
        assert home is not None
        width = stage.meter.steps_per_bar
        start = self._place * width
        whole = from_coordinates(draft.tokens, stage.meter, shift_semitones=self._shift, num_bars=self._section_bars)
        if stage.plan is not None:
            whole = stage.plan.finish(whole)
        loudness = course.loudness[self._place // stage.meter.written_per_model_bar]
        notes = tuple(
            replace(
                note,
                onset_steps=note.onset_steps - start,
                velocity=loud(note.velocity, loudness),
            )  # fmt: skip
            for note in whole.notes
            if start <= note.onset_steps < start + width
        )
        name = draft.sign + "'" * bool(draft.variation)
        is_last = self._place == self._section_bars - 1 and "closed" in draft.done and draft.following is None
        strengths = {mood: value for mood, value in self._now.items() if value}
        return Bar(self._number, name, notes, stage.meter, self._tempo, self._key or home.transposed(-self._shift), strengths, is_last)


def named_strengths(strengths: Styles | None) -> dict[str, float]:
    """Strengths by name, each -10 to 10; a name alone means 1. ValueError otherwise."""
    if not strengths:
        return {}
    return check_strengths({strengths: 1.0} if isinstance(strengths, str) else strengths)


def towards(now: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """Strengths a bar later."""
    return {
        name: now.get(name, 0.0) + float(np.clip(goal - now.get(name, 0.0), -STRENGTH_PER_BAR, STRENGTH_PER_BAR))
        for name, goal in wanted.items()
    }


def glided(tempo: float, wanted: float) -> float:
    """The tempo a bar later."""
    return float(np.clip(wanted, tempo / (1 + TEMPO_PER_BAR), tempo * (1 + TEMPO_PER_BAR)))
