from dataclasses import replace

import numpy as np
import pytest
from model.pieces.networks import columns, engine

from musicvae.compose.grooving.feel import Played
from musicvae.compose.revising.pieces.files import feel_of, open_piece
from musicvae.compose.revising.pieces.tracks import TrioTracks
from musicvae.music.meter import Meter
from musicvae.music.midi import read_midi
from musicvae.music.midi_writing import write_score
from musicvae.music.piece import Piece
from musicvae.music.score import MeterChange, NoteTable, Track


def trio_score(bars=4, seed=0):
    voices = {name: column[0] for name, column in columns("trio", 1, bars, seed).items()}
    low = np.where(voices["bass"] >= 2, voices["bass"] - 12, voices["bass"]).astype(np.uint8)
    score = Piece("trio", {**voices, "bass": low}).to_score()
    strings = Track(NoteTable.of([]) if not bars else chord_notes(bars), "Strings", 48)
    tracks = tuple(louder(track, 71 + place) for place, track in enumerate(score.tracks))
    return replace(score, tracks=(*tracks, strings), texts=())


def louder(track, velocity):
    table = NoteTable.of(track.notes)
    return replace(track, notes=NoteTable(table.onset_ticks, table.pitch, table.duration_ticks, np.full(len(table), velocity)))


def chord_notes(bars):
    return NoteTable(np.arange(bars) * 1920, np.full(bars, 76), np.full(bars, 1900), np.full(bars, 50))


def struck(track):
    return {(note.onset_ticks, note.pitch, note.duration_ticks, note.velocity) for note in track.notes}


@pytest.fixture
def trio(tmp_path):
    return write_score(trio_score(), tmp_path / "trio.mid")


def test_a_trio_is_found_with_its_tracks(trio):
    opened = open_piece(trio, "trio")
    assert opened.tracks == {"bars": (1,), "bass": (2,), "drums": (3,)}
    assert (opened.piece.num_bars, opened.start_bar, opened.start_ticks) == (4, 1, 0)
    assert "bars 1-4 in 4/4" in opened.notices[-1]


def test_nothing_changed_leaves_every_note(trio, tmp_path):
    opened = open_piece(trio, "trio")
    revised = opened.revised(opened.piece)
    assert [struck(track) for track in revised.score.tracks] == [struck(track) for track in read_midi(trio).tracks]


def test_only_what_is_new_or_gone_is_touched(trio):
    opened = open_piece(trio, "trio")
    changed = {name: np.array(column) for name, column in opened.piece.columns.items()}
    changed["bars"][2] = [50, *[0] * 15]
    changed["drums"][2] ^= np.uint64(1)
    revised = opened.revised(replace(opened.piece, columns=changed, provenance={"made_by": "repair"}))
    before, after = read_midi(trio).tracks, revised.score.tracks
    for number in (0, 2):
        assert {int(note[0]) // 1920 for note in struck(before[number]) ^ struck(after[number])} <= {1, 2}
        assert {note[3] for note in struck(after[number])} == {71 + number}
    assert [struck(before[number]) == struck(after[number]) for number in (1, 3)] == [True, True]
    assert (3840, 69, 71) in {(onset, pitch, velocity) for onset, pitch, _, velocity in struck(after[0])}
    assert "repair" in revised.score.texts[0]


def test_new_hits_are_played_as_they_are_to_be(trio):
    opened = open_piece(trio, "trio")
    wanted = np.array(opened.piece.columns["drums"])
    step, drum = next(
        (step, drum)
        for drum in range(9)
        for step in range(16)
        if not (wanted[1, max(0, step - 1) : step + 1] >> np.uint64(drum) & np.uint64(1)).any()
    )
    wanted[1, step] |= np.uint64(1 << drum)
    feel = Played(np.full((4, 16, 9), 33.4), np.full((4, 16, 9), 0.25))
    revised = opened.revised(replace(opened.piece, columns={**opened.piece.columns, "drums": wanted}), feel)
    new = struck(revised.score.tracks[2]) - struck(read_midi(trio).tracks[2])
    assert {(onset, velocity) for onset, _, _, velocity in new} == {(1920 + 120 * step + 30, 33)}


@pytest.mark.parametrize(("line", "left"), [("bass", 1), ("melody", 0), ("drums", 2)])
def test_a_missing_line_gets_a_track_of_its_own(line, left, tmp_path):
    score = trio_score()
    kept = tuple(track for track in score.tracks[:3] if track.name.lower() != line)
    path = write_score(replace(score, tracks=kept), tmp_path / "two.mid")
    column = {"melody": "bars"}.get(line, line)
    opened = open_piece(path, "trio", new=[line])
    assert opened.tracks[column] == ()
    assert not opened.piece.columns[column].any()
    assert f"{line}: none, to be written" in opened.notices[-1]
    rows = {name: np.array(rows) for name, rows in opened.piece.columns.items()}
    rows[column][:, 0] = 1 if line == "drums" else 30
    revised = opened.revised(replace(opened.piece, columns=rows))
    assert [struck(track) for track in revised.score.tracks[:2]] == [struck(track) for track in read_midi(path).tracks]
    assert (revised.score.tracks[2].name.lower(), revised.score.tracks[2].is_drum) == (line, line == "drums")
    assert len(revised.score.tracks[2].notes) == 4
    with pytest.raises(ValueError, match=r"two.mid: no "):
        open_piece(path, "trio")


def test_lines_that_cannot_be_done_without_are_missed(tmp_path):
    score = trio_score()
    alone = replace(score, tracks=score.tracks[2:3])
    with pytest.raises(ValueError, match="there is no melody and no bass to go by"):
        TrioTracks.of(alone, ["bass"])
    with pytest.raises(ValueError, match="one pitched track only"):
        TrioTracks.of(replace(score, tracks=score.tracks[:1]), ["drums"])
    with pytest.raises(ValueError, match="no drums in it"):
        TrioTracks.of(replace(score, tracks=score.tracks[:1]), ["bass"])


def test_the_stretch_with_a_bar_is_taken_and_no_other_meter(tmp_path):
    score = trio_score(8)
    meters = (MeterChange(0, Meter(4, 4)), MeterChange(4 * 1920, Meter(3, 4)))
    path = write_score(replace(score, meters=meters), tmp_path / "two.mid")
    assert open_piece(path, "drums", bar=2).piece.num_bars == 4
    with pytest.raises(ValueError, match=r"two.mid: there is no bar 6 of 4/4 in it; such are bars 1-4"):
        open_piece(path, "drums", bar=6)
    waltz = write_score(replace(score, meters=(MeterChange(0, Meter(3, 4)),)), tmp_path / "waltz.mid")
    with pytest.raises(ValueError, match="nothing in 4/4: 3/4 is all there is"):
        open_piece(waltz, "drums")


def test_new_hits_have_the_feel_of_the_others():
    player = engine("tiny-groove")
    own = Piece("groove", {name: column[0] for name, column in columns("groove", 1, 4).items()})
    hits = np.bitwise_or.reduce((own.columns["bars"] > 0).astype(np.uint64) << np.arange(9, dtype=np.uint64), axis=-1)
    piece = Piece("drums", {"bars": hits})
    free, like = feel_of(player, piece, None, 1), feel_of(player, piece, own, 1)
    assert free.velocity.shape == like.velocity.shape == (4, 16, 9)
    mean = own.columns["bars"][own.columns["bars"] > 0].mean()
    assert abs(like.velocity[like.velocity > 0].mean() - mean) < abs(free.velocity[free.velocity > 0].mean() - mean) + 1
