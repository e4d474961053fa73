"""What constraints come to for one piece: what may happen at each of its steps, in the coordinates of any engine.

Conventions: T steps of the piece, from 0; B model bars of S steps; V = 90 events. `shift_semitones` is what was added to every written
pitch to get the engine's (`compose.canonical`). Exact demands are biases of `FORBIDDEN`, or forced tokens; a leaning towards
chords is a bias of some nats. What no token can say (where a long note has to end) `finish` mends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.leaning import Leaning, chord_bias
from musicvae.compose.constraints.names import pitch_text, scale_text
from musicvae.compose.constraints.placing import chord_key, coordinate_shift, suiting_tonic
from musicvae.compose.engine import Floats, Layout
from musicvae.compose.harmony import Chords, parsed_chords
from musicvae.music.chords import Chord
from musicvae.music.key import Key
from musicvae.music.lead_sheet import ChordSpan, LeadSheet, spread_spans
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MAX_PITCH, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE

__all__ = ["FORBIDDEN", "Bound", "Plan", "planned"]

FORBIDDEN = -1e9
"""Bias of events that may not be; finite, so that no sum of scores is undefined."""
_FREE, _ONSET, _CHANGE = -1, 2, 3  # beside HOLD and NOTE_OFF: anything, some note starts, anything but a hold


@dataclass(frozen=True, eq=False)
class Bound:
    """What an engine's `decode` takes for a stretch of one piece: bias (B, S, 90), and forced (B, S), -1 where the model is free."""

    bias: Floats
    forced: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Plan:
    """Constraints settled for a piece of `num_bars` written bars.

    allowed: (128,), whether a written pitch may be used. events: (T,), -1 free, 0 hold, 1 note-off, 2 some onset, 3 anything but a hold.
    pitches: (T,), the written pitch that starts there, else -1. lengths: (T,), steps that a note which starts there must last, else 0.
    longest_steps: None for any length. spans: the chords, none for (). major_tonic: of the signature that suits what is asked, None
    where nothing tells of one.
    """

    meter: Meter
    num_bars: int
    allowed: NDArray[np.bool_]
    events: NDArray[np.int8]
    pitches: NDArray[np.int16]
    lengths: NDArray[np.int64]
    longest_steps: int | None = None
    spans: tuple[ChordSpan, ...] = ()
    major_tonic: int | None = None
    leaning: Leaning = Leaning()

    def bound(self, start_bar: int, bars: int, shift_semitones: int) -> Bound:
        """What binds model bars `start_bar` (from 0) to `start_bar + bars`, in coordinates; steps beyond the piece are free.

        ValueError for a note that must be there and has no token under this shift.
        """
        width = self.meter.steps_per_model_bar
        first, count = start_bar * width, bars * width
        events = _stretch(self.events, first, count, _FREE)
        pitches = _stretch(self.pitches, first, count, -1)
        bias = np.zeros((count, VOCABULARY_SIZE))
        written = np.arange(MIN_PITCH, MAX_PITCH + 1) - shift_semitones
        usable = (written >= 0) & (written <= 127) & self.allowed[np.clip(written, 0, 127)]
        if self.spans:
            bias[:, FIRST_PITCH_TOKEN:] = chord_bias(
                self.spans, self.meter, first, count, shift_semitones, self.major_tonic or 0, self.leaning
            )
        bias[:, FIRST_PITCH_TOKEN:][:, ~usable] = FORBIDDEN
        bias[events == _ONSET, :FIRST_PITCH_TOKEN] = FORBIDDEN
        bias[events == _CHANGE, HOLD] = FORBIDDEN
        forced = np.where((events == HOLD) | (events == NOTE_OFF), events, -1).astype(np.int16)
        for step in np.flatnonzero(pitches >= 0):
            pitch = int(pitches[step])
            if not MIN_PITCH <= pitch + shift_semitones <= MAX_PITCH:
                raise ValueError(f"the note {pitch_text(pitch)} that must be there lies outside what the model can write in this key")
            forced[step] = pitch + shift_semitones - MIN_PITCH + FIRST_PITCH_TOKEN
        return Bound(bias.reshape(bars, width, VOCABULARY_SIZE), forced.reshape(bars, width))

    @property
    def key(self) -> Key | None:
        """The key that the chords are in; None without chords, and where they do not tell."""
        return chord_key(self.spans, self.major_tonic)

    @property
    def home(self) -> Key:
        """The key that the chords are in; where they do not tell, the major one of their signature."""
        return self.key or Key(self.major_tonic or 0)

    def chord_at(self, step: int) -> Chord | None:
        """The chord that sounds at a step; None for none."""
        return next((span.chord for span in reversed(self.spans) if span.onset_steps <= step), None)

    def holds(self, bar: int) -> bool:
        """Whether the plan says that what sounds at the bar line before this model bar sounds on."""
        step = bar * self.meter.steps_per_model_bar
        return step < len(self.events) and bool(self.events[step] == HOLD)

    def shift(self, config: Layout, major_tonic: int | None = None) -> int:
        """The `shift_semitones` at which a new piece suits these constraints best; major_tonic: of the signature it is to be in.

        ValueError where the model can write none of the notes that are allowed, or not all that must be there.
        """
        tonic = self.major_tonic if major_tonic is None else major_tonic
        must = self.pitches[self.pitches >= 0].astype(np.int64)
        shift = coordinate_shift(config, tonic, self.allowed, must.tolist())
        low, high = max(config.lowest_pitch - shift, 0), min(config.highest_pitch - shift, 127)
        outside = must[(must < low) | (must > high)]
        if len(outside) or not self.allowed[low : high + 1].any():
            what = f"the note {pitch_text(int(outside[0]))} that must be there" if len(outside) else "every note that is allowed"
            raise ValueError(f"{what} lies outside {pitch_text(low)} to {pitch_text(high)}, which this model can write here")
        return shift

    def lift_semitones(self, melody: Melody) -> int:
        """Whole octaves that bring a melody to where notes are allowed; 0 unless that lets in more than twice as many notes.

        What an engine is to write after it or in it is found where the melody is, and lifted afterwards: it knows how to go on from there.
        """
        pitches = np.array([note.pitch for note in melody.notes], np.int64)
        allowed = np.concatenate([np.zeros(128, np.bool_), self.allowed, np.zeros(128, np.bool_)])
        counts = {12 * k: int(allowed[pitches + 12 * k + 128].sum()) for k in sorted(range(-10, 11), key=abs)}
        best = max(counts, key=lambda lift: counts[lift])
        return best if 2 * counts[0] < counts[best] else 0

    def finish(self, melody: Melody) -> Melody:
        """The melody, in written pitches, with notes as long as they must be and no longer than they may; a `LeadSheet` over chords."""
        notes = []
        for i, note in enumerate(melody.notes):
            end = melody.notes[i + 1].onset_steps if i + 1 < len(melody.notes) else melody.num_steps
            wanted = int(self.lengths[note.onset_steps]) if note.onset_steps < len(self.lengths) else 0
            steps = min(wanted, end - note.onset_steps) if wanted else note.duration_steps
            notes.append(replace(note, duration_steps=steps if self.longest_steps is None else min(steps, self.longest_steps)))
        melody = replace(melody, notes=tuple(notes))
        return LeadSheet.over(melody, self.spans) if self.spans else melody

    def broken(self, melody: Melody) -> tuple[str, ...]:
        """What the melody does not keep to, a line for each kind of demand; () where every exact one holds."""
        found = []
        wrong = [note for note in melody.notes if not self.allowed[note.pitch]]
        if wrong:
            found.append(f"{len(wrong)} of {len(melody.notes)} notes are outside the scale or the range")
        limit = self.longest_steps
        if limit is not None and (long := sum(note.duration_steps > limit for note in melody.notes)):
            found.append(f"{long} notes are longer than {limit} steps")
        starts = {note.onset_steps: note for note in melody.notes}
        missing = [s for s in np.flatnonzero(self.pitches >= 0).tolist() if s not in starts or starts[s].pitch != self.pitches[s]]
        if missing:
            found.append(f"{len(missing)} notes that must be there are not")
        wanted = np.flatnonzero(self.lengths).tolist()
        if any(s not in starts or starts[s].duration_steps != self.lengths[s] for s in wanted):
            found.append("notes do not last as long as they must")
        if any((self.events[s] == _ONSET) != (s in starts) for s in range(len(self.events)) if 0 <= self.events[s] <= _ONSET):
            found.append("the rhythm is another")
        return tuple(found)


