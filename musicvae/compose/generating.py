"""New melodies from the prior.

Conventions: up to `max_bars` model bars are drawn at once. A longer piece goes on from there: its
last `max_bars // 2` bars are encoded as the first bars of a new window, the prior draws the z of
up to as many bars that follow given those, the new bars are decoded and appended, and so on. Every draw has
a seed made from the piece's own, so that a piece does not depend on those made beside it.

A style's vector is added to z before decoding. When a piece goes on, it is taken off the encoded
bars before the prior sees them and added again after, so that its strength stays the same throughout.

Under constraints (`compose.constraints`) a piece is drawn where they suit the model best: shifted as their key, chords and range ask.

A published network draws one z for a window of fixed length and cannot go on from given bars. There a longer
piece is a chain of windows, the z of each kin to that of the one before: ``z' = KINSHIP * z + sqrt(1 - KINSHIP ** 2) * e``
with e from the prior N(0, I), so that every window taken by itself is a fair draw from it. A note ends with its window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from musicvae.compose.canonical import fold, from_coordinates, transposition
from musicvae.compose.coding import decode_rows
from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import ChordRows, Engine, Floats, over_chords
from musicvae.compose.seeds import derived_seed, window_seed
from musicvae.compose.tonality import USUAL_MODES, centre_fits, tonal_centre
from musicvae.compose.windows import join_tokens
from musicvae.music.attributes import own_key
from musicvae.music.key import MODES, Key
from musicvae.music.melody import DEFAULT_TEMPO_QPM, Melody
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import Tokens, canonical_tokens

__all__ = ["KEY_CANDIDATES", "KINSHIP", "Order", "draw", "draw_tokens"]

KEY_CANDIDATES = 8
"""Pieces that are tried for one whose tonal centre is the key asked for."""
KINSHIP = 0.8
"""Correlation of the z of one window of a chain with that of the next."""
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to generate.

    bars: written bars. temperature: of the events. prior_temperature: of z. key: None leaves the
    model's own. vector: bars -> (Z,), what styles add to z for a piece of that many model bars. chords: (model
    bars, 8), for an engine that takes chords. plan: what the pieces must keep to, for as many
    bars.
    """

    bars: int
    meter: Meter = Meter(4, 4)
    temperature: float = 1.0
    prior_temperature: float = 1.0
    key: Key | None = None
    tempo_qpm: float = DEFAULT_TEMPO_QPM
    vector: Callable[[int], Floats] | None = None
    chords: ChordRows | None = None
    plan: Plan | None = None

    def shift(self, engine: Engine) -> int:
        """What is added to written pitches to get the coordinates that a piece is drawn in; 0 without a plan."""
        return 0 if self.plan is None else self.plan.shift(engine.config, None if self.key is None else self.key.major_tonic)


def draw(engine: Engine, seeds: Sequence[int], order: Order) -> list[Melody]:
    """One melody for each seed; melody i depends on `seeds[i]` and the order only.

    Where a key is asked for, up to `KEY_CANDIDATES` candidates are drawn (the first with the seed
    itself, the others with seeds made from it) and the first whose best fitting mode is the asked
    one is taken, else the one that fits it best; it is moved to the asked signature by -6 to 5
    semitones. Otherwise the melody stays in the model's coordinates and its key is estimated.
    Under a plan nothing is moved afterwards: pieces are drawn where they are to be, and models without a canonical key
    are kept to the scale of the key that is asked for.
    """
    melodies: list[Melody] = []
    for start in range(0, len(seeds), _BATCH):
        group = list(seeds[start : start + _BATCH])
        melodies += _plain(engine, group, order) if order.key is None else _in_key(engine, group, order, order.key)
    return melodies


def draw_tokens(engine: Engine, seeds: Sequence[int], order: Order) -> Tokens:
    """Tokens (N, model bars, S) for N seeds, continued as this module's head says."""
    if engine.config.fixed_window:
        return _chain(engine, seeds, order)
    total, limit = order.meter.model_bars(order.bars), engine.config.max_bars
    keep = limit // 2
    tokens = _window(engine, seeds, order, np.zeros((len(seeds), 0, order.meter.steps_per_model_bar), np.uint8), 0, min(total, limit))
    window = 1
    while tokens.shape[1] < total:
        num_new = min(limit - keep, total - tokens.shape[1])
        window_seeds = [window_seed(seed, window) for seed in seeds]
        context = tokens[:, tokens.shape[1] - keep :]
        tokens = np.concatenate([tokens, _window(engine, window_seeds, order, context, tokens.shape[1], num_new)], axis=1)
        window += 1
    return tokens


def _chain(engine: Engine, seeds: Sequence[int], order: Order) -> Tokens:
    """Tokens (N, model bars, S) of windows of fixed length, the z of each kin to that of the one before."""
    total, limit, kind = order.meter.model_bars(order.bars), engine.config.max_bars, order.meter.kind_index
    starts = range(0, total, limit)
    bars = [min(limit, total - start) for start in starts]
    drawn = [[window_seed(seed, window) for window in range(len(starts))] for seed in seeds]
    z = np.zeros((len(seeds), len(starts), engine.config.z_size))
    for window in range(len(starts)):
        fresh = engine.sample_prior([row[window] for row in drawn], bars=limit, kind=kind, temperature=order.prior_temperature)
        z[:, window] = KINSHIP * z[:, window - 1] + np.sqrt(1 - KINSHIP**2) * fresh if window else fresh
    if order.vector is not None:
        z += order.vector(limit)
    chords = None if order.chords is None else [order.chords[start : start + limit] for start in starts]
    if order.plan is not None:
        return _planned_chain(engine, order, order.plan, z, drawn, bars, chords)
    every = [seed for row in drawn for seed in row]
    parts = decode_rows(
        engine, z.reshape(len(every), -1), bars * len(seeds), order.meter, temperature=order.temperature, seeds=every,
        chords=None if chords is None else chords * len(seeds),
    )  # fmt: skip
    alone = [False] * len(starts)
    return np.stack([join_tokens(parts[i : i + len(starts)], alone) for i in range(0, len(parts), len(starts))])


