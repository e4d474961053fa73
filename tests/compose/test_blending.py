from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, same_music, tune
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.blending import blend
from musicvae.compose.canonical import to_coordinates
from musicvae.compose.coding import decode, encode
from musicvae.compose.spacing import rising_choice
from musicvae.music.key import Key
from musicvae.music.melody import Melody

LOSSY = FakeEngine(lossy=0.8)


@pytest.mark.parametrize("method", ["slerp", "lerp"])
@pytest.mark.parametrize("spacing", ["even", "latent"])
def test_ends_are_the_inputs_own_reconstructions(method, spacing):
    a = tune(1, shift=2, tempo_qpm=80.0, program=40, name="A")
    b = tune(2, shift=-3, tempo_qpm=160.0, program=73, name="B")
    path = blend(LOSSY, a, b, 5, method=method, spacing=spacing)
    for piece, source in ((path[0], a), (path[-1], b)):
        assert replace(piece, provenance={}) == decode(LOSSY, encode(LOSSY, source))


def test_a_blend_is_a_sequence():
    path = blend(LOSSY, tune(1), tune(2), 5)
    assert len(path) == len(list(path)) == 5
    assert path[1:3] == path.melodies[1:3]
    assert path.alphas[0] == 0
    assert path.alphas[-1] == 1
    assert [piece.provenance["step"] for piece in path] == [1, 2, 3, 4, 5]


def test_tempo_moves_evenly_and_dress_changes_in_the_middle():
    a, b = tune(1, tempo_qpm=60.0, program=1, name="A", key="C"), tune(2, shift=7, tempo_qpm=240.0, program=2, name="B")
    path = blend(LOSSY, a, b, 5)
    np.testing.assert_allclose([p.tempo_qpm for p in path], [60, 60 * 2**0.5, 120, 120 * 2**0.5, 240])
    assert [p.program for p in path] == [1, 1, 2, 2, 2]
    assert [str(p.key) for p in path] == ["C major", "C major", "G major", "G major", "G major"]
    assert "A is in C major, B in G major: the first half is in A's key, the second in B's" in path.notices
    assert "the tempo moves from 60 to 240 quarter notes a minute" in path.notices


@pytest.mark.parametrize(("keys", "home"), [("a", 0), ("b", 1)])
def test_all_can_be_in_one_key(keys, home):
    inputs = (tune(1), tune(2, shift=7))
    path = blend(LOSSY, *inputs, 4, keys=keys)
    assert {p.key for p in path} == {inputs[home].key}
    shift = to_coordinates(inputs[home], canonical_key=True).shift_semitones
    switched = blend(LOSSY, *inputs, 4)
    other = path[0] if home else path[-1]
    there = switched[0] if home else switched[-1]
    assert [n.pitch % 12 for n in other.notes] == [(n.pitch + shift * 0 + (7 if home else -7)) % 12 for n in there.notes]


def test_identical_inputs_stand_still():
    path = blend(FakeEngine(), tune(1), tune(1), 4)
    assert all(same_music(piece, tune(1)) for piece in path)
    np.testing.assert_allclose(path.alphas, [0, 1 / 3, 2 / 3, 1], atol=0.1)


def test_long_inputs_are_blended_whole():
    a, b = tune(1, 40), tune(2, 36)
    path = blend(LOSSY, a, b, 3)
    assert [piece.num_bars for piece in path] == [40, 40, 40]
    assert "B was played once and then its first 4 bars to fill 40 bars" in path.notices
    assert any(text.startswith("40 bars were blended in ") for text in path.notices)
    assert same_music(blend(FakeEngine(), a, b, 2)[0], a)


def tokens_of(melody):
    return to_coordinates(replace(melody, key=Key.parse("C")), canonical_key=False).tokens


def steps_from_a(path):
    """Distance to A over distance to both ends, in tokens, for every piece; all in one key."""
    tokens = [tokens_of(piece) for piece in path]
    a, b = [(t != tokens[0]).sum() for t in tokens], [(t != tokens[-1]).sum() for t in tokens]
    return np.array(a) / (np.array(a) + np.array(b))


def test_even_spacing_is_at_least_as_even_as_equal_alphas():
    want = np.linspace(0, 1, 9)
    off = {"even": [], "latent": []}
    for seed in range(8):
        for spacing, found in off.items():
            path = blend(LOSSY, tune(seed), tune(seed + 50), 9, spacing=spacing, keys="a")
            assert list(path.alphas) == sorted(set(path.alphas))
            found.append(np.abs(steps_from_a(path) - want).max())
    assert np.mean(off["even"]) < 0.7 * np.mean(off["latent"])


@given(st.lists(st.floats(0, 1), min_size=6, max_size=9), st.integers(1, 4))
def test_the_choice_of_alphas_is_the_best_there_is(shares, count):
    grid = np.linspace(0, 1, len(shares) + 2)
    share = np.array([0, *shares, 1])
    targets = np.linspace(0, 1, count + 2)[1:-1]

    def cost(indices):
        return sum(abs(share[i] - t) + 1e-6 * abs(grid[i] - t) for i, t in zip(indices, targets, strict=True))

    chosen = rising_choice(share, grid, targets)
    assert chosen == sorted(set(chosen))
    assert cost(chosen) == pytest.approx(min(cost(c) for c in combinations(range(1, len(shares) + 1), count)))


def test_the_same_noise_serves_every_piece():
    a = tune(1)
    path = blend(FakeEngine(), a, a, 4, temperature=3.0, seed=5)
    assert not same_music(path[0], a)
    assert all(same_music(piece, path[0]) for piece in path)
    assert not same_music(blend(FakeEngine(), a, a, 4, temperature=3.0, seed=6)[0], path[0])


def test_meters_are_mapped():
    path = blend(FakeEngine(), tune(1), tune(2, 16, "6/8", tempo_qpm=90.0), 3)
    assert {str(p.meter) for p in path} == {"4/4"}
    assert path[2].tempo_qpm == pytest.approx(120)
    assert same_music(path[2], path.inputs[1])


def test_silence_can_be_blended():
    path = blend(FakeEngine(), Melody((), num_bars=4), tune(1, 4), 3)
    assert not path[0].notes
    assert same_music(path[2], tune(1, 4))


@pytest.mark.parametrize(("option", "value"), [("method", "cubic"), ("keys", "c"), ("spacing", "odd"), ("alignment", "x"), ("meters", "x")])
def test_unknown_options_are_refused(option, value):
    with pytest.raises(ValueError, match="must be one of"):
        blend(LOSSY, tune(1), tune(2), 3, **{option: value})
    with pytest.raises(ValueError, match="steps must be a whole number from 2"):
        blend(LOSSY, tune(1), tune(2), 1)
