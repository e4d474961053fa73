"""From a file of a source to the tunes in it: by the recipe of its collection, or plainly.

Conventions: nothing is read before a tune's `read` is called, but for the text of ABC files and the tables of
collections. Tune ids are ``source/name#number title``, numbers from 1 and only in ABC files. The tag ``type`` is the label of
a tune: dance type, style or, of a user's own files, the name of the folder they lie in.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path

from musicvae.corpus.sources.books import tunes_of_book
from musicvae.corpus.sources.labels import label_by, plain_tag, tags_by
from musicvae.corpus.sources.recipes import Recipe, recipe_named
from musicvae.corpus.sources.roland_kit import in_general_midi
from musicvae.corpus.tunes import SourceFile, SourceTune
from musicvae.music.abc import BATCH, TuneBatch
from musicvae.music.reading import file_format, read_score
from musicvae.music.score import Score
from musicvae.music.tunebook import tune_fields

__all__ = ["read_plain", "tunes_of"]

_MAX_MIDI_BYTES = 64 * 2**20  # what `file_format` says of larger files is told by it


def tunes_of(file: SourceFile) -> Iterator[SourceTune]:
    """The tunes of a file, those of its share where it is a part of a book.

    What is wrong with a file is raised when its tunes are read: ValueError or OSError. ValueError here for a recipe that is not known.
    """
    if not file.recipe:
        return _plain_tunes(file)
    recipe = recipe_named(file.recipe)
    return _READERS[recipe.reader](recipe, file)


def read_plain(path: str | Path, tune: int = 0) -> Score:
    """What `music.reading.read_score` reads, MIDI by the fast reader; messages do not say where the file lies."""
    from musicvae.music.bulk import read_midi_bulk

    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(4) == b"MThd" and path.stat().st_size <= _MAX_MIDI_BYTES:
                return read_midi_bulk(path.read_bytes())
        return read_midi_bulk(path.read_bytes()) if file_format(path) == "MIDI" else read_score(path, tune=tune)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(str(path)).lstrip(": ")) from None


def _plain_tunes(file: SourceFile) -> Iterator[SourceTune]:
    own = {"type": file.label} if file.label else {}
    if not _is_abc(file.path):
        yield SourceTune(file.source, f"{file.source}/{file.name}", file.name, partial(read_plain, file.path), own)
        return
    for number, text, fields, read in _book(file):
        label = file.label or label_by({}, "", fields.get("R", ""), fields.get("T", ""))
        found = {"type": label, "composer": plain_tag(fields.get("C", ""))}
        tags = {name: value for name, value in found.items() if value}
        yield SourceTune(file.source, _book_id(file, file.name, number, text, fields), file.name, read, tags)


def _is_abc(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            if file.read(4) == b"MThd":  # the most usual, and the quickest to tell
                return False
        return file_format(path) == "ABC"
    except (ValueError, OSError):
        return False


def _book(file: SourceFile, rename: Mapping[str, str] | None = None) -> Iterator[tuple[int, str, dict[str, str], Callable[[], Score]]]:
    """(number from 1, text, header fields, how to read it) of each tune of a share of a book; one that cannot be read if there is none."""
    try:
        tunes = tunes_of_book(file.path)
    except OSError:
        tunes = ()
    share = tunes[file.first_tune :] if file.tunes is None else tunes[file.first_tune : file.first_tune + file.tunes]
    texts = [_renamed(text, rename or {}) for text in share]
    for first in range(0, len(texts), BATCH):
        batch = TuneBatch(texts[first : first + BATCH])
        for place, text in enumerate(texts[first : first + BATCH]):
            yield file.first_tune + first + place + 1, text, tune_fields(text), partial(batch.read, place)
    if not share:
        yield 1, "", {}, partial(read_plain, file.path)


def _renamed(text: str, rename: Mapping[str, str]) -> str:
    """A tune with fields under other letters."""
    for old, new in rename.items():
        text = re.sub(rf"(?m)^{old}:", f"{new}:", text)
    return text


def _book_id(file: SourceFile, name: str, number: int, text: str, fields: Mapping[str, str]) -> str:
    """The id of a tune in a book; a file that holds none goes by its name."""
    return f"{file.source}/{name}{f'#{number}' if text else ''} {fields.get('T', '')}".strip()


def _abc_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    for number, text, fields, read in _book(file, recipe.fields):
        label = label_by(recipe.label, _stem(file), fields.get("R", ""), fields.get("T", ""))
        tags = {**({"type": label} if label else {}), **tags_by(recipe.tags, file.name, fields)}
        tune_id = _book_id(file, _name_in_id(recipe, file), number, text, fields)
        yield SourceTune(file.source, tune_id, file.name, read, tags, recipe.track)


def _musicxml_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    title = file.name.split("/")[-2] if "/" in file.name else ""
    pattern = re.compile(recipe.parts, re.IGNORECASE)
    read = partial(_read_part, file.path, pattern)
    yield _tune(recipe, file, read, track=1 if recipe.parts else recipe.track, title=title)


def _read_part(path: str, pattern: re.Pattern[str]) -> Score:
    from musicvae.music.musicxml import read_musicxml

    return read_musicxml(path, parts=lambda name: bool(pattern.search(name)))


def _midi_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    yield _tune(recipe, file, partial(read_plain, file.path))


def _pop909_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    yield _tune(recipe, file, partial(_read_pop909, file.path))


def _read_pop909(path: str) -> Score:
    from musicvae.corpus.sources.pop909 import map_onto_beats

    return map_onto_beats(read_plain(path), Path(path).parent, Path(path).stem)


def _groove_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    row = _row(_root(file) / "info.csv", "midi_filename", file.name)
    told = _stem(file).split("_")  # 1_funk-purdieshuffle_80_beat_4-4
    style = row.get("style") or (told[1].replace("-", "/", 1) if len(told) == 5 else "")
    part = row.get("beat_type") or (told[3] if len(told) == 5 else "")
    folders = file.name.split("/")
    tags = {"type": style.partition("/")[0], "style": style, "part": part, "drummer": folders[0], "session": "/".join(folders[:2])}
    yield _tune(recipe, file, partial(_read_groove, file.path), tags, split=_split(row.get("split", "")))


def _read_groove(path: str) -> Score:
    return in_general_midi(read_plain(path))


def _maestro_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    row = _row(_root(file) / "maestro-v3.0.0.csv", "midi_filename", file.name)
    tags = {"composer": plain_tag(row.get("canonical_composer", "")), "year": row.get("year", "")}
    title = " ".join(row.get("canonical_title", "").split())
    yield _tune(recipe, file, partial(read_plain, file.path), tags, split=_split(row.get("split", "")), title=title)


def _gigamidi_tunes(recipe: Recipe, file: SourceFile) -> Iterator[SourceTune]:
    yield _tune(recipe, file, partial(read_plain, file.path), split=_split(_root(file).name))


def _tune(
    recipe: Recipe, file: SourceFile, read: Callable[[], Score], tags: Mapping[str, str] | None = None, *,
    track: int | str | None = None, split: str = "", title: str = "",
) -> SourceTune:  # fmt: skip
    """The one tune of a file. tags: what the reader found, over what the recipe's rules give."""
    label = label_by(recipe.label, _stem(file))
    found = {"type": label, **tags_by(recipe.tags, file.name, {}), **(tags or {})}
    tune_id = f"{file.source}/{_name_in_id(recipe, file)} {title}".strip()
    kept = {name: value for name, value in found.items() if value}
    return SourceTune(file.source, tune_id, file.name, read, kept, recipe.track if track is None else track, split)


