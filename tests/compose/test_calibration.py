import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.calibration import attribute_named, calibrate, measure_effects
from musicvae.compose.passages import decode_passages, passages_of
from musicvae.compose.styles import StyleVector
from musicvae.music.attributes import ATTRIBUTES, density, pitch_mean

ENGINE = FakeEngine(lossy=0.9)
PASSAGES = passages_of(ENGINE, [tune(seed, 8, rate=0.15 + 0.03 * seed) for seed in range(12)])


def vector(index, attribute):
    direction = np.zeros(516)
    direction[index] = 0.1
    return StyleVector(name="x", direction=direction, model_hash="fake", attribute=attribute)


@pytest.mark.parametrize(("index", "attribute", "measure"), [(1, "pitch-mean", pitch_mean), (0, "density", density)])
def test_strength_one_moves_the_mean_by_one_standard_deviation(index, attribute, measure):
    style = calibrate(ENGINE, vector(index, attribute), PASSAGES)
    before = np.array([measure(m) for m in PASSAGES.melodies])
    for strength in (1, -1):
        after = [measure(m) for m in decode_passages(ENGINE, PASSAGES, style.at(strength, 16, ENGINE.config))]
        assert np.mean(after) - before.mean() == pytest.approx(strength * before.std(), rel=0.15)
    found = style.report["calibration"]
    assert found["reached"]
    assert found["reached_down"]
    assert found["standard_deviation"] == pytest.approx(before.std())
    assert found["effect_at_1"] == pytest.approx(before.std(), rel=0.15)


def test_what_is_out_of_reach_is_said_to_be():
    style = calibrate(ENGINE, vector(3, "density"), PASSAGES)  # a number the decoder does not look at
    assert not style.report["calibration"]["reached"]
    assert style.scale > 0
    higher = calibrate(ENGINE, vector(1, "pitch-mean"), PASSAGES, target=1000.0)
    assert not higher.report["calibration"]["reached"]
    assert higher.report["calibration"]["effect_at_1"] > 3


def test_there_must_be_something_to_calibrate_by():
    with pytest.raises(ValueError, match="style 'x' is for no attribute"):
        calibrate(ENGINE, vector(0, None), PASSAGES)
    with pytest.raises(ValueError, match="attribute 'density' does not vary over the 1 passages"):
        calibrate(ENGINE, vector(0, "density"), PASSAGES.take([0]))
    with pytest.raises(ValueError, match="unknown attribute 'speed'; known are density, interval"):
        attribute_named("speed")


def test_effects_are_measured_on_every_attribute():
    engine = FakeEngine()
    effects = measure_effects(engine, vector(1, "pitch-mean"), passages_of(engine, PASSAGES.melodies), (-2.0, 0.0, 2.0))
    assert set(effects) == set(ATTRIBUTES)
    sd = effects["pitch-mean"]["standard_deviation"]
    # 0.2 of an octave is 2.4 semitones, which rounds to 2.
    np.testing.assert_allclose(effects["pitch-mean"]["moves"], np.array([-2, 0, 2]) / sd, atol=1e-6)
