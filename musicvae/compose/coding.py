"""Notes to z and back, window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.canonical import Placed, from_coordinates, to_coordinates
from musicvae.compose.carry import played_notes, with_velocities
from musicvae.compose.code import Code
from musicvae.compose.engine import ChordRows, Engine, Floats, over_chords
from musicvae.compose.limits import check_kind, check_refine, check_temperature
from musicvae.compose.seeds import window_seed
from musicvae.compose.windows import Window, cut_tokens, fixed_windows, held_over, join_tokens, phrase_windows, placed_tokens
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import Tokens

__all__ = ["check_code", "chords_of", "decode", "decode_rows", "encode", "encode_rows", "joined", "margin_rows", "place", "windows_of"]

_SHOWN_WINDOWS = 6
# Rows that are decoded at once: bounds memory, changes no result.
_BATCH = 64


def place(engine: Engine, melody: Melody) -> tuple[Placed, tuple[str, ...]]:
    """A melody in the engine's coordinates, with notices of what that cost; ValueError for a meter that the engine does not know."""
    config = engine.config
    check_kind(melody.meter, config.kinds)
    placed = to_coordinates(melody, canonical_key=config.canonical_key, lowest=config.lowest_pitch, highest=config.highest_pitch)
    notices = []
    if engine.config.canonical_key and melody.key is None and melody.notes:
        notices.append(f"the key is not stated; it sounds like {placed.key}")
    if placed.num_folded:
        notices.append(f"{placed.num_folded} notes out of range were moved by octaves")
    return placed, tuple(notices)


def windows_of(engine: Engine, lines: Sequence[Tokens], meter: Meter) -> tuple[Window, ...]:
    """Where lines of tokens, each (B, S), are cut for this engine, by the rules of `compose.windows`."""
    if engine.config.fixed_window:
        return fixed_windows(lines, max_bars=engine.config.max_bars)
    return phrase_windows(lines, meter, max_bars=engine.config.max_bars)


def encode(
    engine: Engine,
    melody: Melody,
    *,
    refine: int = 0,
    windows: Sequence[Window] | None = None,
    chords: ChordRows | None = None,
) -> Code:
    """The code of a melody: the mean of q(z | window) of every window, never a draw from it.

    refine: gradient steps at encode time. windows: where to cut (default: by the rules of
    `compose.windows`). chords: (model bars, 8), for an engine that takes chords.
    """
    check_refine(refine)
    placed, notices = place(engine, melody)
    apart = engine.config.fixed_window
    chosen = windows_of(engine, [placed.tokens], melody.meter) if windows is None else tuple(windows)
    if windows is None:
        notices += _window_notices(engine, melody, chosen)
    parts = cut_tokens(placed.tokens, chosen, apart=apart)
    mu, sigma = encode_rows(engine, parts, melody.meter, refine=refine, chords=chords_of(chords, chosen))
    return Code(
        mu=mu, sigma=sigma, windows=chosen, held=held_over(placed.tokens, chosen), meter=melody.meter, num_bars=melody.num_bars,
        tempo_qpm=float(melody.tempo_qpm), key=melody.key, shift_semitones=placed.shift_semitones, program=melody.program,
        name=melody.name, played=played_notes(melody), model_hash=engine.hash, refine=refine, apart=apart,
        chords=chords, notices=notices,
    )  # fmt: skip


def _window_notices(engine: Engine, melody: Melody, windows: Sequence[Window]) -> tuple[str, ...]:
    notices = []
    if len(windows) > 1:
        sizes = ", ".join(str(w.num_bars) for w in windows[:_SHOWN_WINDOWS])
        more = f" and {len(windows) - _SHOWN_WINDOWS} more" if len(windows) > _SHOWN_WINDOWS else ""
        notices.append(f"{melody.num_bars} bars were taken in windows of {sizes}{more}")
    if engine.config.fixed_window:
        if left := melody.meter.model_bars(melody.num_bars) - sum(w.num_bars for w in windows):
            notices.append(f"{left} bar{'' if left == 1 else 's'} in which no note starts stayed as they are, outside the code")
        if missing := engine.config.max_bars - windows[-1].num_bars:
            notices.append(f"{missing} bar{' was' if missing == 1 else 's were'} added for the model's window of {engine.config.max_bars}")
    return tuple(notices)


def chords_of(chords: ChordRows | None, windows: Sequence[Window]) -> list[ChordRows] | None:
    """The chords of each window, out of those (B, 8) of the whole melody; None for None."""
    return None if chords is None else [chords[window.start_bar : window.start_bar + window.num_bars] for window in windows]


