"""The divisions of the shipped models, data/splits."""

from pathlib import Path

import pytest

from musicvae.corpus.splits import Splits

FOLDER = Path(__file__).resolve().parents[2] / "data" / "splits"


@pytest.mark.parametrize("name", ["melody", "groove", "trio"])
def test_a_division_can_be_read_and_nothing_is_in_two_splits(name):
    assert len(Splits.load(FOLDER / f"{name}.json")) >= 99


def test_beats_that_are_not_named_keep_the_split_of_their_collection():
    splits = Splits.load(FOLDER / "groove.json")
    assert splits.of("groove/drummer1/session1/1_funk_80_beat_4-4") == ""
    assert splits.of("groove/drummer1/session1/121_funk_95_fill_4-4") == "test"


def test_songs_held_out_of_melodies_are_held_out_of_trios():
    melodies, trios = Splits.load(FOLDER / "melody.json"), Splits.load(FOLDER / "trio.json")
    for number in range(1, 910):
        split = melodies.of(f"pop909/{number:03}")
        assert trios.of(f"synthetic-trios/synthetic/pop909-{number:03}.mid") == split
    assert trios.of("freedoom/d_map07") == "test"
