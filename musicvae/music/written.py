"""From a score as music21 holds it, of whatever written format, to ours. The one door to music21 for readers.

Conventions: ticks as in `music.score`, `TICKS_PER_BEAT` a beat. Chord symbols travel through music21, and
through the writing out of repeats, as words made by `chord_words`.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from musicvae.music.barlines import differing, meter_changes
from musicvae.music.chords import Chord
from musicvae.music.key import Key, estimate_key
from musicvae.music.meter import Meter
from musicvae.music.score import ChordChange, KeyChange, MeterChange, Score, ScoreNote, TempoChange, Track

__all__ = ["TICKS_PER_BEAT", "chord_words", "insert_chords", "is_chord_words", "parse", "tempi_of", "to_score", "with_repeats"]

TICKS_PER_BEAT = 480
_MAX_NOTES = 500_000
_MAX_BEATS = 250_000
_CHORD_WORDS = re.compile(r"chord:(\d{1,6})")


def chord_words(number: int) -> str:
    """The words that stand for chord `number` (from 0) while a score is in music21."""
    return f"chord:{number}"


def is_chord_words(text: str | None) -> bool:
    """Whether a text was made by `chord_words`."""
    return text is not None and _CHORD_WORDS.fullmatch(text) is not None


def parse(text: str, kind: str, name: str) -> Any:
    """The music21 score of a text in format `kind`; ValueError, naming the file, if it makes none."""
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return music21.converter.parseData(text, format=kind)
        except Exception as error:  # music21 raises whatever its parser met: any of it means that the file cannot be read
            what = {"musicxml": "MusicXML", "humdrum": "Humdrum"}[kind]
            raise ValueError(f"{name} could not be read as {what} ({type(error).__name__}: {error})") from error


def with_repeats(score: Any, losses: Counter[str]) -> Any:
    """The score with its repeats written out; as it is, and counted, where music21 cannot make sense of them."""
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return score.expandRepeats()
        except (music21.exceptions21.Music21Exception, IndexError, AttributeError, KeyError):
            losses["repeats not written out"] += 1
            return score


def insert_chords(score: Any, offsets: Iterable[tuple[float, int]]) -> None:
    """Put chord words into the first part: (offset in beats, number of the chord)."""
    import music21

    part = score.parts[0]
    measures = [(float(m.offset), m) for m in part.getElementsByClass(music21.stream.Measure)]
    for beats, number in offsets:
        start, measure = next(((s, m) for s, m in reversed(measures) if s <= beats + 1e-6), (0.0, part))
        measure.insert(beats - start, music21.expressions.TextExpression(chord_words(number)))


@dataclass
class _Found:
    """What a part holds besides its notes: bars (tick, meter), keys (tick, sharps, mode), chords (tick, number)."""

    bars: list[tuple[int, Meter]] = field(default_factory=list)
    keys: list[tuple[int, int, str | None]] = field(default_factory=list)
    chords: list[tuple[int, int]] = field(default_factory=list)


def to_score(
    score: Any,
    losses: Counter[str],
    *,
    name: str,
    title: str = "",
    texts: tuple[str, ...] = (),
    chords: Sequence[Chord | None] = (),
    tempi: tuple[TempoChange, ...] = (),
    part_name: Callable[[Any], str] | None = None,
) -> Score:
    """Our score of a music21 score: the first voice of each part, ties joined; ValueError if no part has a note."""
    tracks: list[Track] = []
    found = _Found()
    chord_at: dict[int, Chord | None] = {}
    for part in score.parts:
        notes, inside = _read_part(part, losses)
        chord_at |= {tick: chords[i] for tick, i in inside.chords if i < len(chords)}
        if notes:
            called = part_name(part) if part_name else str(part.partName or "")
            tracks.append(Track(tuple(sorted(notes)), " ".join(called.split()), _program(part)))
            found.bars, found.keys = found.bars or inside.bars, found.keys or inside.keys
    if not tracks:
        raise ValueError(f"{name} has no notes")
    end = max(n.onset_ticks + n.duration_ticks for t in tracks for n in t.notes)
    if end > _MAX_BEATS * TICKS_PER_BEAT:
        raise ValueError(f"{name} lasts {end // TICKS_PER_BEAT} beats; at most {_MAX_BEATS} are read: is a duration damaged?")
    meters, keys = _maps(tracks, found, losses)
    changes = tuple(ChordChange(tick, chord) for tick, chord in differing(sorted(chord_at.items(), key=lambda c: c[0])))
    return Score(TICKS_PER_BEAT, tuple(tracks), tempi, meters, keys, title, texts, dict(+losses), chords=changes)


def _read_part(part: Any, losses: Counter[str]) -> tuple[list[ScoreNote], _Found]:
    import music21

    notes: list[ScoreNote] = []
    found = _Found()
    meter: Meter | None = None
    for measure in part.getElementsByClass(music21.stream.Measure):
        start = measure.offset
        if (signature := measure.timeSignature) is not None:
            meter = _meter_of(signature)
        if meter is not None:
            found.bars.append((_ticks(start), meter))
        for key in measure.getElementsByClass(music21.key.KeySignature):
            found.keys.append((_ticks(start), key.sharps, getattr(key, "mode", None)))
        voice, *others = list(measure.voices) or [measure]
        for stream, at in [(measure, start), *((v, start + v.offset) for v in measure.voices)]:
            for words in stream.getElementsByClass(music21.expressions.TextExpression):
                if match := _CHORD_WORDS.fullmatch(words.content):
                    found.chords.append((_ticks(at + words.offset), int(match[1])))
        losses["notes in a second voice"] += sum(len(v.notes) for v in others)
        for element in voice.notes:
            if element.duration.isGrace:
                losses["grace notes"] += 1
            elif isinstance(element, music21.note.Note | music21.chord.Chord):
                _add(notes, element, start + (voice.offset if others else 0))
        if len(notes) > _MAX_NOTES:
            raise ValueError(f"one part has more than {_MAX_NOTES} notes once its repeats are written out; it is not read")
    return notes, found


def _add(notes: list[ScoreNote], element: Any, start: Any) -> None:
    onset = _ticks(start + element.offset)
    end = _ticks(start + element.offset + element.duration.quarterLength)
    tied = element.tie is not None and element.tie.type in ("stop", "continue")
    for pitch in element.pitches:
        midi = int(pitch.midi)
        before = next((i for i in range(len(notes) - 1, max(-1, len(notes) - 9), -1) if notes[i].pitch == midi), None)
        if tied and before is not None and abs(notes[before].onset_ticks + notes[before].duration_ticks - onset) <= 1:
            notes[before] = ScoreNote(notes[before].onset_ticks, midi, end - notes[before].onset_ticks, notes[before].velocity)
        else:
            notes.append(ScoreNote(onset, midi, end - onset, 90))


def _ticks(offset_beats: Any) -> int:
    return int(round(offset_beats * TICKS_PER_BEAT))


def _meter_of(signature: Any) -> Meter | None:
    try:
        return Meter(int(signature.numerator), int(signature.denominator))
    except (ValueError, TypeError):
        return None


def _program(part: Any) -> int:
    import music21

    # Humdrum's instruments lie inside the first measure.
    inside = part.recurse().getElementsByClass(music21.instrument.Instrument)
    instrument = part.getInstrument(returnDefault=False) or inside.first()
    program = getattr(instrument, "midiProgram", None)
    return program if isinstance(program, int) and 0 <= program <= 127 else 0


def tempi_of(numbers: Iterable[str]) -> tuple[TempoChange, ...]:
    """The first tempo that is one only: later ones in such files are mostly the shape of a ritardando."""
    for text in numbers:
        try:
            qpm = float(text)
        except ValueError:
            continue
        if 0 < qpm < 10_000:
            return (TempoChange(0, qpm),)
    return ()


def _maps(tracks: Sequence[Track], found: _Found, losses: Counter[str]) -> tuple[tuple[MeterChange, ...], tuple[KeyChange, ...]]:
    bars, keys = found.bars, found.keys
    end = max(n.onset_ticks + n.duration_ticks for t in tracks for n in t.notes)
    meters, off_grid = meter_changes(bars, max(end, bars[-1][0] if bars else 0), TICKS_PER_BEAT)
    losses["bar lines off the grid"] += off_grid
    key_at: dict[int, Key] = {}
    for i, (tick, sharps, mode) in enumerate(keys):
        until = keys[i + 1][0] if i + 1 < len(keys) else end + 1
        key = _key(sharps, mode, [n for n in tracks[0].notes if tick <= n.onset_ticks < until])
        if key is not None:
            key_at[tick] = key
    return meters, tuple(KeyChange(tick, key) for tick, key in differing(key_at.items()))


def _key(sharps: int, mode: str | None, notes: list[ScoreNote]) -> Key | None:
    """The key of a signature; a missing mode is the estimated one, or else minor where the last note is its tonic."""
    if not -7 <= sharps <= 7:
        return None
    if mode in ("minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"):
        return Key.from_signature(sharps, mode)
    major, minor = Key.from_signature(sharps), Key.from_signature(sharps, "minor")
    voiced = [n for n in notes if n.duration_ticks > 0]
    found = estimate_key([n.pitch for n in voiced], [float(n.duration_ticks) for n in voiced])
    if found in (major, minor):
        return found
    return minor if voiced and voiced[-1].pitch % 12 == minor.tonic else major
