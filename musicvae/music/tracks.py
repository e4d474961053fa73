"""Which track of a score carries the melody: a scored choice that can be explained.

Conventions: tracks count from 1; the terms of a score run from 0 to 1, higher for a melody. The weights were
fitted on songs, hymns and game music whose names were hidden, with the tracks in both orders, and rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.score import NoteTable, Score, Track

__all__ = ["TrackChoice", "choose_track", "rank_tracks"]

_MELODY_NAMES = re.compile(
    r"melod|vocal|vox|\bvoice|\bvoix|sopran|cantus|\bcanto|chant|\bsing|gesang|stimme|\blead\b|\btune\b|\bs1v1\b|\bsolo|\btheme",
    re.IGNORECASE,
)
_OTHER_NAMES = re.compile(r"bass|chord|akkord|\bpads?\b|accomp|begleit|rhythm|support|harmony", re.IGNORECASE)
_MAX_NAMES = 12

# term -> its weight and how it is said in words
_TERMS = {
    "alone": (0.18, "few notes at once"),
    "register": (0.15, "treble register"),
    "coverage": (0.21, "it sounds most of the time"),
    "range": (0.19, "a range that can be sung"),
    "steps": (0.04, "small intervals"),
    "variety": (0.05, "many different pitches"),
    "highest": (0.08, "higher than the other tracks"),
    "no bass": (0.10, "no bass instrument"),
}
_BASS_PROGRAMS = range(32, 40)


@dataclass(frozen=True)
class TrackChoice:
    """A pitched track as a candidate: its number (from 1), its name, and how much like a melody it is.

    score: 0 to 1, the weighted mean of `terms`. is_named: it is called what melodies are called, which goes before any score.
    """

    track: int
    name: str
    score: float
    terms: Mapping[str, float]
    is_named: bool = False

    @property
    def why(self) -> str:
        """The score in words: what speaks for the track, and what against it."""
        strong = [words for term, (_, words) in _TERMS.items() if self.terms[term] >= 0.75]
        weak = [words for term, (_, words) in _TERMS.items() if self.terms[term] < 0.4]
        named = ["named as a melody"] if self.is_named else []
        return f"{', '.join([*named, *strong]) or 'nothing speaks for it'}{'; not: ' + ', '.join(weak) if weak else ''}"


def rank_tracks(score: Score) -> tuple[TrackChoice, ...]:
    """Every track with pitched notes, the most likely melody first; () if there is none.

    Tracks named as melodies are (melody, voice, soprano, lead ...) come first, in the order of the file; then by: few
    notes at once, treble register, coverage, a range that can be sung, melodic motion, height above the other
    tracks, and no bass instrument; on a tie the earlier one.
    """
    numbers = _pitched(score)
    tables = [NoteTable.of(score.tracks[i - 1].notes) for i in numbers]
    means = np.array([table.pitch.mean() for table in tables])
    named, end_ticks = _named(score, numbers), score.end_ticks
    found = []
    for i, notes in zip(numbers, tables, strict=True):
        track = score.tracks[i - 1]
        terms = _terms(track, notes, score.ticks_per_beat, end_ticks, means)
        total = sum(weight * terms[term] for term, (weight, _) in _TERMS.items())
        found.append(TrackChoice(i, track.name, round(total, 6), terms, i in named))
    return tuple(sorted(found, key=lambda choice: (not choice.is_named, 0 if choice.is_named else -choice.score, choice.track)))


def choose_track(score: Score, track: int | str | None = None) -> tuple[int, str]:
    """The number (from 1) of the track that carries the melody, and why it was chosen.

    track: a number or part of a name settles it. Else the best by `rank_tracks`. ValueError for a track
    that is not there or drums, or if there is none.
    """
    pitched = _pitched(score)
    if isinstance(track, int):
        if not 1 <= track <= len(score.tracks):
            raise ValueError(f"no track {track}; tracks count from 1 and are: {_names(score)}")
        if track not in pitched:
            raise ValueError(f"track {track} has no pitched notes; tracks are: {_names(score)}")
        return track, "asked for by number"
    if isinstance(track, str):
        found = [i for i in pitched if track.lower() in score.tracks[i - 1].name.lower()]
        if not found:
            raise ValueError(f"no track with pitched notes is named like {track!r}; tracks are: {_names(score)}")
        return found[0], f"its name contains {track!r}"
    if not pitched:
        raise ValueError(
            "no notes in it" if not any(len(t.notes) for t in score.tracks) else "only drums in it; a melody needs pitched notes"
        )
    if named := _named(score, pitched):
        return named[0], f"its name, {score.tracks[named[0] - 1].name!r}, is that of a melody"
    if len(pitched) == 1:
        return pitched[0], "the only track with pitched notes"
    best, second, *_ = rank_tracks(score)
    return best.track, f"most like a melody of {len(pitched)} tracks ({best.score:.2f}, the next {second.score:.2f}): {best.why}"


def _pitched(score: Score) -> list[int]:
    return [i for i, t in enumerate(score.tracks, 1) if len(t.notes) and not t.is_drum]


def _named(score: Score, numbers: list[int]) -> list[int]:
    """Those of the tracks that are named as melodies; of several not one that is named as a bass or chords too."""
    named = [i for i in numbers if _MELODY_NAMES.search(score.tracks[i - 1].name)]
    return [i for i in named if not _OTHER_NAMES.search(score.tracks[i - 1].name)] or named


def _names(score: Score) -> str:
    names = ", ".join(f"{i} {t.name!r}{' (drums)' if t.is_drum else ''}" for i, t in enumerate(score.tracks[:_MAX_NAMES], 1)) or "none"
    return names + (f" and {len(score.tracks) - _MAX_NAMES} more" if len(score.tracks) > _MAX_NAMES else "")


def _terms(track: Track, notes: NoteTable, ticks_per_beat: int, end_ticks: int, means: NDArray[np.float64]) -> dict[str, float]:
    onset, end = notes.onset_ticks, np.maximum.accumulate(notes.end_ticks)
    sounding = int(end[0] - onset[0]) + int(np.maximum(0, end[1:] - np.maximum(end[:-1], onset[1:])).sum())
    starts = np.flatnonzero(np.diff(onset, append=onset[-1] + 1))  # of notes that start together the highest stands last
    line = notes.pitch[starts]
    beats = len(np.unique(onset[starts] // ticks_per_beat))
    mean = float(notes.pitch.mean())
    share = np.bincount(line - line.min()) / len(line)
    entropy = float(-(share[share > 0] * np.log2(share[share > 0])).sum())
    return {
        "alone": min(1.0, sounding / max(1, int(notes.duration_ticks.sum()))),
        "register": max(0.0, 1 - abs(mean - 69) / 24),
        "coverage": min(1.0, beats * ticks_per_beat / max(1, end_ticks) * 1.5),
        "range": min(1.0, max(0.0, (9 - float(notes.pitch.std())) / 5)),
        "steps": float((np.abs(np.diff(line)) <= 2).mean()) if len(line) > 1 else 0.0,
        "variety": min(1.0, entropy / 3),
        "highest": float((means <= mean).mean()),
        "no bass": float(track.program not in _BASS_PROGRAMS),
    }
