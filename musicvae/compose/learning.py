"""How a style vector is learnt, from the melodies given to a vector with a report.

* From examples: the mean of their mu minus that of others, or minus the mean over the model's
  training tunes where no others are given. Strength 1 is the whole difference.
* From an attribute: by "joint" or "difference" (`compose.directions`), from melodies given or, where none
  are, from pieces the model draws; then calibrated (`compose.calibration`), on passages held out where there are enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musicvae.compose.calibration import attribute_named, calibrate, measure_effects
from musicvae.compose.directions import METHODS, difference_direction, joint_direction, quartile_direction
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.generating import Order, draw
from musicvae.compose.limits import check_choice
from musicvae.compose.passages import Passages, passages_of
from musicvae.compose.styles import StyleVector
from musicvae.model.noise import piece_seed
from musicvae.music.attributes import PAPER_ATTRIBUTES
from musicvae.music.melody import Melody
from musicvae.music.meter import KINDS, Meter

__all__ = ["Lesson", "few_notices", "learn_from_attribute", "learn_from_examples", "own_pieces"]

STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)
_MIN_PASSAGES = 8
_NUM_MEASURED = 64
# By kind of meter, in the order of `KINDS`.
_OWN_PIECES = (128, 64, 64)
_FEW_PIECES = (32, 16, 16)
_MOSTLY = 0.9

Tell = Callable[[str], None]
"""Takes a few words on what is done next."""


def _untold(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Lesson:
    """What a vector is called and said to be; meter and tempo_qpm: what generating with it uses unless told otherwise."""

    name: str
    description: str = ""
    meter: Meter | None = None
    tempo_qpm: float | None = None


def learn_from_examples(
    engine: Engine,
    lesson: Lesson,
    examples: Sequence[Melody] | Passages,
    versus: Sequence[Melody] | Passages | None = None,
    *,
    tell: Tell = _untold,
) -> StyleVector:
    """The vector from others, or from the mean of the training tunes, to the examples; ValueError where it would be 0.

    Where the lesson names no meter and at least nine in ten examples are of one kind, that is the
    vector's, unless the others are of that kind too. tell: called with what is done next.
    """
    passages = _passages(engine, examples, tell)
    others = None if versus is None else _passages(engine, versus, tell)
    direction = difference_direction(passages, _training_mean(engine) if others is None else others, engine.config)
    if not np.linalg.norm(direction):
        raise ValueError("both groups of melodies have the same mean: there is nothing to learn; was one folder given twice?")
    kind = _main_kind(passages)
    hint = kind if kind is not None and (others is None or _main_kind(others) != kind) else None
    vector = StyleVector(
        name=lesson.name, direction=direction, model_hash=engine.hash, meter=lesson.meter or hint, tempo_qpm=lesson.tempo_qpm,
        description=lesson.description or f"what {len(examples)} melodies have in common",
        report={"learnt": "examples", "passages": len(passages), "versus_passages": None if others is None else len(others)},
    )  # fmt: skip
    if others is None:
        tell("composing pieces to measure it on")
        others = _passages(engine, own_pieces(engine, _FEW_PIECES), tell)
    return _with_effects(engine, vector, others, tell=tell)


def learn_from_attribute(
    engine: Engine,
    lesson: Lesson,
    attribute: str,
    melodies: Sequence[Melody] | Passages | None = None,
    *,
    method: str = "joint",
    hold: Sequence[str] | None = None,
    validation: Sequence[Melody] | Passages | None = None,
    num_measured: int = _NUM_MEASURED,
    tell: Tell = _untold,
) -> StyleVector:
    """The calibrated vector of an attribute (a name in `music.attributes.ATTRIBUTES`).

    melodies: passages if they are encoded already; None draws 256 pieces from the model. hold: attributes that method "joint" leaves
    alone (default: the other ones of the paper's five). validation: what it is calibrated on
    (default: every fourth passage, which is then not learnt from, or all where there are fewer than
    32): strength 1 is one standard deviation over all of these, reached on at most `num_measured` of
    them. tell: called with what is done next. ValueError for fewer than 8 passages.
    """
    check_choice("method", method, METHODS)
    names = [attribute, *(name for name in (PAPER_ATTRIBUTES if hold is None else hold) if name != attribute)]
    measures = [attribute_named(name) for name in names]
    if melodies is None:
        tell("composing pieces to learn from")
        melodies = own_pieces(engine)
    passages = _passages(engine, melodies, tell)
    if (count := len(passages)) < _MIN_PASSAGES:
        raise ValueError(f"{count} passages of up to {engine.config.max_bars} bars are too few; at least {_MIN_PASSAGES} are needed")
    learnt, held = _split(passages) if validation is None else (passages, _passages(engine, validation, tell))
    values = np.stack([learnt.measured(measure) for measure in measures], axis=1)
    if values[:, 0].std() <= 0:
        raise ValueError(f"all melodies have the same {attribute} ({values[0, 0]:g}): there is nothing to learn it from")
    if method == "joint":
        direction = joint_direction(learnt, values, engine.config)
    else:
        direction = quartile_direction(learnt, values[:, 0], engine.config)
    vector = StyleVector(
        name=lesson.name, direction=direction, model_hash=engine.hash, attribute=attribute, meter=lesson.meter,
        tempo_qpm=lesson.tempo_qpm, description=lesson.description or f"more {attribute}",
        report={"learnt": "attribute", "method": method, "held": names[1:] if method == "joint" else [], "passages": len(learnt)},
    )  # fmt: skip
    target = float(held.measured(measures[0]).std())
    measured = _some(held, num_measured)
    tell(f"calibrating on {len(measured)} passages")
    return _with_effects(engine, calibrate(engine, vector, measured, target=target), held, num_measured, tell=tell)


def few_notices(vector: StyleVector) -> tuple[str, ...]:
    """A notice where a vector was learnt from fewer than 8 passages, else none."""
    count = vector.report["passages"]
    if count >= _MIN_PASSAGES:
        return ()
    return (f"learnt from {count} passage{'' if count == 1 else 's'} only: too few to tell the style from the tunes; give it thirty",)


def own_pieces(engine: Engine, counts: Sequence[int] = _OWN_PIECES) -> list[Melody]:
    """Pieces that the model draws, so many of each kind of meter (those it does not know shared among the others), always the same."""
    pieces = []
    known = engine.config.kinds
    # A model that knows fewer kinds draws as many pieces, of those.
    shares = counts if len(known) == len(KINDS) else [sum(counts) // len(known) * (kind in known) for kind in range(len(KINDS))]
    for kind, count in zip(KINDS, shares, strict=True):
        order = Order(bars=engine.config.max_bars, meter=Meter.parse(kind))
        pieces += draw(engine, [piece_seed(0, piece) for piece in range(count)], order)
    return pieces


def _training_mean(engine: Engine) -> Floats:
    """The mean mu of the training tunes, where the model's file has it ("mean_mu"), else 0, the prior's."""
    stated: Any = engine.metadata.get("mean_mu")
    mean = np.zeros(engine.config.z_size) if stated is None else np.asarray(stated, np.float64)
    if mean.shape != (engine.config.z_size,) or not np.isfinite(mean).all():
        raise ValueError(f"the model's mean_mu has shape {mean.shape}, not ({engine.config.z_size},): is its file damaged?")
    return mean


def _main_kind(passages: Passages) -> Meter | None:
    kind, count = Counter(melody.meter.kind for melody in passages.melodies).most_common(1)[0]
    return Meter.parse(kind) if count >= _MOSTLY * len(passages) else None


def _split(passages: Passages) -> tuple[Passages, Passages]:
    """Every fourth passage apart, where that leaves enough; else all twice."""
    if len(passages) < 4 * _MIN_PASSAGES:
        return passages, passages
    held = range(3, len(passages), 4)
    return passages.take([row for row in range(len(passages)) if row % 4 != 3]), passages.take(held)


def _passages(engine: Engine, melodies: Sequence[Melody] | Passages, tell: Tell = _untold) -> Passages:
    if isinstance(melodies, Passages):
        return melodies
    tell(f"encoding {len(melodies)} melodies")
    return passages_of(engine, melodies)


def _some(passages: Passages, at_most: int) -> Passages:
    """So many passages at most, evenly spread."""
    count = min(at_most, len(passages))
    return passages.take([row * len(passages) // count for row in range(count)])


def _with_effects(
    engine: Engine, vector: StyleVector, passages: Passages, num_measured: int = _NUM_MEASURED, *, tell: Tell = _untold
) -> StyleVector:
    tell("measuring what it moves")
    effects = measure_effects(engine, vector, _some(passages, num_measured), STRENGTHS)
    return replace(vector, report={**vector.report, "strengths": list(STRENGTHS), "effects": effects})
