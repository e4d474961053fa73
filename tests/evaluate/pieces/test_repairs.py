import numpy as np
import pytest
from model.pieces.networks import columns, engine

from musicvae.evaluate.pieces.repairs import measure_holes, measure_lines
from musicvae.evaluate.pieces.windows import PieceWindows


def windows(material, count, repeated):
    """Windows of 16 bars; repeated: of the same four over and over."""
    made = columns(material, count, 4 if repeated else 16)
    made = {name: np.concatenate([rows] * 4, axis=1) for name, rows in made.items()} if repeated else made
    return PieceWindows(made, np.arange(count), np.full(count, -1), np.full(count, 120.0))


@pytest.mark.parametrize(("material", "lines"), [("drums", ["drums"]), ("trio", ["bass"])])
def test_what_repeats_is_found_by_copying(material, lines):
    rows = {row.way: row for row in measure_holes(engine(f"tiny-{material}"), windows(material, 2, True), lines)}
    assert set(rows) == {"most alike bar", "four bars before", "commonest bar", "repair"}
    for way in ("most alike bar", "four bars before"):
        assert rows[way].notes.value == 1
        assert rows[way].steps.value > 0.98  # a note-off may be another way of writing the same
    assert rows["commonest bar"].notes.value < 1
    assert rows["most alike bar"].gain.value == 0
    assert rows["repair"].gain.value == pytest.approx(rows["repair"].notes.value - 1)


def test_a_line_of_the_song_itself_is_the_most_alike():
    own = windows("trio", 2, False)
    rows = {row.way: row for row in measure_lines(engine("tiny-trio"), own, own, "bass")}
    assert rows["line of the song most alike"].notes.value == 1
    assert rows["repair"].notes.value <= rows["repair"].pitch_classes.value <= rows["repair"].onsets.value
    assert rows["commonest bar"].than == "line of the song most alike"
