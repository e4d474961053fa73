"""Anything that holds a melody, turned into one, with what was chosen and what was lost.

Conventions: bars count from 1 here, as musicians count, and are written bars. A *notice* is one
sentence for the user.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from musicvae.music.melody import Melody
from musicvae.music.meter import counted_bars
from musicvae.music.score import Score

__all__ = ["Source", "Taken", "read", "score_of", "take", "tempo_notice"]

_SHOWN_LINES = 4

Source: TypeAlias = Any
"""A Melody, a path of a MIDI, MusicXML or ABC file, a Score, a `pretty_midi.PrettyMIDI` or a `music21` stream."""


@dataclass(frozen=True)
class Taken:
    """A melody and what the user should know about how it was taken."""

    melody: Melody
    notices: tuple[str, ...] = ()

    @property
    def music(self) -> Melody:
        """The melody, by the name that music of every material goes by."""
        return self.melody


def read(source: Source, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1) -> Melody:
    """The melody in a file or an object, as `take` finds it, without its notices."""
    return take(source, track=track, start_bar=start_bar, bars=bars, tune=tune).melody


def take(source: Source, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1) -> Taken:
    """Find the melody: the longest line of constant meter in the likeliest track.

    track: number from 1 or a part of a name; start_bar, bars: the bars to take (default all); tune:
    which one of an ABC file, from 1. FileNotFoundError for a path that is not there, ValueError
    for what holds no melody, beginning with the path if there is one, TypeError for an object of no kind known here.
    """
    if start_bar < 1 or (bars is not None and bars < 1) or tune < 1:
        raise ValueError(f"bars and tunes count from 1, got start_bar={start_bar}, bars={bars}, tune={tune}")
    if isinstance(source, Melody):
        return _part_of(source, start_bar, bars)
    name, score = score_of(source, tune)
    try:
        return _line_of(score, name, track, start_bar, bars)
    except ValueError as error:  # with several inputs it must be clear which one is meant
        if not isinstance(source, str | os.PathLike):
            raise
        raise ValueError(f"{Path(source)}: {error}") from error


def _part_of(melody: Melody, start_bar: int, bars: int | None) -> Taken:
    if start_bar == 1 and bars is None:
        return Taken(melody)
    left = melody.num_bars - start_bar + 1
    if left < 1:
        raise ValueError(f"the melody has {counted_bars(melody.num_bars)}, so that none can be taken from bar {start_bar} on")
    part = melody.cut(start_bar - 1, left if bars is None else min(bars, left))
    first = (start_bar - 1) * melody.meter.steps_per_bar
    tied = sum(note.onset_steps < first < note.end_steps for note in melody.notes)
    return Taken(part, (f"a note held over into bar {start_bar} was left out",) if tied else ())


def score_of(source: Source, tune: int = 1) -> tuple[str, Score]:
    """What to call it, and the score; tune: which one of an ABC file, from 1. Errors as `take`."""
    if isinstance(source, Score):
        return source.title or "the score", source
    if isinstance(source, str | os.PathLike):
        from musicvae.music.reading import read_score

        path = Path(source)
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: was it misspelled, or is it in another folder?")
        return path.name, read_score(path, tune=tune - 1)
    # Told apart by module name, since importing either library takes seconds.
    packages = {base.__module__.partition(".")[0] for base in type(source).__mro__}
    if "pretty_midi" in packages:
        from musicvae.music.export import from_pretty_midi

        return "the PrettyMIDI object", from_pretty_midi(source)
    if "music21" in packages:
        from musicvae.music.export import from_music21

        return "the music21 stream", from_music21(source)
    raise TypeError(
        f"{type(source).__name__} holds no melody; pass a Melody, a path, a Score, a pretty_midi.PrettyMIDI or a music21 stream"
    )


def tempo_notice(score: Score, name: str, tempo_qpm: float) -> str | None:
    """What is said of a melody that has one tempo where its score has others too; None where it has not."""
    others = sum(change.qpm != tempo_qpm for change in score.tempi)
    return f"{name}: left out: changes of tempo: {others} (all is at {tempo_qpm:g} quarter notes a minute)" if others else None


def _line_of(score: Score, name: str, track: int | str | None, start_bar: int, bars: int | None) -> Taken:
    from musicvae.music.extract import extract_melody

    taken = extract_melody(score, track=track, start_bar=start_bar, bars=bars)
    line = max(taken.lines, key=lambda line: line.melody.num_bars)
    last = line.start_bar + line.melody.num_bars - 1
    notices = [f"{name}: track {taken.track} ({taken.why}), bars {line.start_bar}-{last} in {line.melody.meter}"]
    if losses := ", ".join(f"{reason}: {count}" for reason, count in {**score.losses, **taken.losses}.items() if count):
        notices.append(f"{name}: left out: {losses}")
    if told := tempo_notice(score, name, line.melody.tempo_qpm):
        notices.append(told)
    others = [other for other in taken.lines if other is not line]
    for other in others[:_SHOWN_LINES]:
        end = other.start_bar + other.melody.num_bars - 1
        notices.append(f"{name}: left out: bars {other.start_bar}-{end} in {other.melody.meter}")
    if len(others) > _SHOWN_LINES:
        notices.append(f"{name}: left out: {len(others) - _SHOWN_LINES} more stretches, as meter or bar lines change")
    return Taken(line.melody, tuple(notices))
