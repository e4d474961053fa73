import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model

MODEL = Model(FakeEngine(lossy=0.5))


def outside(melody, steps):
    """Notes that begin elsewhere than in these steps, with velocities."""
    return [note for note in melody.notes if note.onset_steps not in steps]


@pytest.mark.parametrize("meter", ["4/4", "6/8", "2/4"])
@pytest.mark.parametrize("bars", [5, 16, 37])
def test_what_is_not_masked_stays_note_for_note(meter, bars):
    melody = tune(3, bars, meter)
    width = melody.meter.steps_per_bar
    mended = MODEL.repair(melody, "2-3,5")
    masked = {*range(width, 3 * width), *range(4 * width, 5 * width)}
    assert outside(mended, masked) == outside(melody, masked)
    assert (mended.num_bars, mended.meter, mended.key) == (melody.num_bars, melody.meter, melody.key)


@pytest.mark.parametrize("note", ["5:2:C5", "3:2:C5"])
def test_there_is_room_for_a_note_that_must_be_there(note):
    melody = tune(3, 8)
    assert [n.end_steps for n in melody.notes if n.onset_steps == 30] == [42]  # it sounds into bar 3
    with pytest.raises(ValueError, match="no room for the note that must be there in bar . of the melody at beat 2: mask its place"):
        MODEL.repair(melody, "3", constraints=Constraints.of(notes=note))
    mended = MODEL.repair(melody, "2-3", constraints=Constraints.of(notes="3:2:C5"))
    assert [n.pitch for n in mended.notes if n.onset_steps == 36] == [72]


def test_a_continued_melody_begins_with_the_given_one():
    melody = tune(4, 8)
    longer = MODEL.continue_(melody, 12, seed=3)
    assert longer.num_bars == 20
    assert longer.notes[: len(melody.notes)] == melody.notes
    assert all(note.onset_steps >= melody.notes[-1].end_steps for note in longer.notes[len(melody.notes) :])
    assert len(longer.notes) > len(melody.notes)
    assert longer == MODEL.continue_(melody, 12, seed=3)
    assert longer != MODEL.continue_(melody, 12, seed=4)


@pytest.mark.parametrize("lowest", [84, 36])
def test_a_range_octaves_away_is_filled_with_music_not_with_silence(lowest):
    melody = tune(3, 8)
    asked = Constraints(lowest=lowest, highest=lowest + 14)
    found, free = (MODEL.repair(melody, "3-4", constraints=own) for own in (asked, None))
    new, old = ([note for note in own.notes if 32 <= note.onset_steps < 64] for own in (found, free))
    assert all(lowest <= note.pitch <= lowest + 14 for note in new)
    assert len(new) >= 0.8 * len(old) > 0
