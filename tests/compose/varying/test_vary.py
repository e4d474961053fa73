from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, tune
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import melodies

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.compose.varying.strides import reach_notices
from musicvae.compose.varying.vary import vary
from musicvae.music.melody import Melody, Note

LOSSY = FakeEngine(lossy=0.8)
MODEL = Model(LOSSY)


def others(a, b):
    """Share of notes that are not in both, counted note by note."""
    ours, theirs = ({(n.onset_steps, n.pitch) for n in melody.notes} for melody in (a, b))
    return 1 - 2 * len(ours & theirs) / (len(ours) + len(theirs))


@settings(max_examples=15)
@given(melodies(max_bars=20, min_pitch=0, max_pitch=127), st.integers(0, 99))
def test_amount_0_gives_the_very_melody_back(melody, seed):
    assert replace(vary(LOSSY, melody, [0.0], seed=seed)[0], provenance=melody.provenance) == melody


@pytest.mark.parametrize("melody", [tune(1), tune(2, 40), tune(3, 6, "6/8"), tune(4, 9, "2/4", shift=20)])
def test_distance_is_as_asked_for(melody):
    found = vary(LOSSY, melody, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 2, seed=3)
    measured = [others(piece, melody) for piece in found]
    np.testing.assert_allclose(found.distances, measured, atol=1e-12)
    np.testing.assert_allclose(measured, found.amounts, atol=max(0.05, 0.9 / len(melody.notes)))


def test_variations_differ_and_each_comes_out_alone_with_its_seed():
    melody = tune(1)
    found = MODEL.vary(melody, [0.1, 0.3], 6, seed=11)
    assert len({piece.notes for piece in found}) == len(found) == 12
    assert found.amounts == (0.1, 0.3) * 6
    for k in (0, 5, 11):
        assert MODEL.vary(melody, found.amounts[k], seed=found[k].provenance["seed"])[0].notes == found[k].notes
    assert found[0].provenance["made_by"] == "vary"
    assert found[1].provenance["amount"] == 0.3


def test_at_a_hair_s_breadth_it_is_said_that_there_are_no_eight_neighbours():
    melody = Melody((Note(60, 0, 4), Note(64, 4, 4)), num_bars=1)
    found = MODEL.vary(melody, 0.01, 8, seed=1)
    same = len(found) - len({piece.notes for piece in found})
    assert same > 0
    assert f"at so small an amount {same} of the variations are the same as others" in found.notices


def test_what_is_not_varied_stays():
    melody = tune(5, 12, "6/8", "D", name="Jig", tempo_qpm=88.0, program=40)
    for piece in MODEL.vary(melody, 0.3, 2, seed=1):
        assert (piece.meter, piece.num_bars, piece.tempo_qpm, piece.key, piece.program, piece.name) == (
            melody.meter, 12, 88.0, melody.key, 40, "Jig",
        )  # fmt: skip
        own = {note.onset_steps: note for note in melody.notes}
        stayed = [note for note in piece.notes if note.onset_steps in own and own[note.onset_steps].pitch == note.pitch]
        assert all(own[note.onset_steps].velocity == note.velocity for note in stayed)


def test_bars_that_are_the_same_stay_the_same():
    a, b = tune(1, 4), tune(2, 4)
    melody = Melody.joined([a, a, b, a] * 2)
    for piece in MODEL.vary(melody, [0.2, 0.6], 2, seed=4):
        parts = [replace(piece.cut(4 * k, 4), provenance={}) for k in range(8)]
        firsts = [part.notes for k, part in enumerate(parts) if k % 4 != 2]
        pitches = [[(note.onset_steps, note.pitch) for note in notes] for notes in firsts]
        assert pitches == [pitches[0]] * 6
        assert parts[2].notes != parts[0].notes


def test_engines_with_a_window_of_fixed_length_vary_any_length():
    model, melody = Model(FakeWindowEngine(lossy=0.8)), tune(3, 7)
    found = model.vary(melody, [0.0, 0.3], 2, seed=2)
    assert found[0].notes == found[2].notes == melody.notes
    assert found.distances[1] == pytest.approx(0.3, abs=0.06)
    assert others(found[1], melody) == pytest.approx(found.distances[1])


def test_constraints_hold_in_every_variation_but_at_amount_0():
    melody = tune(1)
    asked = Constraints.of(scale="C major pentatonic", range="C4-A5", notes="3:1:G4:2")
    found = MODEL.vary(melody, [0.0, 0.2, 0.5], 2, seed=3, constraints=asked)
    assert found[0].notes == melody.notes
    assert "amount 0 gives the melody back as it is, whatever it must keep to" in found.notices
    plan = asked.over(melody.meter, melody.num_bars, key=melody.key)
    for k in (1, 2, 4, 5):
        assert plan.broken(found[k]) == ()
    assert plan.broken(found[0])
    assert not any("amount 0" in text for text in MODEL.vary(melody, [0.0], seed=3).notices)


@pytest.mark.parametrize("amount", [-0.1, 1.5, 20, "0.2", None, [0.1, 2], [], True])
def test_other_amounts_are_refused(amount):
    with pytest.raises(ValueError, match="amount"):
        MODEL.vary(tune(1), amount)


def test_silence_can_be_varied():
    silence = Melody((), num_bars=4)
    found = MODEL.vary(silence, [0.0, 0.5], seed=1)
    assert not found[0].notes
    assert found[1].num_bars == 4


def test_it_is_said_where_no_way_goes_so_far():
    text = "2 of the variations could not go as far as asked (to 57% at least): new ideas share that many notes"
    assert reach_notices((0.2, 0.7, 0.7, 0.9), (0.19, 0.57, 0.69, 0.75)) == (text,)
    assert reach_notices((0.2, 0.7), (0.15, 0.75)) == ()


@pytest.mark.parametrize("lowest", [84, 36])
def test_in_a_range_octaves_away_the_melody_is_there(lowest):
    melody = tune(3, 8)
    asked = Constraints(lowest=lowest, highest=lowest + 14)
    (found,) = MODEL.vary(melody, 0.1, 1, seed=1, constraints=asked)
    assert all(lowest <= note.pitch <= lowest + 14 for note in found.notes)
    assert len(found.notes) >= 0.8 * len(melody.notes)
