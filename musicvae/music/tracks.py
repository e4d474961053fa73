"""Which track of a score carries the melody: a scored choice that can be explained.

Conventions: tracks count from 1; the terms of a score run from 0 to 1, higher for a melody.
"""

from __future__ import annotations

import re

import numpy as np

from musicvae.music.score import NoteTable, Score, Track

__all__ = ["choose_track"]

_MELODY_NAMES = re.compile(
    r"melod|vocal|vox|\bvoice|\bvoix|sopran|cantus|\bcanto|chant|sing|gesang|stimme|\blead\b|\btune\b|\bs1v1\b|\bsolo|\btheme",
    re.IGNORECASE,
)
_MAX_NAMES = 12


def choose_track(score: Score, track: int | str | None = None) -> tuple[int, str]:
    """The number (from 1) of the track that carries the melody, and why it was chosen.

    track: a number or part of a name settles it. Else a track named as melodies are (melody, voice,
    soprano, lead ...), else the best by: few notes at once, treble register, long coverage, and
    earlier in the file. ValueError for a track that is not there or drums, or if there is none.
    """
    pitched = [i for i, t in enumerate(score.tracks, 1) if len(t.notes) and not t.is_drum]
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
    named = [i for i in pitched if _MELODY_NAMES.search(score.tracks[i - 1].name)]
    if named:
        return named[0], f"its name, {score.tracks[named[0] - 1].name!r}, is that of a melody"
    if len(pitched) == 1:
        return pitched[0], "the only track with pitched notes"
    best = max(pitched, key=lambda i: (_melody_score(score.tracks[i - 1], score) - 0.02 * pitched.index(i), -i))
    return best, "most like a melody by few notes at once, treble register and coverage"


def _names(score: Score) -> str:
    names = ", ".join(f"{i} {t.name!r}{' (drums)' if t.is_drum else ''}" for i, t in enumerate(score.tracks[:_MAX_NAMES], 1)) or "none"
    return names + (f" and {len(score.tracks) - _MAX_NAMES} more" if len(score.tracks) > _MAX_NAMES else "")


def _melody_score(track: Track, score: Score) -> float:
    """0 to 1, higher for a line in the treble that sounds most of the time."""
    notes = NoteTable.of(track.notes)
    onsets = np.unique(notes.onset_ticks)
    single = len(onsets) / len(notes)
    register = max(0.0, 1 - abs(float(notes.pitch.mean()) - 72) / 24)
    beats = len(np.unique(onsets // score.ticks_per_beat))
    coverage = min(1.0, beats * score.ticks_per_beat / max(1, score.end_ticks) * 1.5)
    return 0.4 * single + 0.35 * register + 0.25 * coverage
