import pytest

from musicvae.compose.tonality import centre_fits, tonal_centre
from musicvae.music.key import MODES, Key
from musicvae.music.melody import Melody, Note


def line(*pitches):
    return Melody(tuple(Note(p, 4 * i, 4) for i, p in enumerate(pitches)), num_bars=-(-len(pitches) // 4))


@pytest.mark.parametrize(
    ("pitches", "key"),
    [
        ((60, 64, 67, 65, 64, 62, 59, 60), "C"),
        ((69, 72, 76, 74, 72, 71, 68 + 1, 69), "A minor"),
        ((62, 65, 69, 67, 65, 64, 60, 62), "D dorian"),
        ((67, 71, 74, 72, 71, 69, 65, 67), "G mixolydian"),
    ],
)
def test_the_note_dwelt_on_and_ended_with_is_the_centre(pitches, key):
    assert str(tonal_centre(line(*pitches))) == str(Key.parse(key))
    moved = line(*(p + 3 for p in pitches))
    assert tonal_centre(moved, major_tonic=3) == Key.parse(key).transposed(3)


def test_fits_of_a_single_note_can_be_worked_out():
    fits = {key.mode: fit for key, fit in centre_fits(line(60)).items()}
    assert fits["major"] == pytest.approx(1 + 0.2 + 0.1)
    assert fits["lydian"] == pytest.approx(0.75)  # C is the fifth of F
    assert fits["minor"] == pytest.approx(0.5)  # and the third of A
    assert fits["dorian"] == 0
    assert set(centre_fits(Melody((), num_bars=1)).values()) == {0.0}
    assert len(fits) == len(MODES)
