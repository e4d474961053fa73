import numpy as np
import pytest

from musicvae.compose import limits


@pytest.mark.parametrize(
    ("check", "good", "bad", "message"),
    [
        (limits.check_bars, [1, 16, 10_000, np.int64(3)], [0, -1, 10_001, 1.5, True, "16"], r"bars must be a whole number from 1 to 10000"),
        (limits.check_pieces, [1, 8], [0, 2.0], "n must be a whole number from 1"),
        (limits.check_steps, [2, 9], [1, 1001], "steps must be a whole number from 2 to 1000.*both ends are counted"),
        (limits.check_refine, [0, 50], [-1, 0.5], "refine must be a whole number from 0"),
        (limits.check_temperature, [0, 1.0, 10, np.float32(0.5)], [-0.1, 10.1, float("nan"), None, True], "temperature must be a number"),
        (limits.check_tempo, [1, 96.5], [0, -3, 1e5, float("nan")], "tempo must be a number from 1 to 9999.*quarter notes a minute"),
        (limits.check_seed, [0, 2**63 - 1], [-1, 2**63, 1.0], "seed must be a whole number from 0"),
    ],
)  # fmt: skip
def test_numbers_are_checked_and_the_range_is_named(check, good, bad, message):
    assert [check(value) for value in good] == good
    for value in bad:
        with pytest.raises(ValueError, match=message):
            check(value)


def test_no_seed_draws_one():
    assert len({limits.check_seed(None) for _ in range(5)}) > 1


def test_strengths_are_checked_by_name():
    assert limits.check_strengths({"jig": -10, "density": 0.5}) == {"jig": -10.0, "density": 0.5}
    with pytest.raises(ValueError, match="strength of style 'jig' must be a number from -10 to 10, got 50.*percentage"):
        limits.check_strengths({"jig": 50})
    with pytest.raises(ValueError, match="no style was given"):
        limits.check_strengths({})


def test_meters_and_keys_are_read_from_text():
    assert str(limits.check_meter("6/8")) == "6/8"
    assert str(limits.check_key("D dorian")) == "D dorian"
    with pytest.raises(ValueError, match="meter 5/4 has no grid"):
        limits.check_meter("5/4")
    with pytest.raises(ValueError, match="spacing must be one of even, latent; got 'odd'"):
        limits.check_choice("spacing", "odd", ("even", "latent"))
