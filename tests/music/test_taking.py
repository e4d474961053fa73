import numpy as np
import pytest

from musicvae.music.chords import Chord
from musicvae.music.meter import Meter
from musicvae.music.piece import Piece
from musicvae.music.score import ChordChange, MeterChange, NoteTable, Score, ScoreNote, TempoChange, Track
from musicvae.music.taking import take_piece

TPB = 480
BAR = 4 * TPB
KIT = (36, 42, 38, 42)


def quarters(pitches, *, first=0, **fields):
    notes = [ScoreNote(first + i * TPB, pitch, TPB, 70) for i, pitch in enumerate(pitches)]
    return Track(NoteTable.of(notes), fields.pop("name", ""), **fields)


def scored(*tracks, meters=((0, 4, 4),), **fields):
    return Score(TPB, tracks, meters=tuple(MeterChange(tick, Meter(n, d)) for tick, n, d in meters), **fields)


BAND = (
    quarters([72, 74, 76, 77] * 3, name="Lead"), quarters([40, 40, 43, 43] * 3, name="Bass", program=33),
    quarters(KIT * 3, name="Kit", is_drum=True),
)  # fmt: skip


def test_a_beat_with_silent_bars_is_taken_whole():
    score = scored(quarters(KIT, first=2 * BAR, is_drum=True), tempi=(TempoChange(0, 100), TempoChange(2 * BAR, 80)), length_ticks=4 * BAR)
    (piece,) = take_piece(score, "drums", name="beat")
    assert np.flatnonzero(piece.columns["bars"].any(axis=1)).tolist() == [2]
    assert (piece.num_bars, piece.tempo_qpm, piece.name) == (4, 100, "beat")
    assert piece.notices[1:] == ("beat: left out: changes of tempo, so that all is at 100 quarter notes a minute",)
    (later,) = take_piece(score, "drums", start_bar=3)
    assert later == Piece("drums", {"bars": piece.columns["bars"][2:]}, tempo_qpm=80)
    assert later.notices == ("the drums: track 1 (the only track of drums), bars 3-4 in 4/4",)
    (one,) = take_piece(score, "drums", start_bar=3, bars=1)
    assert one.num_bars == 1


def test_what_was_left_out_is_counted_in_the_bars_that_were_taken():
    """Elsewhere nobody asked for it; a hit a little early belongs to the bar that it opens."""
    strange = quarters([36, 99, 36, 99] * 3, is_drum=True)
    early = quarters([99], first=BAR - 20, is_drum=True)
    score = scored(strange, early, quarters([60] * 8), meters=((0, 4, 4), (3 * BAR, 3, 4)), length_ticks=4 * BAR)
    told = {bars: "; ".join(take_piece(score, "drums", start_bar=2, bars=bars)[0].notices) for bars in (1, None)}
    assert "bar 2 in 4/4" in told[1]
    for text, hits in ((told[1], 3), (told[None], 5)):
        assert f"notes in other tracks: 4, hits of pitch 99, which is in no class of the drum map: {hits}" in text
    assert "notes in other tracks: 8" in take_piece(score, "drums")[0].notices[1]


@pytest.mark.parametrize("drums", ["nine", "nine-old", "sixty-one"])
def test_hits_follow_the_map(drums):
    (piece,) = take_piece(scored(quarters([43, 52, 36, 22], is_drum=True)), "drums", drum_map=drums)
    assert piece.drum_map == drums
    classes = [int(hit).bit_length() - 1 for hit in piece.columns["bars"][0, ::4]]
    pitches = {pitch: place for place, pitches in enumerate(piece.drums.classes) for pitch in pitches}
    assert classes == [pitches.get(pitch, -1) for pitch in (43, 52, 36, 22)]
    if drums != "nine":
        assert "hits of pitch 22, which is in no class of the drum map: 1" in piece.notices[1]


def test_a_trio_keeps_bars_that_not_all_cover_and_tells_its_tracks():
    extra = quarters([60] * 4, name="Strings", program=48)
    chords = (ChordChange(0, Chord(0)), ChordChange(BAR, Chord(7)))
    long = scored(*BAND, extra, chords=chords, length_ticks=5 * BAR)
    (piece,) = take_piece(long, "trio")
    assert piece.num_bars == 5
    assert piece.columns["bars"][:4, 0].tolist() == [72 - 19] * 3 + [1]
    assert piece.columns["bass"][0, 8] == 43 - 19
    assert piece.columns["drums"][2, ::4].tolist() == [1, 4, 2, 4]
    assert piece.columns["chords"][:, 0].tolist() == [Chord(0).code, *[Chord(7).code] * 4]
    assert "melody: track 1 'Lead'" in piece.notices[0]
    assert "notes in other tracks: 4" in piece.notices[1]
    (second,) = take_piece(long, "trio", start_bar=2, bars=1)
    assert (second.num_bars, second.columns["chords"][0, 0]) == (1, Chord(7).code)


