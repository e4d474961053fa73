"""Training the project's own networks: their loss, the control of their rate, the figures they are judged by.

The loss is nats per step (so that windows of all lengths weigh alike and one clipping norm suits
all): mean reconstruction + beta * KL, each dimension's mean KL over the batch costing at least the
floor. What is logged as KL is the KL before that floor, in bits of a whole window.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from musicvae.model.config import ModelConfig
from musicvae.model.losses import bits, kl_per_dimension, return_cost
from musicvae.model.pieces.vae import PieceVAE
from musicvae.model.vae import MelodyVAE
from musicvae.train.control import RateController, cosine_share
from musicvae.train.data import Batch
from musicvae.train.options import TrainOptions
from musicvae.train.shell import TrainingTask

__all__ = ["Pass", "RateTask", "VAETask"]

_ACTIVE_VARIANCE, _ACTIVE_NATS = 0.01, 0.05


OwnVAE = TypeVar("OwnVAE", bound=MelodyVAE | PieceVAE)


@dataclass(frozen=True)
class Pass:
    """What a pass of a batch gives. reconstruction: (N,) nats; kl: (N, Z) nats; mu: (N, Z); hint: (N,), cost of the hint at returns.

    steps: of a window. bars: of a window. parts: further figures of each window, (N,), by name.
    """

    reconstruction: Tensor
    kl: Tensor
    mu: Tensor
    hint: Tensor
    bars: int
    steps: int
    parts: dict[str, Tensor] = field(default_factory=dict)


class RateTask(TrainingTask[OwnVAE, TrainOptions]):
    """Training of one of our own networks at a target rate; `bars` is the length of a full window. A subclass gives `run_batch`."""

    def __init__(self, network: OwnVAE, options: TrainOptions, *, bars: int, log_every_steps: int = 50) -> None:
        super().__init__(network, options, log_every_steps=log_every_steps)
        self.bars = bars
        self.controller = RateController(
            beta=options.beta, target_bits=options.target_bits, gain=options.beta_gain, warmup_steps=options.beta_warmup_steps
        )
        self._sums = torch.zeros(3)
        self._seen: list[Pass] = []

    @abstractmethod
    def run_batch(self, batch: Any, noise_seed: int | None = None) -> Pass:
        """One pass: in training with all its noise; in validation with noise of z from this seed, and none else."""

    def noise(self, count: int, device: torch.device, seed: int | None) -> Tensor:
        """Noise of z, (count, Z): of the step, or of a seed."""
        size = self.vae.config.z_size
        if seed is None:
            return torch.randn(count, size, device=device)
        return torch.randn(count, size, generator=torch.Generator().manual_seed(seed)).to(device)

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

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        run = self.run_batch(batch)
        beta = self.controller.beta(self.global_step)
        paid, kl_mean = self._paid(run.kl[:, : self.vae.config.z_used(run.bars)])
        if run.bars == self.bars:
            self.controller.update(kl_mean, self.global_step)
            self._sums += torch.stack([run.reconstruction.detach().mean(), kl_mean, torch.ones_like(kl_mean)])
        self._windows += len(run.kl)
        return (run.reconstruction.mean() + beta * paid + self.options.return_weight * run.hint.mean()) / run.steps

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

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score a batch with noise of its own that is always the same."""
        self._seen.append(self.run_batch(batch, noise_seed=batch_idx))

    def validation_figures(self) -> dict[str, float]:
        """Reconstruction, KL, beta, active dimensions, and reconstruction + beta * (KL - target) as the objective.

        Where the rate is on target, -beta is the slope of reconstruction over KL, so the objective is the
        reconstruction at the target rate itself to first order, and comparable while beta moves.
        """
        seen, self._seen = self._seen, []
        reconstruction, kl, mu = (torch.cat(parts) for parts in zip(*((run.reconstruction, run.kl, run.mu) for run in seen), strict=True))
        used = self.vae.config.z_used(self.bars)
        active = (mu[:, :used].var(0, correction=0) > _ACTIVE_VARIANCE) & (kl[:, :used].mean(0) > _ACTIVE_NATS)
        beta = float(self.controller.beta(self.global_step))
        figures = {
            "reconstruction_nats": float(reconstruction.mean()),
            "kl_bits": bits(float(kl.sum(1).mean())),
            "active_dimensions": float(active.sum()),
            "beta": beta,
            **{name: float(torch.cat([run.parts[name] for run in seen]).mean()) for name in seen[0].parts},
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


class VAETask(RateTask[MelodyVAE]):
    """Training of a network of melodies."""

    def __init__(self, config: ModelConfig, options: TrainOptions, *, bars: int, log_every_steps: int = 50) -> None:
        super().__init__(MelodyVAE(config), options, bars=bars, log_every_steps=log_every_steps)

    def run_batch(self, batch: Batch, noise_seed: int | None = None) -> Pass:
        """One pass; in training some of the events fed back are hidden."""
        tokens, kind = batch.tokens.long(), batch.kind
        noise = self.noise(len(tokens), tokens.device, noise_seed)
        dropout = self.options.input_dropout if noise_seed is None else 0.0
        keep = torch.rand(tokens.shape, device=tokens.device) >= dropout if dropout else None
        out = self.vae(tokens, kind, noise, keep)
        # Sums of many terms and logarithms stay in single precision whatever the products are in.
        mu, sigma = out.mu.float(), out.sigma.float()
        reconstruction = -out.log_probs.float().sum((1, 2))
        hint = return_cost(out.returns.float(), tokens)
        return Pass(reconstruction, kl_per_dimension(mu, sigma), mu, hint, tokens.shape[1], tokens.shape[1] * tokens.shape[2])
