import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.drum_maps import DRUM_MAPS, drum_map
from musicvae.music.drums import drum_tracks, extract_drums, hits_to_notes
from musicvae.music.meter import Meter
from musicvae.music.score import MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track
from tests.strategies import METERS

TPB = 480
NINE = drum_map("nine")


def drums_of(*hits, meters=((0, 4, 4),), ticks_per_beat=TPB, **fields):
    """A score of one drum track; hits are (pitch, onset in beats)."""
    notes = tuple(sorted(ScoreNote(round(o * ticks_per_beat), p, 10, 80) for p, o in hits))
    changes = tuple(MeterChange(round(t * ticks_per_beat), Meter(n, d)) for t, n, d in meters)
    return Score(ticks_per_beat, (Track(notes, "Drums", is_drum=True),), meters=changes, **fields)


def cells(line):
    """(bar, step, class) of every hit, in order."""
    return [(b, s, c) for b, bar in enumerate(line.hits.tolist()) for s, bits in enumerate(bar) for c in range(64) if bits >> c & 1]


@st.composite
def patterns(draw, num_classes=9):
    """A meter, a number of written bars, and which classes are hit at each step."""
    meter = draw(st.sampled_from(METERS))
    num_bars = draw(st.integers(1, 4))
    steps = num_bars * meter.steps_per_bar
    hits = draw(st.sets(st.tuples(st.integers(0, steps - 1), st.integers(0, num_classes - 1)), min_size=1, max_size=30))
    return meter, num_bars, sorted(hits)


def test_the_maps_have_the_published_sizes_and_hold_no_pitch_twice():
    assert {name: len(m) for name, m in DRUM_MAPS.items()} == {"nine": 9, "nine-old": 9, "sixty-one": 61, "roland": 9}
    for each in DRUM_MAPS.values():
        pitches = [p for pitches in each.classes for p in pitches]
        assert len(set(pitches)) == len(pitches)
        assert len(each.names) == len(each)
        assert [int(each.class_of[p]) for pitches in each.classes for p in pitches] == [c for c, ps in enumerate(each.classes) for _ in ps]
        assert int((each.class_of >= 0).sum()) == len(pitches)


def test_old_and_new_map_differ_as_published():
    new, old = drum_map("nine"), drum_map("nine-old")
    names = {
        p: (new.names[new.class_of[p]], old.names[old.class_of[p]] if old.class_of[p] >= 0 else None)
        for p in range(128)
        if new.class_of[p] >= 0
    }
    assert {p: pair for p, pair in names.items() if pair[0] != pair[1]} == {
        22: ("closed hi-hat", None), 26: ("open hi-hat", None), 43: ("low tom", "high tom"), 52: ("crash", "ride"),
    }  # fmt: skip


def test_sixty_one_is_in_the_order_of_the_published_network():
    singles = [p for (p,) in drum_map("sixty-one").classes]
    assert singles[:6] == [36, 35, 38, 27, 28, 31]
    assert singles[-12:] == [62, 76, 83, 49, 55, 57, 58, 51, 52, 53, 59, 82]
    assert singles[singles.index(50) :][:3] == [50, 30, 43]


def test_roland_puts_what_the_kit_sends_where_the_drummer_hit():
    roland = drum_map("roland")
    told = {p: roland.names[roland.class_of[p]] for p in (36, 40, 22, 26, 58, 47, 50, 55, 59)}
    assert told == {36: "kick", 40: "snare", 22: "closed hi-hat", 26: "open hi-hat", 58: "low tom", 47: "mid tom", 50: "high tom",
                    55: "crash", 59: "ride"}  # fmt: skip


def test_an_unknown_map_is_refused_by_name():
    with pytest.raises(ValueError, match=r"unknown drum map 'eight'; allowed are nine, nine-old, sixty-one, roland"):
        drum_map("eight")


