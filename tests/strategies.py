"""Hypothesis strategies for what the library takes: meters, keys, melodies, tokens."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from musicvae.music.key import MODES, Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import SUPPORTED, Meter
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH, VOCABULARY_SIZE, Tokens

METERS = tuple(Meter.parse(text) for text in SUPPORTED)


def meters() -> st.SearchStrategy[Meter]:
    return st.sampled_from(METERS)


def keys() -> st.SearchStrategy[Key]:
    return st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))


@st.composite
def melodies(
    draw: st.DrawFn,
    *,
    max_bars: int = 6,
    min_notes: int = 0,
    min_pitch: int = MIN_PITCH,
    max_pitch: int = MAX_PITCH,
    meter: st.SearchStrategy[Meter] | None = None,
) -> Melody:
    """Any valid melody of a supported meter: with rests, ties over bar lines, repeated notes and full bars."""
    chosen = draw(meter if meter is not None else meters())
    num_bars = draw(st.integers(1, max_bars))
    num_steps = num_bars * chosen.steps_per_bar
    onsets = sorted(draw(st.sets(st.integers(0, num_steps - 1), min_size=min_notes, max_size=min(num_steps, 40))))
    notes = []
    for onset, limit in zip(onsets, [*onsets, num_steps][1:], strict=True):
        duration = limit - onset if draw(st.booleans()) else draw(st.integers(1, limit - onset))
        notes.append(Note(draw(st.integers(min_pitch, max_pitch)), onset, duration, draw(st.integers(1, 127))))
    return Melody(
        tuple(notes),
        meter=chosen,
        num_bars=num_bars,
        tempo_qpm=draw(st.one_of(st.sampled_from((60.0, 96.0, 120.0)), st.floats(20, 300))),
        key=draw(st.none() | keys()),
        program=draw(st.integers(0, 127)),
        name=draw(st.sampled_from(("Melody", "", "Flöte 1", "旋律"))),
    )


@st.composite
def tokens(draw: st.DrawFn, *, steps: int = 16, max_bars: int = 4) -> Tokens:
    """Any tokens (B, steps), mostly holds, also with note-offs in silence."""
    bars = draw(st.integers(1, max_bars))
    event = st.one_of(st.just(0), st.just(0), st.integers(0, 1), st.integers(0, VOCABULARY_SIZE - 1))
    flat = draw(st.lists(event, min_size=bars * steps, max_size=bars * steps))
    return np.array(flat, np.uint8).reshape(bars, steps)
