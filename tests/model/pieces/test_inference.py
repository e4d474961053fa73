import pytest
import torch
from model.pieces.networks import columns, networks

from musicvae.model.losses import kl_per_dimension
from musicvae.model.pieces.frames import Frames, frames_of
from musicvae.model.pieces.inference import refined_posterior


@pytest.fixture(scope="module")
def read():
    vae = networks("tiny-drums")[0].double()
    frames = frames_of(vae.config, columns("drums", 4, 2))
    with torch.no_grad():
        return vae, frames, *vae.encode(frames)


def cost(vae, frames, mu, sigma, beta):
    """The evidence bound, (N,), by noise that refining has not seen."""
    noise = torch.randn(32, 1, vae.config.z_size, generator=torch.Generator().manual_seed(1)).double()
    used = vae.config.z_used(frames.bars)
    with torch.no_grad():
        nats = torch.stack([-vae.log_probs(mu + sigma * eps, frames).sum((1, 2, 3)) for eps in noise]).mean(0)
        return nats + beta * kl_per_dimension(mu, sigma)[:, :used].sum(1)


def test_the_bound_gets_better_and_the_network_stays(read):
    vae, frames, mu, sigma = read
    before = {name: x.clone() for name, x in vae.state_dict().items()}
    better = refined_posterior(vae, frames, mu, sigma, beta=0.1, steps=30)
    assert bool((cost(vae, frames, *better, 0.1) < cost(vae, frames, mu, sigma, 0.1)).all())
    assert all(torch.equal(before[name], x) for name, x in vae.state_dict().items())
    assert all(p.grad is None for p in vae.parameters())
    used = vae.config.z_used(2)
    assert not better[0][:, used:].any()
    assert bool((better[1][:, used:] == 1).all())


def test_a_row_is_its_own(read):
    vae, frames, mu, sigma = read
    together = refined_posterior(vae, frames, mu, sigma, beta=0.1, steps=5)
    alone = refined_posterior(vae, Frames((frames.streams[0][1:2],), None), mu[1:2], sigma[1:2], beta=0.1, steps=5)
    for whole, one in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[1:2], one, rtol=1e-9, atol=1e-12)


def test_no_steps_change_nothing(read):
    vae, frames, mu, sigma = read
    for here, there in zip(refined_posterior(vae, frames, mu, sigma, beta=0.1, steps=0), (mu, sigma), strict=True):
        torch.testing.assert_close(here, there)
    with pytest.raises(ValueError, match="beta and steps must be at least 0, got -1 and 3"):
        refined_posterior(vae, frames, mu, sigma, beta=-1, steps=3)