@given(patterns())
def test_hits_survive_being_written_and_read(pattern):
    meter, num_bars, hits = pattern
    found = extract_drums(
        drums_of(*((NINE.classes[c][-1], s / 4) for s, c in hits), meters=((0, meter.numerator, meter.denominator),)), NINE
    )
    (line,) = found.lines
    width = meter.steps_per_model_bar
    assert cells(line) == [(s // width, s % width, c) for s, c in hits]
    assert line.num_bars == hits[-1][0] // meter.steps_per_bar + 1
    again = extract_drums(line.to_score(NINE), NINE).lines[0]
    np.testing.assert_array_equal(again.hits, line.hits)
    assert (again.meter, again.num_bars, again.start_bar) == (meter, line.num_bars, 1)


@given(patterns(num_classes=61))
def test_sixty_one_classes_survive_too(pattern):
    meter, _, hits = pattern
    every = drum_map("sixty-one")
    score = drums_of(*((every.classes[c][0], s / 4) for s, c in hits), meters=((0, meter.numerator, meter.denominator),))
    line = extract_drums(score, every).lines[0]
    assert hits_to_notes(line.hits, every, meter) == NoteTable.of([ScoreNote(s * 120, every.classes[c][0], 120, 90) for s, c in hits])


def test_all_drum_tracks_are_taken_together_and_others_counted():
    kick = Track((ScoreNote(0, 36, 10, 80), ScoreNote(0, 35, 10, 80)), "kick", is_drum=True)
    hat = Track((ScoreNote(0, 42, 10, 80), ScoreNote(240, 3, 10, 80)), "hat", is_drum=True)
    score = Score(TPB, (kick, Track((ScoreNote(0, 60, 480, 80),)), hat), meters=(MeterChange(0, Meter(4, 4)),))
    found = extract_drums(score, NINE)
    assert cells(found.lines[0]) == [(0, 0, 0), (0, 0, 2)]
    assert found.tracks == (1, 3)
    assert found.why == "all 2 tracks of drums together"
    assert found.losses == {
        "notes in other tracks": 1, "hits of one class on the same sixteenth merged": 1,
        "hits of pitch 3, which is in no class of the drum map": 1,
    }  # fmt: skip


@pytest.mark.parametrize("lead", [0, 37])
@pytest.mark.parametrize("ticks_per_beat", [480, 96, 90, 30])
def test_an_onset_goes_to_the_nearest_sixteenth_and_opens_the_bar_it_is_nearest_to(lead, ticks_per_beat):
    bar = 4 * ticks_per_beat
    for tick in range(bar - ticks_per_beat // 2, bar + ticks_per_beat // 2):
        notes = (ScoreNote(lead, 36, 10, 80), ScoreNote(lead + tick, 38, 10, 80))
        score = Score(ticks_per_beat, (Track(notes, is_drum=True),), meters=(MeterChange(lead, Meter(4, 4)),))
        (line,) = extract_drums(score, NINE).lines
        nearest = (2 * tick * 4 + ticks_per_beat) // (2 * ticks_per_beat)  # half up, in whole numbers
        assert cells(line)[1:] == [(nearest // 16, nearest % 16, 1)]


def test_bars_of_other_meters_are_counted_and_stretches_kept_apart():
    score = drums_of(
        (36, 0), (38, 4), (36, 9), (42, 12), meters=((0, 4, 4), (4, 5, 4), (9, 3, 4)), tempi=(TempoChange(0, 100), TempoChange(9 * TPB, 90))
    )
    found = extract_drums(score, NINE)
    assert [(line.start_bar, line.num_bars, str(line.meter), line.start_ticks, line.tempo_qpm) for line in found.lines] == [
        (1, 1, "4/4", 0, 100), (3, 2, "3/4", 9 * TPB, 90),
    ]  # fmt: skip
    assert found.losses == {"bars in unsupported meter 5/4": 1}
    assert not found.lines[1].hits[:, 12:].any()


def test_off_grid_onsets_are_counted_and_meters_assumed():
    notes = (ScoreNote(0, 36, 10, 80), ScoreNote(160, 38, 10, 80))
    found = extract_drums(Score(TPB, (Track(notes, is_drum=True),)), NINE)
    assert found.losses == {"onsets moved to the grid by more than 1/8 step": 1, "no meter in the file: 4/4 assumed": 1}


def test_without_drums_it_is_said_why():
    melody = Score(TPB, (Track((ScoreNote(0, 60, 480, 80),), "Voice"),))
    with pytest.raises(ValueError, match=r"no drums in it \(MIDI keeps them on channel 10\)"):
        extract_drums(melody, NINE)
    with pytest.raises(ValueError, match="no notes in it"):
        extract_drums(Score(TPB, ()), NINE)
    with pytest.raises(ValueError, match="no hits that the drum map nine knows"):
        extract_drums(drums_of((3, 0)), NINE)
    with pytest.raises(ValueError, match=r"no drums in a meter with a grid \(1 bars in unsupported meter 5/4\)"):
        extract_drums(drums_of((36, 0), meters=((0, 5, 4),)), NINE)


def test_a_track_can_be_asked_for_or_told_by_its_name():
    voice, kit = Track((ScoreNote(0, 60, 10, 80),), "Voice"), Track((ScoreNote(0, 36, 10, 80),), "Drum kit")
    score = Score(TPB, (voice, kit), meters=(MeterChange(0, Meter(4, 4)),))
    assert drum_tracks(score) == ((2,), "no track is on the drum channel, but this is the name of drums")
    assert drum_tracks(score, 1)[0] == (1,)
    assert drum_tracks(score, "KIT")[0] == (2,)
    with pytest.raises(ValueError, match="no track 3 with notes; tracks count from 1 and are: 1 'Voice', 2 'Drum kit'"):
        drum_tracks(score, 3)
    with pytest.raises(ValueError, match="no track with notes is named like 'snare'"):
        drum_tracks(score, "snare")


def test_hits_that_do_not_fit_a_map_are_refused():
    with pytest.raises(ValueError, match="hits of classes beyond the 9 of the drum map nine: another map?"):
        hits_to_notes(np.full((1, 16), 1 << 9, np.uint64), NINE, Meter(4, 4))
    with pytest.raises(ValueError, match=r"hits have shape \(bars, 16\), got \(2, 12\)"):
        hits_to_notes(np.zeros((2, 12), np.uint64), NINE, Meter(3, 4))


def test_a_file_of_absurd_length_is_refused():
    with pytest.raises(ValueError, match="20001 bars in the file; at most 20000 are read: is its meter or its resolution damaged?"):
        extract_drums(drums_of((36, 0), (36, 80_000)), NINE)
