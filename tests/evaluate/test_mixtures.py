import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.judging.ngram import fit_ngram
from musicvae.compose.model import Model
from musicvae.evaluate.codec import Windows
from musicvae.evaluate.mixtures import grid_rows, mix_rows, morph_rows
from musicvae.evaluate.variations import Yardsticks
from musicvae.music.vocabulary import to_tokens

TOKENS = np.stack([to_tokens(tune(seed, 4)) for seed in range(4)])
PART = Windows(0, TOKENS, np.arange(4), np.full(4, -1))
YARD = Yardsticks(Model(FakeEngine()), fit_ngram([(TOKENS, 0)]))


def rows_of(measure, part=PART):
    said = []
    rows = {row.way: row for row in measure(YARD, [part], progress=said.append)}
    assert said
    return rows


def test_corners_of_a_grid_are_the_inputs_and_cells_follow_their_weights():
    rows = rows_of(grid_rows)
    assert [row.grids for row in rows.values()] == [1, 1]
    assert all(row.own_corners.value == 1 for row in rows.values())
    assert rows["steps exchanged at random"].follows.value > 0.8
    assert rows["grid"].largest_jump.value >= 1


def test_a_mix_of_the_same_tune_is_that_tune():
    same = Windows(0, np.repeat(TOKENS[:1], 3, axis=0), np.arange(3), np.full(3, -1))
    for row in rows_of(mix_rows, same).values():
        assert (row.likeness.value, row.unevenness.value) == (1.0, 0.0)
    assert 0 < rows_of(mix_rows)["steps exchanged at random"].likeness.value < 1


def test_a_morph_goes_from_one_tune_to_the_other():
    rows = rows_of(morph_rows)
    assert rows["morph"].morphs == 2
    assert rows["morph"].follows.value > 0.5
    assert np.isnan(rows["the inputs"].follows.value)
    leaps = [
        abs(int(before[before >= 2][-1]) - int(after[after >= 2][0]))
        for tokens in TOKENS
        for before, after in zip(tokens, tokens[1:], strict=False)
    ]
    assert rows["the inputs"].leaps.value == pytest.approx(np.mean(leaps))
