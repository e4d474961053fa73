import json
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from musicvae.corpus import inspect as inspecting
from musicvae.corpus.inspect import write_picture
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.store import Corpus
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.midi import write_midi, write_score
from musicvae.music.score import MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track

BEAT = 480
inspect_file = partial(inspecting.inspect_file, guarded=False)  # a process for each takes its time


def line(pitches, *, bars, name="", program=0, start=0.0, **options):
    """Quarter notes on a track, one a beat in 4/4, repeated until the bars are full."""
    notes = tuple(ScoreNote(round((start + i) * BEAT), pitches[i % len(pitches)], BEAT, 90) for i in range(4 * bars))
    return Track(NoteTable.of(notes), name, program, **options)


def beat_of_drums(bars):
    notes = [(i, 36 if i % 2 == 0 else 38) for i in range(4 * bars)] + [(i / 2, 42) for i in range(8 * bars)]
    return Track(NoteTable.of([ScoreNote(round(at * BEAT), pitch, BEAT // 4, 100) for at, pitch in sorted(notes)]), "Kit", is_drum=True)


BAND = Score(
    BEAT,
    (line((60, 64, 67, 71, 72, 67), bars=12, name="Lead"), line((36, 43), bars=12, name="Bass", program=33), beat_of_drums(12)),
    (TempoChange(0, 100.0), TempoChange(16 * BEAT, 120.0)), (MeterChange(0, Meter(4, 4)),),
)  # fmt: skip


@pytest.fixture
def band(tmp_path):
    return write_score(BAND, tmp_path / "band.mid")


def test_tracks_maps_and_the_choice(band):
    told = inspect_file(band)
    assert (told.format, told.material, told.tunes, told.length_beats, told.reason) == ("MIDI", "melody", 1, 48.0, "")
    assert [(track.number, track.name, track.notes, track.role) for track in told.tracks if track.notes] == [
        (track.number, name, notes, role)
        for track, (name, notes, role) in zip(
            [track for track in told.tracks if track.notes], [("Lead", 48, "melody"), ("Bass", 48, ""), ("Kit", 144, "")], strict=True
        )
    ]
    assert "Lead" in told.why
    assert [(change.bar, change.value) for change in told.tempi] == [(1, "100"), (5, "120")]
    assert [(change.beat, change.value) for change in told.meters] == [(0.0, "4/4")]
    lead = next(track for track in told.tracks if track.role)
    bass = next(track for track in told.tracks if track.name == "Bass")
    assert lead.terms
    assert set(lead.terms) == set(bass.terms)
    assert lead.melodic > bass.melodic
    assert (lead.lowest, lead.highest) == (60, 72)
    assert told.losses["notes in other tracks"] == 48 + 144


def test_every_window_with_its_verdict(tmp_path):
    # Twelve bars with notes, of which 5-11 are empty: a window of 8 bars holds too many rests, one of 2 in there nothing.
    notes = [(60 + i % 5, i, 1) for i in range(16)] + [(60 + i % 5, 44 + i, 1) for i in range(4)]
    path = Melody.from_beats(notes, num_bars=12).write(tmp_path / "a.mid")
    told = inspect_file(path, bars=(2, 8, 16))
    (only,) = told.lines
    assert (only.first, only.last, only.bars, only.onsets, only.too_short_for) == (1, 12, 12, 20, (16,))
    verdicts = {(window.bars, window.first, window.last): window.reason for window in told.windows}
    assert verdicts == {
        (2, 1, 2): "", (2, 3, 4): "", (2, 5, 6): "windows without a note", (2, 7, 8): "windows without a note",
        (2, 9, 10): "windows without a note", (2, 11, 12): "",
        (8, 1, 8): "", (8, 5, 12): "windows with more than half their bars empty",
    }  # fmt: skip
    assert len(only.kept) == 4


def test_the_same_windows_as_in_a_corpus(band):
    """Laid out as a corpus, the lines of a file have the windows that were told."""
    from musicvae.corpus.lines import take_tune
    from musicvae.corpus.tunes import SourceTune
    from musicvae.music.midi import read_midi

    for material in ("melody", "drums", "groove", "trio", "performance"):
        options = BuildOptions(material=material, hop_bars=3)
        score = read_midi(band)
        taken, _, _ = take_tune(SourceTune("s", "t", "f", lambda score=score: score), score, options)
        columns = {name: np.concatenate([part.rows[name] for part in taken.lines]) for name in taken.lines[0].rows}
        lengths = np.array([part.num_bars for part in taken.lines])
        zeros = np.zeros(len(lengths), np.int64)
        corpus = Corpus(columns["bars"], np.cumsum([0, *lengths[:-1]]), lengths, zeros, zeros, zeros, zeros - 1, zeros, sources=("s",),
                        columns=columns, material=material)  # fmt: skip
        told = inspect_file(band, material=material, options=options)
        for bars in options.bars:
            counts = corpus.window_counts(None, bars=bars, hop=min(3, bars))
            found = Counter(window.reason or "windows" for window in told.windows if window.bars == bars)
            assert found == {name: n for name, n in counts.items() if n and name != "tunes shorter than a window"}, (material, bars)


@pytest.mark.parametrize(("track", "name"), [(2, "Bass"), ("bas", "Bass"), (None, "Lead")])
def test_a_track_can_be_asked_for(tmp_path, track, name):
    melodies = [Melody.from_beats([(p + i % 3, i, 1) for i in range(32)], num_bars=8, name=n) for p, n in ((72, "Lead"), (40, "Bass"))]
    write_midi(melodies, tmp_path / "a.mid")
    told = inspect_file(tmp_path / "a.mid", track=track)
    assert [view.name for view in told.tracks if view.role] == [name]


def test_a_start_bar_moves_the_windows(band):
    told = inspect_file(band, bars=(4,), start_bar=3)
    assert [(window.first, window.last) for window in told.windows] == [(3, 6), (7, 10), (9, 12)]
    assert told.lines[0].onsets == 40
    late = inspect_file(band, start_bar=13)
    assert (late.lines, late.reason) == ((), "bar 13 is past the end: what can be taken ends with bar 12")
    with pytest.raises(ValueError, match="start bar 0 must be at least 1"):
        inspect_file(band, start_bar=0)


def test_windows_of_two_four_are_told_in_written_bars(tmp_path):
    path = Melody.from_beats([(60 + i % 7, i, 1) for i in range(40)], num_bars=20, meter=Meter(2, 4)).write(tmp_path / "a.mid")
    told = inspect_file(path, bars=(4,))
    assert [(window.first, window.last) for window in told.windows] == [(1, 8), (9, 16), (13, 20)]
    assert [(window.first, window.last) for window in inspect_file(path, bars=(4,), start_bar=4).windows][0] == (5, 12)


@pytest.mark.parametrize(("material", "roles"), [("drums", {"Kit": "drums"}), ("groove", {"Kit": "groove"}),
                                                ("trio", {"Lead": "melody", "Bass": "bass", "Kit": "drums"})])  # fmt: skip
def test_other_materials(band, material, roles):
    told = inspect_file(band, material=material)
    assert {track.name: track.role for track in told.tracks if track.role} == roles
    assert told.windows
    assert all(window.kept for window in told.windows)
    assert told.why


def test_what_a_file_lacks_is_the_answer(tmp_path):
    Melody.from_beats([(60, 0, 1)], num_bars=1).write(tmp_path / "short.mid")
    assert "fewer than 8 notes" in inspect_file(tmp_path / "short.mid").reason
    assert "no drums in it" in inspect_file(tmp_path / "short.mid", material="drums").reason
    write_score(replace(BAND, tracks=BAND.tracks[2:]), tmp_path / "drums.mid")
    told = inspect_file(tmp_path / "drums.mid")
    assert told.reason.startswith("only drums in it")
    assert told.lines == told.windows == ()
    odd = replace(BAND, meters=(MeterChange(0, Meter(5, 4)),))
    assert "5/4" in inspect_file(write_score(odd, tmp_path / "odd.mid")).reason


def test_tunes_of_a_book(tmp_path):
    tunes = [f"X:{n}\nT:Tune {n}\nR:reel\nM:4/4\nL:1/4\nK:{key}\n" + "CDEF|GABc|cBAG|FEDC|" * 2 + "\n" for n, key in ((1, "C"), (2, "G"))]
    (tmp_path / "book.abc").write_text("\n".join(tunes))
    told = inspect_file(tmp_path / "book.abc", tune=1)
    assert (told.format, told.tunes, told.title, told.tags["type"]) == ("ABC", 2, "Tune 2", "reel")
    assert told.lines[0].key == "G major"
    assert told.lines[0].shift % 12 == 5
    with pytest.raises(ValueError, match="no tune 3: it holds 2"):
        inspect_file(tmp_path / "book.abc", tune=2)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.mid", b"", r"a\.mid.*is empty"),
        ("a.mid", b"MThd\0\0", r"a\.mid"),
        ("a.txt", b"words", r"a\.txt holds no music"),
        ("a.zip", b"PK\3\4", r"a\.zip is an archive: unpack it"),
        ("a.xml", b"<?xml version='1.0'?><html/>", r"a\.xml"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        inspect_file(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        inspect_file(tmp_path / "none.mid")


def test_a_file_that_stops_its_reader_is_refused(band, monkeypatch):
    assert inspecting.inspect_file(band) == inspect_file(band)
    monkeypatch.setattr(inspecting, "Guard", partial(inspecting.Guard, warm_up_seconds=0.0))
    with pytest.raises(ValueError, match=r"band\.mid: the reader took more than 1e-09 s; a build would leave it out"):
        inspecting.inspect_file(band, options=BuildOptions(max_seconds=1e-9))


def test_json_and_tables_hold_everything(band):
    for material in ("melody", "trio"):
        told = inspect_file(band, material=material)
        words = json.loads(json.dumps(told.to_dict(), allow_nan=False))
        assert len(words["tracks"]) == len(told.tracks)
        assert words["lines"][0]["windows"][0] == {"bars": 2, "first": 1, "last": 2, "reason": ""}
        assert "score" not in words
        for table in told.tables():
            assert all(len(row) == len(table.heading) for row in table.rows)


def test_the_picture_marks_what_was_taken(band, tmp_path):
    told = inspect_file(band, material="trio")
    path = write_picture(told, tmp_path / "a.svg")
    text = path.read_text()
    assert "Lead: melody" in text
    assert "Bass: bass" in text
    assert "16 bars" not in text  # the line has twelve
    with pytest.raises(ValueError, match="no score to draw"):
        write_picture(replace(told, score=None), tmp_path / "b.svg")