def planned(
    meter: Meter,
    num_bars: int,
    *,
    scale: frozenset[int] | None,
    lowest: int | None,
    highest: int | None,
    rhythm: Melody | None,
    longest_steps: int | None,
    notes: Sequence[tuple[int, int, int | None]],
    chords: Chords | None,
    key: Key | None = None,
    first_bar: int = 0,
) -> Plan:
    """The plan for a piece; notes: (onset step, pitch, steps or None); key: of the piece, where it is settled.

    first_bar: the written bar (from 0) where rhythm and chords begin. ValueError for what contradicts itself or does not fit.
    """
    meter.require_supported()
    pitch = np.arange(128)
    allowed = (pitch >= (lowest or 0)) & (pitch <= (127 if highest is None else highest))
    if scale is not None:
        allowed &= np.isin(pitch % 12, sorted(scale))
    if not allowed.any():
        raise ValueError(f"no note of the scale {scale_text(scale or frozenset())} lies in {pitch_text(lowest or 0)} to "
                         f"{pitch_text(127 if highest is None else highest)}: widen the range")  # fmt: skip
    steps = num_bars * meter.steps_per_bar
    lengths, pitches = np.zeros(steps, np.int64), np.full(steps, -1, np.int16)
    events = np.full(steps, _FREE, np.int8)
    if rhythm is not None:
        first_step = first_bar * meter.steps_per_bar
        _take_rhythm(_repeated(rhythm, meter, num_bars - first_bar), events[first_step:], lengths[first_step:])
        _check_length(f"the rhythm has a note of {lengths.max() / STEPS_PER_BEAT:g} beats", int(lengths.max()), longest_steps)
    for onset, high, length in sorted(notes, key=lambda note: note[:2]):
        if not allowed[high]:
            raise ValueError(f"the note {pitch_text(high)} that must be there is outside the scale or the range that is asked for")
        _check_length(f"a note that must be there lasts {(length or 0) / STEPS_PER_BEAT:g} beats", length or 0, longest_steps)
        _take_note(onset, high, length, meter, events, pitches, lengths)
    spans = () if chords is None else _spans(chords, meter, num_bars, first_bar)
    tonic = suiting_tonic(spans, steps, scale, pitches[pitches >= 0].tolist()) if key is None else key.major_tonic
    return Plan(meter, num_bars, allowed, events, pitches, lengths, longest_steps, spans, tonic)


