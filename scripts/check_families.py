"""Whether tunes of one title in different collections are found to be related.

    musicvae corpus build DATASETS/nottingham music21:airdsAirs music21:oneills1850 music21:ryansMammoth -o folk --keep-duplicates
    python scripts/check_families.py folk [--different 20]

Counts, for each pair of collections, the titles that both have, and how many of them are in one family. A title alone proves little:
different tunes share one, and settings of one tune go by many; so pairs of one family with different titles can be listed to be looked at.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np

from musicvae.corpus.store import Corpus

_WORDS = re.compile(r"\b(the|a|an|reel|jig|hornpipe|strathspey|air|march|quick ?step|no|first|second|setting|version)\b")


def plain_title(tune_id: str) -> str:
    """The title in a tune's id without case, accents, articles and words of the dance: ``The Boyne Hunt, Reel`` is ``boyne hunt``."""
    title = tune_id.split("#", 1)[-1].partition(" ")[2]
    title = re.sub(r"^(.*), (the|a|an)\b", r"\2 \1", title.lower())
    title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    title = _WORDS.sub(" ", re.sub(r"[^a-z ]", "", re.sub(r"\(.*?\)|[.-]", " ", title)))
    return " ".join(title.split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="corpus of several collections, built with --keep-duplicates")
    parser.add_argument("--different", type=int, default=0, metavar="N", help="list so many pairs of one family with different titles")
    args = parser.parse_args()
    corpus = Corpus.load(args.corpus)
    if not corpus.options.get("keep_duplicates"):
        raise SystemExit(f"{args.corpus} was built without --keep-duplicates, so that the tunes to be found are not in it")
    tunes: dict[str, tuple[str, int]] = {}
    for tune_id, source, family in zip(
        corpus.tune_ids, np.asarray(corpus.source).tolist(), np.asarray(corpus.family).tolist(), strict=True
    ):
        tunes[tune_id] = corpus.sources[source], family
    holders: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for tune_id, (source, family) in tunes.items():
        if title := plain_title(tune_id):
            holders[source][title].add(family)
    print(f"{'collections':28} {'titles in both':>15} {'in one family':>14}")
    for one, other in combinations(sorted(holders), 2):
        shared = holders[one].keys() & holders[other].keys()
        found = sum(bool(holders[one][title] & holders[other][title]) for title in shared)
        print(f"{one + ' / ' + other:28} {len(shared):15} {found:14}")
    members: dict[int, list[str]] = defaultdict(list)
    for tune_id, (_, family) in tunes.items():
        members[family].append(tune_id)
    sizes = sorted((len(names) for names in members.values()), reverse=True)
    print(f"{len(tunes)} tunes in {len(members)} families; the largest hold {', '.join(map(str, sizes[:5]))}")
    pairs = [pair for names in members.values() for pair in combinations(sorted(names), 2)]
    different = [(a, b) for a, b in pairs if plain_title(a) != plain_title(b)]
    print(f"{len(pairs)} pairs in one family, {len(different)} of them with different titles")
    for at in np.linspace(0, len(different) - 1, min(args.different, len(different))).astype(int).tolist():
        print("  ", " | ".join(different[at]))


if __name__ == "__main__":
    main()
