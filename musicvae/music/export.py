"""Melodies as objects of other libraries (pretty_midi, music21), and such objects as scores.

Conventions: nothing goes through a file. Both libraries are imported when needed only. music21
spells pitches; they get the names that the melody's key gives them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from musicvae.music.barlines import meter_changes
from musicvae.music.key import Key, estimate_key
from musicvae.music.melody import DEFAULT_TEMPO_QPM, DEFAULT_VELOCITY, Melody, Note
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.midi import TICKS_PER_BEAT, roundest_qpm
from musicvae.music.provenance import provenance_text, with_exact_key
from musicvae.music.score import KeyChange, MeterChange, Score, ScoreNote, TempoChange, Track

if TYPE_CHECKING:
    import music21
    import pretty_midi

__all__ = ["from_music21", "from_pretty_midi", "score_to_pretty_midi", "to_music21", "to_pretty_midi"]

_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "D-", "D", "E-", "E", "F", "G-", "G", "A-", "A", "B-", "B")  # music21 writes a flat as a minus


def to_pretty_midi(melody: Melody) -> pretty_midi.PrettyMIDI:
    """A `pretty_midi.PrettyMIDI` of one instrument, with tempo, meter, key signature and the text of where it came from.

    Modes other than major and minor become the major key of the same signature, as in a MIDI file.
    """
    import pretty_midi

    pretty = pretty_midi.PrettyMIDI(resolution=TICKS_PER_BEAT, initial_tempo=melody.tempo_qpm, charset="utf8")
    pretty.time_signature_changes.append(pretty_midi.TimeSignature(melody.meter.numerator, melody.meter.denominator, 0.0))
    if (key := melody.key) is not None:
        number = key.tonic + 12 if key.mode == "minor" else key.major_tonic
        pretty.key_signature_changes.append(pretty_midi.KeySignature(number, 0.0))
    pretty.text_events.append(pretty_midi.Text(provenance_text(melody), 0.0))
    instrument = pretty_midi.Instrument(melody.program, name=melody.name)
    seconds_per_step = 60 / melody.tempo_qpm / STEPS_PER_BEAT
    for note in melody.notes:
        start, end = note.onset_steps * seconds_per_step, note.end_steps * seconds_per_step
        instrument.notes.append(pretty_midi.Note(note.velocity, note.pitch, start, end))
    pretty.instruments.append(instrument)
    return pretty


def score_to_pretty_midi(score: Score) -> pretty_midi.PrettyMIDI:
    """A `pretty_midi.PrettyMIDI` of a score of one tempo: an instrument for each track, meters, keys and texts; chords have no place."""
    import pretty_midi

    qpm = score.tempi[0].qpm if score.tempi else DEFAULT_TEMPO_QPM
    seconds = 60 / qpm / score.ticks_per_beat
    pretty = pretty_midi.PrettyMIDI(resolution=score.ticks_per_beat, initial_tempo=qpm, charset="utf8")
    for meter in score.meters:
        signature = pretty_midi.TimeSignature(meter.meter.numerator, meter.meter.denominator, meter.tick * seconds)
        pretty.time_signature_changes.append(signature)
    for change in score.keys:
        number = change.key.tonic + 12 if change.key.mode == "minor" else change.key.major_tonic
        pretty.key_signature_changes.append(pretty_midi.KeySignature(number, change.tick * seconds))
    pretty.text_events += [pretty_midi.Text(text, 0.0) for text in score.texts]
    for track in score.tracks:
        instrument = pretty_midi.Instrument(track.program, track.is_drum, track.name)
        for note in track.notes:
            end = (note.onset_ticks + note.duration_ticks) * seconds
            instrument.notes.append(pretty_midi.Note(note.velocity, note.pitch, note.onset_ticks * seconds, end))
        pretty.instruments.append(instrument)
    return pretty


def from_pretty_midi(pretty: pretty_midi.PrettyMIDI) -> Score:
    """The score in a `pretty_midi.PrettyMIDI`; ValueError for notes or signatures that no MIDI file could hold."""
    times, tempi = pretty.get_tempo_changes()
    try:
        score = Score(
            ticks_per_beat=int(pretty.resolution),
            tracks=tuple(_pretty_track(instrument, pretty) for instrument in pretty.instruments if instrument.notes),
            tempi=tuple(TempoChange(_pretty_tick(pretty, t), _roundest(float(qpm))) for t, qpm in zip(times, tempi, strict=True)),
            meters=tuple(
                MeterChange(_pretty_tick(pretty, change.time), Meter(change.numerator, change.denominator))
                for change in sorted(pretty.time_signature_changes, key=lambda change: float(change.time))
            ),
            keys=tuple(
                KeyChange(_pretty_tick(pretty, change.time), Key(change.key_number % 12, "minor" if change.key_number >= 12 else "major"))
                for change in sorted(pretty.key_signature_changes, key=lambda change: float(change.time))
            ),
            texts=tuple(text.text for text in pretty.text_events),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"this PrettyMIDI object makes no sense: {error}") from error
    return with_exact_key(score)


def _pretty_track(instrument: pretty_midi.Instrument, pretty: pretty_midi.PrettyMIDI) -> Track:
    notes = []
    for note in instrument.notes:
        onset, end = _pretty_tick(pretty, note.start), _pretty_tick(pretty, note.end)
        if not 0 <= note.pitch <= 127 or onset < 0 or end < onset:
            raise ValueError(f"{note} of {instrument.name!r} has a pitch outside 0-127 or ends before it starts")
        notes.append(ScoreNote(onset, int(note.pitch), end - onset, min(127, max(1, int(note.velocity)))))
    return Track(tuple(sorted(notes)), instrument.name, int(instrument.program), bool(instrument.is_drum))


def _pretty_tick(pretty: pretty_midi.PrettyMIDI, seconds: float) -> int:
    return int(pretty.time_to_tick(seconds))


def _roundest(qpm: float) -> float:
    """The tempo as a MIDI file would give it back: 97, not 96.99994."""
    return roundest_qpm(round(60_000_000 / qpm)) or qpm


def to_music21(melody: Melody) -> music21.stream.Score:
    """A `music21` score of one part: measures, meter, key, tempo, rests, notes tied over bar lines."""
    import music21

    part = music21.stream.Part()
    part.partName = melody.name
    instrument = music21.instrument.instrumentFromMidiProgram(melody.program)
    instrument.partName = melody.name
    if instrument.midiChannel == 9:
        instrument.midiChannel = 0  # music21 takes some programs, such as the agogo, for drums
    part.insert(0, instrument)
    part.insert(0, music21.meter.TimeSignature(str(melody.meter)))
    if melody.key is not None:
        part.insert(0, _music21_key(melody.key))
    part.insert(0, music21.tempo.MetronomeMark(number=melody.tempo_qpm, referent=music21.note.Note(type="quarter")))
    names = _pitch_names(melody.key)
    step = 0
    for note in melody.notes:
        if note.onset_steps > step:
            part.insert(_quarters(step), music21.note.Rest(quarterLength=_quarters(note.onset_steps - step)))
        part.insert(_quarters(note.onset_steps), _music21_note(note, names))
        step = note.end_steps
    if step < melody.num_steps:
        part.insert(_quarters(step), music21.note.Rest(quarterLength=_quarters(melody.num_steps - step)))
    part.makeNotation(inPlace=True)
    score = music21.stream.Score()
    score.insert(0, music21.metadata.Metadata(title=melody.name))
    score.insert(0, part)
    return score


def _music21_note(note: Note, names: tuple[str, ...]) -> Any:
    import music21

    pitch = music21.pitch.Pitch(names[note.pitch % 12])
    # B sharp and C flat belong to the octave of the letter, not to that of the sound.
    pitch.octave = note.pitch // 12 - 1
    pitch.octave += round((note.pitch - pitch.ps) / 12)
    made = music21.note.Note(pitch, quarterLength=_quarters(note.duration_steps))
    made.volume.velocity = note.velocity
    return made


def _music21_key(key: Key) -> Any:
    import music21

    tonic, mode = str(key).split()
    return music21.key.Key(tonic.replace("b", "-"), mode)


def _pitch_names(key: Key | None) -> tuple[str, ...]:
    """For each pitch class its name in this key: those of the scale, else a sharp or a flat as in the signature."""
    names = list(_FLATS if key is not None and key.sharps < 0 else _SHARPS)
    if key is not None:
        for pitch in _music21_key(key).pitches:
            names[pitch.pitchClass] = pitch.name
    return tuple(names)


def _quarters(steps: int) -> float:
    return steps / STEPS_PER_BEAT


def from_music21(stream: music21.stream.Stream) -> Score:
    """The score in a `music21` stream: a score, a part, or loose notes; ties joined, repeats left as they stand.

    Chord symbols and grace notes are silent; notes without pitch and grace notes are counted in `Score.losses`.
    ValueError for several pieces in one object (a `music21.stream.Opus`).
    """
    import music21

    if isinstance(stream, music21.stream.Opus):
        raise ValueError(f"this Opus holds {len(list(stream.scores))} scores; give one of them: opus.scores[0]")
    losses: Counter[str] = Counter()
    parts = list(stream.parts) if isinstance(stream, music21.stream.Score) and stream.parts else [stream]
    tracks = tuple(track for part in parts if (track := _music21_track(part, losses)).notes)
    first = parts[0]
    end = max((n.onset_ticks + n.duration_ticks for t in tracks for n in t.notes), default=0)
    tempi = []
    for mark in stream.flatten().getElementsByClass(music21.tempo.MetronomeMark):
        qpm = mark.getQuarterBPM()
        if qpm is not None and 0 < qpm < 10_000:
            tempi.append(TempoChange(_ticks(mark.offset), float(qpm)))
    metadata = stream.metadata
    return Score(
        ticks_per_beat=TICKS_PER_BEAT,
        tracks=tracks,
        tempi=tuple({change.tick: change for change in tempi}.values()),
        meters=_music21_meters(first, end, losses),
        keys=_music21_keys(first, tracks[0].notes if tracks else ()),
        title=str(metadata.bestTitle or "") if metadata is not None else "",
        losses=dict(+losses),
    )


def _music21_track(part: Any, losses: Counter[str]) -> Track:
    import music21

    instrument = next(iter(part.recurse().getElementsByClass(music21.instrument.Instrument)), None)
    program = getattr(instrument, "midiProgram", None)
    notes = []
    for element in part.stripTies().flatten().notes:
        if element.duration.isGrace:
            losses["grace notes"] += 1
        elif isinstance(element, music21.harmony.ChordSymbol):
            continue
        elif not isinstance(element, music21.note.Note | music21.chord.Chord):
            losses["notes without pitch"] += 1
        else:
            onset, end = _ticks(element.offset), _ticks(element.offset + element.quarterLength)
            velocity = element.volume.velocity or DEFAULT_VELOCITY
            notes += [ScoreNote(onset, int(pitch.midi), end - onset, int(velocity)) for pitch in element.pitches]
    name = part.partName if isinstance(part, music21.stream.Part) and part.partName else ""
    is_drum = getattr(instrument, "midiChannel", None) == 9
    return Track(tuple(sorted(notes)), " ".join(str(name).split()), program if isinstance(program, int) else 0, is_drum)


def _music21_meters(part: Any, end_ticks: int, losses: Counter[str]) -> tuple[MeterChange, ...]:
    import music21

    measures = list(part.getElementsByClass(music21.stream.Measure))
    if not measures:
        signatures = part.flatten().getElementsByClass(music21.meter.TimeSignature)
        return tuple(MeterChange(_ticks(sign.offset), Meter(sign.numerator, sign.denominator)) for sign in signatures)
    bars: list[tuple[int, Meter]] = []
    meter: Meter | None = None
    for measure in measures:
        if (sign := measure.timeSignature) is not None:
            meter = Meter(sign.numerator, sign.denominator)
        if meter is not None:
            bars.append((_ticks(measure.offset), meter))
    changes, moved = meter_changes(bars, max(end_ticks, bars[-1][0] if bars else 0), TICKS_PER_BEAT)
    losses["bar lines off the grid"] += moved
    return changes


def _music21_keys(part: Any, notes: Sequence[ScoreNote]) -> tuple[KeyChange, ...]:
    import music21

    changes = []
    for sign in part.flatten().getElementsByClass(music21.key.KeySignature):
        mode = getattr(sign, "mode", None)
        if mode is None:  # a bare signature: the key that the notes are in, if it has this signature, else the major one
            found = estimate_key([n.pitch for n in notes if n.duration_ticks], [float(n.duration_ticks) for n in notes if n.duration_ticks])
            mode = "minor" if found == Key.from_signature(sign.sharps, "minor") else "major"
        if abs(sign.sharps) <= 7:
            key = Key.parse(f"C {mode}")  # knows the other names of modes
            changes.append(KeyChange(_ticks(sign.offset), Key.from_signature(sign.sharps, key.mode)))
    return tuple({change.tick: change for change in changes}.values())


def _ticks(offset_beats: float | Fraction) -> int:
    return round(offset_beats * TICKS_PER_BEAT)
