import pytest
from hypothesis import given

from musicvae.music.extract import choose_track, extract_melody, read_melody
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, MeterChange, Score, ScoreNote, TempoChange, Track
from tests.strategies import melodies

TPB = 480


def score_of(*notes, meters=((0, 4, 4),), name="", **fields):
    """A score of one track; notes are (pitch, onset, duration) in beats."""
    track = Track(tuple(sorted(ScoreNote(round(o * TPB), p, round(d * TPB), 80) for p, o, d in notes)), name)
    return Score(TPB, (track,), meters=tuple(MeterChange(round(t * TPB), Meter(n, d)) for t, n, d in meters), **fields)


def steps(melody):
    return [(n.pitch, n.onset_steps, n.duration_steps) for n in melody.notes]


def only(score, **options):
    found = extract_melody(score, **options)
    assert len(found.lines) == 1
    return found.lines[0].melody, found.losses


@given(melodies(min_notes=1, max_bars=4))
def test_a_written_melody_comes_back(melody):
    notes = [(n.pitch, n.onset, n.duration) for n in melody.notes]
    meter = melody.meter
    found, losses = only(score_of(*notes, meters=((0, meter.numerator, meter.denominator),)))
    assert steps(found) == steps(melody)
    assert losses == {}
    assert found.num_bars == -(-melody.notes[-1].end_steps // meter.steps_per_bar)


def test_the_highest_of_each_onset_is_kept():
    found, losses = only(score_of((60, 0, 1), (64, 0, 1), (67, 0, 1), (72, 1, 1), (48, 1, 1)))
    assert steps(found) == [(67, 0, 4), (72, 4, 4)]
    assert losses == {"notes in a second voice": 3}


def test_a_lower_note_under_a_held_one_is_a_second_voice_but_a_small_overlap_is_cut():
    assert steps(only(score_of((72, 0, 4), (60, 1, 1), (62, 2, 1), (74, 4, 1)))[0]) == [(72, 0, 16), (74, 16, 4)]
    assert steps(only(score_of((72, 0, 1.2), (69, 1, 1)))[0]) == [(72, 0, 4), (69, 4, 4)]
    assert steps(only(score_of((60, 0, 4), (72, 1, 1)))[0]) == [(60, 0, 4), (72, 4, 4)]


def test_onsets_go_to_the_nearest_sixteenth_half_up_and_moves_are_counted():
    found, losses = only(score_of((60, 0, 0.5), (62, 0.625, 0.3), (64, 1.02, 0.5), (65, 4 / 3, 0.1)))
    assert steps(found) == [(60, 0, 2), (62, 3, 1), (64, 4, 1), (65, 5, 1)]
    assert losses == {"onsets moved to the grid by more than 1/8 step": 2}


def test_what_is_too_short_or_out_of_range_is_counted():
    found, losses = only(score_of((60, 0, 0.2), (62, 0.1, 0.2), (64, 1, 0), (20, 2, 1), (109, 2, 1), (66, 3, 1)))
    assert steps(found) == [(60, 0, 1), (66, 12, 4)]
    assert losses == {
        "notes shorter than a sixteenth merged": 1, "zero-length notes": 1, "notes outside 21-108": 2,
        "onsets moved to the grid by more than 1/8 step": 1,
    }  # fmt: skip


def test_a_pickup_is_a_first_bar_with_leading_rests():
    found = extract_melody(score_of((67, 0, 1), (60, 1, 3), (62, 4, 3), meters=((1, 3, 4),)))
    (line,) = found.lines
    assert steps(line.melody) == [(67, 8, 4), (60, 12, 12), (62, 24, 12)]
    assert line.has_pickup
    assert steps(line.whole_bars()) == [(60, 0, 12), (62, 12, 12)]


def test_a_short_bar_of_its_own_is_a_pickup_too():
    (line,) = extract_melody(score_of((67, 0, 1), (60, 1, 4), meters=((0, 1, 4), (1, 4, 4)))).lines
    assert steps(line.melody) == [(67, 12, 4), (60, 16, 16)]


def test_meter_changes_split_and_unsupported_bars_are_counted():
    score = score_of((60, 0, 4), (62, 4, 4.5), (64, 8.5, 3), meters=((0, 4, 4), (4, 9, 8), (8.5, 3, 4)))
    found = extract_melody(score)
    assert [(str(line.melody.meter), line.start_bar, steps(line.melody)) for line in found.lines] == [
        ("4/4", 1, [(60, 0, 16)]), ("3/4", 3, [(64, 0, 12)]),
    ]  # fmt: skip
    assert found.losses == {"bars in unsupported meter 9/8": 1}


def test_a_grid_that_starts_anew_splits_and_marks_the_bar_cut_short():
    found = extract_melody(score_of((60, 0, 4), (62, 4, 1), (64, 5, 4), meters=((0, 4, 4), (5, 4, 4))))
    assert [(line.melody.num_bars, line.has_partial_end) for line in found.lines] == [(2, True), (1, False)]
    assert steps(found.lines[0].whole_bars()) == [(60, 0, 16)]


def test_bars_are_chosen_by_number():
    score = score_of(*((60 + bar, 4 * bar, 4) for bar in range(6)))
    found = extract_melody(score, start_bar=3, bars=2)
    assert steps(found.lines[0].melody) == [(62, 0, 16), (63, 16, 16)]
    assert found.lines[0].start_bar == 3
    with pytest.raises(ValueError, match="^bar 7 is past the end: the melody of track 1 has 6 bars$"):
        extract_melody(score, start_bar=7, bars=2)
    rests = score_of((60, 0, 4), (62, 20, 4))
    with pytest.raises(ValueError, match="^no melody left in bars 3 to 4 of track 1$"):
        extract_melody(rests, start_bar=3, bars=2)
    with pytest.raises(ValueError, match="^no melody left in bar 3 of track 1$"):
        extract_melody(rests, start_bar=3, bars=1)
    with pytest.raises(ValueError, match="at least 1"):
        extract_melody(score, start_bar=0)


def test_key_tempo_and_program_are_carried():
    score = score_of((60, 0, 4), tempi=(TempoChange(0, 90.0),), keys=(KeyChange(0, Key(2, "dorian")),), name="Flute")
    found, _ = only(score)
    assert (found.tempo_qpm, found.key, found.name) == (90, Key(2, "dorian"), "Flute")


def test_a_file_without_a_meter_is_told():
    assert extract_melody(score_of((60, 0, 4), meters=())).losses == {"no meter in the file: 4/4 assumed": 1}


def tracks(*names, drums=()):
    chord = tuple(ScoreNote(TPB * beat, pitch, TPB, 80) for beat in range(8) for pitch in (43, 47, 50))
    tune = tuple(ScoreNote(TPB * beat, 70 + beat % 3, TPB, 80) for beat in range(8))
    return Score(TPB, tuple(Track(tune if "tune" in name else chord, name, is_drum=name in drums) for name in names))


def test_the_track_is_chosen_by_number_name_or_looks():
    score = tracks("kit tune", "piano", "xtunex", "MELODY", drums=("kit tune",))
    assert choose_track(score, 2) == (2, "asked for by number")
    assert choose_track(score, "XTUNE") == (3, "its name contains 'XTUNE'")
    assert choose_track(score)[0] == 4
    assert choose_track(tracks("kit tune", "piano", "xtunex", drums=("kit tune",)))[0] == 3
    for wrong, message in ((9, "no track 9"), (1, "no pitched notes"), ("oboe", "named like 'oboe'")):
        with pytest.raises(ValueError, match=message):
            choose_track(score, wrong)


def test_an_unsupported_meter_is_told_with_those_allowed():
    allowed = "; meters allowed are 4/4, 2/2, 2/4, 3/4, 6/8"
    for score, start_bar, where in (
        (score_of((60, 0, 4), (62, 4.5, 4), meters=((0, 9, 8),)), 1, "bars 1 to 2"),
        (score_of((60, 0, 4), (62, 4, 4.5), meters=((0, 4, 4), (4, 9, 8))), 2, "bar 2"),
    ):
        with pytest.raises(ValueError, match=rf"^no melody left in {where} of track 1 \(\d bars in unsupported meter 9/8\){allowed}$"):
            extract_melody(score, start_bar=start_bar)


def test_of_many_tracks_the_first_are_named():
    with pytest.raises(ValueError, match=r"12 'piano' and 188 more$"):
        choose_track(tracks(*["piano"] * 200), 999)


def test_errors_name_the_file_that_was_read(tmp_path):
    path = Melody((), num_bars=1).write(tmp_path / "silent.mid")
    with pytest.raises(ValueError, match=r"silent\.mid: no notes in it$"):
        read_melody(path)


def test_drums_alone_and_nothing_are_errors():
    with pytest.raises(ValueError, match="only drums"):
        extract_melody(tracks("kit", drums=("kit",)))
    with pytest.raises(ValueError, match="no notes"):
        extract_melody(Score(TPB, ()))


def test_read_melody_takes_the_longest_line(tmp_path):
    path = tmp_path / "a.abc"
    path.write_text("X:1\nT:t\nM:4/4\nL:1/1\nK:C\nC|\nM:3/4\nL:1/4\nD3|E3|F3|\n")
    melody, losses = read_melody(path)
    assert (str(melody.meter), melody.num_bars) == ("3/4", 3)
    assert losses == {"bars in other lines": 1}


def test_a_melody_written_as_midi_is_read_back(tmp_path):
    melody = Melody((Note(72, 0, 6), Note(74, 8, 8)), Meter(3, 4), 2, 96.0, Key(5), 40, "Violin")
    found, losses = read_melody(melody.write(tmp_path / "a.mid"))
    assert (steps(found), found.meter, found.key, found.program, losses) == (steps(melody), melody.meter, melody.key, 40, {})
