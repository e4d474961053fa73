"""The whole evaluation of a model of drums, grooves or trios: what `musicvae evaluate` prints and a model's card quotes.

Everything is measured on windows of the test split. What has to be fitted (linear codes, regressions, judges of styles) is fitted
on the other splits. The same model, corpus, options and seed give the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.evaluate.pieces import drumify, drums, moves, samples, styles
from musicvae.evaluate.pieces.job import FULL, QUICK, Job, PieceEffort
from musicvae.evaluate.table import Evaluation, Section
from musicvae.music.meter import counted_bars

if TYPE_CHECKING:
    from musicvae.compose.pieces.engine import PieceEngine
    from musicvae.corpus.store import Corpus

__all__ = ["corpus_material", "evaluate_pieces"]

_MATERIALS = {"drums": ("drums", "groove"), "groove": ("groove",), "trio": ("trio",)}
"""What corpora a model of a material is measured on: the hits of grooves are drums."""


def evaluate_pieces(
    model: PieceModel | str | Path,
    corpus: Corpus,
    *,
    quick: bool = False,
    effort: PieceEffort | None = None,
    progress: Callable[[str], None] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Measure a model, given loaded or by name or path, on the test split of a corpus.

    quick: fewer of everything (`QUICK`); effort overrides it. progress hears a line of text as each part begins and after each batch.
    ValueError for a model of melodies or performances, where the corpus is of another material, or has no test window long enough.
    """
    loaded = model if isinstance(model, PieceModel) else load(model)
    if not isinstance(loaded, PieceModel) or loaded.material not in _MATERIALS:
        raise ValueError(f"{loaded.name} is a model of {loaded.material}; measured here are those of {', '.join(_MATERIALS)}")
    if corpus.material not in _MATERIALS[loaded.material]:
        wanted = " or ".join(_MATERIALS[loaded.material])
        raise ValueError(f"this corpus holds {corpus.material}, and {loaded.name} is measured on {wanted}: build one with --kind {wanted}")
    job = Job(loaded, corpus, effort or (QUICK if quick else FULL), progress or (lambda text: None), seed)
    counts = _test_counts(job)
    if not any(windows for windows, _ in counts.values()):
        shortest = min(counts)
        raise ValueError(
            f"the corpus has no test windows of {counted_bars(shortest)} to measure on: is it a corpus with a test split, "
            "or a folder of so few files that none is held out?"
        )
    sections = tuple(_sections(job))
    about: dict[str, Any] = {
        "model": loaded.name,
        "material": loaded.material,
        "hash": loaded.hash,
        "seed": seed,
        "effort": asdict(job.effort),
    }
    about["test windows"] = {f"{bars} bars": windows for bars, (windows, _) in counts.items()}
    about["test tunes"] = {f"{bars} bars": tunes for bars, (_, tunes) in counts.items()}
    judged = (styles.StyleNamedRow, moves.MoveRow)
    measured = {row.style for section in sections for row in section.rows if isinstance(row, judged)}
    about["styles not measured"] = [vector.name for vector in job.styles if vector.name not in measured]
    return Evaluation(about, sections)


def corpus_material(engine: PieceEngine) -> str:
    """The material that a corpus should be built of to measure this network on: taps have their timing from grooves."""
    return "groove" if engine.guide == "taps" else engine.material


def _sections(job: Job) -> Iterator[Section]:
    """The tables for the kind of model; those of grooves and trios come from modules of their own."""
    if job.engine.material == "trio":
        from musicvae.evaluate.pieces import trios

        yield from trios.sections(job)
        yield from moves.sections(job)
        return
    if job.engine.guide == "hits":
        from musicvae.evaluate.pieces import grooves

        yield from grooves.sections(job)
    elif job.engine.guide == "taps":
        yield from drumify.sections(job)
    else:
        yield from drums.sections(job)
        yield from samples.sections(job)
    yield from styles.sections(job)
    yield from moves.sections(job)


def _test_counts(job: Job) -> dict[int, tuple[int, int]]:
    """Test windows and their recordings by bars."""
    counts = {}
    for bars in job.lengths(drums.LENGTHS) or (1,):
        windows = job.windows(bars=bars)
        counts[bars] = (len(windows), len(np.unique(windows.tunes)))
    return counts
