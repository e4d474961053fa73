"""A score written as MIDI and read again; mido, which pairs nothing, is asked what the bytes say."""

from __future__ import annotations

import io
from dataclasses import replace

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.bulk import read_midi_bulk
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes, read_midi, score_bytes, score_from_bytes, write_score
from musicvae.music.midi_facts import roundest_qpm
from musicvae.music.score import KeyChange, MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track

TEXTS = st.sampled_from(("", "Flöte", "旋律 1", "a\tb"))
TICKS = st.one_of(st.integers(0, 40), st.integers(0, 2**21))


@st.composite
def fifo_notes(draw):
    """Notes whose equal pitches end in the order in which they start, as all read from MIDI files do."""
    notes = []
    for pitch in draw(st.sets(st.sampled_from((0, 60, 61, 127)), max_size=3)):
        onsets = sorted(draw(st.lists(st.integers(0, 30), max_size=6)))
        end = 0
        for onset in onsets:
            end = max(onset, end) + draw(st.integers(0, 5))
            notes.append(ScoreNote(onset, pitch, end - onset, draw(st.integers(1, 127))))
    return tuple(sorted(notes))


def fits(notes):
    """Whether of equal pitches that start together the ends also stand in the order in which notes are sorted."""
    by_pitch = {}
    for note in notes:
        end = note.onset_ticks + note.duration_ticks
        if end < by_pitch.get(note.pitch, 0):
            return False
        by_pitch[note.pitch] = end
    return True


def changes(kind, values):
    return st.dictionaries(TICKS, values, max_size=4).map(lambda found: tuple(kind(tick, value) for tick, value in sorted(found.items())))


SCORES = st.builds(
    Score,
    ticks_per_beat=st.integers(1, 0x7FFF),
    tracks=st.lists(
        st.builds(Track, fifo_notes().filter(lambda n: n and fits(n)), TEXTS, st.integers(0, 127), st.booleans()), max_size=20
    ).map(tuple),
    tempi=changes(TempoChange, st.integers(6001, 2**24 - 1).map(roundest_qpm)),
    meters=changes(MeterChange, st.builds(Meter, st.integers(1, 255), st.sampled_from((1, 2, 4, 8, 16, 32, 64)))),
    keys=changes(KeyChange, st.builds(Key, st.integers(0, 11), st.sampled_from(("major", "minor")))),
    title=TEXTS,
    texts=st.lists(TEXTS, max_size=2).map(tuple),
)


@given(SCORES)
def test_a_score_comes_back_from_its_bytes(score):
    data = score_bytes(score)
    assert score_from_bytes(data) == score
    assert read_midi_bulk(data) == score
    assert score_bytes(read_midi_bulk(data)) == data


@given(st.integers(1, 2**24 - 1))
def test_tempi_are_kept_to_the_microsecond(microseconds):
    qpm = roundest_qpm(microseconds)
    if qpm is not None:
        data = score_bytes(Score(480, (), tempi=(TempoChange(0, qpm),)))
        (message,) = (m for m in mido.MidiFile(file=io.BytesIO(data)).tracks[0] if m.type == "set_tempo")
        assert message.tempo == microseconds


def test_what_mido_sees():
    notes = (ScoreNote(0, 60, 10, 70), ScoreNote(5, 60, 10, 71), ScoreNote(10, 60, 0, 72), ScoreNote(15, 60, 200, 73))
    score = Score(96, (Track(notes[:2] + notes[3:], "Flute", 73), Track((ScoreNote(0, 36, 1, 90),), "Kit", 5, is_drum=True)), title="Song")
    file = mido.MidiFile(file=io.BytesIO(score_bytes(score)))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 96, 3)
    assert [t.name for t in file.tracks] == ["Song", "Flute", "Kit"]
    seen = [(m.type, m.time, m.note, m.velocity, m.channel) for m in file.tracks[1] if m.type.startswith("note")]
    assert seen == [
        ("note_on", 0, 60, 70, 0), ("note_on", 5, 60, 71, 0), ("note_off", 5, 60, 0, 0),
        ("note_off", 5, 60, 0, 0), ("note_on", 0, 60, 73, 0), ("note_off", 200, 60, 0, 0),
    ]  # fmt: skip
    assert [(m.channel, m.program) for t in file.tracks for m in t if m.type == "program_change"] == [(0, 73), (9, 5)]
    assert {sum(m.time for m in track) for track in file.tracks} == {215}


