"""How a style vector is learnt for drums, grooves, trios and performances.

* From examples: the mean of their mu minus that of others, or minus the mean over the network's training data (its file's
  ``mean_mu``), which the prior gives as 0 where it is not stated. Strength 1 is the whole difference.
* From an attribute (`compose.pieces.attributes`): by "joint" or "difference" (`compose.directions`), from pieces given or, where
  none are, from what the network draws; then scaled so that strength 1 moves the mean by one standard deviation.

Passages are those of `compose.pieces.passages`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from musicvae.compose.calibration import scaled_side
from musicvae.compose.directions import METHODS, joint_way, quartile_way
from musicvae.compose.engine import Floats
from musicvae.compose.learning import STRENGTHS, Lesson, Tell
from musicvae.compose.limits import check_choice
from musicvae.compose.pieces.attributes import attributes_of
from musicvae.compose.pieces.coding import decode_windows, in_use, like_bars
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import asked_guide
from musicvae.compose.pieces.passages import Passages, decoded, encoded, measure, passages_of
from musicvae.compose.pieces.windows import Reading
from musicvae.compose.styles import StyleVector
from musicvae.model.noise import piece_seed
from musicvae.music.piece import Piece

__all__ = ["Examples", "learn_from_attribute", "learn_from_examples", "with_effects"]

_MIN_PASSAGES = 8
_NUM_MEASURED = 64
_OWN_PIECES = 256
_OWN_BARS = 4  # of a network that takes any number
_MAX_HELD = ("density",)

Examples: TypeAlias = Sequence[Piece] | Passages
"""Pieces, or their passages where they are encoded already."""


def learn_from_examples(
    engine: PieceEngine, lesson: Lesson, examples: Examples, versus: Examples | None = None, *, tell: Tell
) -> StyleVector:
    """The vector from others, or from the mean of the training data, to the examples; ValueError where it would be 0."""
    tell(f"encoding {len(examples)} pieces")
    passages = _passages(engine, examples)
    others = None if versus is None else _passages(engine, versus)
    direction = passages.filled(engine).mean(axis=0) - (_training_mean(engine) if others is None else others.filled(engine).mean(axis=0))
    direction = in_use(engine, direction, min(max(passages.bars), max(passages.bars if others is None else others.bars)))
    if not np.linalg.norm(direction):
        raise ValueError("both groups have the same mean: there is nothing to learn; was one folder given twice?")
    vector = StyleVector(
        name=lesson.name, direction=direction, model_hash=engine.hash, meter=lesson.meter, tempo_qpm=lesson.tempo_qpm,
        description=lesson.description or f"what {len(examples)} pieces have in common",
        report={"learnt": "examples", "passages": len(passages), "versus_passages": None if others is None else len(others)},
    )  # fmt: skip
    if others is None:
        others = _own_passages(engine, _NUM_MEASURED, passages, tell)
    return with_effects(engine, vector, others, tell)


def learn_from_attribute(
    engine: PieceEngine,
    lesson: Lesson,
    attribute: str,
    pieces: Examples | None = None,
    *,
    method: str = "joint",
    hold: Sequence[str] | None = None,
    tell: Tell,
) -> StyleVector:
    """The scaled vector of an attribute of the engine's material, as told above.

    hold: attributes that method "joint" leaves alone (default: density). Every fourth passage is kept apart to scale by,
    where there are 32 or more. ValueError for fewer than 8 passages and for an attribute that does not vary.
    """
    check_choice("method", method, METHODS)
    names = [attribute, *(name for name in (_MAX_HELD if hold is None else hold) if name != attribute)]
    for name in names:
        check_choice("attribute", name, attributes_of(engine.material))
    passages = _own_passages(engine, _OWN_PIECES, None, tell) if pieces is None else _passages(engine, pieces)
    if len(passages) < _MIN_PASSAGES:
        few = "1 passage" if len(passages) == 1 else f"{len(passages)} passages"
        length = "1 bar" if engine.bars == 1 else f"{engine.bars} bars" if engine.fixed_window else f"1 to {engine.bars} bars"
        raise ValueError(f"too few passages, {few} of {length}; at least {_MIN_PASSAGES} are needed")
    learnt, kept = _split(passages)
    values = np.stack([measure(engine, name, learnt.windows) for name in names], axis=1)
    if values[:, 0].std() <= 0:
        raise ValueError(f"all pieces have the same {attribute} ({values[0, 0]:g}): there is nothing to learn it from")
    direction = joint_way(learnt.filled(engine), values) if method == "joint" else quartile_way(learnt.filled(engine), values[:, 0])
    vector = StyleVector(
        name=lesson.name, direction=direction, model_hash=engine.hash, attribute=attribute, meter=lesson.meter,
        tempo_qpm=lesson.tempo_qpm, description=lesson.description or f"more {attribute}",
        report={"learnt": "attribute", "method": method, "held": names[1:] if method == "joint" else [], "passages": len(learnt)},
    )  # fmt: skip
    target = float(measure(engine, attribute, kept.windows).std())
    return with_effects(engine, _scaled(engine, vector, attribute, kept.some(_NUM_MEASURED), target, tell), kept, tell)


def _scaled(engine: PieceEngine, vector: StyleVector, attribute: str, passages: Passages, target: float, tell: Tell) -> StyleVector:
    """The vector whose strengths 1 and -1 move the mean by the target, or as far as the network goes."""
    tell(f"calibrating on {len(passages)} passages")
    before = measure(engine, attribute, passages.windows)
    if target <= 0:
        raise ValueError(f"{attribute} does not vary over the {len(passages)} passages given to calibrate by")

    def effect(scale: float) -> float:
        return float(measure(engine, attribute, decoded(engine, passages, scale * vector.direction)).mean() - before.mean())

    at_rest = effect(0.0)
    up, down = (scaled_side(effect, sign, target, at_rest) for sign in (1, -1))
    found = {
        "passages": len(passages), "standard_deviation": float(before.std()), "target": target, "effect_at_0": at_rest,
        "effect_at_1": up.effect, "effect_at_-1": down.effect, "reached": up.reached, "reached_down": down.reached,
    }  # fmt: skip
    return replace(vector, scale=up.scale, scale_down=down.scale, report={**vector.report, "calibration": found})


def with_effects(engine: PieceEngine, vector: StyleVector, passages: Passages, tell: Tell) -> StyleVector:
    """The vector whose report says what each strength does to every attribute, in standard deviations."""
    tell("measuring what it moves")
    passages = passages.some(_NUM_MEASURED)
    played = [decoded(engine, passages, s * (vector.scale if s >= 0 else vector.scale_down) * vector.direction) for s in STRENGTHS]
    effects: dict[str, Mapping[str, Any]] = {}
    at_rest = played[STRENGTHS.index(0.0)]
    for name in attributes_of(engine.material):
        rest = measure(engine, name, at_rest)
        spread = float(rest.std())
        changes = [float(measure(engine, name, windows).mean() - rest.mean()) for windows in played]
        effects[name] = {"standard_deviation": spread, "moves": [change / spread if spread > 0 else 0.0 for change in changes]}
    return replace(vector, report={**vector.report, "strengths": list(STRENGTHS), "effects": effects})


def _own_passages(engine: PieceEngine, count: int, like: Passages | None, tell: Tell) -> Passages:
    """Windows that the network draws itself, always the same; told what the passages of `like` are told, else no chords."""
    tell("composing pieces to measure it on")
    seeds = [piece_seed(0, row) for row in range(count)]
    bars, guides = _told(engine, count, like)
    z = np.zeros((count, engine.config.z_size))
    for length, rows in like_bars(bars):
        known = {name: np.stack([guides[row][name] for row in rows]) for name in guides[rows[0]]}
        z[rows] = engine.sample_prior([seeds[row] for row in rows], bars=length, told=known or None)
    windows = [Reading(0, 0, length, length) for length in bars]
    played = decode_windows(engine, z, windows, guides, temperature=1.0, seeds=seeds)
    extra = [{name: rows for name, rows in guide.items() if name != "hits"} for guide in guides]
    return encoded(engine, [{**columns, **more} for columns, more in zip(played, extra, strict=True)], guides)


def _told(engine: PieceEngine, count: int, like: Passages | None) -> tuple[list[int], list[Columns]]:
    """How long own passages are and what the network is told of each."""
    if like is None:
        bars = engine.bars if engine.fixed_window else min(engine.bars, _OWN_BARS)
        return [bars] * count, [asked_guide(engine, bars)] * count
    rows = [row % len(like) for row in range(count)]
    return [like.bars[row] for row in rows], [like.guides[row] for row in rows]


def _training_mean(engine: PieceEngine) -> Floats:
    stated: Any = engine.metadata.get("mean_mu")
    mean = np.zeros(engine.config.z_size) if stated is None else np.asarray(stated, np.float64)
    if mean.shape != (engine.config.z_size,) or not np.isfinite(mean).all():
        raise ValueError(f"the model's mean_mu has shape {mean.shape}, not ({engine.config.z_size},): is its file damaged?")
    return mean


def _passages(engine: PieceEngine, examples: Examples) -> Passages:
    return examples if isinstance(examples, Passages) else passages_of(engine, examples)


def _split(passages: Passages) -> tuple[Passages, Passages]:
    """Every fourth passage apart, where that leaves enough; else all twice."""
    if len(passages) < 4 * _MIN_PASSAGES:
        return passages, passages
    rows = range(len(passages))
    return passages.take([row for row in rows if row % 4 != 3]), passages.take([row for row in rows if row % 4 == 3])
