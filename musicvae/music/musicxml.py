"""MusicXML files into scores, through music21.

Conventions: ticks as in `music.score`, 480 a beat. Before music21 sees a file, what sounds nothing
(lyrics, layout, words) is taken out of its XML, which makes reading several times faster; a file that
declares XML entities is refused, since those can blow up without bound.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from musicvae.music.barlines import meter_changes
from musicvae.music.key import Key, estimate_key
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, Score, ScoreNote, TempoChange, Track

__all__ = ["read_musicxml"]

_Bars = list[tuple[int, Meter]]
_Signature = tuple[int, int, str | None]  # tick, sharps, mode

TICKS_PER_BEAT = 480
_MAX_BYTES = 64 * 2**20
_SILENT = {
    "lyric", "print", "defaults", "credit", "figured-bass", "harmony", "beam", "stem", "notations", "listening",
    "midi-instrument", "midi-device", "score-instrument", "instrument", "accidental", "staff-details", "clef",
}  # fmt: skip


def read_musicxml(path: str | Path, *, parts: Callable[[str], bool] | None = None) -> Score:
    """The parts of a .xml, .musicxml or .mxl file: first voice of each, ties joined, repeats written out.

    parts: keeps only the first part whose name it accepts (all parts if it accepts none). A key
    signature without a mode gets the major or minor one that fits the notes. ValueError for a file
    that is no MusicXML, is larger than 64 MiB, or has no notes.
    """
    name = Path(path).name
    root = _root(_xml_bytes(Path(path)), name)
    if parts is not None:
        _keep_one_part(root, parts)
    _strip(root)
    score = _parse(root, name)
    losses: Counter[str] = Counter()
    if root.find(".//repeat") is not None or root.find(".//ending") is not None:
        score = _expand(score, losses)
    tracks: list[Track] = []
    bars: _Bars = []
    keys: list[_Signature] = []
    for part in score.parts:
        track, part_bars, part_keys = _read_part(part, losses)
        if track.notes:
            tracks.append(track)
            bars, keys = bars or part_bars, keys or part_keys
    if not tracks:
        raise ValueError(f"{name} has no notes")
    return _score(tracks, bars, keys, _title(root), losses, _tempi(root))


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
    if root.tag != "score-partwise":
        raise ValueError(f"{name} is no partwise MusicXML score (its root is <{root.tag}>)")
    return root


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
            if child.tag in _SILENT or is_words:
                parent.remove(child)


def _parse(root: ElementTree.Element, name: str) -> Any:
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return music21.converter.parseData(ElementTree.tostring(root, encoding="unicode"), format="musicxml")
        except Exception as error:  # music21 raises whatever its parser met: any of it means that the file cannot be read
            raise ValueError(f"{name} could not be read as MusicXML ({type(error).__name__}: {error})") from error


def _expand(score: Any, losses: Counter[str]) -> Any:
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return score.expandRepeats()
        except (music21.exceptions21.Music21Exception, IndexError, AttributeError, KeyError):
            losses["repeats not written out"] += 1
            return score


def _read_part(part: Any, losses: Counter[str]) -> tuple[Track, _Bars, list[_Signature]]:
    """Notes, bar lines and key signatures (tick, sharps, mode) of one part."""
    import music21

    notes: list[ScoreNote] = []
    bars: _Bars = []
    keys: list[_Signature] = []
    meter: Meter | None = None
    for measure in part.getElementsByClass(music21.stream.Measure):
        start = measure.offset
        if (signature := measure.timeSignature) is not None:
            meter = _meter_of(signature)
        if meter is not None:
            bars.append((_ticks(start), meter))
        for key in measure.getElementsByClass(music21.key.KeySignature):
            keys.append((_ticks(start), key.sharps, getattr(key, "mode", None)))
        voice, *others = list(measure.voices) or [measure]
        losses["notes in a second voice"] += sum(len(v.notes) for v in others)
        for element in voice.notes:
            if element.duration.isGrace:
                losses["grace notes"] += 1
            elif isinstance(element, music21.note.Note | music21.chord.Chord):
                _add(notes, element, start + (voice.offset if others else 0), losses)
    name = " ".join(str(part.partName or "").split())
    return Track(tuple(sorted(notes)), name, _program(part)), bars, keys


def _add(notes: list[ScoreNote], element: Any, start: Any, losses: Counter[str]) -> None:
    onset = _ticks(start + element.offset)
    end = _ticks(start + element.offset + element.duration.quarterLength)
    tied = element.tie is not None and element.tie.type in ("stop", "continue")
    for pitch in element.pitches:
        midi = int(pitch.midi)
        before = next((i for i in range(len(notes) - 1, max(-1, len(notes) - 9), -1) if notes[i].pitch == midi), None)
        if tied and before is not None and abs(notes[before].onset_ticks + notes[before].duration_ticks - onset) <= 1:
            notes[before] = ScoreNote(notes[before].onset_ticks, midi, end - notes[before].onset_ticks, notes[before].velocity)
        else:
            notes.append(ScoreNote(onset, midi, end - onset, 90))


def _ticks(offset_beats: Any) -> int:
    return int(round(offset_beats * TICKS_PER_BEAT))


def _meter_of(signature: Any) -> Meter | None:
    try:
        return Meter(int(signature.numerator), int(signature.denominator))
    except (ValueError, TypeError):
        return None


def _program(part: Any) -> int:
    instrument = part.getInstrument(returnDefault=False)
    program = getattr(instrument, "midiProgram", None)
    return program if isinstance(program, int) and 0 <= program <= 127 else 0


def _tempi(root: ElementTree.Element) -> tuple[TempoChange, ...]:
    """The first tempo only: later ones in such files are mostly the shape of a ritardando."""
    for sound in root.iter("sound"):
        try:
            qpm = float(sound.get("tempo", ""))
        except ValueError:
            continue
        if 0 < qpm < 10_000:
            return (TempoChange(0, qpm),)
    return ()


def _title(root: ElementTree.Element) -> str:
    return " ".join((root.findtext("work/work-title") or root.findtext("movement-title") or "").split())


def _score(
    tracks: list[Track], bars: _Bars, keys: list[_Signature], title: str, losses: Counter[str], tempi: tuple[TempoChange, ...]
) -> Score:
    end = max(n.onset_ticks + n.duration_ticks for t in tracks for n in t.notes)
    meters, off_grid = meter_changes(bars, max(end, bars[-1][0] if bars else 0), TICKS_PER_BEAT)
    losses["bar lines off the grid"] += off_grid
    changes: list[KeyChange] = []
    for i, (tick, sharps, mode) in enumerate(keys):
        until = keys[i + 1][0] if i + 1 < len(keys) else end + 1
        key = _key(sharps, mode, [n for n in tracks[0].notes if tick <= n.onset_ticks < until])
        if key is not None and (not changes or changes[-1].key != key):
            changes.append(KeyChange(tick, key))
    return Score(TICKS_PER_BEAT, tuple(tracks), tempi, meters, tuple(changes), title, (), dict(+losses))


def _key(sharps: int, mode: str | None, notes: list[ScoreNote]) -> Key | None:
    """The key of a signature; a missing mode is the estimated one, or else minor where the last note is its tonic."""
    if not -7 <= sharps <= 7:
        return None
    if mode in ("minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"):
        return Key.from_signature(sharps, mode)
    major, minor = Key.from_signature(sharps), Key.from_signature(sharps, "minor")
    voiced = [n for n in notes if n.duration_ticks > 0]
    found = estimate_key([n.pitch for n in voiced], [float(n.duration_ticks) for n in voiced])
    if found in (major, minor):
        return found
    return minor if voiced and voiced[-1].pitch % 12 == minor.tonic else major
