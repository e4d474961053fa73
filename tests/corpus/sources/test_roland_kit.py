"""A Roland kit's notes under the pitches of General MIDI."""

import numpy as np
import pytest

from musicvae.corpus.sources.roland_kit import ROLAND_TOMS, in_general_midi
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.score import NoteTable, Score, Track

# What the pads of a TD-11 send, by the manual.
PADS = {
    "kick": [36], "snare": [38, 37, 40], "closed hi-hat": [42, 22, 44], "open hi-hat": [46, 26], "low tom": [43, 58], "mid tom": [45, 47],
    "high tom": [48, 50], "crash": [49, 52, 55, 57], "ride": [51, 53, 59],
}  # fmt: skip


def played(pitches: list[int], *, is_drum: bool = True) -> Score:
    count = len(pitches)
    notes = NoteTable(np.arange(count) * 120, np.array(pitches), np.full(count, 60), np.full(count, 80))
    return Score(480, (Track(notes, is_drum=is_drum),))


@pytest.mark.parametrize("drums", ["nine", "roland"])
def test_every_pad_is_the_drum_it_is_called(drums: str) -> None:
    pitches = [pitch for sent in PADS.values() for pitch in sent]
    read = NoteTable.of(in_general_midi(played(pitches)).tracks[0].notes).pitch
    names = [DRUM_MAPS[drums].names[DRUM_MAPS[drums].class_of[pitch]] for pitch in read]
    assert names == [name for name, sent in PADS.items() for _ in sent]


def test_order_velocity_and_pitched_tracks_stay() -> None:
    pitches = [45, 48, 58, 36]
    score = played(pitches)
    table, before = NoteTable.of(in_general_midi(score).tracks[0].notes), NoteTable.of(score.tracks[0].notes)
    assert table.pitch.tolist() == [ROLAND_TOMS.get(pitch, pitch) for pitch in pitches]
    assert table.onset_ticks.tolist() == before.onset_ticks.tolist()
    assert in_general_midi(played(pitches, is_drum=False)) == played(pitches, is_drum=False)
