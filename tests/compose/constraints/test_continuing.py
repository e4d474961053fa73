import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.compose.revising.files import open_melody
from musicvae.music.lead_sheet import LeadSheet
from musicvae.music.midi import read_midi, score_from_bytes, write_midi

MODEL = Model(FakeEngine(), name="fake")
GIVEN = tune(3, 6, key="D", shift=2)


def test_what_is_new_keeps_to_what_is_asked_and_what_is_given_stays():
    asked = Constraints.of(scale="D major pentatonic", range="B4-F#5", longest=0.5, notes="8:1:D5")
    result = MODEL.continue_(GIVEN, 20, seed=4, chords="D G A7 D", constraints=asked)
    assert isinstance(result, LeadSheet)
    old = [note for note in result.notes if note.onset_steps < GIVEN.num_steps]
    new = [note for note in result.notes if note.onset_steps >= GIVEN.num_steps]
    assert old == list(GIVEN.notes)
    assert {note.pitch for note in new} <= {71, 74, 76, 78}
    assert max(note.duration for note in new) <= 0.5
    assert 74 in {note.pitch for note in new if note.onset_steps == 7 * 16}
    assert [(span.onset_steps // 16, str(span.chord)) for span in result.spans] == [(0, "None"), (6, "D"), (11, "G"), (16, "A7"), (21, "D")]
    assert (result.provenance["chords"], result.provenance["constraints"]["notes"]) == ("D G A7 D", "8:1:D5")


def test_a_rhythm_begins_with_the_new_bars():
    rhythm = tune(5, 4)
    result = MODEL.continue_(GIVEN, 8, seed=4, constraints=Constraints.of(rhythm=rhythm))
    new = [(n.onset_steps - 96, n.duration_steps) for n in result.notes if n.onset_steps >= 96]
    assert new == [(n.onset_steps + 64 * k, n.duration_steps) for k in range(2) for n in rhythm.notes]


def test_notes_in_given_bars_are_refused():
    with pytest.raises(ValueError, match="the note 6:1:D5 lies in the 6 bars that are given and stay: ask for notes after them"):
        MODEL.continue_(GIVEN, 8, constraints=Constraints.of(notes="6:1:D5"))


def test_chords_become_one_more_track_of_the_file(tmp_path):
    path = write_midi([GIVEN, tune(8, 6, key="D", shift=-22)], tmp_path / "two.mid")
    opened = open_melody(path)
    melody = MODEL.continue_(opened.longest.melody, 4, seed=1, chords="D A")
    revised = opened.revised(opened.longest, melody)
    before, after = read_midi(path), score_from_bytes(revised.data)
    assert len(after.tracks) == 3
    assert after.tracks[1].notes == before.tracks[1].notes
    chords = after.tracks[2]
    assert chords.name == "Chords"
    assert sorted({note.onset_ticks for note in chords.notes}) == [1920 * bar for bar in (6, 7, 8, 9)]
    assert {note.pitch % 12 for note in chords.notes if note.onset_ticks == 6 * 1920} == {2, 6, 9}
    assert revised.data == opened.revised(opened.longest, melody).data
    again = open_melody(revised.write(tmp_path / "three.mid"))
    assert len(score_from_bytes(again.revised(again.longest, melody).data).tracks) == 3  # the chords are there already
