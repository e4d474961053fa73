"""One door for files with music: MIDI, MusicXML, ABC and Humdrum.

Conventions: the content decides what a file is, and its suffix only where the content does not
tell, so that a renamed file is still read.
"""

from __future__ import annotations

import re
from pathlib import Path

from musicvae.music.score import Score

__all__ = ["FORMATS", "file_format", "read_score"]

FORMATS = {
    "MIDI": (".mid", ".midi", ".kar", ".smf", ".rmi"),
    "MusicXML": (".musicxml", ".mxl", ".xml"),
    "ABC": (".abc",),
    "Humdrum": (".krn", ".kern"),
}
"""The formats that are read, with their usual suffixes."""

_MAX_FILE_BYTES = 64 * 2**20
_HEAD_BYTES = 2**16


def read_score(path: str | Path, *, tune: int = 0) -> Score:
    """What a MIDI, MusicXML, ABC or Humdrum file holds; `tune` (from 0) chooses among the tunes of an ABC file.

    FileNotFoundError if it is missing; a one-line ValueError that begins with the path for whatever cannot be read.
    """
    path = Path(path)
    kind = file_format(path)
    if tune and kind != "ABC":
        raise ValueError(f"{path} is a {kind} file and holds one piece: tunes are counted in ABC files only")
    try:
        return _READERS[kind](path, tune)
    except OSError:
        raise
    except ValueError as error:
        message = _one_line(error)
        raise ValueError(message if message.startswith(str(path)) else f"{path}: {message.removeprefix(path.name).lstrip(': ')}") from None
    except Exception as error:  # the libraries behind the formats raise all sorts on files they did not expect
        raise ValueError(f"{path} cannot be read as {kind} ({type(error).__name__}: {_one_line(error)}); is it damaged?") from error


def file_format(path: str | Path) -> str:
    """The key of `FORMATS` that a file belongs to; ValueError, with the path, for any other file, an empty one or a folder."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a folder or a device; a file with music is needed here")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise ValueError(f"{path} is empty; was it copied completely?")
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size / 2**20:.0f} MiB; up to {_MAX_FILE_BYTES // 2**20} are read: is it audio?")
    kind = _format_of(head) or next((name for name, suffixes in FORMATS.items() if path.suffix.lower() in suffixes), None)
    if kind is None:
        allowed = ", ".join(f"{name} ({' '.join(suffixes)})" for name, suffixes in FORMATS.items())
        raise ValueError(f"{path} holds no music that can be read here; allowed are {allowed}")
    return kind


def _format_of(head: bytes) -> str | None:
    text = head.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").lstrip()
    if head.startswith(b"MThd") or (head.startswith(b"RIFF") and head[8:12] == b"RMID"):
        return "MIDI"
    if head.startswith(b"PK\3\4") or text.startswith(b"<?xml") or b"<score-partwise" in text or b"<score-timewise" in text:
        return "MusicXML"
    if re.search(rb"(?m)^(?:[^\t\n]*\t)*\*\*kern\b", text.replace(b"\r", b"\n")):
        return "Humdrum"
    if re.search(rb"(?m)^X:[ \t]*\d", text.replace(b"\r", b"\n")):
        return "ABC"
    return None


def _read_midi(path: Path, tune: int) -> Score:
    from musicvae.music.midi import read_midi

    return read_midi(path)


def _read_musicxml(path: Path, tune: int) -> Score:
    from musicvae.music.musicxml import read_musicxml

    return read_musicxml(path)


def _read_abc(path: Path, tune: int) -> Score:
    from musicvae.music.abc import decode_abc, read_abc_text, split_tunes

    # One tune only: a collection may hold thousands.
    tunes = split_tunes(decode_abc(path.read_bytes()))
    if not tunes:
        raise ValueError("no ABC tune in it: each begins with a line such as X:1 and has a K: line")
    if not 0 <= tune < len(tunes):
        raise ValueError(f"there is no tune number {tune + 1}; the file holds {len(tunes)}")
    return read_abc_text(tunes[tune])


def _read_kern(path: Path, tune: int) -> Score:
    from musicvae.music.kern import read_kern

    return read_kern(path)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


_READERS = {"MIDI": _read_midi, "MusicXML": _read_musicxml, "ABC": _read_abc, "Humdrum": _read_kern}
