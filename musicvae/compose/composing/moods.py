"""What words for moods do to the music, and what they add to it bar by bar.

A mood is a mixture of attribute vectors (`compose.learning`), of what no vector moves since the networks see every tune in one
register and without loudness (register, loudness, tempo), and of the mode that is preferred. The mixtures follow what listeners agree on
(Gabrielsson & Lindström 2010; Juslin & Laukka 2004): fast, dense and loud is aroused; high and major is happy, low and minor
is sad; leaps, syncopation and notes outside the scale are tense. Strength 1 is moderate, -1 the opposite. What moods ask of an
attribute together stays where music is: within two standard deviations, and of density see `compose.composing.usual`.

Conventions: N bars, V vectors; register is in semitones by which pitches are drawn up, loudness in steps of MIDI velocity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from musicvae.compose.composing.usual import MOST_STRENGTH
from musicvae.compose.engine import Floats, Layout
from musicvae.compose.styles import StyleVector, added

__all__ = ["MOODS", "Course", "Mood", "Palette"]

_OF_PITCH = ("interval", "diatonic", "pitch-mean", "pitch-range")
MORE_SHARE, FEWER_SHARE, MOST_VECTOR = 1.5, 0.6, 1.75
"""How much of a strength of density its vector gets, where themes and bars are chosen besides that have as many notes as are asked for."""
_FREE_SEMITONES, _FREE_STRENGTH = 6.0, 3.0


@dataclass(frozen=True)
class Mood:
    """What strength 1 of a mood does.

    attributes: strengths by name of vector. register: semitones. loudness: steps of velocity. tempo: factor of the tempo. major: how much
    a major mode is preferred to a minor one. reason: why, in words.
    """

    reason: str
    attributes: Mapping[str, float] = field(default_factory=dict)
    register: float = 0.0
    loudness: float = 0.0
    tempo: float = 1.0
    major: float = 0.0


MOODS: Mapping[str, Mood] = MappingProxyType(
    {
        "calm": Mood("fewer notes, few of them off the beat, soft and slow", {"density": -0.75, "interval": -0.5, "syncopation-8": -0.5},
                     loudness=-14.0, tempo=0.88),
        "lively": Mood("more notes, somewhat louder and faster", {"density": 1.0}, register=0.5, loudness=6.0, tempo=1.1),
        "tense": Mood("notes outside the scale, leaps, off the beat, louder",
                      {"diatonic": -0.75, "interval": 1.0, "syncopation-8": 0.75}, register=2.0, loudness=10.0, tempo=1.04),
        "bright": Mood("high, inside the scale, major", {"diatonic": 0.5}, register=4.0, loudness=3.0, major=1.0),
        "dark": Mood("low, minor, slightly fewer notes", {"density": -0.25}, register=-4.0, loudness=-4.0, tempo=0.96, major=-1.0),
        "gentle": Mood("smaller steps and soft, with as many notes as before", {"interval": -0.5}, loudness=-10.0, tempo=0.96),
        "restless": Mood("off the beat and off the half beat, more notes", {"syncopation-8": 0.75, "syncopation-16": 0.75, "density": 0.5},
                         loudness=4.0, tempo=1.03),
    }
)  # fmt: skip
"""Moods by name; beside them every attribute and every style of the model can be asked for by its own name."""
ALIASES: Mapping[str, str] = MappingProxyType({"tension": "tense", "energy": "lively", "brightness": "bright", "darkness": "dark"})
"""Nouns that curves are often headed by."""


@dataclass(frozen=True, eq=False)
class Course:
    """What moods and styles do in each of N bars: strengths (N, V) of V vectors, register (N,), loudness (N,) and onsets (N,).

    onsets: by how much moods want more notes, in strengths of density: bars that return to others share their place in latent space, so
    that the vector alone could not tell them apart.
    """

    vectors: tuple[StyleVector, ...]
    strengths: Floats
    register: Floats
    loudness: Floats
    onsets: Floats

    def __len__(self) -> int:
        return len(self.register)

    def of(self, start: int, count: int) -> Course:
        """That of some bars; past the end the last bar's goes on."""
        rows = np.minimum(np.arange(start, start + count), len(self) - 1)
        return Course(self.vectors, self.strengths[rows], self.register[rows], self.loudness[rows], self.onsets[rows])

    def steady(self, count: int) -> Course:
        """So many bars like the first."""
        return self.of(0, 1).of(0, count)

    def every(self, step: int) -> Course:
        """The last of every `step` bars: of model bars, where these are written ones."""
        rows = slice(step - 1, None, step)
        return Course(self.vectors, self.strengths[rows], self.register[rows], self.loudness[rows], self.onsets[rows])

    @property
    def moved(self) -> Floats:
        """How far attributes are moved in each bar, (N,): strengths together, but for those of rests."""
        others = np.array([vector.attribute not in (None, "rests") for vector in self.vectors], bool)
        return np.asarray(np.abs(self.strengths[:, others]).sum(axis=1))

    @property
    def has_style(self) -> bool:
        """Whether a style, which may have more or fewer notes than other music, is asked for."""
        styles = np.array([vector.attribute is None for vector in self.vectors], bool)
        return bool(self.strengths[:, styles].any())

    def means(self) -> dict[str, float]:
        """The mean strength of each vector over these bars, by name."""
        return {vector.name: float(mean) for vector, mean in zip(self.vectors, self.strengths.mean(axis=0), strict=True)}

    def pitch_freedom(self, first: Mapping[str, float]) -> Floats:
        """How free of the pitches of a theme that was drawn in other moods these bars are, (N,), from 0: not at all, to 1: wholly."""
        moved = np.abs(self.register) / _FREE_SEMITONES
        for vector, strengths in zip(self.vectors, self.strengths.T, strict=True):
            if vector.attribute in _OF_PITCH:
                moved = moved + np.abs(strengths - first.get(vector.name, 0.0)) / _FREE_STRENGTH
        return np.minimum(moved, 1.0)

    def offset(self, context_bars: int, config: Layout) -> Floats:
        """What is added to z, (Z,), of a window of so many context bars and then these N.

        The block of a bar moves by its own bar's strengths (those of the context by the first's), that of the whole tune, or the one z of a
        fixed window, by their mean.
        """
        rows = np.concatenate([np.repeat(self.strengths[:1], context_bars, axis=0), self.strengths])
        offset = self._at(rows.mean(axis=0), len(rows), config)
        if config.fixed_window or len(rows) == 1:
            return offset
        width = config.z_used(2) - config.z_used(1)
        for bar, row in enumerate(rows):
            end = config.z_used(bar + 1)
            offset[end - width : end] = self._at(row, len(rows), config)[end - width : end]
        return offset

    def _at(self, strengths: Floats, bars: int, config: Layout) -> Floats:
        """What fixed strengths (V,) add to z."""
        return added(list(zip(self.vectors, strengths.tolist(), strict=True)), bars, config)


