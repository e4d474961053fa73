"""Applying styles to a melody.

The z of the melody, mu, becomes ``mu + sum of s_k v_k``. A code forgets some of what it encodes, so
decoding it would change a melody even where no style asks for it. What is forgotten is therefore
given back as a bias: where the decoder at mu would not choose the melody's own event, that event's
score is raised by what it takes, plus half a nat, but by no more than ``w / (1 - w)`` nats, w being
``max(0, 1 - max |s_k|)``. At strength 0 the cap is infinite and the melody comes back exactly; as
strengths grow the events the model believes in least are let go first; from |s| = 1 on the model
decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import with_folded_pitches, with_velocities
from musicvae.compose.code import Code
from musicvae.compose.coding import chords_of, decode_rows, encode, joined, margin_rows, place
from musicvae.compose.engine import ChordRows, Engine, Floats
from musicvae.compose.limits import check_strengths, check_temperature
from musicvae.compose.seeds import window_seed
from musicvae.compose.styles import StyleVector, added
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import VOCABULARY_SIZE, Tokens

__all__ = ["apply_styles", "decode_styled"]

# Above what an event needs to be chosen, so that a little movement of z does not lose it again.
_SPARE_NATS = 0.5


def apply_styles(
    engine: Engine,
    melody: Melody,
    styles: Sequence[tuple[StyleVector, float]],
    *,
    temperature: float = 0.0,
    seed: int = 0,
    refine: int = 0,
    chords: ChordRows | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Melody:
    """The melody moved by each vector with its strength; the very same melody where all strengths are 0.

    A note that comes through unchanged keeps velocity and pitch, also one the model takes in
    another octave; new ones are as loud as the melody is there. chords: (model bars, 8), for an engine that takes
    chords. ValueError for strengths beyond
    +-10 and for vectors of another model.
    """
    check_temperature(temperature)
    strengths = check_strengths({vector.name: strength for vector, strength in styles})
    for vector, _ in styles:
        vector.check_model(engine.hash, engine.config.z_size)
    if not any(strengths.values()):
        return melody
    placed, _ = place(engine, melody)
    code = encode(engine, melody, refine=refine, chords=chords)
    parts = cut_tokens(placed.tokens, code.windows, apart=code.apart)
    bias = _bias(engine, code, parts, 1 - max(abs(s) for s in strengths.values()))
    decoded = decode_styled(engine, code, styles, temperature=temperature, seed=seed, bias=bias)
    moved = from_coordinates(joined(code, decoded), code.meter, shift_semitones=code.shift_semitones, num_bars=code.num_bars)
    moved = with_velocities(with_folded_pitches(moved, melody, code.shift_semitones, engine.config), code.played)
    return replace(melody, notes=moved.notes, provenance=dict(provenance or {}))


def decode_styled(
    engine: Engine,
    code: Code,
    styles: Sequence[tuple[StyleVector, float]],
    *,
    temperature: float = 0.0,
    seed: int = 0,
    bias: Sequence[Floats] | None = None,
) -> list[Tokens]:
    """Tokens (bars, S) of each window of a code moved by the styles."""
    bars = code.bars.tolist()
    z = np.stack([mu + added(styles, b, engine.config) for mu, b in zip(code.mu, bars, strict=True)])
    seeds = [window_seed(seed, w) for w in range(len(bars))]
    over = chords_of(code.chords, code.windows)
    return decode_rows(engine, z, bars, code.meter, temperature=temperature, seeds=seeds, bias=bias, chords=over)


def _bias(engine: Engine, code: Code, parts: Sequence[Tokens], weight: float) -> list[Floats] | None:
    """What is added to the scores of each window's own tokens, (bars, S, 90), by the rule in this module's head; None for nothing."""
    if weight <= 0:
        return None
    cap = weight / (1 - weight) if weight < 1 else np.inf
    biases = []
    margins = margin_rows(engine, code.mu, parts, code.meter, chords=chords_of(code.chords, code.windows))
    for needed, tokens in zip(margins, parts, strict=True):
        given = np.where(needed > 0, np.minimum(needed + _SPARE_NATS, cap), 0.0)
        bias = np.zeros((*tokens.shape, VOCABULARY_SIZE))
        np.put_along_axis(bias, tokens[..., None].astype(np.int64), given[..., None], axis=-1)
        biases.append(bias)
    return biases
