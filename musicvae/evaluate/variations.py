"""How variations and blends measure up against real tunes and against changes made at random.

Conventions: tokens (B, S) of one window of a held-out tune in the model's coordinates, so that its scale is that of C major.
Distance is the share of notes that are not in both, 1 - F1 over (pitch, onset). In key: share of notes in the tune's scale. Bits per
note: of the whole window, by an n-gram with metre (fitted on training tunes, it knows nothing of z) and by the model itself
(its evidence lower bound under the learned prior, with one draw from the posterior, whose noise is the same for all). Different
bars: of all bars. Intervals are over tunes, those of blends over pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.canonical import to_coordinates
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.varying.vary import note_distance
from musicvae.evaluate.codec import Windows
from musicvae.evaluate.metrics import Estimate, mean_estimate
from musicvae.music.attributes import different_bars
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, VOCABULARY_SIZE, Tokens, canonical_tokens, from_tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.compose.model import Model

__all__ = ["BlendQualityRow", "VariationRow", "Yardsticks", "blend_quality", "edited", "variation_rows", "window_melody"]

AMOUNTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_FARTHEST = 6  # semitones that a random edit moves a note
_SCALE = np.isin(np.arange(12), sorted(Key(0).scale))
_PITCH_CLASS = (np.arange(VOCABULARY_SIZE) - FIRST_PITCH_TOKEN + MIN_PITCH) % 12
Measures = dict[str, float]


@dataclass(frozen=True)
class VariationRow:
    """One way of changing tunes, by one amount.

    off: mean absolute difference of distance and amount. ends_alike: share whose last note has the pitch it had.
    """

    way: str
    amount: float
    tunes: int
    distance: Estimate
    off: float
    in_key: Estimate
    ngram_bits: Estimate
    model_bits: Estimate
    different_bars: Estimate
    ends_alike: float


@dataclass(frozen=True)
class BlendQualityRow:
    """One way of going from A to B, over all pairs; all but the ends are of the points between.

    end_distance: notes of both ends that are not the inputs'. unevenness: mean absolute difference of a point's share of the distance,
    d(A, x) / (d(A, x) + d(x, B)), and its place.
    """

    way: str
    pairs: int
    end_distance: Estimate
    unevenness: Estimate
    in_key: Estimate
    ngram_bits: Estimate
    model_bits: Estimate
    different_bars: Estimate


@dataclass(frozen=True)
class Yardsticks:
    """What every result is measured by."""

    model: Model
    ngram: NGram

    def of(self, tokens: Tokens, source: Tokens, kind: int) -> Measures:
        """The measures of tokens (B, S) beside the window that they come from."""
        tokens, source = canonical_tokens(tokens), canonical_tokens(source)
        onsets = tokens[tokens >= FIRST_PITCH_TOKEN]
        notes = max(1, len(onsets)) * np.log(2)
        own = source[source >= FIRST_PITCH_TOKEN]
        return {
            "distance": note_distance(source, tokens),
            "in_key": float(_SCALE[_PITCH_CLASS[onsets]].mean()) if len(onsets) else 1.0,
            "ngram_bits": -float(self.ngram.log_probs(tokens[None], kind).sum()) / notes,
            "model_bits": -evidence_bound(self.model.engine, tokens, kind) / notes,
            "different_bars": different_bars(tokens),
            "ends_alike": float(len(onsets) > 0 and len(own) > 0 and onsets[-1] == own[-1]),
        }


def evidence_bound(engine: Engine, tokens: Tokens, kind: int) -> float:
    """Nats: log p(x | z) + log p(z) - log q(z | x) for one z drawn from q, tokens x (B, S). Kingma & Welling (2014)."""
    mu, sigma = engine.encode(tokens[None], kind)
    noise = np.random.default_rng(0).standard_normal(mu.shape)
    used = engine.config.z_used(len(tokens))
    z = mu + sigma * np.where(np.arange(mu.shape[1]) < used, noise, 0.0)
    posterior = -0.5 * noise**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    heard, prior = engine.log_probs(tokens[None], z, kind), engine.prior_log_probs(z, tokens[None], kind=kind)
    return float(heard.sum() + prior.sum() - posterior[:, :used].sum())


def window_melody(tokens: Tokens, meter: str) -> Melody:
    """A window as a melody in its scale."""
    return replace(from_tokens(tokens, Meter.parse(meter)), key=Key(0))


def tokens_of(melody: Melody) -> Tokens:
    """What `window_melody` was made from, or what became of it."""
    return to_coordinates(melody, canonical_key=False).tokens


def edited(tokens: Tokens, amount: float, *, in_key: bool, seed: int) -> Tokens:
    """The window with a share of its notes moved by 1 to 6 semitones, at random; in_key: only to notes of the scale."""
    rng = np.random.default_rng(seed)
    found = tokens.copy()
    flat = found.reshape(-1)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    for step in rng.permutation(onsets)[: round(amount * len(onsets))]:
        moves = np.array([move for move in range(-_FARTHEST, _FARTHEST + 1) if move])
        targets = int(flat[step]) + moves
        allowed = (targets >= FIRST_PITCH_TOKEN) & (targets < VOCABULARY_SIZE)
        if in_key:
            allowed &= _SCALE[_PITCH_CLASS[np.clip(targets, FIRST_PITCH_TOKEN, VOCABULARY_SIZE - 1)]]
        flat[step] = rng.choice(targets[allowed])
    return found


def variation_rows(
    yard: Yardsticks, parts: Sequence[Windows], *, amounts: Sequence[float] = AMOUNTS, seed: int = 0, progress: Callable[[str], None]
) -> list[VariationRow]:
    """Rows for the tunes themselves, variations, random edits, and random edits that keep to the scale."""
    found: dict[tuple[str, float], list[tuple[int, Measures]]] = {}
    for part in parts:
        for number, (tokens, tune) in enumerate(zip(part.tokens, part.tunes.tolist(), strict=True)):
            own = seed * 1_000_003 + tune
            results: list[tuple[str, float, Tokens]] = [("held-out tunes", 0.0, tokens)]
            varied = yard.model.vary(window_melody(tokens, part.meter), amounts, seed=own)
            results += [("vary", amount, tokens_of(piece)) for amount, piece in zip(amounts, varied, strict=True)]
            for in_key, way in ((False, "random edits"), (True, "random edits in key")):
                results += [(way, amount, edited(tokens, amount, in_key=in_key, seed=own)) for amount in amounts]
            for way, amount, changed in results:
                found.setdefault((way, amount), []).append((tune, yard.of(changed, tokens, part.kind)))
            progress(f"{part.meter} variations: {number + 1} of {len(part)}")
    order = list(dict.fromkeys(way for way, _ in found))
    return [_variation_row(way, amount, found[way, amount]) for way in order for name, amount in found if name == way]


def _variation_row(way: str, amount: float, measured: Sequence[tuple[int, Measures]]) -> VariationRow:
    tunes = [tune for tune, _ in measured]

    def estimate(name: str) -> Estimate:
        return mean_estimate([measures[name] for _, measures in measured], tunes)

    off = float(np.mean([abs(measures["distance"] - amount) for _, measures in measured]))
    return VariationRow(
        way, amount, len(set(tunes)), estimate("distance"), off, estimate("in_key"), estimate("ngram_bits"), estimate("model_bits"),
        estimate("different_bars"), estimate("ends_alike").value,
    )  # fmt: skip


def blend_quality(
    yard: Yardsticks, pairs: Iterable[tuple[Windows, Windows]], *, points: int = 9, seed: int = 0, progress: Callable[[str], None]
) -> list[BlendQualityRow]:
    """Rows for paths with reconstructed and with exact ends, and for notes of A replaced by those of B at random, a share at a time."""
    found: dict[str, list[Measures]] = {}
    for a, b in pairs:
        for number in range(len(a)):
            ends = (a.tokens[number], b.tokens[number])
            melodies = [window_melody(tokens, a.meter) for tokens in ends]
            paths = {
                f"path, {how} ends": [tokens_of(piece) for piece in yard.model.path_through(melodies, points, ends=how)]
                for how in ("decoded", "exact")
            }
            paths["notes exchanged at random"] = _exchanged(*ends, points, seed + number)
            for way, path in paths.items():
                found.setdefault(way, []).append(_path_measures(yard, path, ends, a.kind))
            progress(f"{a.meter} blends: {number + 1} of {len(a)}")
    names = ("end_distance", "unevenness", "in_key", "ngram_bits", "model_bits", "different_bars")
    return [
        BlendQualityRow(way, len(rows), *(mean_estimate([row[name] for row in rows], range(len(rows))) for name in names))
        for way, rows in found.items()
    ]


def _path_measures(yard: Yardsticks, path: Sequence[Tokens], ends: tuple[Tokens, Tokens], kind: int) -> Measures:
    places = np.linspace(0, 1, len(path))[1:-1]
    inner = path[1:-1]
    to_a, to_b = ([note_distance(end, point) for point in inner] for end in ends)
    shares: NDArray[np.float64] = np.array([x / (x + y) if x + y else place for x, y, place in zip(to_a, to_b, places, strict=True)])
    measures = [yard.of(point, ends[0], kind) for point in inner]
    return {
        "end_distance": (note_distance(ends[0], path[0]) + note_distance(ends[1], path[-1])) / 2,
        "unevenness": float(np.abs(shares - places).mean()),
        **{name: float(np.mean([row[name] for row in measures])) for name in ("in_key", "ngram_bits", "model_bits", "different_bars")},
    }


def _exchanged(a: Tokens, b: Tokens, points: int, seed: int) -> list[Tokens]:
    """Points at which each step comes from B once its turn, drawn at random, has come."""
    turns = np.random.default_rng(seed).permutation(a.size).reshape(a.shape)
    return [np.where(turns < a.size * share, b, a).astype(np.uint8) for share in np.linspace(0, 1, points)]
