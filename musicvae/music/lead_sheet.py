"""A melody over chords, and the chords as a second track that can be played.

Conventions: steps as in `music.melody`. A chord lasts until the next one begins; None is no chord. The second track strikes
each chord where it begins and again at every bar line: its bass (36 to 47), and the other notes close together around middle C,
each chord where the least moves from the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from musicvae.music.chords import QUALITIES, Chord
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.score import Score, ScoreNote, Track

__all__ = ["ChordSpan", "LeadSheet", "chord_track", "is_chord_track", "spread_spans"]

_CHORD_TRACK = "Chords"
_BASS, _LOWEST, _HIGHEST, _MIDDLE = 36, 48, 67, 57
_VELOCITY = 60


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """From this step on, this chord; None: no chord."""

    onset_steps: int
    chord: Chord | None


@dataclass(frozen=True)
class LeadSheet(Melody):
    """A melody with its chords, which are written as a second track. spans: in order, inside the piece."""

    spans: tuple[ChordSpan, ...] = ()

    def __post_init__(self) -> None:
        Melody.__post_init__(self)
        starts = [span.onset_steps for span in self.spans]
        if starts != sorted(set(starts)) or (starts and not 0 <= starts[0] <= starts[-1] < self.num_steps):
            raise ValueError(f"chords begin one after another in steps 0 to {self.num_steps - 1}, got {starts[:8]}: were bars cut off?")

    @classmethod
    def over(cls, melody: Melody, spans: Iterable[ChordSpan]) -> Self:
        """The melody over these chords."""
        return cls(**{f.name: getattr(melody, f.name) for f in fields(Melody)}, spans=tuple(spans))

    @property
    def melody(self) -> Melody:
        """The melody without its chords."""
        return Melody(**{f.name: getattr(self, f.name) for f in fields(Melody)})

    @property
    def score(self) -> Score:
        """The melody's track and that of the chords."""
        from musicvae.music.midi import midi_bytes, score_from_bytes

        score = score_from_bytes(midi_bytes([self]))
        return replace(score, tracks=(*score.tracks, chord_track(self.spans, self.meter, self.num_bars, score.ticks_per_beat)))

    def transposed(self, semitones: int) -> LeadSheet:
        """Melody, key and chords `semitones` higher; ValueError if a pitch leaves 0-127."""
        spans = [ChordSpan(span.onset_steps, span.chord and span.chord.transposed(semitones)) for span in self.spans]
        return LeadSheet.over(self.melody.transposed(semitones), spans)

    def cut(self, start_bar: int, num_bars: int) -> LeadSheet:
        """As `Melody.cut`, with the chords of those bars."""
        part = self.melody.cut(start_bar, num_bars)
        left, end = start_bar * self.meter.steps_per_bar, (start_bar + num_bars) * self.meter.steps_per_bar
        sounding = [span.chord for span in self.spans if span.onset_steps <= left][-1:]
        inside = [ChordSpan(s.onset_steps - left, s.chord) for s in self.spans if left < s.onset_steps < end]
        return LeadSheet.over(part, [*(ChordSpan(0, chord) for chord in sounding), *inside])

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write a MIDI file with the melody and, as a second track, the chords; FileExistsError if it is there and `force` is off."""
        from musicvae.music.midi_writing import write_score

        return write_score(self.score, path, force=force)


def spread_spans(chords: Sequence[Chord | None], meter: Meter, num_bars: int) -> tuple[ChordSpan, ...]:
    """Chords spread evenly over so many written bars: k of them change at the eighths nearest to equal parts.

    ValueError for none, and for more than one an eighth.
    """
    eighths = num_bars * meter.steps_per_bar // 2
    if not chords or len(chords) > eighths:
        raise ValueError(
            f"{len(chords)} chords do not fit into {num_bars} bars of {meter}: 1 to {eighths} can be told apart, one an eighth"
        )
    return tuple(ChordSpan(2 * int(i * eighths / len(chords) + 0.5), chord) for i, chord in enumerate(chords))


def chord_track(spans: Sequence[ChordSpan], meter: Meter, num_bars: int, ticks_per_beat: int, *, start_ticks: int = 0) -> Track:
    """The chords as a track of their own, as told above; start_ticks: where the first bar begins."""
    end = num_bars * meter.steps_per_bar
    notes: list[ScoreNote] = []
    before: tuple[int, ...] = ()
    for i, span in enumerate(spans):
        until = spans[i + 1].onset_steps if i + 1 < len(spans) else end
        if span.chord is None:
            continue
        before = _voicing(span.chord, before)
        bass = _BASS + (span.chord.root if span.chord.bass is None else span.chord.bass)
        next_bar = (span.onset_steps // meter.steps_per_bar + 1) * meter.steps_per_bar
        strokes = [span.onset_steps, *range(next_bar, until, meter.steps_per_bar)]
        for start, stop in zip(strokes, [*strokes[1:], until], strict=True):
            onset, stops = (start_ticks + step * ticks_per_beat // STEPS_PER_BEAT for step in (start, stop))
            notes += [ScoreNote(onset, pitch, stops - onset, _VELOCITY) for pitch in (bass, *before)]
    return Track(tuple(sorted(notes)), name=_CHORD_TRACK)


def is_chord_track(track: Track) -> bool:
    """Whether a track looks as `chord_track` writes it, by name and velocities."""
    return track.name == _CHORD_TRACK and all(note.velocity == _VELOCITY for note in track.notes)


def _voicing(chord: Chord, before: tuple[int, ...]) -> tuple[int, ...]:
    """Pitches of the chord's notes, close together, nearest to those of the chord before (else to the middle)."""
    classes = sorted({(chord.root + step) % 12 for step in QUALITIES[chord.quality]})
    choices = []
    for turn in range(len(classes)):
        order = classes[turn:] + classes[:turn]
        pitches = [order[0] + _LOWEST]
        for pitch_class in order[1:]:
            pitches.append(pitches[-1] + (pitch_class - pitches[-1]) % 12)
        choices += [tuple(p + up for p in pitches) for up in (0, 12) if pitches[-1] + up <= _HIGHEST]
    wanted = before or (_MIDDLE,)
    return min(choices, key=lambda pitches: (sum(min(abs(p - w) for w in wanted) for p in pitches), pitches))