def _name_in_id(recipe: Recipe, file: SourceFile) -> str:
    name = file.name.rpartition("/")[2] if recipe.ids == "stem" else file.name
    return name.rpartition(".")[0] or name


def _stem(file: SourceFile) -> str:
    return file.name.rpartition("/")[2].rpartition(".")[0]


def _root(file: SourceFile) -> Path:
    """The folder that the file's name starts from."""
    return Path(file.path).parents[file.name.count("/")]


def _split(text: str) -> str:
    """train, validation or test as a collection's own division begins with; "" for anything else."""
    starts = {"train": "train", "valid": "validation", "test": "test", "eval": "validation"}
    return next((split for start, split in starts.items() if text.lower().startswith(start)), "")


def _row(path: Path, column: str, value: str) -> Mapping[str, str]:
    """The row of a table whose `column` is `value`; empty if there is none."""
    try:
        about = path.stat()
        return _table(str(path), column, about.st_size, about.st_mtime_ns).get(value, {})
    except (OSError, UnicodeError, csv.Error):
        return {}


@lru_cache(maxsize=4)
def _table(path: str, column: str, size: int, mtime_ns: int) -> Mapping[str, Mapping[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return {row[column]: {k: v for k, v in row.items() if k and v} for row in csv.DictReader(file) if row.get(column)}


_READERS: Mapping[str, Callable[[Recipe, SourceFile], Iterator[SourceTune]]] = {
    "abc": _abc_tunes, "musicxml": _musicxml_tunes, "midi": _midi_tunes, "pop909": _pop909_tunes, "groove": _groove_tunes,
    "maestro": _maestro_tunes, "gigamidi": _gigamidi_tunes,
}  # fmt: skip
