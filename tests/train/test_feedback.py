import pytest
import torch
from train.published import tiny

from musicvae.model.published.vae import PublishedVAE
from musicvae.train import feedback
from musicvae.train.feedback import mixed_frames

NAMES = ("cat-mel_2bar_med_chords", "hierdec-mel_16bar", "flat-trio_16bar", "hierdec-trio_16bar", "nade-drums_2bar_reduced")


def network(name):
    torch.manual_seed(3)
    config = tiny(name, size=8)
    vae = PublishedVAE(config).eval()
    with torch.no_grad():
        for p in vae.parameters():  # wide enough that what is fed back makes a difference
            p.mul_(3.0).add_(torch.randn_like(p), alpha=0.3)
    return vae


def targets_for(config, n=3):
    if config.head == "categorical":
        return torch.stack([torch.randint(0, width, (n, config.steps)) for width in config.outputs], -1)
    return torch.randint(0, 2, (n, config.steps, config.outputs[0])).float()


def controls_for(config, n=3):
    return torch.rand(n, config.steps, config.control_depth) if config.control_depth else None


@pytest.mark.parametrize("name", NAMES)
def test_without_a_share_the_truth_is_fed(name):
    vae = network(name)
    targets = targets_for(vae.config)
    z = torch.randn(3, vae.config.z_size)
    assert torch.equal(mixed_frames(vae, z, targets, 0.0, controls_for(vae.config)), targets)


@pytest.mark.parametrize("name", NAMES)
def test_each_draw_is_that_of_the_outputs_given_what_was_fed_before(name, monkeypatch):
    monkeypatch.setattr(feedback, "_drawn", lambda head, outputs: head.draw(outputs, None, 0.0))
    vae = network(name)
    config, steps = vae.config, vae.config.steps_per_segment
    targets, controls, z = targets_for(config), controls_for(config), torch.randn(3, config.z_size)
    fed = mixed_frames(vae, z, targets, 1.0, controls)
    with torch.no_grad():
        outputs = vae.outputs(z, fed, controls)
    greedy = torch.cat([core.head.draw(x, None, 0.0) for core, x in zip(vae.cores, outputs, strict=True)], -1).to(fed.dtype)
    inside = torch.arange(config.steps) % steps < steps - 1
    assert torch.equal(fed[:, inside], greedy[:, inside])
    assert torch.equal(fed[:, ~inside], targets[:, ~inside])  # what enters the next bar first is the truth
    assert not torch.equal(fed, targets)


def test_draws_follow_the_temperature_of_one():
    vae = network("cat-mel_2bar_small")
    last = vae.cores[0]
    with torch.no_grad():
        last.output.weight.zero_()
        last.output.bias.fill_(-1e9)
        last.output.bias[5], last.output.bias[7] = 0.0, torch.tensor(3.0).log()
    torch.manual_seed(0)
    fed = mixed_frames(vae, torch.randn(200, 8), torch.zeros(200, 32, 1, dtype=torch.long), 1.0)[:, :-1]
    assert set(fed.unique().tolist()) == {5, 7}
    assert (fed == 7).float().mean().item() == pytest.approx(0.75, abs=0.02)  # 6,200 draws: 4 deviations


def test_coins_fall_for_each_example_and_step():
    vae = network("cat-mel_2bar_small")
    torch.manual_seed(0)
    fed = mixed_frames(vae, torch.randn(200, 8), torch.full((200, 32, 1), 1), 0.3)
    with torch.no_grad():
        vae.cores[0].output.bias[1] = -1e9  # never drawn, so that what differs from the truth is a draw
    torch.manual_seed(0)
    fed = mixed_frames(vae, torch.randn(200, 8), torch.full((200, 32, 1), 1), 0.3)
    drawn = (fed != 1)[:, :-1, 0].float()
    assert drawn.mean().item() == pytest.approx(0.3, abs=0.025)
    assert 0 < drawn.mean(0).min() < drawn.mean(0).max() < 1
    assert drawn.mean(1).std() > 0.03


def test_after_the_end_of_a_row_nothing_is_drawn():
    vae = network("hier-multiperf_vel_1bar_med")
    targets = targets_for(vae.config, 1)
    targets[:, 20:64] = -1
    fed = mixed_frames(vae, torch.randn(1, 8), targets, 1.0)
    assert torch.equal(fed[:, 20:64], targets[:, 20:64])
    assert not torch.equal(fed[:, :20], targets[:, :20])


def test_gradients_do_not_pass_through_draws():
    vae = network("cat-mel_2bar_small")
    z = torch.randn(2, 8, requires_grad=True)
    assert not mixed_frames(vae, z, torch.zeros(2, 32, 1, dtype=torch.long), 0.5).requires_grad
