"""Sections one by one: themes that are chosen, returns that are varied, ends that lead on.

The first theme is the best of several that the prior draws. Every other goes on from it, as the second part of a tune from the
first, and is the one that contrasts best with all themes before it while it stays in their key. A section is its theme in the moods of
its moment, decoded with the theme's own noise, so that it is the same section again whatever the moods are. Returns are varied as
`compose.composing.developing` has it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.composing.cadences import Goal, with_cadence
from musicvae.compose.composing.developing import Material, Return, developed
from musicvae.compose.composing.hearing import likeness, onsets_of, opening_pitch, theme_faults
from musicvae.compose.composing.moods import Course
from musicvae.compose.composing.rendering import (
    Forced,
    Stage,
    Theme,
    anchor,
    as_dense,
    draw_themes,
    leading,
    more_onsets,
    render,
)
from musicvae.compose.composing.usual import notes_a_bar
from musicvae.compose.engine import Floats
from musicvae.compose.seeds import derived_seed
from musicvae.compose.tonality import USUAL_MODES, centre_fits, tonal_centre
from musicvae.music.attributes import own_key
from musicvae.music.key import MODES, Key
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens, canonical_tokens

__all__ = ["THEMES", "Writer", "Wish"]

THEMES = 8
"""Themes that are tried for each letter."""
_MIN_RISE = 3.0
_ALIKE_BY_CHANCE, _TOO_ALIKE = 0.15, 0.4
_USUAL_MODE_BONUS = 0.08
_LADDER, _SAME_MOOD = (0.0, -4.0, -2.0, -1.0, 1.0, 2.0, 4.0), 0.05
_OWN_NOTES = 0.25
"""How much, in logarithms, each bar's own number of notes counts beside the section's mean where moods ask for more or fewer."""
_MISSED_NOTES, _RESTLESS = 8.0, 2.0


@dataclass(frozen=True)
class Wish:
    """What themes are chosen by.

    mode: of the piece, None for any; majorness: how much a major mode is preferred to a minor one; home: the key, in coordinates, where
    chords tell it.
    """

    mode: str | None = None
    majorness: float = 0.0
    home: Key | None = None


@dataclass(eq=False)
class Writer:
    """Writes the sections of one piece; the same seed, stage and calls give the same tokens.

    section_bars: model bars of a whole section. vary: how much returns differ, 0 to 1. home: the key, once the first
    theme is there; notes_wished: how many more notes the moods asked for then.
    """

    stage: Stage
    seed: int
    section_bars: int
    vary: float
    wish: Wish = Wish()
    themes: dict[str, Theme] = field(default_factory=dict)
    home: Key | None = None
    notes_wished: float = 0.0

    def theme(self, label: str, course: Course, start_bar: int) -> Theme:
        """The theme of a label, drawn in these moods, at this model bar of the piece, when it is asked for first."""
        if label not in self.themes:
            self.themes[label] = self._first(label, course, start_bar) if not self.themes else self._other(label, course, start_bar)
        return self.themes[label]

    def forget(self, live: Collection[str]) -> None:
        """Forget all themes but these and the first."""
        first = next(iter(self.themes), None)
        self.themes = {label: theme for label, theme in self.themes.items() if label in live or label == first}

    def section(self, label: str, turn: int, course: Course, start_bar: int, *, variation: int, goal: Goal) -> Tokens:
        """Tokens (n, S) of the theme of a label at its `turn`, in these moods, from this model bar on; variation: 0 for none."""
        tokens = self.plain(label, course, start_bar)
        tokens = self.varied(label, variation, course, tokens, start_bar)
        return self.closed(label, turn, course, tokens, goal, start_bar)

    def plain(self, label: str, course: Course, start_bar: int, *, settled: Forced | None = None) -> Tokens:
        """The theme of a label in these moods, (n, S); settled: (n, S), what must stay, -1 where nothing does."""
        theme = self.theme(label, course, start_bar)
        forced = None if settled is None else settled[None]
        known = anchor(theme.tokens, self.stage.meter, course.pitch_freedom(theme.strengths)) + leading(settled, theme.tokens.shape)
        nats = _LADDER if np.abs(course.onsets - theme.onsets).max() > _SAME_MOOD else _LADDER[:1]
        drawn = render(self.stage, theme, course, [theme.seed] * len(nats), start_bar, forced=forced, bias=known[None] + more_onsets(nats))
        # Bars do not depend on one another's notes, so that each can be taken from the draw that has as many as the moods ask.
        notes = np.maximum((theme.tokens >= FIRST_PITCH_TOKEN).sum(axis=1), 0.5)
        return as_dense(drawn, notes**_OWN_NOTES * notes.mean() ** (1 - _OWN_NOTES) * self._ratio(course.onsets, theme.onsets))

    def varied(
        self, label: str, variation: int, course: Course, tokens: Tokens, start_bar: int, *, settled: Forced | None = None
    ) -> Tokens:
        """A variation of the section: `tokens` where it is 0; the less the more its moods differ from the first ones."""
        theme = self.themes[label]
        again = Return(variation, self.vary * _likewise(course.means(), theme.strengths))
        if not variation:
            return tokens
        material = Material(self.stage, theme, course, tokens, start_bar, self.home, settled)
        return developed(material, again, derived_seed(self.seed, f"{label} turn {variation}"))

    def closed(
        self, label: str, turn: int, course: Course, tokens: Tokens, goal: Goal, start_bar: int, *, settled_steps: int = 0
    ) -> Tokens:
        """The section with a cadence; settled_steps: what comes before stays."""
        seed = derived_seed(self.seed, f"{label} end {turn}")
        return with_cadence(self.stage, self.themes[label], course, tokens, goal, seed, start_bar, settled_steps=settled_steps)

    def goal(self, steps: int, following: str | None, *, rise: int = 0) -> Goal:
        """How a section of so many steps ends: leading to the opening of the theme that follows, for good where none does.

        rise: how many semitones higher than this section that theme is played, which is then led to in its own key.
        """
        assert self.home is not None, "the first theme, which settles the key, is drawn first"
        if following is None:
            return Goal(steps, self.home, final=True)
        opening = opening_pitch(self.themes[following].tokens)
        return Goal(steps, self.home.transposed(rise), None if opening is None else opening + rise)

    def away_semitones(self, label: str) -> int:
        """How far a theme is moved into a neighbouring key: of a major one the dominant, of a minor one the relative major.

        Up or down, whichever brings it nearer to where the first theme lies; 0 where chords or constraints say what may be played.
        """
        assert self.home is not None, "the first theme, which settles the key, is drawn first"
        if self.stage.plan is not None or self.stage.chords is not None:
            return 0
        up = 7 if (self.home.tonic + 4) % 12 in self.home.scale else 3
        middle = [float(onsets_of(theme.tokens)[1].mean()) for theme in (next(iter(self.themes.values())), self.themes[label])]
        return min(up, up - 12, key=lambda step: abs(middle[1] + step - middle[0]))

    def _first(self, label: str, course: Course, start_bar: int) -> Theme:
        seeds = [self.seed, *(derived_seed(self.seed, f"theme {label} {k}") for k in range(1, THEMES))]
        themes = draw_themes(self.stage, course, self.section_bars, seeds, start_bar)
        costs = [
            theme_faults(theme.tokens, self.stage.meter, None) + self._mode_fault(theme.tokens) + self._missed_notes(theme.tokens, course)
            for theme in themes
        ]
        chosen = themes[int(np.argmin(costs))]
        self.home, self.notes_wished = self._home(chosen.tokens), float(course.onsets.mean())
        return chosen

    def _missed_notes(self, tokens: Tokens, course: Course) -> float:
        """What speaks against a first theme that has not the notes which the moods ask for; beside a style: more, or fewer."""
        asked, notes = float(course.onsets.mean()), max(len(onsets_of(tokens)[1]), 1) / len(tokens)
        if not asked:
            return 0.0
        if course.has_style:
            return -asked * float(np.log(notes))
        return _MISSED_NOTES * abs(float(np.log(notes / notes_a_bar(self.stage.meter.kind, asked))))

    def _ratio(self, asked: Floats | float, before: float) -> Floats:
        """How many times as many notes are asked for as before."""
        return notes_a_bar(self.stage.meter.kind, asked) / notes_a_bar(self.stage.meter.kind, before)

    def _other(self, label: str, course: Course, start_bar: int) -> Theme:
        first = next(iter(self.themes.values()))
        best: tuple[float, Theme] | None = None
        # Some tunes go on as they began, however often one asks: what stands by itself is tried then.
        for lead, name in ((canonical_tokens(first.tokens), "theme"), (None, "fresh theme")):
            seeds = [derived_seed(self.seed, f"{name} {label} {k}") for k in range(THEMES)]
            for theme in draw_themes(self.stage, course, self.section_bars, seeds, start_bar, lead=lead):
                fault = theme_faults(theme.tokens, self.stage.meter, self.home) + self._sameness(theme.tokens)
                fault += self._restlessness(theme.tokens, course)
                if best is None or fault < best[0]:
                    best = fault, theme
            if best is not None and self._alike(best[1].tokens) <= _TOO_ALIKE:
                break
        assert best is not None
        return best[1]

    def _alike(self, tokens: Tokens) -> float:
        """Likeness to the theme before that is most like it."""
        return max(likeness(tokens, theme.tokens) for theme in self.themes.values())

    def _sameness(self, tokens: Tokens) -> float:
        """What speaks against a contrasting theme: being like one before, and lying where the first one lies."""
        own, first = onsets_of(tokens)[1], onsets_of(next(iter(self.themes.values())).tokens)[1]
        rise = abs(float(own.mean()) - float(first.mean())) if len(own) and len(first) else _MIN_RISE
        return 8 * max(0.0, self._alike(tokens) - _ALIKE_BY_CHANCE) + 0.25 * max(0.0, _MIN_RISE - rise)

    def _restlessness(self, tokens: Tokens, course: Course) -> float:
        """What speaks against a theme with far more or fewer notes than the first one had, but for what the moods ask."""
        first = len(onsets_of(next(iter(self.themes.values())).tokens)[1])
        wanted = max(first, 1) * self._ratio(float(course.onsets.mean()), self.notes_wished)
        return _RESTLESS * abs(float(np.log(max(len(onsets_of(tokens)[1]), 1) / wanted)))

    def _home(self, tokens: Tokens) -> Key:
        """The key of a theme, major or minor unless another mode fits clearly better; where chords tell it, theirs."""
        if self.wish.home is not None:
            return self.wish.home
        melody = from_coordinates(tokens, self.stage.meter, shift_semitones=0)
        if not self.stage.engine.config.canonical_key:
            return own_key(melody)
        if self.wish.mode is not None:
            return tonal_centre(melody, (self.wish.mode,))
        fits = centre_fits(melody, USUAL_MODES)
        return max(fits, key=lambda key: fits[key] + _USUAL_MODE_BONUS * (key.mode in ("major", "minor")))

    def _mode_fault(self, tokens: Tokens) -> float:
        """What speaks against a theme whose mode is not the wished one."""
        melody = from_coordinates(tokens, self.stage.meter, shift_semitones=0)
        tonic = 0 if self.stage.engine.config.canonical_key else own_key(melody).major_tonic
        fits = {key.mode: fit for key, fit in centre_fits(melody, tuple(MODES), major_tonic=tonic).items()}
        if self.wish.mode is not None:
            usual = [fits[mode] for mode in {*USUAL_MODES, self.wish.mode} - {self.wish.mode}]
            return 6 * max(0.0, max(usual) - fits[self.wish.mode])
        return -2 * self.wish.majorness * (fits["major"] - max(fits["minor"], fits["dorian"]))


def _likewise(now: Mapping[str, float], first: Mapping[str, float]) -> float:
    """How alike two moods are, 1 for the same, 0 from a strength of 1 between them on: a section in another mood is varied by that."""
    return max(0.0, 1 - max((abs(now.get(name, 0.0) - first.get(name, 0.0)) for name in {*now, *first}), default=0.0))
