"""An ABC tune made ready for abc2midi, twice: as it sounds, and as a shadow that tells where its bars and chords lie.

Conventions: the shadow has the rhythm, repeats and parts of the tune, its rests as notes and its ties
broken, and a silent control change at every bar line and chord symbol (abc2midi misplaces those that
follow a rest or lie under a tie). They come back in the order in which the tune is *played*, each the number of a `Mark`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from musicvae.music.chords import Chord, looks_like_chord
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.tunebook import FIELD, header_texts, tune_fields, without_comment

__all__ = ["CONTROLS", "Mark", "TuneSource"]

CONTROLS = (*range(20, 32), *range(85, 91), *range(102, 120))
"""Control changes that mean nothing in General MIDI; with 128 values each they number the marks of a tune."""
_MAX_MARKS = 128 * len(CONTROLS)
_MAX_REPEATS = 1000
_MAX_FIELD = 2000
_MAX_CHARACTERS = 2**18
_TOKEN = re.compile(
    r"(?P<inline>\[[A-Za-z]:[^\]]*\])"
    r"|(?P<bar>(?:\[\|[|:\]]*|:*\|[|:\]]*|::+)(?:\s*\[\d[\d,-]*|\d[\d,-]*)?|\[\d[\d,-]*)"
    r"|(?P<rests>[ZX]\d*)|(?P<chord>\ue000)"
)
# Outside of fields the letters H to W and h to w are ornaments and bowings, and stand before notes, rests and bar lines.
_ORNAMENTS = re.compile(r"\[[A-Za-z]:[^\]]*\]|![^!|]*!|!|\+[a-z]{2,}\+|\\$|[~.H-Wh-w]")
_GRACE = re.compile(r"\{[^}]*\}")
_TEXT_BLOCK = re.compile(r"(?ms)^%%begin(text|ps|svg)\b.*?^%%end\1\b")
_QUOTED = re.compile(r"\"([^\"]*)\"")
_TIE = re.compile(
    r"\[(?![\d|])[^\]]*\]|(?:(?P<note>[A-Ga-g][,']*)[\d/<>]*|[\])])-(?:(?=(?P<repeat>\s*:\|))|(?=(?:[\s|:()<>\d]|\[\d)*[\^_=]*(?P<next>[A-Ga-g][,']*))|)"
)
_CHORD = "\ue000"  # stands for a chord symbol while the line is taken apart
# Before any V: line, or they hold for one voice only.
_DIRECTIVES = ("%%MIDI gchordoff", "%%MIDI nobeataccents", "%%MIDI chordattack 0", "%%MIDI ratio 3 1")
_REST_NOTE = "D,,,,,"


@dataclass(frozen=True, slots=True)
class Mark:
    """What holds from a place in the tune on: a bar line (`is_bar`) with meter and key, or a chord symbol.

    is_seam: a section may begin here (a repeat sign, a double bar, the start), so that the bars on both sides may be short.
    """

    meter: Meter | None
    key: Key | None
    is_bar: bool = True
    is_seam: bool = False
    chord: Chord | None = None


class TuneSource:
    """One tune on its way to abc2midi, and what abc2midi does not see.

    sound, shadow: the tune and its shadow for abc2midi, without the X: line. marks: by number. voices: names
    in the order met. fields, texts: of the header. losses: what was taken out. ValueError for what is no tune or could not end.
    """

    def __init__(self, tune: str) -> None:
        if len(tune) > _MAX_CHARACTERS:
            raise ValueError(f"this ABC tune has {len(tune)} characters; at most {_MAX_CHARACTERS} are read: is an X: line missing?")
        self.fields = tune_fields(tune)
        self.texts = header_texts(tune)
        self.marks: list[Mark] = []
        self.voices: list[str] = []
        self.losses: Counter[str] = Counter()
        self._meter: Meter | None = None
        self._key: Key | None = None
        self._unit: Fraction | None = None
        self._voice = self._first_voice = ""
        if "K" not in self.fields:
            raise ValueError("no K: line, so this is no ABC tune (was it cut off?)")
        lines = [line for line in map(without_comment, _TEXT_BLOCK.sub("", tune).splitlines()) if line.strip()]
        head = next(i for i, line in enumerate(lines) if re.match(r"\s*K:", line))
        header = ["T:t", *_DIRECTIVES, *self._header(lines[: head + 1])]
        if self._unit is None:
            is_short = self._meter is not None and 4 * self._meter.numerator < 3 * self._meter.denominator
            self._unit = Fraction(1, 16 if is_short else 8)
        # Meter and key of each voice; "": those of the header.
        self._held: dict[str, tuple[Meter | None, Key | None]] = {"": (self._meter, self._key)}
        body = list(self._body(lines[head + 1 :]))
        if len(self.marks) > _MAX_MARKS:
            raise ValueError(f"this ABC tune has {len(self.marks)} bars and chord symbols; at most {_MAX_MARKS} are read")
        # A blank line would end the tune.
        self.sound, self.shadow = ("\n".join([*header, *(both[i] for both in body if both[i])]) + "\n" for i in (0, 1))

    def _header(self, lines: list[str]) -> Iterator[str]:
        for line in lines:
            if not (match := FIELD.match(line)):
                continue
            letter, value = match[1], match[2].strip()
            self._note_field(letter, value)
            # R: is held back, since abc2midi would swing a hornpipe.
            if letter in "MLPQKV":
                _check_field(letter, value)
                yield f"{letter}:{value or 'none'}"

    def _body(self, lines: list[str]) -> Iterator[tuple[str, str]]:
        yield "", self._bar(is_seam=True)
        for line in lines:
            if match := FIELD.match(line):
                letter, value = match[1], match[2].strip()
                if letter in "MLKPQV":
                    self._note_field(letter, value, in_body=True)
                    yield (f"{letter}:{value}",) * 2
                    if letter in "MKP":
                        yield "", self._bar(is_seam=letter == "P")
                continue
            yield self._music(line)

    def _music(self, line: str) -> tuple[str, str]:
        line, graces = _GRACE.subn("", line)
        self.losses["grace notes"] += graces
        symbols = [text for text in map(str.strip, _QUOTED.findall(line)) if looks_like_chord(text)]
        line = _QUOTED.sub(lambda match: _CHORD if looks_like_chord(match[1].strip()) else "", line.replace(_CHORD, ""))
        line = _closed(_ORNAMENTS.sub(lambda match: match[0] if match[0].startswith("[") else "", line))
        chords = iter(symbols)
        sound, shadow, end = [], [], 0
        for match in _TOKEN.finditer(line):
            plain, end = line[end : match.start()], match.end()
            sound.append(plain)
            shadow.append(_untied(plain))
            if match["chord"]:
                shadow.append(self._chord(next(chords)))
            elif match["rests"]:
                sound.append(match[0])
                shadow.append(self._bars_of_rest(match[0]))
            elif match["inline"]:
                inline = self._inline(match[0])
                sound.append(inline)
                shadow += [inline, self._bar() if match[0][1] in "MK" else ""]
            else:
                # abc2midi takes [|] for a broken chord, and ||1 for no ending.
                bar = re.sub(r"\|[|\]]*(?=\s*\[?\d)", "|", match[0].replace("[|]", "") or "|")
                sound += [bar, " "]
                shadow += [bar, " ", self._bar(is_seam=_is_seam(match[0]))]
        return _true_ties("".join([*sound, line[end:]])), "".join([*shadow, _untied(line[end:])])

    def _inline(self, text: str) -> str:
        letter, value = text[1], text[3:-1]
        self._note_field(letter, value, in_body=True)
        return text if letter in "MLKPQV" else ""

    def _bars_of_rest(self, text: str) -> str:
        """Bars of rest as bars of one note, each with its own bar line; as they are where no meter holds."""
        count = int(text[1:] or 1)
        if count > _MAX_MARKS:
            raise ValueError(f"{count} bars of rest in a row in this ABC tune; at most {_MAX_MARKS} are read")
        if self._meter is None or self._unit is None:
            return text
        note = f"{_REST_NOTE}{Fraction(self._meter.numerator, self._meter.denominator) / self._unit}"
        return " | ".join([note, *(f"{self._bar()} {note}" for _ in range(count - 1))])

    def _chord(self, text: str) -> str:
        try:
            chord = Chord.parse(text)
        except ValueError:
            self.losses["chord symbols not known"] += 1
            chord = None
        return self._mark(Mark(self._meter, self._key, is_bar=False, chord=chord))

    def _bar(self, *, is_seam: bool = False) -> str:
        # Bar lines of one voice are enough, and all that numbers last for.
        return self._mark(Mark(self._meter, self._key, is_seam=is_seam)) if self._voice == self._first_voice else ""

    def _mark(self, mark: Mark) -> str:
        self.marks.append(mark)
        number = min(len(self.marks), _MAX_MARKS) - 1
        return f"[I:MIDI control {CONTROLS[number // 128]} {number % 128}]"

    def _note_field(self, letter: str, value: str, *, in_body: bool = False) -> None:
        if letter == "V":
            voice = (value.split() or ["?"])[0]
            if voice not in self.voices:
                self.voices.append(voice)
            if in_body:
                self._held[self._voice] = (self._meter, self._key)
                self._voice, self._first_voice = voice, self._first_voice or voice
                self._meter, self._key = self._held.get(voice, self._held[""])
        elif letter == "M":
            self._meter = _meter_of(value)
        elif letter == "L":
            match = re.match(r"(\d{1,3})\s*/\s*(\d{1,3})", value)
            self._unit = Fraction(int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else None
        elif letter == "K" and not re.match(r"(clef|treble|bass|alto|tenor)", value):
            self._key = _key_of(value)


def _check_field(letter: str, value: str) -> None:
    """ValueError for a field without end, or an order of parts that plays one very often: (A9)9 within another."""
    if len(value) > _MAX_FIELD:
        raise ValueError(f"the field {letter}: of this ABC tune has {len(value)} characters; at most {_MAX_FIELD} are read")
    total = 1
    for count in re.findall(r"\d{1,9}", value) if letter == "P" else ():
        total *= max(1, int(count))
    if total > _MAX_REPEATS:
        raise ValueError(f"the order of parts P:{value[:40]} of this ABC tune plays a part {total} times; at most {_MAX_REPEATS} are read")


def _is_seam(bar: str) -> bool:
    """Whether sections may meet at this bar line; the start of an ending is no such place."""
    return not re.search(r"\d", bar) and bool(re.search(r"[:|\[\]]", bar.replace("|", "", 1)))


def _closed(line: str) -> str:
    """The line without a bracket that no bar line, field, ending or chord closes: abc2midi would sound all that follows as one chord."""
    return re.sub(r"\[(?![A-Za-z]:|\||\d)(?=[^\]|]*(?:\||$))", "", line)


def _true_ties(line: str) -> str:
    """The line without ties into a repeat sign or, as slurs are sometimes written, to another note: abc2midi would lose that note."""

    def kept(match: re.Match[str]) -> str:
        is_slur = match["next"] is not None and match["next"] != match["note"]
        return match[0][:-1] if is_slur or match["repeat"] else match[0]

    return _TIE.sub(kept, line)


def _untied(music: str) -> str:
    return re.sub("[zx]", _REST_NOTE, music.replace("-", ""))


def _meter_of(text: str) -> Meter | None:
    try:
        return Meter.parse(re.sub(r"\s", "", text))
    except ValueError:
        return None


def _key_of(text: str) -> Key | None:
    """The key in a K: field, its clef and other words left out; three letters of a mode are enough."""
    match = re.match(r"([A-G][#b]?)\s*([A-Za-z]*)", text)
    if not match:
        return None
    word = match[2] if match[2] in ("m", "M") else match[2].lower()[:3]
    try:
        return Key.parse(f"{match[1]} {word}")
    except ValueError:
        return Key.parse(match[1]) if word in ("cle", "tre", "bas", "alt", "ten", "exp", "oct", "tra") else None
