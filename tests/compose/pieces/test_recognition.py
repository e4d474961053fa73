import numpy as np
import pytest
from model.pieces.networks import columns, engine

from musicvae.compose.pieces.passages import encoded
from musicvae.compose.pieces.recognition import SCALES, Discriminant, kept_hits, recognised
from musicvae.compose.styles import StyleVector


def test_a_discriminant_names_the_nearer_mean_in_the_units_of_the_spread():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 500)
    # Far apart in the second number, whose spread is larger still: the first one tells.
    means = np.array([[0.0, 0.0], [1.0, 5.0]])
    mu = means[groups] + rng.standard_normal((1000, 2)) * [0.2, 20.0]
    judge = Discriminant.fitted(mu, groups, 2)
    assert (judge(mu) == groups).mean() > 0.95
    assert judge(np.array([[0.0, 5.0], [1.0, 0.0]])).tolist() == [0, 1]


def test_a_group_that_nobody_was_of_is_never_named():
    mu = np.random.default_rng(1).standard_normal((20, 3))
    judge = Discriminant.fitted(mu, np.arange(20) % 2 * 2, 3)
    assert set(judge(mu)) <= {0, 2}


@pytest.fixture(scope="module")
def heard():
    made = engine("tiny-drums")
    windows = [{name: column[0] for name, column in columns("drums", 1, 4, seed).items()} for seed in range(24)]
    return made, encoded(made, windows, [{}] * 24), np.arange(24) % 3 - 1, np.arange(24) // 2


def vectors(made, count):
    rng = np.random.default_rng(3)
    return [StyleVector(name=f"v{n}", direction=rng.standard_normal(made.config.z_size), model_hash=made.hash) for n in range(count)]


def test_strength_one_is_as_many_differences_as_it_takes(heard):
    made, passages, groups, tunes = heard
    plain = vectors(made, 2)
    for before, after in zip(plain, recognised(made, plain, passages, groups, tunes), strict=True):
        found = after.report["recognised"]
        assert after.scale == after.scale_down == found["differences"]
        assert after.scale in SCALES
        assert np.array_equal(after.direction, before.direction)
        assert 0 <= found["drawn_at_one_difference"] <= found["drawn"] <= 1


def test_one_vector_has_nothing_to_be_told_from(heard):
    made, passages, groups, tunes = heard
    (alone,) = vectors(made, 1)
    assert recognised(made, [alone], passages, np.minimum(groups, 0), tunes) == [alone]
    two = vectors(made, 2)
    assert recognised(made, two, passages.take([0]), np.array([-1]), tunes[:1]) == two


def test_the_nearest_strength_that_is_enough_is_taken(heard, monkeypatch):
    made, passages, groups, tunes = heard
    from musicvae.compose.pieces import recognition

    asked = []

    def judged(self, mu):
        # Group 0 is named for everything once pieces are moved by twice the difference.
        return np.full(len(mu), 0 if len(asked) and asked[-1] >= 2.0 else 1)

    class Deaf:
        def heard(self, move):
            asked.append(float(np.linalg.norm(move)))
            return np.zeros((10, 1))

    monkeypatch.setattr(Discriminant, "__call__", judged)
    unit = StyleVector(name="x", direction=np.eye(made.config.z_size)[0], model_hash=made.hash)
    scaled = recognition._scaled(unit, Deaf(), Discriminant(np.zeros((2, 1)), np.zeros(2)), 0, 0.9)
    assert scaled.scale == 2.0
    assert asked == [1.0, 1.25, 1.5, 1.75, 2.0]


def beat(*steps):
    bits = np.zeros((1, 16), np.uint64)
    for step in steps:
        bits[0, step] = 1
    return {"bars": bits}


def test_what_is_kept_of_a_beat_is_the_f1_of_its_hits():
    assert kept_hits(beat(0, 4, 8), beat(0, 4, 8)) == 1
    assert kept_hits(beat(0, 4, 8), beat(0, 6)) == pytest.approx(2 * 1 / 5)
    assert kept_hits(beat(), beat()) == 1
    snare = {"bars": beat(0)["bars"] << np.uint64(1)}
    assert kept_hits(beat(0), snare) == 0


@pytest.mark.parametrize(("spared", "wanted"), [(9.0, 2.0), (1.5, 1.5), (0.5, 1.25)])
def test_given_beats_are_moved_until_they_are_recognised_or_too_little_is_left_of_them(heard, spared, wanted):
    made, passages, _, _ = heard
    from musicvae.compose.pieces import recognition

    class Deaf:
        beats = passages

        def heard(self, move):
            length = float(np.linalg.norm(move))
            return np.full((10, 1), length >= 2.0, float), 1.0 if length <= spared else recognition.LEAST_KEPT - 0.01

    unit = StyleVector(
        name="x", direction=np.eye(made.config.z_size)[0], scale=1.25, scale_down=1.25, model_hash=made.hash, report={"recognised": {}}
    )
    judge = Discriminant(np.array([[0.0], [1.0]]), np.array([0.5, 0.0]))
    longer = recognition._audible(unit, Deaf(), judge, 1)
    assert longer.scale == longer.scale_down == wanted
    assert longer.report["recognised"]["differences"] == wanted
    assert longer.report["recognised"]["given"] == float(wanted >= 2.0)
