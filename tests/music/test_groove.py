import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.drum_maps import drum_map
from musicvae.music.drums import extract_drums
from musicvae.music.groove import extract_grooves, groove_to_notes
from musicvae.music.meter import Meter
from musicvae.music.score import MeterChange, NoteTable, Score, ScoreNote, Track
from tests.strategies import METERS

TPB = 480
STEP = 120
NINE = drum_map("nine")


def played(*notes, meters=((0, 4, 4),)):
    """A score of one drum track; notes are (pitch, onset in ticks, velocity)."""
    track = Track(NoteTable.of([ScoreNote(o, p, 30, v) for p, o, v in notes]), is_drum=True)
    return Score(TPB, (track,), meters=tuple(MeterChange(t, Meter(n, d)) for t, n, d in meters))


def told(line):
    """(bar, step, class, velocity, offset) of every hit, in order."""
    return [
        (int(b), int(s), int(c), int(line.velocity[b, s, c]), round(float(line.offset[b, s, c]), 4))
        for b, s, c in np.argwhere(line.velocity)
    ]


@st.composite
def performances(draw):
    """A meter and its hits: (step, class) -> (velocity, ticks late), none before tick 0."""
    meter = draw(st.sampled_from(METERS))
    steps = draw(st.integers(1, 3)) * meter.steps_per_bar
    cells = draw(st.sets(st.tuples(st.integers(0, steps - 1), st.integers(0, 8)), min_size=1, max_size=25))
    hits = {cell: (draw(st.integers(1, 127)), draw(st.integers(0 if cell[0] == 0 else -60, 59))) for cell in sorted(cells)}
    return meter, hits


@given(performances())
def test_velocity_and_microtiming_survive_being_written_and_read(performance):
    meter, hits = performance
    notes = [(int(NINE.pitch_of[c]), s * STEP + late, velocity) for (s, c), (velocity, late) in hits.items()]
    (line,) = extract_grooves(played(*notes, meters=((0, meter.numerator, meter.denominator),))).lines
    width = meter.steps_per_model_bar
    wanted = [(s // width, s % width, c, velocity, round(late / STEP, 4)) for (s, c), (velocity, late) in hits.items()]
    assert told(line) == wanted
    assert groove_to_notes(line.velocity, line.offset, meter) == NoteTable.of([ScoreNote(o, p, STEP, v) for p, o, v in notes])
    again = extract_grooves(line.to_score()).lines[0]
    np.testing.assert_array_equal(again.velocity, line.velocity)
    np.testing.assert_array_equal(again.offset, line.offset)


def test_of_several_hits_on_one_step_the_loudest_stays_and_the_others_are_counted():
    found = extract_grooves(played((38, 110, 30), (38, 125, 90), (40, 130, 60), (36, 120, 90), (38, 240, 50), (38, 250, 50)))
    assert told(found.lines[0]) == [(0, 1, 0, 90, 0.0), (0, 1, 1, 90, round(5 / 120, 4)), (0, 2, 1, 50, 0.0)]
    assert found.losses == {"hits of one class on the same sixteenth merged": 3}


def test_an_onset_half_a_step_before_a_bar_line_belongs_to_step_0_early():
    score = played((36, 0, 80), (38, 5 * 480 - 50, 70), (42, 5 * 480 + 20, 60), meters=((0, 5, 4), (5 * 480, 4, 4)))
    (line,) = extract_grooves(score).lines
    assert told(line) == [(0, 0, 1, 70, round(-50 / 120, 4)), (0, 0, 2, 60, round(20 / 120, 4))]
    # Nothing lies before the first tick of a file, so writing the line alone puts it there.
    assert [n.onset_ticks for n in line.to_score().tracks[0].notes] == [0, 20]


def test_an_early_first_hit_is_no_bar_of_its_own():
    score = played((36, 480 - 40, 80), (38, 480 + 960, 70), meters=((0, 1, 4), (480, 4, 4)))
    (line,) = extract_grooves(score).lines
    assert [hit[:3] for hit in told(line) if line.has_pickup] == [(1, 0, 0), (1, 8, 1)]
    assert round(float(line.offset[1, 0, 0]), 4) == round(-40 / 120, 4)


def test_grooves_hit_where_drums_do():
    rng = np.random.default_rng(0)
    notes = [
        (int(p), int(o), int(v))
        for p, o, v in zip(rng.integers(27, 88, 300), rng.integers(0, 20_000, 300), rng.integers(1, 128, 300), strict=True)
    ]
    groove, drums = extract_grooves(played(*notes)).lines[0], extract_drums(played(*notes), NINE).lines[0]
    bits = ((groove.velocity > 0) * (1 << np.arange(9))).sum(axis=-1)
    np.testing.assert_array_equal(bits.astype(np.uint64), drums.hits)
    assert float(np.abs(groove.offset).max()) <= 0.5


def test_only_maps_of_nine_classes_make_grooves():
    message = "a groove has 9 classes, the drum map sixty-one 61; those that fit are nine, nine-old, roland"
    with pytest.raises(ValueError, match=message):
        extract_grooves(played((36, 0, 80)), drum_map("sixty-one"))
    with pytest.raises(ValueError, match=r"velocity and offset have shape \(bars, 16, 9\), got \(1, 16, 8\)"):
        groove_to_notes(np.zeros((1, 16, 8), np.uint8), np.zeros((1, 16, 8)), Meter(4, 4))
