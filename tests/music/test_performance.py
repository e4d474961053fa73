import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from musicvae.music.chords import Chord
from musicvae.music.converters import converter
from musicvae.music.converters.triads import TRIAD_OF_CODE
from musicvae.music.performance import (
    DRUMS,
    END,
    MAX_EVENTS,
    PartNotes,
    empty_bars,
    onset_steps_of,
    part_tokens,
    parts_of_bar,
    velocity_bin,
)

END_OF_BAR = 96


def part(notes, *, program=0, is_drum=False):
    """notes: (onset, pitch, duration, velocity), sorted."""
    table = np.array(sorted(notes), np.int64).reshape(-1, 4)
    return PartNotes(program, is_drum, *table.T)


def spelled(notes, program_token):
    """The row of one bar, event by event, as the representation is defined."""
    notes = sorted(notes)
    events = []
    for number, (onset, pitch, duration, velocity) in enumerate(notes):
        events.append((onset, 1, number, pitch, velocity))
        events.append((min(END_OF_BAR, onset + duration), 0, number, pitch, velocity))
    row, now, loudness = [program_token], 0, None
    for step, starts, _, pitch, velocity in sorted(events):
        if step > now:
            row.append(255 + step - now)
            now = step
        if starts and (velocity - 1) // 16 != loudness:
            loudness = (velocity - 1) // 16
            row.append(352 + loudness)
        row.append(pitch if starts else 128 + pitch)
    if now < END_OF_BAR:
        row.append(255 + END_OF_BAR - now)
    return [*row, END]


@st.composite
def notes(draw, *, most=14, bars=1):
    onsets = st.integers(0, bars * END_OF_BAR - 1)
    note = st.tuples(onsets, st.integers(0, 127), st.integers(1, 120), st.integers(1, 127))
    return sorted(draw(st.lists(note, min_size=1, max_size=most, unique_by=lambda n: n[:2])))


@given(notes(), st.integers(0, 127), st.booleans())
def test_a_row_is_spelled_as_defined(played, program, is_drum):
    rows, counts = part_tokens(part(played, program=program, is_drum=is_drum), 1)
    wanted = spelled(played, DRUMS if is_drum else 360 + program)
    assert counts.tolist() == [len(wanted) - 2]
    if len(wanted) <= MAX_EVENTS:
        assert rows[0].tolist() == wanted + [-1] * (MAX_EVENTS - len(wanted))
    else:
        assert rows[0].tolist() == [*wanted[: MAX_EVENTS - 1], END]


