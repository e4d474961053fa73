"""What the published networks cost on this machine: training steps, and drawing from their decoders.

    python scripts/benchmark_published.py [train] [sample] [--steps 12] [--batch 32] [--threads 2] [--json]

`train`: hier-mel_16bar with an encoder of 256, decoders and conductor of 2 x 256 and a z of 128, on made-up tunes: forward, backward,
clipping and Adam. All bars in one batch, in single precision and with bfloat16 products, against the same parts run bar by bar, as the
original did; every way in a process of its own, whose peak memory is that of the whole process. `sample`: see benchmark_sampling.py.
Without a section both are run.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from musicvae.model.losses import kl_per_dimension
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE

SECTIONS = ("train", "sample")
CONFIG = replace(PUBLISHED["hier-mel_16bar"].config, z_size=128, encoder_sizes=(256,), decoder_sizes=(256, 256), conductor_sizes=(256, 256))
BETA, WARM_UP_STEPS = 0.2, 2


class BarByBar(PublishedVAE):
    """The same network with its bars read and written one after another, each a run of the recurrences of its own."""

    def encode(self, inputs: Tensor, controls: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As that of all bars at once."""
        low, high = self.encoder.levels
        steps = self.config.encoder_levels[0]
        pooled = [low.pool(bar.transpose(0, 1)) for bar in inputs.split(steps, dim=1)]
        whole = high.pool(torch.stack(pooled))
        return self.encoder.mu(whole), torch.nn.functional.softplus(self.encoder.sigma(whole))

    def log_probs(self, z: Tensor, targets: Tensor, controls: Tensor | None = None, fed: Tensor | None = None) -> Tensor:
        """As those of all bars at once."""
        steps, (core,) = self.config.steps_per_segment, self.cores
        shifted = torch.cat([torch.full_like(targets[:, :1], -1), targets[:, :-1]], 1)
        bars = zip(self.conduct(z).unbind(1), shifted.split(steps, 1), targets.split(steps, 1), strict=True)
        return torch.cat([core.head.log_prob(core(embedding, before, None), bar) for embedding, before, bar in bars], 1)


WAYS = {"all bars at once": (PublishedVAE, False), "all bars at once, bfloat16": (PublishedVAE, True), "bar by bar": (BarByBar, False)}


def gflop_per_tune(config: PublishedConfig) -> float:
    """Products of one training step on one tune, in 10^9 multiplications and additions; looked-up inputs are none."""
    (encoder,), decoder, conductor = config.encoder_sizes, config.decoder_sizes, config.conductor_sizes
    segments, embedding = config.segments, conductor[-1]
    cells = config.steps * 2 * 4 * encoder * encoder + segments * 2 * 4 * encoder * 3 * encoder
    cells += segments * 4 * (conductor[0] ** 2 + sum(below * size + size**2 for below, size in zip(conductor, conductor[1:], strict=False)))
    cells += config.steps * 4 * (decoder[0] ** 2 + sum(below * size + size**2 for below, size in zip(decoder, decoder[1:], strict=False)))
    dense = 2 * 2 * encoder * config.z_size + config.z_size * 2 * sum(conductor)
    dense += segments * embedding * (2 * sum(decoder) + 4 * decoder[0]) + config.steps * decoder[-1] * config.outputs[0]
    return 3 * 2 * (cells + dense) / 1e9


def measure(way: str, args: argparse.Namespace) -> dict:
    """Train for some steps in this process."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    network, coarse = WAYS[way]
    vae = network(CONFIG)
    optimizer = torch.optim.Adam(vae.parameters(), 1e-3, fused=True)
    tunes = torch.randint(0, 90, (args.batch, CONFIG.steps, 1))
    seconds, losses, cpu = [], [], 0.0
    for _ in range(WARM_UP_STEPS + args.steps):
        begin, cpu_before = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=coarse):
            out = vae(tunes, tunes, torch.randn(args.batch, CONFIG.z_size))
        kl = kl_per_dimension(out.mu.float(), out.sigma.float()).sum(1)
        loss = -out.log_probs.sum(1).mean() + BETA * kl.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - begin)
        cpu += time.process_time() - cpu_before
    step = statistics.median(seconds[WARM_UP_STEPS:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "way": way,
        "first_loss": losses[0],
        "steps_per_second": 1 / step,
        "tunes_per_second": args.batch / step,
        "best_tunes_per_second": args.batch / min(seconds[WARM_UP_STEPS:]),
        "cpu_seconds_per_step": cpu / len(seconds),
        "gflop_per_second": gflop_per_tune(CONFIG) * args.batch / step,
        "peak_mib": peak,
    }


def child(words: list[str]) -> str:
    """What a script in this folder prints; SystemExit with what it said if it fails."""
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout


def train(args: argparse.Namespace) -> list[dict]:
    """Figures of each way, each from a process of its own."""
    options = ["--steps", str(args.steps), "--batch", str(args.batch), "--threads", str(args.threads)]
    return [json.loads(child([__file__, "--way", way, *options])) for way in WAYS]


def show(figures: list[dict]) -> None:
    print(f"{'training':28}{'steps/s':>9}{'tunes/s':>9}{'best':>7}{'CPU s/step':>12}{'GFLOP/s':>9}{'peak MiB':>10}{'first loss':>12}")
    for row in figures:
        print(
            f"{row['way']:28}{row['steps_per_second']:9.2f}{row['tunes_per_second']:9.1f}{row['best_tunes_per_second']:7.1f}"
            f"{row['cpu_seconds_per_step']:12.2f}{row['gflop_per_second']:9.0f}{row['peak_mib']:10.0f}{row['first_loss']:12.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--steps", type=int, default=12, help="training steps that are timed")
    parser.add_argument("--batch", type=int, default=32, help="tunes in a training step")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := set(args.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if args.way:
        print(json.dumps(measure(args.way, args)))
        return
    sections = args.sections or SECTIONS
    if "train" in sections:
        figures = train(args)
        print(json.dumps(figures)) if args.json else show(figures)
    if "sample" in sections:
        words = [str(Path(__file__).with_name("benchmark_sampling.py")), "--threads", str(args.threads)]
        print(child([*words, "--json"] if args.json else words), end="")


if __name__ == "__main__":
    main()
