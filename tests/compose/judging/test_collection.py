from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, tune
from compose.judging.music import returning, yardstick

from musicvae.compose.judging.collection import FEWEST_PIECES, foreignness, idea_size, windows_of_piece
from musicvae.compose.judging.ngram import fit_ngram
from musicvae.music.vocabulary import to_tokens

ENGINE = FakeEngine(canonical_key=False)


@pytest.fixture(scope="module")
def world():
    known = np.stack([to_tokens(m) for m in [returning(s) for s in range(3)] + [tune(s, 8) for s in range(12)]])
    return replace(yardstick(ENGINE, count=2), ngram=fit_ngram([(known, 0)]))


def test_the_piece_of_another_style_is_furthest_from_the_others(world):
    pieces = [windows_of_piece(ENGINE, returning(seed)) for seed in range(14)]
    pieces[5] = windows_of_piece(ENGINE, tune(1, 8))
    away = foreignness(ENGINE, pieces, 0, world)
    assert int(away.argmax()) == 5
    assert away[5] > 3
    assert np.median(away) == pytest.approx(0)


def test_the_order_of_a_collection_does_not_matter_much(world):
    pieces = [windows_of_piece(ENGINE, returning(seed)) for seed in range(11)] + [windows_of_piece(ENGINE, tune(1, 8))]
    assert int(foreignness(ENGINE, pieces[::-1], 0, world).argmax()) == 0


def test_a_few_pieces_are_no_collection(world):
    with pytest.raises(ValueError, match=f"at least {FEWEST_PIECES} pieces of one kind of meter, got 3"):
        foreignness(ENGINE, [windows_of_piece(ENGINE, returning(seed)) for seed in range(3)], 0, world)


@pytest.mark.parametrize(("engine", "size"), [(ENGINE, 4), (FakeWindowEngine(), 68), (FakeEngine(max_bars=1), 36)])
def test_the_idea_is_the_tune_s_part_of_z(engine, size):
    assert idea_size(engine) == size
