"""Sections one by one: themes that are chosen, returns that are varied, ends that lead on.

The first theme is the best of several that the prior draws. Every other goes on from it, as the second part of a tune from the first, and is the
one that contrasts best with all themes before it while it stays in their key. A section is its theme in the moods of
its moment, decoded with the theme's own noise, so that it is the same section again wherever the moods are. A varied return keeps the opening and
lets go of some of the other bars, which are decoded from z moved by a few standard deviations of q(z | section).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.composing.cadences import Goal, with_cadence
from musicvae.compose.composing.form import Section
from musicvae.compose.composing.hearing import likeness, onsets_of, opening_pitch, theme_faults
from musicvae.compose.composing.moods import Course
from musicvae.compose.composing.rendering import Forced, Part, Stage, Theme, draw_themes, render
from musicvae.compose.engine import Floats
from musicvae.compose.seeds import derived_seed
from musicvae.compose.tonality import USUAL_MODES, centre_fits, tonal_centre
from musicvae.model.noise import generator
from musicvae.music.attributes import own_key
from musicvae.music.key import MODES, Key
from musicvae.music.vocabulary import Tokens, canonical_tokens

__all__ = ["THEMES", "Writer", "Wish"]

THEMES = 8
"""Themes that are tried for each letter."""
VARIATIONS = 6
_MOVE_SIGMAS = 1.5
_MIN_RISE = 3.0


@dataclass(frozen=True)
class Wish:
    """What themes are chosen by. mode: of the piece, None for any; majorness: how much a major mode is preferred to a minor one."""

    mode: str | None = None
    majorness: float = 0.0


@dataclass(eq=False)
class Writer:
    """Writes the sections of one piece; the same seed, stage and calls give the same tokens.

    section_bars: model bars of a whole section. vary: how much returns differ, 0 to 1. bound: start bar -> bias (n, S, 90), what is asked of
    these bars besides.
    """

    stage: Stage
    seed: int
    section_bars: int
    vary: float
    wish: Wish = Wish()
    themes: dict[str, Theme] = field(default_factory=dict)
    home: Key | None = None

    def theme(self, label: str, course: Course) -> Theme:
        """The theme of a label, drawn in these moods when it is asked for first."""
        if label not in self.themes:
            self.themes[label] = self._first(label, course) if not self.themes else self._other(label, course)
        return self.themes[label]

    def section(
        self, label: str, turn: int, course: Course, *, varied: bool, goal: Callable[[Key], Goal] | None, forced: Forced | None = None
    ) -> Tokens:
        """Tokens (n, S) of the theme of a label at its `turn`, in these moods.

        varied: whether it may differ from the first turn. goal: home -> how it ends; None: as the theme does. forced: (n, S), what is settled already.
        """
        theme = self.theme(label, course)
        settled = None if forced is None else forced[None]
        tokens = render(self.stage, theme, course, [theme.seed], forced=settled)[0]
        if varied and self.vary > 0:
            tokens = self._varied(theme, course, tokens, derived_seed(self.seed, f"{label} turn {turn}"), settled)
        if goal is not None:
            assert self.home is not None
            tokens = with_cadence(self.stage, theme, course, tokens, goal(self.home), derived_seed(self.seed, f"{label} end {turn}"))
        return tokens

    def _first(self, label: str, course: Course) -> Theme:
        seeds = [self.seed, *(derived_seed(self.seed, f"theme {label} {k}") for k in range(1, THEMES))]
        themes = draw_themes(self.stage, course, self.section_bars, seeds)
        costs = [theme_faults(theme.tokens, self.stage.meter, None) + self._mode_fault(theme.tokens) for theme in themes]
        chosen = themes[int(np.argmin(costs))]
        self.home = self._home(chosen.tokens)
        return chosen

    def _other(self, label: str, course: Course) -> Theme:
        first = next(iter(self.themes.values()))
        seeds = [derived_seed(self.seed, f"theme {label} {k}") for k in range(THEMES)]
        lead = canonical_tokens(first.tokens)
        themes = draw_themes(self.stage, course, self.section_bars, seeds, lead=lead)
        costs = [theme_faults(theme.tokens, self.stage.meter, self.home) + self._sameness(theme.tokens) for theme in themes]
        return themes[int(np.argmin(costs))]

    def _sameness(self, tokens: Tokens) -> float:
        """What speaks against a contrasting theme: being like one before, and lying where that lies."""
        if not len(onsets_of(tokens)[0]):
            return 0.0
        middle = float(onsets_of(tokens)[1].mean())
        alike = max(likeness(tokens, theme.tokens) for theme in self.themes.values())
        first = onsets_of(next(iter(self.themes.values())).tokens)[1]
        rise = middle - float(first.mean()) if len(first) else _MIN_RISE
        return 4 * max(0.0, alike - 0.2) + 0.25 * max(0.0, _MIN_RISE - abs(rise))

    def _home(self, tokens: Tokens) -> Key:
        melody = from_coordinates(tokens, self.stage.meter, shift_semitones=0)
        if not self.stage.engine.config.canonical_key:
            return own_key(melody)
        modes = USUAL_MODES if self.wish.mode is None else (self.wish.mode,)
        return tonal_centre(melody, modes)

    def _mode_fault(self, tokens: Tokens) -> float:
        """What speaks against a theme whose mode is not the wished one."""
        melody = from_coordinates(tokens, self.stage.meter, shift_semitones=0)
        tonic = 0 if self.stage.engine.config.canonical_key else own_key(melody).major_tonic
        fits = {key.mode: fit for key, fit in centre_fits(melody, tuple(MODES), major_tonic=tonic).items()}
        if self.wish.mode is not None:
            usual = [fits[mode] for mode in {*USUAL_MODES, self.wish.mode} - {self.wish.mode}]
            return 6 * max(0.0, max(usual) - fits[self.wish.mode])
        return -2 * self.wish.majorness * (fits["major"] - max(fits["minor"], fits["dorian"]))

    def _varied(self, theme: Theme, course: Course, tokens: Tokens, seed: int, settled: Forced | None) -> Tokens:
        """The section with some of its bars, never the first quarter, drawn anew near where they were."""
        bars = len(tokens)
        noise = generator(seed, "variation")
        chance = noise.random(bars)
        loose = (chance < self.vary) & (np.arange(bars) >= max(1, bars // 4))
        if not loose.any():
            loose[max(1, bars // 4) + int(chance[1:].argmin()) % (bars - max(1, bars // 4))] = bars > 1
        forced = np.where(loose[:, None], -1, tokens.astype(np.int16))[None]
        if settled is not None:
            forced = np.where(settled >= 0, settled, forced)
        moved = self._moved(theme, noise)
        seeds = [derived_seed(seed, f"variation {k}") for k in range(VARIATIONS)]
        drawn = render(self.stage, moved, course, seeds, forced=forced)
        costs = [theme_faults(row, self.stage.meter, self.home) + abs(likeness(row, tokens) - (1 - 0.5 * self.vary)) * 4 for row in drawn]
        return drawn[int(np.argmin(costs))]

    def _moved(self, theme: Theme, noise: np.random.Generator) -> Theme:
        """The theme with its z a few posterior standard deviations away."""
        engine, kind, start = self.stage.engine, self.stage.meter.kind_index, len(theme.lead)
        whole = np.concatenate([theme.lead, theme.tokens])
        parts = []
        for part in theme.parts:
            window = whole[start - part.context_bars : start + part.num_bars]
            sigma = engine.encode(canonical_tokens(window)[None], kind)[1][0]
            used = np.arange(len(sigma)) < engine.config.z_used(len(window))
            away: Floats = np.where(used, _MOVE_SIGMAS * self.vary * sigma * noise.standard_normal(len(sigma)), 0.0)
            parts.append(Part(part.z + away, part.context_bars, part.num_bars))
            start += part.num_bars
        return replace(theme, parts=tuple(parts))


def goal_of(section: Section, steps: int, next_tokens: Tokens | None) -> Callable[[Key], Goal]:
    """How a section ends: for good if it is the last, else leading to the opening of the next."""
    next_pitch = None if next_tokens is None else opening_pitch(next_tokens)
    return lambda home: Goal(steps, home, next_pitch, section.is_last)