def _planned_chain(
    engine: Engine, order: Order, plan: Plan, z: Floats, drawn: Sequence[Sequence[int]], bars: Sequence[int], chords: list[ChordRows] | None
) -> Tokens:
    """Tokens (N, model bars, S) of a chain's z (N, W, Z) under a plan; a note sounds on into a window only where the plan says so."""
    limit = engine.config.max_bars
    parts = [
        decode_under(
            over_chords(engine, None if chords is None else [chords[window]] * len(z)), z[:, window], plan, start_bar=window * limit,
            bars=size, shift_semitones=order.shift(engine), temperature=order.temperature, seeds=[row[window] for row in drawn],
        )
        for window, size in enumerate(bars)
    ]  # fmt: skip
    held = [plan.holds(window * limit) for window in range(len(bars))]
    return np.stack([join_tokens([part[row] for part in parts], held) for row in range(len(z))])


def _window(engine: Engine, seeds: Sequence[int], order: Order, context: Tokens, start_bar: int, num_new: int) -> Tokens:
    """`num_new` bars (N, num_new, S) from `start_bar` on that follow the context (N, bars, S), which may have no bars."""
    kind, num_given = order.meter.kind_index, context.shape[1]
    bars = num_given + num_new
    given, forced = None, None
    if num_given:
        context = np.stack([canonical_tokens(row) for row in context])
        given = engine.encode(context, kind)[0]
        if order.vector is not None:
            given = given - order.vector(num_given)
        free = np.full((len(seeds), num_new, context.shape[2]), -1, np.int16)
        forced = np.concatenate([context.astype(np.int16), free], axis=1)
    z = engine.sample_prior(seeds, bars=bars, kind=kind, temperature=order.prior_temperature, given=given, given_bars=num_given)
    if order.vector is not None:
        z = z + order.vector(bars)
    if order.plan is None:
        tokens = engine.decode(z, bars=bars, kind=kind, temperature=order.temperature, seeds=seeds, forced=forced)
    else:
        tokens = decode_under(
            engine, z, order.plan, start_bar=start_bar - num_given, bars=bars, shift_semitones=order.shift(engine),
            temperature=order.temperature, seeds=seeds, forced=forced,
        )  # fmt: skip
    return tokens[:, num_given:]


def _plain(engine: Engine, seeds: Sequence[int], order: Order) -> list[Melody]:
    """Melodies as they are drawn, with the key they seem to be in: in the model's coordinates, or where the plan has them."""
    melodies, shift = [], order.shift(engine)
    for tokens in draw_tokens(engine, seeds, order):
        melody = from_coordinates(tokens, order.meter, shift_semitones=shift, num_bars=order.bars)
        key = tonal_centre(melody, major_tonic=-shift % 12) if engine.config.canonical_key else own_key(melody)
        key = (order.plan and order.plan.key) or key
        melody = replace(melody, key=key if melody.notes else None, tempo_qpm=order.tempo_qpm)
        melodies.append(melody if order.plan is None else order.plan.finish(melody))
    return melodies


def _in_key(engine: Engine, seeds: Sequence[int], order: Order, key: Key) -> list[Melody]:
    """Melodies whose tonal centre is the key, as far as some candidate allows."""
    chosen: dict[int, tuple[float, Melody]] = {}
    waiting = list(range(len(seeds)))
    for candidate in range(KEY_CANDIDATES):
        drawn = [seeds[row] if candidate == 0 else derived_seed(seeds[row], f"key {candidate}") for row in waiting]
        for row, melody in zip(waiting, _plain(engine, drawn, order), strict=True):
            margin = _margin(melody, key, _home(engine, order, melody))
            if row not in chosen or margin > chosen[row][0]:
                chosen[row] = (margin, melody)
        waiting = [row for row in waiting if chosen[row][0] < 0]
        if not waiting:
            break
    if order.plan is not None:  # drawn where it is to be
        return [replace(chosen[row][1], key=key) for row in range(len(seeds))]
    return [_moved(chosen[row][1], key, _home(engine, order, chosen[row][1])) for row in range(len(seeds))]


def _home(engine: Engine, order: Order, melody: Melody) -> int:
    """Pitch class of the major key whose signature the melody has."""
    if order.plan is not None and order.key is not None:
        return order.key.major_tonic
    return 0 if engine.config.canonical_key else own_key(melody).major_tonic


def _margin(melody: Melody, key: Key, home: int) -> float:
    """By how much the asked mode fits better than any other usual one; >= 0 if it fits best."""
    modes = tuple(mode for mode in MODES if mode in USUAL_MODES or mode == key.mode)
    fits = {k.mode: fit for k, fit in centre_fits(melody, modes, major_tonic=home).items()}
    return fits.pop(key.mode) - max(fits.values())


def _moved(melody: Melody, key: Key, home: int) -> Melody:
    shift = transposition(Key(home), key)
    notes = tuple(replace(note, pitch=fold(note.pitch + shift, 0, 127)) for note in melody.notes)
    return replace(melody, notes=notes, key=key)
