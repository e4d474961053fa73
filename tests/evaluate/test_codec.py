import numpy as np
import pytest
from evaluate.doubles import TransparentEngine, random_corpus

from musicvae.evaluate.codec import Codec, Posterior, greedy_tokens, piece_seeds, select_windows
from musicvae.model.noise import piece_seed


def test_windows_have_the_steps_of_their_meter_and_know_their_tune():
    corpus = random_corpus()
    windows = select_windows(corpus, "test", 2)
    assert windows.meter == "6/8"
    assert windows.tokens.shape == (12, 16, 12)  # 6 tunes of 20 bars, a window at bar 0 and 4
    assert (corpus.kind[windows.tunes] == 2).all()
    assert (corpus.split[windows.tunes] == 2).all()
    np.testing.assert_array_equal(windows.labels, corpus.label[windows.tunes])


def test_a_limit_draws_windows_evenly_and_the_same_ones_for_a_seed():
    corpus = random_corpus((40, 0, 0))
    few = select_windows(corpus, "train", 0, limit=10, seed=3)
    assert len(few) == 10
    np.testing.assert_array_equal(few.tunes, select_windows(corpus, "train", 0, limit=10, seed=3).tunes)
    assert (few.tunes != select_windows(corpus, "train", 0, limit=10, seed=4).tunes).any()
    alone = select_windows(corpus, "train", 0, one_per_tune=True)
    assert len(alone) == len(set(alone.tunes.tolist())) == 20


def test_batches_are_bounded_and_progress_counts_every_window():
    engine, seen = TransparentEngine(), []
    windows = select_windows(random_corpus(), "train", 0)
    posterior = Codec(engine, batch=16, progress=seen.append).encode(windows)
    assert len(windows) == 40
    assert engine.batches == [16, 16, 8]
    assert sum(seen) == 40
    whole = engine.encode(windows.tokens, 0)
    np.testing.assert_array_equal(posterior.mu, whole[0])
    np.testing.assert_array_equal(Codec(engine, batch=7).decode(posterior.mu, kind=0, bars=16), windows.tokens)


def test_drawing_gives_each_row_its_own_seed_whatever_the_batch():
    engine = TransparentEngine()
    posterior = Codec(engine).encode(select_windows(random_corpus(), "train", 0, limit=9))
    drawn = [Codec(engine, batch=b).decode(posterior.mu, kind=0, bars=16, temperature=1.0, seeds=piece_seeds(5, 9)) for b in (2, 9)]
    np.testing.assert_array_equal(*drawn)
    assert piece_seeds(5, 2) == [5, piece_seed(5, 1)]


def test_kl_of_a_posterior_is_the_integral_of_its_definition():
    windows = select_windows(random_corpus(), "test", 0, limit=1)
    posterior = Posterior(windows, np.array([[0.7, 0.0]]), np.array([[0.3, 1.0]]))
    x = np.linspace(-8, 8, 200_001)
    density = np.exp(-((x - 0.7) ** 2) / (2 * 0.09)) / (0.3 * np.sqrt(2 * np.pi))
    log_ratio = -((x - 0.7) ** 2) / (2 * 0.09) - np.log(0.3) + x**2 / 2
    assert posterior.kl_nats[0] == pytest.approx([np.trapezoid(density * log_ratio, x), 0.0], abs=1e-6)
    assert posterior.bits == pytest.approx(posterior.kl_nats.sum() / np.log(2))
    assert posterior.moved(posterior.mu + 1).bits > posterior.bits


def test_draws_from_a_posterior_have_its_mean_and_spread():
    windows = select_windows(random_corpus(), "test", 0, limit=1)
    posterior = Posterior(windows, np.full((1, 20_000), 0.5), np.full((1, 20_000), 2.0))
    z = posterior.sample(np.random.default_rng(0))
    assert z.mean() == pytest.approx(0.5, abs=0.06)
    assert z.std() == pytest.approx(2.0, rel=0.02)


def test_greedy_decides_hold_off_or_onset_before_the_pitch():
    shares = np.full((1, 90), 1e-6)
    shares[0, [0, 1, 40, 45]] = 0.4, 0.05, 0.3, 0.25  # hold is likeliest of all, yet an onset likelier than hold
    assert greedy_tokens(np.log(shares)) == [40]
    shares[0, 45] = 0.05
    assert greedy_tokens(np.log(shares)) == [0]


def test_a_published_network_chooses_among_all_events_at_once():
    class Published(TransparentEngine):
        def logits(self, z, tokens, *, kind):
            scores = np.zeros((*tokens.shape, 90))
            scores[..., 0], scores[..., 40:50] = 1.5, 1.0  # a hold is likelier than each onset, but not than all of them
            return scores

    engine = Published()
    windows = select_windows(random_corpus(), "test", 0, limit=3)
    z = engine.encode(windows.tokens, 0)[0]
    assert (Codec(engine).teacher_forced(z, windows) == 40).all()
    engine.config.fixed_window = True
    assert not Codec(engine).teacher_forced(z, windows).any()
