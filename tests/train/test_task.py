import math
from types import SimpleNamespace

import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.train.options import TrainOptions
from musicvae.train.task import VAETask

TINY = PRESETS["tiny"]


def task(**options):
    made = VAETask(TINY, TrainOptions(seed=1, **options), bars=16)
    made._trainer = SimpleNamespace(world_size=1, global_step=0, lightning_module=made)
    return made


def two_processes(made, other):
    """A stand-in for a second process whose mean KL is `other`."""
    reduce = lambda x, reduce_op: (x + other) / 2  # noqa: E731 (a two-line function says no more)
    made._trainer = SimpleNamespace(world_size=2, strategy=SimpleNamespace(reduce=reduce))
    return made


def test_dimensions_under_the_floor_cost_the_floor_and_have_no_gradient():
    kl = torch.tensor([[0.02, 0.3], [0.04, 0.5]], requires_grad=True)
    paid, mean = task(floor_nats=0.05)._paid(kl)
    assert paid.item() == pytest.approx(0.05 + 0.4)
    assert float(mean) == pytest.approx(0.03 + 0.4)
    paid.backward()
    assert kl.grad.tolist() == [[0.0, 0.5], [0.0, 0.5]]


def test_with_two_processes_the_mean_over_both_decides_about_the_floor():
    ours, theirs = torch.tensor([[0.02, 0.02, 0.3]], requires_grad=True), torch.tensor([[0.02, 0.2, 0.1]], requires_grad=True)
    for mine, other in ((ours, theirs), (theirs, ours)):
        paid, mean = two_processes(task(floor_nats=0.05), other.detach()[0])._paid(mine)
        assert float(mean) == pytest.approx(0.02 + 0.11 + 0.2)
        (paid / 2).backward()
    both = torch.cat([ours, theirs]).detach().requires_grad_()
    both.mean(0).clamp(min=0.05).sum().backward()
    torch.testing.assert_close(torch.cat([ours.grad, theirs.grad]), both.grad)


def test_loss_is_reconstruction_and_weighted_kl_per_step():
    made = task(return_weight=0.0, input_dropout=0.0, beta=0.5, beta_warmup_steps=0, floor_nats=0.0, target_bits=None)
    tokens = torch.randint(0, 90, (3, 16, 12), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    torch.manual_seed(9)
    loss = made.training_step(SimpleNamespace(tokens=tokens, kind=1), 0)
    torch.manual_seed(9)
    out = made.vae(tokens.long(), 1, torch.randn(3, TINY.z_size))
    kl = torch.distributions.kl_divergence(torch.distributions.Normal(out.mu, out.sigma), torch.distributions.Normal(0.0, 1.0))
    expected = (-out.log_probs.sum((1, 2)).mean() + 0.5 * kl.sum(1).mean()) / (16 * 12)
    torch.testing.assert_close(loss, expected)


def test_only_full_windows_steer_beta():
    made = task(beta_warmup_steps=0, target_bits=1e-3)
    for bars in (4, 16):
        before = made.controller.log_beta
        made.training_step(SimpleNamespace(tokens=torch.zeros(2, bars, 16, dtype=torch.uint8), kind=0), 0)
        assert (made.controller.log_beta != before) == (bars == 16)


def test_objective_is_the_reconstruction_at_the_target_rate():
    made = task(target_bits=100.0, beta=0.3, beta_warmup_steps=0)
    made._trainer.strategy = SimpleNamespace(broadcast=lambda x: x)
    made._trainer.loggers = []
    made.on_validation_epoch_start()
    with torch.no_grad():
        made.validation_step(SimpleNamespace(tokens=torch.zeros(2, 16, 16, dtype=torch.uint8), kind=0), 0)
    made.controller.rate_bits = torch.tensor(float("nan"))
    made.on_validation_epoch_end()
    figures = made.validation
    excess = (figures["kl_bits"] - 100.0) * math.log(2)
    assert figures["objective_nats"] == pytest.approx(figures["reconstruction_nats"] + 0.3 * excess)
    assert made.best is None  # the rate is not known to be on target


def test_biases_do_not_decay():
    made = task(weight_decay=0.1)
    groups = made.configure_optimizers().param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert sum(len(group["params"]) for group in groups) == len(list(made.vae.parameters()))
