from dataclasses import replace

import numpy as np
import pytest

from musicvae.compose.grooving.rendition import Rendition, Report
from musicvae.compose.pieces.intake import Wanted, take_music
from musicvae.compose.revising.pieces.ends import open_ending
from musicvae.music.meter import Meter
from musicvae.music.midi import read_midi, score_bytes, write_score
from musicvae.music.piece import Piece
from musicvae.music.score import MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track

TICKS = 96
COMMON = (MeterChange(0, Meter(4, 4)),)


def beat(bars, *, late=0):
    """A bass drum on 1 and 3, a snare on 2 and 4, as somebody plays it."""
    return tuple(ScoreNote(TICKS * at + late * (at % 4 > 0), 36 if at % 2 == 0 else 38, 12, 60 + at % 7) for at in range(4 * bars))


def song(bars=4, *, meters=COMMON, late=5):
    keys = tuple(ScoreNote(TICKS * at, 60 + at % 5, 90, 70) for at in range(4 * bars + 8))
    tracks = (Track(keys, "Keys"), Track(beat(bars, late=late), "Kit", is_drum=True))
    return Score(TICKS, tracks, (TempoChange(0, 100.0), TempoChange(700, 90.0)), tuple(meters), (), "Song")


def longer(piece, bars):
    """The piece and hits on every step of `bars` bars more."""
    more = np.full((bars, 16), 1, np.uint64)
    return replace(piece, columns={"bars": np.concatenate([piece.columns["bars"], more])}, provenance={"seed": 7})


def taken(path, **options):
    return take_music(path, Wanted("drums"), **options).music


def test_what_follows_comes_into_the_drums_own_track_and_all_else_stays(tmp_path):
    path = write_score(song(), tmp_path / "song.mid")
    piece = taken(path)
    found = open_ending(path, piece).gone_on(longer(piece, 2), piece.num_bars)
    before, after = read_midi(path), found.score
    factor = after.ticks_per_beat // TICKS
    assert [track.name for track in after.tracks] == ["Keys", "Kit"]
    scaled = [(n.onset_ticks * factor, n.pitch, n.duration_ticks * factor, n.velocity) for n in before.tracks[0].notes]
    assert [(n.onset_ticks, n.pitch, n.duration_ticks, n.velocity) for n in after.tracks[0].notes] == scaled
    drums = NoteTable.of(after.tracks[1].notes)
    old = drums.onset_ticks < 4 * 4 * after.ticks_per_beat
    given = NoteTable.of(before.tracks[1].notes)
    assert (drums.onset_ticks[old] == given.onset_ticks * factor).all()
    assert (drums.velocity[old] == given.velocity).all()
    assert (drums.onset_ticks[~old] / after.ticks_per_beat).tolist() == [16 + step / 4 for step in range(32)]
    assert found.provenance["seed"] == 7
    assert [tempo.qpm for tempo in after.tempi] == [tempo.qpm for tempo in before.tempi]


def test_after_a_bar_what_followed_gives_way(tmp_path):
    path = write_score(song(), tmp_path / "song.mid")
    piece = taken(path, bars=2)
    found = open_ending(path, piece, bars=2).gone_on(longer(piece, 1), 2)
    drums = NoteTable.of(found.score.tracks[1].notes)
    beats = drums.onset_ticks / found.score.ticks_per_beat
    assert beats.max() == 8 + 15 / 4
    assert (beats >= 8 - 0.1).sum() == 16
    assert len(found.score.tracks[0].notes) == len(song().tracks[0].notes)


def test_early_hits_and_a_silent_bar_to_begin_with_are_where_they_are_played(tmp_path):
    path = write_score(song(), tmp_path / "song.mid")
    piece = taken(path)
    made = longer(piece, 1).to_score()
    notes = NoteTable.of(made.tracks[0].notes)
    moved = notes.onset_ticks + 4 * made.ticks_per_beat - 7  # a silent bar, and every hit is early
    track = replace(made.tracks[0], notes=NoteTable(moved, notes.pitch, notes.duration_ticks, notes.velocity))
    played = Rendition(score_bytes(replace(made, tracks=(track,))), "x", Report(0, 0, 0.0, 0.0, (1, 1), 6, lead_in_bars=1))
    found = open_ending(path, piece).gone_on(played, 4)
    drums = NoteTable.of(found.score.tracks[1].notes)
    assert len(drums) == 16 + 16
    first = drums.onset_ticks[16] / found.score.ticks_per_beat
    assert first == pytest.approx(16 - 7 / made.ticks_per_beat, abs=1 / found.score.ticks_per_beat)


def test_nothing_comes_after_bars_that_another_meter_follows(tmp_path):
    meters = (*COMMON, MeterChange(3 * 4 * TICKS, Meter(3, 4)))
    path = write_score(song(meters=meters), tmp_path / "song.mid")
    assert open_ending(path, taken(path)) is None


def test_lines_of_a_trio_find_their_own_tracks_and_a_new_line_gets_one(tmp_path):
    columns = {name: np.zeros((2, 16), np.uint8) for name in ("bars", "bass")} | {"drums": np.zeros((2, 16), np.uint64)}
    columns["bars"][:, ::4], columns["bass"][:, ::8] = 50, 20
    piece = Piece("trio", columns)
    path = write_score(piece.to_score(), tmp_path / "trio.mid")
    more = {name: np.concatenate([column, column[:1]]) for name, column in columns.items()}
    more["drums"][2, ::4] = 1
    found = open_ending(path, piece).gone_on(Piece("trio", more), 2).score
    counts = {(track.program, track.is_drum): len(track.notes) for track in found.tracks if track.notes}
    assert counts == {(0, False): 12, (33, False): 6, (0, True): 4}
    melody = next(track for track in found.tracks if track.notes and not track.is_drum and track.program == 0)
    assert [n.onset_ticks / found.ticks_per_beat for n in melody.notes] == list(range(12))
