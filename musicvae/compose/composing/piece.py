"""A whole piece from its plan.

Conventions: bars are written bars; coordinates are those of `compose.canonical`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musicvae.compose.canonical import from_coordinates, transposition
from musicvae.compose.composing.form import Plan, Section
from musicvae.compose.composing.moods import Course
from musicvae.compose.composing.rendering import Stage
from musicvae.compose.composing.writing import Writer
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MAX_PITCH, MIN_PITCH, NOTE_OFF, Tokens, canonical_tokens

_CLOSING_BARS = 2
__all__ = ["Composition", "compose", "loud"]


@dataclass(frozen=True)
class Composition:
    """A long piece with its plan. notices: what was chosen and left out."""

    melody: Melody
    plan: Plan
    notices: tuple[str, ...] = ()

    @property
    def music(self) -> Melody:
        """The melody, as of a composition of any material."""
        return self.melody

    @property
    def sections(self) -> tuple[Section, ...]:
        """What is played when."""
        return self.plan.sections

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the melody as a MIDI file."""
        return self.melody.write(path, force=force)


def compose(writer: Writer, plan: Plan, course: Course, *, key: Key | None, tempo_qpm: float) -> Melody:
    """The melody of a plan in the moods of `course`, which has an entry for each written bar."""
    places = [_place(section, plan, writer.stage) for section in plan.sections]
    moods = [course.of(place.written, plan.section_bars).every(writer.stage.meter.written_per_model_bar) for place in places]
    # All themes first: a section's end leads to the opening of the next.
    for section, own, place in zip(plan.sections, moods, places, strict=True):
        writer.theme(section.letter, own, place.model)
    parts = []
    shifts = [writer.away_semitones(section.letter) if section.away else 0 for section in plan.sections]
    for index, (section, own, place) in enumerate(zip(plan.sections, moods, places, strict=True)):
        following = None if section.is_last else plan.sections[index + 1].letter
        rise = 0 if section.is_last else shifts[index + 1] - shifts[index]
        goal = writer.goal(place.end, following, rise=rise)
        tokens = writer.section(section.letter, section.turn, own, place.model, variation=section.variation, goal=goal)
        parts.append(place.cut(_raised(tokens, shifts[index]).reshape(-1)))
    return _finished(writer, _in_a_row(parts, writer.stage.steps), plan, course, key, tempo_qpm)


@dataclass(frozen=True)
class _Place:
    """Where a whole section lies, its first written and model bar, and which of its steps are played.

    Those before `opening`, and those from `start` to `end`.
    """

    written: int
    model: int
    start: int
    end: int
    opening: int = 0

    def cut(self, flat: Tokens) -> Tokens:
        """Of all steps of the section those that are played."""
        return np.concatenate([flat[: self.opening], flat[self.start : self.end]])


def _place(section: Section, plan: Plan, stage: Stage) -> _Place:
    """A coda is the end of a whole section; in 2/4 an odd one ends in the middle of a model bar.

    A section that is cut short is its opening and its last two bars; where bars are bound to what must be in them, its end.
    """
    meter = stage.meter
    if section.num_bars < plan.section_bars and not section.is_coda and stage.plan is None:
        whole, closing = plan.section_bars * meter.steps_per_bar, min(_CLOSING_BARS, section.num_bars - 1) * meter.steps_per_bar
        opening = section.num_bars * meter.steps_per_bar - closing
        return _Place(section.start_bar, section.start_bar // meter.written_per_model_bar, whole - closing, whole, opening)
    spare = -section.num_bars % meter.written_per_model_bar
    written = section.start_bar + section.num_bars + spare - plan.section_bars
    end = (plan.section_bars - spare) * meter.steps_per_bar
    return _Place(written, written // meter.written_per_model_bar, end - section.num_bars * meter.steps_per_bar, end)


def _raised(tokens: Tokens, semitones: int) -> Tokens:
    """The same notes so much higher, an octave nearer to the middle where there is no such pitch."""
    if not semitones:
        return tokens
    pitches = tokens.astype(np.int64) - FIRST_PITCH_TOKEN + MIN_PITCH + semitones
    pitches += 12 * ((pitches < MIN_PITCH).astype(int) - (pitches > MAX_PITCH).astype(int))
    return np.where(tokens >= FIRST_PITCH_TOKEN, pitches - MIN_PITCH + FIRST_PITCH_TOKEN, tokens).astype(np.uint8)


def _in_a_row(parts: list[Tokens], steps: int) -> Tokens:
    """Tokens (B, S) of stretches (steps,) one after another, filled up with holds; no note sounds on from one into the next."""
    total = sum(map(len, parts))
    flat = np.full(-(-total // steps) * steps, HOLD, np.uint8)
    start = 0
    for part in parts:
        flat[start : start + len(part)] = part
        if start and not part[0]:
            flat[start] = NOTE_OFF
        start += len(part)
    return canonical_tokens(flat.reshape(-1, steps))


def _finished(writer: Writer, tokens: Tokens, plan: Plan, course: Course, key: Key | None, tempo_qpm: float) -> Melody:
    """The melody as it is written: in its key, at its tempo, as loud as the moods have it."""
    stage, home = writer.stage, writer.home
    assert home is not None, "a piece has a section, whose theme settles the key"
    shift = stage.shift_semitones if stage.plan is not None or key is None else -transposition(home, key)
    melody = from_coordinates(tokens, stage.meter, shift_semitones=shift, num_bars=plan.num_bars)
    width = stage.meter.steps_per_bar
    notes = tuple(replace(note, velocity=loud(note.velocity, course.loudness[note.onset_steps // width])) for note in melody.notes)
    melody = replace(melody, notes=notes, key=key or home.transposed(-shift), tempo_qpm=tempo_qpm)
    return melody if stage.plan is None else stage.plan.finish(melody)


def loud(velocity: int, louder: float) -> int:
    """A velocity, 1 to 127, moved by the moods."""
    return int(min(127, max(1, round(velocity + louder))))
