from dataclasses import replace

import numpy as np
import pytest
from compose.fake_piece_engine import engine, piece

from musicvae.compose.pieces.blending import blend_pieces
from musicvae.compose.pieces.coding import decode, encode
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.piece import Piece

KINDS = ("drums", "trio", "performance", "performance-chords")


def model(kind, **options):
    return PieceModel(engine(kind, **options))


def bare(pieces):
    return [replace(piece, provenance={}, notices=()) for piece in pieces]


def hits_and_notes(made):
    """Everything that is struck or starts, as a set."""
    found = set()
    for name in ("bars", "bass", "drums"):
        if name in made.columns:
            column = made.columns[name]
            if column.dtype == np.uint64:
                found |= {
                    (name, *place, bit) for place in np.argwhere(column > 0).tolist() for bit in range(64) if int(column[*place]) >> bit & 1
                }
            else:
                least = 0 if column.dtype == np.int16 else 1
                found |= {(name, *place, int(column[*place])) for place in np.argwhere(column > least).tolist()}
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_amount_0_gives_the_very_piece_back_and_distance_is_as_asked_for(kind):
    own = piece(kind, 6, 1, tempo_qpm=93.0, name="Own")
    found = model(kind, lossy=20).vary(own, [0.0, 0.2, 0.4], 2, seed=3)
    assert bare([found[0], found[3]]) == [own, own]
    for made, distance in zip(found, found.distances, strict=True):
        ours, theirs = hits_and_notes(own), hits_and_notes(made)
        assert distance == pytest.approx(1 - 2 * len(ours & theirs) / (len(ours) + len(theirs)))
        assert (made.tempo_qpm, made.name, made.num_bars) == (93.0, "Own", 6)
    np.testing.assert_allclose(found.distances, found.amounts, atol=0.12)
    assert bare([found[1]]) != bare([found[4]])


def test_bars_of_a_beat_that_are_the_same_stay_the_same():
    bar = piece("drums", 2, 1)
    own = Piece.joined([bar] * 4)
    hits = model("drums").vary(own, 0.3, seed=1)[0].columns["bars"]
    assert (hits.reshape(4, 2, 16) == hits[:2]).all()
    assert (hits[:2] != bar.columns["bars"]).any()


def test_a_trio_s_beat_that_returns_under_another_melody_still_returns():
    one, two = piece("trio", 2, 1), piece("trio", 2, 2)
    mixed = replace(two, columns={**two.columns, "drums": one.columns["drums"]})
    made = model("trio").vary(Piece.joined([one, mixed]), 0.3, seed=1)[0].columns
    assert (made["drums"][:2] == made["drums"][2:]).all()
    assert (made["bars"][:2] != made["bars"][2:]).any()


@pytest.mark.parametrize("kind", ["hits", "humanize", "tap"])
def test_what_plays_given_hits_has_nothing_to_vary(kind):
    with pytest.raises(ValueError, match="plays what it is given: vary the beat with a model that makes beats"):
        model(kind).vary(piece(kind, 2, 1))


@pytest.mark.parametrize("kind", ["drums", "trio", "groove"])
def test_a_path_between_two_without_memory_is_the_plain_blend(kind):
    made = engine(kind, lossy=20)
    a, b = piece(kind, 4, 1, tempo_qpm=80.0, name="A"), piece(kind, 6, 2, tempo_qpm=160.0, name="B")
    assert bare(PieceModel(made).path_through([a, b], 5, ends="decoded")) == bare(blend_pieces(made, a, b, 5))


@pytest.mark.parametrize("kind", ["drums", "trio", "performance", "groove"])
def test_exact_ends_are_the_inputs_themselves(kind):
    inputs = [piece(kind, 4, seed, name=str(seed)) for seed in range(4)]
    loaded = model(kind, lossy=20)
    assert bare(loaded.path_through(inputs[:3], 5))[::2] == inputs[:3]
    grid = loaded.grid(inputs, 3, 2)
    assert bare([grid[0], grid[1], grid[4], grid[5]]) == inputs
    assert grid.columns == 2
    assert bare(loaded.mix(inputs, [0, 0, 7, 0])) == [inputs[2]]
    assert bare(loaded.mix(inputs, [0, 0, 7, 0], ends="decoded")) == bare([decode(loaded.engine, encode(loaded.engine, inputs[2]))])
    if kind != "trio":  # what this engine forgets lies at the end of its window, beyond these bars
        assert bare(loaded.mix(inputs, [0, 0, 7, 0], ends="decoded")) != [inputs[2]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_morph_begins_as_the_first_and_ends_as_the_last(kind):
    a, b = piece(kind, 4, 1, tempo_qpm=80.0), piece(kind, 4, 2, tempo_qpm=120.0)
    found = model(kind).morph([a, b], 3)
    whole = found[0]
    assert (len(found), whole.num_bars, whole.tempo_qpm) == (1, 12, 80.0)
    for name in a.columns:
        assert np.array_equal(whole.columns[name][0], a.columns[name][0])
        if name not in ("bars", "bass") or kind in ("drums", "performance"):
            assert np.array_equal(whole.columns[name][-1], b.columns[name][-1])
    assert "the one piece keeps the tempo of A throughout: 80" in found.notices


def test_options_of_melodies_are_refused():
    with pytest.raises(ValueError, match="knows one meter and no keys"):
        model("drums").path_through([piece("drums"), piece("drums", seed=1)], 3, keys="a")
