from dataclasses import replace

import mido
import numpy as np
import pytest
from compose.grooving_doubles import GLOBAL, FakeDrummer, FakePlayer
from compose.grooving_music import HAT, KICK, SNARE, STEP, TICKS, drums_of, rows_of, stiff, table
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.compose.grooving.drumify import BeatOrder, drumify
from musicvae.compose.grooving.feel import Chance
from musicvae.music.drum_map_files import kit_of
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.midi import score_bytes
from musicvae.music.provenance import provenance_of
from musicvae.music.score import MeterChange, Score, TempoChange, Track

TAPS = (0, 3, 6, 12)


def tapped(bars=2, late=0, **fields):
    rows = [(bar * 1920 + tap * STEP + (late if tap else 0), 60, 60, 90) for bar in range(bars) for tap in TAPS]
    return Score(TICKS, (Track(table(rows), "Taps"),), (TempoChange(0, 96.0),), (MeterChange(0, Meter(4, 4)),), **fields)


def made(score, *, span=16, stiff=True, temperature=1.0, seed=1, **order):
    player = None if stiff else FakePlayer(span)
    return drumify(FakeDrummer(span), player, score, BeatOrder(Chance(seed, temperature), Chance(seed, 0.0), **order))


def onsets(rendition, pitch):
    return [row[0] for row in drums_of(rendition.score)[0] if row[1] == pitch]


def test_taps_become_the_drummers_beat():
    rendition = made(tapped(), vector=np.full(GLOBAL + 48, 100.0))
    assert onsets(rendition, KICK) == [bar * 1920 + tap * STEP for bar in range(2) for tap in (0, 3, 6)]
    assert onsets(rendition, SNARE) == [bar * 1920 + 12 * STEP for bar in range(2)]
    assert onsets(rendition, HAT) == [at * STEP for at in range(0, 32, 2)]
    assert {row[3] for row in rows_of(rendition.score, 1)} == {90}
    assert [track.is_drum for track in rendition.score.tracks] == [True]
    assert (rendition.tempo_qpm, rendition.num_bars, rendition.report.hits) == (96.0, 2, 24)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 40), st.integers(0, 99), st.sampled_from((4, 7, 16)))
def test_every_tap_is_in_the_beat_whatever_the_windows(bars, seed, span):
    rendition = made(tapped(bars), span=span, seed=seed)
    found = {row[0] for row in rows_of(rendition.score, 1) if row[1] != HAT}
    assert found == {bar * 1920 + tap * STEP for bar in range(bars) for tap in TAPS}
    assert rendition.report.bars == bars
    assert made(tapped(bars), span=span, seed=seed).data == rendition.data


