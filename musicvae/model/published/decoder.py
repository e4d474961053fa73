"""A core decoder: the steps of a stretch from what it is told of it, one after another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicvae.model.heads import Categorical, Groove, Head, Nade
from musicvae.model.lstm import Incoming
from musicvae.model.products import product
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.inputs import dense_rows, look_up
from musicvae.model.published.stack import LstmStack

__all__ = ["LstmDecoder"]


class LstmDecoder(LstmStack):
    """p(steps of a stretch | its embedding): at each step the previous frame, the embedding and the controls come in.

    M stretches of S steps; a frame is what is written at a step, in the form of `Head`.
    """

    def __init__(self, config: PublishedConfig, outputs: tuple[int, ...]) -> None:
        head = _head(config, outputs)
        told = config.conductor_sizes[-1] if config.conductor_sizes else config.z_size
        controls = 2 * config.control_sizes[-1] if config.control_sizes else config.control_depth
        super().__init__(told, head.depth + told + controls, config.decoder_sizes)
        self.head: Head = head
        self.steps = config.steps_per_segment
        self.told, self.control_depth = told, controls
        self.output = nn.Linear(config.decoder_sizes[-1], head.width)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def shares(self) -> tuple[Tensor, ...]:
        """The first layer's input weights of frames (4H, D), embeddings (4H, E) and controls (4H, C)."""
        return torch.split(self.layers[0].weight_in, [self.head.depth, self.told, self.control_depth], dim=1)

    def prepare(self, embeddings: Tensor, controls: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What does not depend on the frames.

        embeddings: (M, E); controls: (M, S, C) or None. Returns the first layer's input gates (S, M, 4H) without the share of the
        frames, and the state c0, h0, c1, h1, ..., each (M, H).
        """
        _, of_embeddings, of_controls = self.shares()
        context = product(embeddings, of_embeddings, self.layers[0].bias).expand(self.steps, -1, -1)
        if controls is not None:
            context = context + product(controls.transpose(0, 1), of_controls)
        return context, self.begin(embeddings)

    def step(self, fed: Tensor, context: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One step: the frame before (M, streams) or (M, D), -1 or zeros for none; that step's context (M, 4H); the state.

        Returns outputs (M, width) for the head and the next state.
        """
        if fed.is_floating_point():
            gates = product(fed.to(context.dtype), self.shares()[0], add=context)
        else:
            gates = look_up(self.shares()[0], self.joined(fed)) + context
        output, state = self.advance(gates, state)
        return product(output, self.output.weight, self.output.bias), state

    def joined(self, frames: Tensor) -> Tensor:
        """Frames (..., streams) with classes counted over all streams, floats as they are."""
        if not isinstance(self.head, Categorical) or len(self.head.widths) == 1:
            return frames
        starts = torch.tensor([sum(self.head.widths[:k]) for k in range(len(self.head.widths))], device=frames.device)
        return torch.where(frames >= 0, frames + starts, frames)

    def forward(self, embeddings: Tensor, fed: Tensor, controls: Tensor | None = None) -> Tensor:
        """Outputs (M, S, width) of all steps.

        embeddings: (M, E); fed: (M, S, streams) or (M, S, D), what comes in at each step; controls: (M, S, C) or None.
        """
        outputs = self.unroll(self._incoming(embeddings, self.joined(fed), controls), self.begin(embeddings), fed.shape[1])
        return product(outputs, self.output.weight, self.output.bias).transpose(0, 1)

    def _incoming(self, embeddings: Tensor, fed: Tensor, controls: Tensor | None) -> Incoming:
        first, frames = self.layers[0], fed.transpose(0, 1)
        if self.training and self.dropout_keep < 1:
            # Every number of the input falls out on its own at every step, so nothing can be computed beforehand.
            parts = [dense_rows(frames, self.head.depth, embeddings.dtype), embeddings.expand(len(frames), -1, -1)]
            parts += [] if controls is None else [controls.transpose(0, 1)]
            return Incoming(first.bias, inputs=self.drop(torch.cat(parts, -1)), weight=first.weight_in)
        of_frames, of_embeddings, of_controls = self.shares()
        constant = product(embeddings, of_embeddings, first.bias)
        told = None if controls is None else controls.transpose(0, 1)
        if not fed.is_floating_point():
            return Incoming(constant, rows=frames, lookup=of_frames, inputs=told, weight=None if told is None else of_controls)
        inputs = frames.to(embeddings.dtype)
        if told is None:
            return Incoming(constant, inputs=inputs, weight=of_frames)
        return Incoming(constant, inputs=torch.cat([inputs, told], -1), weight=torch.cat([of_frames, of_controls], 1))


def _head(config: PublishedConfig, outputs: tuple[int, ...]) -> Head:
    if config.head == "nade":
        return Nade(outputs[0], config.nade_size)
    return Groove(outputs[0]) if config.head == "groove" else Categorical(outputs)
