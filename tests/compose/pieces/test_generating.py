import numpy as np
import pytest
from compose.fake_piece_engine import PRESETS, engine

from musicvae.compose.pieces.generating import KINSHIP, PieceOrder, draw
from musicvae.compose.pieces.guides import asked_guide


def guided(kind, made, bars):
    from compose.fake_piece_engine import piece

    return asked_guide(made, bars, hits=piece(kind, 2).columns) if kind == "hits" else asked_guide(made, bars)


@pytest.mark.parametrize("kind", PRESETS)
def test_pieces_of_any_length_and_each_depends_on_its_seed_alone(kind):
    made = engine(kind)
    orders = {bars: PieceOrder(bars=bars, guide=guided(kind, made, bars)) for bars in (1, 2, 5)}
    for bars, order in orders.items():
        three = draw(made, [1, 2, 3], order)
        assert [piece.num_bars for piece in three] == [bars] * 3
        assert draw(made, [2], order) == [three[1]]
        assert three[0] != three[1]


def test_a_longer_piece_begins_like_a_shorter_one():
    made = engine("trio")
    short, long = (draw(made, [5], PieceOrder(bars=bars))[0] for bars in (10, 40))
    assert long.cut(0, 10).columns["drums"].tolist() == short.columns["drums"].tolist()


def test_later_windows_are_fair_draws_that_resemble_the_first():
    made = engine("drums")
    seen = []
    made.decode, real = (lambda z, **options: (seen.append(z), real(z, **options))[1]), made.decode
    draw(made, range(300), PieceOrder(bars=6))
    z = np.concatenate(seen).reshape(300, 3, -1)[:, :, :50]
    assert np.allclose(z.std(axis=(0, 2)), 1, atol=0.05)
    flat = z.transpose(1, 0, 2).reshape(3, -1)
    correlation = np.corrcoef(flat)
    assert np.allclose(correlation[0, 1:], KINSHIP, atol=0.02)
    assert np.isclose(correlation[1, 2], KINSHIP**2, atol=0.02)


def test_temperatures_tame_idea_and_events():
    made = engine("drums")
    still = PieceOrder(bars=2, temperature=0.0)
    assert draw(made, [1], still) == draw(made, [1], still)
    assert draw(made, [1], still) != draw(made, [1], PieceOrder(bars=2))
    likeliest = [draw(made, [seed], PieceOrder(bars=2, temperature=0.0, prior_temperature=0.0))[0] for seed in (1, 2)]
    assert likeliest[0] == likeliest[1]
    assert not likeliest[0].columns["bars"].any()


def test_a_vector_is_added_to_every_window():
    made = engine("drums")
    vector = np.full(made.config.z_size, 50.0)
    piece = draw(made, [1], PieceOrder(bars=5, vector=lambda bars: vector))[0]
    assert (piece.columns["bars"] == 511).all()


def test_what_a_network_cannot_be_told_is_refused():
    with pytest.raises(ValueError, match="knows no chords"):
        asked_guide(engine("drums"), 2, chords="C")
    with pytest.raises(ValueError, match="chooses its own hits"):
        asked_guide(engine("groove"), 2, hits={"bars": np.zeros((1, 16, 9), np.uint8)})
    with pytest.raises(ValueError, match="plays given hits with its own feel: say which"):
        asked_guide(engine("hits"), 2)
