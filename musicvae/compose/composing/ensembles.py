"""Long pieces of drums or trios: sections that return, fills that lead on, an end.

Conventions: columns are those of `compose.pieces.engine`, (n, 16) of one stretch of n bars, (N, n, 16) of N draws. Given z, bars are
written apart from one another, so that bars of several draws can be put together. As with melodies (`compose.composing.writing`) a
section is a place in latent space: the first theme is the best of several draws, every other goes on from it and contrasts with it, a
varied return lets go of some bars, of more each time. The last bar of a section is the draw of it with the fullest fill whose bass, in a
trio, rests on the dominant; the last bar of the piece is one stroke, and in a trio the tonic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.composing.developing import Return, distance_of
from musicvae.compose.composing.form import Plan, Section
from musicvae.compose.composing.hearing import dominant, likeness, roughness, theme_faults
from musicvae.compose.composing.moods import Course
from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.seeds import derived_seed
from musicvae.model.noise import generator
from musicvae.music.drum_maps import DRUM_MAPS, drum_map
from musicvae.music.key import Key, estimate_key
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MIN_PITCH, NOTE_OFF, canonical_tokens

__all__ = ["Ensemble", "EngineLayout", "Rows", "apart", "compose_ensemble", "has_pitches"]

_DRAWS = 8
_MOVE_SIGMAS, _FILL_SIGMAS, _FILL_HEAT = 1.5, 2.5, 1.4  # fills stray further than variations, and are drawn hotter
_LOOSE = 2.0
"""How many bars of a return may change, in shares of how far it should be from the section."""
_KICK, _SNARE_AND_TOMS, _CRASH = (0,), (1, 4, 5, 6), (7,)  # classes of the map "nine"
_FOUR_FOUR = Meter(4, 4)
Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class EngineLayout:
    """The numbers of a network of pieces as `Course.offset` asks for them."""

    engine: PieceEngine

    @property
    def z_size(self) -> int:
        """Length of z."""
        return self.engine.config.z_size

    @property
    def fixed_window(self) -> bool:
        """Whether z stands for a window as a whole."""
        return self.engine.fixed_window

    def z_used(self, bars: int) -> int:
        """Length of the part of z that so many bars have."""
        return self.engine.z_used(bars)


@dataclass(frozen=True, eq=False)
class _Theme:
    """A section's place in latent space, z (Z,), after the bars of `lead`, and how it sounded first."""

    z: Floats
    lead: Columns
    seed: int
    columns: Rows


