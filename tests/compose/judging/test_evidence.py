import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine
from compose.judging.music import returning

from musicvae.compose.judging.evidence import SPAN, bits_of, shared_bits
from musicvae.music.vocabulary import to_tokens


def tokens_of(*melodies):
    return np.stack([to_tokens(melody) for melody in melodies])


def test_bits_are_chibs_identity_at_the_mean():
    engine, tokens = FakeEngine(lossy=0.3), tokens_of(returning(0), returning(1))
    found = bits_of(engine, tokens, 0)
    mu, sigma = engine.encode(tokens, 0)
    used = engine.config.z_used(8)
    density = (-np.log(sigma) - np.log(2 * np.pi) / 2)[:, :used].sum(axis=1)
    whole = engine.log_probs(tokens, mu, 0).sum(axis=(1, 2)) + engine.prior_log_probs(mu, tokens, kind=0).sum(axis=1) - density
    assert found.total == pytest.approx(-whole / np.log(2))
    assert found.bars.shape == (2, 8)


def test_rows_do_not_depend_on_their_batch():
    engine = FakeEngine(lossy=0.3)
    many = tokens_of(*[returning(seed) for seed in range(40)])
    alone = [bits_of(engine, row[None], 0).total[0] for row in many[:3]]
    assert bits_of(engine, many, 0).total[:3] == pytest.approx(alone)


def test_a_bar_that_returns_costs_less_than_one_that_does_not():
    bars = bits_of(FakeEngine(), tokens_of(returning()), 0).bars[0]
    assert bars[2:].max() < bars[:2].min()


def test_bars_of_another_tune_share_less_with_the_rest():
    own, other = tokens_of(returning(0))[0], tokens_of(returning(0).transposed(7))[0]
    mixed = own.copy()
    mixed[4:6] = other[4:6]
    shared = shared_bits(FakeEngine(canonical_key=False), mixed, 0)
    assert shared.shape == (8 - SPAN + 1,)
    assert int(shared.argmin()) == 4
    assert shared.argmin() != shared_bits(FakeEngine(canonical_key=False), own, 0).argmin() or shared.min() < shared.max() - 1


def test_there_is_nothing_to_share_in_a_short_window_or_a_fixed_one():
    short = tokens_of(returning(0, bars=3))[0]
    assert not len(shared_bits(FakeEngine(), short, 0))
    assert not len(shared_bits(FakeWindowEngine(max_bars=8), tokens_of(returning())[0], 0))
    assert np.isfinite(bits_of(FakeWindowEngine(max_bars=8), tokens_of(returning()), 0).total).all()
    assert np.isfinite(bits_of(FakeEngine(max_bars=1), tokens_of(returning(bars=1)), 0).total).all()
