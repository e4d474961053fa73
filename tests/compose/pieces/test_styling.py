from dataclasses import replace

import numpy as np
import pytest
from compose.fake_piece_engine import PRESETS, engine, piece
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.pieces.coding import decode, encode
from musicvae.compose.pieces.styling import carried_over, restyle_piece
from musicvae.compose.styles import StyleVector
from musicvae.music.performance import DRUMS, END, FIRST_PROGRAM, empty_bars


def vector(made, direction, **facts):
    return StyleVector(name="v", direction=direction, model_hash=made.hash, **facts)


@pytest.mark.parametrize("kind", PRESETS)
def test_strength_nought_gives_the_very_same_piece(kind):
    made, own = engine(kind, lossy=30), piece(kind, 5)
    some = vector(made, np.ones(made.config.z_size))
    assert restyle_piece(made, own, [(some, 0.0)]) is own


@pytest.mark.parametrize("kind", ["drums", "groove", "trio", "performance"])
def test_where_a_style_changes_nothing_a_lossy_network_loses_nothing(kind):
    made, own = engine(kind, lossy=30), piece(kind, 5)
    nudge = vector(made, np.full(made.config.z_size, 1e-9))
    assert restyle_piece(made, own, [(nudge, 1.0)]) == own


def test_a_style_of_one_class_changes_that_lane_only():
    made, own = engine("drums", lossy=200), piece("drums", 4)
    toms = np.zeros((2, 16, 9))
    toms[0, 12:, 4] = 5.0
    made_new = restyle_piece(made, own, [(vector(made, toms.reshape(-1)), 1.0)])
    before, after = ((p.columns["bars"] >> np.uint64(4)) & np.uint64(1) for p in (own, made_new))
    assert after[0, 12:].all()
    assert after[2, 12:].all()
    other = np.uint64(0x1FF ^ 16)
    assert np.array_equal(made_new.columns["bars"] & other, own.columns["bars"] & other)
    assert np.array_equal(after[:, :12][0], before[:, :12][0])


def test_a_groove_gets_later_and_louder_where_its_hits_stay():
    made, own = engine("groove"), piece("groove", 4)
    direction = np.zeros(made.config.z_size)
    direction[: direction.size // 2] = np.where(own.columns["bars"].reshape(-1) > 0, 0.25, 0)  # velocities, in 40ths
    direction[direction.size // 2 :] = 0.1
    moved = restyle_piece(made, own, [(vector(made, direction), 1.0)])
    struck = own.columns["bars"] > 0
    assert np.array_equal(moved.columns["bars"] > 0, struck)
    assert np.array_equal(moved.columns["bars"][struck], np.minimum(own.columns["bars"][struck] + 10, 127))
    late = moved.columns["offsets"][struck].astype(float) - own.columns["offsets"][struck]
    assert np.allclose(late, 0.1, atol=2e-3)


def test_a_network_that_fills_in_plays_all_of_it():
    made, stiff = engine("humanize", lossy=50), piece("humanize", 2)
    direction = np.full(made.config.z_size, 1e-3)
    moved = restyle_piece(made, stiff, [(vector(made, direction), 1.0)])
    code = encode(made, stiff)
    played = decode(made, replace(code, mu=code.mu + direction))
    assert moved == played
    assert moved != stiff


def test_vectors_of_other_models_and_wild_strengths_are_refused():
    made = engine("drums")
    with pytest.raises(ValueError, match="learnt for model other"):
        restyle_piece(made, piece("drums"), [(StyleVector(name="v", direction=np.ones(3), model_hash="other"), 1.0)])
    with pytest.raises(ValueError, match="from -10 to 10"):
        restyle_piece(made, piece("drums"), [(vector(made, np.ones(made.config.z_size)), 11.0)])


def bar_of(**pitches):
    """A bar (1, 8, 64) in which each program holds one pitch throughout."""
    bar = empty_bars(1)
    tokens = {"piano": FIRST_PROGRAM, "bass": FIRST_PROGRAM + 33, "drums": DRUMS}
    for place, (name, pitch) in enumerate(pitches.items()):
        bar[0, place, :6] = tokens[name], 355, pitch, 255 + 96, 128 + pitch, END
    return bar


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        ({"piano": 60, "bass": 43, "drums": 36}, {"bass": 43, "drums": 38}),
        ({"piano": 64, "bass": 40, "drums": 36}, {"piano": 64, "bass": 41, "drums": 38}),
        ({"piano": 60, "drums": 36}, {"drums": 38}),
        ({"piano": 60, "bass": 40, "drums": 35}, {"bass": 41, "drums": 35}),
        ({"piano": 60, "bass": 40, "drums": 36}, {"bass": 41, "drums": 38}),
    ],
)
def test_an_instrument_is_told_by_its_program_not_by_its_row(after, wanted):
    own, before = bar_of(bass=41, drums=38), bar_of(piano=60, bass=40, drums=36)
    carried = carried_over({"bars": own}, {"bars": before}, {"bars": bar_of(**after)}, "performance")["bars"]
    assert np.array_equal(carried, bar_of(**wanted))


def test_of_more_than_eight_instruments_the_piece_s_own_stay():
    def bar(programs):
        rows = empty_bars(1)
        for place, program in enumerate(programs):
            rows[0, place, :6] = FIRST_PROGRAM + program, 355, 60, 255 + 96, 128 + 60, END
        return rows

    own, after = bar(range(20, 27)), bar([0, 1])
    carried = carried_over({"bars": own}, {"bars": empty_bars(1)}, {"bars": after}, "performance")["bars"]
    assert carried[0, :, 0].tolist() == [FIRST_PROGRAM + program for program in (0, *range(20, 27))]


@given(seed=st.integers(0, 200))
def test_melodies_are_carried_over_bar_by_bar_without_endless_notes(seed):
    own, before, after = (piece("trio", 4, 3 * seed + k).columns for k in range(3))
    keep = np.random.default_rng(seed).random(4) < 0.5
    after = {name: np.where(keep[:, None], before[name], column) for name, column in after.items()}
    carried = carried_over(own, before, after, "trio")
    for name in ("bars", "bass"):
        changed = (before[name] != after[name]).any(axis=1)
        source = np.where(changed[:, None], after[name], own[name])
        # All but the first step of a bar, where a note of the other source may have to end, is one of the sources'.
        assert np.array_equal(carried[name][:, 1:], source[:, 1:])
        ended = carried[name][:, 0] != source[:, 0]
        assert (source[:, 0][ended] == 0).all()
        assert (carried[name][:, 0][ended] == 1).all()


def test_a_note_held_into_a_bar_of_the_other_source_ends_there():
    silent = np.zeros((2, 16), np.uint8)
    own, before, after = silent.copy(), silent.copy(), silent.copy()
    own[0, 8] = 50  # sounds on into bar 2, which becomes the style's: a rest, then a note
    after[1, 4] = 60
    empty = np.zeros((2, 16), np.uint64)
    columns = [{"bars": tokens, "bass": silent, "drums": empty} for tokens in (own, before, after)]
    carried = carried_over(*columns, "trio")["bars"]
    assert carried[1, 0] == 1
    assert carried[1, 4] == 60