@dataclass(eq=False)
class Ensemble:
    """Writes the sections of one piece of drums or a trio; bars: of a section. home: of a trio, once its first theme is there."""

    engine: PieceEngine
    seed: int
    bars: int
    vary: float
    temperature: float
    prior_temperature: float
    themes: dict[str, _Theme] = field(default_factory=dict)
    home: Key | None = None

    def theme(self, label: str, course: Course) -> _Theme:
        """The theme of a label, drawn in these moods when it is asked for first."""
        if label not in self.themes:
            self.themes[label] = self._other(label, course) if self.themes else self._best(self._draws(label, course, None))
            if self.home is None and "bass" in self.themes[label].columns:
                self.home = _key_of(self.themes[label].columns)
        return self.themes[label]

    def _other(self, label: str, course: Course) -> _Theme:
        """A theme that goes on from the first, or where none of these contrasts with it, one by itself."""
        first = next(iter(self.themes.values()))
        best = self._best(self._draws(label, course, first.columns))
        if max(_alike(best.columns, theme.columns) for theme in self.themes.values()) <= self._most_alike:
            return best
        return self._best([best, *self._draws(f"fresh {label}", course, None)])

    def _best(self, drawn: Sequence[_Theme]) -> _Theme:
        costs = [self._faults(theme.columns) + (self._sameness(theme.columns) if self.themes else 0.0) for theme in drawn]
        return drawn[int(np.argmin(costs))]

    @property
    def _most_alike(self) -> float:
        """How alike contrasting themes may be: melodies are unlike each other, beats have much in common."""
        return 0.3 if self.engine.material == "trio" else 0.65

    def forget(self, live: Collection[str]) -> None:
        """Forget all themes but these and the first."""
        first = next(iter(self.themes), None)
        self.themes = {label: theme for label, theme in self.themes.items() if label in live or label == first}

    def section(self, section: Section, course: Course) -> Rows:
        """The bars of a section in these moods, with its end."""
        theme = self.theme(section.letter, course)
        columns = _row(self._decode(theme, theme.z, course, [theme.seed], self.temperature), 0)
        noise = generator(derived_seed(self.seed, f"{section.letter} turn {section.turn}"), "variation")
        chance, moved = noise.random(self.bars), self._moved(theme, noise, _MOVE_SIGMAS * self.vary)
        seeds = [derived_seed(self.seed, f"{section.letter} turn {section.turn} {k}") for k in range(_DRAWS)]
        draws = self._decode(theme, moved, course, seeds, self.temperature)
        if section.variation:
            loose = (chance < _LOOSE * distance_of(Return(section.variation, self.vary))) & (np.arange(self.bars) >= max(1, self.bars // 4))
            pick = int(chance[0] * _DRAWS) % _DRAWS
            columns = {name: np.where(loose[:, None], draws[name][pick], rows) for name, rows in columns.items()}
        if section.is_last:
            return self._ended(columns)
        fills = self._decode(theme, self._moved(theme, noise, _FILL_SIGMAS), course, seeds, self.temperature * _FILL_HEAT)
        draws = {name: np.concatenate([rows, fills[name]]) for name, rows in draws.items()}
        costs = [self._close_cost({name: rows[k, -1:] for name, rows in draws.items()}, columns) for k in range(2 * _DRAWS)]
        best = int(np.argmin(costs))
        return {name: np.concatenate([rows[:-1], draws[name][best, -1:]]) for name, rows in columns.items()}

    def _draws(self, label: str, course: Course, lead: Columns | None) -> list[_Theme]:
        seeds = [derived_seed(self.seed, f"theme {label} {k}") if k else self.seed for k in range(_DRAWS)]
        before: Columns = {} if lead is None else lead
        size = len(lead["bars"]) if lead is not None else 0
        given = None
        if lead is not None:
            mu = self.engine.encode({name: rows[None] for name, rows in lead.items()})[0]
            given = np.repeat(mu - course.steady(size).offset(0, self._layout), _DRAWS, axis=0)
        z = self.engine.sample_prior(seeds, bars=size + self.bars, temperature=self.prior_temperature, given=given, given_bars=size)
        themes = []
        for row, seed in zip(z, seeds, strict=True):
            theme = _Theme(row, before, seed, {})
            themes.append(_Theme(row, before, seed, _row(self._decode(theme, row, course, [seed], self.temperature), 0)))
        return themes

    @property
    def _layout(self) -> Any:
        return EngineLayout(self.engine)

    def _decode(self, theme: _Theme, z: Floats, course: Course, seeds: Sequence[int], temperature: float) -> Rows:
        """Columns (N, n, 16) of z (Z,) after the theme's lead, in these moods, a row for each seed."""
        size = len(theme.lead["bars"]) if theme.lead else 0
        moved = np.repeat((z + course.offset(size, self._layout))[None], len(seeds), axis=0)
        given = {name: np.repeat(rows[None], len(seeds), axis=0) for name, rows in theme.lead.items()} if theme.lead else None
        found = self.engine.decode(moved, bars=size + self.bars, temperature=temperature, seeds=seeds, given=given)
        return {name: np.asarray(rows)[:, size:] for name, rows in found.items() if name in ("bars", "bass", "drums")}

    def _moved(self, theme: _Theme, noise: np.random.Generator, sigmas: float) -> Floats:
        """The theme's z so many posterior standard deviations away."""
        whole = {name: np.concatenate([theme.lead[name], rows]) if theme.lead else rows for name, rows in theme.columns.items()}
        sigma = self.engine.encode({name: rows[None] for name, rows in whole.items()})[1][0]
        used = np.arange(len(sigma)) < self.engine.z_used(len(whole["bars"]))
        return np.asarray(theme.z + np.where(used, sigmas * sigma * noise.standard_normal(len(sigma)), 0.0))

    def _faults(self, columns: Rows) -> float:
        """What speaks against a theme: silent bars, drums that never or always change, a poor melody, a bass that does not play."""
        hits = columns.get("drums", columns["bars"])
        empty = sum(not bar.any() for bar in hits)
        different = len({bar.tobytes() for bar in hits}) / len(hits)
        fault = empty + 2 * max(0.0, different - 0.75) + (different == 1 / len(hits))
        if "bass" in columns:
            fault += theme_faults(canonical_tokens(columns["bars"]), _FOUR_FOUR, self.home)
            fault += sum(not (bar >= FIRST_PITCH_TOKEN).any() for bar in columns["bass"])
        return float(fault)

    def _sameness(self, columns: Rows) -> float:
        """What speaks against a contrasting theme: being too like one before, or having nothing in common with it."""
        alike = max(_alike(columns, theme.columns) for theme in self.themes.values())
        strange = 4 * max(0.0, 0.3 - alike) if self.engine.material == "drums" else 0.0
        return 6 * max(0.0, alike - self._most_alike) + strange

    def _close_cost(self, bar: Rows, section: Rows) -> float:
        """What speaks against a last bar: no fill, far more strokes than usual; in a trio a bass that is not on the dominant, and leaps."""
        hits, usual = bar.get("drums", bar["bars"])[0], section.get("drums", section["bars"])
        fill = _strokes(hits[8:], _classes(self.engine, _SNARE_AND_TOMS)).sum()
        every = _strokes(hits, range(64)).sum()
        mean = _strokes(usual, range(64)).sum() / len(usual)
        cost = -min(float(fill), 5.0) + max(0.0, float(every) - 1.5 * float(mean)) + 4.0 * (not hits.any())
        if self.home is None or "bass" not in bar:
            return cost
        for name, weight in (("bass", 6.0), ("bars", 3.0)):
            pitches = _pitches(bar[name])
            cost += weight * (not pitches or pitches[0] % 12 not in dominant(self.home)) + 0.2 * roughness(pitches)
        return cost

    def _ended(self, columns: Rows) -> Rows:
        """The section with one stroke, and in a trio the tonic, in its last bar."""
        ended = {name: rows.copy() for name, rows in columns.items()}
        stroke = sum(1 << number for number in _classes(self.engine, _KICK + _CRASH))
        drums = ended["drums" if "drums" in ended else "bars"]
        drums[-1] = 0
        drums[-1, 0] = stroke
        if self.home is not None and "bass" in ended:
            for name in ("bars", "bass"):
                ended[name][-1] = HOLD
                ended[name][-1, 0] = _nearest(self.home.tonic, _pitches(columns[name][:-1])) - MIN_PITCH + FIRST_PITCH_TOKEN
        return ended


def compose_ensemble(ensemble: Ensemble, plan: Plan, course: Course) -> Rows:
    """The columns of a whole plan in the moods of `course`, an entry for each bar."""
    starts = [section.start_bar + section.num_bars - plan.section_bars for section in plan.sections]
    moods = [course.of(start, plan.section_bars) for start in starts]
    parts = [
        {name: rows[-section.num_bars :] for name, rows in ensemble.section(section, own).items()}
        for section, own in zip(plan.sections, moods, strict=True)
    ]
    whole = {name: np.concatenate([apart(part[name], name, ensemble.engine.material) for part in parts]) for name in parts[0]}
    return {name: canonical_tokens(rows) if has_pitches(name, ensemble.engine.material) else rows for name, rows in whole.items()}


def apart(rows: NDArray[Any], name: str, material: str) -> NDArray[Any]:
    """A section's rows; where nothing starts at once, what sounded before it ends."""
    if has_pitches(name, material) and rows[0, 0] == HOLD:
        rows = rows.copy()
        rows[0, 0] = NOTE_OFF
    return rows


def has_pitches(name: str, material: str) -> bool:
    """Whether a column holds tokens of a line."""
    return name == "bass" or (name == "bars" and material == "trio")


def _row(columns: Mapping[str, NDArray[Any]], row: int) -> Rows:
    return {name: rows[row] for name, rows in columns.items()}


def _classes(engine: PieceEngine, of_nine: Sequence[int]) -> list[int]:
    """The classes of the engine's drum map that belong to these of the map "nine"."""
    kit = DRUM_MAPS["nine"].class_of[drum_map(engine.drum_map).pitch_of]
    return [int(number) for number in np.flatnonzero(np.isin(kit, of_nine))]


def _strokes(hits: NDArray[np.uint64], classes: Sequence[int] | range) -> NDArray[np.int64]:
    """How many of these classes are struck at each step."""
    return np.asarray(sum(((hits >> np.uint64(number)) & np.uint64(1)).astype(np.int64) for number in classes))


def _alike(a: Rows, b: Rows) -> float:
    """Likeness of the melodies of trios, of the strokes of drums, 0 to 1."""
    if "bass" in a:
        return likeness(a["bars"], b["bars"])
    common: NDArray[np.uint64] = np.bitwise_and(a["bars"], b["bars"])
    both = _strokes(common, range(64)).sum()
    return float(2 * both / max(1, _strokes(a["bars"], range(64)).sum() + _strokes(b["bars"], range(64)).sum()))


def _pitches(tokens: NDArray[Any]) -> list[int]:
    flat = tokens.reshape(-1)
    return [int(token) - FIRST_PITCH_TOKEN + MIN_PITCH for token in flat[flat >= FIRST_PITCH_TOKEN]]


def _nearest(pitch_class: int, line: Sequence[int]) -> int:
    """The pitch of a class that is nearest to the last of a line."""
    last = line[-1] if line else 60
    return last + (pitch_class - last + 6) % 12 - 6


def _key_of(columns: Rows) -> Key:
    pitches = _pitches(columns["bars"]) + 2 * _pitches(columns["bass"])
    return estimate_key(pitches, [STEPS_PER_BEAT] * len(pitches))
