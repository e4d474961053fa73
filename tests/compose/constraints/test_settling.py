from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.settling import settled
from musicvae.compose.model import Model
from musicvae.music.key import Key
from musicvae.music.lead_sheet import LeadSheet
from musicvae.music.meter import Meter

FOUR = Meter(4, 4)
OWN, WINDOWS = FakeEngine().config, FakeWindowEngine().config
TOLD = FakeWindowEngine(takes_chords=True).config


def test_nothing_asked_is_no_plan():
    for nothing in (None, Constraints()):
        found = settled(OWN, nothing, None, FOUR, 8, None)
        assert (found.plan, found.chords) == (None, None)


def test_networks_without_chords_lean_and_others_are_told():
    leaning = settled(OWN, None, "C G", FOUR, 2, Key(7))
    assert leaning.chords is None
    assert leaning.plan.major_tonic == 7
    assert np.ptp(leaning.plan.bound(0, 1, 0).bias) > 0
    told = settled(TOLD, Constraints.of(chords="C G", range="C4-C5"), None, FOUR, 2, None)
    assert told.chords.shape == (2, 8)
    usable = told.plan.bound(0, 1, 0).bias[:, :, 60 - 19 : 73 - 19]
    assert not usable.any()
    assert told.plan.leaning.hearings == 0


def test_a_network_without_a_key_of_its_own_keeps_to_the_scale_of_the_key():
    assert settled(WINDOWS, Constraints.of(range="C4-C5"), None, FOUR, 2, Key(2)).plan.allowed.nonzero()[0].tolist() == [
        61,
        62,
        64,
        66,
        67,
        69,
        71,
    ]
    assert settled(OWN, Constraints.of(range="C4-C5"), None, FOUR, 2, Key(2)).plan.allowed.sum() == 13


def test_what_is_asked_twice_or_too_much():
    with pytest.raises(ValueError, match="chords are given twice, beside the constraints and in them"):
        settled(OWN, Constraints.of(chords="C"), "C", FOUR, 2, None)
    with pytest.raises(ValueError, match="the chords settle the key"):
        settled(TOLD, None, "C", FOUR, 2, Key(0))


@pytest.mark.parametrize("constraints", ["C major", {"scale": "C"}, 5])
def test_constraints_are_made_by_their_own_class(constraints):
    model = Model(FakeEngine())
    for make in (model.vary, model.continue_, partial(model.repair, mask="2")):
        with pytest.raises(ValueError, match="constraints are made by Constraints.of"):
            make(tune(1, 4), constraints=constraints)


@pytest.mark.parametrize("engine", [FakeEngine(), FakeWindowEngine(), FakeWindowEngine(takes_chords=True)])
def test_a_model_s_pieces_keep_to_it_and_tell(engine):
    model = Model(engine, name="fake")
    asked = Constraints.of(scale="G major pentatonic", longest=1, range="C4-C6")
    pieces = model.generate_many(2, 20, seed=5, chords="G Em | C D7", constraints=asked)
    for piece in pieces:
        assert asked.over(FOUR, 20).broken(piece) == ()
        assert isinstance(piece, LeadSheet)
        assert [str(span.chord) for span in piece.spans] == ["G", "Em", "C", "D7"]
        assert piece.provenance["chords"] == "G Em C D7"
        assert piece.provenance["constraints"] == {"scale": "D E G A B", "range": "C4-C6", "longest": 1.0}
    assert model.generate(20, seed=pieces[1].provenance["seed"], chords="G Em C D7", constraints=asked) == pieces[1]
    assert "constraints" not in model.generate(4, seed=5).provenance


def test_a_rhythm_in_two_four_and_six_eight():
    model = Model(FakeEngine(), name="fake")
    for meter in ("2/4", "6/8", "3/4"):
        rhythm = tune(3, 6, meter)
        piece = model.generate(18, seed=1, meter=meter, key="Bb", constraints=Constraints.of(rhythm=rhythm))
        width = rhythm.num_steps
        assert [(n.onset_steps % width, n.duration_steps) for n in piece.notes] == [
            (n.onset_steps, n.duration_steps) for n in rhythm.notes
        ] * 3
    assert SimpleNamespace(key=piece.key).key == Key.parse("Bb")