def test_equal_pitches_that_end_out_of_order_go_to_a_further_track():
    outer, inner, third = ScoreNote(0, 60, 100, 80), ScoreNote(10, 60, 20, 70), ScoreNote(20, 60, 5, 60)
    other = ScoreNote(12, 64, 1, 50)
    score = score_from_bytes(score_bytes(Score(96, (Track(NoteTable.of((outer, inner, other, third)), "Organ", 19), Track((other,))))))
    assert [(t.name, t.program, tuple(t.notes)) for t in score.tracks] == [
        ("Organ", 19, (outer, other)), ("Organ", 19, (inner,)), ("Organ", 19, (third,)), ("", 0, (other,)),
    ]  # fmt: skip


def test_tracks_have_channels_of_their_own_but_for_drums():
    tracks = [Track((ScoreNote(0, 60, 1, 1),), is_drum=i % 5 == 4) for i in range(21)]
    file = mido.MidiFile(file=io.BytesIO(score_bytes(Score(96, tuple(tracks)))))
    channels = [next(m.channel for m in track if m.type == "note_on") for track in file.tracks[1:]]
    assert [c == 9 for c in channels] == [t.is_drum for t in tracks]
    assert len({c for c in channels if c != 9}) == 15


def test_our_own_files_keep_mode_and_length():
    melody = Melody((Note(62, 0, 4),), Meter(3, 4), 5, 97.0, Key.parse("D dorian"), name="Tune")
    score = score_from_bytes(midi_bytes([melody]))
    assert score_from_bytes(score_bytes(score)) == score
    assert (score.keys[0].key, score.length_ticks) == (melody.key, 5 * 3 * 480)


NOTE = ScoreNote(0, 60, 1, 80)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (Score(0, ()), "0 ticks per beat cannot be written: MIDI allows 1 to 32767"),
        (Score(96, (Track((replace(NOTE, velocity=0),)),)), "track 1 has a note of velocity 0, outside 1-127"),
        (Score(96, (Track((NOTE,)), Track((replace(NOTE, pitch=128),)))), "track 2 has a note of pitch 128, outside 0-127"),
        (Score(96, (Track((replace(NOTE, onset_ticks=-1),)),)), "starts before tick 0 or ends before it starts"),
        (Score(96, (Track((replace(NOTE, duration_ticks=-1),)),)), "starts before tick 0 or ends before it starts"),
        (Score(96, (Track((NOTE,), program=128),)), "track 1 has program 128, outside 0-127"),
        (Score(96, (Track((replace(NOTE, onset_ticks=2**28),)),)), "268435457 ticks between two events cannot be written"),
        (Score(96, (), tempi=(TempoChange(0, 3.5),)), r"tempo 3\.5 cannot be written: MIDI holds 3\.58 to 10000"),
        (Score(96, (), tempi=(TempoChange(0, 0),)), "tempo 0 cannot be written"),
        (Score(96, (), tempi=(TempoChange(0, 20_000),)), "tempo 20000 cannot be written"),
        (Score(96, (), meters=(MeterChange(0, Meter(256, 4)),)), "meter 256/4 cannot be written"),
        (Score(96, (), meters=(MeterChange(0, Meter(4, 128)),)), "meter 4/128 cannot be written"),
    ],
)
def test_what_midi_cannot_hold_is_refused(score, message):
    with pytest.raises(ValueError, match=message):
        score_bytes(score)


def test_a_score_is_written_once_unless_forced(tmp_path):
    score = Score(96, (Track((NOTE,), "a"),))
    path = write_score(score, tmp_path / "a.mid")
    assert read_midi(path) == score
    with pytest.raises(FileExistsError):
        write_score(score, path)
    assert write_score(replace(score, title="b"), path, force=True) == path
    assert read_midi(path).title == "b"
