import numpy as np
import pytest
from compose.fake_piece_engine import engine, piece

from musicvae.compose.pieces.model import PieceModel
from musicvae.evaluate.pieces.hits import struck
from musicvae.evaluate.pieces.variations import BeatTable, edited_hits, piece_variation_rows
from musicvae.evaluate.pieces.windows import PieceWindows


def windows(count, first=0, kind="drums"):
    pieces = [piece(kind, 4, seed) for seed in range(first, first + count)]
    columns = {name: np.stack([p.columns[name] for p in pieces]) for name in pieces[0].columns}
    return PieceWindows(columns, np.arange(first, first + count), np.full(count, -1), np.full(count, 120.0))


def test_the_table_counts_what_follows_what():
    hits = np.zeros((50, 2, 16, 9), bool)
    hits[:, :, 0, 0] = True
    hits[::2, :, 4, 1] = True
    table = BeatTable.fitted(hits)
    assert table.chances[0, 0, 1, 0] == pytest.approx(51 / 52)  # a kick where one was the bar before
    assert table.chances[4, 1, 2, 0] == pytest.approx(26 / 52)
    assert table.chances[4, 1, 1, 0] == pytest.approx(26 / 27)
    assert table.bits_a_bar(hits[0]) < table.bits_a_bar(~hits[0])


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_moved_hits_stay_in_their_bar_and_none_is_lost(amount):
    own = piece("drums", 4, 1).columns["bars"]
    moved = edited_hits(own, amount, classes=9, seed=2)
    before, after = (struck({"bars": hits[None]})[0] for hits in (own, moved))
    assert (before.sum(axis=(1, 2)) == after.sum(axis=(1, 2))).all()
    assert (before & ~after).sum() <= round(amount * before.sum())
    assert ((before & ~after).sum() == 0) == (amount == 0)


@pytest.mark.parametrize("kind", ["drums", "trio"])
def test_rows(kind):
    model = PieceModel(engine(kind, lossy=10))
    rows = piece_variation_rows(model, windows(20, 50, kind), windows(3, 0, kind), amounts=(0.1, 0.4), progress=lambda text: None)
    by = {(row.way, row.amount): row for row in rows}
    own = by["held-out pieces", 0.0]
    assert (own.distance.value, own.off, own.tunes) == (0, 0, 3)
    assert by["vary", 0.4].off < 0.1
    assert by["hits moved at random", 0.4].bits_a_bar.value > own.bits_a_bar.value
