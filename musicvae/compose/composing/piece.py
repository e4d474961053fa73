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
from musicvae.compose.composing.writing import Writer, goal_of
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import Tokens

__all__ = ["Composition", "compose"]


@dataclass(frozen=True)
class Composition:
    """A long piece with its plan. notices: what was chosen and left out."""

    melody: Melody
    plan: Plan
    notices: tuple[str, ...] = ()

    @property
    def sections(self) -> tuple[Section, ...]:
        """What is played when."""
        return self.plan.sections

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the melody as a MIDI file."""
        return self.melody.write(path, force=force)


def compose(writer: Writer, plan: Plan, course: Course, *, key: Key | None, tempo_qpm: float) -> Melody:
    """The melody of a plan in the moods of `course`, which has an entry for each written bar."""
    stage = writer.stage
    per_model_bar = stage.meter.written_per_model_bar
    whole = plan.section_bars // per_model_bar
    # A coda is the end of a whole section, of which the beginning is not played.
    starts = [section.start_bar + section.num_bars - plan.section_bars for section in plan.sections]
    moods = [_model_course(course, start, whole, per_model_bar) for start in starts]
    for section, own in zip(plan.sections, moods, strict=True):
        writer.theme(section.letter, own)
    parts = []
    for index, (section, own) in enumerate(zip(plan.sections, moods, strict=True)):
        following = plan.sections[index + 1].letter if index + 1 < len(plan.sections) else None
        next_tokens = None if following is None else writer.themes[following].tokens
        steps = (plan.section_bars) * stage.meter.steps_per_bar
        tokens = writer.section(section.letter, section.turn, own, varied=section.varied, goal=goal_of(section, steps, next_tokens))
        parts.append(tokens.reshape(-1)[-section.num_bars * stage.meter.steps_per_bar :])
    flat = np.concatenate(parts)
    return _finished(writer, flat, plan, course, key, tempo_qpm)


def _model_course(course: Course, start_bar: int, model_bars: int, per_model_bar: int) -> Course:
    """The moods of model bars, out of those of written ones."""
    own = course.of(start_bar, model_bars * per_model_bar)
    rows = slice(None, None, per_model_bar)
    return Course(own.vectors, own.strengths[rows], own.register[rows], own.loudness[rows])


def _finished(writer: Writer, flat: Tokens, plan: Plan, course: Course, key: Key | None, tempo_qpm: float) -> Melody:
    stage, home = writer.stage, writer.home
    assert home is not None
    padded = np.zeros(-(-len(flat) // stage.steps) * stage.steps, np.uint8)
    padded[: len(flat)] = flat
    shift = 0 if key is None else transposition(home, key)
    melody = from_coordinates(padded.reshape(-1, stage.steps), stage.meter, shift_semitones=-shift, num_bars=plan.num_bars)
    width = stage.meter.steps_per_bar
    notes = tuple(replace(note, velocity=_loud(note.velocity + course.loudness[note.onset_steps // width])) for note in melody.notes)
    return replace(melody, notes=notes, key=key or home, tempo_qpm=tempo_qpm)


def _loud(velocity: float) -> int:
    return int(min(127, max(1, round(velocity))))
