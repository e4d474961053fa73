"""The text of ABC files: which bytes they are written in, where their tunes begin, what their headers say.

Conventions: a *tune* is the text from its ``X:`` line to the blank line that ends it, with the fields of
the file's own header (those before the first tune) put in where it has none of its own.
"""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["decode_abc", "header_texts", "plain_text", "split_tunes", "tune_fields", "without_comment"]

FIELD = re.compile(r"^\s*([A-Za-z]):(.*)$")
_TEXT_FIELDS = "TRCOBS"
_FILE_FIELDS = "ABCDFGHILMNORSUZ"
_CHARSET = re.compile(rb"(?m)^(?:%%|I:)\s*(?:abc-charset|encoding)\s+([\w-]+)")
_MARKS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307", '"': "\u0308",
    "H": "\u030b", "v": "\u030c", "c": "\u0327", ",": "\u0327", ";": "\u0328",
}  # fmt: skip
_LETTERS = {
    "aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "ss": "ß", "th": "þ", "TH": "Þ", "dh": "ð", "DH": "Ð",
    "/o": "ø", "/O": "Ø", "/l": "ł", "/L": "Ł", "/d": "đ", "/D": "Đ",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:(?P<code>u[0-9A-Fa-f]{4})|(?P<letter>" + "|".join(_LETTERS) + r")|(?P<mark>[`'^~=u.\"Hvc,;])(?P<on>[A-Za-z])|(?P<sign>[\\%&]))"
)


def decode_abc(data: bytes) -> str:
    """The text of an ABC file: UTF-8 or UTF-16 (with a mark or without), the character set it names, else Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if (zeros := data[:512].count(0)) and 3 * zeros > len(data[:512]):
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        named = _CHARSET.search(data[:4096])
        try:
            return data.decode(named[1].decode() if named else "cp1252")
        except (UnicodeDecodeError, LookupError):
            return data.decode("latin-1")


def split_tunes(text: str) -> list[str]:
    """The tunes of an ABC text, each from its ``X:`` line to the blank line that ends it."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    preface, *parts = re.split(r"(?m)^(?=X:)", text)
    shared = [line for line in preface.splitlines() if (match := FIELD.match(line)) and match[1] in _FILE_FIELDS]
    tunes = []
    for part in parts:
        # A blank line ends a tune; before the K: line it is taken for a slip of the author.
        key = re.search(r"(?m)^\s*K:.*$", part)
        end = re.search(r"\n[ \t]*\n\s*", part[key.end() :]) if key else None
        tune = part[: key.end() + end.start()] if key and end else part
        tunes.append(_with_fields(tune, shared) if shared else tune)
    return tunes


def _with_fields(tune: str, shared: list[str]) -> str:
    own = set(tune_fields(tune))
    first, _, rest = tune.partition("\n")
    return "\n".join([first, *(line for line in shared if line.lstrip()[0] not in own), rest])


def tune_fields(text: str) -> dict[str, str]:
    """The header fields of one tune by letter, comments removed; of a repeated letter the first counts."""
    fields: dict[str, str] = {}
    for letter, value in _header(text):
        fields.setdefault(letter, value)
    return fields


def header_texts(text: str) -> tuple[str, ...]:
    """The fields of a tune's header that tell of it (title, rhythm, composer, origin, book, source), such as ``R:reel``."""
    return tuple(f"{letter}:{plain_text(value)}" for letter, value in _header(text) if letter in _TEXT_FIELDS and value)


def _header(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.splitlines():
        if match := FIELD.match(line):
            found.append((match[1], without_comment(match[2]).strip()))
            if match[1] == "K":
                break
    return found


def without_comment(line: str) -> str:
    r"""A line up to its percent sign; ``\%`` is none."""
    return re.split(r"(?<!\\)%", line, maxsplit=1)[0]


def plain_text(text: str) -> str:
    r"""A text field with its accents as letters: ``\'e``, ``&eacute;`` and ``\u00e9`` are all é."""

    def letter(match: re.Match[str]) -> str:
        if match["code"]:
            return chr(int(match["code"][1:], 16))
        if match["mark"]:
            composed = unicodedata.normalize("NFC", match["on"] + _MARKS[match["mark"]])
            return composed if len(composed) == 1 else match[0]
        return match["sign"] or _LETTERS[match["letter"]]

    return " ".join(html.unescape(_ESCAPE.sub(letter, text)).split())
