import numpy as np
import pytest

from musicvae.music.drum_map_files import KITS, kit_of, read_kit
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.score import Score, ScoreNote, Track

NINE = DRUM_MAPS["nine"]


@pytest.mark.parametrize("name", KITS)
def test_what_a_kit_writes_it_keeps(name):
    kit = KITS[name]
    assert np.array_equal(kit.of_pitch[kit.of_pitch], kit.of_pitch)
    assert np.array_equal(kit.of_pitch[kit.of_class], kit.of_class)


def test_general_midi_knows_its_own_sounds_and_takes_those_of_electronic_kits():
    gm = kit_of("GM")
    assert np.array_equal(gm.of_pitch[35:82], np.arange(35, 82))
    assert (gm.of_pitch[22], gm.of_pitch[26], gm.of_pitch[31]) == (42, 46, 38)
    assert np.array_equal(gm.of_class, NINE.pitch_of)


def test_a_td11_has_three_toms_and_no_tambourine():
    td11 = kit_of("td11")
    assert (td11.of_class[4], td11.of_class[5], td11.of_class[6]) == (43, 45, 48)
    assert (td11.of_pitch[22], td11.of_pitch[54], td11.of_pitch[35], td11.of_pitch[41]) == (22, 42, 36, 43)


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "module.toml"
    path.write_text('name = "mine"\n[classes]\nkick = 0\nclosed-hi-hat = 8\n"Open Hi-Hat" = 9\nlow_tom = 10\n[pitches]\n39 = 127\n')
    kit = kit_of(str(path))
    assert (kit.name, kit.of_class.tolist()) == ("mine", [0, 38, 8, 9, 10, 48, 50, 49, 51])
    assert [int(kit.of_pitch[pitch]) for pitch in (35, 36, 42, 44, 22, 46, 45, 41, 39, 40, 3)] == [0, 0, 8, 8, 8, 9, 10, 10, 127, 40, 3]


def test_a_score_of_ours_is_written_for_a_kit():
    drums = Track((ScoreNote(0, 45, 10, 90), ScoreNote(5, 50, 10, 80)), is_drum=True)
    melody = Track((ScoreNote(0, 45, 10, 90),))
    made = kit_of("td11").written(Score(96, (drums, melody)))
    assert [[note.pitch for note in track.notes] for track in made.tracks] == [[43, 48], [45]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes]\nkick = 200\n", "200 for kick is no note: whole numbers from 0 to 127"),
        ("[classes]\nkik = 36\n", "unknown class 'kik' .did you mean 'kick'.*; allowed are kick, snare, closed hi-hat"),
        ("[classes]\nkick = true\n", "True for kick is no note"),
        ("[pitches]\nx = 36\n", "'x' for a pitch is no note"),
        ("kick = 36\n", r"unknown entry 'kick'; a drum map has name, \[classes\] and \[pitches\]"),
        ("classes = 3\n", r"classes is no table: write \[classes\]"),
        ('name = "a"\n', "it names no notes: write them below"),
        ("kick = = 3", "is no TOML: "),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_path(tmp_path, text, message):
    path = tmp_path / "kit.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_kit(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_names_and_paths_that_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"unknown drum map 'td-11' .did you mean 'td11'.*; allowed are gm, td11, or the path of a .toml"):
        kit_of("td-11")
    with pytest.raises(FileNotFoundError, match=r"none.toml does not exist"):
        kit_of(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        kit_of(tmp_path / "binary.toml")
