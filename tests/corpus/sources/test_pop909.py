import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.sources.pop909 import TICKS_PER_BEAT, bar_phases, map_onto_beats, seconds_at
from musicvae.music.chords import Chord
from musicvae.music.extract import extract_grid
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.score import NoteTable, Score, TempoChange, Track

TICKS_A_SECOND = 1000  # a fine grid that has nothing to do with the beats


def table_of(seconds, names=("MELODY",)):
    """A score whose notes begin at these seconds and last 0.2 s."""
    onset = np.rint(np.asarray(seconds) * TICKS_A_SECOND).astype(int)
    notes = NoteTable(onset, 60 + np.arange(len(onset)) % 7, np.full(len(onset), 200), np.full(len(onset), 90))
    return Score(TICKS_A_SECOND // 2, tuple(Track(notes, name) for name in names), (TempoChange(0, 120.0),))


def write_beats(folder, beats, size, first, extra=()):
    """beat_midi.txt of beats at these seconds with bar lines at `first` + n * size; extra: bar lines more."""
    index = np.arange(len(beats))
    group = (index - first) % (3 if size == 3 else 2) == 0
    bars = (index - first) % (6 if size == 3 else size) == 0
    bars[list(extra)] = True
    np.savetxt(folder / "beat_midi.txt", np.stack([beats, group, bars], axis=1))


@pytest.fixture
def beats():
    """A song at an uneven tempo whose first beat comes after 0.4 s."""
    return 0.4 + np.cumsum(np.r_[0, np.tile([0.5, 0.62, 0.55], 20)])


@pytest.mark.parametrize("size", [3, 4])
def test_onsets_follow_the_beats(tmp_path, beats, size):
    write_beats(tmp_path, beats, size, 2)
    (tmp_path / "key_audio.txt").write_text("0.0\t20.0\tBb:min\n20.0\t99.0\tF:maj\n")
    onset_beats = np.arange(1, 40, 0.5)
    seconds = np.interp(onset_beats, np.arange(len(beats)), beats)
    score = map_onto_beats(table_of(seconds, ("x", "PIANO", "MELODY", "BRIDGE")), tmp_path, "001")
    assert [t.name for t in score.tracks] == ["MELODY", "BRIDGE", "PIANO"]
    assert score.ticks_per_beat == TICKS_PER_BEAT
    for track in score.tracks:
        assert np.abs(track.notes.onset_ticks - onset_beats * TICKS_PER_BEAT).max() <= 0.002 * TICKS_PER_BEAT / 0.5
    assert score.tempi == (TempoChange(0, pytest.approx(60 / 0.55)),)
    assert [k.key for k in score.keys] == [Key(10, "minor"), Key(5)]
    assert score.keys[0].tick == 0
    found = extract_grid(score, track=1)
    (line,) = found.lines[:1]
    assert (line.meter, line.key, line.has_pickup) == (Meter(size, 4), Key(10, "minor"), True)
    lead = line.meter.steps_per_bar - 4 * 2
    assert list(line.onset_steps) == [lead + round(4 * beat) for beat in onset_beats[: len(line.onset_steps)]]
    assert score.losses == {}


def test_notes_before_the_first_beat_are_kept(tmp_path, beats):
    write_beats(tmp_path, beats, 4, 0)
    (tmp_path / "chord_midi.txt").write_text("0.4 5.0 C:maj\n")
    score = map_onto_beats(table_of([0.02, 0.4, beats[4]]), tmp_path, "001")
    onset = score.tracks[0].notes.onset_ticks / TICKS_PER_BEAT
    assert onset.tolist() == pytest.approx([1 - 0.38 / 0.5, 1, 5], abs=0.01)
    assert score.meters[0].tick == score.chords[0].tick == TICKS_PER_BEAT
    early = map_onto_beats(table_of([0.39, 0.9]), tmp_path, "001")  # a little early is no reason for a beat more
    assert early.tracks[0].notes.onset_ticks.tolist() == [0, TICKS_PER_BEAT]
    assert early.tracks[0].notes.end_ticks[0] == pytest.approx(0.38 * TICKS_PER_BEAT, abs=2)


def test_chords_change_on_the_beats(tmp_path, beats):
    write_beats(tmp_path, beats, 4, 0)
    spans = [(0, "N"), (1, "B:maj"), (3, "B:maj"), (4, "Bb:min7/b7"), (6, "C:sus4(b7)"), (8, "X:odd"), (9, "G:maj/3")]
    (tmp_path / "chord_midi.txt").write_text("".join(f"{beats[b]:.6f}\t{beats[b + 1]:.6f}\t{name}\n" for b, name in spans))
    score = map_onto_beats(table_of(beats[:10]), tmp_path, "001")
    assert [(c.tick / TICKS_PER_BEAT, c.chord) for c in score.chords] == [
        (0, None), (1, Chord(11)), (4, Chord(10, "min7", 8)), (6, Chord(0, "7sus4")), (8, None), (9, Chord(7, "maj", 11))
    ]  # fmt: skip
    assert score.losses == {"chords of an unknown kind": 1}


def test_without_chords_and_keys_there_are_none(tmp_path, beats):
    write_beats(tmp_path, beats, 4, 0)
    score = map_onto_beats(table_of(beats[:10]), tmp_path, "001")
    assert (score.chords, score.keys) == ((), ())


def test_bar_lines_that_the_annotation_doubles_are_left_out(tmp_path, beats):
    write_beats(tmp_path, beats, 4, 1, extra=(23, 43))
    score = map_onto_beats(table_of(beats[:50]), tmp_path, "001")
    assert [m.tick // TICKS_PER_BEAT for m in score.meters] == [1]
    assert score.losses == {"annotated bar lines moved": 2}


@pytest.mark.parametrize("size", [3, 4])
def test_a_real_shift_of_the_bars_stays(size):
    beats = np.arange(200)
    lines = np.where(beats < 101, beats % size == 0, (beats - 101) % size == 0)
    phases = bar_phases(lines, lines, size)
    assert (((beats - phases) % size == 0) == lines).all()
    assert (np.diff(phases) != 0).sum() == 1


@given(st.integers(3, 4), st.integers(0, 3), st.sets(st.integers(0, 199), max_size=3), st.sets(st.integers(0, 199), max_size=3))
def test_a_few_wrong_marks_and_changes_move_no_bar_line(size, phase, marks, changes):
    phase %= size
    lines = np.arange(200) % size == phase
    marked, changed = lines.copy(), lines.copy()
    marked[list(marks)] ^= True
    changed[list(changes)] ^= True
    assert (bar_phases(marked, changed, size) == phase).all()


def test_marks_that_start_anew_every_50_beats_are_seen_through():
    beats = np.arange(200)
    marks = beats % 50 % 4 == 0  # half bars at 50 and 150
    assert (bar_phases(marks, beats % 4 == 0, 4) == 0).all()


def test_the_best_phases_are_found():
    """The oracle tries all ways to change the phase."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        marks, changes = rng.random((2, 6)) < 0.5
        changes = np.repeat(changes, 3)[:6]

        def worth(phases, marks=marks, changes=changes):
            on = np.arange(6) % 3 == phases
            return (0.25 * marks + changes)[on].sum() - 5 * (np.diff(phases) != 0).sum()

        best = max(worth(np.array(np.unravel_index(i, (3,) * 6))) for i in range(3**6))
        assert worth(bar_phases(marks, changes, 3)) == pytest.approx(best)


def test_seconds_follow_the_tempo_map():
    score = Score(480, (), (TempoChange(480, 60.0), TempoChange(960, 240.0)))
    assert seconds_at(score, np.array([0, 480, 720, 960, 1440])).tolist() == [0, 0.5, 1.0, 1.5, 1.75]


@pytest.mark.parametrize(
    ("beat_file", "message"),
    [("", "two or more lines"), ("0.1 1 1\n", "two or more lines"), ("1 1 1\n0.5 1 1\n", "ascending"), ("a b c\n", "seconds and two marks"),
     ("0.1 1\n0.2 1\n", "two marks"), ("0 1 1\n1 1\n", "two marks")],
)  # fmt: skip
def test_damaged_beats_are_told(tmp_path, beat_file, message):
    (tmp_path / "beat_midi.txt").write_text(beat_file)
    with pytest.raises(ValueError, match=f"beat_midi.txt is no table of beats: .*{message}"):
        map_onto_beats(table_of([1.0]), tmp_path, "001")


def test_missing_parts_are_told(tmp_path, beats):
    with pytest.raises(FileNotFoundError):
        map_onto_beats(table_of([1.0]), tmp_path, "001")
    with pytest.raises(ValueError, match="no MELODY track with notes in it"):
        map_onto_beats(table_of([1.0], ("PIANO",)), tmp_path, "001")
