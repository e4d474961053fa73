"""Fit the law by which `musicvae continue` comes back to earlier bars, to the training tunes of a corpus.

    python scripts/fit_returns.py CORPUS [-o musicvae/pretrained/returns.json] [--tunes 800] [--force]

CORPUS is a folder of a corpus of melodies. Maximum likelihood with a Gaussian prior of the weights (L-BFGS), set-valued targets where
several earlier bars are equal. Prints nats per bar and the share of right decisions on training and validation tunes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from musicvae.compose.revising.returns import Past, equal_bars, features, pickup_bars
from musicvae.corpus.store import Corpus
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens, canonical_tokens

LONGEST, SHORTEST, FIRST_BAR = 96, 12, 4
FEWEST, SMALLEST = 5, 0.03


@dataclass
class Decisions:
    """Sparse features (row, column, value) of the candidates of all decisions; which are right, and whose they are, by row."""

    rows: torch.Tensor
    columns: torch.Tensor
    values: torch.Tensor
    right: torch.Tensor
    decision: torch.Tensor

    def nats(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of each decision, and whether the likeliest candidate is right."""
        scores = torch.zeros(len(self.right), dtype=torch.float64).index_add(0, self.rows, weights[self.columns] * self.values)
        count = int(self.decision[-1]) + 1
        top = torch.full((count,), -torch.inf, dtype=torch.float64).scatter_reduce(0, self.decision, scores.detach(), "amax")
        odds = (scores - top[self.decision]).exp()
        total = torch.zeros(count, dtype=torch.float64).index_add(0, self.decision, odds)
        hit = torch.zeros(count, dtype=torch.float64).index_add(0, self.decision, odds * self.right)
        chosen = torch.zeros(count, dtype=torch.float64).index_add(0, self.decision, (odds == 1) * self.right)
        return total.log() - hit.log(), chosen > 0


def tunes_of(corpus: Corpus, split: str, count: int) -> Iterator[tuple[Tokens, int]]:
    """Canonical tokens (B, S) and kind of tunes drawn at random, so many of each kind."""
    for kind in range(len(KINDS)):
        lines = corpus.select(split, kind=kind)
        lines = lines[np.asarray(corpus.num_bars)[lines] >= SHORTEST]
        steps = Meter.parse(KINDS[kind]).steps_per_model_bar
        for line in np.random.default_rng(0).permutation(lines)[:count].tolist():
            start, bars = int(corpus.start[line]), min(int(corpus.num_bars[line]), LONGEST)
            yield canonical_tokens(np.asarray(corpus.bars[start : start + bars, :steps])), kind


def decisions(corpus: Corpus, split: str, count: int, index: dict[str, int], *, grow: bool) -> Decisions:
    """Every bar in which a note starts, from the fifth on."""
    rows, columns, values, right, owner, offset, number = [], [], [], [], [], 0, 0
    for tokens, kind in tunes_of(corpus, split, count):
        equal, pickup, sounding = equal_bars(tokens), pickup_bars(tokens), (tokens >= FIRST_PITCH_TOKEN).any(axis=1)
        for bar in (bar for bar in range(FIRST_BAR, len(tokens)) if sounding[bar]):
            for name, column in features(Past(equal[:bar, :bar], kind, pickup, sounding[:bar])):
                if grow or name in index:
                    places = np.flatnonzero(column)
                    rows.append(offset + places)
                    columns.append(np.full(len(places), index.setdefault(name, len(index))))
                    values.append(column[places])
            same = equal[bar, :bar]
            right.append(np.concatenate([[not same.any()], same]))
            owner.append(np.full(1 + bar, number))
            offset, number = offset + 1 + bar, number + 1
    found = [torch.as_tensor(np.concatenate(part)) for part in (rows, columns, values, right, owner)]
    return Decisions(found[0], found[1], found[2], found[3].double(), found[4])


def fitted(data: Decisions, size: int, penalty: float) -> torch.Tensor:
    """The weights."""
    weights = torch.zeros(size, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=150, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = data.nats(weights)[0].mean() + penalty * weights.square().sum()
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)
    return weights.detach()


def main() -> None:
    """Fit, say how well, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("-o", "--output", default="musicvae/pretrained/returns.json")
    parser.add_argument("--tunes", type=int, default=800, help="of each meter, at most")
    parser.add_argument("--penalty", type=float, default=1e-5)
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    target = Path(args.output)
    if target.exists() and not args.force:
        raise SystemExit(f"{target} exists; --force overwrites it")
    corpus, index = Corpus.load(args.corpus), {}
    train = decisions(corpus, "train", args.tunes, index, grow=True)
    weights = fitted(train, len(index), args.penalty)
    often = np.bincount(train.columns.numpy(), minlength=len(index)) >= FEWEST
    kept = {name: round(float(weights[i]), 2) for name, i in index.items() if often[i] and abs(float(weights[i])) >= SMALLEST}
    rounded = torch.as_tensor([kept.get(name, 0.0) for name in index], dtype=torch.float64)
    held_out = decisions(corpus, "validation", 100, index, grow=False)
    for name, data in (("train", train), ("validation", held_out)):
        nats, right = data.nats(rounded)
        print(f"{name}: {len(nats)} bars, {float(nats.mean()):.4f} nats a bar, {float(right.double().mean()):.3f} right", file=sys.stderr)
    about = {"fitted to": "training tunes", "tunes of each meter, at most": args.tunes, "penalty": args.penalty}
    target.write_text(json.dumps({"about": about, "weights": dict(sorted(kept.items()))}, indent=0) + "\n", encoding="utf-8")
    print(f"{target}: {len(kept)} of {len(index)} weights")


if __name__ == "__main__":
    main()
