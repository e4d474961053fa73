import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.sources.skipped import Skipped
from musicvae.corpus.sources.walking import fits, reaches, readable_name, sorted_names, walk


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def test_files_come_sorted_part_by_part(tmp_path):
    put(tmp_path, "b/1.mid", "b/0.mid", "b-a/1.mid", "a.mid", "b.mid", "c/d/e.mid")
    entries = list(walk(tmp_path))
    files = [e.name for e in entries if not e.is_folder]
    assert files == sorted((p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.mid")), key=lambda name: name.split("/"))
    assert [e.name for e in entries if e.is_folder] == ["b", "b-a", "c", "c/d"]
    assert all(Path(e.path) == tmp_path / e.name and (e.is_folder or e.size == len(e.name)) for e in entries)


def test_a_folder_is_entered_only_where_that_is_wanted(tmp_path):
    put(tmp_path, "a/1.mid", "b/1.mid")
    assert [e.name for e in walk(tmp_path, enter=lambda e: e.name == "b")] == ["a", "b", "b/1.mid"]


def test_what_is_no_file_is_counted(tmp_path):
    put(tmp_path, ".DS_Store", "._a.mid", ".git/x.mid", "__MACOSX/a.mid", "deep/real.mid")
    (tmp_path / "again").symlink_to(tmp_path / "deep")
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nothing.mid")
    (tmp_path / "linked.mid").symlink_to(tmp_path / "deep" / "real.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    skipped = Skipped()
    assert [e.name for e in walk(tmp_path, skipped=skipped) if not e.is_folder] == ["deep/real.mid", "linked.mid"]
    assert skipped.counts == {
        "hidden file": 2,
        "hidden folder": 2,
        "link to a folder (give the folder itself)": 1,
        "broken link or device": 2,
    }
    assert skipped.to_dict()["hidden folder"] == {"count": 2, "examples": [".git", "__MACOSX"]}


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(walk(tmp_path / "none"))


def test_names_that_are_no_utf8_stay_apart(tmp_path):
    for name in (b"a\xff.mid", b"a\xfe.mid", "aé.mid".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    entries = list(walk(tmp_path))
    assert [e.name for e in entries] == ["aé.mid", "a\\udcfe.mid", "a\\udcff.mid"]
    assert all(Path(e.path).exists() and e.name.encode("utf-8") for e in entries)
    assert readable_name("plain") == "plain"


@given(st.lists(st.text(max_size=5)), st.integers(1, 4))
def test_sorting_in_pieces_is_sorting(names, run):
    assert list(sorted_names(names, run=run)) == sorted(names)
    assert list(sorted_names(iter(names), key=lambda n: n[1:], run=run)) == sorted(names, key=lambda n: n[1:])


@pytest.mark.parametrize(
    ("name", "glob", "expected"),
    [
        ("a.mid", "*.mid", True), ("d/a.mid", "*.mid", False), ("d/a.mid", "**/*.mid", True), ("a.mid", "**/*.mid", True),
        ("d/e/a.mid", "d/**", True), ("d", "d/**", False), ("de/a.mid", "d/**", False), ("001/001.mid", "*/[0-9][0-9][0-9].mid", True),
        ("001/x/001.mid", "*/[0-9][0-9][0-9].mid", False), ("a1", "a[!0-9]", False), ("ab", "a[!0-9]", True), ("a/b", "a[!x]b", False),
        ("a\nb", "a*b", True), ("a[1].mid", "a[[]1].mid", True), ("a.mid", "a?mid", True), ("x/a/b/c", "x/**/c", True),
        ("xa/c", "x**/c", True),
    ],
)  # fmt: skip
def test_globs(name, glob, expected):
    assert fits(name, glob) == expected
    if expected and "/" in name:
        assert reaches(glob, name.rpartition("/")[0])


def test_folders_that_a_glob_cannot_reach():
    assert [reaches("a/*/c.mid", folder) for folder in ("", "a", "b", "a/x", "a/x/c.mid", "a/x/y")] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]
    assert reaches("a/**/c.mid", "a/b/c/d")
    with pytest.raises(ValueError, match="is no glob"):
        fits("a", "[z-a]")
