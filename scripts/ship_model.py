"""Make a trained model ready to ship: settle its form, learn its styles, measure it, write its card.

    python scripts/ship_model.py MODEL CORPUS -o FOLDER [--name melody] [--quick]

Writes NAME.safetensors, NAME.styles.safetensors, NAME.json (the measured figures) and NAME.md (the
card) into FOLDER. Choices are made on validation tunes, styles are learnt from training tunes and
calibrated on validation tunes; test tunes are only measured on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.compose.directions import mean_mu
from musicvae.compose.generating import Order, draw_tokens
from musicvae.compose.learning import Lesson, learn_from_attribute, learn_from_examples
from musicvae.compose.passages import Passages, passages_of_tokens
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.corpus.store import Corpus
from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.run import evaluate
from musicvae.model.engine import Engine
from musicvae.model.noise import piece_seed
from musicvae.model.weights import add_metadata
from musicvae.music.attributes import PAPER_ATTRIBUTES, different_bars
from musicvae.music.key import Key
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import canonical_tokens

THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(6, 19))
FEWEST_TUNES = 30
"""Training tunes that a dance type needs for a style of its own."""
# Usual tempi in quarter notes a minute: a jig's dotted quarter at 116 is a quarter at 174.
TEMPI_QPM = {
    "jig": 174.0, "reel": 200.0, "hornpipe": 160.0, "waltz": 150.0, "march": 112.0, "polka": 130.0, "strathspey": 120.0,
    "clog": 150.0, "highland-fling": 150.0, "quickstep": 174.0, "walkaround": 140.0, "hymn": 96.0, "pop": 88.0, "song": 92.0, "air": 96.0,
}  # fmt: skip
LABELS_LEFT_OUT = ("pop", "hymn", "song", "ashover", "playford", "christmas")  # sources and occasions, not dances


def settle_form(engine: Engine, corpus: Corpus, pieces: int) -> dict[str, Any]:
    """When bars of each meter count as the same idea: so that pieces have as many different bars as validation tunes."""
    real, weights, spreads = [], [], []
    for kind in range(len(KINDS)):
        windows = select_windows(corpus, "validation", kind)
        real.append(float(np.mean([different_bars(canonical_tokens(t)) for t in windows.tokens])))
        weights.append(len(windows))
        mu, sigma = engine.encode(windows.tokens[:pieces], kind)
        z = mu + sigma * np.random.default_rng(kind).standard_normal(mu.shape)
        spreads.append(float(engine.bar_spread(z, bars=16, kind=kind).mean()))
    engine.usual_spread = float(np.average(spreads, weights=weights))
    tried: dict[float, list[float]] = {}
    for threshold in THRESHOLDS:
        engine.return_thresholds = (threshold,) * len(KINDS)
        found = []
        for meter in KINDS:
            tokens = draw_tokens(engine, [piece_seed(0, i) for i in range(pieces)], Order(bars=16, meter=Meter.parse(meter)))
            found.append(float(np.mean([different_bars(canonical_tokens(t)) for t in tokens])))
        tried[threshold] = found
        print(f"  bars count as the same below {threshold:.2f}: different bars {np.round(found, 3)}, real {np.round(real, 3)}", flush=True)
        if all(f < r - 0.02 for f, r in zip(found, real, strict=True)):
            break  # from here on the shares only fall
    best = [min(tried, key=lambda t: (abs(tried[t][kind] - real[kind]), t)) for kind in range(len(KINDS))]
    reached = [tried[threshold][kind] for kind, threshold in enumerate(best)]
    form = {"different_bars_validation": real, "different_bars_generated": reached}
    return {"return_threshold": best, "usual_spread": engine.usual_spread, "form": form}


def encoded(
    engine: Engine, corpus: Corpus, split: str, kind: int, at_most: int, label: str | None = None, *, others: bool = False
) -> Passages | None:
    """Windows of a split as passages, one a tune: of any label, of one, or of all others."""
    windows = select_windows(corpus, split, kind, one_per_tune=True)
    if label is not None:
        windows = windows.take(np.flatnonzero((windows.labels == corpus.labels.index(label)) != others))
    if len(windows) > at_most:
        windows = windows.take(np.sort(np.random.default_rng(0).permutation(len(windows))[:at_most]))
    if not len(windows):
        return None
    meter = Meter.parse(KINDS[kind])
    return passages_of_tokens(engine, windows.tokens, meter, [Key(0)] * len(windows))


def joined(parts: list[Passages]) -> Passages:
    return Passages(np.concatenate([p.mu for p in parts]), sum((p.tokens for p in parts), ()), sum((p.melodies for p in parts), ()))


def learn_styles(engine: Engine, corpus: Corpus, at_most: int) -> list[StyleVector]:
    """Vectors for the paper's attributes and for every dance type with enough tunes."""
    train = joined([p for k in range(len(KINDS)) if (p := encoded(engine, corpus, "train", k, at_most))])
    held = joined([p for k in range(len(KINDS)) if (p := encoded(engine, corpus, "validation", k, at_most))])
    vectors = []
    for name in PAPER_ATTRIBUTES:
        vectors.append(learn_from_attribute(engine, Lesson(name), name, train, validation=held, num_measured=160))
        print(f"  {name}: {json.dumps(vectors[-1].report['calibration'])}", flush=True)
    for label in corpus.labels:
        vector = learn_dance(engine, corpus, label, at_most)
        if vector is not None:
            vectors.append(vector)
    return vectors


