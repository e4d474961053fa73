from dataclasses import replace

import pytest
from compose.fake_engine import same_music, tune

from musicvae.compose.intake import Taken, read, take
from musicvae.compose.revising.files import open_melody
from musicvae.music.extract import extract_melody
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import write_score
from musicvae.music.reading import read_score
from musicvae.music.score import MeterChange, Score, ScoreNote, TempoChange, Track


def test_a_melody_is_taken_as_it_is():
    melody = tune(1)
    assert take(melody) == Taken(melody, ())


def test_bars_of_a_melody_are_taken_from_one_on():
    melody = Melody((Note(60, 12, 8), Note(62, 32, 16)), num_bars=3)
    taken = take(melody, start_bar=2, bars=2)
    assert taken.melody == melody.cut(1, 2)
    assert taken.notices == ("a note held over into bar 2 was left out",)
    assert take(melody, start_bar=3, bars=100).melody.num_bars == 1
    with pytest.raises(ValueError, match="the melody has 3 bars, so that none can be taken from bar 4 on"):
        take(melody, start_bar=4)
    with pytest.raises(ValueError, match="count from 1, got start_bar=0"):
        take(melody, start_bar=0)


def test_files_and_scores_hold_melodies(tmp_path):
    melody = tune(1, 8, name="Reel")
    path = melody.write(tmp_path / "a.mid")
    taken = take(path)
    assert same_music(taken.melody, melody)
    assert taken.notices[0].startswith("a.mid: track 1 (")
    assert same_music(read(str(path)), melody)
    assert same_music(read(read_score(path), start_bar=3, bars=2), melody.cut(2, 2))


def test_tempi_that_a_melody_cannot_have_are_told_but_not_where_the_file_stays(tmp_path):
    score = replace(read_score(tune(1, 8, name="Reel").write(tmp_path / "a.mid")), tempi=(TempoChange(0, 100.0), TempoChange(500, 90.0)))
    path = write_score(score, tmp_path / "b.mid")
    taken = take(path)
    assert taken.melody.tempo_qpm == 100
    assert taken.notices[1:] == ("b.mid: left out: changes of tempo: 1 (all is at 100 quarter notes a minute)",)
    assert open_melody(path).notices == taken.notices[:1]
    assert not any("tempo" in text for text in take(tmp_path / "a.mid").notices)


def test_the_longest_line_is_taken_and_the_others_told():
    meters = (MeterChange(0, Meter(4, 4)), MeterChange(8 * 48, Meter(3, 4)))
    notes = tuple(ScoreNote(48 * beat, 60 + beat % 7, 48, 90) for beat in range(20))
    taken = take(Score(48, (Track(notes, "Lead"),), meters=meters, title="A tune"))
    assert str(taken.melody.meter) == "3/4"
    assert taken.melody.num_bars == 4
    assert taken.notices == (
        f"A tune: track 1 ({extract_melody(Score(48, (Track(notes, 'Lead'),))).why}), bars 3-6 in 3/4",
        "A tune: left out: bars 1-2 in 4/4",
    )


def test_of_many_other_lines_the_first_are_told_and_the_rest_counted():
    meters = tuple(MeterChange(k * 8 * 48, Meter(4, 4) if k % 2 else Meter(3, 4)) for k in range(12))
    notes = tuple(ScoreNote(48 * beat, 60 + beat % 7, 48, 90) for beat in range(8 * 12))
    taken = take(Score(48, (Track(notes, "Lead"),), meters=meters, title="A tune"))
    assert len(taken.notices) == 6
    assert taken.notices[-1] == "A tune: left out: 7 more stretches, as meter or bar lines change"


def test_objects_of_other_libraries_hold_melodies():
    melody = tune(1, 4)
    assert same_music(read(melody.to_pretty_midi()), melody)
    assert same_music(read(melody.to_music21()), melody)


def test_what_is_not_there_or_holds_nothing_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.mid does not exist: was it misspelled"):
        take(tmp_path / "none.mid")
    with pytest.raises(TypeError, match="int holds no melody; pass a Melody, a path"):
        take(5)
    path = tune(1, 8).write(tmp_path / "a.mid")
    with pytest.raises(ValueError, match=r"a\.mid: bar 12 is past the end: the melody of track \d has 8 bars$"):
        take(path, start_bar=12)
    with pytest.raises(ValueError, match=r"^bar 12 is past the end"):
        take(read_score(path), start_bar=12)
    (tmp_path / "text.mid").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.mid"):
        take(tmp_path / "text.mid")
