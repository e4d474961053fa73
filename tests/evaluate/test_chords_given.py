import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.model import Model
from musicvae.evaluate.chords_given import SAMPLERS, measure_given_chords
from musicvae.evaluate.fitting_chords import HarmonizedTunes
from musicvae.music.chords import Chord
from musicvae.music.lead_sheet import ChordSpan
from musicvae.music.vocabulary import to_tokens


class PricedEngine(FakeEngine):
    """With a prior that finds everything equally likely."""

    def prior_log_probs(self, z, tokens, *, kind):
        return np.zeros((len(z), 1 + tokens.shape[1]))

    def log_probs(self, tokens, z, kind):
        return np.full(tokens.shape, -0.1)


@pytest.fixture
def tunes():
    tokens = np.stack([to_tokens(tune(number, 16)) for number in (1, 2)])
    spans = tuple((ChordSpan(0, Chord.parse(first)), ChordSpan(128, Chord.parse("G7"))) for first in ("F#", "Db"))
    return HarmonizedTunes(0, tokens, np.arange(2), spans)


@pytest.mark.parametrize("name", ["generate", "vary 0.7", "continue", "compose"])
def test_notes_go_to_the_chords_that_are_asked_for(name, tunes):
    (row,) = measure_given_chords(Model(PricedEngine()), tunes, [name])
    assert row.command == name
    assert row.strong.value > row.strong_unasked.value
    assert 0 <= row.strong_unasked.value < row.strong.value <= 1
    assert np.isfinite([row.bits_per_note.value, row.cost.value]).all()


def test_every_command_that_takes_chords_is_measured():
    assert {name.split()[0] for name in SAMPLERS} == {"generate", "vary", "repair", "continue", "compose"}
