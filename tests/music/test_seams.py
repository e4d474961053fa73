"""Seams are checked on times alone, and on tunes through the ABC reader; the sum of all bars is kept to whole bars throughout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.abc import read_abc_text
from musicvae.music.extract import extract_melody
from musicvae.music.meter import Meter
from musicvae.music.score import NoteTable, ScoreNote
from musicvae.music.seams import BarLine, seam_edits

HEAD = "X:1\nT:A tune\nM:4/4\nL:1/4\nK:C\n"


def read(body, **options):
    return read_abc_text(HEAD + body + "\n", **options)


def line(score):
    return [(n.pitch, n.onset_ticks / 480, n.duration_ticks / 480) for n in score.tracks[0].notes]


def lines(score):
    return [(found.start_bar, found.melody.num_bars, found.has_pickup) for found in extract_melody(score).lines]


def test_a_section_that_ends_short_is_filled_with_a_rest():
    score = read("G|CDEF|CDE:|CDEF|GABc|]")
    assert lines(score) == [(1, 1 + 4 + 2, True)]
    assert score.losses == {"section ends filled with a rest": 1}
    # G CDEF CDE G CDEF CDE (rest) CDEF
    assert line(score)[16:18] == [(60, 17, 1), (62, 18, 1)]


def test_a_long_last_note_gives_way_to_a_pickup():
    score = read("G|CDEF|C2E2||G|CDEF|CDEF|")
    assert score.losses == {"section ends cut for a pickup": 1}
    assert line(score)[5:9] == [(60, 5, 2), (64, 7, 1), (67, 8, 1), (60, 9, 1)]
    assert lines(score) == [(1, 5, True)]


def test_a_bar_too_long_is_no_seam():
    assert read("G|CDEF|CD2F2:|G|CDEF|CDEF|").losses["bar lines off the grid"]


def test_a_pickup_that_the_repeated_bar_already_holds_is_played_once():
    score = read("G|CDEF|CDEG:|CDEF|GABc|]")
    assert [pitch for pitch, _, _ in line(score)] == [67, *[60, 62, 64, 65, 60, 62, 64, 67] * 2, 60, 62, 64, 65, 67, 69, 71, 72]
    assert score.losses == {"pickups not repeated": 1}
    assert lines(score) == [(1, 7, True)]


def test_where_notes_would_be_lost_a_new_line_begins():
    score = read("CDEF|CDEF||G|CDEF|CDEF|CDEF|")
    assert score.losses == {"bar lines off the grid": 1}
    assert len(line(score)) == 21


def test_strict_keeps_every_beat_as_written():
    body = "G|CDEF|CDE:|CDEF|GABc|]"
    assert read(body, strict=True).end_ticks == (1 + 4 + 3) * 2 * 480 + 8 * 480
    assert read(body).end_ticks == (1 + 4 + 3) * 2 * 480 + 480 + 8 * 480


@pytest.mark.parametrize("body", ["G|CDEF|CDE:|:G|CDEF|CDE:|", "CDEF|1CDEF:|2GABc|]", "CD||EF|CDEF|", "[M:3/4]CDE|[M:4/4]CDEF|"])
def test_seams_that_fit_are_left_alone(body):
    strict, usual = read(body, strict=True), read(body)
    assert (usual.tracks, usual.meters) == (strict.tracks, strict.meters)
    assert not [reason for reason in usual.losses if "section" in reason or "pickup" in reason]


def test_several_voices_are_left_alone():
    body = "V:1\nG|CDEF|CDE||CDEF|GABc|]\nV:2\nG|CDEF|CDE||CDEF|GABc|]"
    assert read(body).tracks == read(body, strict=True).tracks


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 1)), min_size=2, max_size=12), st.data())
def test_no_onset_is_lost_and_none_changes_places(bars, data):
    """Any bars of 1 to 8 quarters in 4/4, any of them a seam, notes anywhere."""
    tick, made = 0, []
    for quarters, seam in bars:
        made.append(BarLine(tick, Meter(4, 4), bool(seam), len(made)))
        tick += 480 * quarters
    onsets = sorted(data.draw(st.sets(st.integers(0, tick // 240 - 1).map(lambda n: 240 * n), min_size=1)))
    notes = NoteTable.of([ScoreNote(onset, 60, 200, 90) for onset in onsets])
    edits = seam_edits(made, tick, 480, onsets)
    moved = edits.notes(notes)
    assert len(moved) == len(notes)
    assert all(b > a for a, b in zip(moved.onset_ticks.tolist(), moved.onset_ticks.tolist()[1:], strict=False))
    assert (moved.duration_ticks > 0).all()
    if not edits.edits:
        assert moved == notes
    # Every edit makes whole bars of those at its seam.
    for edit in edits.edits:
        i = next(i for i, bar in enumerate(made) if bar.is_seam and bar.tick in (edit.tick, edit.tick + edit.removed_ticks))
        is_pickup = made[i + 1].tick - made[i].tick < 1920
        assert (edits.tick(made[i + is_pickup].tick) - edits.tick(made[i - 1].tick)) % 1920 == 0
