"""Training a `MelodyVAE`: its loss, the control of its rate, the figures it is judged by.

The loss is nats per step (so that windows of all lengths weigh alike and one clipping norm suits
all): mean reconstruction + beta * KL, each dimension's mean KL over the batch costing at least the
floor. What is logged as KL is the KL before that floor, in bits of a whole window.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from musicvae.model.config import ModelConfig
from musicvae.model.losses import bits, kl_per_dimension, return_cost
from musicvae.model.vae import MelodyVAE
from musicvae.train.control import RateController, cosine_share
from musicvae.train.data import Batch
from musicvae.train.options import TrainOptions
from musicvae.train.shell import TrainingTask

__all__ = ["VAETask"]

_ACTIVE_VARIANCE, _ACTIVE_NATS = 0.01, 0.05


class VAETask(TrainingTask[MelodyVAE, TrainOptions]):
    """Training of one network; `bars` is the length of a full window."""

    def __init__(self, config: ModelConfig, options: TrainOptions, *, bars: int, log_every_steps: int = 50) -> None:
        super().__init__(MelodyVAE(config), options, log_every_steps=log_every_steps)
        self.bars = bars
        self.controller = RateController(
            beta=options.beta, target_bits=options.target_bits, gain=options.beta_gain, warmup_steps=options.beta_warmup_steps
        )
        self._sums = torch.zeros(3)
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []

    # -- schedules

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases and one-dimensional parameters do not decay."""
        matrices = [p for p in self.vae.parameters() if p.ndim > 1]
        others = [p for p in self.vae.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": self.options.weight_decay}, {"params": others, "weight_decay": 0.0}]
        fused = True if self.device.type in ("cpu", "cuda") else None
        return torch.optim.AdamW(groups, lr=self.options.lr, betas=(0.9, 0.99), fused=fused)

    def learning_rate(self, step: int) -> float:
        """A short rise, then a cosine."""
        options = self.options
        return options.lr * cosine_share(step, warmup_steps=options.warmup_steps, progress=self.progress, end=options.lr_end)

    def move_state(self, device: torch.device) -> None:
        """Bring controller and sums to the device."""
        self.controller.to(device)
        self._sums = self._sums.to(device)

    # -- the step

    def _step(self, tokens: Tensor, kind: int, noise: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Reconstruction (N,) and KL (N, Z) in nats, mu (N, Z), and the cost (N,) of the hint at returning bars."""
        out = self.vae(tokens, kind, noise, keep)
        # Sums of many terms and logarithms stay in single precision whatever the products are in.
        mu, sigma = out.mu.float(), out.sigma.float()
        return -out.log_probs.float().sum((1, 2)), kl_per_dimension(mu, sigma), mu, return_cost(out.returns.float(), tokens)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        tokens, kind = batch.tokens.long(), batch.kind
        noise = torch.randn(len(tokens), self.vae.config.z_size, device=tokens.device)
        dropout = self.options.input_dropout
        keep = torch.rand(tokens.shape, device=tokens.device) >= dropout if dropout else None
        reconstruction, kl, _, hint = self._step(tokens, kind, noise, keep)
        beta = self.controller.beta(self.global_step)
        paid, kl_mean = self._paid(kl[:, : self.vae.config.z_used(tokens.shape[1])])
        if tokens.shape[1] == self.bars:
            self.controller.update(kl_mean, self.global_step)
            self._sums += torch.stack([reconstruction.detach().mean(), kl_mean, torch.ones_like(kl_mean)])
        self._windows += len(tokens)
        steps = tokens.shape[1] * tokens.shape[2]
        return (reconstruction.mean() + beta * paid + self.options.return_weight * hint.mean()) / steps

    def _paid(self, kl: Tensor) -> tuple[Tensor, Tensor]:
        """The KL that is paid for, floor included, and the KL as it is: mean over the windows of all processes.

        A dimension under the floor has no gradient; whether it is under is decided by the mean over
        all processes, so that the sum of their gradients is that of one big batch.
        """
        local = kl.mean(0)
        overall = local.detach()
        if self.trainer.world_size > 1:
            overall = self.trainer.strategy.reduce(overall.clone(), reduce_op="mean")
        paid = torch.where(overall > self.options.floor_nats, local, self.options.floor_nats)
        return paid.sum(), overall.sum()

    def training_figures(self) -> dict[str, float]:
        """Beta, and of full windows reconstruction and KL."""
        reconstruction, kl, count = self._sums.tolist()
        self._sums.zero_()
        figures = {"train/beta": float(self.controller.beta(self.global_step - 1))}
        if count:
            figures |= {"train/reconstruction_nats": reconstruction / count, "train/kl_bits": bits(kl / count)}
        return figures

    # -- validation

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Score a batch with noise of its own that is always the same."""
        tokens = batch.tokens.long()
        generator = torch.Generator().manual_seed(batch_idx)
        noise = torch.randn(len(tokens), self.vae.config.z_size, generator=generator).to(tokens.device)
        self._seen.append(self._step(tokens, batch.kind, noise, None)[:3])

    def validation_figures(self) -> dict[str, float]:
        """Reconstruction, KL, beta, active dimensions, and reconstruction + beta * (KL - target) as the objective.

        Where the rate is on target, -beta is the slope of reconstruction over KL, so the objective is the
        reconstruction at the target rate itself to first order, and comparable while beta moves.
        """
        reconstruction, kl, mu = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        self._seen = []
        used = self.vae.config.z_used(self.bars)
        active = (mu[:, :used].var(0, correction=0) > _ACTIVE_VARIANCE) & (kl[:, :used].mean(0) > _ACTIVE_NATS)
        beta = float(self.controller.beta(self.global_step))
        figures = {
            "reconstruction_nats": float(reconstruction.mean()),
            "kl_bits": bits(float(kl.sum(1).mean())),
            "active_dimensions": float(active.sum()),
            "beta": beta,
        }
        excess_nats = (figures["kl_bits"] - (self.options.target_bits or 0.0)) * math.log(2.0)
        figures["objective_nats"] = figures["reconstruction_nats"] + beta * excess_nats
        return figures

    def can_judge(self) -> bool:
        """Whether the rate is on target."""
        return self.controller.on_target(self.global_step)

    # -- checkpoints

    def family_state(self) -> dict[str, Any]:
        """The controller's."""
        return {"controller": self.controller.state_dict()}

    def load_family_state(self, state: dict[str, Any]) -> None:
        """Take up the controller's."""
        self.controller.load_state_dict(state["controller"])
