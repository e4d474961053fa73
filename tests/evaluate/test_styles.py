from dataclasses import replace

import numpy as np
import pytest
from evaluate.doubles import TransparentEngine, random_corpus
from scipy import stats

from musicvae.compose.styles import StyleVector
from musicvae.evaluate.codec import Codec, select_windows
from musicvae.evaluate.styles import STRENGTHS, attribute_values, measure_style, yardstick
from musicvae.music.meter import Meter

PITCH = 0.1  # one semitone in the z of the transparent engine


@pytest.fixture(scope="module")
def corpus():
    return random_corpus((24, 12, 12))


def upward(**fields):
    """Raises the note on the first step of each bar, which every test tune has, by 1 semitone per unit of strength."""
    direction = np.zeros((16, 16))
    direction[:, 0] = PITCH
    return StyleVector(name="up", direction=direction.reshape(-1), model_hash="transparent", **fields)


def melodies(corpus, kinds=(0, 2)):
    return [select_windows(corpus, "test", kind, one_per_tune=True) for kind in kinds]


def test_a_vector_that_raises_first_notes_moves_the_mean_pitch_by_what_it_must(corpus):
    vector, parts = upward(attribute="pitch-mean"), melodies(corpus)
    stick = yardstick(vector, corpus)
    row, effects = measure_style(Codec(TransparentEngine()), vector, stick, parts)
    assert (row.measure, row.melodies) == ("pitch-mean", 12)
    assert row.rank_by_melody.value == row.rank_decoded == 1
    # 16 of a melody's notes rise by a semitone.
    shares = np.concatenate([16 / (part.tokens >= 2).sum(axis=(1, 2)) for part in parts])
    assert row.shift.value == pytest.approx(shares.mean() / stick.deviations["pitch-mean"])
    assert effects.shifts["pitch-mean"] == pytest.approx(row.shift.value)
    assert effects.shifts["density"] == 0
    assert row.largest_side_effect != "pitch-mean"
    assert row.side_shift == max((effects.shifts[name] for name in effects.shifts if name != "pitch-mean"), key=abs)


def test_pooled_rank_correlation_agrees_with_scipy(corpus):
    vector, part = upward(attribute="pitch-mean"), melodies(corpus, (0,))
    row, _ = measure_style(Codec(TransparentEngine()), vector, yardstick(vector, corpus), part)
    raised = []
    for strength in STRENGTHS:
        tokens = part[0].tokens.astype(int)
        tokens[:, :, 0] += int(strength)
        raised.append(attribute_values("pitch-mean")(0, tokens.astype(np.uint8)))
    strengths = np.repeat(STRENGTHS, len(part[0]))
    assert row.rank_pooled == pytest.approx(stats.spearmanr(strengths, np.concatenate(raised)).statistic)


def test_a_random_direction_of_equal_length_does_less(corpus):
    vector, parts = upward(attribute="pitch-mean", scale=2.0, scale_down=2.0), melodies(corpus)
    row, _ = measure_style(Codec(TransparentEngine()), vector, yardstick(vector, corpus), parts)
    assert abs(row.random_shift) < 0.7 * row.shift.value


def test_strength_zero_is_the_melody_itself_and_the_plain_reconstruction_stands_beside(corpus):
    # The encoder errs by far more than the vector moves, so that only the exact input falls out of line.
    vector = upward(attribute="pitch-mean", scale=1.0, scale_down=1.0)
    row, _ = measure_style(Codec(TransparentEngine(blur=0.5)), vector, yardstick(vector, corpus), melodies(corpus))
    assert row.rank_decoded == 1
    assert row.rank_by_melody.value < 1


def test_a_dance_type_is_measured_by_a_judge_in_its_own_meter(corpus):
    vector = replace(upward(), name="jig")
    stick = yardstick(vector, corpus)
    assert stick.own == "jig judge"
    assert stick.kinds == (2,)
    assert stick.judge_area > 0.9
    row, effects = measure_style(Codec(TransparentEngine()), vector, stick, melodies(corpus, (2,)))
    assert row.judge_area == stick.judge_area
    assert row.measure in effects.shifts
    assert row.largest_side_effect != row.measure


def test_unlabelled_tunes_are_no_contrast_where_other_types_are_known():
    corpus = random_corpus((160, 40, 12), labels=("jig", "march"))
    jigs = corpus.label == 0
    # Half of the jigs lose their label; the tunes that are not busy are marches.
    label = np.where(jigs & (np.arange(len(jigs)) % 8 == 1), -1, np.where(jigs, 0, 1))
    vector = replace(upward(), name="jig")
    assert yardstick(vector, replace(corpus, label=label)).judge_area > 0.9


def test_a_dance_type_without_training_tunes_cannot_be_measured(corpus):
    label = np.where(corpus.split == 0, -1, corpus.label)
    assert yardstick(replace(upward(), name="jig"), replace(corpus, label=label)) is None


def test_a_style_of_neither_kind_cannot_be_measured(corpus):
    assert yardstick(replace(upward(), name="nameless"), corpus) is None


def test_a_vector_for_one_meter_is_tried_on_that_meter(corpus):
    assert yardstick(upward(attribute="density", meter=Meter(6, 8)), corpus).kinds == (2,)
    assert yardstick(upward(attribute="density"), corpus).kinds == (0, 2)


def test_deviations_are_those_of_validation_windows(corpus):
    stick = yardstick(upward(attribute="density"), corpus)
    windows = [select_windows(corpus, "validation", kind, one_per_tune=True) for kind in (0, 2)]
    densities = np.concatenate([(part.tokens >= 2).mean(axis=(1, 2)) for part in windows])
    assert stick.deviations["density"] == pytest.approx(densities.std())
