"""Which tracks of a score are the melody, the bass and the drums of a trio.

Conventions: tracks are counted from 1. Every candidate is scored by terms from 0 to 1, and the choice can be told in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drums import drum_tracks
from musicvae.music.score import NoteTable, Score, Track

__all__ = ["TrioCandidate", "TrioChoice", "choose_trio"]

_MELODY_PROGRAMS, _BASS_PROGRAMS = range(32), range(32, 40)
_INSTRUMENTS = range(112)  # percussion and noises come after them
_LEAD_NAMES = re.compile(r"melod|vocal|vox|voice|\blead|\bsolo|theme|\btune\b", re.IGNORECASE)
_BASS_NAMES = re.compile(r"\bbas(s|so|se|i)?\b|bass\b|\bbass", re.IGNORECASE)
_HIGHEST_BASS = 52  # the mean pitch of a bass, at most: E3
_WEIGHTS = {
    "melody": {"together": 0.35, "one note at a time": 0.25, "motion": 0.2, "register": 0.2, "name": 0.3},
    "bass": {"together": 0.5, "one note at a time": 0.2, "register": 0.2, "name": 0.3},
}
_MIDDLE = {"melody": 69.0, "bass": 40.0}
_MOST_NAMED = 12
_MAX_BEATS = 100_000


@dataclass(frozen=True)
class TrioCandidate:
    """A track that could take a role ("melody" or "bass"): its terms, and their weighted sum.

    together: share of the beats of its partners in which it sounds; one note at a time: share of onsets that
    are no chord; motion: share of steps from note to note that are no repetition and no more than a fifth; register:
    nearness of the mean pitch to 69 for a melody, 40 for a bass; name: 1 if it is called one.
    """

    track: int
    role: str
    terms: tuple[tuple[str, float], ...]
    score: float

    def __str__(self) -> str:
        return f"track {self.track} as {self.role} {self.score:.2f} ({', '.join(f'{name} {value:.2f}' for name, value in self.terms)})"


@dataclass(frozen=True)
class TrioChoice:
    """The tracks of a trio, why those, and all candidates, for each role the best first."""

    melody: int
    bass: int
    drums: tuple[int, ...]
    why: str
    candidates: tuple[TrioCandidate, ...]


def choose_trio(score: Score) -> TrioChoice:
    """The best melody track and bass track for the drums of a score.

    ValueError where one of the three is missing, or for more beats than any music has.
    """
    drums, _ = drum_tracks(score)
    if (beats := score.end_ticks // score.ticks_per_beat) > _MAX_BEATS:
        raise ValueError(f"{beats} beats in the file; at most {_MAX_BEATS} are read: is its resolution damaged?")
    if all(number in drums for number, track in enumerate(score.tracks, 1) if track.notes):
        raise ValueError("no melody for a trio, and no bass: there are only drums in it")
    melodies, basses, rule = _roles(score, drums)
    if not melodies or not basses:
        raise ValueError(f"no {'melody' if not melodies else 'bass'} for a trio: {rule}; pitched tracks are {_named(score)}")
    drum_beats = np.unique(np.concatenate([_beats(score, score.tracks[i - 1], hits=True) for i in drums]))
    bass = _ranked(score, "bass", basses, drum_beats)
    rhythm = np.intersect1d(drum_beats, _beats(score, score.tracks[bass[0].track - 1]))
    melody = _ranked(score, "melody", melodies, rhythm if len(rhythm) else drum_beats)
    chosen = [f"{role}: track {found[0].track} {score.tracks[found[0].track - 1].name!r}, {_reason(found)}"
              for role, found in (("melody", melody), ("bass", bass))]  # fmt: skip
    why = f"{'; '.join(chosen)}; {rule}"
    return TrioChoice(melody[0].track, bass[0].track, drums, why, (*melody, *bass))


def _roles(score: Score, drums: tuple[int, ...]) -> tuple[list[int], list[int], str]:
    """Tracks that can be the melody, those that can be the bass, and by which rule.

    Programs decide as in MusicVAE; where none is that of a role, the role goes by names, then by register, among the instruments proper.
    """
    pitched = [i for i, t in enumerate(score.tracks, 1) if t.notes and i not in drums]
    programs = {i: score.tracks[i - 1].program for i in pitched}
    if len(pitched) > 1 and len(set(programs.values())) == 1:
        basses = [i for i in pitched if _BASS_NAMES.search(score.tracks[i - 1].name)]
        if basses:
            return [i for i in pitched if i not in basses], basses, "by names, all programs being the same"
        basses, _ = _low(score, [], pitched)
        rule = "by register, all programs being the same and no track being called bass"
        return [i for i in pitched if i not in basses], basses, rule
    melodies = [i for i in pitched if programs[i] in _MELODY_PROGRAMS]
    basses = [i for i in pitched if programs[i] in _BASS_PROGRAMS]
    rule = "by programs (melody 0-31, bass 32-39)"
    instruments = [i for i in pitched if programs[i] in _INSTRUMENTS]
    if not basses and len(instruments) > 1:
        basses, how = _low(score, instruments, [i for i in instruments if i not in melodies and _is_low(score, i)] or instruments)
        if basses:
            melodies, rule = [i for i in melodies if i not in basses], f"{rule}; the bass {how}, no program being that of a bass"
    if basses and not melodies:
        melodies = [i for i in instruments if i not in basses and not _is_low(score, i)]
        if melodies:
            rule = f"{rule}; the melody by names and registers, no program being that of a melody"
    return melodies, basses, rule


def _low(score: Score, tracks: list[int], others: list[int]) -> tuple[list[int], str]:
    """The low ones among the tracks called bass, else the lowest of the others, if it is low; and how they were found."""
    called = [i for i in tracks if _is_low(score, i) and _BASS_NAMES.search(score.tracks[i - 1].name)]
    lowest = min(others, key=lambda i: _mean_pitch(score.tracks[i - 1]))
    return (called, "by names") if called else ([lowest] if _is_low(score, lowest) else [], "by register")


def _is_low(score: Score, number: int) -> bool:
    return _mean_pitch(score.tracks[number - 1]) <= _HIGHEST_BASS


def _ranked(score: Score, role: str, tracks: list[int], partners: NDArray[np.int64]) -> list[TrioCandidate]:
    """Candidates, the best first; of equal ones the first in the file."""
    found = [_candidate(score, role, i, partners) for i in tracks]
    return sorted(found, key=lambda c: (-c.score, c.track))


def _candidate(score: Score, role: str, number: int, partners: NDArray[np.int64]) -> TrioCandidate:
    track = score.tracks[number - 1]
    notes = NoteTable.of(track.notes)
    onsets, highest = _top(notes)
    steps = np.abs(np.diff(highest))
    names = _LEAD_NAMES if role == "melody" else _BASS_NAMES
    terms = {
        "together": float(np.isin(partners, _beats(score, track)).mean()),
        "one note at a time": len(onsets) / len(notes),
        "motion": float(((steps > 0) & (steps <= 7)).mean()) if len(steps) else 0.0,
        "register": max(0.0, 1 - abs(float(notes.pitch.mean()) - _MIDDLE[role]) / 24),
        "name": float(bool(names.search(track.name))),
    }
    weights = _WEIGHTS[role]
    kept = tuple((name, round(value, 3)) for name, value in terms.items() if name in weights)
    return TrioCandidate(number, role, kept, round(sum(weights[name] * value for name, value in kept), 6))


def _reason(ranked: list[TrioCandidate]) -> str:
    """Why the first was taken."""
    best = ranked[0]
    if len(ranked) == 1:
        return "the only one"
    ahead = max(best.terms, key=lambda term: _WEIGHTS[best.role][term[0]] * (term[1] - dict(ranked[1].terms)[term[0]]))
    return f"best of {len(ranked)} by {ahead[0]}"


def _beats(score: Score, track: Track, *, hits: bool = False) -> NDArray[np.int64]:
    """Beats in which a track sounds (hits: is struck), ascending."""
    notes = NoteTable.of(track.notes)
    first = notes.onset_ticks // score.ticks_per_beat
    last = first if hits else np.maximum(first, (notes.end_ticks - 1) // score.ticks_per_beat)
    change = np.zeros(int(last.max(initial=0)) + 2, np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, last + 1, -1)
    return np.flatnonzero(np.cumsum(change) > 0)


def _top(notes: NoteTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Onsets without repetition and the highest pitch of each."""
    last = np.append(np.diff(notes.onset_ticks) > 0, True)  # sorted by onset, then pitch
    return notes.onset_ticks[last], notes.pitch[last]


def _mean_pitch(track: Track) -> float:
    return float(NoteTable.of(track.notes).pitch.mean())


def _named(score: Score) -> str:
    pitched = [(i, t) for i, t in enumerate(score.tracks, 1) if t.notes and not t.is_drum]
    names = ", ".join(f"{i} {t.name!r} (program {t.program})" for i, t in pitched[:_MOST_NAMED]) or "none"
    return names + (f" and {len(pitched) - _MOST_NAMED} more" if len(pitched) > _MOST_NAMED else "")