@given(notes(most=24, bars=3))
def test_bars_are_spelled_each_by_itself(played):
    rows, counts = part_tokens(part(played), 3)
    for bar in range(3):
        inside = [(onset - bar * END_OF_BAR, *rest) for onset, *rest in played if onset // END_OF_BAR == bar]
        alone, count = part_tokens(part(inside), 1)
        assert rows[bar].tolist() == alone[0].tolist()
        assert counts[bar] == count[0]
        if not inside:
            assert (rows[bar, 0], rows[bar, 1], count[0]) == (END, -1, 0)


@given(notes(most=8), st.integers(0, 127))
def test_what_is_read_back_is_what_was_played(played, program):
    # Of equal pitches one at a time: which of two was ended cannot be told.
    last = {}
    alone = []
    for onset, pitch, duration, velocity in played:
        if onset >= last.get(pitch, 0):
            alone.append((onset, pitch, duration, velocity))
            last[pitch] = onset + duration
    bar = empty_bars(1)[0]
    bar[3] = part_tokens(part(alone, program=program), 1)[0][0]
    (found,) = parts_of_bar(bar)
    assert (found.program, found.is_drum) == (program, False)
    told = list(zip(found.onset_steps.tolist(), found.pitch.tolist(), found.duration_steps.tolist(), found.velocity.tolist(), strict=True))
    assert [(o, p, d) for o, p, d, _ in told] == [(o, p, min(d, END_OF_BAR - o)) for o, p, d, _ in alone]
    # Loudness comes back as the middle of its bin.
    assert all(abs(v - w[3]) <= 8 and (v - 1) // 16 == (w[3] - 1) // 16 for (*_, v), w in zip(told, alone, strict=True))
    bar[3] = part_tokens(found, 1)[0][0]
    assert [p.pitch.tolist() for p in parts_of_bar(bar)] == [found.pitch.tolist()]


@given(hnp.arrays(np.int16, (8, 64), elements=st.integers(-1, 489)))
def test_any_rows_are_music_and_settle_at_once(rows):
    parts = parts_of_bar(rows)
    assert all((p.onset_steps < END_OF_BAR).all() and (p.onset_steps + p.duration_steps <= END_OF_BAR).all() for p in parts)
    assert all((p.duration_steps >= 1).all() and len(p) for p in parts)
    bar = empty_bars(1)[0]
    for place, p in enumerate(parts):
        tokens, count = part_tokens(p, 1)
        bar[place] = tokens[0]
        if count[0] <= MAX_EVENTS - 2:
            (again,) = parts_of_bar(np.concatenate([tokens, empty_bars(1)[0, 1:]]))
            assert again.onset_steps.tolist() == p.onset_steps.tolist()
            assert again.pitch.tolist() == p.pitch.tolist()
            assert again.program_token == p.program_token
            assert int(again.duration_steps.sum()) == int(p.duration_steps.sum())


def test_odd_rows_are_read_as_well_as_can_be():
    bar = empty_bars(1)[0]
    bar[0, :9] = (255 + 12, 60, 361, 255 + 12, 188, 62, 128 + 50, 366, 64)  # program late and twice, an end without a start, no end
    bar[0, 9] = END
    bar[1, :8] = (360 + 5, 255 + 96, 60, 188, 255 + 3, 61, END, 70)  # nothing inside the bar
    bar[2, :5] = (DRUMS, 36, 36 + 128, 40, END)  # no length, and one that lasts
    first, drums = parts_of_bar(bar)
    assert (first.program, first.is_drum) == (1, False)
    assert list(zip(first.onset_steps.tolist(), first.pitch.tolist(), first.duration_steps.tolist(), strict=True)) == [
        (12, 60, 12), (24, 62, 72), (24, 64, 72),
    ]  # fmt: skip
    assert (first.velocity == 90).all()
    assert drums.is_drum
    assert (drums.pitch.tolist(), drums.duration_steps.tolist()) == ([40], [96])
    with pytest.raises(ValueError, match=r"token 490 is outside 0\.\.489"):
        parts_of_bar(np.full((8, 64), 490))


def test_velocities_fall_into_eight_bins():
    velocity = np.arange(1, 128)
    bins = velocity_bin(velocity)
    assert (bins.min(), bins.max()) == (0, 7)
    assert np.bincount(bins).tolist() == [16] * 7 + [15]
    assert velocity_bin(np.array([1, 16, 17, 113, 127])).tolist() == [0, 0, 1, 7, 7]


def test_the_converter_s_arrays_end_where_the_rows_end():
    made = converter("performance-chords", steps=512)
    rows = empty_bars(2)[:, None]
    rows[0, 0, 0] = part_tokens(part([(0, 60, 48, 80), (48, 62, 48, 80)], program=33), 1)[0][0]
    codes = np.zeros((2, 1, 8), np.uint8)
    codes[0, 0] = [Chord(0).code] * 4 + [Chord(7).code] * 4
    codes[0, 0, 7] = 0
    codes[1, 0, 5:] = Chord(9, "min7").code
    columns = {"bars": rows, "chords": codes}
    assert made.bars(512) == 1
    assert made.lengths(columns).tolist() == [[9, *[1] * 7], [1] * 8]
    targets = made.targets(columns)
    assert targets.shape == (2, 512, 1)
    np.testing.assert_array_equal(made.inputs(columns), targets)
    assert targets[0, :9, 0].tolist() == [393, 356, 60, 303, 188, 62, 303, 190, END]
    assert (targets[0, 9:64] == -1).all()
    assert (targets[1, ::64] == END).all()
    triads = made.controls(columns).argmax(axis=2)
    assert (triads[:, ::64] == 0).all()  # beside the programs
    c, g, a_minor = 1, 1 + 7, 13 + 9
    assert triads[0, 1:9].tolist() == [c, c, c, g, g, g, 0, 0]
    assert (triads[0, 9:64] == c).all()  # the one that lasts longest, the first of two
    assert (np.delete(triads[1], np.s_[::64]) == a_minor).all()
    assert TRIAD_OF_CODE[Chord(9, "min7").code] == a_minor
    assert (made.controls({"bars": rows}).argmax(axis=2) == 0).all()
    assert converter("performance").controls(columns) is None


@given(hnp.arrays(np.int64, (2, 512, 1), elements=st.integers(-1, 489)))
def test_decoded_rows_are_tidy(events):
    made = converter("performance")
    rows = made.columns(events)["bars"]
    assert rows.dtype == np.int16
    assert rows.shape == (2, 1, 8, 64)
    for given_row, row in zip(events.reshape(-1, 64).tolist(), rows.reshape(-1, 64).tolist(), strict=True):
        stop = next((i for i, token in enumerate(given_row) if token in (-1, END)), 64)
        ended = stop < 64 and (given_row[stop] == END or stop == 0)
        assert row == (given_row[:stop] + [END] * ended + [-1] * 64)[:64]
    np.testing.assert_array_equal(made.targets({"bars": rows}).reshape(rows.shape), rows)
    np.testing.assert_array_equal(made.lengths({"bars": rows}).reshape(-1), (rows != -1).sum(axis=3).reshape(-1))


def test_transposing_moves_pitches_but_not_drums_and_leaves_out_what_is_too_high():
    made = converter("performance-chords")
    rows = empty_bars(1)[None]
    rows[0, 0, 0] = part_tokens(part([(0, 60, 24, 80), (0, 126, 24, 80)]), 1)[0][0]
    rows[0, 0, 1] = part_tokens(part([(0, 36, 24, 80)], is_drum=True), 1)[0][0]
    columns = {"bars": rows, "chords": np.full((1, 1, 8), Chord(11).code, np.uint8)}
    moved = made.transposed(columns, 2)
    first, drums = parts_of_bar(moved["bars"][0, 0])
    assert (first.pitch.tolist(), first.duration_steps.tolist()) == ([62], [24])
    assert drums.pitch.tolist() == [36]
    assert (moved["chords"] == Chord(1).code).all()
    assert moved["bars"][0, 0, 0, :8].tolist() == [360, 356, 62, 279, 190, 327, END, -1]
    np.testing.assert_array_equal(made.transposed(columns, np.array([0]))["bars"], rows)


def test_steps_of_tokens():
    row = np.array([[360, 60, 255 + 24, 188, 255 + 90, 70, END, -1]])
    assert onset_steps_of(row).tolist() == [[0, 0, 0, 24, 24, 96, 96, 96]]


def test_tokens_out_of_range_are_refused():
    with pytest.raises(ValueError, match="events from 0 to 490 are outside -1 to 489"):
        converter("performance").columns(np.array([[[0], [490], *[[0]] * 510]]))
