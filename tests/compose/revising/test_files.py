from dataclasses import replace

import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.model import Model
from musicvae.compose.revising.files import open_melody
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.midi import write_score
from musicvae.music.score import KeyChange, MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track

MODEL = Model(FakeEngine(lossy=0.5))


def played_score(melody, *, lead=0, late=7):
    """A melody as somebody played it, each note `late` ticks behind a grid of 24, with chords in another track and a change of tempo."""
    notes = [ScoreNote(24 * n.onset_steps + late + lead, n.pitch, 24 * n.duration_steps - 9, n.velocity) for n in melody.notes]
    chords = [ScoreNote(96 * beat + lead, pitch, 90, 50) for beat in range(4 * melody.num_bars) for pitch in (36, 43)]
    tempi = (TempoChange(0, 100.0), TempoChange(500, 90.0))
    return Score(96, (Track(tuple(sorted(notes)), "Lead"), Track(tuple(sorted(chords)), "Chords")), tempi,
                 (MeterChange(0, Meter(4, 4)),), (KeyChange(0, Key(0)),), "Song")  # fmt: skip


@pytest.fixture
def played(tmp_path):
    melody = tune(5, 8)
    return melody, write_score(played_score(melody), tmp_path / "song.mid")


def notes_of(score, track):
    return NoteTable.of(score.tracks[track - 1].notes)


def test_a_repair_leaves_all_that_is_not_masked_as_it_was_played(played):
    melody, path = played
    opened = open_melody(path, track="Lead")
    stretch = opened.longest
    assert [n.pitch for n in stretch.melody.notes] == [n.pitch for n in melody.notes]
    file = opened.revised(stretch, MODEL.repair(stretch.melody, "3-4"))
    before, after = opened.file.score, file.score
    assert notes_of(after, 2) == notes_of(before, 2)
    assert (after.tempi, after.meters, after.keys, after.ticks_per_beat) == (before.tempi, before.meters, before.keys, 96)
    masked = range(2 * 384 - 12, 4 * 384 - 12)
    assert [n for n in notes_of(after, 1) if n.onset_ticks not in masked] == [n for n in notes_of(before, 1) if n.onset_ticks not in masked]
    assert [n for n in notes_of(after, 1) if n.onset_ticks in masked] != [n for n in notes_of(before, 1) if n.onset_ticks in masked]
    assert file.melody.notes == tuple(open_melody_notes(file, opened))


def open_melody_notes(file, opened):
    """The notes of the file's melody, with the lengths on the grid that the file's own melody has."""
    return [replace(n, duration_steps=m.duration_steps, velocity=m.velocity) for n, m in zip(
        open_melody(file.score, track="Lead").longest.melody.notes, file.melody.notes, strict=True)]  # fmt: skip


def test_what_continues_a_file_comes_after_all_its_notes(played):
    _, path = played
    opened = open_melody(path, track="Lead")
    stretch = opened.longest
    file = opened.revised(stretch, MODEL.continue_(stretch.melody, 4, seed=1))
    before, after = notes_of(opened.file.score, 1), notes_of(file.score, 1)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert all(tick % 24 == 0 for tick in after[len(before) :].onset_ticks)
    assert file.num_bars == 12


def test_a_melody_that_is_not_changed_is_the_same_file_but_for_the_text(played):
    _, path = played
    opened = open_melody(path, track="Lead")
    same = opened.revised(opened.longest, opened.longest.melody)
    assert same.score.tracks == opened.file.score.tracks


def test_notes_beside_the_melody_in_its_track_stay_and_are_told_of(tmp_path):
    melody = tune(5, 4)
    score = played_score(melody)
    both = replace(score, tracks=(replace(score.tracks[0], notes=tuple(sorted([*score.tracks[0].notes, *score.tracks[1].notes]))),))
    opened = open_melody(write_score(both, tmp_path / "piano.mid"))
    low = [n for n in notes_of(opened.file.score, 1) if n.pitch == 36]  # 43 is the top where the melody rests
    file = opened.revised(opened.longest, replace(opened.longest.melody, notes=()))
    assert [n for n in notes_of(file.score, 1) if n.pitch == 36] == low
    assert "in its own track stayed" in file.notices[0]


def test_a_bar_that_is_in_no_stretch_is_named(played):
    opened = open_melody(played[1], track="Lead")
    with pytest.raises(ValueError, match=r"bar 9 is none of the melody's, which has bars 1-8 in 4/4"):
        opened.with_bar(9)


def test_new_chords_take_the_place_of_those_that_were_written_before_and_no_other_track_s(played, tmp_path):
    _, path = played
    opened = open_melody(path, track="Lead")
    first = opened.revised(opened.longest, MODEL.repair(opened.longest.melody, "3-4", chords="C Am F G"))
    assert [track.name for track in first.score.tracks] == ["Lead", "Chords", "Chords"]  # the first of which is the file's own
    assert first.notices == ()
    again = open_melody(first.score, track="Lead")
    second = again.revised(again.longest, MODEL.repair(again.longest.melody, "3-4", chords="Dm G7 C C"))
    sounding = [track for track in second.score.tracks if track.notes]
    assert len(sounding) == 3
    assert sounding[1].notes == opened.file.score.tracks[1].notes
    assert {note.pitch % 12 for note in sounding[2].notes if note.onset_ticks < 8 * 96} == {2, 5, 9}
    assert [text.split(": ")[1] for text in second.notices] == [
        f"{len(first.score.tracks[2].notes)} notes of its track of chords made room for the new chords"
    ]
