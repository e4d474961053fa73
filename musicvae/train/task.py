"""The shell that lets Lightning train a `MelodyVAE`: one shared step, schedules, what is logged.

The loss is nats per step (so that windows of all lengths weigh alike and one clipping norm suits
all): mean reconstruction + beta * KL, each dimension's mean KL over the batch costing at least the
floor. What is logged as KL is the KL before that floor, in bits of a whole window.
"""

from __future__ import annotations

import math
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor

from musicvae.model.config import ModelConfig
from musicvae.model.losses import bits, kl_per_dimension, return_cost
from musicvae.model.vae import MelodyVAE
from musicvae.train.control import AveragedWeights, RateController, cosine_share
from musicvae.train.data import Batch
from musicvae.train.options import TrainOptions

__all__ = ["VAETask"]

_CLOCK_EVERY_STEPS = 20
_ACTIVE_VARIANCE, _ACTIVE_NATS = 0.01, 0.05
_STATE = "musicvae"


class VAETask(L.LightningModule):
    """Training of one network; `bars` is the length of a full window."""

    def __init__(self, config: ModelConfig, options: TrainOptions, *, bars: int, log_every_steps: int = 50) -> None:
        super().__init__()
        self.vae = MelodyVAE(config)
        self.options, self.bars, self.log_every_steps = options, bars, log_every_steps
        self.controller = RateController(
            beta=options.beta, target_bits=options.target_bits, gain=options.beta_gain, warmup_steps=options.beta_warmup_steps
        )
        self.averaged = AveragedWeights(self.vae, decay=options.ema_decay)
        self.best: dict[str, Any] | None = None
        """Step, figures and averaged weights of the best validation so far."""
        self.waits = 0
        self.validation: dict[str, float] = {}
        """Figures of the last validation."""
        self.latest: dict[str, float] = {}
        """The figures logged last, by name."""
        self.seconds_before = 0.0
        """Time spent before this process took the run up."""
        self._started = time.monotonic()
        self._seconds = 0.0
        self._sums = torch.zeros(3)
        self._windows, self._mark = 0, time.monotonic()
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with these weights instead of new ones."""
        self.vae.load_state_dict(weights)
        self.averaged = AveragedWeights(self.vae, decay=self.options.ema_decay)

    # -- time and schedules

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, all its processes one after another."""
        return self.seconds_before + time.monotonic() - self._started

    @property
    def progress(self) -> float:
        """Share of the budget that is used up, 0..1, by steps or minutes, whichever is further."""
        by_step = self.global_step / self.options.max_steps if self.options.max_steps else 0.0
        by_time = self._seconds / (60.0 * self.options.max_minutes) if self.options.max_minutes else 0.0
        return min(1.0, max(by_step, by_time))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases and one-dimensional parameters do not decay."""
        matrices = [p for p in self.vae.parameters() if p.ndim > 1]
        others = [p for p in self.vae.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": self.options.weight_decay}, {"params": others, "weight_decay": 0.0}]
        fused = True if self.device.type in ("cpu", "cuda") else None
        return torch.optim.AdamW(groups, lr=self.options.lr, betas=(0.9, 0.99), fused=fused)

    def on_fit_start(self) -> None:
        """Bring the state that is no parameter to the device."""
        self.controller.to(self.device)
        self.averaged.to(self.device)
        self._sums = self._sums.to(self.device)
        self._started = self._mark = time.monotonic()
        self._windows = 0

    def on_train_start(self) -> None:
        """A run that was taken up after it had come to its end stays there."""
        options = self.options
        if (options.patience is not None and self.waits >= options.patience) or self.progress >= 1.0:
            self.trainer.should_stop = True

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the learning rate and the noise of this step, both functions of the step."""
        step, options = self.global_step, self.options
        if options.max_minutes and step % _CLOCK_EVERY_STEPS == 0:
            # All processes go by the first one's clock, or their learning rates would part.
            self._seconds = float(self.trainer.strategy.broadcast(self.seconds))
            if self._seconds >= 60.0 * options.max_minutes:
                self.trainer.should_stop = True
        share = cosine_share(step, warmup_steps=options.warmup_steps, progress=self.progress, end=options.lr_end)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = options.lr * share
        torch.manual_seed(((options.seed * 1_000_003 + step) * 65_537 + self.global_rank) % 2**63)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip the gradient: here, because Lightning's own clipping refuses fused optimizers under mixed precision."""
        torch.nn.utils.clip_grad_norm_(self.vae.parameters(), self.options.clip_norm)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then average the weights: here, because checkpoints are written before the module's own hook at a batch's end."""
        super().optimizer_step(*args, **kwargs)
        self.averaged.update(self.vae)

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

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Now and then, log; end with a validation."""
        if self.options.max_steps is not None and self.global_step >= self.options.max_steps:
            self.trainer.should_stop = True
        if self.global_step % self.log_every_steps == 0:
            self._log_training()

    def _log_training(self) -> None:
        reconstruction, kl, count = self._sums.tolist()
        now = time.monotonic()
        figures = {
            "train/beta": float(self.controller.beta(self.global_step - 1)),
            "train/lr": float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            "train/windows_per_second": self._windows * self.trainer.world_size / max(now - self._mark, 1e-9),
        }
        if count:
            figures |= {"train/reconstruction_nats": reconstruction / count, "train/kl_bits": bits(kl / count)}
        self._write(figures)
        self._sums.zero_()
        self._windows, self._mark = 0, now

    def _write(self, figures: dict[str, float]) -> None:
        """Hand figures to the loggers, at this step."""
        # Not `self.log`: that costs time at every step, and counts its interval from where a run was resumed.
        self.latest |= figures
        for logger in self.loggers:
            logger.log_metrics(figures, step=self.global_step)

    # -- validation, with the averaged weights

    def on_validation_epoch_start(self) -> None:
        """Measure the averaged weights."""
        self.averaged.swap_in(self.vae)
        self._seen = []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Score a batch with noise of its own that is always the same."""
        tokens = batch.tokens.long()
        generator = torch.Generator().manual_seed(batch_idx)
        noise = torch.randn(len(tokens), self.vae.config.z_size, generator=generator).to(tokens.device)
        self._seen.append(self._step(tokens, batch.kind, noise, None)[:3])

    def on_validation_epoch_end(self) -> None:
        """Log the figures, remember the best weights, and stop when nothing gets better."""
        reconstruction, kl, mu = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        self._seen = []
        self.averaged.swap_out(self.vae)
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
        # Every process has validated everything; the first one's figures decide for all.
        self.validation = self.trainer.strategy.broadcast(figures)
        self._write({f"validation/{name}": value for name, value in self.validation.items()})
        self._judge()
        self._mark = time.monotonic()
        self._windows = 0

    def _judge(self) -> None:
        """Keep or count, by reconstruction + beta * (KL - target).

        Where the rate is on target, -beta is the slope of reconstruction over KL, so this is the
        reconstruction at the target rate itself to first order, and comparable while beta moves.
        """
        if not self.controller.on_target(self.global_step):
            return
        value = self.validation["objective_nats"]
        if self.best is None or value < self.best["figures"]["objective_nats"]:
            self.best = {"step": self.global_step, "figures": dict(self.validation), "weights": self.averaged.copies()}
            self.waits = 0
        else:
            self.waits += 1
        if self.options.patience is not None and self.waits >= self.options.patience:
            self.trainer.should_stop = True

    # -- checkpoints: plain numbers, strings and tensors only

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of."""
        checkpoint[_STATE] = {
            "averaged": self.averaged.state_dict(),
            "controller": self.controller.state_dict(),
            "best": self.best,
            "waits": self.waits,
            "validation": self.validation,
            "seconds": self.seconds,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what `on_save_checkpoint` wrote."""
        state = checkpoint[_STATE]
        self.averaged.load_state_dict(state["averaged"])
        self.controller.load_state_dict(state["controller"])
        self.best, self.waits, self.validation = state["best"], state["waits"], state["validation"]
        self.seconds_before = self._seconds = state["seconds"]

    def result(self) -> tuple[dict[str, Tensor], dict[str, float], int]:
        """Weights by name, their validation figures and their step: the best ones, or the last if none were on target."""
        if self.best is not None:
            return self.best["weights"], self.best["figures"], self.best["step"]
        return self.averaged.copies(), self.validation, self.global_step
