import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.generating import Order, draw
from musicvae.music.key import Key
from musicvae.music.meter import Meter


def drawn(engine, constraints, *, bars=20, meter="4/4", key=None, seeds=(3, 4)):
    order = Order(bars=bars, meter=Meter.parse(meter), key=key, plan=constraints.over(Meter.parse(meter), bars, key=key))
    return draw(engine, list(seeds), order)


@pytest.mark.parametrize("make", [FakeEngine, FakeWindowEngine])
@pytest.mark.parametrize("key", [None, Key.parse("E minor")])
def test_every_exact_demand_holds_in_what_is_written(make, key):
    asked = Constraints.of(scale="E minor", range="E4-E5", longest=1.5, notes="2:1:B4 19:3:E4:1")
    for melody in drawn(make(), asked, key=key):
        assert {note.pitch % 12 for note in melody.notes} <= {4, 6, 7, 9, 11, 0, 2}
        assert all(64 <= note.pitch <= 76 and note.duration_steps <= 6 for note in melody.notes)
        placed = {note.onset_steps: note for note in melody.notes}
        assert placed[16].pitch == 71
        assert (placed[18 * 16 + 8].pitch, placed[18 * 16 + 8].duration_steps) == (64, 4)


@pytest.mark.parametrize("make", [FakeEngine, FakeWindowEngine])
def test_a_given_rhythm_is_taken_to_the_step(make):
    rhythm = tune(5, 6)
    (melody,) = drawn(make(), Constraints(rhythm=rhythm), bars=12, seeds=[9])
    wanted = [(n.onset_steps + 96 * k, n.duration_steps) for k in range(2) for n in rhythm.notes]
    assert [(n.onset_steps, n.duration_steps) for n in melody.notes] == wanted
    assert len(np.unique([n.pitch for n in melody.notes])) > 1
