import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.chords import QUALITIES, Chord
from musicvae.music.extract import extract_melody
from musicvae.music.key import Key
from musicvae.music.lead_sheet import ChordSpan, LeadSheet, chord_track, spread_spans
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.midi import read_midi

CHORDS = [Chord.parse(text) for text in ("C", "Am7", "F/A", "G7")]
TUNE = Melody.from_beats([(72, 0, 1), (76, 1, 2), (74, 4, 4), (71, 12, 2)], num_bars=4, key=Key.parse("D dorian"), tempo_qpm=96, program=40)
SHEET = LeadSheet.over(TUNE, spread_spans(CHORDS, TUNE.meter, 4))


def test_chords_change_at_the_eighths_nearest_to_equal_parts():
    assert [span.onset_steps for span in spread_spans(CHORDS[:3], Meter(4, 4), 2)] == [0, 10, 22]
    assert [span.onset_steps for span in spread_spans(CHORDS[:2], Meter(6, 8), 1)] == [0, 6]
    for count in (0, 25):
        with pytest.raises(ValueError, match="do not fit into 4 bars of 3/4: 1 to 24 can be told apart, one an eighth"):
            spread_spans(CHORDS[:1] * count, Meter(3, 4), 4)


def test_a_file_has_the_melody_and_the_chords(tmp_path):
    score = read_midi(SHEET.write(tmp_path / "x.mid"))
    melody, chords = score.tracks
    assert (melody.name, melody.program, chords.name) == ("Melody", 40, "Chords")
    plain = read_midi(TUNE.write(tmp_path / "y.mid"))
    assert (melody.notes, score.tempi, score.meters, score.keys, score.texts) == (
        plain.tracks[0].notes, plain.tempi, plain.meters, plain.keys, plain.texts,
    )  # fmt: skip
    assert (tmp_path / "x.mid").read_bytes() == SHEET.write(tmp_path / "z.mid").read_bytes()
    found = extract_melody(score)
    assert found.track == 1
    assert found.lines[0].melody.notes == TUNE.notes
    with pytest.raises(FileExistsError):
        SHEET.write(tmp_path / "x.mid")


def test_every_chord_is_struck_with_all_its_notes_at_each_bar_line():
    track = chord_track(SHEET.spans[:2], TUNE.meter, 4, 480)
    at = {}
    for note in track.notes:
        at.setdefault(note.onset_ticks, set()).add(note.pitch)
    assert sorted(at) == [0, 1920, 3840, 5760]
    assert [{p % 12 for p in at[tick]} for tick in (0, 1920, 5760)] == [{0, 4, 7}, {9, 0, 4, 7}, {9, 0, 4, 7}]
    assert min(chord_track([ChordSpan(0, Chord.parse("F/A"))], TUNE.meter, 1, 480).notes, key=lambda n: n.pitch).pitch == 45
    assert not chord_track([ChordSpan(0, None)], TUNE.meter, 1, 480).notes


@given(st.lists(st.tuples(st.integers(0, 11), st.sampled_from(list(QUALITIES))), min_size=1, max_size=6))
def test_voices_hold_each_note_of_the_chord_once_and_move_little(found):
    chords = [Chord(root, quality) for root, quality in found]
    spans = spread_spans(chords, Meter(4, 4), len(chords))
    notes = chord_track(spans, Meter(4, 4), len(chords), 480).notes
    for bar, chord in enumerate(chords):
        struck = [n.pitch for n in notes if n.onset_ticks == 1920 * bar]
        assert min(struck) == 36 + chord.root
        upper = [p for p in struck if p >= 48]
        assert sorted(p % 12 for p in upper) == sorted(chord.pitch_classes)
        assert max(upper) <= 67
        assert max(upper) - min(upper) < 12


def test_bars_are_cut_and_moved_with_their_chords():
    part = SHEET.cut(1, 2)
    assert [(s.onset_steps, str(s.chord)) for s in part.spans] == [(0, "Am7"), (16, "F/A")]
    assert part.melody == TUNE.cut(1, 2)
    up = SHEET.transposed(2)
    assert [str(s.chord) for s in up.spans] == ["D", "Bm7", "G/B", "A7"]
    assert up.melody == TUNE.transposed(2)


def test_chords_lie_inside_the_piece_and_in_order():
    for starts in ((0, 0), (16, 0), (0, 64), (-1,)):
        with pytest.raises(ValueError, match="chords begin one after another in steps 0 to 63"):
            LeadSheet.over(TUNE, [ChordSpan(start, None) for start in starts])
