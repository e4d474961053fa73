"""A reader of damaged music as the rest of the toolkit uses it, numpy in and numpy out, and its file.

The file, one of safetensors beside the model's, holds the reader's own tensors in half precision and, under ``musicvae_reader``, JSON:
the format, the hash of the model it belongs to, and how it was made. Everything is computed in double precision, as in `model.engine`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from musicvae.model.config import ModelConfig
from musicvae.model.engine import Engine
from musicvae.model.heads import TwoStage
from musicvae.model.noise import generator
from musicvae.model.reader import Experts, Reader, event_log_probs
from musicvae.music.files import atomic_path
from musicvae.music.meter import MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, Tokens

__all__ = ["ReadingEngine", "load_reader", "save_reader"]

Floats = NDArray[np.float64]
Gaps = NDArray[np.uint8]
_HEADER = "musicvae_reader"
_FORMAT = 1
_ROWS = 64


class ReadingEngine:
    """A loaded reader.

    Conventions: tokens (N, B, S) and gaps (N, B, S) as in `model.reader`, one bar of each row being asked about: `bars` (N,). doubtful:
    whether some of what is given may be wrong. A row's answer depends on that row alone.
    """

    def __init__(self, reader: Reader, *, device: str | torch.device = "cpu") -> None:
        self._device = torch.device(device)
        # Apple's GPUs have no double precision; everything else does.
        dtype = torch.float32 if self._device.type == "mps" else torch.float64
        self._reader = reader.to(self._device, dtype).eval().requires_grad_(False)

    @classmethod
    def beside(cls, engine: Engine, path: str | Path) -> Self:
        """The reader in a file, for the engine of the model it belongs to; errors as `load_reader`."""
        return cls(load_reader(path, engine.config, engine.hash), device=engine.device)

    def bar_log_probs(self, tokens: Tokens, gaps: Gaps, kind: int, *, bars: NDArray[np.int64], doubtful: bool = False) -> Floats:
        """Nats (N, S) of the tokens that stand in the gaps of one bar of each row, each given those before it; 0 outside gaps.

        Nothing is read of what tokens say in the gaps of any bar. With `gaps` 1 in the whole bar and 0 elsewhere the sum is
        log p(bar | all other bars).
        """
        found = [np.zeros((0, tokens.shape[2]))]
        for rows in _batches(len(tokens)):
            with torch.no_grad():
                experts = self._experts(tokens[rows], gaps[rows], kind, bars[rows], doubtful)
                asked = self._integers(tokens[rows][np.arange(len(tokens[rows])), bars[rows]])
                found.append(_numpy(self._reader.log_probs(experts, asked, kind)))
        return np.concatenate(found)

    def step_log_probs(
        self, tokens: Tokens, gaps: Gaps, kind: int, *, bars: NDArray[np.int64], steps: NDArray[np.int64], doubtful: bool = False
    ) -> Floats:
        """Log-probabilities (N, 90) of all events at one step, `steps` (N,), of one bar of each row.

        Given what stands before it in the bar, in gaps too, and all that is known.
        """
        found = [np.zeros((0, FIRST_PITCH_TOKEN + 88))]
        for rows in _batches(len(tokens)):
            with torch.no_grad():
                experts = self._experts(tokens[rows], gaps[rows], kind, bars[rows], doubtful)
                given = tokens[rows][np.arange(len(tokens[rows])), bars[rows]]
                scores, beliefs = self._unrolled(experts, kind, given, wanted=steps[rows])
                found.append(_numpy((scores + beliefs[..., None]).logsumexp(1)))
        return np.concatenate(found)

    def draw(
        self, tokens: Tokens, gaps: Gaps, kind: int, *, bars: NDArray[np.int64], temperature: float = 1.0,
        seeds: Sequence[int], bias: Floats | None = None, doubtful: bool = False,
    ) -> Tokens:  # fmt: skip
        """One bar (N, S) of each row, its gaps filled event after event, row i with chance from `seeds[i]`.

        temperature: 0 for the likeliest of hold, note-off and some onset, then the likeliest pitch. bias: (N, S, 90), added to the
        log-probabilities of that bar's events.
        """
        drawn = [np.zeros((0, tokens.shape[2]), np.uint8)]
        for rows in _batches(len(tokens)):
            with torch.no_grad():
                experts = self._experts(tokens[rows], gaps[rows], kind, bars[rows], doubtful)
                given = tokens[rows][np.arange(len(tokens[rows])), bars[rows]]
                uniforms = np.stack([generator(seed, "reading").random(MAX_STEPS_PER_BAR) for seed in seeds[rows]])
                drawn.append(self._written(experts, kind, given, temperature, uniforms, None if bias is None else bias[rows]))
        return np.concatenate(drawn)

    def _experts(self, tokens: Tokens, gaps: Gaps, kind: int, bars: NDArray[np.int64], doubtful: bool) -> Experts:
        rows = torch.arange(len(tokens), device=self._device)
        unknown = self._integers(gaps)
        heard = torch.where(unknown > 0, HOLD, self._integers(tokens))  # so that nothing of it is read
        return self._reader.experts(heard, unknown, kind, rows, self._integers(bars), doubtful=doubtful)

    def _unrolled(self, experts: Experts, kind: int, given: Tokens, wanted: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Log-probabilities (N, 1 + B, 90) at the wanted steps, and the experts' weights there (N, 1 + B)."""
        events = self._integers(given)
        decisions, pitches = self._reader.decoder_scores(experts, events, kind)
        scores: list[Tensor] = []
        beliefs: list[Tensor] = []
        weights = experts.log_weights
        for step in range(given.shape[1]):
            said = event_log_probs(
                experts.ways[:, :, step], experts.models[:, :, step], decisions[:, step], pitches[:, step], experts.gaps[:, step]
            )
            scores.append(said)
            beliefs.append(weights)
            weights = _believed(weights, said, events[:, step], experts.gaps[:, step])
        rows, steps = torch.arange(len(given), device=self._device), self._integers(wanted)
        return torch.stack(scores, 1)[rows, steps], torch.stack(beliefs, 1)[rows, steps]

    def _written(self, experts: Experts, kind: int, given: Tokens, temperature: float, uniforms: Floats, bias: Floats | None) -> Tokens:
        decoder, events = self._reader.decoder, self._integers(given)
        assert isinstance(decoder.head, TwoStage)
        context, state = decoder.prepare(experts.embeddings, given.shape[1], kind)
        fed = torch.full((len(given), 1), -1, device=self._device)
        weights, written = experts.log_weights, []
        for step, told in enumerate(context):
            outputs, state = decoder.step(fed, told, state)
            gap = experts.gaps[:, step]
            said = event_log_probs(experts.ways[:, :, step], experts.models[:, :, step], *decoder.head.scores(outputs), gap)
            mixed = (said + weights[..., None]).logsumexp(1)
            if bias is not None:
                mixed = mixed + torch.as_tensor(bias[:, step], dtype=mixed.dtype, device=self._device)
            chosen = _chosen(mixed, temperature, torch.as_tensor(uniforms[:, step], dtype=mixed.dtype, device=self._device))
            event = torch.where(gap > 0, chosen, events[:, step])
            weights = _believed(weights, said, event, gap)
            written.append(event)
            fed = event[:, None]
        return torch.stack(written, 1).cpu().numpy().astype(np.uint8)

    def _integers(self, values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(values.astype(np.int64), device=self._device)


def _believed(weights: Tensor, said: Tensor, events: Tensor, gap: Tensor) -> Tensor:
    """The experts' weights (N, 1 + B) after an event (N,); known ones tell nothing that was not told at the outset."""
    after = weights + said.gather(-1, events[:, None, None].expand(*weights.shape, 1))[..., 0]
    return torch.where((gap > 0)[:, None], after.log_softmax(-1), weights)


def _chosen(scores: Tensor, temperature: float, uniform: Tensor) -> Tensor:
    """Events (N,) of log-probabilities (N, 90), by inversion; at temperature 0 in two stages."""
    if temperature == 0:
        pitches = scores[:, FIRST_PITCH_TOKEN:]
        decision = torch.cat([scores[:, :FIRST_PITCH_TOKEN], pitches.logsumexp(-1, keepdim=True)], -1).argmax(-1)
        return torch.where(decision == FIRST_PITCH_TOKEN, pitches.argmax(-1) + FIRST_PITCH_TOKEN, decision)
    shares = (scores / temperature).softmax(-1).cumsum(-1)
    return (shares < uniform[:, None]).sum(-1).clamp(max=scores.shape[-1] - 1)


def save_reader(path: str | Path, reader: Reader, model_hash: str, *, about: Mapping[str, Any], force: bool = False) -> Path:
    """Write a reader's file for the model with this hash; about: anything JSON can hold. FileExistsError unless `force` or it is new."""
    header = {_HEADER: json.dumps({"format": _FORMAT, "model_hash": model_hash, "about": dict(about)}, sort_keys=True)}
    tensors = {name: x.detach().to("cpu", torch.float16).contiguous() for name, x in reader.state_dict().items()}
    with atomic_path(path, force=force) as temporary:
        save_file(tensors, temporary, header)
    return Path(path)


def load_reader(path: str | Path, config: ModelConfig, model_hash: str) -> Reader:
    """The reader of a model with these numbers and this hash.

    ValueError for a file that is none, is damaged or belongs to another model, FileNotFoundError where there is none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: make it with scripts/train_reader.py")
    try:
        with safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name).to(torch.float32) for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
        if about["format"] != _FORMAT:
            raise ValueError(f"format {about['format']} is unknown; was it written by a newer version?")
        if about["model_hash"] == model_hash:
            with torch.device("meta"):
                reader = Reader(config)
            reader.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ValueError(f"{path} is no reader of damaged music, or is damaged: {reason}") from error
    if about["model_hash"] != model_hash:
        raise ValueError(
            f"{path} was made for model {about['model_hash']}, this is model {model_hash}: make it with scripts/train_reader.py"
        )
    return reader


def _batches(count: int) -> list[slice]:
    return [slice(first, first + _ROWS) for first in range(0, count, _ROWS)]


def _numpy(values: Tensor) -> Floats:
    return values.cpu().to(torch.float64).numpy()
