"""Varied beats: what stays, what may change, and that hits keep their velocity and timing."""

from __future__ import annotations

import numpy as np
import pytest

from musicvae.music.converters.drum_hits import bits_of, hits_of
from musicvae.train.variation import varied_beats, varied_lines


def beats(n: int = 64, bars: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    velocity = np.where(rng.random((n, bars, 16, 9)) < 0.2, rng.integers(1, 128, (n, bars, 16, 9)), 0).astype(np.uint8)
    offsets = np.where(velocity > 0, velocity / 256, 0).astype(np.float16)  # a timing that tells its velocity
    return {"bars": velocity, "offsets": offsets, "tempo": np.full((n, bars), 100.0)}


def test_with_a_share_of_0_nothing_changes_and_with_1_most_does() -> None:
    given = beats()
    for name, column in varied_beats(given, 0.0, np.random.default_rng(0)).items():
        np.testing.assert_array_equal(column, given[name])
    varied = varied_beats(given, 1.0, np.random.default_rng(0))
    changed = (varied["bars"] != given["bars"]).any((1, 2, 3)).mean()
    assert 0.6 < changed < 0.95  # each way of varying has its chance, none is sure


def test_about_the_share_asked_for_is_varied() -> None:
    given = beats(n=2000)
    every = (varied_beats(given, 1.0, np.random.default_rng(1))["bars"] != given["bars"]).any((1, 2, 3)).mean()
    half = (varied_beats(given, 0.5, np.random.default_rng(1))["bars"] != given["bars"]).any((1, 2, 3)).mean()
    assert half == pytest.approx(every / 2, abs=0.05)


def test_hits_keep_their_velocity_and_timing() -> None:
    varied = varied_beats(beats(), 1.0, np.random.default_rng(2))
    np.testing.assert_allclose(varied["offsets"], np.where(varied["bars"] > 0, varied["bars"] / 256, 0), atol=1e-3)
    np.testing.assert_array_equal(varied["tempo"], 100.0)


def test_bits_are_varied_as_velocities_are() -> None:
    given = beats()
    bits = {"bars": hits_of((given["bars"] > 0).astype(np.float32))}
    as_bits = varied_beats(bits, 1.0, np.random.default_rng(3))["bars"]
    as_velocities = varied_beats(given, 1.0, np.random.default_rng(3))["bars"]
    assert as_bits.dtype == bits["bars"].dtype
    np.testing.assert_array_equal(bits_of(as_bits, 9) > 0, as_velocities > 0)


def test_hits_keep_their_place_in_the_beat_and_velocities_that_were_played() -> None:
    given = beats(seed=4)
    on_eighths = given["bars"].reshape(64, 2, 4, 4, 9)
    on_eighths[:, :, :, 1::2] = 0
    varied = varied_beats({"bars": given["bars"]}, 1.0, np.random.default_rng(5))["bars"]
    assert (varied != given["bars"]).any()
    assert not varied.reshape(64, 2, 4, 4, 9)[:, :, :, 1::2].any()
    assert set(np.unique(varied)) <= set(np.unique(given["bars"]))


def test_a_window_that_would_fall_silent_stays() -> None:
    lone = np.zeros((200, 1, 16, 9), np.uint8)
    lone[:, 0, 0, 0] = 100
    varied = varied_beats({"bars": lone}, 1.0, np.random.default_rng(6))["bars"]
    assert varied.reshape(200, -1).any(1).all()


def test_silent_windows_stay_silent_alone() -> None:
    silent = np.zeros((4, 1, 16), np.uint64)
    np.testing.assert_array_equal(varied_beats({"bars": silent}, 1.0, np.random.default_rng(7))["bars"], silent)


def test_of_a_trio_the_drums_alone_are_varied() -> None:
    given = beats()
    trio = {"bars": np.full((64, 2, 16), 40, np.uint8), "drums": hits_of((given["bars"] > 0).astype(np.float32))}
    varied = varied_beats(trio, 1.0, np.random.default_rng(8), names=("drums",))
    np.testing.assert_array_equal(varied["bars"], trio["bars"])
    assert (varied["drums"] != trio["drums"]).any((1, 2)).mean() > 0.6


# -- lines of trios


def lines(n=200, bars=2, seed=0):
    rng = np.random.default_rng(seed)
    tokens = {
        name: np.where(rng.random((n, bars, 16)) < 0.5, 0, rng.integers(1, 90, (n, bars, 16))).astype(np.uint8) for name in ("bars", "bass")
    }
    return {**tokens, "drums": rng.integers(0, 512, (n, bars, 16)).astype(np.uint64)}


def test_lines_are_moved_together_and_keep_their_rhythm_or_are_those_of_another_window():
    own = lines()
    made = varied_lines(own, 1.0, np.random.default_rng(1))
    assert np.array_equal(made["drums"], own["drums"])
    exchanged, shifts = 0, set()
    for row in range(len(own["bars"])):
        moved = {}
        for name in ("bars", "bass"):
            source = [at for at in range(len(own["bars"])) if np.array_equal(np.minimum(own[name][at], 2), np.minimum(made[name][row], 2))]
            assert len(source) == 1, "holds and ends of notes are those of one window"
            exchanged += source != [row]
            struck = own[name][source[0]] >= 2
            steps = made[name][row][struck].astype(int) - own[name][source[0]][struck]
            assert ((made[name][row][struck] >= 2) & (made[name][row][struck] < 90)).all()
            moved[name] = int(np.median(steps))
            assert set(steps.tolist()) <= {moved[name], moved[name] + 12, moved[name] - 12}
        assert moved["bars"] == moved["bass"]
        shifts.add(moved["bars"])
    assert shifts == set(range(-6, 6))
    assert 30 < exchanged < 90


def test_lines_that_are_not_chosen_stay_and_the_same_chance_varies_alike():
    own = lines()
    same = varied_lines(own, 0.0, np.random.default_rng(1))
    assert all(np.array_equal(same[name], own[name]) for name in own)
    again, once = (varied_lines(own, 0.5, np.random.default_rng(2)) for _ in range(2))
    assert all(np.array_equal(again[name], once[name]) for name in own)
    changed = (once["bars"] != own["bars"]).any((1, 2)) | (once["bass"] != own["bass"]).any((1, 2))
    assert 0.1 < changed.mean() < 0.5