def joined(code: Code, parts: Sequence[Tokens]) -> Tokens:
    """Tokens (B, S) of the whole melody from those of each window, notes held over where they are in the encoded melody."""
    if not code.apart:
        return join_tokens(parts, code.held)
    onset, end = code.played[:, 0], code.played[:, 0] + code.played[:, 1]

    def until(step: int) -> int:
        return int(max([step, *end[(onset < step) & (end > step)]]))

    return placed_tokens(parts, code.windows, code.num_model_bars, until)


def decode(
    engine: Engine,
    code: Code,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    chords: ChordRows | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Melody:
    """The melody of a code: tempo, key, program, name and velocities are those of the encoded one.

    Window w is drawn with `compose.seeds.window_seed(seed, w)`. chords: (model bars, 8), default those it was encoded
    over. ValueError for another model's code.
    """
    check_temperature(temperature)
    check_code(engine, code)
    seeds = [window_seed(seed, w) for w in range(len(code.windows))]
    over = chords_of(code.chords if chords is None else chords, code.windows)
    parts = decode_rows(engine, code.mu, code.bars.tolist(), code.meter, temperature=temperature, seeds=seeds, chords=over)
    melody = from_coordinates(joined(code, parts), code.meter, shift_semitones=code.shift_semitones, num_bars=code.num_bars)
    melody = with_velocities(melody, code.played)
    return replace(melody, tempo_qpm=code.tempo_qpm, key=code.key, program=code.program, name=code.name, provenance=dict(provenance or {}))


def check_code(engine: Engine, code: Code) -> None:
    """ValueError unless this engine can decode the code."""
    if code.model_hash != engine.hash:
        raise ValueError(f"the code was made by model {code.model_hash}, this is model {engine.hash}: load the one that made it")
    if code.mu.shape[1] != engine.config.z_size or int(code.bars.max()) > engine.config.max_bars:
        raise ValueError(f"a code of shape {code.mu.shape} with windows of up to {int(code.bars.max())} bars does not fit the model")


def encode_rows(
    engine: Engine, parts: Sequence[Tokens], meter: Meter, *, refine: int = 0, chords: Sequence[ChordRows] | None = None
) -> tuple[Floats, Floats]:
    """Mean and standard deviation, each (W, Z), of W parts of tokens (bars, S) that may differ in bars; chords[w]: (bars[w], 8)."""
    mu = np.zeros((len(parts), engine.config.z_size))
    sigma = np.ones_like(mu)
    for rows in _batches([len(part) for part in parts]):
        tokens = np.stack([parts[row] for row in rows])
        bound = over_chords(engine, _rows(chords, rows))
        means, deviations = bound.encode(tokens, meter.kind_index)
        mu[rows] = bound.refine(means, tokens, kind=meter.kind_index, steps=refine) if refine else means
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
    forced: Sequence[NDArray[np.int16]] | None = None,
    chords: Sequence[ChordRows] | None = None,
) -> list[Tokens]:
    """Tokens (bars[w], S) of each row of z (W, Z), drawn with its own seed.

    bias[w]: (bars[w], S, 90); forced[w]: (bars[w], S), -1 where the model is free; chords[w]: (bars[w], 8).
    """
    parts: list[Tokens] = [np.zeros((0, 0), np.uint8)] * len(z)
    for rows in _batches(bars):
        tokens = over_chords(engine, _rows(chords, rows)).decode(
            z[rows],
            bars=bars[rows[0]],
            kind=meter.kind_index,
            temperature=temperature,
            seeds=[seeds[row] for row in rows],
            bias=None if bias is None else np.stack([bias[row] for row in rows]),
            forced=None if forced is None else np.stack([forced[row] for row in rows]),
        )
        for row, part in zip(rows, tokens, strict=True):
            parts[row] = part
    return parts


def margin_rows(
    engine: Engine, z: Floats, parts: Sequence[Tokens], meter: Meter, *, chords: Sequence[ChordRows] | None = None
) -> list[Floats]:
    """What the score of each token (bars, S) of W parts lacks to be chosen, given z (W, Z): `Engine.margins`; chords[w]: (bars[w], 8)."""
    margins: list[Floats] = [np.zeros((0, 0))] * len(parts)
    for rows in _batches([len(part) for part in parts]):
        bound = over_chords(engine, _rows(chords, rows))
        found = bound.margins(z[rows], np.stack([parts[row] for row in rows]), kind=meter.kind_index)
        for row, part in zip(rows, found, strict=True):
            margins[row] = part
    return margins


def _rows(chords: Sequence[ChordRows] | None, rows: Sequence[int]) -> list[ChordRows] | None:
    return None if chords is None else [chords[row] for row in rows]


def _batches(bars: Sequence[int]) -> list[list[int]]:
    """Indices of rows that have the same number of bars, at most `_BATCH` together."""
    groups = [[row for row, b in enumerate(bars) if b == size] for size in sorted(set(bars))]
    return [group[i : i + _BATCH] for group in groups for i in range(0, len(group), _BATCH)]
