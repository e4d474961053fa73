import io
from dataclasses import replace
from fractions import Fraction

import music21
import pretty_midi
import pytest
from hypothesis import given, settings
from strategies import melodies

from musicvae.music.export import from_music21, from_pretty_midi, to_music21, to_pretty_midi
from musicvae.music.key import MODES, Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes, score_from_bytes
from musicvae.music.provenance import provenance_of
from musicvae.music.score import ScoreNote

TUNE = Melody(
    (Note(61, 2, 3, 100), Note(63, 6, 9, 33), Note(66, 20, 5), Note(60, 28, 1)),
    meter=Meter(3, 4),
    num_bars=4,
    tempo_qpm=97,
    key=Key.parse("C# dorian"),
    program=73,
    name="Flöte 旋律",
    provenance={"seed": 1},
)


def notes_of(melody):
    return tuple(ScoreNote(n.onset_steps * 120, n.pitch, n.duration_steps * 120, n.velocity) for n in melody.notes)


def quantised(melody):
    """The melody with the tempo that a MIDI file can hold: whole microseconds a beat."""
    return replace(melody, tempo_qpm=score_from_bytes(midi_bytes([melody])).tempi[0].qpm)


@given(melodies(min_notes=1))
def test_pretty_midi_and_back(melody):
    score = from_pretty_midi(melody.to_pretty_midi())
    (track,) = score.tracks
    assert track.notes == notes_of(melody)
    assert (track.name, track.program, track.is_drum) == (melody.name, melody.program, False)
    assert [change.meter for change in score.meters] == [melody.meter]
    assert [change.key for change in score.keys] == ([melody.key] if melody.key else [])
    assert [change.qpm for change in score.tempi] == [quantised(melody).tempo_qpm]
    assert provenance_of(score)[0]["melody"]["bars"] == melody.num_bars


def test_pretty_midi_has_what_its_users_look_for(tmp_path):
    pretty = to_pretty_midi(TUNE)
    (instrument,) = pretty.instruments
    assert (instrument.name, instrument.program) == ("Flöte 旋律", 73)
    assert [(n.pitch, n.velocity) for n in instrument.notes] == [(61, 100), (63, 33), (66, 90), (60, 90)]
    assert instrument.notes[0].start == pytest.approx(0.5 * 60 / 97)
    assert instrument.notes[0].end == pytest.approx(1.25 * 60 / 97)
    assert pretty.get_tempo_changes()[1].tolist() == pytest.approx([97])
    assert [(c.numerator, c.denominator, c.time) for c in pretty.time_signature_changes] == [(3, 4, 0.0)]
    assert [pretty_midi.key_number_to_key_name(c.key_number) for c in pretty.key_signature_changes] == ["B Major"]
    pretty.write(str(tmp_path / "a.mid"))
    assert score_from_bytes((tmp_path / "a.mid").read_bytes()).tracks[0].notes == notes_of(TUNE)


def test_pretty_midi_of_others():
    pretty = pretty_midi.PrettyMIDI(initial_tempo=100)
    drums, piano, empty = pretty_midi.Instrument(0, is_drum=True), pretty_midi.Instrument(4, name="Piano"), pretty_midi.Instrument(9)
    drums.notes.append(pretty_midi.Note(90, 36, 0.0, 0.3))
    piano.notes += [pretty_midi.Note(90, 64, 0.6, 1.2), pretty_midi.Note(90, 60, 0.0, 0.6)]
    pretty.instruments += [drums, piano, empty]
    pretty.key_signature_changes.append(pretty_midi.KeySignature(21, 0.0))
    score = from_pretty_midi(pretty)
    assert score.ticks_per_beat == 220
    assert [(t.name, t.program, t.is_drum) for t in score.tracks] == [("", 0, True), ("Piano", 4, False)]
    assert score.tracks[1].notes == (ScoreNote(0, 60, 220, 90), ScoreNote(220, 64, 220, 90))
    assert [change.key for change in score.keys] == [Key(9, "minor")]
    assert score.meters == ()
    piano.notes.append(pretty_midi.Note(90, 200, 0.0, 0.6))
    with pytest.raises(ValueError, match="this PrettyMIDI object makes no sense: .*pitch outside 0-127"):
        from_pretty_midi(pretty)


@pytest.mark.parametrize("program", range(112, 120))
def test_percussive_programs_are_no_drums(program):
    melody = Melody.from_beats([(60, 0, 1)], num_bars=1, program=program)
    (track,) = from_music21(melody.to_music21()).tracks
    assert (track.program, track.is_drum) == (program, False)


@given(melodies(min_notes=1, max_bars=3, min_pitch=12))
@settings(max_examples=25)
def test_music21_and_back(melody):
    score = from_music21(melody.to_music21())
    (track,) = score.tracks
    assert track.notes == notes_of(melody)
    assert (track.name, track.program, track.is_drum) == (melody.name, melody.program, False)
    assert [change.meter for change in score.meters] == [melody.meter]
    assert [change.key for change in score.keys] == ([melody.key] if melody.key else [])
    assert [change.qpm for change in score.tempi] == [melody.tempo_qpm]
    assert score.losses == {}


