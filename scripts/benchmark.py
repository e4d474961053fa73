"""What the model costs on this machine: time and peak memory of generating and of training.

    python scripts/benchmark.py [--model MODEL] [--preset melody] [--runs 5] [--batch 256] [--steps 30] [--threads N] [--json]

Every figure is taken in a process of its own, whose peak memory is that of the whole process:
`generate --bars 16` from the shell with nothing loaded; 16-bar melodies in one batch; training steps on
made-up tunes with the batch size that training uses unless told otherwise.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BARS = 16


@dataclass(frozen=True)
class Child:
    """A process that has ended well: its output, wall time, and peak memory where the system tells."""

    output: str
    seconds: float
    peak_mib: float | None


def run_child(words: list[str]) -> Child:
    """Run a command to its end; SystemExit with what it said if it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    output = process.stdout.read()  # children say little, so the other pipe cannot fill meanwhile
    complaint = process.stderr.read()
    peak = None
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere
    else:
        process.wait()
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed: {complaint.strip()}")
    return Child(output, seconds, peak)


def measure_cold(args: argparse.Namespace) -> dict:
    """`musicvae generate` from the shell, several times."""
    model = ["--model", args.model] if args.model else []
    threads = ["--threads", str(args.threads)] if args.threads else []
    with tempfile.TemporaryDirectory() as folder:
        children = [
            run_child(
                [sys.executable, "-m", "musicvae", "generate", "--bars", str(BARS), "-o", str(Path(folder) / f"{k}.mid"), *model, *threads]
            )
            for k in range(args.runs)
        ]
    seconds = [child.seconds for child in children]
    peaks = [child.peak_mib for child in children if child.peak_mib is not None]
    return {
        "runs": args.runs,
        "seconds_min": min(seconds),
        "seconds_median": statistics.median(seconds),
        "peak_mib": max(peaks, default=None),
    }


def measure_task(name: str, args: argparse.Namespace) -> dict:
    """A task of this script in a process of its own."""
    words = [sys.executable, __file__, "--task", name, "--batch", str(args.batch), "--steps", str(args.steps), "--preset", args.preset]
    words += ["--runs", str(args.runs)]
    words += ["--model", args.model] if args.model else []
    words += ["--threads", str(args.threads)] if args.threads else []
    child = run_child(words)
    return {**json.loads(child.output.splitlines()[-1]), "peak_mib": child.peak_mib}


def task_generate(args: argparse.Namespace) -> dict:
    """Melodies per second in one batch, the best of a few batches after one to warm up."""
    from musicvae.compose.generating import Order, draw_tokens
    from musicvae.compose.model import load

    model = load(args.model, threads=args.threads)
    order = Order(bars=BARS)
    draw_tokens(model.engine, list(range(8)), order)
    seconds = []
    for turn in range(max(1, args.runs // 2)):
        begin = time.perf_counter()
        tokens = draw_tokens(model.engine, [turn * args.batch + k for k in range(args.batch)], order)
        seconds.append(time.perf_counter() - begin)
        assert len(tokens) == args.batch
    return {"batch": args.batch, "melodies_per_second": args.batch / min(seconds), "median": args.batch / statistics.median(seconds)}


def task_train(args: argparse.Namespace) -> dict:
    """Training windows per second, the median over stretches of steps, the first left out."""
    import numpy as np

    from musicvae.corpus.store import Corpus
    from musicvae.train.options import MachineOptions, TrainOptions
    from musicvae.train.run import train

    rng = np.random.default_rng(0)
    tunes, length = 240, 32
    bars = np.zeros((tunes * length, 16), np.uint8)
    bars[:, ::2] = rng.integers(40, 62, (len(bars), 8))  # eighth notes
    zeros = np.zeros(tunes, np.int64)
    split = np.array([1 if k % 10 == 0 else 0 for k in range(tunes)], np.int64)
    corpus = Corpus(bars, np.arange(tunes) * length, zeros + length, zeros, split, zeros, zeros - 1, zeros, sources=("made up",))
    options = TrainOptions(
        max_steps=args.steps, short_share=0.0, prior_steps=1, prior_windows=64, validation_windows=1, validate_every_steps=args.steps
    )
    with tempfile.TemporaryDirectory() as folder:
        machine = MachineOptions(accelerator="cpu", threads=args.threads, log_every_steps=5, run_dir=Path(folder) / "run")
        train(corpus, Path(folder) / "model.safetensors", config=args.preset, options=options, machine=machine, progress=False)
        (log,) = (Path(folder) / "run").rglob("metrics.csv")
        with log.open(newline="") as file:
            rates = [float(row["train/windows_per_second"]) for row in csv.DictReader(file) if row.get("train/windows_per_second")]
    kept = rates[1:] or rates
    return {
        "preset": args.preset,
        "batch": options.batch_size,
        "bars": BARS,
        "windows_per_second": statistics.median(kept),
        "best": max(kept),
    }


def machine() -> dict:
    """What the figures were taken on."""
    from importlib.metadata import version

    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": names[0] if names else platform.processor(), "cores": os.cpu_count(), "system": platform.system(),
        "python": platform.python_version(), "torch": version("torch"), "load_before": load,
    }  # fmt: skip


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).is_file() else []


def print_table(result: dict) -> None:
    about = result["machine"]
    print(f"{about['processor']}, {about['cores']} cores, {about['system']}, Python {about['python']}, torch {about['torch']}")
    if about["load_before"] is not None and about["load_before"] > 0.5:
        print(f"(the machine was busy: load {about['load_before']:.1f} before the start)")
    cold, batch, training = result["cold"], result["batch"], result["training"]
    rows = [
        (f"generate --bars {BARS}, cold from the shell, of {cold['runs']} runs",
         f"{cold['seconds_min']:.2f} s fastest, {cold['seconds_median']:.2f} s median", cold["peak_mib"]),
        (f"melodies of {BARS} bars in batches of {batch['batch']}", f"{batch['melodies_per_second']:.1f} per second", batch["peak_mib"]),
        (f"training windows of {BARS} bars, preset {training['preset']}, batch {training['batch']}",
         f"{training['windows_per_second']:.1f} per second", training["peak_mib"]),
    ]  # fmt: skip
    width = max(len(row[0]) for row in rows)
    for what, figure, peak in rows:
        print(f"{what:{width}}  {figure:36}  {'peak memory unknown' if peak is None else f'peak {peak:.0f} MiB'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="model to generate with (default: the shipped one)")
    parser.add_argument("--preset", default="melody", help="network to train (default: melody)")
    parser.add_argument("--runs", type=int, default=5, help="cold starts (default: 5)")
    parser.add_argument("--batch", type=int, default=256, help="melodies at once (default: 256)")
    parser.add_argument("--steps", type=int, default=30, help="training steps (default: 30)")
    parser.add_argument("--threads", type=int, help="threads to compute with (default: torch's choice)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--task", choices=("generate", "train"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        print(json.dumps({"generate": task_generate, "train": task_train}[args.task](args)))
        return
    about = machine()
    result = {
        "machine": about, "cold": measure_cold(args), "batch": measure_task("generate", args), "training": measure_task("train", args),
    }  # fmt: skip
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)


if __name__ == "__main__":
    main()
