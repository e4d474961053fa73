"""The oracle is a sum over mixture components with torch.distributions, block by block."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from musicvae.model.config import PRESETS
from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.prior import BarPrior, equal_lags
from musicvae.model.vae import MelodyVAE

TINY = PRESETS["tiny"]


def _noise(rows: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(rows, 1 + TINY.max_bars, width, generator=generator), torch.rand(rows, 1 + TINY.max_bars, 2, generator=generator)


def test_density_is_the_product_of_mixtures(networks: tuple[MelodyVAE, BarPrior]) -> None:
    _, prior = networks
    bars, kind = 3, 1
    z = torch.randn(4, TINY.z_size)
    lags = torch.tensor([[0, 0, 0], [0, 1, 1], [0, 0, 2], [0, 1, 0]])
    blocks, places = prior._blocks(z, bars), prior._places(bars, kind, None)[0]
    total, state, form_state = torch.zeros(4), None, None
    before, tune = torch.zeros(4, dtype=torch.long), torch.zeros(4, 1, TINY.prior_size)
    entered = torch.zeros(4, 1, TINY.prior_size)
    for i in range(bars + 1):
        told, state = prior.recurrence(entered + places[i], state)
        lag = lags[:, i - 1] if i else torch.zeros(4, dtype=torch.long)
        told_form, form_state = prior.form(prior.lags(before)[:, None] + tune + places[i], form_state)
        form = prior._form(told_form[:, 0], places[i], torch.full((4,), i))
        torch.testing.assert_close(form.exp().sum(-1), torch.ones(4))
        assert (form.isfinite().sum(-1) == max(i, 1)).all()
        total = total + form[range(4), lag]
        named = torch.stack([blocks[row, i - lag[row]] if lag[row] else torch.zeros(prior.width) for row in range(4)])
        log_weight, mean, log_sigma = prior._outputs(told[:, 0], places[i], lag, named)
        width = TINY.z_bar if i else TINY.z_global
        part = Independent(Normal(mean[..., :width], log_sigma[..., :width].exp()), 1)
        total = total + MixtureSameFamily(Categorical(logits=log_weight), part).log_prob(blocks[:, i, :width])
        entered = (prior.enter(blocks[:, i]) + prior.lags(lag))[:, None]
        before, tune = lag, prior.enter(blocks[:, :1])
    torch.testing.assert_close(prior.log_prob(z, lags, bars, kind), total)


def test_given_blocks_are_kept_and_the_rest_follows_them(networks: tuple[MelodyVAE, BarPrior]) -> None:
    _, prior = networks
    normals, uniforms = _noise(2, prior.width)
    first = prior.sample(normals, uniforms, bars=6, kind=0)
    lags = torch.zeros(2, 4, dtype=torch.long)
    again = prior.sample(normals, uniforms, bars=6, kind=0, given=first, given_lags=lags)
    other = prior.sample(normals, uniforms, bars=6, kind=0, given=first + 0.5, given_lags=lags)
    kept = TINY.z_used(4)
    torch.testing.assert_close(first[:, :kept], again[:, :kept])
    torch.testing.assert_close(other[:, :kept], first[:, :kept] + 0.5)
    assert (other[:, kept : TINY.z_used(6)] - first[:, kept : TINY.z_used(6)]).abs().max() > 1e-4
    assert (other[:, TINY.z_used(6) :] == 0).all()


def test_temperature_zero_does_without_noise(networks: tuple[MelodyVAE, BarPrior]) -> None:
    _, prior = networks
    normals, uniforms = _noise(3, prior.width)
    z = prior.sample(normals, uniforms, bars=4, kind=2, temperature=0.0)
    torch.testing.assert_close(z[0], z[2])


def test_samples_have_the_mixtures_moments(networks: tuple[MelodyVAE, BarPrior]) -> None:
    _, prior = networks
    rows = 4000
    generator = torch.Generator().manual_seed(0)
    normals = torch.randn(rows, 1 + TINY.max_bars, prior.width, generator=generator)
    uniforms = torch.rand(rows, 1 + TINY.max_bars, 2, generator=generator)
    z = prior.sample(normals, uniforms, bars=1, kind=0)[:, : TINY.z_global]
    places = prior._places(1, 0, None)[0]
    told, _ = prior.recurrence(places[:1][None])
    log_weight, mean, log_sigma = (
        x[0, 0].detach() for x in prior._outputs(told, places[:1], torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1, prior.width))
    )
    mean, variance = mean[:, : TINY.z_global], (2 * log_sigma[:, : TINY.z_global]).exp()
    expected = (log_weight.exp()[:, None] * mean).sum(0)
    spread = ((log_weight.exp()[:, None] * (variance + mean.square())).sum(0) - expected.square()).sqrt()
    assert ((z.mean(0) - expected).abs() < 4 * spread / rows**0.5).all()
    assert z.std(0).numpy() == pytest.approx(spread.numpy(), rel=0.06)


def test_lags_point_to_the_most_recent_equal_bar() -> None:
    a, b, c = [5, 0], [6, 0], [7, 1]
    assert equal_lags(torch.tensor([[a, b, a, a, c, b]])).tolist() == [[0, 0, 2, 1, 0, 4]]


def test_no_bars_have_no_lags() -> None:
    assert equal_lags(torch.zeros(2, 0, 16)).shape == (2, 0)


def test_a_prior_can_be_told_of_each_bar(networks: tuple[MelodyVAE, BarPrior]) -> None:
    config = PIECE_PRESETS["tiny-drumify"]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        prior = BarPrior(config).eval()
        z, told = torch.randn(2, config.z_size), torch.rand(2, 4, 16, 3)
    lags = torch.zeros(2, 4, dtype=torch.long)
    other = told.clone()
    other[0, 3] += 1
    here, there = (prior.log_prob(z, lags, 4, 0, x).detach() for x in (told, other))
    assert float(here[0]) != pytest.approx(float(there[0]))
    torch.testing.assert_close(here[1], there[1])
    assert bool(prior.log_prob(z, lags, 4, 0).isfinite().all())
    generator = torch.Generator().manual_seed(5)
    noise = torch.randn(2, 17, prior.width, generator=generator), torch.rand(2, 17, 2, generator=generator)
    one, two = (prior.sample(*noise, bars=4, kind=0, told=x) for x in (told, other))
    assert not torch.allclose(one[0], two[0])
    torch.testing.assert_close(one[1], two[1])
    with pytest.raises(ValueError, match="this prior is told nothing besides the number of bars"):
        networks[1].log_prob(torch.zeros(2, TINY.z_size), lags, 4, 0, told)
