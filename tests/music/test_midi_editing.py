from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.music.midi import score_from_bytes
from musicvae.music.midi_editing import AddedNote, open_midi
from musicvae.music.provenance import provenance_of
from musicvae.music.score import ScoreNote


def rich_file(kind=1, ticks=96):
    """Two tracks with all that a score has no place for: controllers, bends, markers, lyrics, sysex, program changes along the way."""
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    first = mido.MidiTrack([
        mido.MetaMessage("track_name", name="Song"), mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("time_signature", numerator=4, denominator=4), mido.MetaMessage("marker", text="Intro"),
        mido.Message("program_change", channel=2, program=33), mido.Message("control_change", channel=2, control=7, value=90),
        mido.Message("note_on", channel=2, note=40, velocity=70), mido.Message("pitchwheel", channel=2, pitch=500, time=24),
        mido.Message("note_on", channel=2, note=40, velocity=0, time=24), mido.MetaMessage("lyrics", text="la", time=10),
        mido.MetaMessage("set_tempo", tempo=600_000, time=96), mido.Message("sysex", data=(1, 2, 3), time=3),
        mido.Message("program_change", channel=2, program=12, time=5),
    ])  # fmt: skip
    second = mido.MidiTrack([mido.MetaMessage("track_name", name="Kit")])
    for step in range(16):
        second.append(mido.Message("note_on", channel=9, note=36 + 2 * (step % 2), velocity=100, time=0))
        second.append(mido.Message("note_off", channel=9, note=36 + 2 * (step % 2), velocity=33, time=ticks // 4))
    tracks = [first, second]
    file.tracks.extend([mido.merge_tracks(tracks)] if kind == 0 else tracks)
    return bytes_of(file)


def bytes_of(file):
    import io

    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def everything(data):
    """Each track as (tick, message) without the order of what is simultaneous."""
    import io

    found = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        now, messages = 0, []
        for message in track:
            now += message.time
            messages.append((now, str(message.copy(time=0))))
        found.append(messages)
    return found


@pytest.mark.parametrize("kind", [0, 1])
def test_an_unchanged_file_has_the_same_events_in_the_same_order(kind):
    data = rich_file(kind)
    file = open_midi(data)
    assert everything(file.written(file.unchanged())) == everything(data)
    assert file.score == score_from_bytes(data)


def test_notes_are_those_of_the_score():
    file = open_midi(rich_file())
    notes = file.notes
    for number, track in enumerate(file.score.tracks, 1):
        columns = (notes.onset, notes.pitch, notes.end - notes.onset, notes.velocity)
        found = sorted(zip(*(column[notes.part == number].tolist() for column in columns), strict=True))
        assert found == [(n.onset_ticks, n.pitch, n.duration_ticks, n.velocity) for n in track.notes]


def test_a_finer_file_sounds_the_same():
    file = open_midi(rich_file())
    assert file.finer == 5
    made = everything(file.written(file.unchanged(5)))
    assert made == [[(5 * tick, text) for tick, text in track] for track in everything(file.data)]


def test_one_note_moves_and_all_else_stays():
    file = open_midi(rich_file())
    same = file.unchanged()
    which = int(np.flatnonzero((file.notes.part == 2) & (file.notes.onset == 48))[0])
    onset, end, velocity, pitch = (column.copy() for column in (same.onset, same.end, same.velocity, same.pitch))
    onset[which], end[which], velocity[which], pitch[which] = 50, 77, 31, 99
    before = everything(file.data)
    after = everything(file.written(replace(same, onset=onset, end=end, velocity=velocity, pitch=pitch)))
    assert after[0] == before[0]
    gone, new = set(before[1]) - set(after[1]), set(after[1]) - set(before[1])
    assert gone == {(48, "note_on channel=9 note=36 velocity=100 time=0"), (72, "note_off channel=9 note=36 velocity=33 time=0")}
    assert new == {(50, "note_on channel=9 note=99 velocity=31 time=0"), (77, "note_off channel=9 note=99 velocity=33 time=0")}
    assert sorted(tick for tick, _ in after[1]) == [tick for tick, _ in after[1]]


def test_a_lead_in_moves_music_but_not_what_sets_it_up():
    file = open_midi(rich_file())
    same = file.unchanged()
    made = everything(file.written(replace(same, onset=same.onset + 384, end=same.end + 384, lead_in=384, lead_in_bars=1)))
    ticks = {text.split()[0] + text.split()[-2]: tick for tick, text in made[0]}
    assert [tick for tick, text in made[0] if "set_tempo" in text] == [0, 384 + 154]
    assert [tick for tick, text in made[0] if "time_signature" in text or "program=33" in text or "control_change" in text] == [0, 0, 0]
    assert [tick for tick, text in made[0] if "marker" in text] == [384], ticks
    assert made[1][1][0] == 384


def test_our_own_text_says_that_the_piece_begins_later():
    file = open_midi(mido_text('musicvae {"made_by":"generate","piece":{"bars":2,"lead_in":1,"material":"groove"}}'))
    same = file.unchanged()
    made = file.written(replace(same, lead_in=384, lead_in_bars=1, text='musicvae {"made_by":"humanize"}'))
    old, new = provenance_of(score_from_bytes(made))
    assert old["piece"] == {"bars": 2, "lead_in": 2, "material": "groove"}
    assert new == {"made_by": "humanize"}


def mido_text(text):
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("text", text=text), mido.Message("note_on", note=60, velocity=9),
                                       mido.Message("note_off", note=60, time=96)]))  # fmt: skip
    return bytes_of(file)


