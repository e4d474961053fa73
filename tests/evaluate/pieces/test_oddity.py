import numpy as np
import pytest
from model.pieces.networks import columns, engine

from musicvae.evaluate.pieces.hits import struck
from musicvae.evaluate.pieces.oddity import PieceRival, ensemble_rows, spoiled_pieces
from musicvae.evaluate.pieces.windows import PieceWindows


def windows(material, count=4, bars=6, seed=0):
    return PieceWindows(columns(material, count, bars, seed), np.arange(count), np.full(count, -1), np.full(count, 120.0))


def test_what_is_done_to_a_piece_is_what_is_said():
    given = windows("trio")
    spoiled = spoiled_pieces(given, "trio")
    for row, own in enumerate(spoiled[""]):
        moved = spoiled["a tenth of the hits elsewhere"][row]
        before, after = (struck({"bars": piece["drums"][None]}) for piece in (own, moved))
        assert before.sum() == after.sum()
        assert (before & ~after).sum() == round(0.1 * before.sum())
        wrong = spoiled["a tenth of the notes wrong"][row]
        for name in ("bars", "bass"):
            notes = own[name] >= 2
            assert np.array_equal(notes, wrong[name] >= 2)
            assert (own[name] != wrong[name]).sum() == round(0.1 * notes.sum())
        bass = spoiled["four bars of another bass"][row]
        assert np.array_equal(bass["bars"], own["bars"])
        changed = np.flatnonzero((bass["bass"] != own["bass"]).any(axis=1))
        assert len(changed) == 4
        assert np.ptp(changed) == 3
        whole = spoiled["four bars of another piece"][row]
        assert all((whole[name] != own[name]).any(axis=1).sum() == 4 for name in own)


def test_the_rival_finds_music_like_what_it_was_fitted_on_likelier():
    train = windows("trio", 8)
    rival = PieceRival.fitted(train)
    known, unknown = train.columns, columns("trio", 8, 6, seed=5)
    bits = [np.mean([rival.bar_bits({name: rows[i] for name, rows in made.items()}).sum() for i in range(8)]) for made in (known, unknown)]
    assert set(rival.lines) == {"bars", "bass"}
    assert bits[0] < bits[1]


@pytest.mark.parametrize(("material", "kinds"), [("drums", 2), ("trio", 4)])
def test_every_judge_is_asked_about_every_kind(material, kinds):
    given = windows(material, 3)
    rows = ensemble_rows(engine(f"tiny-{material}"), given, PieceRival.fitted(given))
    assert len({row.spoiled for row in rows}) == kinds
    assert len(rows) == 6 * kinds
    assert all(0 <= row.area.value <= 1 and row.area.low <= row.area.high for row in rows)
