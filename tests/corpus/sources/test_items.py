import os
import zipfile
from pathlib import Path

import pytest
from corpus.places import COLLECTIONS, MIDI, SIDES, make_collection

from musicvae.corpus.sources import walking
from musicvae.corpus.sources.items import Skipped, expand


def put(folder, *names, data=MIDI):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def book(tunes):
    return "".join(f"X:{i}\nT:{i}\nK:C\nCDEF|\n\n" for i in range(tunes)).encode()


def names(*specs, **options):
    return [(item.source, item.name) for item in expand(list(specs), **options)]


@pytest.fixture
def pile(tmp_path):
    folder = tmp_path / "pile"
    put(folder, "b.mid", "a.MID", "jigs/x.musicxml", "jigs/deep/y.mxl", "notes.txt", "more.zip", "song")
    return folder


def test_a_folder_s_music_comes_sorted_with_its_folders_as_labels(pile):
    skipped = Skipped()
    items = list(expand([pile], skipped=skipped))
    assert [(i.name, i.label) for i in items] == [("a.MID", ""), ("b.mid", ""), ("jigs/deep/y.mxl", "jigs"), ("jigs/x.musicxml", "jigs")]
    assert {(i.source, i.recipe, i.first_tune, i.tunes, i.size) for i in items} == {("pile", "", 0, None, len(MIDI))}
    assert all(Path(i.path) == pile / i.name for i in items)
    assert skipped.to_dict() == {
        "archive inside a folder (give the archive itself)": {"count": 1, "examples": ["more.zip"]},
        "no music (.txt)": {"count": 1, "examples": ["notes.txt"]},
        "no music (no suffix)": {"count": 1, "examples": ["song"]},
    }


def test_the_same_comes_each_time_however_little_fits_in_memory(tmp_path, monkeypatch):
    put(tmp_path, *(f"{i % 7}/{i * 7919 % 100}.mid" for i in range(100)))
    expected = list(expand([tmp_path]))
    for run in (1, 3):
        monkeypatch.setattr(walking.sorted_names, "__kwdefaults__", {"key": None, "run": run})
        assert list(expand(str(tmp_path))) == expected


def test_nothing_is_listed_before_it_is_asked_for(tmp_path):
    put(tmp_path, "a/1.mid", "b/1.mid")
    items = expand([tmp_path])
    assert next(items).name == "a/1.mid"
    (tmp_path / "b" / "1.mid").rename(tmp_path / "b" / "2.mid")
    assert [i.name for i in items] == ["b/2.mid"]


def test_a_book_of_many_tunes_becomes_several_items(tmp_path):
    (tmp_path / "a.abc").write_bytes(book(25))
    (tmp_path / "b.abc").write_bytes(book(10))
    items = list(expand([tmp_path], split_abc=10))
    assert [(i.name, i.first_tune, i.tunes) for i in items] == [("a.abc", 0, 10), ("a.abc", 10, 10), ("a.abc", 20, 5), ("b.abc", 0, None)]
    assert sum(i.size for i in items[:3]) == len(book(25))
    assert items[3].size == len(book(10))
    with pytest.raises(ValueError, match="at least 1 tune, got 0"):
        expand([tmp_path], split_abc=0)


def test_sources_of_one_name_stay_apart(tmp_path):
    for place in ("1", "2", "3"):
        put(tmp_path / place / "songs", "a.mid")
    put(tmp_path / "4" / "songs-2", "a.mid")
    specs = [tmp_path / "4" / "songs-2", *(tmp_path / place / "songs" for place in ("1", "2", "3", "1"))]
    assert names(*specs) == [("songs-2", "a.mid"), ("songs", "a.mid"), ("songs-3", "a.mid"), ("songs-4", "a.mid")]


def test_single_files_of_a_folder_are_one_source(pile):
    assert names(pile / "b.mid", pile / "a.MID", pile / "song") == [("pile", "b.mid"), ("pile", "a.MID"), ("pile", "song")]


def test_globs(tmp_path, pile, monkeypatch):
    assert names(f"{pile}/**/*.m*") == [("pile", name) for name in ("b.mid", "jigs/deep/y.mxl", "jigs/x.musicxml")]
    assert names(f"{pile}/*.mid") == [("pile", "b.mid")]
    assert names(f"{tmp_path}/*/jigs/*.musicxml") == [(tmp_path.name, "pile/jigs/x.musicxml")]
    monkeypatch.chdir(pile)
    assert names("[ab].*") == [("pile", "a.MID"), ("pile", "b.mid")]
    assert names(".") == names(str(pile))


