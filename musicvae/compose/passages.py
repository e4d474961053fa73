"""Melodies cut into windows and encoded: what style vectors are learnt from and measured on.

Conventions: a *passage* is one window of a melody with its own mu; R passages, Z latent numbers.
Blocks of bars that a passage does not have say nothing: their entries are replaced by the mean over
the passages that have them, and by 0 where none has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import decode_rows, encode_rows, place, windows_of
from musicvae.compose.engine import Engine, Floats, Layout
from musicvae.compose.latent import in_use
from musicvae.compose.windows import cut_tokens
from musicvae.model.noise import piece_seed
from musicvae.music.attributes import own_key
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import Tokens, from_tokens

__all__ = ["Passages", "decode_passages", "passages_of", "passages_of_tokens"]


@dataclass(frozen=True, eq=False)
class Passages:
    """Encoded passages: mu (R, Z), their tokens, and each as a melody in the model's coordinates."""

    mu: Floats
    tokens: tuple[Tokens, ...]
    melodies: tuple[Melody, ...]

    def __len__(self) -> int:
        return len(self.melodies)

    @property
    def bars(self) -> NDArray[np.int64]:
        """Model bars of each passage, (R,)."""
        return np.array([len(tokens) for tokens in self.tokens], np.int64)

    def measured(self, attribute: Callable[[Melody], float]) -> Floats:
        """The attribute of every passage, (R,)."""
        return np.array([attribute(melody) for melody in self.melodies], np.float64)

    def take(self, rows: Sequence[int]) -> Passages:
        """The passages of these rows."""
        return Passages(self.mu[list(rows)], tuple(self.tokens[r] for r in rows), tuple(self.melodies[r] for r in rows))

    def filled(self, config: Layout) -> Floats:
        """The mu (R, Z) with the blocks of missing bars replaced by the mean of those that are there."""
        present = np.stack([np.arange(self.mu.shape[1]) < config.z_used(int(b)) for b in self.bars])
        mean = np.where(present, self.mu, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
        return np.where(present, self.mu, mean)


def passages_of(engine: Engine, melodies: Sequence[Melody]) -> Passages:
    """Encode melodies, window by window; passages without a note are left out. ValueError where nothing is left."""
    tokens: list[Tokens] = []
    whole: list[Melody] = []
    mu: list[Floats] = []
    for meter in sorted({melody.meter for melody in melodies}):
        parts, passages = [], []
        for melody in melodies:
            if melody.meter == meter and melody.notes:
                for part in _windows(engine, melody):
                    passage = _as_melody(part, melody, meter, engine)
                    if passage.notes:
                        parts.append(part)
                        passages.append(passage)
        if parts:
            mu.append(encode_rows(engine, parts, meter)[0])
            tokens += parts
            whole += passages
    if not mu:
        raise ValueError(f"none of {len(melodies)} melodies has a note to learn from")
    return Passages(np.concatenate(mu), tuple(tokens), tuple(whole))


def _windows(engine: Engine, melody: Melody) -> list[Tokens]:
    placed, _ = place(engine, melody)
    return cut_tokens(placed.tokens, windows_of(engine, [placed.tokens], melody.meter), apart=engine.config.fixed_window)


def _as_melody(tokens: Tokens, source: Melody, meter: Meter, engine: Engine) -> Melody:
    """A passage in coordinates; its key is its melody's, moved to where the model has it."""
    key = own_key(source)
    if engine.config.canonical_key:
        key = key.transposed(-key.major_tonic)
    return replace(from_tokens(tokens, meter), key=key, tempo_qpm=source.tempo_qpm)


def passages_of_tokens(engine: Engine, tokens: Tokens, meter: Meter, keys: Sequence[Key | None] | None = None) -> Passages:
    """Passages from tokens (R, B, S) that are in the model's coordinates already, with their keys there if known."""
    mu, _ = encode_rows(engine, list(tokens), meter)
    known = [None] * len(tokens) if keys is None else keys
    return Passages(mu, tuple(tokens), tuple(replace(from_tokens(t, meter), key=key) for t, key in zip(tokens, known, strict=True)))


def decode_passages(engine: Engine, passages: Passages, offset: Floats, *, temperature: float = 0.0, seed: int = 0) -> list[Melody]:
    """Passages decoded from mu + offset (Z,), in their coordinates, meter and key."""
    decoded: list[Melody] = list(passages.melodies)
    for meter in sorted({melody.meter for melody in passages.melodies}):
        rows = [row for row, melody in enumerate(passages.melodies) if melody.meter == meter]
        bars = [len(passages.tokens[row]) for row in rows]
        offsets = np.stack([in_use(offset, b, engine.config) for b in bars])
        seeds = [piece_seed(seed, row) for row in rows]
        parts = decode_rows(engine, passages.mu[rows] + offsets, bars, meter, temperature=temperature, seeds=seeds)
        for row, part in zip(rows, parts, strict=True):
            decoded[row] = replace(passages.melodies[row], notes=from_tokens(part, meter).notes)
    return decoded
