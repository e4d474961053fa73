"""The choices of a training run: those that shape what is learned, and those of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from musicvae.model.published.presets import Recipe

__all__ = ["SCHEDULES", "MachineOptions", "PieceOptions", "PublishedOptions", "RunOptions", "TrainOptions"]

SCHEDULES = ("", "inverse_sigmoid", "exponential", "constant")
"""How the share of a decoder's own draws that is fed back to it may grow; see `train.schedules.sampling_share`."""
_SHARE = "a share from 0 to below 1"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What every run needs to know, whatever it trains; the same options, corpus and machine give the same weights.

    A window is a stretch of bars of one tune; a *full* window is the longest kind.
    """

    seed: int = 0
    batch_size: int = 64
    """Full windows in a batch, on each process; shorter windows come up to four times as many."""
    max_steps: int | None = 20_000
    max_minutes: float | None = None
    """The run ends, and the learning rate has fallen, when either budget is used up."""
    lr: float = 1e-3
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    """Weights are averaged with this decay (less at first); validation and the result use the mean. 0: no averaging."""
    hop_bars: int = 2
    """Training windows start at multiples of this."""
    validation_hop_bars: int = 8
    validation_windows: int = 1024
    """At most this many windows, evenly spread over the validation tunes."""
    validate_every_steps: int | None = None
    """None: once in a pass over the training windows, but after 50 to 1,000 steps."""
    patience: int | None = 12
    """Validations without progress (where there is a target rate, once it is met) that end the run; None: never."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "hop_bars", "validation_hop_bars", "validation_windows"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("lr", "clip_norm"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in ("max_steps", "max_minutes", "patience", "validate_every_steps"):
            _require(getattr(self, name) is None or getattr(self, name) > 0, name, "above 0", getattr(self, name))
        _require(0.0 <= self.ema_decay < 1.0, "ema_decay", _SHARE, self.ema_decay)
        _require(self.seed >= 0, "seed", "at least 0", self.seed)
        if self.max_steps is None and self.max_minutes is None:
            raise ValueError("a run needs an end: give max_steps, max_minutes or both")

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, plain numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The options with these fields; ValueError for a name that is unknown."""
        if unknown := set(values) - {field.name for field in fields(cls)}:
            raise ValueError(f"unknown training options {sorted(unknown)}")
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
    """How a network of this project learns. All rates are those of full windows, 16 bars in the usual case."""

    target_bits: float | None = 192.0
    """Mean KL of a full training window that beta is steered to; None keeps beta where it is."""
    beta: float = 0.2
    """Weight of the KL at the start of the control (and for good without a target)."""
    beta_warmup_steps: int = 500
    """The weight rises linearly from 0 in these steps; the control begins after them."""
    beta_gain: float = 0.01
    """Change of log(beta) per step at twice the wanted rate."""
    floor_nats: float = 0.05
    """Each dimension's mean KL costs at least this much, so that nothing is won by switching it off."""
    return_weight: float = 1.0
    """Weight of the hint that bars which equal an earlier one should point to it."""
    input_dropout: float = 0.2
    """Share of the events fed back to the decoder that are hidden from it."""
    lr_end: float = 0.02
    """Share of `lr` that is left at the end of the cosine."""
    warmup_steps: int = 200
    weight_decay: float = 0.01
    short_share: float = 0.2
    """Share of batches with windows shorter than full."""
    kind_power: float = 0.75
    """Kinds of meter are drawn in proportion to their windows to this power."""
    prior_steps: int = 2500
    """Longest fit of the prior; it ends earlier when held-out tunes stop gaining. 0: none, for tests and trials."""
    prior_lr: float = 1e-3
    prior_batch_size: int = 128
    prior_windows: int = 24_000
    """Training windows encoded for the prior's fit."""
    prior_patience: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("prior_batch_size", "prior_windows"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("input_dropout", "short_share"):
            _require(0.0 <= getattr(self, name) < 1.0, name, _SHARE, getattr(self, name))
        for name in ("beta", "prior_lr"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        _require(self.target_bits is None or self.target_bits > 0, "target_bits", "above 0", self.target_bits)
        for name in ("beta_warmup_steps", "warmup_steps", "floor_nats", "prior_steps", "prior_patience", "beta_gain", "return_weight"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class PieceOptions(TrainOptions):
    """How a network of drums, grooves or trios of this project learns; see also `train.recipes.piece_options_for`."""

    hop_bars: int = 1
    validation_hop_bars: int = 4
    short_share: float = 0.5
    neutral_share: float = 0.0
    """Share of training windows that are written from z = 0, so that this is what is usual for what is told."""
    source_power: float = 1.0
    """Collections take part in proportion to about their windows to this power."""
    vary_share: float = 0.0
    """Share of training windows of drums and trios that are varied (`train.variation`); the prior is fitted to real ones."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(0.0 <= self.neutral_share < 1.0, "neutral_share", _SHARE, self.neutral_share)
        _require(0.0 <= self.source_power <= 1.0, "source_power", "from 0 to 1", self.source_power)
        _require(0.0 <= self.vary_share <= 1.0, "vary_share", "a share from 0 to 1", self.vary_share)


@dataclass(frozen=True, kw_only=True)
class PublishedOptions(RunOptions):
    """How a published network learns: the numbers of its `Recipe`, under the same names, and those of a run.

    Differing defaults are the original's too: no averaged weights, windows that start at every bar, 200,000 steps; see also
    `train.recipes.options_for`.
    """

    batch_size: int = 512
    """Windows in a step, on each process."""
    pieces: int | None = None
    """Parts in which a batch is gone through, one after another, so that it fits into memory; None: as few as fit."""
    max_steps: int | None = 200_000
    ema_decay: float = 0.0
    hop_bars: int = 1
    validation_hop_bars: int = 4
    free_bits: float = 0.0
    """Bits of a window's KL that cost nothing."""
    max_beta: float = 1.0
    beta_rate: float = 0.0
    sampling: str = ""
    sampling_rate: float = 0.0
    min_lr: float = 1e-5
    lr_decay: float = 0.9999
    skip_norm: float = 10_000.0
    dropout_keep: float = 1.0
    transpose: int = 0
    input_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("skip_norm", "lr_decay", "dropout_keep"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in ("lr_decay", "dropout_keep", "beta_rate", "input_dropout"):
            _require(0.0 <= getattr(self, name) <= 1.0, name, "a share from 0 to 1", getattr(self, name))
        for name in ("free_bits", "max_beta", "min_lr", "sampling_rate"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        _require(self.pieces is None or self.pieces >= 1, "pieces", "at least 1", self.pieces)
        _require(0 <= self.transpose <= 12, "transpose", "0 to 12 semitones", self.transpose)
        _require(self.sampling in SCHEDULES, "sampling", f"one of {', '.join(SCHEDULES[1:])}, or '' for none", repr(self.sampling))
        if self.sampling and self.dropout_keep < 1:
            raise ValueError("own draws are fed back (sampling) or inputs dropped (dropout_keep below 1), not both: no recipe has the two")
        if self.sampling == "inverse_sigmoid":
            _require(self.sampling_rate > 0, "sampling_rate", "above 0 with inverse_sigmoid", self.sampling_rate)
        elif self.sampling:
            _require(self.sampling_rate <= 1, "sampling_rate", f"a share with {self.sampling}", self.sampling_rate)

    @classmethod
    def of(cls, recipe: Recipe, **changes: Any) -> Self:
        """The options of a recipe, some of them changed; ValueError for a change that makes no sense."""
        return cls(**{**asdict(recipe), **changes})


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """Where a run happens; these are Lightning's own words, and change nothing that is meant to be learned."""

    accelerator: str = "auto"
    devices: int | str = 1
    num_nodes: int = 1
    strategy: str = "auto"
    precision: str = "auto"
    """32-true, bf16-mixed, or auto: bf16-mixed where the hardware has such products."""
    threads: int | None = None
    """Threads of a process on the CPU; None leaves torch's choice."""
    run_dir: Path | None = None
    """Folder of checkpoints and logs; None: the model file's name with ``.run``."""
    checkpoint_minutes: float = 5.0
    log_every_steps: int = 50

    def __post_init__(self) -> None:
        _require(self.num_nodes >= 1, "num_nodes", "at least 1", self.num_nodes)
        _require(self.threads is None or self.threads >= 1, "threads", "at least 1", self.threads)
        _require(self.checkpoint_minutes >= 0, "checkpoint_minutes", "at least 0", self.checkpoint_minutes)
        _require(self.log_every_steps >= 1, "log_every_steps", "at least 1", self.log_every_steps)


def _require(holds: bool, name: str, allowed: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{name} must be {allowed}, got {value}")
