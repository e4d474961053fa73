from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.lines import take_tune
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import COLUMNS, SourceTune
from musicvae.music.chords import Chord
from musicvae.music.extract import extract_melody
from musicvae.music.key import Key, canonical_shift
from musicvae.music.meter import KINDS, Meter
from musicvae.music.score import ChordChange, KeyChange, MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH, to_tokens
from tests.strategies import keys, melodies

TPB = 480
MELODY, DRUMS, GROOVE, TRIO = (BuildOptions(material=m) for m in ("melody", "drums", "groove", "trio"))


def source(**fields):
    return SourceTune("set", "set/a", "a.mid", lambda: Score(TPB, ()), **fields)


def take(score, options=MELODY, **fields):
    return take_tune(source(**fields), score, options)


def score_of(melody, **fields):
    notes = tuple(ScoreNote(n.onset_steps * 120, n.pitch, n.duration_steps * 120, n.velocity) for n in melody.notes)
    stated = (KeyChange(0, melody.key),) if melody.key else ()
    return Score(TPB, (Track(notes),), (TempoChange(0, melody.tempo_qpm),), (MeterChange(0, melody.meter),), stated, **fields)


def quarters(*pitches, start=0, program=0, drum=False, name=""):
    return Track(tuple(ScoreNote(start + i * TPB, p, TPB, 80) for i, p in enumerate(pitches)), name, program, drum)


def scale(*tracks, meters=((0, 4, 4),), **fields):
    return Score(TPB, tracks, meters=tuple(MeterChange(t, Meter(n, d)) for t, n, d in meters), **fields)


def canonical(melody):
    """The stored tokens as objects tell them, note by note."""
    if len(melody.notes) < 8:
        return None
    mean = sum(n.pitch for n in melody.notes) / len(melody.notes)
    shift = canonical_shift(melody.key, mean)
    notes = tuple(replace(n, pitch=n.pitch + shift) for n in melody.notes if MIN_PITCH <= n.pitch + shift <= MAX_PITCH)
    rows = to_tokens(replace(melody, notes=notes))
    filled = [any(n.onset_steps < (b + 1) * rows.shape[1] and n.end_steps > b * rows.shape[1] for n in notes) for b in range(len(rows))]
    return shift, rows[filled.index(True) : len(rows) - filled[::-1].index(True)]


@given(melodies(min_notes=1, max_bars=6), keys())
def test_a_melody_is_stored_as_its_tokens_in_the_canonical_key(melody, key):
    melody = replace(melody, key=key)
    score = score_of(melody)
    tune, losses, reason = take(score)
    (line,) = extract_melody(score).lines
    wanted = canonical(line.melody)
    if wanted is None:
        assert tune is None
        assert reason == "fewer than 8 notes in whole bars of one meter"
        assert losses["notes in lines of fewer than 8"] == len(melody.notes)
        return
    (stored,) = tune.lines
    shift, rows = wanted
    assert (stored.shift, stored.key, stored.meter, KINDS[stored.kind]) == (shift, key, str(melody.meter), melody.meter.kind)
    np.testing.assert_array_equal(stored.rows["bars"][:, : rows.shape[1]], rows)
    assert not stored.rows["bars"][:, rows.shape[1] :].any()
    np.testing.assert_array_equal(stored.rows["onsets"], (rows >= 2).sum(axis=1))
    assert stored.key.transposed(shift).major_tonic == 0
    assert stored.tempo_qpm == melody.tempo_qpm


@given(melodies(min_notes=8, max_bars=4, min_pitch=50, max_pitch=80), keys(), st.integers(-12, 12))
def test_another_key_gives_the_same_rows_and_shingles(melody, key, semitones):
    one, _, _ = take(score_of(replace(melody, key=key)))
    other, _, _ = take(score_of(replace(melody, key=key).transposed(semitones)))
    np.testing.assert_array_equal(one.lines[0].rows["bars"], other.lines[0].rows["bars"])
    np.testing.assert_array_equal(one.shingles, other.shingles)
    np.testing.assert_array_equal(one.skeleton, other.skeleton)


@given(melodies(min_notes=8), keys())
def test_without_transposing_the_file_s_pitches_stay(melody, key):
    tune, _, _ = take(score_of(replace(melody, key=key)), replace(MELODY, transpose=False))
    (line,) = tune.lines
    bars = line.rows["bars"].ravel()
    assert line.shift == 0
    assert (bars[bars >= 2] - 2 + MIN_PITCH).tolist() == [n.pitch for n in melody.notes]


