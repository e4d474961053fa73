from dataclasses import replace

import numpy as np
import pytest
from evaluate.doubles import SCALE, TransparentEngine, random_corpus

from musicvae.evaluate.codec import Codec, Posterior, select_windows
from musicvae.evaluate.linear import fit_linear_code
from musicvae.evaluate.metrics import agreement
from musicvae.evaluate.reconstruction import activity, linear_row, reconstruct


@pytest.fixture(scope="module")
def corpus():
    return random_corpus((60, 4, 30))


@pytest.fixture(scope="module")
def linear(corpus):
    return fit_linear_code(select_windows(corpus, "train", 0).tokens, components=64, min_count=1)


def named(rows, code, decoding="greedy"):
    return next(row for row in rows if row.code == code and row.decoding == decoding)


def test_a_perfect_code_is_perfect_and_its_bits_are_the_analytic_ones(corpus):
    codec = Codec(TransparentEngine(sigma=0.001))
    windows = select_windows(corpus, "test", 0)
    posterior = codec.encode(windows)
    result = reconstruct(codec, posterior, None)
    for code in ("model, z at the mean", "model, z drawn"):
        row = named(result.rows, code)
        assert (row.onset_f1.value, row.step_accuracy.value) == (1, 1)
        assert row.bits == pytest.approx((0.5 * (posterior.mu**2 + 1e-6 - 1) - np.log(0.001)).sum() / len(windows) / np.log(2))
        assert row.onset_f1.num_windows == len(windows)
        assert row.onset_f1.num_tunes == 15


def test_temperature_one_is_measured_on_the_draws(corpus):
    codec = Codec(TransparentEngine())
    result = reconstruct(codec, codec.encode(select_windows(corpus, "test", 0)), None)
    row = named(result.rows, "model, z at the mean", "temperature 1")
    # A tenth of the onsets is lost and nothing is added: recall .9, precision 1.
    assert row.onset_f1.value == pytest.approx(2 * 0.9 / 1.9, abs=0.01)


def test_always_hold_finds_no_onset_and_every_hold(corpus):
    codec, windows = Codec(TransparentEngine()), select_windows(corpus, "test", 2)
    row = named(reconstruct(codec, codec.encode(windows), None).rows, "always hold", "-")
    assert row.onset_f1.value == 0
    assert row.step_accuracy.value == pytest.approx((windows.tokens == 0).mean())
    assert row.bits == 0


def test_the_gap_is_teacher_forced_minus_free_running(corpus):
    class Forgetful(TransparentEngine):
        def decode(self, z, **options):
            tokens = super().decode(z, **options)
            tokens[:, :, 1::2] = 89  # never right: the double has no such note
            return tokens

        def logits(self, z, tokens, *, kind):
            own = TransparentEngine.decode(self, z, bars=tokens.shape[1], kind=kind, temperature=0)
            return np.log(np.where(np.arange(90) == own[..., None], 0.9, 0.1 / 89))

    codec = Codec(Forgetful())
    gap = reconstruct(codec, codec.encode(select_windows(corpus, "test", 0)), None).gaps[0]
    assert gap.teacher_forced.value == 1
    assert gap.free_running.value == pytest.approx(0.5)
    assert gap.gap.value == pytest.approx(0.5)


def test_the_linear_rival_is_measured_at_the_models_own_bits(corpus, linear):
    windows = select_windows(corpus, "test", 0)
    codec = Codec(TransparentEngine(sigma=1.0))
    posterior = Posterior(windows, codec.encode(windows).mu * 0.2, np.ones((len(windows), 256)))
    result = reconstruct(codec, posterior, linear, rates=(2,))
    gain = result.gains[0]
    rival = next(row for row in result.rows if row.code == "linear code, z at the mean")
    assert rival.bits == pytest.approx(posterior.bits, rel=1e-6)
    assert gain.linear_f1 == pytest.approx(rival.onset_f1.value)
    assert gain.gain.value == pytest.approx(gain.model_f1 - gain.linear_f1)
    assert gain.error_removed == pytest.approx((gain.model_f1 - gain.linear_f1) / (1 - gain.linear_f1))
    assert [row.code for row in result.rows if row.bits == pytest.approx(2)] == ["linear code, z at the mean", "linear code, z drawn"]


def test_rates_the_linear_code_cannot_carry_are_left_out(corpus, linear):
    codec = Codec(TransparentEngine(sigma=1e-60))  # tens of thousands of bits
    # A code of which no component was left out carries any rate; whether this one is such hangs on rounding.
    cut = replace(linear, total_variance=2 * linear.total_variance)
    result = reconstruct(codec, codec.encode(select_windows(corpus, "test", 0)), cut, rates=(1e6,))
    assert not result.gains
    assert not [row for row in result.rows if row.code.startswith("linear")]


def test_the_linear_rival_gets_its_better_decision(corpus, linear):
    windows = select_windows(corpus, "test", 0)
    row, counts = linear_row(linear, windows, 3.0, noise=None)
    y = linear.project(windows.tokens)
    level = linear.matched_distortion(y, 3.0)
    each = [agreement(windows.tokens, linear.decode(y, level, decision=d)).f1 for d in ("argmax", "two-stage")]
    assert row.onset_f1.value == pytest.approx(max(each)) == counts.f1


def test_refined_rows_compare_the_same_windows_and_pay_for_their_mean(corpus):
    engine = TransparentEngine(blur=0.5)
    codec, windows = Codec(engine), select_windows(corpus, "test", 0)
    rows = [r for r in reconstruct(codec, codec.encode(windows), None, refine_steps=(20,), refine_windows=8).refined]
    assert [r.code for r in rows] == ["model, z refined 0 steps", "model, z refined 20 steps"]
    assert rows[0].onset_f1.value < rows[1].onset_f1.value == 1
    assert rows[0].onset_f1.num_windows == rows[1].onset_f1.num_windows == 8
    assert rows[1].bits < rows[0].bits  # the blur had pushed mu away from 0


def test_active_dimensions_vary_and_cost():
    windows = select_windows(random_corpus(), "test", 0, limit=4)
    mu = np.array([[1, 0, 3, 0.0], [-1, 0, 3, 0], [1, 0, 3, 0], [-1, 0, 3, 0]])
    sigma = np.tile([0.5, 1.0, 0.5, 0.5], (4, 1))
    rows, lists = activity([Posterior(windows, mu, sigma)])
    # Only the first: the second is the prior, the third never varies, the fourth costs without saying anything.
    assert [(row.meter, row.active, row.dimensions) for row in rows] == [("all", 1, 4), ("4/4", 1, 4)]
    assert lists[1].mu_variance == pytest.approx([1, 0, 0, 0])
    assert lists[1].nats[1] == 0
    assert lists[1].nats[0] == pytest.approx(0.5 * (1 + 0.25 - 1) - np.log(0.5))
    assert rows[1].bits == pytest.approx(sum(lists[1].nats) / np.log(2))


def test_all_meters_weigh_alike_in_the_pooled_activity():
    corpus = random_corpus()
    many, few = select_windows(corpus, "test", 0, limit=9), select_windows(corpus, "test", 2, limit=3)
    pooled = activity([Posterior(many, np.full((9, 1), 1.0), np.ones((9, 1))), Posterior(few, np.full((3, 1), -1.0), np.ones((3, 1)))])[1][
        0
    ]
    assert pooled.mu_variance == pytest.approx([1.0])
    assert pooled.num_windows == 12
    assert activity([]) == ((), ())


def test_scale_of_the_double_is_what_the_tests_assume():
    assert SCALE == 10
