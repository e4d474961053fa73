"""Trios put together of a song and a beat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.synthetic import HIGHEST_BASS, LOWEST_BASS, Beat, arranged, bass_line, beat_of, synthetic_trio
from musicvae.music.chords import Chord
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.drums import hits_to_notes
from musicvae.music.meter import Meter
from musicvae.music.score import ChordChange, MeterChange, NoteTable, Score, TempoChange, Track
from musicvae.music.trio import extract_trios

TPB, STEP = 480, 120
FOUR_FOUR = Meter(4, 4)
KICK, SNARE, CLOSED, CRASH = (1 << i for i in (0, 1, 2, 7))


def notes(*rows):
    """A table of (step, pitch, steps)."""
    step, pitch, length = np.array(rows, np.int64).reshape(-1, 3).T
    return NoteTable(step * STEP, pitch, length * STEP, np.full(len(step), 80))


def told(table):
    """(step, pitch, steps) of each note."""
    return list(zip((table.onset_ticks // STEP).tolist(), table.pitch.tolist(), (table.duration_ticks // STEP).tolist(), strict=True))


def rock(bars, *, odd=0):
    hits = np.zeros((bars, 16), np.uint64)
    hits[:, ::2] = CLOSED
    hits[:, [0, 8]] |= np.uint64(KICK)
    hits[:, [4, 12]] |= np.uint64(SNARE)
    hits[odd, 0] |= np.uint64(CRASH)
    return hits


def drum_score(hits, tempo=100.0):
    table = hits_to_notes(hits, DRUM_MAPS["nine"], FOUR_FOUR)
    return Score(TPB, (Track(table, "kit", is_drum=True),), (TempoChange(0, tempo),), (MeterChange(0, FOUR_FOUR),))


def song(bars=8, *, start=0, chords=()):
    melody = notes(*((16 * bar + 4 * beat, 67 + beat, 4) for bar in range(bars) for beat in range(4)))
    piano = notes(*((16 * bar + step, pitch, 4) for bar in range(bars) for step, pitch in ((0, 36), (4, 60), (4, 64), (8, 43), (12, 60))))
    moved = [
        Track(NoteTable(t.onset_ticks + start, t.pitch, t.duration_ticks, t.velocity), name)
        for t, name in ((melody, "MELODY"), (piano, "PIANO"))
    ]
    return Score(TPB, tuple(moved), (TempoChange(0, 90.0),), (MeterChange(start, FOUR_FOUR),), title="song", chords=tuple(chords))


# -- the bass


def test_low_notes_are_taken_and_sound_until_the_next():
    piano = notes((0, 36, 2), (0, 60, 4), (4, 60, 4), (6, 36, 1), (8, 43, 4), (8, 55, 4), (12, 62, 4), (16, 41, 16))
    assert told(bass_line(piano, (), TPB)) == [(0, 36, 6), (6, 36, 2), (8, 43, 8), (16, 41, 16)]


def test_arpeggios_off_the_beat_leave_the_root_sounding_but_steps_and_fifths_on_the_beat_stay():
    assert told(bass_line(notes((0, 36, 2), (2, 43, 2), (4, 48, 2), (6, 52, 2), (8, 41, 8)), (), TPB)) == [(0, 36, 8), (8, 41, 8)]
    assert [pitch for _, pitch, _ in told(bass_line(notes((0, 36, 2), (2, 38, 2), (4, 43, 4)), (), TPB))] == [36, 38, 43]


def test_half_bars_without_low_notes_have_the_root_or_the_bass_of_their_chord():
    high = notes((0, 72, 4), (8, 76, 4), (16, 74, 4))
    chords = (ChordChange(0, Chord(2, "min")), ChordChange(8 * STEP, Chord(0, "maj", bass=4)), ChordChange(16 * STEP, None))
    assert told(bass_line(high, chords, TPB)) == [(0, 38, 8), (8, 28, 8)]


def test_silence_stays_silent_and_a_note_ends_within_a_bar():
    assert told(bass_line(notes((0, 40, 2), (40, 40, 100)), (), TPB)) == [(0, 40, 2), (40, 40, 16)]
    assert len(bass_line(notes(), (), TPB)) == 0
    assert told(bass_line(notes((0, 24, 4)), (), TPB)) == [(0, 36, 4)], "below a bass' lowest string"


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 127), st.integers(1, 40)), max_size=40))
def test_a_bass_is_one_voice_within_its_register(rows):
    bass = bass_line(notes(*rows), (), TPB)
    assert ((bass.pitch >= LOWEST_BASS) & (bass.pitch <= HIGHEST_BASS)).all()
    assert (bass.end_ticks[:-1] <= bass.onset_ticks[1:]).all()
    assert ((bass.duration_ticks >= STEP) & (bass.duration_ticks <= 16 * STEP)).all()
    assert set(bass.onset_ticks.tolist()) <= {STEP * step for step, _, _ in rows}


# -- beats


def test_a_beat_is_without_count_in_and_last_stroke():
    hits = rock(6)
    hits[0] = 0
    hits[0, [0, 4, 8, 12]] = CLOSED
    hits[5] = 0
    hits[5, 0] = CRASH
    beat = beat_of(drum_score(hits, 97.0), "a")
    assert beat is not None
    assert (beat.name, round(beat.tempo_qpm), beat.num_bars) == ("a", 97, 4)
    assert np.array_equal(beat.hits, hits[1:5])


def test_what_is_not_in_four_four_is_no_beat():
    waltz = Score(TPB, drum_score(rock(4)).tracks, meters=(MeterChange(0, Meter(3, 4)),))
    five = Score(TPB, drum_score(rock(4)).tracks, meters=(MeterChange(0, Meter(5, 4)),))
    assert beat_of(waltz, "w") is None
    assert beat_of(five, "f") is None


# -- trios


@pytest.mark.parametrize("start", [0, 480, 1440])
def test_a_trio_has_the_song_on_the_bars_of_the_beat(start):
    beat = Beat("groove/x", 100.0, rock(3, odd=1))
    trio = synthetic_trio(song(start=start), beat, first_bar=2)
    assert trio.title == "song: synthetic trio with the beat of groove/x"
    assert [track.name for track in trio.tracks] == ["Melody", "Bass (synthetic)", "Drums (synthetic)"]
    (line,) = extract_trios(trio).lines
    assert (line.num_bars, line.start_ticks) == (8, start)
    assert np.array_equal(line.hits, beat.hits[(2 + np.arange(8)) % 3])
    assert line.bass.pitch.tolist() == [36, 43] * 8
    assert line.melody.pitch.tolist() == [67, 68, 69, 70] * 8


def test_what_a_song_lacks_is_named():
    beat, whole = Beat("b", 100.0, rock(2)), song()
    with pytest.raises(ValueError, match="no PIANO track with notes in it; tracks are MELODY"):
        synthetic_trio(Score(TPB, whole.tracks[:1], meters=whole.meters), beat)
    with pytest.raises(ValueError, match="no bar in 4/4"):
        synthetic_trio(Score(TPB, whole.tracks, meters=(MeterChange(0, Meter(3, 4)),)), beat)


# -- drums of a song


def plain(value, bars):
    """A beat whose every step holds this number."""
    return Beat(f"beat {value}", 100.0, np.full((bars, 16), value, np.uint64))


def test_arranged_drums_keep_a_beat_for_eight_bars_and_then_go_on_or_change():
    beat, other = plain(KICK, 3), plain(SNARE, 5)
    found = {tuple(arranged([beat, other], [], 32, np.random.default_rng(seed)).hits[:, 0].tolist()) for seed in range(40)}
    sections = {tuple(hits[start] for start in range(0, 32, 8)) for hits in found}
    assert all(set(hits[start : start + 8]) == {hits[start]} for hits in found for start in range(0, 32, 8))
    assert any(len(set(parts)) == 1 for parts in sections)
    assert any(len(set(parts)) == 2 for parts in sections)


def test_a_fill_takes_the_end_of_a_whole_section_and_nothing_else():
    fills = [plain(CRASH, 1), plain(CRASH, 4)]
    filled = [arranged([plain(KICK, 2)], fills, 20, np.random.default_rng(seed)).hits == CRASH for seed in range(40)]
    bars = np.array([rows.all(axis=1) for rows in filled])
    assert (bars == np.array([rows.any(axis=1) for rows in filled])).all()
    assert not bars[:, [*range(6), *range(8, 14), *range(16, 20)]].any()
    counts = {(int(row[6:8].sum()), int(row[14:16].sum())) for row in bars}
    assert {0, 1, 2} == {count for pair in counts for count in pair}, "none, one bar, and the last two of four"
    assert not (bars[:, 6] & ~bars[:, 7]).any()


def test_a_beat_that_is_shorter_than_a_section_goes_round_in_its_own_order():
    rising = Beat("rising", 100.0, np.arange(1, 4, dtype=np.uint64)[:, None].repeat(16, 1))
    hits = arranged([rising], [], 8, np.random.default_rng(0)).hits[:, 0].tolist()
    assert hits == [1, 2, 3, 1, 2, 3, 1, 2]


def test_drums_need_a_beat():
    with pytest.raises(ValueError, match="at least one beat"):
        arranged([], [], 8, np.random.default_rng(0))
