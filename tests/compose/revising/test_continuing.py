from dataclasses import replace

import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.compose.revising.continuing import _played_as_before
from musicvae.compose.revising.forms import Stretch
from musicvae.music.melody import Melody, Note

MODEL = Model(FakeEngine(), name="fake")
LIKELIEST = {"temperature": 0.0, "prior_temperature": 0.0}
A, B = tune(3, 8), tune(4, 8)
ABA = Melody.joined([A, B, A])


def bars(melody, first, last):
    """Notes of bars first to last, from 1, as of the first of them."""
    start, end = (first - 1) * melody.meter.steps_per_bar, last * melody.meter.steps_per_bar
    return [(n.pitch, n.onset_steps - start, n.duration_steps, n.velocity) for n in melody.notes if start <= n.onset_steps < end]


def test_after_aba_b_comes_once_more_as_loud_as_it_was():
    longer = MODEL.continue_(ABA, 8, seed=1, **LIKELIEST)
    assert longer.notes[: len(ABA.notes)] == ABA.notes
    assert bars(longer, 25, 32) == bars(ABA, 9, 16)
    assert longer.provenance["returns"] == [[25, 32, 9]]


def test_free_going_on_returns_to_nothing():
    longer = MODEL.continue_(ABA, 8, seed=1, form="free", **LIKELIEST)
    assert "returns" not in longer.provenance
    assert longer.provenance["form"] == "free"
    assert bars(longer, 25, 32) != bars(ABA, 9, 16)


@pytest.mark.parametrize("meter", ["3/4", "6/8", "2/4", "2/2"])
def test_a_bar_that_is_asked_for_comes_back_in_every_meter(meter):
    given = tune(5, 12, meter, rate=0.9)
    longer = MODEL.continue_(given, 8, seed=2, return_to=3, **LIKELIEST)
    assert longer.notes[: len(given.notes)] == given.notes
    start, old = 12 * given.meter.steps_per_bar, bars(given, 3, 6)[1:-1]  # but for notes that reach over the ends
    assert [note for note in bars(longer, 13, 16) if note in old] == old
    assert min(note.onset_steps for note in longer.notes[len(given.notes) :]) >= start
    assert longer.provenance["returns"][0][0::2] == [13, 3]


def test_a_return_brings_its_pickup_where_the_last_bar_is_open():
    verse = Melody(tuple(Note(60 + step % 5, 12 + 4 * step, 3, 80) for step in range(31)), num_bars=9)  # begins on the last beat
    closed = replace(verse, notes=tuple(note for note in verse.notes if note.end_steps <= 8 * 16 + 12))
    longer = MODEL.continue_(replace(closed, num_bars=9), 4, seed=2, return_to=2, **LIKELIEST)
    pickup = [note for note in longer.notes if 8 * 16 + 12 <= note.onset_steps < 9 * 16]
    assert [(note.pitch, note.onset_steps % 16) for note in pickup] == [(verse.notes[0].pitch, 12)]


def test_notes_that_lie_too_high_for_the_network_come_back_as_high_as_they_were():
    high = replace(A, notes=(replace(A.notes[0], pitch=120), *A.notes[1:]))
    longer = MODEL.continue_(high, 4, seed=2, return_to=1)
    assert longer.notes[len(high.notes)].pitch == 120


def test_what_returns_keeps_to_what_is_asked():
    asked = Constraints.of(range="C4-B4")
    longer = MODEL.continue_(ABA, 8, seed=1, return_to=1, constraints=asked, **LIKELIEST)
    new = longer.notes[len(ABA.notes) :]
    assert all(60 <= note.pitch <= 71 for note in new)
    low = {(pitch, onset) for pitch, onset, *_ in bars(ABA, 1, 8) if 60 <= pitch <= 71}
    assert len(low & {(pitch, onset) for pitch, onset, *_ in bars(longer, 25, 32)}) > 0.8 * len(low)


def test_what_returns_in_another_octave_stays_where_it_is_asked_for():
    given = Melody(tuple(Note(76 if step % 2 else 64, 8 * step, 8, 80) for step in range(16)), num_bars=8)
    form, plan = [Stretch(8, 16, 0)], Constraints.of(range="C4-C5").over(given.meter, 16)
    low = [replace(note, pitch=64, onset_steps=note.onset_steps + 128) for note in given.notes]
    both = replace(given, notes=(*given.notes, *low), num_bars=16)
    assert {note.pitch for note in _played_as_before(both, form, 16, plan).notes[16:]} == {64}
    assert {note.pitch for note in _played_as_before(both, form, 16, None).notes[16:]} == {64, 76}


def test_the_same_seed_gives_the_same_and_others_other_forms():
    found = [MODEL.continue_(ABA, 16, seed=seed) for seed in (1, 1, 2, 3, 4, 5)]
    assert found[0] == found[1]
    assert len({str(melody.provenance.get("returns")) for melody in found}) > 2


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="form is 'ABAA'; allowed are auto, free"):
        MODEL.continue_(A, 4, form="ABAA")
    with pytest.raises(ValueError, match="there is no bar 9 to return to: the given music has bars 1 to 8"):
        MODEL.continue_(A, 4, return_to=9)


@pytest.mark.parametrize("lowest", [84, 36, 60])
def test_a_range_octaves_away_is_filled_with_music_not_with_silence(lowest):
    asked = Constraints(lowest=lowest, highest=lowest + 14)
    longer = MODEL.continue_(ABA, 8, seed=1, constraints=asked)
    free = MODEL.continue_(ABA, 8, seed=1)
    new = longer.notes[len(ABA.notes) :]
    assert all(lowest <= note.pitch <= lowest + 14 for note in new)
    assert len(new) >= 0.8 * (len(free.notes) - len(ABA.notes))