def test_what_falls_on_a_tap_keeps_its_timing_and_the_rest_is_played():
    rendition = made(tapped(late=20), stiff=False, vector=np.full(GLOBAL + 48, 100.0))
    lead = 1920 * rendition.report.lead_in_bars
    kicks = onsets(rendition, KICK)
    assert [kick - lead for kick in kicks if (kick - lead) % 1920 > 60] == [
        bar * 1920 + tap * STEP + 20 for bar in range(2) for tap in (3, 6)
    ]
    hats = {(hat - lead + 60) // STEP: hat - lead for hat in onsets(rendition, HAT)}
    assert hats[6] == 6 * STEP + 20
    assert hats[2] == pytest.approx(2 * STEP + 0.2 * np.sin(1.3 * 2 + 2.1 * 2) * STEP, abs=1)
    assert len({row[3] for row in drums_of(rendition.score)[0]}) > 5


def test_the_drums_are_the_rhythm_where_there_are_some_or_what_is_asked_for():
    score = stiff(2)
    assert any("track 2 (the only track of drums)" in text for text in made(score).notices)
    by_bass = made(score, track="bass")
    assert len([row for row in rows_of(by_bass.score, 1) if row[1] != HAT]) == 8
    assert made(score, track=1).data == by_bass.data
    with pytest.raises(ValueError, match=r"the score: no track with notes is named like 'flute'"):
        made(score, track="flute")


def test_other_tracks_are_kept_when_asked_for(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(score_bytes(stiff(2, tempi=(100.0, 80.0))))
    alone, beside = made(path), made(path, keep=True)
    assert [track.is_drum for track in alone.score.tracks] == [True]
    assert [track.name for track in beside.score.tracks] == ["Fretless Bass", "Drums"]
    assert rows_of(beside.score, 1) == rows_of(stiff(2), 1)
    assert rows_of(beside.score, 2) == rows_of(alone.score, 1)
    assert alone.score.tempi == beside.score.tempi == stiff(2, tempi=(100.0, 80.0)).tempi
    assert any("26 hits of its own drums give way to the new ones" in text for text in beside.notices)
    assert len(mido.MidiFile(beside.write(tmp_path / "out.mid")).tracks) == 4


def test_the_beat_is_as_long_as_the_input():
    score = tapped(2)
    longer = replace(score, tracks=(*score.tracks, Track(table([(0, 40, 6 * 1920, 80)]), "Pad")))
    assert made(longer, track="taps").report.bars == 6


def test_a_melody_or_a_tune_of_a_book_will_do(tmp_path):
    melody = Melody.from_beats([(60, beat, 1) for beat in range(8)], num_bars=2)
    assert made(melody).report.bars == 2
    path = tmp_path / "book.abc"
    path.write_text("X:1\nL:1/4\nM:4/4\nK:C\nCDEF|\n\nX:2\nL:1/4\nM:4/4\nK:C\nCDEF|GABc|CCCC|\n")
    assert drumify(FakeDrummer(), None, path, BeatOrder(Chance(0, 1.0), Chance(0, 0.0)), tune=2).report.bars == 3


def test_other_meters_are_told_and_refused():
    with pytest.raises(ValueError, match=r"the score: the beat is in 3/4: 4/4, 2/2 and 2/4 can be played"):
        made(replace(tapped(), meters=(MeterChange(0, Meter(3, 4)),)))
    with pytest.raises(ValueError, match="no notes in it"):
        made(Score(TICKS, ()))


def test_a_beat_that_begins_early_begins_a_bar_later_with_all_that_is_kept():
    early = replace(tapped(), tracks=(Track(table([(20, 60, 30, 90), (480 - 20, 60, 60, 90), (1920, 60, 60, 90)]), "Taps"),))
    engine = FakePlayer(wild=0.0)
    order = BeatOrder(Chance(1, 0.0), Chance(1, 0.0), np.full(GLOBAL + 48, 100.0), np.full(GLOBAL + 48, -1.0), keep=True)
    plain = drumify(FakeDrummer(), engine, early, order)
    assert plain.report.lead_in_bars == 0  # the first hits are on a tap, which is late
    off = replace(early, tracks=(Track(table([(480, 60, 60, 90), (1920, 60, 60, 90)]), "Taps"),))
    shifted = drumify(FakeDrummer(), engine, off, order)
    assert shifted.report.lead_in_bars == 1
    assert rows_of(shifted.score, 1)[0][0] == 480 + 1920
    assert drums_of(shifted.score)[0][0][0] == pytest.approx(1920 - 0.31 * STEP, abs=1)


def test_notes_are_those_of_the_kit():
    rendition = made(tapped(), kit=kit_of("td11"), vector=np.full(GLOBAL + 48, 100.0))
    assert {row[1] for row in rows_of(rendition.score, 1)} == {36, 38, 42}


@pytest.mark.parametrize("keep", [False, True])
def test_the_story_is_in_the_file(keep):
    rendition = made(tapped(), keep=keep, story={"made_by": "drumify", "seed": 1})
    assert provenance_of(rendition.score)[-1] == {"made_by": "drumify", "seed": 1}


def test_of_32nds_the_ones_on_the_grid_tell_the_timing():
    rows = [(onset, 60, 30, 90) for onset in range(0, 1920, STEP // 2)]
    rendition = made(Score(TICKS, (Track(table(rows), "Taps"),), (TempoChange(0, 96.0),), (MeterChange(0, Meter(4, 4)),)), stiff=False)
    lead = 1920 * rendition.report.lead_in_bars
    struck = np.array([row[0] - lead for row in drums_of(rendition.score)[0]])
    steps = np.rint(struck / STEP)
    assert np.abs(struck - steps * STEP)[steps < 16].max() <= 0.3 * STEP


def test_bars_of_other_meters_get_no_drums_which_is_told():
    changes = (MeterChange(0, Meter(4, 4)), MeterChange(1920, Meter(3, 4)))
    rows = [(at * STEP, 60, 60, 90) for at in range(0, 28, 4)]
    rendition = made(Score(TICKS, (Track(table(rows), "Taps"),), (), changes))
    assert max(row[0] for row in drums_of(rendition.score)[0]) < 1920
    assert any("bars in 3/4, which get no drums: 1" in text for text in rendition.notices)