def learn_dance(engine: Engine, corpus: Corpus, label: str, at_most: int) -> StyleVector | None:
    """The vector from other tunes of its meter to a dance type; None for too few tunes."""
    own = (corpus.label == corpus.labels.index(label)) & (corpus.split == 0)
    if label in LABELS_LEFT_OUT or own.sum() < FEWEST_TUNES:
        return None
    kind = int(np.bincount(corpus.kind[own], minlength=len(KINDS)).argmax())
    examples = encoded(engine, corpus, "train", kind, at_most, label)
    others = encoded(engine, corpus, "train", kind, at_most, label, others=True)
    if examples is None or others is None or len(examples) < FEWEST_TUNES:
        return None
    lesson = Lesson(label, f"tunes named {label} beside other tunes in {KINDS[kind]}", Meter.parse(KINDS[kind]), TEMPI_QPM.get(label))
    print(f"  {label}: {len(examples)} tunes in {KINDS[kind]}", flush=True)
    return learn_from_examples(engine, lesson, examples, others)


def card(name: str, metadata: dict[str, Any], corpus: Corpus, table: str) -> str:
    """The model card, in Markdown."""
    recipe, versions = metadata["recipe"], metadata["versions"]
    sources = "\n".join(
        f"| {source} | {about.get('origin', '')} | {about.get('licence', '')} | {about.get('tunes_read', '')} |"
        for source, about in corpus.report["sources"].items()
    )
    return f"""# {name}

A hierarchical recurrent VAE of melodies, up to 16 bars of 4/4, 3/4 or 6/8 (2/4 and 2/2 on the grid of 4/4).
Sizes: `{json.dumps(metadata["config"], sort_keys=True)}`.

The weights are licensed under Apache-2.0. They hold no tune of the data they were learnt from; how much of what they
write is found in it word for word is measured below.

## Data

| collection | from | licence | tunes read |
|---|---|---|---|
{sources}

Near-duplicates were removed across collections, whatever their key, and tunes were split by families of
related tunes before the first training. The corpus is made by `scripts/build_corpus.py`; its fingerprint is `{recipe["corpus"]}`.
Where readers have been improved since, that script gives another corpus, but holds out the same tunes.

## Recipe

Trained with the recipe of `scripts/train_shipped.py` for {metadata["steps"]:,} steps in {metadata["seconds"] / 60:.0f} minutes,
prior included, on two CPU cores
(best on validation tunes at step {metadata["best_step"]:,}), seed {metadata["seed"]}, precision {recipe["precision"]},
with {", ".join(f"{k} {v}" for k, v in versions.items())}.
Options: `{json.dumps(recipe["options"], sort_keys=True)}`.
Validation: `{json.dumps(metadata["validation"], sort_keys=True)}`. Prior: `{json.dumps(metadata["prior"], sort_keys=True)}`.
The budget is time, so that another machine makes other weights.
Bars count as the same idea when pieces are drawn below a distance of {", ".join(map(str, metadata["return_threshold"]))} spreads of a
tune's bars in {", ".join(KINDS)}, chosen on validation tunes.

## Measured

Output of `musicvae evaluate {name} CORPUS`.

{table}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--name", default="melody")
    parser.add_argument("--quick", action="store_true", help="few of everything, to try the script")
    args = parser.parse_args()
    corpus = Corpus.load(args.corpus)
    engine = Engine.load(args.model)
    print("form", flush=True)
    entries = settle_form(engine, corpus, 16 if args.quick else 128)
    train = joined([p for k in range(len(KINDS)) if (p := encoded(engine, corpus, "train", k, 200 if args.quick else 2000))])
    entries |= {"mean_mu": [round(float(x), 5) for x in mean_mu(train, engine.config)], "name": args.name}
    path = add_metadata(args.model, args.out / f"{args.name}.safetensors", entries)
    engine = Engine.load(path)
    print("styles", flush=True)
    vectors = learn_styles(engine, corpus, 200 if args.quick else 2000)
    save_styles(vectors, args.out / f"{args.name}.styles.safetensors", force=True)
    print("evaluation", flush=True)
    result = evaluate(path, corpus, quick=args.quick, progress=lambda text: print(f"  {text}", flush=True) if ":" not in text else None)
    (args.out / f"{args.name}.json").write_text(result.to_json() + "\n", encoding="utf-8")
    (args.out / f"{args.name}.md").write_text(card(args.name, dict(engine.metadata), corpus, result.to_text()), encoding="utf-8")


if __name__ == "__main__":
    main()
