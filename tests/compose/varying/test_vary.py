from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import melodies

from musicvae.compose.varying.vary import vary

LOSSY = FakeEngine(lossy=0.8)


def others(a, b):
    """Share of notes that are not in both, counted note by note."""
    ours, theirs = ({(n.onset_steps, n.pitch) for n in melody.notes} for melody in (a, b))
    return 1 - 2 * len(ours & theirs) / (len(ours) + len(theirs))


@settings(max_examples=15)
@given(melodies(max_bars=20, min_pitch=0, max_pitch=127), st.integers(0, 99))
def test_amount_0_gives_the_very_melody_back(melody, seed):
    assert replace(vary(LOSSY, melody, [0.0], seed=seed)[0], provenance=melody.provenance) == melody


@pytest.mark.parametrize("melody", [tune(1), tune(2, 40), tune(3, 6, "6/8"), tune(4, 9, "2/4", shift=20)])
def test_distance_is_as_asked_for(melody):
    found = vary(LOSSY, melody, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 2, seed=3)
    measured = [others(piece, melody) for piece in found]
    np.testing.assert_allclose(found.distances, measured, atol=1e-12)
    np.testing.assert_allclose(measured, found.amounts, atol=max(0.05, 0.9 / len(melody.notes)))