def test_a_name_with_brackets_is_no_glob_if_it_is_there(tmp_path):
    put(tmp_path, "[live] set/a.mid")
    assert names(tmp_path / "[live] set") == [("[live] set", "a.mid")]


def test_globs_that_find_nothing_are_told(pile):
    with pytest.raises(FileNotFoundError, match="no file with music fits .*; .. stands for any folders"):
        names(f"{pile}/*.kar")
    with pytest.raises(FileNotFoundError, match="nowhere, where the glob .* begins, is not there"):
        expand([f"{pile}/nowhere/*.mid"])


def test_empty_text_is_no_source():
    with pytest.raises(ValueError, match="a source is empty text; a folder, file, glob"):
        expand([""])


@pytest.mark.parametrize("spec", ["nowhere", "nowhere.zip", "music21"])
def test_a_source_that_is_not_there_is_told_at_once(tmp_path, spec):
    with pytest.raises(FileNotFoundError, match=f"{spec} is not there; a folder, file, glob, archive, list file or music21:NAME is needed"):
        expand([str(tmp_path), f"{tmp_path}/{spec}"])


def test_no_sources_are_told():
    with pytest.raises(ValueError, match="no sources given"):
        expand([])


def test_archives(tmp_path, pile):
    path = tmp_path / "tunes.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("jigs/a.mid", "b.mid", "cover.png"):
            file.writestr(name, MIDI)
    skipped = Skipped()
    items = list(expand([path, pile], unpack=tmp_path / "work", skipped=skipped))
    assert [(i.source, i.name, i.label) for i in items[:2]] == [("tunes", "b.mid", ""), ("tunes", "jigs/a.mid", "jigs")]
    assert all(Path(i.path).read_bytes() == MIDI and Path(i.path).is_relative_to(tmp_path / "work") for i in items[:2])
    assert skipped.counts["no music (.png)"] == 1
    assert list(expand([path, pile], unpack=tmp_path / "work")) == items
    with pytest.raises(ValueError, match="tunes.zip is an archive, for which a folder to unpack into is needed"):
        expand([path])
    (tmp_path / "a.rar").touch()
    with pytest.raises(ValueError, match=r"a.rar is an archive of a kind that is not read; allowed are .zip .tar"):
        expand([tmp_path / "a.rar"])


def test_two_archives_of_one_name(tmp_path):
    for place in ("1", "2"):
        (tmp_path / place).mkdir()
        with zipfile.ZipFile(tmp_path / place / "set.zip", "w") as file:
            file.writestr(f"{place}.mid", MIDI)
    assert names(tmp_path / "1" / "set.zip", tmp_path / "2" / "set.zip", unpack=tmp_path / "work") == [("set", "1.mid"), ("set-2", "2.mid")]


def test_a_collection_in_an_archive_is_read_by_its_recipe(tmp_path):
    root = make_collection("groove", tmp_path)
    with zipfile.ZipFile(tmp_path / "groove-v1.zip", "w") as file:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            file.write(path, f"download/groove/{path.relative_to(root).as_posix()}")
    (item,) = expand([tmp_path / "groove-v1.zip"], unpack=tmp_path / "work")
    assert (item.source, item.recipe, item.name) == ("groove", "groove", "drummer1/session1/1_rock_80_beat_4-4.mid")
    assert (Path(item.path).parents[2] / "info.csv").exists()


def test_a_list_names_files(tmp_path, pile):
    put(tmp_path, "other/c.mid", "here.mid")
    listing = tmp_path / "mine.lst"
    lines = ["# a comment", "", "pile/b.mid", f"{tmp_path}/other/c.mid", "./pile/../pile/b.mid", "here.mid", "gone.mid", "pile"]
    listing.write_text("\r\n".join(lines))
    skipped = Skipped()
    items = list(expand([listing], skipped=skipped))
    assert [(i.source, i.name, i.label) for i in items] == [
        ("mine", "here.mid", ""),
        ("mine", "other/c.mid", "other"),
        ("mine", "pile/b.mid", "pile"),
    ]
    assert skipped.to_dict() == {
        "folder in a list, which names files": {"count": 1, "examples": ["pile"]},
        "named in a list, but not there": {"count": 1, "examples": ["gone.mid"]},
        "named twice in a list": {"count": 1, "examples": ["pile/b.mid"]},
    }


