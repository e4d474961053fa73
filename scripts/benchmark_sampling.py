"""What drawing from the published decoders costs on this machine, and that it is exact.

    python scripts/benchmark_sampling.py [--runs 5] [--pieces 1000] [--threads 2] [--model MODEL] [--json]

Figures at the published sizes come from made-up weights whose events are held about as often as those of trained networks, saved as a
model file; every line is a process of its own that loads it, and its peak memory that of the whole process: one 16-bar melody of
hierdec-mel_16bar (decoder 2 x 1024, z 512) from a cold start and warm, with all bars at once and one after another; 16 of them;
256 2-bar melodies of cat-mel_2bar_small. GFLOP/s counts the products that are done, bars decoded again included.

Then `--pieces` pieces of a smaller network (or of MODEL, any imported or trained published network) in single precision, all bars at
once, against those of double precision, one bar after another, with the same noise: how many differ (none should), the rounds needed,
how many bars were decoded, and how many were taken again in double precision because a decision was close.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from musicvae.model.noise import standard_noise
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.engine import PublishedEngine
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.sampling import Doubles, Sampler
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.sampling import Draws
from musicvae.model.weights import load_published, save_model

LONG, SHORT = PUBLISHED["hierdec-mel_16bar"].config, PUBLISHED["cat-mel_2bar_small"].config
SMALLER = replace(LONG, encoder_sizes=(64,), conductor_sizes=(256, 256), decoder_sizes=(256, 256), z_size=128)
GROUP = 32


@dataclass(frozen=True)
class Task:
    """A line of the table; original: seconds that the TensorFlow original took on two such cores, as far as known."""

    about: str
    config: PublishedConfig
    batch: int
    is_chained: bool
    original_seconds: float | None = None


TASKS = {
    "one": Task("1 melody of 16 bars, all bars at once", LONG, 1, True, 1.26),
    "one in turn": Task("1 melody of 16 bars, bar after bar", LONG, 1, False, 1.26),
    "sixteen": Task("16 melodies of 16 bars, all bars at once", LONG, 16, True, 2.6),
    "sixteen in turn": Task("16 melodies of 16 bars, bar after bar", LONG, 16, False, 2.6),
    "many": Task("256 melodies of 16 bars, bar after bar", LONG, 256, False),
    "short": Task("256 melodies of 2 bars", SHORT, 256, False, 256 / 1113),
}


def made_up(config: PublishedConfig) -> PublishedVAE:
    """Weights as they begin, but codes that matter and events held about two times in three."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = PublishedVAE(config).eval()
    with torch.no_grad():
        for core in vae.cores:
            core.start.weight.mul_(100)
            core.output.weight.mul_(4)
            core.output.bias[0] = 5.5
    return vae


def gflop_per_stretch(config: PublishedConfig) -> float:
    """Products of one stretch of one core, in 10^9 multiplications and additions; looked-up frames are none."""
    sizes = config.decoder_sizes
    told = config.conductor_sizes[-1] if config.conductor_sizes else config.z_size
    step = 4 * sizes[0] ** 2 + sum(4 * size * (below + size) for below, size in zip(sizes, sizes[1:], strict=False))
    step += sizes[-1] * config.outputs[0]
    return 2 * (config.steps_per_segment * step + told * (4 * sizes[0] + 2 * sum(sizes))) / 1e9


def gflop_of_conductor(config: PublishedConfig) -> float:
    """Products of the conductor for one example."""
    sizes = config.conductor_sizes
    if not sizes:
        return 0.0
    step = 4 * sizes[0] ** 2 + sum(4 * size * (below + size) for below, size in zip(sizes, sizes[1:], strict=False))
    return 2 * (config.segments * step + config.z_size * 2 * sum(sizes)) / 1e9


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure(name: str, args: argparse.Namespace) -> dict:
    """Load the model, draw, and draw again several times, in this process; its start is `args.begun`."""
    task = TASKS[name]
    engine = PublishedEngine.load(args.model, threads=args.threads)
    seconds, cold, cpu = [], 0.0, 0.0
    for run in range(1 + args.runs):
        seeds = [1000 * run + k for k in range(task.batch)]
        begin, cpu_before = time.perf_counter(), time.process_time()
        engine.frames(engine.sample_prior(seeds), temperature=1.0, seeds=seeds, is_chained=task.is_chained)
        if run:
            seconds.append(time.perf_counter() - begin)
            cpu += (time.process_time() - cpu_before) / args.runs
        else:
            cold = time.time() - args.begun
    peak = peak_mib()
    sampled = drawn_once(engine, seeds, task.is_chained)
    best, median = min(seconds), statistics.median(seconds)
    gflop = sampled.decoded[0] * gflop_per_stretch(task.config) + task.batch * gflop_of_conductor(task.config)
    return {
        "task": task.about,
        "cold_start_seconds": cold,
        "seconds": median,
        "best_seconds": best,
        "cpu_seconds": cpu,
        "pieces_per_second": task.batch / median,
        "gflop_per_second": gflop / median,
        "rounds": sampled.rounds[0],
        "decoded": sampled.decoded[0] / task.batch / task.config.segments,
        "times_original": None if task.original_seconds is None else task.original_seconds / median,
        "peak_mib": peak,
    }


