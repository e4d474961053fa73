"""How long the commands that work on given music take, from the shell and as a call from Python.

    python scripts/benchmark_commands.py [--repeats 5] [--json]

Cold: the whole command in a process of its own, from `data/examples`, the best of the repeats. Warm: one call of the method of a loaded
model, after a first one, the median. Seconds of wall time on this machine; compare them within one run only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import musicvae
from musicvae.cli.terminal import table

EXAMPLES = Path(__file__).resolve().parent.parent / "data" / "examples"
REEL, JIG, WALTZ = (str(EXAMPLES / name) for name in ("reel.mid", "jig.mid", "waltz.abc"))
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "generate": ("--bars", "16", "--seed", "1"),
    "generate --chords": ("--bars", "16", "--seed", "1", "--chords", "C Am F G"),
    "vary": (REEL, "--amount", "0.2", "--n", "8", "--seed", "1"),
    "interpolate --grid": (REEL, JIG, WALTZ, REEL, "--grid", "--steps", "3"),
    "interpolate --join": (REEL, JIG, "--join", "--steps", "3"),
    "continue": (REEL, "--bars", "8", "--seed", "1"),
    "repair --mask": (REEL, "--mask", "7-10", "--seed", "1"),
    "repair": (REEL,),
    "score": (REEL,),
    "compress": (REEL,),
    "compose": ("--form", "AABA", "--minutes", "3", "--seed", "1"),
    "augment": (str(EXAMPLES), "--n", "2", "--seed", "1"),
    "personalise": ("melody", str(EXAMPLES)),
}
WITHOUT_OUTPUT = ("repair", "score")


def cold_seconds(name: str, words: tuple[str, ...], folder: Path, repeats: int) -> float:
    """The shortest time of a command; SystemExit where it fails."""
    command = name.split()[0]
    times = []
    for number in range(repeats):
        ending = {"compress": ".mvz", "personalise": ".safetensors"}.get(command, ".mid")
        several = "--n" in words or "--grid" in words
        target = () if name in WITHOUT_OUTPUT else ("-o", str(folder / f"{name.replace(' ', '')}-{number}{'' if several else ending}"))
        start = time.perf_counter()
        line = [sys.executable, "-m", "musicvae", command, *words, *target]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr}")
    return min(times)


def calls() -> dict[str, Callable[[], Any]]:
    """Methods of a loaded model that do as the commands do."""
    model = musicvae.load()
    reel, packed = musicvae.read(REEL), musicvae.compress(REEL)
    stream = model.stream(seed=1)
    return {
        "generate": lambda: model.generate(16, seed=1),
        "generate --chords": lambda: model.generate(16, seed=1, chords="C Am F G"),
        "vary": lambda: model.vary(reel, 0.2, 8, seed=1),
        "continue": lambda: model.continue_(reel, 8, seed=1),
        "repair --mask": lambda: model.repair(reel, mask="7-10", seed=1),
        "repair": lambda: model.propose_repairs(reel),
        "score": lambda: model.score(reel),
        "compress": lambda: musicvae.compress(REEL),
        "expand": lambda: musicvae.expand(packed),
        "compose": lambda: model.compose("AABA", minutes=3, seed=1),
        "stream, a bar": lambda: next(stream),
    }


def warm_seconds(call: Callable[[], Any], repeats: int) -> float:
    """The median time of a call, after a first one."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    warm = {name: warm_seconds(call, args.repeats) for name, call in calls().items()}
    with tempfile.TemporaryDirectory() as folder:
        cold = {name: cold_seconds(name, words, Path(folder), args.repeats) for name, words in COMMANDS.items()}
    if args.json:
        print(json.dumps({"cold_seconds": cold, "warm_seconds": warm}))
        return
    rows = [(name, *(f"{times[name]:.2f}" if name in times else "-" for times in (cold, warm))) for name in {**cold, **warm}]
    print(*table(rows, heading=("command", "cold, s", "a call from Python, s")), sep="\n")


if __name__ == "__main__":
    main()
