"""MusicXML files into scores, through music21 (`music.written`).

Conventions: ticks as in `music.score`, 480 a beat. Before music21 sees a file, what sounds nothing
(lyrics, layout, words) is taken out of its XML, which makes reading several times faster, and chord symbols are
made words that music21 carries along; a file that declares XML entities is refused, since those can blow up without bound.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from musicvae.music.chords import Chord, symbol_of_kind
from musicvae.music.score import Score
from musicvae.music.written import chord_words, is_chord_words, parse, tempi_of, to_score, with_repeats

__all__ = ["read_musicxml"]

_MAX_BYTES = 64 * 2**20
_MAX_DEPTH = 100
_MAX_REPEATS = 32
_LARGEST = {"beats": 128, "beat-type": 128, "divisions": 100_000, "fifths": 20}
_SILENT = {
    "lyric", "print", "defaults", "credit", "figured-bass", "beam", "stem", "notations", "listening",
    "midi-instrument", "midi-device", "score-instrument", "instrument", "accidental", "staff-details", "clef",
}  # fmt: skip


def read_musicxml(path: str | Path, *, parts: Callable[[str], bool] | None = None) -> Score:
    """The parts of a .xml, .musicxml or .mxl file: first voice of each, ties joined, repeats written out.

    parts: keeps only the first part whose name it accepts (all parts if it accepts none). A key
    signature without a mode gets the major or minor one that fits the notes. Chord symbols of the parts kept become
    `Score.chords`; the composer is in the texts as ``C:name``. ValueError for a file that is no MusicXML, is larger
    than 64 MiB, or has no notes.
    """
    name = Path(path).name
    root = _root(_xml_bytes(Path(path)), name)
    _check_counts(root, name)
    losses: Counter[str] = Counter()
    chords = _take_chords(root, losses)
    if parts is not None:
        _keep_one_part(root, parts)
    _strip(root)
    score = parse(ElementTree.tostring(root, encoding="unicode"), "musicxml", name)
    if root.find(".//repeat") is not None or root.find(".//ending") is not None:
        score = with_repeats(score, losses)
    title = root.findtext("work/work-title") or root.findtext("movement-title") or ""
    composers = [" ".join((e.text or "").split()) for e in root.iterfind("identification/creator[@type='composer']")]
    return to_score(
        score, losses, name=name, title=" ".join(title.split()), texts=tuple(f"C:{c}" for c in composers if c), chords=chords,
        tempi=tempi_of(sound.get("tempo", "") for sound in root.iter("sound")),
    )  # fmt: skip


def _xml_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(b"PK"):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inner = next(
                (
                    i
                    for i in archive.infolist()
                    if i.filename.lower().endswith((".xml", ".musicxml")) and not i.filename.startswith("META-INF")
                ),
                None,
            )
            if inner is None:
                raise ValueError(f"{path.name} is a zip file without MusicXML in it")
            if inner.file_size > _MAX_BYTES:
                raise ValueError(f"{path.name} unpacks to {inner.file_size} bytes; at most {_MAX_BYTES} are read")
            return archive.read(inner)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path.name} is a damaged .mxl file ({error})") from error


def _root(data: bytes, name: str) -> ElementTree.Element:
    if len(data) > _MAX_BYTES:
        raise ValueError(f"{name} has {len(data)} bytes; at most {_MAX_BYTES} are read")
    # UTF-16 files are looked at without their zero bytes.
    if re.search(rb"<!\s*ENTITY", data.replace(b"\0", b"")):
        raise ValueError(f"{name} declares XML entities, which no MusicXML program writes; it is not read")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{name} is no well-formed XML ({error}); is it cut off?") from error
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
        if depth > _MAX_DEPTH:
            raise ValueError(f"{name} nests its XML more than {_MAX_DEPTH} deep, which no music does; it is not read")
    if root.tag != "score-partwise":
        raise ValueError(f"{name} is no partwise MusicXML score (its root is <{root.tag}>)")
    return root


def _check_counts(root: ElementTree.Element, name: str) -> None:
    """ValueError for numbers that no music has and that music21 would take for ever over."""
    extra = 0
    for repeat in root.iter("repeat"):
        times = repeat.get("times", "2").strip()
        extra += int(times) - 2 if times.isdecimal() and len(times) < 6 else _MAX_REPEATS + 1
        if extra > _MAX_REPEATS:
            raise ValueError(f"{name} has a repeat played {times[:20]!r} times; at most {_MAX_REPEATS} more than twice are read in all")
    for tag, largest in _LARGEST.items():
        for element in root.iter(tag):
            numbers = re.findall(r"\d+", element.text or "")
            if any(len(n) > 9 or int(n) > largest for n in numbers):
                raise ValueError(f"{name} has <{tag}> {(element.text or '').strip()[:20]}; at most {largest} is read")


def _keep_one_part(root: ElementTree.Element, accepts: Callable[[str], bool]) -> None:
    named = {e.get("id"): e for e in root.iter("score-part")}
    wanted = next((id_ for id_, e in named.items() if accepts(e.findtext("part-name") or "")), None)
    if wanted is None:
        return
    for part in root.findall("part"):
        if part.get("id") != wanted:
            root.remove(part)
    part_list = root.find("part-list")
    for child in list(part_list) if part_list is not None else []:
        if child is not named[wanted] and part_list is not None:
            part_list.remove(child)


def _strip(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            # Of directions only those with a jump (segno, coda) matter, for repeats.
            is_words = child.tag == "direction" and child.find("sound") is None
            if child.tag in _SILENT or (is_words and not is_chord_words(child.findtext("direction-type/words"))):
                parent.remove(child)


def _take_chords(root: ElementTree.Element, losses: Counter[str]) -> list[Chord | None]:
    """Make every <harmony> a direction with words; the chords that the words number, None for one not known here."""
    chords: list[Chord | None] = []
    for harmony in list(root.iter("harmony")):
        try:
            chord = _chord(harmony)
        except ValueError:
            losses["chord symbols not known"] += 1
            chord = None
        offset = harmony.findtext("offset")
        harmony.clear()
        harmony.tag = "direction"
        words = ElementTree.SubElement(ElementTree.SubElement(harmony, "direction-type"), "words")
        words.text = chord_words(len(chords))
        if offset:
            ElementTree.SubElement(harmony, "offset").text = offset
        chords.append(chord)
    return chords


def _chord(harmony: ElementTree.Element) -> Chord | None:
    kind = (harmony.findtext("kind") or "").strip()
    if kind == "none":
        return None
    degrees = [
        (d.findtext("degree-type") or "add", int(d.findtext("degree-value") or 0), round(float(d.findtext("degree-alter") or 0)))
        for d in harmony.iterfind("degree")
    ]
    bass = _note_name(harmony, "bass")
    return Chord.parse(f"{_note_name(harmony, 'root')}{symbol_of_kind(kind, degrees)}{f'/{bass}' if bass else ''}")


def _note_name(harmony: ElementTree.Element, which: str) -> str:
    alter = round(float(harmony.findtext(f"{which}/{which}-alter") or 0))
    step = (harmony.findtext(f"{which}/{which}-step") or "").strip()
    return step + ("#" * alter if alter > 0 else "b" * -alter)