def test_chords_stand_at_the_nearest_eighth_and_move_with_the_line():
    changes = (ChordChange(0, Chord(2, "min")), ChordChange(2 * TPB + 100, Chord(7, "7")), ChordChange(4 * TPB - 100, None))
    tune, _, _ = take(scale(quarters(*[62, 64, 65, 67] * 3), keys=(KeyChange(0, Key(2)),), chords=changes))
    (line,) = tune.lines
    assert line.shift == -2 + 12
    moved = [Chord(0, "min").code, Chord(5, "7").code]
    assert line.rows["chords"].tolist() == [[moved[0]] * 4 + [moved[1]] * 4, [0] * 8, [0] * 8]
    waltz, _, _ = take(scale(quarters(*[62, 64, 65] * 4), meters=((0, 3, 4),), keys=(KeyChange(0, Key(0)),), chords=changes))
    assert waltz.lines[0].rows["chords"][0].tolist() == [Chord(2, "min").code] * 4 + [Chord(7, "7").code] * 2 + [0] * 2
    without, _, _ = take(scale(quarters(*[62, 64, 65, 67] * 3)))
    assert not without.lines[0].rows["chords"].any()


def test_tempo_and_bar_are_those_where_the_line_begins():
    tempi = (TempoChange(0, 90.0), TempoChange(8 * TPB, 150.0), TempoChange(12 * TPB, 60.0))
    late, _, _ = take(scale(quarters(*[60, 62, 64, 65] * 4, start=9 * TPB), tempi=tempi, chords=(ChordChange(8 * TPB, Chord(5)),)))
    (line,) = late.lines
    assert (line.start_bar, line.tempo_qpm, line.num_bars) == (3, 150.0, 5)
    assert (line.rows["chords"] > 0).all()


def test_pickups_meters_not_asked_for_and_short_lines_are_counted():
    pickup = scale(quarters(*[60, 62, 64, 65] * 4), meters=((0, 1, 4), (TPB, 4, 4)))
    tune, losses, _ = take(pickup)
    assert [(line.start_bar, line.num_bars) for line in tune.lines] == [(2, 4)]
    assert losses == {"bars in pickups or cut short": 1}
    both = scale(quarters(*[60, 62, 64, 65] * 7), meters=((0, 4, 4), (16 * TPB, 3, 4)))
    tune, losses, _ = take(both, replace(MELODY, meters=("3/4",)))
    assert [line.meter for line in tune.lines] == ["3/4"]
    assert losses == {"bars in meters not asked for (4/4)": 4}
    tune, losses, reason = take(both, replace(MELODY, meters=("6/8",)))
    assert tune is None
    assert reason == "fewer than 8 notes in whole bars of one meter; bars in meters not asked for (3/4), bars in meters not asked for (4/4)"


def test_lines_come_longest_first_with_what_is_known_of_the_tune():
    both = scale(quarters(*[60, 62, 64, 65] * 7), meters=((0, 3, 4), (9 * TPB, 4, 4)))
    tune, _, reason = take(both, tags={"type": "reel"}, split="test")
    assert [(line.meter, line.num_bars) for line in tune.lines] == [("4/4", 5), ("3/4", 3)]
    assert (tune.source, tune.tune_id, tune.file, tune.tags, tune.split, reason) == ("set", "set/a", "a.mid", {"type": "reel"}, "test", "")


def test_triplets_that_the_grid_moves_are_reported():
    notes = tuple(ScoreNote(b * TPB + t * 160, 60 + t, 160, 80) for b in range(8) for t in range(3))
    assert take(scale(Track(notes)))[1]["notes in triplets moved to the sixteenth grid"] == 16


def test_a_melody_that_is_played_freely_is_told_and_can_be_left_out():
    def played(share):
        return scale(Track(tuple(ScoreNote(n * TPB + (60 if n < share * 20 else 0), 60 + n % 7, 200, 80) for n in range(20))))

    free = "tunes with most onsets off the grid: played freely, or with a wrong tempo?"
    assert [take(played(share))[1].get(free) for share in (0.5, 0.6)] == [None, 1]
    half = replace(MELODY, max_off_grid=0.5)
    assert take(played(0.5), half)[0] is not None
    assert take(played(0.6), half)[::2] == (None, "more than 50% of the onsets are off the sixteenth grid")


