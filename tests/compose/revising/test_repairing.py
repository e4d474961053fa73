import pytest
from compose.fake_engine import FakeEngine, tune

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


def test_a_continued_melody_begins_with_the_given_one():
    melody = tune(4, 8)
    longer = MODEL.continue_(melody, 12, seed=3)
    assert longer.num_bars == 20
    assert longer.notes[: len(melody.notes)] == melody.notes
    assert all(note.onset_steps >= melody.notes[-1].end_steps for note in longer.notes[len(melody.notes) :])
    assert len(longer.notes) > len(melody.notes)
    assert longer == MODEL.continue_(melody, 12, seed=3)
    assert longer != MODEL.continue_(melody, 12, seed=4)
