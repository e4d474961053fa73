from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from musicvae.model.config import PRESETS
from musicvae.model.encoder import bar_likeness
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE

TINY = PRESETS["tiny"]
Networks = tuple[MelodyVAE, BarPrior]


def _latent(rows: int) -> torch.Tensor:
    return torch.randn(rows, TINY.z_size, generator=torch.Generator().manual_seed(3))


def test_likeness_counts_equal_steps_of_earlier_bars() -> None:
    tokens = torch.tensor([[[5, 0, 0, 0], [6, 0, 0, 1], [5, 0, 0, 0]]])
    share, same = bar_likeness(tokens, 3)[0].chunk(2, dim=-1)
    assert share.tolist() == [[0, 0, 0], [0.5, 0, 0], [0.5, 1, 0]]
    assert same.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(("kind", "steps"), [(0, 16), (1, 12), (2, 12)])
@pytest.mark.parametrize("bars", [1, 5, 16])
def test_every_event_has_a_finite_probability_and_they_sum_to_one(networks: Networks, kind: int, steps: int, bars: int) -> None:
    vae, _ = networks
    tokens = torch.randint(0, 90, (2, bars, steps))
    scores = vae.logits(vae.conduct(_latent(2), bars, kind), tokens, kind)
    assert scores.shape == (2, bars, steps, 90)
    assert torch.isfinite(scores).all()
    torch.testing.assert_close(scores.logsumexp(-1), torch.zeros(2, bars, steps), atol=1e-5, rtol=0)
    given = scores.gather(-1, tokens[..., None])[..., 0]
    torch.testing.assert_close(vae.log_probs(_latent(2), tokens, kind), given, atol=1e-5, rtol=1e-5)


def test_an_event_is_scored_without_sight_of_it_or_of_later_ones(networks: Networks) -> None:
    vae, _ = networks
    tokens = torch.randint(0, 90, (1, 2, 16))
    changed = tokens.clone()
    changed[0, 0, 9:] = (changed[0, 0, 9:] + 7) % 90
    embeddings = vae.conduct(_latent(1), 2, 0)
    before, after = vae.logits(embeddings, tokens, 0), vae.logits(embeddings, changed, 0)
    torch.testing.assert_close(before[0, 0, :10], after[0, 0, :10])
    assert not torch.allclose(before[0, 0, 10:], after[0, 0, 10:])


def test_bars_are_independent_given_their_embeddings(networks: Networks) -> None:
    vae, _ = networks
    tokens = torch.randint(0, 90, (1, 4, 16))
    changed = tokens.clone()
    changed[0, 1] = (changed[0, 1] + 11) % 90
    embeddings = vae.conduct(_latent(1), 4, 0)
    before, after = vae.logits(embeddings, tokens, 0), vae.logits(embeddings, changed, 0)
    torch.testing.assert_close(before[:, [0, 2, 3]], after[:, [0, 2, 3]])
    assert not torch.allclose(before[:, 1], after[:, 1])


def test_a_bar_s_embedding_does_not_depend_on_later_blocks(networks: Networks) -> None:
    vae, _ = networks
    z = _latent(1)
    changed = z.clone()
    changed[:, TINY.z_global + 3 * TINY.z_bar :] += 1.0
    before, after = vae.conduct(z, 6, 0), vae.conduct(changed, 6, 0)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert (before[:, 3:] - after[:, 3:]).abs().amax(-1).min() > 1e-4


def test_embeddings_are_mixtures_of_this_bar_and_earlier_ones(networks: Networks) -> None:
    vae, _ = networks
    _, weights = vae.conductor.with_returns(_latent(2), 6, 0)
    assert weights.shape == (2, TINY.heads, 6, 6)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, TINY.heads, 6))
    assert weights.triu(1).abs().max() == 0


def test_hidden_events_are_not_seen(networks: Networks) -> None:
    vae, _ = networks
    tokens = torch.randint(0, 90, (1, 1, 16))
    changed = tokens.clone()
    changed[..., 4] = (changed[..., 4] + 9) % 90
    keep = torch.ones(1, 1, 16, dtype=torch.bool)
    keep[..., 4] = False
    after_it = [vae.log_probs(_latent(1), x, 0, keep)[..., 5:] for x in (tokens, changed)]
    torch.testing.assert_close(after_it[0], after_it[1])


@pytest.mark.parametrize("bars", [1, 7, 16])
def test_bars_that_are_not_there_cost_nothing(networks: Networks, bars: int) -> None:
    vae, _ = networks
    mu, sigma = vae.encode(torch.randint(0, 90, (2, bars, 12)), 1)
    used = TINY.z_used(bars)
    assert mu.shape == sigma.shape == (2, TINY.z_size)
    assert (mu[:, used:] == 0).all()
    assert (sigma[:, used:] == 1).all()
    assert (sigma > 0).all()


def test_gradient_reaches_every_parameter(tokens: NDArray[np.uint8]) -> None:
    torch.manual_seed(0)
    vae, prior = MelodyVAE(TINY), BarPrior(TINY)
    for kind, steps in ((0, 16), (1, 12), (2, 12)):
        out = vae(torch.randint(0, 90, (4, 16, steps)), kind, _latent(4), torch.rand(4, 16, steps) > 0.3)
        (out.log_probs.mean() + out.sigma.mean()).backward()
        prior.log_prob(_latent(4), torch.tensor([[0, *range(15)]] * 4), 16, kind).mean().backward()
    without = [name for net in (vae, prior) for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert without == []


@pytest.mark.slow
def test_four_bars_can_be_learnt_by_heart() -> None:
    torch.manual_seed(0)
    vae = MelodyVAE(TINY)
    tokens = torch.randint(0, 90, (1, 4, 16))
    optimizer = torch.optim.Adam(vae.parameters(), 0.01)
    for _ in range(400):
        optimizer.zero_grad()
        loss = -vae(tokens, 0, torch.zeros(1, TINY.z_size)).log_probs.sum()
        loss.backward()
        optimizer.step()
    assert (vae.logits(vae.conduct(vae.encode(tokens, 0)[0], 4, 0), tokens, 0).argmax(-1) == tokens).all()
