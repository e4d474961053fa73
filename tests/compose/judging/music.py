"""Music that returns, spoiled or not, and what a fake engine's held-out music scores."""

from dataclasses import replace

import numpy as np
from compose.fake_engine import FakeEngine

from musicvae.compose.judging.measuring import measure
from musicvae.compose.judging.ngram import fit_ngram
from musicvae.compose.judging.yardstick import STATISTICS, Yardstick
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
    size = 4
    ideas = {0: (np.zeros(size), np.eye(size))}
    return Yardstick(engine.hash, measured, np.zeros(count, np.int64), ideas, ngram, {"windows": count})
