"""The melody in a MIDI file as lines of tokens, and where its notes should stand in the file again.

Conventions: ticks as in `music.score`, steps as in `music.melody`. What is not on the grid, or is a second voice, is not in the lines; the
events of the file are coded in full after them, and the lines only say what to expect.
"""

from __future__ import annotations

from dataclasses import dataclass

from musicvae.compose.canonical import to_coordinates
from musicvae.compose.compressing.expecting import Agenda, Expected
from musicvae.compose.compressing.lines import MOST_BARS, Line, code_lines
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_natural, code_signed
from musicvae.compose.compressing.syntax import MidiFile
from musicvae.model.integer.network import IntegerNetwork
from musicvae.music.extract import extract_grid
from musicvae.music.meter import KINDS, STEPS_PER_BEAT, Meter
from musicvae.music.midi import score_from_bytes
from musicvae.music.score import NoteTable
from musicvae.music.segments import segments
from musicvae.music.vocabulary import from_tokens

__all__ = ["Heard", "code_heard", "hear"]


@dataclass(frozen=True, eq=False)
class Heard:
    """Lines of one chunk and channel, in the model's coordinates. starts: the tick of each line's first bar; shifts: as in `canonical`."""

    chunk: int
    channel: int
    lines: tuple[Line, ...]
    starts: tuple[int, ...]
    shifts: tuple[int, ...]

    def agenda(self, ticks_per_beat: int) -> Agenda:
        """What to expect in the chunk."""
        expected: list[Expected] = []
        for line, start, shift in zip(self.lines, self.starts, self.shifts, strict=True):
            for note in from_tokens(line.tokens, Meter.parse(KINDS[line.kind])).notes:
                onset, end = (start + step * ticks_per_beat // STEPS_PER_BEAT for step in (note.onset_steps, note.end_steps))
                pitch = min(127, max(0, note.pitch - shift))
                expected += [Expected(onset, True, pitch, note.duration_steps), Expected(end, False, pitch, note.duration_steps)]
        return Agenda(expected, self.channel)


def hear(data: bytes, file: MidiFile, *, canonical_key: bool = True) -> Heard | None:
    """The melody of a file; None where there is none."""
    if file.header is None or file.header[2] >= 0x8000:
        return None
    try:
        score = score_from_bytes(data)
        found = extract_grid(score)
    except ValueError:
        return None
    if sum(line.num_bars for line in found.lines) > MOST_BARS:
        return None
    notes = NoteTable.of(score.tracks[found.track - 1].notes)
    starts = {part.start_bar: part.start for part in segments(score, int(notes.end_ticks.max()), int(notes.onset_ticks[0]))}
    lines, shifts = [], []
    for part in found.lines:
        placed = to_coordinates(part.melody(), canonical_key=canonical_key)
        lines.append(Line(part.meter.kind_index, placed.tokens))
        shifts.append(placed.shift_semitones)
    chunk, channel = _place(file, found.track)
    return Heard(chunk, channel, tuple(lines), tuple(starts.get(part.start_bar, 0) for part in found.lines), tuple(shifts))


def _place(file: MidiFile, track: int) -> tuple[int, int]:
    """Number of the chunk, among all, and channel of a score's track, from 1: every channel with notes of every chunk is one."""
    places: list[tuple[int, int]] = []
    for number, chunk in enumerate(file.chunks):
        channels = {e.status & 0x0F for e in chunk.events or () if 0x90 <= e.status <= 0x9F and e.data[1]}
        places += [(number, channel) for channel in sorted(channels)]
    return places[track - 1] if track <= len(places) else (0, 0)


def code_heard(mixer: Mixer, heard: Heard | None, network: IntegerNetwork | None, ticks_per_beat: int) -> Heard:
    """Code a melody and where it stands (None: it is read)."""
    chunk = code_natural(mixer, None if heard is None else heard.chunk, "heard chunk", [()])
    channel = code_class(mixer, None if heard is None else heard.channel, "heard channel", [()], width=4)
    lines = code_lines(mixer, None if heard is None else heard.lines, network)
    starts, shifts = list[int](), list[int]()
    for number in range(len(lines)):
        shifts.append(code_signed(mixer, None if heard is None else heard.shifts[number], "heard shift", [(), number > 0]))
        start = None if heard is None else heard.starts[number]
        # Where a line begins is mostly a whole number of sixteenths, and most of those 0.
        sixteenths, rest = (None, None) if start is None else divmod(start * STEPS_PER_BEAT, ticks_per_beat)
        sixteenths = code_signed(mixer, sixteenths, "heard start", [number > 0])
        rest = code_natural(mixer, rest, "heard rest", [()])
        starts.append(-(-(sixteenths * ticks_per_beat + rest) // STEPS_PER_BEAT))
    return Heard(chunk, channel, lines, tuple(starts), tuple(shifts))
