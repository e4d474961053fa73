import copy
import math

import numpy as np
import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.model.prior import BarPrior
from musicvae.model.tilt import summary
from musicvae.model.vae import MelodyVAE
from musicvae.train.adapter import AdapterOptions, Drawing, Examples, adapt_prior, fitted_leaning, melody_code
from musicvae.train.prior_fit import Code

TINY = PRESETS["tiny"]
FEW = AdapterOptions(dreams=200)


@pytest.fixture(scope="module")
def prior():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return BarPrior(TINY).eval().requires_grad_(False)


def examples(offset, files=6, bars=4, kind=0, seed=2):
    generator = torch.Generator().manual_seed(seed)
    count = 2 * files
    mu = torch.zeros(count, TINY.z_size)
    mu[:, : TINY.z_used(bars)] = offset + 0.5 * torch.randn(count, TINY.z_used(bars), generator=generator)
    code = Code(mu, torch.full_like(mu, 0.1), torch.zeros(count, bars, dtype=torch.long), bars, kind)
    return Examples(code, np.repeat(np.arange(files), 2))


def moved_by(adapted, prior, wanted, bars=4, kind=0):
    """Share of the way to the wanted mean summary that weighted dreams have gone."""
    generator = torch.Generator().manual_seed(3)
    shape = (1000, 1 + TINY.max_bars, prior.width)
    normals, uniforms = torch.randn(*shape, generator=generator), torch.rand(*shape[:2], 2, generator=generator)
    dreams = summary(TINY, *prior.sample_with_lags(normals, uniforms, bars=bars, kind=kind), bars)
    ways = [(dreams @ a[kind, bars]).softmax(0) @ dreams - dreams.mean(0) for a in (adapted.prior.scored, adapted.prior.drawn)]
    target = wanted - dreams.mean(0)
    return [float(way @ target / target.square().sum()) for way in ways]


def test_the_leaning_solves_its_problem():
    """At the minimum the weighted mean of the dreams is that of the pieces minus penalty times a."""
    generator = torch.Generator().manual_seed(0)
    dreams = torch.randn(4000, 3, generator=generator).double()
    wanted = torch.tensor([0.6, -0.2, 0.1], dtype=torch.float64)
    for penalty in (0.0, 0.3):
        found = fitted_leaning(dreams, wanted, penalty)
        weights = (dreams @ found).softmax(0)
        torch.testing.assert_close(weights @ dreams, wanted - penalty * found, atol=1e-4, rtol=0)
    # Of normal dreams a shift of the mean is the leaning itself.
    torch.testing.assert_close(fitted_leaning(dreams, wanted, 0.0), wanted, atol=0.06, rtol=0)


def test_it_leans_towards_the_pieces_and_the_more_of_them_there_are_the_farther(prior):
    before = copy.deepcopy(prior.state_dict())
    ways = []
    for files in (1, 6, 40):
        own = examples(0.4, files)
        wanted = summary(TINY, own.code.mu, own.code.lags, 4).mean(0)
        ways.append(moved_by(adapt_prior(prior, [own], FEW), prior, wanted))
    assert all(torch.equal(x, before[name]) for name, x in prior.state_dict().items())
    scored, drawn = zip(*ways, strict=True)
    assert 0.01 < scored[0] < scored[1] < scored[2] < 1.4
    assert 0.01 < drawn[0] < min(drawn[1:])
    assert max(drawn) < 1.4
    assert drawn[0] > scored[0]


def test_every_length_of_the_meters_given_leans_and_no_other_meter(prior):
    adapted = adapt_prior(prior, [examples(0.4, bars=4), examples(0.4, bars=2)], FEW)
    for name in ("scored", "drawn"):
        leaning = getattr(adapted.prior, name)
        assert leaning[0, 1 : TINY.max_bars + 1].any(-1).all()
        assert not leaning[1:].any()
    assert [(leaning.kind, leaning.files, leaning.bars) for leaning in adapted.leanings] == [(0, 6, 4)]


def test_held_out_pieces_of_the_kind_are_likelier(prior):
    own, others = examples(0.4, 20), examples(0.4, 20, seed=9)
    adapted = adapt_prior(prior, [own], FEW)
    with torch.no_grad():
        gains = [
            adapted.prior.log_prob(code.mu, code.lags, 4, 0) - prior.log_prob(code.mu, code.lags, 4, 0) for code in (own.code, others.code)
        ]
    leaning = adapted.leanings[0]
    assert leaning.gain_nats > 0
    assert float(gains[1].mean()) == pytest.approx(leaning.gain_nats, rel=0.4)
    assert 0 < leaning.effective < 1


def test_where_nothing_is_common_nothing_is_scored_otherwise(prior):
    """Files that the prior drew itself."""
    generator = torch.Generator().manual_seed(3)
    shape = (12, 1 + TINY.max_bars, prior.width)
    normals, uniforms = torch.randn(*shape, generator=generator), torch.rand(*shape[:2], 2, generator=generator)
    z, lags = prior.sample_with_lags(normals, uniforms, bars=4, kind=0)
    leaning = adapt_prior(prior, [Examples(Code(z, torch.zeros_like(z), lags, 4, 0), np.arange(12))], FEW).leanings[0]
    assert leaning.gain_nats < 0.1
    alone = adapt_prior(prior, [examples(0.4, 1)], FEW).leanings[0]
    assert (alone.files, alone.gain_nats, alone.caution) == (1, 0.0, FEW.caution)


def test_narrow_drawing_leans_farther(prior):
    plain, narrow = (adapt_prior(prior, [examples(0.4)], FEW, drawing=drawing).prior for drawing in (Drawing(), Drawing(0.3, 1.0)))
    assert torch.equal(plain.scored, narrow.scored)
    assert not torch.equal(plain.drawn, narrow.drawn)


def test_the_same_seed_gives_the_same_prior(prior):
    first, second = (adapt_prior(prior, [examples(0.3), examples(0.3, bars=2, kind=2)], FEW).prior for _ in range(2))
    assert all(torch.equal(x, second.state_dict()[name]) for name, x in first.state_dict().items())


def test_codes_are_those_of_the_encoder():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = MelodyVAE(TINY).eval()
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 90, (2, 4, 16), np.uint8)
    windows[1, 2] = windows[1, 0]
    code = melody_code(vae, windows, 0)
    assert (code.bars, code.kind, len(code.mu)) == (4, 0, 2)
    with torch.no_grad():
        mu, _ = vae.encode(torch.as_tensor(windows[1:].astype(np.int64)), 0)
    np.testing.assert_allclose(code.mu[1].numpy(), mu[0].numpy(), atol=1e-5)
    assert code.lags[1].tolist() == [0, 0, 2, 0]


@pytest.mark.parametrize("options", [{"dreams": 1}, {"folds": 1}, {"caution": 0.0}, {"pull": math.nan}, {"emphasis": 0.0}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        AdapterOptions(**options)


def test_nothing_to_adapt_to_is_refused(prior):
    with pytest.raises(ValueError, match="nothing to adapt"):
        adapt_prior(prior, [], FEW)
