import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.canonical import to_coordinates
from musicvae.compose.judging.ngram import fit_ngram
from musicvae.compose.model import Model
from musicvae.evaluate.codec import Windows
from musicvae.evaluate.variations import Yardsticks, blend_quality, edited, variation_rows, window_melody
from musicvae.music.attributes import diatonic


def windows(count, first=0):
    tokens = np.stack([to_coordinates(tune(seed), canonical_key=False).tokens for seed in range(first, first + count)])
    return Windows(0, tokens, np.arange(first, first + count), np.full(count, -1))


@pytest.fixture(scope="module")
def yard():
    return Yardsticks(Model(FakeEngine(lossy=1.5)), fit_ngram([(windows(30, 100).tokens, 0)]))


@pytest.mark.parametrize("amount", [0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("in_key", [False, True])
def test_random_edits_move_so_many_notes(amount, in_key):
    tokens = windows(1).tokens[0]
    changed = edited(tokens, amount, in_key=in_key, seed=3)
    moved = changed[changed != tokens].astype(int) - tokens[changed != tokens].astype(int)
    assert len(moved) == round(amount * (tokens >= 2).sum())
    assert ((changed >= 2) == (tokens >= 2)).all()
    assert (np.abs(moved) <= 6).all()
    if in_key:
        assert diatonic(window_melody(changed, "4/4")) == 1


def test_rows_say_what_variations_and_edits_are(yard):
    rows = variation_rows(yard, [windows(3)], amounts=(0.1, 0.4), progress=lambda text: None)
    by = {(row.way, row.amount): row for row in rows}
    assert list(dict.fromkeys(row.way for row in rows)) == ["held-out tunes", "vary", "random edits", "random edits in key"]
    own = by["held-out tunes", 0.0]
    assert (own.distance.value, own.off, own.ends_alike, own.in_key.value, own.tunes) == (0, 0, 1, 1, 3)
    for amount in (0.1, 0.4):
        assert by["vary", amount].off < 0.03
        assert by["random edits", amount].off < 0.03
        assert by["random edits", amount].in_key.value < by["random edits in key", amount].in_key.value == 1
        assert by["random edits", amount].ngram_bits.value > own.ngram_bits.value


def test_blends_with_exact_ends_have_their_inputs_at_the_ends(yard):
    rows = {row.way: row for row in blend_quality(yard, [(windows(2), windows(2, 50))], points=5, progress=lambda text: None)}
    assert rows["path, exact ends"].end_distance.value == 0
    assert rows["notes exchanged at random"].end_distance.value == 0
    assert rows["path, decoded ends"].end_distance.value > 0
    assert rows["path, exact ends"].pairs == 2
    assert rows["path, exact ends"].unevenness.value < 0.2
