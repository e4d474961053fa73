"""Training a published network: its loss and schedules by the published formulas, the figures it is judged by.

The loss is nats of an example: mean reconstruction + beta * mean max(KL - free bits, 0), see `train.schedules`; Adam, no decay of
weights (Roberts et al., 2018). Sums stay in single precision whatever the products are in.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from musicvae.model.losses import bits, kl_per_dimension
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.vae import PublishedVAE
from musicvae.train.accuracy import Hits
from musicvae.train.examples import Examples
from musicvae.train.feedback import mixed_frames
from musicvae.train.options import PublishedOptions
from musicvae.train.schedules import clip_or_skip, decayed_rate, forgiven, kl_weight, sampling_share
from musicvae.train.shell import TrainingTask

__all__ = ["PublishedTask"]

_ACTIVE_VARIANCE, _ACTIVE_NATS = 0.01, 0.05


class PublishedTask(TrainingTask[PublishedVAE, PublishedOptions]):
    """Training of one network. `pieces`: parts in which a batch is gone through, so that only one part's memory is needed at a time.

    A part is computed once more in the backward pass (Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost"), from the
    same draws. The noise of z is drawn for the whole batch, so that but for the order of sums nothing hangs on the number of parts;
    with dropout or own draws fed back, which are drawn part by part, it decides which ones are drawn, and the model file tells it.
    """

    def __init__(self, config: PublishedConfig, options: PublishedOptions, *, pieces: int = 1, log_every_steps: int = 50) -> None:
        network = PublishedVAE(config, dropout_keep=options.dropout_keep)
        super().__init__(network, options, log_every_steps=log_every_steps)
        self.pieces = pieces
        self._sums = torch.zeros(4)
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []
        self._hits: dict[str, Hits] = {}

    # -- schedules

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        fused = True if self.device.type in ("cpu", "cuda") else None
        return torch.optim.Adam(self.vae.parameters(), lr=self.options.lr, betas=(0.9, 0.999), eps=1e-8, fused=fused)

    def learning_rate(self, step: int) -> float:
        """An exponential decay."""
        return decayed_rate(step, lr=self.options.lr, min_lr=self.options.min_lr, lr_decay=self.options.lr_decay)

    def beta(self, step: int) -> float:
        """Weight of the KL."""
        return kl_weight(step, max_beta=self.options.max_beta, beta_rate=self.options.beta_rate)

    def sampling_share(self, step: int) -> float:
        """Share of the decoder's own draws in what is fed back to it."""
        return sampling_share(step, schedule=self.options.sampling, rate=self.options.sampling_rate)

    def bound_gradient(self) -> None:
        """Clip the gradient, or take nothing of it."""
        norm = clip_or_skip(self.vae.parameters(), clip_norm=self.options.clip_norm, skip_norm=self.options.skip_norm)
        self._sums[3] += norm.to(self._sums.dtype)

    def move_state(self, device: torch.device) -> None:
        """Bring the sums to the device."""
        self._sums = self._sums.to(device)

    # -- the step

    def training_step(self, batch: Examples, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        count = batch.num_windows
        noise = torch.randn(count, self.vae.config.z_size, device=batch.targets.device)
        losses = []
        for piece in range(self.pieces):
            rows = slice(piece * count // self.pieces, (piece + 1) * count // self.pieces)
            part = (batch.part(rows), noise[rows], count)
            losses.append(self._loss(*part) if self.pieces == 1 else checkpoint(self._loss, *part, use_reentrant=False))
        loss, reconstruction, kl = torch.stack([torch.stack(parts) for parts in losses]).sum(0).unbind()
        self._sums[:3] += torch.stack([reconstruction.detach(), kl.detach(), torch.ones_like(kl)])
        self._windows += count
        return loss

    def _loss(self, batch: Examples, noise: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, reconstruction and KL of these examples, as their share of a mean over `count`."""
        z, mu, sigma = self.vae.draw(noise, batch.inputs, batch.controls, batch.lengths)
        share = self.sampling_share(self.global_step)
        fed = mixed_frames(self.vae, z.detach(), batch.targets, share, batch.controls) if share else None
        reconstruction = -self.vae.log_probs(z, batch.targets, batch.controls, fed).float().sum(1)
        kl = kl_per_dimension(mu.float(), sigma.float()).sum(1)
        loss = reconstruction + self.beta(self.global_step) * forgiven(kl, self.options.free_bits)
        return loss.sum() / count, reconstruction.sum() / count, kl.sum() / count

    def training_figures(self) -> dict[str, float]:
        """Means since the last time, and where the schedules are."""
        reconstruction, kl, count, norm = self._sums.tolist()
        self._sums.zero_()
        step = self.global_step - 1
        figures = {"train/beta": self.beta(step), "train/sampling_share": self.sampling_share(step)}
        if count:
            means = {"reconstruction_nats": reconstruction, "kl_bits": bits(kl), "gradient_norm": norm}
            figures |= {f"train/{name}": value / count for name, value in means.items()}
        return figures

    # -- validation

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        super().on_validation_epoch_start()
        self._seen, self._hits = [], {}

    def validation_step(self, batch: Examples, batch_idx: int) -> None:
        """Score a batch with noise of its own that is always the same: with the truth fed back, and with the network's own draws."""
        vae, device = self.vae, batch.targets.device
        generator = torch.Generator().manual_seed(batch_idx)
        noise = torch.randn(batch.num_windows, vae.config.z_size, generator=generator).to(device)
        z, mu, sigma = vae.draw(noise, batch.inputs, batch.controls, batch.lengths)
        reconstruction = self._scored(z, batch, batch.targets, "accuracy")
        if self.options.sampling:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(batch_idx)
                fed = mixed_frames(vae, z, batch.targets, 1.0, batch.controls)
            reconstruction = self._scored(z, batch, fed, "own_draws_accuracy")
        self._seen.append((reconstruction, kl_per_dimension(mu.float(), sigma.float()), mu.float()))

    def _scored(self, z: Tensor, batch: Examples, fed: Tensor, name: str) -> Tensor:
        """Reconstruction (N,) in nats, `fed` being fed back; what is right is counted under this name."""
        vae = self.vae
        hits = self._hits.setdefault(name, Hits())
        outputs = vae.outputs(z, fed, batch.controls)
        hits.count(vae, outputs, batch.targets)
        return -vae.score(outputs, batch.targets).float().sum(1)

    def validation_figures(self) -> dict[str, float]:
        """Reconstruction, KL, active dimensions and accuracy, and as the objective the loss at the full weight of the KL.

        Where a network is trained with its own draws fed back, it is them that reconstruction and objective are measured with, as in
        the original; "accuracy" always has the truth fed back.
        """
        reconstruction, kl, mu = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        active = (mu.var(0, correction=0) > _ACTIVE_VARIANCE) & (kl.mean(0) > _ACTIVE_NATS)
        paid = forgiven(kl.sum(1), self.options.free_bits)
        figures = {
            "reconstruction_nats": float(reconstruction.mean()),
            "kl_bits": bits(float(kl.sum(1).mean())),
            "active_dimensions": float(active.sum()),
            "objective_nats": float((reconstruction + self.options.max_beta * paid).mean()),
        }
        for name, hits in self._hits.items():
            figures |= hits.shares(name)
        self._seen, self._hits = [], {}
        return figures
