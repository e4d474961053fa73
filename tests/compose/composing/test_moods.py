from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.composing.asking import checked_strengths
from musicvae.compose.composing.moods import MOODS, Palette, majorness, tempo_factor
from musicvae.compose.composing.rendering import NATS_PER_SEMITONE, tilt
from musicvae.compose.composing.usual import notes_a_bar
from musicvae.compose.styles import StyleVector, added
from musicvae.music.attributes import ATTRIBUTES

CONFIG = FakeEngine().config
WIDTH = CONFIG.z_used(2) - CONFIG.z_used(1)


def vector(name, seed=0):
    direction = np.random.default_rng(seed).standard_normal(CONFIG.z_size)
    return StyleVector(name=name, direction=direction, model_hash="fake", scale=2.0, scale_down=3.0)


VECTORS = {name: vector(name, seed) for seed, name in enumerate(("density", "diatonic", "interval"))}


def palette(*names, styles=()):
    return Palette.of(names, styles, VECTORS.__getitem__, list(VECTORS))


def test_moods_are_made_of_attributes_that_exist():
    for mood in MOODS.values():
        assert set(mood.attributes) <= set(ATTRIBUTES)
        assert mood.reason


def test_a_mood_adds_its_shares_to_the_styles_and_says_what_the_model_cannot():
    course = palette("calm", "density", styles=[(VECTORS["diatonic"], 0.5)]).course(
        {"calm": np.array([1.0, 2.0]), "density": np.array([0.0, 1.0])}, 2
    )
    by_name = dict(zip([v.name for v in course.vectors], course.strengths.T.tolist(), strict=True))
    share = MOODS["calm"].attributes
    assert by_name["diatonic"] == [0.5, 0.5]
    assert by_name["density"] == pytest.approx([share["density"], 2 * share["density"] + 1])
    assert course.loudness.tolist() == [MOODS["calm"].loudness, 2 * MOODS["calm"].loudness]
    assert palette("calm").left_out == ("calm leaves syncopation-8 as it is: this model has no vector for it",)


@given(strength=st.floats(-10, 10))
def test_attributes_stay_within_what_music_has_and_styles_do_not(strength):
    vectors = {"interval": replace(VECTORS["interval"], attribute="interval"), "reel": replace(VECTORS["diatonic"], name="reel")}
    found = Palette.of(list(vectors), [], vectors.__getitem__, list(vectors)).course({name: np.full(1, strength) for name in vectors}, 1)
    assert found.strengths[0].tolist() == [max(-2.0, min(2.0, strength)), strength]
    assert found.has_style == (strength != 0)
    assert found.moved[0] == pytest.approx(min(2.0, abs(strength)))


def test_notes_are_asked_for_by_how_many_passages_have_fewer():
    for kind, median in (("4/4", 5.5), ("3/4", 2.75), ("6/8", 4.88)):
        wanted = notes_a_bar(kind, np.linspace(-3, 3, 13))
        assert wanted[6] == pytest.approx(median)
        assert (np.diff(wanted) >= 0).all()
        assert wanted[0] == wanted[2]
        assert wanted[-1] == wanted[-3]


def test_steady_moods_move_z_as_a_style_does():
    course = palette("density").course({"density": np.full(4, -1.5)}, 4)
    np.testing.assert_allclose(course.offset(0, CONFIG), added([(VECTORS["density"], -1.5)], 4, CONFIG))
    np.testing.assert_allclose(course.offset(3, CONFIG), added([(VECTORS["density"], -1.5)], 7, CONFIG))


def test_each_bar_s_block_moves_by_its_own_strength_and_the_tune_s_by_the_mean():
    strengths = np.array([0.0, 1.0, -1.0])
    offset = palette("density").course({"density": strengths}, 3).offset(1, CONFIG)
    direction, first = VECTORS["density"].direction, CONFIG.z_used(1) - WIDTH
    np.testing.assert_allclose(offset[:first], 0 * direction[:first])
    for bar, factor in enumerate([0.0, 0.0, 2.0, -3.0]):
        block = slice(first + bar * WIDTH, first + (bar + 1) * WIDTH)
        np.testing.assert_allclose(offset[block], factor * direction[block])
    assert not offset[first + 4 * WIDTH :].any()


def test_a_register_prefers_higher_notes_and_does_not_ask_for_more_of_them():
    register = np.array([3.0])
    scores = tilt(register, np.zeros(1))[0, 0]
    assert scores[:2].tolist() == [0, 0]
    np.testing.assert_allclose(np.diff(scores[2:]), 3 * NATS_PER_SEMITONE)
    # Of notes that are normally distributed around the middle, as many start as without.
    pitches = np.random.default_rng(0).normal(72, 3.5, 200_000)
    assert np.exp(np.interp(pitches, np.arange(21, 109), scores[2:])).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("mood", [5, ["calm"]])
def test_a_mood_is_a_name_or_strengths(mood):
    with pytest.raises(ValueError, match="a mood is a name, or strengths by name"):
        checked_strengths(mood)


def test_tempo_and_mode_follow_the_moods():
    assert tempo_factor({"calm": 1}) < 1 < tempo_factor({"lively": 1})
    assert tempo_factor({"density": 3}) == 1
    assert majorness({"dark": 1}) < 0 < majorness({"bright": 0.5})


def test_a_mood_s_noun_is_the_mood():
    one, other = (palette(name).course({name: np.ones(1)}, 1) for name in ("tension", "tense"))
    np.testing.assert_array_equal(one.strengths, other.strengths)
    assert one.register == other.register
