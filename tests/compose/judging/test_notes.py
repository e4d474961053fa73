from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, tune

from musicvae.compose.judging.notes import note_scores
from musicvae.music.melody import Melody, Note


def repeated(bars=8):
    """The same bar again and again, which the fake engine's prior likes."""
    pitches = (72, 74, 76, 79)
    return Melody(tuple(Note(pitches[i % 4], i * 4, 4) for i in range(4 * bars)), num_bars=bars)


def with_wrong_note(melody, number, semitones):
    notes = list(melody.notes)
    notes[number] = replace(notes[number], pitch=notes[number].pitch + semitones)
    return replace(melody, notes=tuple(notes))


def test_the_note_that_breaks_a_repetition_is_the_oddest_and_the_right_one_is_named():
    wrong = with_wrong_note(repeated(), 13, -2)
    scores = note_scores(FakeEngine(canonical_key=False), wrong)
    assert int(scores.bits.argmax()) == 13
    assert int(scores.better[13]) == repeated().notes[13].pitch
    assert int(np.nanargmax(scores.bars)) == 3


@pytest.mark.parametrize("engine", [FakeEngine(), FakeEngine(max_bars=4), FakeWindowEngine()])
def test_every_note_has_its_bits_and_every_bar_its_own(engine):
    melody = tune(3, 11, rate=0.2)
    scores = note_scores(engine, melody)
    assert scores.bits.shape == scores.better.shape == (len(melody.notes),)
    assert scores.bars.shape == (11,)
    assert (scores.bits >= 0).all()
    for bar in range(11):
        inside = [b for b, note in zip(scores.bits, melody.notes, strict=True) if note.onset_steps // 16 == bar]
        assert np.mean(inside) == pytest.approx(scores.bars[bar]) if inside else np.isnan(scores.bars[bar])


def test_silence_has_nothing_to_score():
    scores = note_scores(FakeEngine(), Melody((), num_bars=3))
    assert not len(scores.bits)
    assert np.isnan(scores.bars).all()


def test_a_note_at_the_edge_of_the_vocabulary_is_tried_inside_it():
    melody = Melody((Note(21, 0, 4), Note(108, 8, 4)), num_bars=1)
    scores = note_scores(FakeEngine(canonical_key=False), melody)
    assert np.isfinite(scores.bits).all()
