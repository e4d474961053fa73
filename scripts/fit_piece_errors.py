"""Fit the networks by which `musicvae repair` finds wrong hits and notes, to training beats and songs.

    python scripts/fit_piece_errors.py DRUMS TRIO [-o musicvae/pretrained/piece_errors.json] [--epochs 8] [--width 96] [--force]

DRUMS and TRIO are folders of corpora. Windows of 16, 12, 8 and 4 bars with 2, 5 or 10 % of their hits and notes wrong; what is learned is
each hit and each pitch as it was, by cross-entropy (AdamW, one cycle). Prints nats on training and validation windows after each epoch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from musicvae.compose.judging.events.hit_facts import CLASSES, hit_facts
from musicvae.compose.judging.events.keys import canonical_shift, transposed_columns
from musicvae.compose.judging.events.note_facts import REACH, note_facts, possible
from musicvae.compose.judging.events.odds import Layers, PieceOdds
from musicvae.corpus.store import Corpus
from musicvae.evaluate.pieces.errors import with_moved_hits, with_wrong_pitches
from musicvae.evaluate.pieces.windows import select_pieces
from musicvae.music.converters.drum_hits import bits_of
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE

SHARES = (0.02, 0.05, 0.1)
HIT_WINDOWS = {"drums": ((16, 1000), (12, 150), (8, 250), (4, 250)), "trio": ((16, 1000), (12, 150), (8, 250), (4, 250))}
NOTE_WINDOWS = ((16, 1000), (16, 1000), (8, 500), (4, 300))
RATE, DECAY = 4e-3, 0.02
Windows = list[dict[str, np.ndarray]]
Loss = Callable[[Tensor, Tensor], Tensor]


def windows(corpus: Corpus, split: str, lengths: tuple[tuple[int, int], ...]) -> Windows:
    """Windows of a split, so many of each length, in songs one of each."""
    found = []
    for seed, (bars, limit) in enumerate(lengths):
        one = corpus.material == "trio" or split != "train"
        chosen = select_pieces(corpus, split, bars=bars, limit=limit, one_per_tune=one, seed=seed)
        found += [{name: rows[row] for name, rows in chosen.columns.items()} for row in range(len(chosen))]
    return found


def beats(music: Windows) -> list[np.ndarray]:
    """The hits (B, 16, 9) of those that have some."""
    every = [bits_of(window["drums" if "drums" in window else "bars"], CLASSES) > 0 for window in music]
    return [hits for hits in every if hits.any()]


def hit_data(music: list[np.ndarray], usual: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Facts about each place of damaged beats, and what was there."""
    rng = np.random.default_rng(seed)
    pairs = []
    for hits in music:
        heard, _ = with_moved_hits(hits, float(rng.choice(SHARES)), rng)
        facts = hit_facts(heard, usual).astype(np.float32)
        pairs.append((facts.reshape(-1, facts.shape[-1]), hits.reshape(-1).astype(np.float32)))
    return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


def note_data(music: Windows, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Facts about pitches around those of damaged songs, and which of them was there; what is no pitch has NaN."""
    rng = np.random.default_rng(seed)
    pairs = []
    for window in music:
        share = float(rng.choice(SHARES))
        heard = {**window, **{line: with_wrong_pitches(window[line], share, rng)[0] for line in ("bars", "bass")}}
        shift = canonical_shift(heard)
        true, heard = (transposed_columns({name: rows[name] for name in ("bars", "bass", "drums")}, shift) for rows in (window, heard))
        for line in ("bars", "bass"):
            notes = true[line][true[line] >= FIRST_PITCH_TOKEN].astype(np.int64)
            if len(notes) > 1:
                middle = np.clip(notes + rng.integers(-REACH, REACH + 1, len(notes)), FIRST_PITCH_TOKEN, VOCABULARY_SIZE - 1)
                facts = note_facts(heard, line, middle).astype(np.float32)
                facts[~possible(middle[:, None] + np.arange(-REACH, REACH + 1))] = np.nan
                pairs.append((facts, notes - middle + REACH))
    return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


def hit_loss(outputs: Tensor, struck: Tensor) -> Tensor:
    """Cross-entropy of hits."""
    return functional.binary_cross_entropy_with_logits(outputs, struck)


def note_loss(outputs: Tensor, which: Tensor) -> Tensor:
    """Cross-entropy of pitches."""
    return functional.cross_entropy(outputs, which)


def output(net: nn.Module, facts: Tensor) -> Tensor:
    """What it says (...) of facts (..., F); next to nothing for NaN."""
    none = facts[..., 0].isnan()
    return net(facts.masked_fill(none[..., None], 0.0))[..., 0].masked_fill(none, -1e9)


def fitted(train: tuple[np.ndarray, ...], held: list[tuple[np.ndarray, ...]], loss: Loss, batch: int, args: argparse.Namespace) -> Layers:
    """The network."""
    facts, wanted = train
    rows = facts.reshape(-1, facts.shape[-1])
    mean, scale = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0) + 1e-2
    x, y = torch.tensor((facts - mean) / scale), torch.tensor(wanted)
    tests = [(torch.tensor((a - mean) / scale), torch.tensor(b)) for a, b in held]
    torch.manual_seed(0)
    widths = (x.shape[-1], args.width, args.width // 2, 1)
    linear = [nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False)]
    net = nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=args.epochs * (len(x) // batch) + 1)
    for epoch in range(args.epochs):
        told = []
        for chosen in batches(len(x), batch, epoch):
            value = loss(output(net, x[chosen]), y[chosen])
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()
            schedule.step()
            told.append(float(value.detach()))
        with torch.no_grad():
            others = [float(loss(output(net, a), b)) for a, b in tests]
        print(
            f"epoch {epoch + 1}: {np.mean(told):.4f} nats in training, {', '.join(f'{nats:.4f}' for nats in others)} held out", flush=True
        )
    layers = [(layer.weight.detach().numpy().T.astype(float), layer.bias.detach().numpy().astype(float)) for layer in linear]
    matrix, offset = layers[0]
    layers[0] = (matrix / scale[:, None], offset - (mean / scale) @ matrix)
    return Layers(layers)


def batches(count: int, batch: int, seed: int) -> Iterator[Tensor]:
    """All rows in some order, so many at once, without the last few."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    yield from (order[start : start + batch] for start in range(0, count - batch + 1, batch))


def main() -> None:
    """Fit, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("drums")
    parser.add_argument("trio")
    parser.add_argument("-o", "--output", default="musicvae/pretrained/piece_errors.json")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    if Path(args.output).exists() and not args.force:
        parser.error(f"{args.output} exists: give --force to replace it")
    corpora = {"drums": Corpus.load(args.drums), "trio": Corpus.load(args.trio)}
    train = [hits for name, corpus in corpora.items() for hits in beats(windows(corpus, "train", HIT_WINDOWS[name]))]
    usual = (np.concatenate(train).sum(axis=0) + 0.5) / (sum(map(len, train)) + 1)
    held = [hit_data(beats(windows(corpus, "validation", ((16, 1000),))), usual, 1) for corpus in corpora.values()]
    hits = fitted(hit_data(train, usual, 0), held, hit_loss, 4096, args)
    songs = windows(corpora["trio"], "train", NOTE_WINDOWS), windows(corpora["trio"], "validation", ((16, 1000),))
    pitches = fitted(note_data(songs[0], 0), [note_data(songs[1], 1)], note_loss, 512, args)
    data = {"about": {"fitted to": "training beats and songs with errors"}, **PieceOdds(usual, hits, pitches).to_json()}
    Path(args.output).write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
