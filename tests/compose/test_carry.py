from dataclasses import replace

import pytest
from compose.fake_engine import FakeEngine, tune
from hypothesis import given
from strategies import melodies

from musicvae.compose.carry import played_notes, with_folded_pitches, with_velocities
from musicvae.music.melody import Melody, Note


def nearest_by_search(played, onset):
    """Independent of searchsorted: the sounding note, else the least distance in steps, of equals the earlier."""

    def distance(row):
        start, duration, _ = row
        return 0 if start <= onset < start + duration else start - onset if start > onset else onset - (start + duration) + 1

    return min(played.tolist(), key=lambda row: (distance(row), row[0]))[2]


@given(melodies(max_bars=3), melodies(max_bars=3))
def test_velocities_come_from_the_sounding_or_nearest_note(melody, source):
    played = played_notes(source)
    result = with_velocities(melody, played)
    if not source.notes:
        assert result == melody
    else:
        assert [n.velocity for n in result.notes] == [nearest_by_search(played, n.onset_steps) for n in melody.notes]


def test_a_melody_s_own_notes_keep_their_velocities():
    melody = tune(4)
    flat = replace(melody, notes=tuple(replace(n, velocity=64) for n in melody.notes))
    assert with_velocities(flat, played_notes(melody)) == melody


@pytest.mark.parametrize(("pitch", "expected"), [(32, 8), (33, 33)])
def test_only_notes_that_were_folded_get_their_octave_back(pitch, expected):
    source = Melody((Note(8, 0, 4),), num_bars=1)
    decoded = Melody((Note(pitch, 0, 4), Note(60, 8, 4)), num_bars=1)
    assert [n.pitch for n in with_folded_pitches(decoded, source, 0, FakeEngine().config).notes] == [expected, 60]
