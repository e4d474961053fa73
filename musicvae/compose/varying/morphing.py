"""One continuous piece that begins as one melody and ends as another, changing from bar to bar.

The melody is played several times over; its first bar is the first input's, its last one the last input's, and each bar between
is that bar of the point which its place in the piece comes to. A note sounds on across a bar line only where the bar on
the other side holds the very same pitch. Where the home key changes, it does so at a bar line. There is one tempo, one program
and one name: those of the first input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musicvae.compose.varying.mixing import Ground, key_notices
from musicvae.compose.varying.plans import Point, morph_points, nearest
from musicvae.compose.varying.results import Blends
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens

__all__ = ["latest_event", "morph", "seamed"]


def morph(ground: Ground, rounds: int, *, provenance: Mapping[str, Any] | None = None) -> Blends[Melody]:
    """The one piece, in which the inputs' bars are played `rounds` times."""
    code = ground.codes[0]
    bars = code.num_model_bars
    points = morph_points(len(ground.inputs), rounds * bars, ground.even)
    pieces = [_round(ground, points[start : start + bars]) for start in range(0, len(points), bars)]
    first = ground.inputs[0]
    whole = replace(
        Melody.joined(pieces), tempo_qpm=first.tempo_qpm, key=first.key, program=first.program, name=first.name,
        provenance=dict(provenance or {}),
    )  # fmt: skip
    return Blends(
        (whole,), (*ground.notices, *key_notices(ground, "bar"), *_told(ground)), tuple(point.in_latent for point in points), ground.inputs
    )


def _round(ground: Ground, points: Sequence[Point]) -> Melody:
    """The melody of one round, each model bar from its own point."""
    code = ground.codes[0]
    window_of = {window.start_bar + bar: (w, bar) for w, window in enumerate(code.windows) for bar in range(window.num_bars)}
    inside = [bar for bar in range(len(points)) if bar in window_of]
    parts = ground.rows([(points[bar], window_of[bar][0]) for bar in inside], ground.manner.temperature)
    steps = code.meter.steps_per_model_bar
    # A bar that is in no window is silent, as nothing starts there.
    empty = np.full((1, steps), HOLD, np.uint8)
    lines = [empty] * len(points)
    places = [0] * len(points)
    for bar, part in zip(inside, parts, strict=True):
        lines[bar], places[bar] = part, window_of[bar][1]
    tokens = seamed(lines, places)
    homes = [(ground.home(point), nearest(point.in_order)) for point in points]
    # A note belongs to the bar in which it starts.
    heard = {home: ground.notes(tokens, *home) for home in set(homes)}
    first = heard[homes[0]]
    notes = [note for home in heard for note in heard[home].notes if homes[note.onset_steps // steps] == home]
    return replace(first, notes=tuple(sorted(notes, key=lambda note: note.onset_steps)))


def seamed(lines: Sequence[Tokens], places: Sequence[int]) -> Tokens:
    """Tokens (B, S) whose bar b is bar `places[b]` of `lines[b]`, each (bars, S); a note that its own line does not hold ends."""
    rows = np.stack([line[place] for line, place in zip(lines, places, strict=True)])
    flat, steps = rows.reshape(-1), rows.shape[1]
    for bar, (line, place) in enumerate(zip(lines, places, strict=True)):
        start = bar * steps
        if bar and flat[start] == HOLD:
            sounding = latest_event(flat[:start])
            if sounding >= FIRST_PITCH_TOKEN and sounding != latest_event(line[:place].reshape(-1)):
                flat[start] = NOTE_OFF
    return flat.reshape(rows.shape)


def latest_event(flat: Tokens) -> int:
    """The last event that is not a hold; `NOTE_OFF` where there is none."""
    events = flat[flat != HOLD]
    return int(events[-1]) if len(events) else NOTE_OFF


def _told(ground: Ground) -> tuple[str, ...]:
    first = ground.inputs[0]
    told = []
    if any(melody.tempo_qpm != first.tempo_qpm for melody in ground.inputs):
        told.append(f"the one piece keeps the tempo of A throughout: {first.tempo_qpm:g}")
    if any(melody.program != first.program for melody in ground.inputs):
        told.append(f"the one piece is played by A's program {first.program} throughout")
    return tuple(told)
