import numpy as np
import pytest
from compose.fake_piece_engine import PRESETS, engine, piece

from musicvae.compose.pieces.blending import align_pieces, blend_pieces, distance
from musicvae.compose.pieces.coding import decode, encode
from musicvae.music.piece import Piece


@pytest.mark.parametrize("kind", PRESETS)
@pytest.mark.parametrize("spacing", ["even", "latent"])
def test_ends_are_the_inputs_own_reconstructions(kind, spacing):
    made = engine(kind, lossy=20)
    a, b = piece(kind, 4, 1, tempo_qpm=80.0, name="A"), piece(kind, 4, 2, tempo_qpm=160.0, name="B")
    path = blend_pieces(made, a, b, 5, spacing=spacing)
    assert len(path) == 5
    assert path[0] == decode(made, encode(made, a))
    assert path[-1] == decode(made, encode(made, b))
    assert path.alphas[0] == 0
    assert path.alphas[-1] == 1
    assert (np.diff(path.alphas) > 0).all()
    assert [round(step.tempo_qpm, 6) for step in path] == pytest.approx([80 * 2 ** (k / 4) for k in range(5)], abs=1e-5)
    assert [step.name for step in path] == ["A", "A", "B", "B", "B"]
    assert "tempo moves from 80 to 160" in path.notices[0]


@pytest.mark.parametrize("kind", ["drums", "groove", "trio"])
def test_even_steps_advance_evenly(kind):
    made = engine(kind)
    a, b = piece(kind, 4, 1), piece(kind, 4, 2)

    def unevenness(spacing):
        path = blend_pieces(made, a, b, 9, spacing=spacing)
        to_a = np.array([distance(step.columns, path[0].columns, made.material) for step in path])
        to_b = np.array([distance(step.columns, path[-1].columns, made.material) for step in path])
        return np.abs(to_a / (to_a + to_b) - np.linspace(0, 1, 9)).sum()

    assert unevenness("even") <= unevenness("latent")


def test_how_far_it_is_is_told_up_to_the_last_bar():
    made, told = engine("drums"), []
    blend_pieces(made, piece("drums", 40, 1), piece("drums", 40, 2), 9, tell=told.append)
    searched, drawn = ([text for text in told if text.startswith(what)] for what in ("finding even steps: ", "steps: "))
    assert (searched[-1], drawn[-1]) == ("finding even steps: 1320 of 1320 bars", "steps: 360 of 360 bars")
    assert len(searched) > 1
    assert told == searched + drawn


def test_noise_is_shared_so_that_equal_ends_give_equal_steps():
    made, same = engine("groove"), piece("groove", 4, 3)
    path = blend_pieces(made, same, same, 4, temperature=1.0, seed=7)
    assert all(step == path[0] for step in path)


def test_what_conditions_the_network_comes_from_the_nearer_input_or_as_asked():
    made = engine("hits")
    a, b = piece("hits", 2, 1), piece("hits", 2, 2)
    struck = [own.columns["bars"] > 0 for own in (a, b)]
    for number, step in enumerate(blend_pieces(made, a, b, 4)):
        assert np.array_equal(step.columns["bars"] > 0, struck[number >= 2])
    told = encode(made, a).guide
    assert all(np.array_equal(step.columns["bars"] > 0, struck[0]) for step in blend_pieces(made, a, b, 4, guide=told))


def test_lengths_are_brought_together():
    short, long = piece("drums", 2, 1), piece("drums", 5, 2)
    a, b, notices = align_pieces(long, short)
    assert (a, b.num_bars) == (long, 5)
    assert np.array_equal(b.columns["bars"], short.columns["bars"][[0, 1, 0, 1, 0]])
    assert notices == ("B, of 2 bars, was repeated to fill 5",)
    a, b, notices = align_pieces(short, long, how="pad")
    assert not a.columns["bars"][2:].any()
    assert notices == ("A, of 2 bars, was filled up with silence to 5",)
    a, b, notices = align_pieces(short, long, how="trim")
    assert b.num_bars == a.num_bars == 2
    assert notices == ("both were cut to the 2 bars of A",)
    assert align_pieces(long, long) == (long, long, ())
    with pytest.raises(ValueError, match="align must be one of repeat, pad, trim; got 'stretch'"):
        align_pieces(short, long, how="stretch")


def test_distance_counts_hits_feel_and_events():
    def drums(hits):
        columns = {"bars": np.zeros((1, 16), np.uint64)}
        columns["bars"][0, : len(hits)] = hits
        return columns

    assert distance(drums([1, 2]), drums([1, 2]), "drums") == 0
    assert distance(drums([3, 256]), drums([1, 2]), "drums") == 3
    a, b = (Piece("groove", {"bars": np.zeros((1, 16, 9), np.uint8), "offsets": np.zeros((1, 16, 9), np.float16)}) for _ in "ab")
    louder = {"bars": a.columns["bars"].copy(), "offsets": a.columns["offsets"].copy()}
    louder["bars"][0, 0, 0] = 127
    assert distance(louder, b.columns, "groove") == 1
    softer = {"bars": louder["bars"].copy(), "offsets": louder["offsets"].copy()}
    softer["bars"][0, 0, 0], softer["offsets"][0, 0, 0] = 64, 0.25
    assert distance(louder, softer, "groove") == pytest.approx(63 / 127 + 0.25)
