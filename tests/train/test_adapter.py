import copy

import numpy as np
import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.train.adapter import AdapterOptions, adapt_prior, codes_of, tilted_weights
from musicvae.train.prior_fit import Code

TINY = PRESETS["tiny"]
FEW = AdapterOptions(rounds=2, steps=12, dreams=200, batch=16, lr=1e-2)


@pytest.fixture(scope="module")
def prior():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return BarPrior(TINY).eval()


def pieces(offset, count=6, bars=4, kind=0):
    generator = torch.Generator().manual_seed(2)
    mu = torch.zeros(count, TINY.z_size)
    mu[:, : TINY.z_used(bars)] = offset + 0.1 * torch.randn(count, TINY.z_used(bars), generator=generator)
    return Code(mu, torch.full_like(mu, 0.1), torch.zeros(count, bars, dtype=torch.long), bars, kind)


def drawn(prior, bars=4, kind=0):
    generator = torch.Generator().manual_seed(3)
    shape = (300, 1 + TINY.max_bars, prior.width)
    normals, uniforms = torch.randn(*shape, generator=generator), torch.rand(*shape[:2], 2, generator=generator)
    return prior.sample(normals, uniforms, bars=bars, kind=kind)[:, : TINY.z_used(bars)]


def test_weights_bring_the_mean_of_dreams_to_what_is_wanted():
    generator = torch.Generator().manual_seed(0)
    dreams = torch.randn(4000, 3, generator=generator)
    wanted = torch.tensor([[0.5, -0.3, 0.0], [0.7, -0.1, 0.2]])
    weights = tilted_weights(dreams, wanted, 0.0)
    assert float(weights.sum()) == pytest.approx(1)
    np.testing.assert_allclose((weights @ dreams.double()).numpy(), [0.6, -0.2, 0.1], atol=1e-3)
    # Of normal dreams, tilting shifts the mean by a: the weights are those of the ratio of two normal densities.
    ratio = torch.exp(dreams.double() @ torch.tensor([0.6, -0.2, 0.1], dtype=torch.float64))
    np.testing.assert_allclose(np.corrcoef(weights.numpy(), ratio.numpy())[0, 1], 1, atol=0.01)


def test_a_greater_penalty_leaves_dreams_nearer_to_what_they_were():
    dreams = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    wanted = torch.tensor([[2.0, 0.0]])
    effective = [float(1 / tilted_weights(dreams, wanted, penalty).square().sum()) for penalty in (0.01, 0.3, 10.0)]
    assert effective == sorted(effective)
    assert effective[-1] > 900


def test_what_is_drawn_moves_towards_the_pieces_and_the_prior_stays(prior):
    before = copy.deepcopy(prior.state_dict())
    code = pieces(0.8)
    adapted = adapt_prior(prior, [code], 6, FEW)
    away = [float((drawn(own).mean(0) - code.mu[:, : TINY.z_used(4)].mean(0)).norm()) for own in (prior, adapted.prior)]
    assert away[1] < 0.6 * away[0]
    assert all(torch.equal(x, before[name]) for name, x in prior.state_dict().items())
    assert len(adapted.effective) == 2


def test_the_same_seed_gives_the_same_prior(prior):
    options = AdapterOptions(rounds=1, steps=3, dreams=200)
    first, second = (adapt_prior(prior, [pieces(0.3), pieces(0.3, bars=2, kind=2)], 6, options).prior for _ in range(2))
    assert all(torch.equal(x, second.state_dict()[name]) for name, x in first.state_dict().items())


def test_codes_are_those_of_the_encoder():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = MelodyVAE(TINY).eval()
    rng = np.random.default_rng(0)
    windows = [(rng.integers(0, 90, (bars, steps), np.uint8), kind) for bars, steps, kind in ((4, 16, 0), (2, 12, 1), (4, 16, 0))]
    windows[2][0][2] = windows[2][0][0]
    codes = codes_of(vae, windows)
    assert [(code.bars, code.kind, len(code.mu)) for code in codes] == [(2, 1, 1), (4, 0, 2)]
    with torch.no_grad():
        mu, _ = vae.encode(torch.as_tensor(windows[2][0][None].astype(np.int64)), 0)
    np.testing.assert_allclose(codes[1].mu[1].numpy(), mu[0].numpy(), atol=1e-5)
    assert codes[1].lags[1].tolist() == [0, 0, 2, 0]


@pytest.mark.parametrize("options", [{"rounds": 0}, {"piece_share": 1.5}, {"dreams": -1}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        AdapterOptions(**options)


def test_nothing_to_adapt_to_is_refused(prior):
    with pytest.raises(ValueError, match="nothing to adapt"):
        adapt_prior(prior, [], 0, FEW)
