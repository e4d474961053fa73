"""Notes to z and back, window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musicvae.compose.canonical import Placed, from_coordinates, to_coordinates
from musicvae.compose.carry import played_notes, with_velocities
from musicvae.compose.code import Code
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.limits import check_refine, check_temperature
from musicvae.compose.seeds import window_seed
from musicvae.compose.windows import Window, cut_tokens, held_over, join_tokens, phrase_windows
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import Tokens

__all__ = ["check_code", "decode", "decode_rows", "encode", "encode_rows", "place"]

_SHOWN_WINDOWS = 6
# Rows that are decoded at once: bounds memory, changes no result.
_BATCH = 64


def place(engine: Engine, melody: Melody) -> tuple[Placed, tuple[str, ...]]:
    """A melody in the engine's coordinates, with notices of what that cost."""
    placed = to_coordinates(melody, canonical_key=engine.config.canonical_key)
    notices = []
    if engine.config.canonical_key and melody.key is None and melody.notes:
        notices.append(f"the key is not stated; it sounds like {placed.key}")
    if placed.num_folded:
        notices.append(f"{placed.num_folded} notes out of range were moved by octaves")
    return placed, tuple(notices)


def encode(engine: Engine, melody: Melody, *, refine: int = 0, windows: Sequence[Window] | None = None) -> Code:
    """The code of a melody; refine: gradient steps at encode time. windows: where to cut (default: by the phrase rule)."""
    check_refine(refine)
    placed, notices = place(engine, melody)
    chosen = phrase_windows([placed.tokens], melody.meter, max_bars=engine.config.max_bars) if windows is None else tuple(windows)
    if len(chosen) > 1 and windows is None:
        sizes = ", ".join(str(w.num_bars) for w in chosen[:_SHOWN_WINDOWS])
        more = f" and {len(chosen) - _SHOWN_WINDOWS} more" if len(chosen) > _SHOWN_WINDOWS else ""
        notices += (f"{melody.num_bars} bars were taken in windows of {sizes}{more}",)
    mu, sigma = encode_rows(engine, cut_tokens(placed.tokens, chosen), melody.meter, refine=refine)
    return Code(
        mu=mu, sigma=sigma, windows=chosen, held=held_over(placed.tokens, chosen), meter=melody.meter, num_bars=melody.num_bars,
        tempo_qpm=float(melody.tempo_qpm), key=melody.key, shift_semitones=placed.shift_semitones, program=melody.program,
        name=melody.name, played=played_notes(melody), model_hash=engine.hash, refine=refine, notices=notices,
    )  # fmt: skip


def decode(engine: Engine, code: Code, *, temperature: float = 0.0, seed: int = 0, provenance: Mapping[str, Any] | None = None) -> Melody:
    """The melody of a code: tempo, key, program, name and velocities are those of the encoded one.

    Window w is drawn with `compose.seeds.window_seed(seed, w)`. ValueError for another model's code.
    """
    check_temperature(temperature)
    check_code(engine, code)
    seeds = [window_seed(seed, w) for w in range(len(code.windows))]
    parts = decode_rows(engine, code.mu, code.bars.tolist(), code.meter, temperature=temperature, seeds=seeds)
    melody = from_coordinates(join_tokens(parts, code.held), code.meter, shift_semitones=code.shift_semitones, num_bars=code.num_bars)
    melody = with_velocities(melody, code.played)
    return replace(melody, tempo_qpm=code.tempo_qpm, key=code.key, program=code.program, name=code.name, provenance=dict(provenance or {}))


def check_code(engine: Engine, code: Code) -> None:
    """ValueError unless this engine can decode the code."""
    if code.model_hash != engine.hash:
        raise ValueError(f"the code was made by model {code.model_hash}, this is model {engine.hash}: load the one that made it")
    if code.mu.shape[1] != engine.config.z_size or int(code.bars.max()) > engine.config.max_bars:
        raise ValueError(f"a code of shape {code.mu.shape} with windows of up to {int(code.bars.max())} bars does not fit the model")


def encode_rows(engine: Engine, parts: Sequence[Tokens], meter: Meter, *, refine: int = 0) -> tuple[Floats, Floats]:
    """Mean and standard deviation, each (W, Z), of W parts of tokens (bars, S) that may differ in bars."""
    mu = np.zeros((len(parts), engine.config.z_size))
    sigma = np.ones_like(mu)
    for rows in _batches([len(part) for part in parts]):
        tokens = np.stack([parts[row] for row in rows])
        means, deviations = engine.encode(tokens, meter.kind_index)
        mu[rows] = engine.refine(means, tokens, kind=meter.kind_index, steps=refine) if refine else means
        sigma[rows] = deviations
    return mu, sigma


def decode_rows(
    engine: Engine,
    z: Floats,
    bars: Sequence[int],
    meter: Meter,
    *,
    temperature: float,
    seeds: Sequence[int],
    bias: Sequence[Floats] | None = None,
) -> list[Tokens]:
    """Tokens (bars[w], S) of each row of z (W, Z), drawn with its own seed; bias[w]: (bars[w], S, 90)."""
    parts: list[Tokens] = [np.zeros((0, 0), np.uint8)] * len(z)
    for rows in _batches(bars):
        tokens = engine.decode(
            z[rows],
            bars=bars[rows[0]],
            kind=meter.kind_index,
            temperature=temperature,
            seeds=[seeds[row] for row in rows],
            bias=None if bias is None else np.stack([bias[row] for row in rows]),
        )
        for row, part in zip(rows, tokens, strict=True):
            parts[row] = part
    return parts


def _batches(bars: Sequence[int]) -> list[list[int]]:
    """Indices of rows that have the same number of bars, at most `_BATCH` together."""
    groups = [[row for row, b in enumerate(bars) if b == size] for size in sorted(set(bars))]
    return [group[i : i + _BATCH] for group in groups for i in range(0, len(group), _BATCH)]
