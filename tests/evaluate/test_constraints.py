from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from evaluate.doubles import random_corpus

from musicvae.evaluate.chord_ways import CHORD_WAYS
from musicvae.evaluate.constraints import DEMANDS, measure_constraints
from musicvae.evaluate.fitting_chords import harmonized_tunes, measure_chords
from musicvae.music.chords import Chord


@pytest.fixture(scope="module")
def corpus():
    """Every tune is over C for three quarters of its bars and over G; of every third one no chord is known."""
    plain = random_corpus((2, 2, 12), bars=16)
    chords = np.full((len(plain.bars), 8), Chord.parse("C").code, np.uint8)
    chords[3::4] = Chord.parse("G").code
    for line in range(0, len(plain), 3):
        chords[plain.start[line] : plain.start[line] + plain.num_bars[line]] = 0
    return replace(plain, columns={"bars": plain.bars, "chords": chords})


def test_tunes_whose_chords_are_known(corpus):
    found = harmonized_tunes(corpus, 0, bars=16)
    assert len(found.tokens) == len(found.spans) == len(set(found.tunes.tolist())) == 4
    assert [(span.onset_steps, str(span.chord)) for span in found.spans[0]][:3] == [(0, "C"), (48, "G"), (64, "C")]
    assert len(harmonized_tunes(corpus, 0, bars=16, limit=2).tokens) == 2
    assert not len(harmonized_tunes(replace(corpus, columns={"bars": corpus.bars, "chords": corpus.bars[:, :8] * 0}), 0).tokens)


def test_leaning_raises_the_share_and_has_a_price(corpus):
    chosen = ("free", "bias 8", "best of 16 pieces", "best of 16 draws of each bar", "best of 8 z for every 2 bars", "z by gradient")
    ways = {name: CHORD_WAYS[name] for name in (*chosen, "bias 8, heard again")}
    found = harmonized_tunes(corpus, 0, limit=3)
    rows = {row.way: row for row in measure_chords(FakeEngine(), found, ways=ways, seed=1)}
    assert list(rows) == ["held-out tunes", "held-out tunes, chords of another", *ways]
    held = found.tokens.astype(int)
    strong = held[:, :, [0, 8]]
    tones = np.where((np.arange(16) % 4 == 3)[None, :, None, None], [[7, 11, 2]], [[0, 4, 7]])
    right = (((strong + 19) % 12)[..., None] == tones).any(-1) & (strong >= 2)
    assert rows["held-out tunes"].strong.value == pytest.approx(right.sum() / (strong >= 2).sum())
    assert rows["held-out tunes"].cost.value == rows["free"].cost.value == 0
    for name in ("bias 8", "best of 16 draws of each bar", "bias 8, heard again"):
        assert rows[name].strong.value > rows["free"].strong.value + 0.1
    assert rows["bias 8"].cost.value != 0
    assert next(measure_chords(FakeEngine(), found, ways=ways, seed=1)) == rows["held-out tunes"]


def test_every_demand_is_kept(corpus):
    heard = []
    rows = list(measure_constraints(FakeEngine(), corpus, 2, limit=3, seed=2, progress=heard.append))
    assert [row.demand for row in rows] == list(DEMANDS)
    assert all(row.kept.value == 1 for row in rows)
    assert min(row.kept_by_chance.value for row in rows) == 0
    assert len(heard) == len(DEMANDS)
