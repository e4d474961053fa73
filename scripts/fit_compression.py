"""Fit the weights with which `musicvae compress` begins: what mixers have learnt from files they will not be measured on.

    python scripts/fit_compression.py CORPUS --midi FOLDER... > musicvae/compose/compressing/weights.py

Takes melodies of the corpus's validation split, written as MIDI files, and those MIDI files of the folders that belong to tunes of that
split (Nottingham and POP909, by name), and packs them one after another, three times, with one set of mixers that learn ever more slowly.
The result is a module of whole numbers.
"""

from __future__ import annotations

import argparse
import random
import sys
import textwrap
from pathlib import Path

from benchmark_compression import midi_files, tunes_as_midi

from musicvae.compose.compressing.coder import Costs
from musicvae.compose.compressing.files import code_file
from musicvae.compose.compressing.hearing import hear
from musicvae.compose.compressing.mixing import Mixer, Weights
from musicvae.compose.compressing.primer import usual
from musicvae.compose.compressing.syntax import parse
from musicvae.compose.library import find_model
from musicvae.model.integer.network import IntegerNetwork

RATES = (64, 24, 12, 6)
ROUND = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--midi", nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--tunes", type=int, default=60, help="melodies of the corpus")
    parser.add_argument("--files", type=int, default=16, help="files of each folder")
    parser.add_argument("--model")
    args = parser.parse_args()
    network = IntegerNetwork.load(find_model(args.model)[1])
    files = [data for _, data in tunes_as_midi(args.corpus, "validation", args.tunes)]
    for folder in args.midi:
        files += [path.read_bytes() for path in midi_files(args.corpus, Path(folder), "validation", args.files, most_bytes=8000)]
    random.Random(0).shuffle(files)
    weights: Weights = {}
    for rate in RATES:
        total = 0.0
        for data in files:
            file = parse(data)
            heard = hear(data, file)
            for knows in (network, None):
                costs = Costs()
                mixer = Mixer(costs, weights, rate=rate, experience=usual())
                code_file(mixer, file, heard if knows else None, knows)
                weights = mixer.weights
                total += costs.bits / 8 if knows else 0
        print(f"rate {rate}: {total / len(files):.1f} bytes a file", file=sys.stderr, flush=True)
    write(weights)


HEAD = '''"""Weights that mixers begin with, as `scripts/fit_compression.py` found them. Changing one changes every .mvz file.

Conventions: eight numbers for each context of a site, in units of `UNIT`, as `compressing.mixing` has them.
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
    return {{site: tuple(tuple(row[i : i + 8]) for i in range(0, len(row), 8)) for site, row in numbers.items()}}


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