def drawn_once(engine: PublishedEngine, seeds: list[int], is_chained: bool):  # noqa: ANN201  # a Sampled
    """The last run again, for what the engine does not tell: rounds, and how much was decoded."""
    config = engine.config
    noise = torch.from_numpy(standard_noise(seeds, (config.steps, sum(config.outputs)), "gumbel"))
    with torch.no_grad():
        return Sampler(engine._vae).draw(torch.from_numpy(engine.sample_prior(seeds)), Draws(1.0, noise), is_chained=is_chained)


def times(args: argparse.Namespace) -> list[dict]:
    """Each task in a process of its own."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        files = {config.preset: Path(folder) / f"{config.preset}.safetensors" for config in (LONG, SHORT)}
        # In a process of its own too: a child's peak is at least what its parent held when it was begun.
        child(["--make", folder])
        for name, task in TASKS.items():
            words = ["--task", name, "--runs", str(args.runs), "--threads", str(args.threads)]
            words += ["--model", str(files[task.config.preset]), "--begun", repr(time.time())]
            figures.append(json.loads(child(words)))
    return figures


def child(words: list[str]) -> str:
    """What this script prints with other options; SystemExit with what it said if it fails."""
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout


@torch.no_grad()
def exactness(args: argparse.Namespace, temperature: float) -> dict:
    """Pieces in single precision with all bars at once, against double precision and one bar after another."""
    torch.set_num_threads(args.threads)
    vae = load_published(args.model).vae if args.model else made_up(SMALLER)
    config, double = vae.config, Doubles(vae)
    vae.requires_grad_(False)
    widths = [core.head.noise_width for core in vae.cores]
    single, exact = Sampler(vae), Sampler(whole_in_double(vae))
    spent, differing, rounds, decoded, redrawn = {"at once": 0.0, "in turn": 0.0}, 0, [], 0, 0
    for start in range(0, args.pieces, GROUP):
        seeds = range(start, min(start + GROUP, args.pieces))
        noise = torch.from_numpy(standard_noise(seeds, (config.steps, sum(widths)), vae.cores[0].head.noise))
        z = torch.from_numpy(np.random.default_rng(start).standard_normal((len(seeds), config.z_size)))
        controls = torch.zeros(len(seeds), config.steps, config.control_depth) if config.control_depth else None
        results = {}
        for way in spent:
            begin = time.process_time()
            results[way] = single.draw(z, Draws(temperature, noise), controls, is_chained=way == "at once", doubles=double)
            spent[way] += time.process_time() - begin
        truth = exact.draw(z, Draws(temperature, noise.double()), controls, is_chained=False).frames
        for result in results.values():
            differing += int((result.frames.double() != truth.double()).flatten(1).any(1).sum())
        rounds.append(max(results["at once"].rounds))
        decoded += sum(results["at once"].decoded)
        redrawn += results["at once"].redrawn
    stretches = args.pieces * config.segments * len(vae.cores)
    return {
        "network": config.preset,
        "temperature": temperature,
        "pieces": args.pieces,
        "differing": differing,
        "median_rounds": statistics.median(rounds),
        "most_rounds": max(rounds),
        "decoded": decoded / stretches,
        "redrawn": redrawn / stretches,
        "cpu_seconds_at_once": spent["at once"],
        "cpu_seconds_in_turn": spent["in turn"],
    }


def whole_in_double(vae: PublishedVAE) -> PublishedVAE:
    double = PublishedVAE(vae.config).double().eval().requires_grad_(False)
    double.load_state_dict(vae.state_dict())
    return double


def show_times(figures: list[dict]) -> None:
    print(
        f"{'sampling':42}{'cold s':>8}{'median s':>10}{'best s':>9}{'CPU s':>8}{'per s':>8}{'GFLOP/s':>9}{'rounds':>8}{'decoded':>9}"
        f"{'x original':>12}{'peak MiB':>10}"
    )
    for row in figures:
        faster = "" if row["times_original"] is None else f"{row['times_original']:.1f}"
        print(
            f"{row['task']:42}{row['cold_start_seconds']:8.1f}{row['seconds']:10.3f}{row['best_seconds']:9.3f}{row['cpu_seconds']:8.2f}"
            f"{row['pieces_per_second']:8.1f}{row['gflop_per_second']:9.0f}{row['rounds']:8}{row['decoded']:9.2f}{faster:>12}{row['peak_mib']:10.0f}"
        )


def show_exactness(rows: list[dict]) -> None:
    for row in rows:
        print(
            f"{row['pieces']} pieces of {row['network']} at temperature {row['temperature']}: {row['differing']} differ from double "
            f"precision; rounds {row['median_rounds']:.0f} (most {row['most_rounds']}) in groups of {GROUP}, bars decoded "
            f"{row['decoded']:.2f} times, {row['redrawn']:.2%} again in double precision; CPU {row['cpu_seconds_at_once']:.1f} s all at "
            f"once, {row['cpu_seconds_in_turn']:.1f} s in turn"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="draws that are timed")
    parser.add_argument("--pieces", type=int, default=1000, help="pieces that are held against double precision; 0 for none")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--model", help="published model whose pieces are held against double precision")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--make", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--begun", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.make:
        for config in (LONG, SHORT):
            save_model(Path(args.make) / f"{config.preset}.safetensors", made_up(config), metadata={})
        return
    if args.task:
        print(json.dumps(measure(args.task, args)))
        return
    figures = times(args)
    if not args.json:
        show_times(figures)
    exact = [exactness(args, temperature) for temperature in (1.0, 0.5, 0.0)] if args.pieces else []
    if args.json:
        print(json.dumps({"times": figures, "exactness": exact}))
    else:
        show_exactness(exact)


if __name__ == "__main__":
    main()