@dataclass(frozen=True)
class Palette:
    """The moods that were asked for, as what one model can do of them.

    vectors: (V) that they use. shares: by name, what each strength of a mood adds to the strength of each vector, (V,). styles: strengths
    that are there throughout, (V,). left_out: what a mood would move that the model has no vector for.
    """

    vectors: tuple[StyleVector, ...]
    shares: Mapping[str, Floats]
    styles: Floats
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, names: Sequence[str], styles: Sequence[tuple[StyleVector, float]], find: Callable[[str], StyleVector], known: Sequence[str]
    ) -> Palette:
        """The palette of moods, attributes and styles by name, over styles that are there throughout.

        find: gives a vector by name, with a ValueError for what is neither a mood nor a style. known: names that it has.
        """
        vectors = {vector.name: vector for vector, _ in styles}
        mixtures: dict[str, dict[str, float]] = {}
        left_out = []
        for name in names:
            mood = mood_of(name)
            mixtures[name] = {name: 1.0} if mood is None else {part: share for part, share in mood.attributes.items() if part in known}
            if mood is not None:
                left_out += [
                    f"{name} leaves {part} as it is: this model has no vector for it" for part in mood.attributes if part not in known
                ]
            for part in mixtures[name]:
                vectors.setdefault(part, find(part))
        order = list(vectors)
        shares = {name: np.array([mixture.get(part, 0.0) for part in order]) for name, mixture in mixtures.items()}
        constant = dict.fromkeys(order, 0.0)
        for vector, strength in styles:
            constant[vector.name] += strength
        return cls(tuple(vectors.values()), shares, np.array(list(constant.values())), tuple(left_out))

    def course(self, asked: Mapping[str, Floats], bars: int, *, vectors_alone: bool = False) -> Course:
        """What moods of these strengths, (N,) each, do in each of N bars; vectors_alone: whether nothing is chosen by its notes besides."""
        strengths = np.tile(self.styles, (bars, 1))
        register, loudness = np.zeros(bars), np.zeros(bars)
        denser = np.array([vector.attribute == "density" for vector in self.vectors], bool)
        onsets = np.full(bars, float(self.styles[denser].sum()))
        for name, values in asked.items():
            strengths += np.outer(values, self.shares[name])
            onsets += values * float(self.shares[name][denser].sum())
            mood = mood_of(name)
            if mood is not None:
                register += values * mood.register
                loudness += values * mood.loudness
        attributes = np.array([vector.attribute is not None for vector in self.vectors], bool)
        strengths = np.where(attributes, np.clip(strengths, -MOST_STRENGTH, MOST_STRENGTH), strengths)
        if vectors_alone:
            denser = np.zeros_like(denser)
        strengths = np.where(denser, np.minimum(np.where(strengths > 0, MORE_SHARE, FEWER_SHARE) * strengths, MOST_VECTOR), strengths)
        return Course(self.vectors, strengths, register, loudness, np.clip(onsets, -MOST_STRENGTH, MOST_STRENGTH))


def mood_of(name: str) -> Mood | None:
    """The mood of this name or noun; None for what is none."""
    return MOODS.get(ALIASES.get(name, name))


def tempo_factor(moods: Mapping[str, float]) -> float:
    """By how much moods of these strengths make the music faster."""
    return float(np.prod([mood.tempo**strength for name, strength in moods.items() if (mood := mood_of(name)) is not None]))


def majorness(moods: Mapping[str, float]) -> float:
    """How much a major mode is preferred (negative: a minor one)."""
    return sum(mood.major * strength for name, strength in moods.items() if (mood := mood_of(name)) is not None)