def test_further_tracks_make_format_0_a_format_1():
    file = open_midi(rich_file(0))
    made = file.written(replace(file.unchanged(), tracks=(b"\0\xff\x2f\0",)))
    assert made[8:12] == b"\0\1\0\2"
    assert len(mido_tracks(made)) == 2


def mido_tracks(data):
    return everything(data)


def test_removed_notes_leave_no_trace():
    file = open_midi(rich_file())
    made = everything(file.written(replace(file.unchanged(), removed=file.notes.part == 2)))
    assert [text.split()[0] for _, text in made[1]] == ["MetaMessage('track_name',", "MetaMessage('end_of_track',"]


def test_a_note_before_the_start_is_refused():
    file = open_midi(rich_file())
    same = file.unchanged()
    with pytest.raises(ValueError, match="no file goes below 0"):
        file.written(replace(same, onset=same.onset - 1))


def test_an_unended_note_and_foreign_chunks():
    data = b"MThd\0\0\0\6\0\0\0\1\0\x60" + b"XFIH\0\0\0\2ab" + b"MTrk\0\0\0\x04\0\x90\x40\x50"
    file = open_midi(data)
    assert file.foreign_bytes == 10
    made = score_from_bytes(file.written(file.unchanged()))
    assert [(n.pitch, n.velocity) for n in made.tracks[0].notes] == [(64, 80)]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_moves_the_notes_read_back_are_those_that_were_asked_for(data):
    file = open_midi(rich_file(data.draw(st.sampled_from((0, 1)))))
    count = len(file.notes)
    onset = np.array(data.draw(st.lists(st.integers(0, 2000), min_size=count, max_size=count)))
    length = np.array(data.draw(st.lists(st.integers(0, 200), min_size=count, max_size=count)))
    pitch = np.arange(count) + 30  # so that readers cannot take one for another
    loud = np.array(data.draw(st.lists(st.integers(1, 127), min_size=count, max_size=count)))
    made = score_from_bytes(file.written(replace(file.unchanged(), onset=onset, end=onset + length, pitch=pitch, velocity=loud)))
    found = sorted((n.onset_ticks, n.pitch, n.duration_ticks, n.velocity) for track in made.tracks for n in track.notes)
    assert found == sorted(zip(onset.tolist(), pitch.tolist(), length.tolist(), loud.tolist(), strict=True))


@pytest.mark.parametrize("kind", [0, 1])
def test_added_notes_join_their_track_and_nothing_else_changes(kind):
    data = rich_file(kind)
    file = open_midi(data)
    drums = next(i for i, track in enumerate(file.score.tracks, 1) if track.is_drum)
    other = 3 - drums
    added = [AddedNote(drums, 49, 400, 420, 77), AddedNote(other, 60, 24, 48, 66)]
    changed = score_from_bytes(file.written(replace(file.unchanged(), added=added)))
    for number, (before, after) in enumerate(zip(file.score.tracks, changed.tracks, strict=True), 1):
        wanted = [ScoreNote(n.onset, n.pitch, n.end - n.onset, n.velocity) for n in added if n.part == number]
        assert sorted([*before.notes, *wanted]) == sorted(after.notes)
    assert changed.tempi == file.score.tempi