def _stretch(values: NDArray[np.int8] | NDArray[np.int16], first: int, count: int, fill: int) -> NDArray[np.int64]:
    """`count` values from `first` on, with `fill` beyond the last."""
    found = np.full(count, fill, np.int64)
    part = values[first : first + count]
    found[: len(part)] = part
    return found


def _repeated(rhythm: Melody, meter: Meter, num_bars: int) -> Melody:
    """The rhythm as often as it takes to fill so many bars."""
    if (rhythm.meter.kind, rhythm.meter.steps_per_bar) != (meter.kind, meter.steps_per_bar):
        raise ValueError(f"the rhythm is in {rhythm.meter} and the piece in {meter}: give a rhythm in {meter}, or ask for {rhythm.meter}")
    times = -(-num_bars // rhythm.num_bars)
    return Melody.joined([rhythm] * times).cut(0, num_bars)


def _spans(chords: Chords, meter: Meter, num_bars: int, first_bar: int) -> tuple[ChordSpan, ...]:
    """The chords, spread over the bars from `first_bar` on; before it there are none."""
    found = spread_spans(parsed_chords(chords), meter, num_bars - first_bar)
    if not first_bar:
        return found
    first_step = first_bar * meter.steps_per_bar
    return (ChordSpan(0, None), *(ChordSpan(span.onset_steps + first_step, span.chord) for span in found))


def _check_length(what: str, steps: int, longest_steps: int | None) -> None:
    if longest_steps is not None and steps > longest_steps:
        raise ValueError(f"{what}, and none may be longer than {longest_steps / STEPS_PER_BEAT:g}")


def _take_rhythm(rhythm: Melody, events: NDArray[np.int8], lengths: NDArray[np.int64]) -> None:
    events[:] = HOLD
    for note in rhythm.notes:
        if note.end_steps < len(events):
            events[note.end_steps] = NOTE_OFF
    for note in rhythm.notes:
        events[note.onset_steps] = _ONSET
        lengths[note.onset_steps] = note.duration_steps


def _take_note(
    onset: int,
    pitch: int,
    steps: int | None,
    meter: Meter,
    events: NDArray[np.int8],
    pitches: NDArray[np.int16],
    lengths: NDArray[np.int64],
) -> None:
    """Enter a note that must be there into the plan; ValueError where it cannot be."""
    bar, step = divmod(onset, meter.steps_per_bar)
    name = f"the note {pitch_text(pitch)} that must be there in bar {bar + 1} at beat {1 + step / STEPS_PER_BEAT:g}"
    if pitches[onset] >= 0 or events[onset] in (HOLD, NOTE_OFF):
        raise ValueError(f"{name} starts where the rhythm or another note that must be there leaves no room")
    end = onset + (steps or 1)
    if end > len(events):
        raise ValueError(f"{name} ends after the last bar, bar {len(events) // meter.steps_per_bar}: more bars needed?")
    if events[onset] == _ONSET:
        if steps is not None and lengths[onset] != steps:
            beats, given = steps / STEPS_PER_BEAT, lengths[onset] / STEPS_PER_BEAT
            raise ValueError(f"{name} must last {beats:g} beats, and in the given rhythm it lasts {given:g}")
    elif steps is not None:
        if (pitches[onset + 1 : end] >= 0).any():
            raise ValueError(f"{name} sounds while another one that must be there starts")
        events[onset + 1 : end] = HOLD
        lengths[onset] = steps
        if end < len(events) and events[end] == _FREE:
            events[end] = _CHANGE
    events[onset], pitches[onset] = _ONSET, pitch
