"""The card of a shipped model of drums, grooves or trios, in Markdown: what it is, what it learnt from, what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from musicvae.evaluate.table import Evaluation

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus

__all__ = ["card"]

_WHAT = {
    ("drums", ""): "A recurrent VAE of beats: hits of nine classes of drums on sixteenths, 1 to 16 bars of 4/4.",
    ("drums", "taps"): "A recurrent VAE of beats for given taps: which classes of drums are hit at each tap, 1 to 16 bars of 4/4.",
    ("groove", "hits"): "A recurrent VAE of how given beats are played: velocity and timing of every hit, 1 to 16 bars of 4/4. "
    "The hits themselves stay as they are.",
    ("trio", ""): "A recurrent VAE of trios: melody, bass and drums together, 1 to 16 bars of 4/4.",
}  # fmt: skip


def card(
    name: str,
    *,
    metadata: Mapping[str, Any],
    corpus: Corpus,
    evaluation: Evaluation,
    seen: str = "",
    left_out: Mapping[str, str] | None = None,
) -> str:
    """The card's text.

    metadata: of the model's file, as training wrote it. seen: what pictures of ten samples show. left_out: styles without a vector, and
    why. What the metadata does not say is left out.
    """
    config = metadata.get("config", {})
    parts = [
        f"# {name}",
        _WHAT.get((config.get("material", ""), config.get("told", "")), "A recurrent VAE of pieces.")
        + f"\nSizes: `{json.dumps(config, sort_keys=True)}`.",
        "The weights are licensed under Apache-2.0.",
        _data(corpus, metadata),
        _recipe(metadata),
    ]
    if left_out:
        parts.append("## Styles without a vector\n\n" + "\n".join(f"* {label}: {why}" for label, why in left_out.items()))
    if seen:
        parts.append(f"## Looked at\n\n{seen.strip()}")
    parts.append(f"## Measured\n\nOutput of `musicvae evaluate {name} CORPUS`.\n\n{_lowered(evaluation.to_text())}")
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _data(corpus: Corpus, metadata: Mapping[str, Any]) -> str:
    """The sources with origin and licence, and how they were divided."""
    rows = [
        f"| {source} | {about.get('origin', '')} | {about.get('licence', '')} | {about.get('tunes_read', '')} |"
        for source, about in corpus.report.get("sources", {}).items()
    ]
    table = "\n".join(["| collection | from | licence | pieces read |", "| --- | --- | --- | --- |", *rows])
    fingerprint = metadata.get("recipe", {}).get("corpus", "")
    made = "The corpus is made by `scripts/build_pieces_corpora.py`" + (f"; its fingerprint is `{fingerprint}`." if fingerprint else ".")
    return (
        f"## Data\n\n{table}\n\nThe network learnt from the corpus' training split alone; choices were made on its validation split, whole "
        f"sessions or songs that were held out. The test split was only measured on. {made}"
    )


def _recipe(metadata: Mapping[str, Any]) -> str:
    recipe = metadata.get("recipe", {})
    told = []
    if "steps" in metadata:
        minutes = f" in {metadata['seconds'] / 60:.0f} minutes" if "seconds" in metadata else ""
        best = f" (best on validation pieces at step {metadata['best_step']:,})" if "best_step" in metadata else ""
        told.append(f"Trained for {metadata['steps']:,} steps{minutes}{best}, seed {metadata.get('seed', 0)}.")
    if "versions" in metadata:
        told.append(f"With {', '.join(f'{k} {v}' for k, v in metadata['versions'].items())}.")
    for title, values in (("Options", recipe.get("options")), ("Validation", metadata.get("validation")), ("Prior", metadata.get("prior"))):
        if values:
            told.append(f"{title}: `{json.dumps(values, sort_keys=True)}`.")
    if "hit_threshold" in metadata:
        score = metadata.get("hit_threshold_f1_validation", float("nan"))
        told.append(f"Hits are expected above a chance of {metadata['hit_threshold']:g} (hit F1 of validation beats: {score:.3f}).")
    return "## Recipe\n\n" + "\n".join(told) if told else ""


def _lowered(text: str) -> str:
    """The tables without their own title, and a level further down, so that the card has one outline."""
    lines = text.split("\n")[1:]
    return "\n".join(f"#{line}" if line.startswith("## ") else line for line in lines).strip()
