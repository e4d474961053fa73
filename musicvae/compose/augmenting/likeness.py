"""How near two pieces of music are to each other, of whatever material.

Conventions: the *marks* of music are the places at which something begins: (onset, pitch) of notes, (onset, class) of hits. Distance is
the share of marks that are not in both, 1 - F1, as in `compose.varying.vary`: 0 for the same marks, 1 where none is shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from musicvae.music.melody import Melody
from musicvae.music.piece import Piece

__all__ = ["Marks", "distance", "marks_of", "nearest"]

Marks: TypeAlias = frozenset[tuple[int, int, int]]
"""(voice, onset, pitch) of all that begins."""


def marks_of(music: Melody | Piece) -> Marks:
    """The marks of a melody, by steps, or of a piece, by ticks and with its voices told apart."""
    if isinstance(music, Melody):
        return frozenset((0, note.onset_steps, note.pitch) for note in music.notes)
    tracks = enumerate(music.to_score().tracks)
    return frozenset((voice, note.onset_ticks, note.pitch) for voice, track in tracks for note in track.notes)


def distance(a: Marks, b: Marks) -> float:
    """Share of marks that are not in both, 1 - F1, in [0, 1]; 0 where neither has any."""
    total = len(a) + len(b)
    return 1 - 2 * len(a & b) / total if total else 0.0


def nearest(marks: Marks, others: Iterable[Marks]) -> float:
    """The smallest distance to any of the others; 1 where there are none."""
    return min((distance(marks, other) for other in others), default=1.0)
