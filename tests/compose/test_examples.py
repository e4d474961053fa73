import pytest
from compose.fake_engine import same_music, tune

from musicvae.compose.examples import gather


def test_a_folder_s_files_are_gathered(tmp_path):
    tune(1, 8).write(tmp_path / "a.mid")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "two.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nM:3/4\nL:1/4\nK:G\nGAB|cde|\n")
    (tmp_path / "bad.mid").write_bytes(b"nothing")
    (tmp_path / "readme.txt").write_text("no music")
    found = gather(tmp_path)
    assert len(found.melodies) == 3
    assert any(same_music(m, tune(1, 8)) for m in found.melodies)
    assert found.notices[0] == f"3 melodies were found in {tmp_path}"
    assert found.notices[1].startswith("left out: 1 (")
    assert gather(str(tmp_path)).melodies == found.melodies


def test_sources_are_gathered(tmp_path):
    path = tune(1, 8).write(tmp_path / "a.mid")
    found = gather([tune(2), path])
    assert found.melodies[0] == tune(2)
    assert same_music(found.melodies[1], tune(1, 8))


def test_nothing_to_gather_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: was it misspelled"):
        gather(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no melodies in MIDI, MusicXML or ABC files"):
        gather(tmp_path)
    with pytest.raises(ValueError, match="no melodies were given"):
        gather([])
