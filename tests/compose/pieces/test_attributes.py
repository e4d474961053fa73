import numpy as np
import pytest
from compose.fake_piece_engine import piece

from musicvae.compose.pieces.attributes import attributes_of, measured

KICK, SNARE, HAT, TOM, RIDE = (np.uint64(1 << place) for place in (0, 1, 2, 4, 8))


def drums(*bars):
    return {"bars": np.array([bars], np.uint64).reshape(1, -1, 16)}


BEAT = [KICK | HAT, 0, HAT, 0, SNARE | HAT, 0, HAT, KICK, HAT, 0, KICK | HAT, 0, SNARE | HAT, 0, HAT, TOM]


def test_a_rock_beat_by_hand():
    found = {name: measured(name, drums(BEAT), "drums", "nine")[0] for name in attributes_of("drums")}
    assert found == {"density": 14 / 16, "offbeat": 3 / 6, "kick": 3, "snare": 2, "hats": 8, "toms": 1, "cymbals": 0}


def test_bars_are_averaged_and_windows_kept_apart():
    two = {"bars": np.array([[BEAT, [0] * 16], [BEAT, BEAT]], np.uint64)}
    assert measured("kick", two, "drums", "nine").tolist() == [1.5, 3.0]


def test_the_map_of_sixty_one_is_measured_by_the_parts_of_the_kit():
    columns = {"bars": piece("full", 4).columns["bars"][None]}
    parts = [measured(part, columns, "drums", "sixty-one")[0] for part in ("kick", "snare", "hats", "toms", "cymbals")]
    assert sum(parts) == pytest.approx(16 * measured("density", columns, "drums", "sixty-one")[0])
    assert sum(parts) > 0


def test_feel_of_a_groove_by_hand():
    velocity, offsets = np.zeros((1, 1, 16, 9), np.uint8), np.zeros((1, 1, 16, 9), np.float16)
    velocity[0, 0, 0:4, 2] = [100, 60, 100, 60]
    offsets[0, 0, 0:4, 2] = [0, 0.25, 0, 0.5]
    groove = {"bars": velocity, "offsets": offsets}
    found = {name: float(measured(name, groove, "groove", "nine")[0]) for name in ("loudness", "dynamics", "lateness", "swing")}
    assert found == pytest.approx({"loudness": 80, "dynamics": 20, "lateness": 0.1875, "swing": 0.375})


@pytest.mark.parametrize("material", ["drums", "groove", "trio", "performance"])
def test_silence_is_nought_everywhere(material):
    nothing = -1 if material == "performance" else 0
    silent = {name: np.full_like(column, nothing)[None] for name, column in piece(material).columns.items()}
    for name in attributes_of(material):
        assert measured(name, silent, material, "nine").tolist() == [0.0], name


def test_performances_count_notes_and_instruments():
    own = {"bars": piece("performance", 3).columns["bars"][None]}
    assert measured("density", own, "performance", "")[0] == 4 / 16
    assert measured("tracks", own, "performance", "")[0] == 2


def test_unknown_attributes_are_named():
    with pytest.raises(ValueError, match="unknown attribute 'funk'; known of drums are density"):
        measured("funk", drums(BEAT), "drums", "nine")