@given(melodies(max_bars=3, min_pitch=12))
@settings(max_examples=25)
def test_music21_has_full_measures(melody):
    (part,) = to_music21(melody).parts
    measures = list(part.getElementsByClass(music21.stream.Measure))
    assert [measure.number for measure in measures] == list(range(1, melody.num_bars + 1))
    for measure in measures:
        assert sum((Fraction(e.quarterLength) for e in measure.notesAndRests), Fraction(0)) == Fraction(melody.meter.beats_per_bar)
    # Every note that crosses a bar line is tied, and only those that begin are counted.
    begun = [n for n in part.flatten().notes if n.tie is None or n.tie.type == "start"]
    assert [(n.pitch.midi, n.volume.velocity) for n in begun] == [(n.pitch, n.velocity) for n in melody.notes]


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("tonic", range(12))
def test_music21_spells_scales_with_seven_letters(tonic, mode):
    key = Key(tonic, mode)
    pitches = [pitch for pitch in range(60, 72) if pitch % 12 in key.scale]
    melody = Melody(tuple(Note(p, i, 1) for i, p in enumerate(pitches)), num_bars=1, key=key)
    score = to_music21(melody)
    made = [n.pitch for n in score.flatten().notes]
    assert [int(pitch.ps) for pitch in made] == pitches
    assert sorted(pitch.step for pitch in made) == list("ABCDEFG")
    signature = next(iter(score.flatten().getElementsByClass(music21.key.KeySignature)))
    assert (signature.sharps - key.sharps) % 12 == 0  # six flats or six sharps


def test_music21_writes_musicxml_that_reads_back(tmp_path):
    path = to_music21(TUNE).write("musicxml", tmp_path / "a.musicxml")
    again = music21.converter.parse(path, forceSource=True)
    score = from_music21(again)
    assert [(n.onset_ticks, n.pitch, n.duration_ticks) for n in score.tracks[0].notes] == [
        (n.onset_ticks, n.pitch, n.duration_ticks) for n in notes_of(TUNE)
    ]
    assert (score.title, score.tracks[0].name, score.tracks[0].program) == ("Flöte 旋律", "Flöte 旋律", 73)
    assert score.keys[0].key == TUNE.key


def test_music21_of_others():
    part = music21.converter.parse("tinyNotation: 3/4 c8 d8 e4 f4 trip{g8 a8 b8} c'4~ c'4 c'2.")
    score = from_music21(part)
    assert [(n.onset_ticks, n.pitch, n.duration_ticks) for n in score.tracks[0].notes] == [
        (0, 60, 240), (240, 62, 240), (480, 64, 480), (960, 65, 480),
        (1440, 67, 160), (1600, 69, 160), (1760, 71, 160), (1920, 72, 960), (2880, 72, 1440),
    ]  # fmt: skip
    assert [(c.tick, str(c.meter)) for c in score.meters] == [(0, "3/4")]

    loose = music21.stream.Stream()
    loose.append(music21.key.KeySignature(-1))
    loose.append(music21.tempo.MetronomeMark(number=60, referent=music21.note.Note(type="half")))
    grace = music21.note.Note("B4").getGrace()
    for element in [
        music21.note.Note("D4"),
        grace,
        music21.harmony.ChordSymbol("Dm"),
        music21.chord.Chord(["A4", "F4"]),
        music21.note.Note("D4"),
    ]:
        loose.append(element)
    loose.append(music21.note.Unpitched())
    score = from_music21(loose)
    assert [n.pitch for n in score.tracks[0].notes] == [62, 65, 69, 62]
    assert score.losses == {"grace notes": 1, "notes without pitch": 1}
    assert [change.key for change in score.keys] == [Key(2, "minor")]
    assert [change.qpm for change in score.tempi] == [120]


def test_music21_pickups_and_parts():
    chorale = music21.corpus.parse("bach/bwv66.6")
    score = from_music21(chorale)
    assert [track.name for track in score.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [(c.tick, str(c.meter)) for c in score.meters] == [(480, "4/4")]
    assert score.keys[0].key == Key.parse("F# minor")
    assert len(score.tracks[0].notes) == len(chorale.parts[0].stripTies().flatten().notes)


def test_an_opus_is_refused():
    opus = music21.stream.Opus()
    opus.append(to_music21(TUNE))
    with pytest.raises(ValueError, match=r"this Opus holds 1 scores; give one of them: opus\.scores\[0\]"):
        from_music21(opus)


def test_both_agree_with_the_midi_file():
    pretty = pretty_midi.PrettyMIDI(io.BytesIO(midi_bytes([TUNE])))
    assert from_pretty_midi(pretty).tracks[0].notes == from_music21(to_music21(TUNE)).tracks[0].notes