def test_names_in_a_list_start_from_the_folder_that_holds_all(tmp_path):
    put(tmp_path, "x/music/a.mid", "x/music/deep/b.mid")
    (tmp_path / "x" / "lists").mkdir()
    (tmp_path / "x" / "lists" / "l.txt").write_text("../music/a.mid\n../music/deep/b.mid\n")
    assert names(tmp_path / "x" / "lists" / "l.txt") == [("l", "music/a.mid"), ("l", "music/deep/b.mid")]


def test_an_abc_file_called_txt_is_no_list(tmp_path):
    (tmp_path / "tunes.txt").write_bytes(book(2))
    assert names(tmp_path / "tunes.txt") == [(tmp_path.name, "tunes.txt")]


def test_a_list_of_nothing_is_told(tmp_path):
    (tmp_path / "l.txt").write_text("# nothing\n")
    with pytest.raises(FileNotFoundError, match="none of the files that .*l.txt names is there; it holds one path a line"):
        names(tmp_path / "l.txt")


@pytest.mark.parametrize("name", sorted(COLLECTIONS))
def test_known_collections_are_taken_by_their_recipes(tmp_path, name):
    root = make_collection(name, tmp_path / "sets")
    put(tmp_path / "sets", "own/a.mid")
    _, taken, others = COLLECTIONS[name]
    for given in (tmp_path, tmp_path / "sets"):
        skipped = Skipped()
        items = list(expand([given], skipped=skipped))
        found = [i for i in items if i.recipe == name]
        assert [i.name for i in found] == sorted(taken, key=lambda n: n.split("/"))
        assert {i.source for i in found} == {name}
        assert [(i.source, i.recipe) for i in items if i not in found] == [(given.name, "")]
        assert skipped.counts == ({f"not taken by the recipe {name}": len(others)} if others else {})
        assert not any(side in str(skipped.to_dict()) for side in SIDES.get(name, {}))
    assert [i.name for i in expand([root])] == [i.name for i in found]
    folder = (root / taken[0]).parent
    if folder != root:
        assert {(i.source, i.recipe) for i in expand([folder])} == {(name, name)}
        assert all(i.name in taken for i in expand([folder]))
    assert [(i.source, i.recipe, i.name) for i in expand([root / taken[0]])] == [(name, name, taken[0])]


def test_globs_and_lists_know_collections_too(tmp_path):
    root = make_collection("pop909", tmp_path / "sets")
    skipped = Skipped()
    assert names(f"{tmp_path}/**/*.mid", skipped=skipped) == [("pop909", "001/001.mid"), ("pop909", "002/002.mid")]
    assert skipped.to_dict()["not taken by the recipe pop909"]["examples"] == ["pop909/001/versions/001-v1.mid"]
    assert names(f"{root}/001/*.mid") == [("pop909", "001/001.mid")]
    (tmp_path / "l.txt").write_text("sets/POP909/002/002.mid\nsets/POP909/001/versions/001-v1.mid\n")
    assert names(tmp_path / "l.txt") == [("l", "sets/POP909/001/versions/001-v1.mid"), ("pop909", "002/002.mid")]


def test_a_part_of_a_collection_that_no_recipe_takes_is_read_plainly(tmp_path):
    root = make_collection("nottingham", tmp_path)
    assert names(root / "MIDI") == [("MIDI", "jigs1.mid")]


def test_a_collection_given_twice_has_two_names(tmp_path):
    first, second = (make_collection("ryan", tmp_path / place) for place in ("1", "2"))
    assert [source for source, _ in names(first, second)] == ["ryan", "ryan-2"]


def test_the_collections_of_music21():
    items = list(expand(["music21:ryansMammoth", "music21:bach"]))
    assert {(i.source, i.recipe) for i in items} == {("ryan", "ryan"), ("bach-chorales", "bach-chorales")}
    assert len(items) > 1400
    (rag,) = expand(["music21:joplin"])
    assert (rag.source, rag.recipe) == ("joplin", "")
    assert len({(i.source, i.name) for i in items}) == len(items)


@pytest.mark.parametrize(
    ("name", "near"), [("ryansmamoth", "ryansMammoth"), ("essen", "essenFolksong"), ("", "airdsAirs"), ("../..", "bach")]
)
def test_unknown_collections_of_music21_are_told_with_near_names(name, near):
    with pytest.raises(FileNotFoundError, match=f"music21's corpus has no folder .*; did you mean .*{near}"):
        expand([f"music21:{name}"])


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    put(tmp_path, "a.mid")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert names("~/a.mid") == [(tmp_path.name, "a.mid")]
    assert os.path.exists(next(expand(["~/*.mid"])).path)
