from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, same_music, tune
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import melodies

from musicvae.compose.coding import decode, encode
from musicvae.compose.styles import StyleVector
from musicvae.compose.styling import apply_styles
from musicvae.music.melody import Melody, Note

LOSSY = FakeEngine(lossy=1.0)


def vector(index=0, size=0.5, **fields):
    direction = np.zeros(516)
    direction[index] = size
    return StyleVector(**{"name": f"number-{index}", "direction": direction, "model_hash": "fake", **fields})


@given(melodies(max_bars=20, min_pitch=0, max_pitch=127))
def test_strength_zero_gives_the_very_melody_back(melody):
    assert apply_styles(LOSSY, melody, [(vector(), 0.0)]) is melody


@settings(max_examples=25)
@given(melodies(max_bars=20, min_pitch=0, max_pitch=127), st.sampled_from([1e-9, -1e-9]))
def test_next_to_zero_nothing_is_lost_either(melody, strength):
    """The rule itself, not a short cut: notes, velocities and octaves, through a lossy code and several windows."""
    assert replace(apply_styles(LOSSY, melody, [(vector(), strength)]), provenance=melody.provenance) == melody


def test_from_one_on_the_model_decides_alone():
    melody = tune(1)
    still = vector(3)  # a number the decoder does not look at
    styled = apply_styles(LOSSY, melody, [(still, 1.0)])
    assert same_music(styled, decode(LOSSY, encode(LOSSY, melody)))
    assert not same_music(styled, melody)


def test_what_the_code_forgot_is_let_go_bit_by_bit():
    melody, still = tune(1, 40), vector(3)
    engine = FakeEngine(lossy=2.0)
    kept = [melody_agreement(apply_styles(engine, melody, [(still, s)]), melody) for s in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert kept[0] == 1
    assert kept == sorted(kept, reverse=True)
    assert len(set(kept)) >= 4


def melody_agreement(a, b):
    notes = {(n.pitch, n.onset_steps) for n in b.notes}
    return sum((n.pitch, n.onset_steps) in notes for n in a.notes) / len(a.notes)


def test_strengths_add_up_and_either_sign_works():
    melody = replace(tune(1), program=5, tempo_qpm=77.0, name="x")
    engine = FakeEngine()
    up = apply_styles(engine, melody, [(vector(1, 0.25), 1.0)], provenance={"seed": 1})
    assert [n.pitch for n in up.notes] == [n.pitch + 3 for n in melody.notes]
    assert [n.velocity for n in up.notes] == [n.velocity for n in melody.notes]
    assert (up.program, up.tempo_qpm, up.name, up.key, up.provenance) == (5, 77.0, "x", melody.key, {"seed": 1})
    down = apply_styles(engine, melody, [(vector(1, 0.25), -1.0)])
    assert [n.pitch for n in down.notes] == [n.pitch - 3 for n in melody.notes]
    both = [(vector(1, 0.25), 1.0), (vector(1, 0.25, name="other"), -1.0)]
    assert same_music(apply_styles(engine, melody, both), melody)


def test_a_folded_note_that_stays_keeps_its_octave():
    melody = Melody((Note(3, 0, 4, 20), *(Note(70 + i % 3, 4 * i, 4, 90) for i in range(1, 8))), num_bars=2)
    assert apply_styles(FakeEngine(), melody, [(vector(3), 1.0)]).notes == melody.notes


def test_refusals():
    with pytest.raises(ValueError, match="strength of style 'number-0' must be a number from -10 to 10, got 11"):
        apply_styles(LOSSY, tune(1), [(vector(), 11)])
    with pytest.raises(ValueError, match="learnt for model other"):
        apply_styles(LOSSY, tune(1), [(vector(model_hash="other"), 0)])
    with pytest.raises(ValueError, match="temperature must be a number"):
        apply_styles(LOSSY, tune(1), [(vector(), 0)], temperature=-1)