def test_a_silent_part_of_our_own_trio_is_silent_when_read_again():
    made = Piece("trio", {"bars": np.array([[50, *[0] * 15]]), "bass": np.zeros((1, 16)), "drums": np.zeros((1, 16))}, name="quiet")
    (taken,) = take_piece(made.to_score(), "trio")
    assert all((taken.columns[name] == made.columns[name]).all() for name in made.columns)
    with pytest.raises(ValueError, match="no drums in it"):
        take_piece(Score(TPB, made.to_score().tracks, meters=(MeterChange(0, Meter(4, 4)),)), "trio")


def test_a_melody_as_elsewhere(tmp_path):
    (piece,) = take_piece(scored(*BAND, title="Song"), "melody", track="bass")
    assert piece.columns["bars"][0, ::4].tolist() == [40 - 19, 40 - 19, 43 - 19, 43 - 19]
    assert piece.name == "Song"
    assert piece.notices[0].startswith("Song: track 2 (its name contains 'bass'), bars 1-3")


def test_a_performance_takes_everybody():
    (piece,) = take_piece(scored(*BAND, chords=(ChordChange(0, Chord(5)),)), "performance")
    assert [int(row[0]) for row in piece.columns["bars"][0, :4]] == [360, 393, 488, 489]
    assert (piece.columns["chords"] == Chord(5).code).all()
    assert len(piece.notes) == 36
    (part,) = take_piece(scored(*BAND), "performance", start_bar=2, bars=1)
    assert (part.num_bars, len(part.notes)) == (1, 12)
    (solo,) = take_piece(scored(BAND[0]), "performance")
    assert solo.notices == ("the performance: its only track, bars 1-3 in 4/4",)


def test_two_four_counts_written_bars():
    score = scored(*BAND, meters=((0, 2, 4),))
    for material in ("drums", "groove", "trio", "melody", "performance"):
        (whole,) = take_piece(score, material)
        assert whole.num_bars == 3, material
        (part,) = take_piece(score, material, start_bar=3, bars=2)
        assert part.num_bars == 1, material
    (odd,) = take_piece(score, "drums", start_bar=2, bars=2)
    assert odd.columns["bars"][0, ::4].tolist() == [2, 4, 1, 4]


def test_of_several_stretches_the_longest_comes_first_and_other_meters_are_told():
    kit = quarters(KIT * 6, is_drum=True)
    score = scored(kit, meters=((0, 4, 4), (BAR, 3, 4), (BAR + 3 * TPB, 4, 4)))
    pieces = take_piece(score, "drums")
    assert [piece.num_bars for piece in pieces] == [5, 1]
    assert pieces[0].notices == (
        "the drums: track 1 (the only track of drums), bars 3-7 in 4/4",
        "the drums: left out: bars in 3/4, where these networks know 4/4 only: 1",
        "the drums: left out: bar 1 in 4/4",
    )


def test_files(tmp_path):
    path = Piece("drums", {"bars": np.full((2, 16), 5)}, name="on paper").write(tmp_path / "x.mid")
    (piece,) = take_piece(str(path), "drums")
    assert piece.name == "x.mid"
    with pytest.raises(FileNotFoundError, match=r"none.mid does not exist: was it misspelled"):
        take_piece(tmp_path / "none.mid", "drums")
    with pytest.raises(ValueError, match=r"x\.mid: bar 3 is past the end: there are 2 bars"):
        take_piece(path, "drums", start_bar=3)
    with pytest.raises(ValueError, match=r"x\.mid: only drums in it; a melody needs pitched notes"):
        take_piece(path, "melody")


WALTZ = scored(quarters(KIT, is_drum=True), meters=((0, 3, 4),))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: take_piece(WALTZ, "song"), "unknown material 'song'; allowed are melody"),
        (lambda: take_piece(WALTZ, "drums", start_bar=0), "bars count from 1, got start_bar=0, bars=None"),
        (lambda: take_piece(WALTZ, "drums", bars=0), "bars=0"),
        (lambda: take_piece(WALTZ, "drums"), r"nothing left from bar 1 on \(2 bars in 3/4, where these networks know 4/4 only\)"),
        (lambda: take_piece(WALTZ, "trio", track=1), "a trio is of several tracks: track=1 chooses nothing"),
        (lambda: take_piece(scored(BAND[0]), "groove"), "no drums in it"),
        (lambda: take_piece(scored(), "performance"), "no notes in it"),
    ],
)
def test_errors_say_what_came_and_what_is_allowed(call, words):
    with pytest.raises(ValueError, match=words):
        call()
