"""Fit the weights with which `musicvae compress` begins: what mixers have learnt from files they will not be measured on.

    python scripts/fit_compression.py CORPUS... --files COLLECTION=FOLDER... > musicvae/compose/compressing/weights.py

Takes those tunes of the folders (as `scripts/benchmark_compression.py` does) that are in the validation split of one of the corpora, and
packs them one after another, several times, with one set of mixers that learn ever more slowly. The result is a module of whole numbers.
"""

from __future__ import annotations

import argparse
import random
import sys
import textwrap
from pathlib import Path

from benchmark_compression import held_out

from musicvae.compose.compressing.coder import Costs
from musicvae.compose.compressing.files import code_file
from musicvae.compose.compressing.hearing import hear
from musicvae.compose.compressing.mixing import Mixer, Weights
from musicvae.compose.compressing.primer import usual
from musicvae.compose.compressing.syntax import parse
from musicvae.compose.library import find_model
from musicvae.model.integer.network import IntegerNetwork

RATES = (64, 20, 8)
ROUND = 64
MOST_BYTES = 9000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--files", nargs="*", default=[], metavar="COLLECTION=FOLDER")
    parser.add_argument("--count", type=int, default=15, help="files of each collection")
    parser.add_argument("--model")
    args = parser.parse_args()
    network = IntegerNetwork.load(find_model(args.model)[1])
    files: list[bytes] = []
    for text in args.files:
        collection, _, folder = text.partition("=")
        found = held_out(args.corpora, collection, Path(folder), "validation", args.count, most_bytes=MOST_BYTES)
        files += [data for _, data in found]
    random.Random(0).shuffle(files)
    weights: Weights = {}
    for rate in RATES:
        total = 0.0
        for data in files:
            file = parse(data)
            heard = hear(data, file)
            for known in (None,) if heard is None else (heard, None):
                costs = Costs()
                mixer = Mixer(costs, weights, rate=rate, experience=usual())
                code_file(mixer, file, known, network if known else None)
                weights = mixer.weights
            total += costs.bits / 8
        print(f"rate {rate}: {total / len(files):.1f} bytes a file", file=sys.stderr, flush=True)
    write(weights)


HEAD = '''"""Weights that mixers begin with, as `scripts/fit_compression.py` found them. Changing one changes every .mvz file.

Conventions: sixteen numbers for each context of a site, then eight for each of its experience, in units of `UNIT`, as
`compressing.mixing` has them.
"""

from __future__ import annotations

__all__ = ["UNIT", "WEIGHTS"]

UNIT = {unit}
_TEXT = """
{text}
"""


def _read(text: str) -> dict[str, tuple[tuple[int, ...], ...]]:
    """The weights by site, whose name ends in a colon and has underlines for spaces."""
    numbers: dict[str, list[int]] = {{}}
    site = ""
    for word in text.split():
        if word.endswith(":"):
            site = word[:-1].replace("_", " ")
            numbers[site] = []
        else:
            numbers[site].append(int(word) * UNIT)
    return {{site: _rows(row) for site, row in numbers.items()}}


def _rows(row: list[int]) -> tuple[tuple[int, ...], ...]:
    own = 2 * len(row) // 3
    return tuple(tuple(row[i : i + (16 if i < own else 8)]) for i in (*range(0, own, 16), *range(own, len(row), 8)))


WEIGHTS = _read(_TEXT)
'''


def write(weights: Weights) -> None:
    lines = []
    for site in sorted(weights):
        words = [f"{site.replace(' ', '_')}:", *(str(round(weight / ROUND)) for row in weights[site] for weight in row)]
        lines += textwrap.wrap(" ".join(words), 138, break_long_words=False, break_on_hyphens=False)
    print(HEAD.format(unit=ROUND, text="\n".join(lines)), end="")


if __name__ == "__main__":
    main()
