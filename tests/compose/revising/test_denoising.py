from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.model import Model
from musicvae.compose.revising.denoising import corrections, mended
from musicvae.music.melody import Melody

ENGINE = FakeEngine()


def thrice(bars=4):
    """A tune played three times: a returning bar is likelier, so that a wrong note in the last of three stands out."""
    return Melody.joined([tune(3, bars)] * 3)


def spoiled(melody, index, by=3):
    notes = list(melody.notes)
    notes[index] = replace(notes[index], pitch=notes[index].pitch + by)
    return replace(melody, notes=tuple(notes))


def test_a_wrong_note_in_a_returning_bar_is_put_right_and_nothing_else_changes():
    melody = thrice()
    index = len(melody.notes) - 2
    wrong = spoiled(melody, index)
    found = corrections(ENGINE, wrong, wrong_share=0.1)
    assert [(item.index, item.pitch, item.better) for item in found] == [(index, wrong.notes[index].pitch, melody.notes[index].pitch)]
    assert found[0].bits == pytest.approx(found[0].nats / np.log(2))
    assert mended(wrong, found).notes == melody.notes
    model = Model(ENGINE)
    assert model.repair(wrong, wrong_share=0.1).notes == melody.notes
    assert model.propose_repairs(wrong, wrong_share=0.1) == found


def test_a_melody_without_wrong_notes_stays():
    assert corrections(ENGINE, thrice()) == ()


def test_locked_notes_are_right():
    melody = thrice()
    index = len(melody.notes) - 2
    wrong = spoiled(melody, index)
    assert Model(ENGINE).propose_repairs(wrong, lock=wrong.notes[index].onset_steps // 16 + 1, wrong_share=0.1) == ()


def test_fewer_are_found_where_fewer_are_expected():
    melody = thrice()
    wrong = spoiled(melody, len(melody.notes) - 2)
    assert corrections(ENGINE, wrong, wrong_share=1e-9) == ()
    with pytest.raises(ValueError, match="above 0 and below 1, got 1: 0.1 is one in ten"):
        corrections(ENGINE, wrong, wrong_share=1)
