"""Music that returns, spoiled or not, and what a fake engine's held-out music scores."""

from dataclasses import replace

import numpy as np
from compose.fake_engine import FakeEngine

from musicvae.compose.judging.collection import windows_of_piece
from musicvae.compose.judging.measuring import measure
from musicvae.compose.judging.ngram import fit_ngram
from musicvae.compose.judging.traits import traits_of
from musicvae.compose.judging.yardstick import STATISTICS, Yardstick
from musicvae.evaluate.style_sense import fit_sense, usual_foreignness
from musicvae.music.melody import Melody, Note
from musicvae.music.vocabulary import to_tokens

PITCHES = ((72, 74, 76, 79), (72, 76, 74, 71), (76, 74, 72, 67))


def returning(seed=0, bars=8, name="Melody"):
    """Two bars of quarters again and again."""
    rng = np.random.default_rng(seed)
    idea = [PITCHES[i] for i in rng.permutation(3)[:2]]
    notes = [Note(idea[bar % 2][beat], 16 * bar + 4 * beat, 4) for bar in range(bars) for beat in range(4)]
    return Melody(tuple(notes), num_bars=bars, name=name)


def wrong(melody, number=13, semitones=-3):
    """The melody with one note moved."""
    notes = list(melody.notes)
    notes[number] = replace(notes[number], pitch=notes[number].pitch + semitones)
    return replace(melody, notes=tuple(notes))


def yardstick(engine=None, count=60, bars=8):
    """What so many returning melodies score."""
    engine = engine or FakeEngine(canonical_key=False)
    tokens = [to_tokens(returning(seed, bars)) for seed in range(count)]
    ngram = fit_ngram([(np.stack(tokens), 0)])
    distinct = {key: measure(engine, part, 0, ngram).statistics() for key, part in {part.tobytes(): part for part in tokens}.items()}
    rows = [distinct[part.tobytes()] for part in tokens]
    measured = {name: np.array([row[name] for row in rows]) for name in STATISTICS}
    return Yardstick(engine.hash, measured, np.zeros(count, np.int64), {}, ngram, {"windows": count})


def walking(seed=0, bars=8, steps=2, low=60):
    """Eighths up and down a scale by small steps, or notes of other lengths."""
    rng = np.random.default_rng(seed)
    scale = [low + octave + degree for octave in (0, 12) for degree in (0, 2, 4, 5, 7, 9, 11)]
    at = np.clip(np.cumsum(rng.choice([-1, 1], 16 * bars // steps)) + 7, 0, 13)
    return Melody(tuple(Note(scale[place], steps * k, steps) for k, place in enumerate(at)), num_bars=bars)


def leaping(seed=0, bars=8):
    """Halves and quarters anywhere."""
    rng = np.random.default_rng([seed, 1])
    return Melody(tuple(Note(int(p), 8 * k, 4) for k, p in enumerate(rng.integers(55, 85, 2 * bars))), num_bars=bars)


def sense(engine, count=12):
    """What tells walking from leaping melodies, and what is usual among either."""
    pieces = [windows_of_piece(engine, make(seed)) for make in (walking, leaping) for seed in range(2 * count)]
    traits, labels = np.stack([traits_of(own, 0) for own in pieces]), ["walk"] * 2 * count + ["leap"] * 2 * count
    learned = np.arange(4 * count) % 2 == 0
    found = fit_sense(traits[learned], [labels[i] for i in np.flatnonzero(learned)], [""] * 2 * count)
    held_out = (traits[~learned] - found.mean) / found.spread
    return replace(found, usual=usual_foreignness(found, held_out, [labels[i] for i in np.flatnonzero(~learned)]))
