import numpy as np
import pytest

from musicvae.music.chords import QUALITIES, Chord
from musicvae.music.converters import converter
from musicvae.music.converters.triads import NUM_TRIADS, TRIAD_OF_CODE, chord_controls, moved_chords
from musicvae.music.performance import empty_bars

WANTED = {
    "maj": ["maj", "6", "7", "maj7", "9", "maj9", "add9", "sus2", "sus4", "7sus4", "5"],
    "min": ["min", "min6", "min7", "minmaj7", "min9"],
    "aug": ["aug", "aug7"],
    "dim": ["dim", "dim7", "hdim7"],
}


def test_every_quality_has_the_triad_it_is_built_on():
    assert sorted(q for qualities in WANTED.values() for q in qualities) == sorted(QUALITIES)
    for place, qualities in enumerate(WANTED.values()):
        for quality in qualities:
            for root in range(12):
                assert TRIAD_OF_CODE[Chord(root, quality).code] == 1 + 12 * place + root, quality
    assert TRIAD_OF_CODE[0] == 0
    assert set(TRIAD_OF_CODE.tolist()) == set(range(NUM_TRIADS))


@pytest.mark.parametrize(("symbol", "triad"), [("C", 1), ("Bm7", 13 + 11), ("F#m7b5", 37 + 6), ("Eaug", 25 + 4), ("G13", 1 + 7)])
def test_symbols(symbol, triad):
    assert TRIAD_OF_CODE[Chord.parse(symbol).code] == triad


def test_controls_last_as_long_as_their_eighth():
    codes = np.zeros((1, 2, 8), np.uint8)
    codes[0, 1, 3] = Chord(9, "min").code
    controls = converter("melody-chords").controls({"bars": np.zeros((1, 2, 16), np.uint8), "chords": codes})
    assert controls.shape == (1, 32, 49)
    assert (controls.sum(axis=2) == 1).all()
    assert np.flatnonzero(controls[0, :, 0] == 0).tolist() == [22, 23]
    assert controls[0, 22, 13 + 9] == 1
    without = converter("melody-chords").controls({"bars": np.zeros((1, 2, 16), np.uint8)})
    assert (without[..., 0] == 1).all()


def test_chords_move_as_chords_do():
    codes = np.array([0, *(Chord(root, quality).code for root in range(12) for quality in QUALITIES)])
    for semitones in (-13, -3, 0, 4, 12):
        wanted = [0, *(Chord(root, quality).transposed(semitones).code for root in range(12) for quality in QUALITIES)]
        assert moved_chords(codes, np.asarray(semitones)).tolist() == wanted


def test_a_code_of_no_chord_is_refused():
    with pytest.raises(ValueError, match="chord code 253 is outside 0-252"):
        chord_controls(np.array([[253]]), 2)
    with pytest.raises(ValueError, match="chord code -1 is outside 0-252"):
        chord_controls(np.array([[-1]]), 2)
    columns = {"bars": empty_bars(1)[None], "chords": np.full((1, 1, 8), 255, np.uint8)}
    with pytest.raises(ValueError, match="chord code 255 is outside 0-252"):
        converter("performance-chords").controls(columns)
