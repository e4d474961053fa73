"""The beat of an open file: which notes are its hits, on which step of which bar each lies, and how it is played.

Conventions: bars are model bars of 16 sixteenths (4/4, 2/2, or two of 2/4), of one stretch of constant meter; steps count from the
stretch's first bar line. Drums are in the classes of the map "nine".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.drums import hits_from_notes, supported_segments
from musicvae.music.groove import groove_from_notes
from musicvae.music.meter import KINDS, STEPS_PER_BEAT
from musicvae.music.midi_editing import OpenMidi
from musicvae.music.score import Ints
from musicvae.music.segments import Segment, tempo_at

__all__ = ["NO_CLASS", "Beat", "beats_of", "drum_parts", "step_ticks"]

_NINE = DRUM_MAPS["nine"]
NO_CLASS = "hits of no known drum, which only move with the others"
_STAY, _SILENT = ", which stay as they are", ", which get no drums"


@dataclass(frozen=True, eq=False)
class Beat:
    """A stretch of 4/4, 2/2 or 2/4 with its notes, in the order of their onsets.

    notes: which of the file's, (n,); step: nearest sixteenth; exact: their place in steps; classes: -1 for none; velocity. tempo: of each
    bar, (B,), quarter notes a minute.
    """

    segment: Segment
    notes: Ints
    step: Ints
    exact: Floats
    classes: Ints
    velocity: Ints
    tempo: Floats

    @property
    def num_bars(self) -> int:
        """B."""
        return len(self.tempo)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which notes are in a class, (n,)."""
        return self.classes >= 0

    @property
    def hits(self) -> NDArray[np.uint64]:
        """(B, 16), a bit a class."""
        known = self.known
        return hits_from_notes(self.step[known], self.classes[known], self.segment.meter, self.segment.num_bars)

    @property
    def offsets(self) -> Floats:
        """How late each class is at each step, in sixteenths, (B, 16, 9)."""
        return self._groove[1].astype(np.float64)

    @property
    def _groove(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        k = self.known
        where = self.segment.meter, self.segment.num_bars
        return groove_from_notes(self.step[k], self.exact[k], self.classes[k], self.velocity[k], *where)

    @property
    def columns(self) -> dict[str, NDArray[np.generic]]:
        """The beat as it is played: bars, offsets (B, 16, 9) and tempo (B,), as networks of grooves take it."""
        loud, late = self._groove
        return {"bars": loud, "offsets": late.astype(np.float16), "tempo": self.tempo}


def drum_parts(file: OpenMidi) -> tuple[int, ...]:
    """Numbers (from 1) of the tracks that hold the drums, as `music.drums.drum_tracks` finds them; ValueError where none does."""
    from musicvae.music.drums import drum_tracks

    return drum_tracks(file.score)[0]


def step_ticks(file: OpenMidi) -> float:
    """Ticks of a sixteenth."""
    return file.ticks_per_beat / STEPS_PER_BEAT


def beats_of(file: OpenMidi, parts: Sequence[int], losses: Counter[str], *, as_drums: bool = True) -> tuple[Beat, ...]:
    """The notes of these tracks in every stretch of 4/4, 2/2 and 2/4, at least one; what lies in other meters is counted.

    as_drums: else the notes are of no class, and the bars go on to the end of the file, for onsets that drums are made for. ValueError,
    saying what can be played, where no note lies in such a stretch.
    """
    notes = file.notes
    chosen = np.flatnonzero(np.isin(notes.part, parts))
    chosen = chosen[np.argsort(notes.onset[chosen], kind="stable")]
    if not len(chosen):
        raise ValueError("no notes in it")
    onset = notes.onset[chosen]
    end = int(onset[-1]) + 2 * int(step_ticks(file) / 2) + 1
    if not as_drums:
        end = max(end, file.score.end_ticks)
    found = []
    unknown: Counter[str] = Counter()
    fate = _STAY if as_drums else _SILENT
    for segment in supported_segments(file.score, end, int(onset[0]), unknown):
        first, last = np.searchsorted(onset, (segment.low_ticks, segment.high_ticks)).tolist()
        if segment.meter.kind != KINDS[0]:
            losses[f"bars in {segment.meter}{fate}"] += segment.num_bars
        elif first < last:
            found.append(_beat(file, segment, chosen[first:last], as_drums))
    losses.update({f"{reason}{fate if reason.startswith('bars in unsupported') else ''}": count for reason, count in unknown.items()})
    if not found:
        meters = ", ".join(dict.fromkeys(str(change.meter) for change in file.score.meters))
        raise ValueError(
            f"the beat is in {meters}: 4/4, 2/2 and 2/4 can be played, since no model has learnt others; is it a shuffle? write it in 4/4"
        )
    if as_drums and not any(beat.known.any() for beat in found):
        raise ValueError("no hits of any known drum in its bars of 4/4, 2/2 or 2/4")
    losses[NO_CLASS] += sum(int((~beat.known).sum()) for beat in found) if as_drums else 0
    return tuple(found)


def _beat(file: OpenMidi, segment: Segment, chosen: Ints, as_drums: bool) -> Beat:
    notes = file.notes
    exact = (notes.onset[chosen] - segment.start) / step_ticks(file)
    last = segment.num_bars * segment.meter.steps_per_bar - 1
    step = np.clip(np.floor(exact + 0.5).astype(np.int64), 0, last)
    classes = _NINE.class_of[notes.pitch[chosen]].astype(np.int64) if as_drums else np.full(len(chosen), -1)
    bar_ticks = segment.meter.steps_per_model_bar * step_ticks(file)
    bars = segment.meter.model_bars(segment.num_bars)
    tempo = np.array([tempo_at(file.score, round(segment.start + bar * bar_ticks)) for bar in range(bars)])
    return Beat(segment, chosen, step, exact, classes, notes.velocity[chosen], tempo)
