"""Whether a classifier of dance types gains from variations of its few labelled tunes, beside trivial ways to multiply them.

    python scripts/benchmark_augment.py CORPUS [--model MODEL] [--labels jig,reel,hornpipe] [--draws 20] [--json]

CORPUS is a folder that `musicvae corpus build` wrote, with melodies and types. Only tunes of its validation and test splits are used,
which the model was not trained on: `--pool` of each label may be drawn for training, in every draw the others are for testing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

from musicvae.compose.augmenting.augment import DEFAULT_AMOUNTS, Limits
from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.augmentation import Example, benchmark_rows, changed, examples_of
from musicvae.evaluate.table import Section

_AMOUNTS = {"0.1": (0.1,), "0.2-0.4": DEFAULT_AMOUNTS, "0.6": (0.6,)}


@cache
def _model(name: str | None) -> Any:
    return load_melodic(name, threads=1)


def _copies(name: str | None, ways: dict[str, Limits], example: Example) -> dict[str, Any]:
    return changed(_model(name), example, ways)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--labels", default="jig,reel,hornpipe,song,pop")
    parser.add_argument("--pool", type=int, default=30)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    examples = examples_of(Corpus.load(args.corpus), args.labels.split(","))
    ways = {f"variations {name}": Limits(args.n, amounts) for name, amounts in _AMOUNTS.items()}

    def tell(text: str) -> None:
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)

    seen: Counter[str] = Counter()
    chosen = []
    for place, example in enumerate(examples):
        seen[example.label] += 1
        chosen += [place] if seen[example.label] <= args.pool else []
    copies: list[dict[str, Any]] = [{} for _ in examples]
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        made = pool.map(partial(_copies, args.model, ways), [examples[place] for place in chosen])
        for number, (place, found) in enumerate(zip(chosen, made, strict=True), 1):
            copies[place] = found
            tell(f"variations: {number} of {len(chosen)}")
    rows = benchmark_rows(examples, copies, draws=args.draws, progress=tell)
    tell("")
    held_out = ", ".join(f"{label} {count}" for label, count in seen.items())
    section = Section("augmentation", "Augmentation", f"Held-out tunes: {held_out}.", rows)
    print(json.dumps(section.to_dict(), indent=1) if args.json else section.to_text())


if __name__ == "__main__":
    main()
