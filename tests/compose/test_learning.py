import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.learning import Lesson, few_notices, learn_from_attribute, learn_from_examples, own_pieces
from musicvae.compose.passages import passages_of
from musicvae.music.attributes import ATTRIBUTES, PAPER_ATTRIBUTES
from musicvae.music.meter import Meter

ENGINE = FakeEngine(lossy=0.5)
TUNES = [tune(seed, 8, rate=0.15 + 0.01 * seed) for seed in range(40)]
JIGS = [tune(seed, 8, "6/8") for seed in range(12)]


@pytest.mark.parametrize("method", ["joint", "difference"])
def test_an_attribute_is_learnt_and_moved_by_one_standard_deviation(method):
    style = learn_from_attribute(ENGINE, Lesson("dense"), "density", TUNES, method=method)
    assert (style.name, style.attribute, style.model_hash, style.meter) == ("dense", "density", "fake", None)
    moves = style.report["effects"]["density"]["moves"]
    assert moves[3] == pytest.approx(1, abs=0.25)
    assert moves[1] == pytest.approx(-1, abs=0.25)
    assert moves[2] == 0
    assert style.report["passages"] == 30  # every fourth is held out
    assert style.report["calibration"]["passages"] == 10
    assert style.report["held"] == (list(PAPER_ATTRIBUTES[1:]) if method == "joint" else [])


def test_without_melodies_the_model_s_own_are_taken():
    style = learn_from_attribute(ENGINE, Lesson("up"), "pitch-mean")
    assert style.report["passages"] == 192
    assert style.report["effects"]["pitch-mean"]["moves"][3] == pytest.approx(1, abs=0.25)
    assert own_pieces(ENGINE, (2, 1, 1)) == own_pieces(ENGINE, (2, 1, 1))


def test_validation_melodies_can_be_given():
    validation = passages_of(ENGINE, JIGS)
    style = learn_from_attribute(ENGINE, Lesson("up"), "pitch-mean", TUNES, validation=validation, hold=[], num_measured=7)
    assert style.report["passages"] == 40
    assert style.report["calibration"]["passages"] == 7
    assert style.report["calibration"]["target"] == pytest.approx(validation.measured(ATTRIBUTES["pitch-mean"]).std())
    assert style.report["held"] == []


def test_examples_are_learnt_as_a_difference():
    style = learn_from_examples(ENGINE, Lesson("jig", tempo_qpm=100.0), JIGS, TUNES)
    mean = passages_of(ENGINE, JIGS).mu.mean(0) - passages_of(ENGINE, TUNES).mu.mean(0)
    np.testing.assert_allclose(style.at(1, 16, ENGINE.config), mean)
    assert (style.meter, style.tempo_qpm, style.attribute) == (Meter(6, 8), 100.0, None)
    assert style.description == "what 12 melodies have in common"
    assert style.report["strengths"] == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_a_meter_is_hinted_at_only_where_it_sets_examples_apart():
    assert learn_from_examples(ENGINE, Lesson("x"), TUNES[:20], TUNES[20:]).meter is None
    assert learn_from_examples(ENGINE, Lesson("x"), JIGS).meter == Meter(6, 8)
    assert learn_from_examples(ENGINE, Lesson("x"), [*JIGS, *TUNES]).meter is None
    assert learn_from_examples(ENGINE, Lesson("x", meter=Meter(3, 4)), JIGS).meter == Meter(3, 4)


def test_without_others_the_training_mean_is_the_base():
    mean = np.full(516, 0.5)
    engine = FakeEngine(metadata={"mean_mu": mean.tolist()})
    style = learn_from_examples(engine, Lesson("x"), TUNES[:4])
    expected = passages_of(engine, TUNES[:4]).mu.mean(0) - 0.5
    expected[4 + 8 * 32 :] = 0
    np.testing.assert_allclose(style.direction, expected)
    with pytest.raises(ValueError, match=r"mean_mu has shape \(3,\)"):
        learn_from_examples(FakeEngine(metadata={"mean_mu": [1, 2, 3]}), Lesson("x"), TUNES[:4])


def test_what_is_done_is_told_as_it_begins():
    told = []
    learn_from_attribute(ENGINE, Lesson("dense"), "density", TUNES, tell=told.append)
    assert told == ["encoding 40 melodies", "calibrating on 10 passages", "measuring what it moves"]
    told.clear()
    learn_from_examples(ENGINE, Lesson("jig"), JIGS, TUNES, tell=told.append)
    assert told == ["encoding 12 melodies", "encoding 40 melodies", "measuring what it moves"]


def test_few_examples_are_told():
    few, enough = (learn_from_examples(ENGINE, Lesson("jig"), JIGS[:count], TUNES) for count in (7, 8))
    assert few_notices(few) == ("learnt from 7 passages only: too few to tell the style from the tunes; give it thirty",)
    assert few_notices(enough) == ()


def test_too_little_to_learn_from_says_so():
    with pytest.raises(ValueError, match="3 passages of up to 16 bars are too few; at least 8 are needed"):
        learn_from_attribute(ENGINE, Lesson("x"), "density", TUNES[:3])
    with pytest.raises(ValueError, match=r"all melodies have the same diatonic \(1\)"):
        learn_from_attribute(ENGINE, Lesson("x"), "diatonic", TUNES)
    with pytest.raises(ValueError, match="was one folder given twice"):
        learn_from_examples(ENGINE, Lesson("x"), TUNES, TUNES)
    with pytest.raises(ValueError, match="unknown attribute 'speed'"):
        learn_from_attribute(ENGINE, Lesson("x"), "speed", TUNES)
    with pytest.raises(ValueError, match="method must be one of joint, difference"):
        learn_from_attribute(ENGINE, Lesson("x"), "density", TUNES, method="magic")