def test_a_melody_that_leaves_the_vocabulary_loses_those_notes():
    tune, losses, _ = take(scale(quarters(*[21] * 20, *[108] * 20), keys=(KeyChange(0, Key(11)),)))
    (line,) = tune.lines
    assert losses == {"notes outside the vocabulary after transposing": 20}
    assert int(line.rows["onsets"].sum()) == 20


KIT = [36, 42, 38, 42] * 4


def test_drums_are_stored_as_bits_and_grooves_with_their_touch():
    kit = scale(quarters(*KIT, start=4 * TPB + 30, drum=True), tempi=(TempoChange(0, 100.0), TempoChange(4 * TPB, 110.0)))
    drums, losses, _ = take(kit, DRUMS)
    (line,) = drums.lines
    assert (line.start_bar, line.num_bars, line.tempo_qpm, line.key, line.shift) == (2, 4, 110.0, None, 0)
    assert line.rows["bars"].tolist() == [[1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0]] * 4
    assert line.rows["onsets"].tolist() == [4] * 4
    assert losses == {"onsets moved to the grid by more than 1/8 step": 16}
    groove, losses, _ = take(kit, GROOVE)
    (line,) = groove.lines
    assert losses == {}
    assert np.argwhere(line.rows["bars"])[:3].tolist() == [[0, 0, 0], [0, 4, 2], [0, 8, 1]]
    assert set(line.rows["bars"][line.rows["bars"] > 0].tolist()) == {80}
    np.testing.assert_array_equal(line.rows["offsets"][line.rows["bars"] > 0], np.float16(0.25))
    np.testing.assert_array_equal(groove.shingles, drums.shingles)


@pytest.mark.parametrize("numerator", [2, 3])
def test_a_drum_pickup_is_left_out_and_pairs_of_bars_begin_anew(numerator):
    first = quarters(*[42], *[36, 38, 42][:numerator] * 5, drum=True)
    kit = scale(first, meters=((0, 1, 4), (TPB, numerator, 4)))
    tune, losses, _ = take(kit, DRUMS)
    (line,) = tune.lines
    assert losses == {"bars in pickups or cut short": 1}
    assert line.start_bar == 2
    assert line.rows["bars"][0, :8].tolist() == [1, 0, 0, 0, 2, 0, 0, 0]
    assert int(line.rows["onsets"].sum()) == 5 * numerator


@pytest.mark.parametrize("options", [DRUMS, GROOVE])
def test_drums_in_nothing_but_a_pickup_are_left_out(options):
    kit = scale(quarters(*KIT[:2], start=2 * TPB, drum=True), meters=((4 * TPB, 4, 4), (8 * TPB, 3, 4)))
    assert take(kit, options)[::2] == (None, "fewer than 8 hits in whole bars of one meter")


def test_a_melody_s_track_is_not_taken_for_drums():
    mixed = scale(quarters(*[60, 62] * 8, name="Voice"), quarters(*KIT, drum=True, name="Kit"))
    named, _, _ = take(mixed, DRUMS, track="Voice")
    plain, _, _ = take(mixed, DRUMS)
    np.testing.assert_array_equal(named.lines[0].rows["bars"], plain.lines[0].rows["bars"])
    assert take(scale(quarters(*[60, 62] * 8)), DRUMS, track=1)[::2] == (None, "no drums in it")


def test_trios_move_as_little_as_they_must_and_keep_their_registers():
    key = (KeyChange(0, Key(2)),)
    trio = scale(
        quarters(*[62, 64, 66, 67] * 4),
        quarters(*[38, 45] * 8, program=33),
        quarters(*KIT, drum=True),
        keys=key,
        chords=(ChordChange(0, Chord(2)),),
    )
    tune, _, _ = take(trio, TRIO)
    (line,) = tune.lines
    assert (line.shift, line.key, line.num_bars) == (-2, Key(2), 4)
    pitches = [(rows[rows >= 2] - 2 + MIN_PITCH).tolist() for rows in (line.rows["bars"], line.rows["bass"])]
    assert pitches == [[60, 62, 64, 65] * 4, [36, 43] * 8]
    assert line.rows["drums"].tolist() == [[1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0]] * 4
    assert line.rows["onsets"].tolist() == [12] * 4
    assert (line.rows["chords"] == Chord(0).code).all()
    low = scale(quarters(*[62, 64] * 8), quarters(*[23, 24] * 8, program=33), quarters(*KIT, drum=True), keys=(KeyChange(0, Key(5)),))
    tune, losses, _ = take(low, TRIO)
    assert (tune.lines[0].shift, losses) == (7, {})


