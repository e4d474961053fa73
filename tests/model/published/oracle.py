"""The published networks once more, in plain loops over numpy arrays of double precision: slow, and nothing shared with the package.

Written from the published description alone, for one example at a time and in the published layout: variables under their published
names, an LSTM's kernel (in + H, 4H) with the blocks input, candidate, forget, output, 1 added to the forget gate at run time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def log_softmax(x: Array) -> Array:
    shifted = x - x.max()
    return shifted - np.log(np.exp(shifted).sum())


@dataclass(frozen=True)
class Oracle:
    """Sizes by name as in a configuration, and variables by their published names."""

    variables: Mapping[str, Array]
    encoder_sizes: Sequence[int]
    encoder_levels: Sequence[int]
    decoder_sizes: Sequence[int]
    conductor_sizes: Sequence[int]
    control_sizes: Sequence[int]
    segments: int
    outputs: Sequence[int]
    separate: bool
    head: str
    nade_size: int

    def cell(self, name: str, x: Array, c: Array, h: Array) -> tuple[Array, Array]:
        gates = np.concatenate([x, h]) @ self.variables[f"{name}/lstm_cell/kernel"] + self.variables[f"{name}/lstm_cell/bias"]
        i, j, f, o = np.split(gates, 4)
        c = sigmoid(i) * np.tanh(j) + sigmoid(f + 1.0) * c
        return c, sigmoid(o) * np.tanh(c)

    def dense(self, name: str, x: Array) -> Array:
        return x @ self.variables[f"{name}/kernel"] + self.variables[f"{name}/bias"]

    def both_ways(self, scope: str, sizes: Sequence[int], steps: Array) -> tuple[Array, Array]:
        """Outputs (T, 2H) of stacked bidirectional layers, and what both directions end with (2H,)."""
        ends = np.zeros(0)
        for layer, size in enumerate(sizes):
            outputs = np.zeros((len(steps), 2 * size))
            ends = np.zeros(2 * size)
            for half, direction in ((slice(0, size), "fw"), (slice(size, None), "bw")):
                c = h = np.zeros(size)
                for t in range(len(steps)) if direction == "fw" else reversed(range(len(steps))):
                    c, h = self.cell(f"{scope}cell_{layer}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0", steps[t], c, h)
                    outputs[t, half] = h
                ends[half] = h
            steps = outputs
        return steps, ends

    def encode(self, x: Array, controls: Array | None = None, lengths: Sequence[int] | None = None) -> tuple[Array, Array]:
        steps = x if controls is None else np.concatenate([x, controls], 1)
        if not self.encoder_levels:
            _, pooled = self.both_ways("encoder/", self.encoder_sizes, steps)
        for level, length in enumerate(self.encoder_levels):
            segments = steps.reshape(-1, length, steps.shape[1])
            used = lengths if level == 0 and lengths is not None else [length] * len(segments)
            scope = f"encoder/hierarchical_level_{level}/"
            steps = np.stack([self.both_ways(scope, self.encoder_sizes, s[:n])[1] for s, n in zip(segments, used, strict=True)])
            pooled = steps[0]
        return self.dense("encoder/mu", pooled), np.log1p(np.exp(self.dense("encoder/sigma", pooled)))

    def begin(self, name: str, told: Array, sizes: Sequence[int]) -> list[tuple[Array, Array]]:
        parts = np.split(np.tanh(self.dense(name, told)), np.cumsum([s for size in sizes for s in (size, size)])[:-1])
        return list(zip(parts[::2], parts[1::2], strict=True))

    def embeddings(self, z: Array) -> list[Array]:
        if not self.conductor_sizes:
            return [z]
        states = self.begin("decoder/hierarchical_level_0/initial_state", z, self.conductor_sizes)
        found = []
        for _ in range(self.segments):
            below = np.zeros(1)
            for layer, state in enumerate(states):
                states[layer] = self.cell(f"decoder/hierarchical_level_0/cell_{layer}", below, *state)
                below = states[layer][1]
            found.append(below)
        return found

    def decode(self, z: Array, frames: Array, controls: Array | None = None) -> list[Array]:
        """Outputs (T, width) of each core decoder, frames (T, D) zeros and ones (or floats) being fed back, bar after bar."""
        if controls is not None and self.control_sizes:
            controls, _ = self.both_ways("control_preprocessing/", self.control_sizes, controls)
        prefix = "core_decoder/" if self.conductor_sizes else ""
        found, start = [], 0
        for k in range(len(self.outputs) if self.separate else 1):
            width = self.outputs[k] if self.separate else sum(self.outputs)
            scope = f"{prefix}core_decoder_{k}/decoder" if self.separate else f"{prefix}decoder"
            own = frames[:, start : start + width]
            start += width
            length = len(frames) // self.segments
            outputs = []
            for bar, embedding in enumerate(self.embeddings(z)):
                states = self.begin(f"{scope}/z_to_initial_state", embedding, self.decoder_sizes)
                for t in range(bar * length, (bar + 1) * length):
                    below = np.concatenate([own[t - 1] if t else np.zeros(width), embedding, [] if controls is None else controls[t]])
                    for layer, state in enumerate(states):
                        states[layer] = self.cell(f"{scope}/multi_rnn_cell/cell_{layer}", below, *state)
                        below = states[layer][1]
                    outputs.append(self.dense(f"{scope}/output_projection", below))
            found.append(np.stack(outputs))
        return found

    def loss(self, outputs: Array, frame: Array) -> float:
        """Of one step of one core decoder; nothing is lost where a categorical frame is all zeros."""
        if self.head == "nade":
            return self._nade_loss(outputs, frame)
        if self.head == "groove":
            hits, velocities, offsets = np.split(outputs, 3)
            true_hits, true_velocities, true_offsets = np.split(frame, 3)
            p = sigmoid(hits)
            cross = -(true_hits * np.log(p + 1e-7) + (1 - true_hits) * np.log(1 - p + 1e-7))
            return float((cross + (sigmoid(velocities) - true_velocities) ** 2 + (np.tanh(offsets) - true_offsets) ** 2).sum())
        total, start = 0.0, 0
        for width in [len(frame)] if self.separate else self.outputs:
            total -= float(log_softmax(outputs[start : start + width]) @ frame[start : start + width])
            start += width
        return total

    def _nade_loss(self, outputs: Array, frame: Array) -> float:
        scope = ("core_decoder/" if self.conductor_sizes else "") + "decoder/nade"
        w_enc, w_dec_t = self.variables[f"{scope}/w_enc"], self.variables[f"{scope}/w_dec_t"]
        a, total = outputs[: self.nade_size].copy(), 0.0
        for d in range(len(frame)):
            p = float(sigmoid(outputs[self.nade_size + d] + sigmoid(a) @ w_dec_t[d, :, 0]))
            total -= frame[d] * np.log(p + 1e-6) + (1 - frame[d]) * np.log(1 - p + 1e-6)
            a += frame[d] * w_enc[d, 0]
        return float(total)
