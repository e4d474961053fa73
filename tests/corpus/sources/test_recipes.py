import hashlib
import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from corpus.places import COLLECTIONS, SIDES, make_collection

from musicvae.corpus.sources import recipes
from musicvae.corpus.sources.recipes import Recipe, check, checksum, collection_around, find_collections, known_sources, recipe_named

ROOT = Path(__file__).parents[3]
WORDS = {
    "name": "mine", "title": "Mine", "what": "x", "licence": "x", "origin": "x", "get": "x", "taken": "x", "materials": ["melody"],
    "weights_may_ship": True, "weights_why": "x", "reader": "midi", "files": ["*.mid"], "markers": ["a.mid"],
}  # fmt: skip


def test_the_known_collections_are_told_completely():
    found = known_sources()
    assert [r.name for r in found] == sorted(COLLECTIONS)
    for recipe in found:
        for text in (recipe.title, recipe.what, recipe.licence, recipe.origin, recipe.get, recipe.taken, recipe.weights_why):
            assert len(text) >= 3, recipe.name
        assert set(recipe.materials) <= {"melody", "drums", "groove", "trio"}
        assert recipe.checksum is not None or recipe.checksum_note
        assert recipe.tried == (recipe.checksum is not None)
    assert [r.name for r in found if not r.weights_may_ship] == [
        "essen", "gigamidi", "lakh-clean", "lakh-full", "lakh-matched", "maestro"
    ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(COLLECTIONS))
def test_a_collection_is_found_where_it_lies(tmp_path, name):
    root = make_collection(name, tmp_path / "data" / "sets")
    for given in (tmp_path, tmp_path / "data", root):
        (found,) = find_collections(given)
        assert (found.recipe.name, found.root) == (name, root)
    _, taken, others = COLLECTIONS[name]
    recipe = recipe_named(name)
    assert all(recipe.takes(file) for file in taken)
    assert not any(recipe.takes(file) for file in others)
    assert all(recipe.reads_beside(side) for side in SIDES.get(name, {}))
    assert find_collections((root / taken[0]).parent)[0].recipe.name == name


def test_a_sub_folder_of_which_nothing_is_taken_is_no_collection(tmp_path):
    root = make_collection("nottingham", tmp_path)
    assert find_collections(root / "MIDI") == ()
    assert collection_around(root / "ABC_cleaned").root == root
    assert collection_around(tmp_path) is None


def test_collections_lie_side_by_side_but_not_in_the_depth(tmp_path):
    for name in ("pop909", "groove", "essen"):
        make_collection(name, tmp_path / "sets")
    make_collection("ryan", tmp_path / "1" / "2" / "3" / "4")
    assert [f.recipe.name for f in find_collections(tmp_path)] == ["pop909", "essen", "groove"]
    with pytest.raises(FileNotFoundError, match="is no folder: was it misspelled"):
        find_collections(tmp_path / "none")


def test_the_checksum_is_that_of_sorted_lines(tmp_path):
    root = make_collection("pop909", tmp_path)
    names = ["001/001.mid", "002/002.mid", *SIDES["pop909"]]
    lines = sorted(f"{name} {hashlib.sha256((root / name).read_bytes()).hexdigest()}\n" for name in names)
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    recipe = recipe_named("pop909")
    found = checksum(recipe, root)
    assert (found.files, found.bytes, found.sha256) == (8, sum((root / n).stat().st_size for n in names), expected)
    assert check(recipe, root).fits is False
    assert str(check(recipe, root)) == "8 files; the recipe was made with 3636"
    mine = replace(recipe, checksum=found)
    assert check(mine, root).fits is True
    assert str(check(mine, root)) == "8 files, as they were when the recipe was made"
    (root / "001" / "key_audio.txt").write_text("0.0\t9.0\tC:maj")
    assert str(check(mine, root)).startswith("8 files, but their content differs")
    unknown = check(replace(recipe, checksum=None), root)
    assert unknown.fits is None
    assert str(unknown) == "8 files; there is no checksum to compare with"


def test_recipes_are_asked_for_by_name():
    assert recipe_named("groove").reader == "groove"
    with pytest.raises(ValueError, match="no recipe is called 'grove'; did you mean groove"):
        recipe_named("grove")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "My set"}, "a name has small letters"), ({"reader": "mp3"}, "unknown reader 'mp3'; allowed are abc"),
        ({"files": []}, "it names no files"), ({"markers": []}, "it names no markers"),
        ({"files": ["../*.mid"]}, "is no path below its root"), ({"files": ["/x/*.mid"]}, "is no path below its root"),
        ({"markers": ["*.mid"]}, "a marker is a path, not a glob"), ({"ids": "number"}, "ids are made of"),
        ({"label": {"fix": "a"}}, "unknown label rule 'fix'"), ({"licenze": "MIT"}, "unknown entry 'licenze'"),
        ({"tags": {"artist": {"path": 1}}}, "the rule of the tag 'artist'"),
    ],
)  # fmt: skip
def test_recipes_that_make_no_sense_are_told(change, message):
    assert Recipe.from_dict(WORDS).files == ("*.mid",)
    with pytest.raises(ValueError, match=message):
        Recipe.from_dict({**WORDS, **change})


def test_a_missing_entry_is_told():
    with pytest.raises(ValueError, match="recipe 'mine': .*missing 1 required.*'licence'"):
        Recipe.from_dict({k: v for k, v in WORDS.items() if k != "licence"})


def test_a_damaged_recipe_is_named(tmp_path, monkeypatch):
    (tmp_path / "mine.json").write_text(json.dumps({**WORDS, "reader": "x"}))
    monkeypatch.setattr(recipes, "_recipes_folder", lambda: tmp_path)
    known_sources.cache_clear()
    try:
        with pytest.raises(ValueError, match="^mine.json: recipe 'mine': unknown reader"):
            known_sources()
    finally:
        known_sources.cache_clear()


@pytest.mark.parametrize("name", sorted(r.name for r in known_sources() if r.music21))
def test_the_collections_of_music21_are_those_of_the_recipes(name):
    recipe = recipe_named(name)
    root = recipes.music21_corpus() / recipe.music21
    assert collection_around(root).recipe == recipe
    # Another release of music21 may hold other files.
    assert abs(checksum(recipe, root).files / recipe.checksum.files - 1) < 0.1


def test_every_package_and_the_recipes_are_shipped():
    words = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {p.parent for p in (ROOT / "musicvae").rglob("*") if p.suffix in (".py", ".safetensors") and "__pycache__" not in p.parts}
    ours = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(words["packages"]) == ours | {"musicvae.recipes"}
    assert words["package-dir"] == {"musicvae.recipes": "data"}
    assert words["package-data"]["musicvae.recipes"] == ["*.json"]