@pytest.mark.parametrize("material", list(COLUMNS))
@pytest.mark.parametrize("meter", ["4/4", "2/4", "3/4", "6/8"])
def test_every_material_fills_its_columns_and_is_the_same_each_time(material, meter):
    rng = np.random.default_rng(0)
    numerator, denominator = map(int, meter.split("/"))

    def notes(low, high):
        onset = np.sort(rng.choice(3000, 120, replace=False)) * 30
        return NoteTable(onset, rng.integers(low, high, 120), np.full(120, 200), rng.integers(1, 128, 120))

    tracks = (Track(notes(60, 80), "Lead", 0), Track(notes(30, 50), "Bass", 33), Track(notes(35, 60), "Kit", 0, True))
    score = scale(*tracks, meters=((0, numerator, denominator),))
    options = BuildOptions(material=material)
    tune, losses, why = take(score, options)
    if material == "performance" and meter in ("3/4", "6/8"):  # it knows bars of 16 sixteenths only
        assert (tune, why) == (None, "no bar of several instruments in 4/4")
        return
    for line in tune.lines:
        columns = COLUMNS[material]
        assert list(line.rows) == list(columns)
        for name, column in columns.items():
            assert (line.rows[name].dtype, line.rows[name].shape) == (column.dtype, (line.num_bars, *column.shape))
    assert len(tune.shingles)
    assert (np.diff(tune.shingles.astype(object)) > 0).all()
    again, same_losses, _ = take(score, options)
    assert same_losses == losses
    assert [{n: a.tobytes() for n, a in line.rows.items()} for line in again.lines] == [
        {n: a.tobytes() for n, a in line.rows.items()} for line in tune.lines
    ]


@pytest.mark.parametrize(
    ("score", "options", "reason"),
    [
        (Score(TPB, ()), MELODY, "no notes in it"),
        (Score(TPB, ()), TRIO, "no notes in it"),
        (scale(quarters(36, drum=True)), MELODY, "only drums in it; a melody needs pitched notes"),
        (scale(quarters(*[60] * 20), meters=((0, 5, 4),)), MELODY, "only bars in unsupported meter 5/4"),
        (scale(quarters(36, drum=True)), GROOVE, "fewer than 8 hits in whole bars of one meter"),
    ],
)
def test_why_nothing_was_taken_is_said(score, options, reason):
    assert take(score, options)[::2] == (None, reason)


def test_a_groove_of_sixty_one_classes_is_refused_at_the_door():
    with pytest.raises(
        ValueError, match="a groove has 9 classes, the drum map sixty-one has 61; those that fit are nine, nine-old, roland"
    ):
        BuildOptions(material="groove", drum_map="sixty-one")


@pytest.mark.parametrize(("beats", "pickup", "empty"), [(2, 0, 0), (2, 1, 0), (2, 1, 3), (2, 0, 3), (3, 1, 1), (4, 0, 2), (4, 3, 1)])
def test_chords_keep_to_the_notes_whatever_is_left_out_before_them(beats, pickup, empty):
    """Every note has a chord of its own, on its pitch class: so it must be in the rows that are stored."""
    rng = np.random.default_rng(beats + 10 * pickup + 100 * empty)
    onsets = [TPB * i for i in range(pickup)] + [TPB * (pickup + beats * empty + i) for i in range(beats * 9)]
    pitches = rng.choice([62, 64, 66, 67, 69, 71, 73], len(onsets)).tolist()
    notes = [ScoreNote(onset, pitch, TPB, 80) for onset, pitch in zip(onsets, pitches, strict=True)]
    meters = ((0, pickup, 4), (TPB * pickup, beats, 4)) if pickup else ((0, beats, 4),)
    chords = tuple(ChordChange(note.onset_ticks, Chord(note.pitch % 12, "min")) for note in notes)
    stored, _, _ = take(scale(Track(tuple(notes)), meters=meters, keys=(KeyChange(0, Key(2)),), chords=chords))
    (line,) = stored.lines
    assert (line.key, line.shift % 12) == (Key(2), 10)
    bars, rows = line.rows["bars"], line.rows["chords"]
    seen = [Chord.from_code(int(rows[bar, step // 2])).root for bar, step in np.argwhere(bars >= 2)]
    heard = [(int(token) + 19) % 12 for token in bars[bars >= 2]]
    assert len(heard) >= beats * 8
    assert seen == heard
    assert heard == [(pitch + line.shift) % 12 for pitch in pitches[len(pitches) - len(heard) :]]
