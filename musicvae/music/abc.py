"""ABC tunes into scores, through the abc2midi program inside the symusic wheel.

Conventions: ticks as in `music.score`. A file is split at its ``X:`` fields here and every tune is
cleaned (chord symbols, grace notes, lyrics and decorations sound nothing) and given a silent
control change at every bar line before abc2midi sees it. Those come back in the order in which the
bars are *played*, repeats, endings and parts written out, each with the meter and key that hold
there, so that bars lie where the tune's author put them.

abc2midi runs as a process of its own with its output caught: nothing reaches the terminal and
threads may read at the same time.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musicvae.music.barlines import meter_changes
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, Score, ScoreNote, TempoChange, Track

__all__ = ["read_abc", "read_abc_text", "split_tunes", "tune_fields"]

_METER_CONTROL, _KEY_CONTROL = 102, 103  # undefined in General MIDI
_SECONDS = 20
_FIELD = re.compile(r"^\s*([A-Za-z]):(.*)$")
_TOKEN = re.compile(
    r"(?P<inline>\[[A-Za-z]:[^\]]*\])"
    r"|(?P<bar>(?:\[\||:*\|[|:\]]*|::+)(?:\s*\[\d[\d,-]*|\d[\d,-]*)?|\[\d[\d,-]*)"
)
_ORNAMENTS = re.compile(r"\"[^\"]*\"|![^!]*!|\+[a-z]{2,}\+|\\$|[~HLMNOPQRSTuv.](?=[~HLMNOPQRSTuv.]*[\^_=A-Ga-g\[(])")
_GRACE = re.compile(r"\{[^}]*\}")
# abc2midi sets a control change that follows a rest too early, so rests go through it as notes below the piano.
_REST_NOTE, _BELOW_PIANO = "D,,,,,", 6


def read_abc(path: str | Path) -> list[Score]:
    """Every tune of an ABC file, in order; ValueError if there is none or one cannot be read."""
    text = Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    tunes = split_tunes(text)
    if not tunes:
        raise ValueError(f"{Path(path).name} holds no ABC tune: each begins with a line such as X:1 and has a K: line")
    return [read_abc_text(tune) for tune in tunes]


def split_tunes(text: str) -> list[str]:
    """The tunes of an ABC text, each from its ``X:`` line to the blank line that ends it."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tunes = []
    for part in re.split(r"(?m)^(?=X:)", text)[1:]:
        # A blank line ends a tune; before the K: line it is taken for a slip of the author.
        key = re.search(r"(?m)^\s*K:.*$", part)
        end = re.search(r"\n[ \t]*\n\s*", part[key.end() :]) if key else None
        tunes.append(part[: key.end() + end.start()] if key and end else part)
    return tunes


def tune_fields(text: str) -> dict[str, str]:
    """The header fields of one tune by letter, comments removed; of a repeated letter the first counts."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if match := _FIELD.match(line):
            fields.setdefault(match[1], _no_comment(match[2]).strip())
            if match[1] == "K":
                break
    return fields


def read_abc_text(text: str) -> Score:
    """One ABC tune; of several in the text, the first.

    Repeats are written out. The key carries its mode; K:HP, K:none and unreadable ones give no
    key. Meters without a number (M:none) give no meter. ValueError where no note can be read.
    """
    tunes = split_tunes(text) or [text]
    fields = tune_fields(tunes[0])
    if "K" not in fields:
        raise ValueError("no K: line, so this is no ABC tune (was it cut off?)")
    source = _Source()
    midi = _abc2midi(source.rewrite(tunes[0]))
    title = fields.get("T", "")
    texts = tuple(f"{letter}:{fields[letter]}" for letter in "RC" if fields.get(letter))
    return _score(midi, source, title, texts)


def _no_comment(line: str) -> str:
    return re.split(r"(?<!\\)%", line, maxsplit=1)[0]


@dataclass
class _Source:
    """One tune on its way to abc2midi: the meters and keys met so far, and what was taken out."""

    meters: list[Meter | None] = field(default_factory=list)
    keys: list[Key | None] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)
    _meter: int = 0
    _key: int = 0

    def rewrite(self, tune: str) -> str:
        """The tune as abc2midi shall see it."""
        lines = [line for line in map(_no_comment, tune.splitlines()) if line.strip()]
        head = next(i for i, line in enumerate(lines) if re.match(r"\s*K:", line))
        header = ["X:1", "T:t", *self._header(lines[: head + 1])]
        return "\n".join([*header, *self._body(lines[head + 1 :])]) + "\n"

    def _header(self, lines: list[str]) -> Iterator[str]:
        for line in lines:
            if not (match := _FIELD.match(line)):
                continue
            letter, value = match[1], match[2].strip()
            if letter == "K":
                yield "%%MIDI gchordoff"
                yield "%%MIDI nobeataccents"
                yield "%%MIDI chordattack 0"
                yield "%%MIDI ratio 3 1"
            self._note_field(letter, value)
            # R: is held back, since abc2midi would swing a hornpipe.
            if letter in "MLPQKV":
                yield f"{letter}:{value or 'none'}"

    def _body(self, lines: list[str]) -> Iterator[str]:
        yield self._marker()
        for line in lines:
            if match := _FIELD.match(line):
                if match[1] in "MLKPQV":
                    self._note_field(match[1], match[2].strip())
                    yield f"{match[1]}:{match[2].strip()}"
                    if match[1] in "MKP":
                        yield self._marker()
                continue
            yield self._music(line)

    def _music(self, line: str) -> str:
        out, end = [], 0
        line, graces = _GRACE.subn("", line)
        self.losses["grace notes"] += graces
        line = re.sub(r"\"[^\"]*\"", "", line)
        for match in _TOKEN.finditer(line):
            out.append(_plain(line[end : match.start()]))
            end = match.end()
            if match["inline"]:
                letter, value = match[0][1], match[0][3:-1]
                self._note_field(letter, value)
                if letter in "MLKPQV":
                    out.append(match[0])
                if letter in "MK":
                    out.append(self._marker())
            else:
                out += [match[0], " ", self._marker()]
        # A tie into a repeat sign would make abc2midi lose the note that follows.
        return re.sub(r"-(\s*:\|)", r"\1", "".join([*out, _plain(line[end:])]))

    def _marker(self) -> str:
        return f"[I:MIDI control {_METER_CONTROL} {self._meter}][I:MIDI control {_KEY_CONTROL} {self._key}]"

    def _note_field(self, letter: str, value: str) -> None:
        if letter == "V":
            voice = (value.split() or ["?"])[0]
            if voice not in self.voices:
                self.voices.append(voice)
        elif letter == "M":
            self._meter = _index(self.meters, _meter_of(value))
        elif letter == "K" and not re.match(r"(clef|treble|bass|alto|tenor)", value):
            self._key = _index(self.keys, _key_of(value))


def _plain(music: str) -> str:
    """Music between bar lines without ornaments, its rests as notes."""
    return re.sub("[zx]", _REST_NOTE, _ORNAMENTS.sub("", music))


def _index(known: list[Any], value: object) -> int:
    if value not in known:
        known.append(value)
    return min(known.index(value), 127)


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


def _abc2midi(text: str) -> Any:
    """The symusic score that abc2midi makes of one tune; ValueError if it makes none."""
    import symusic  # sets the variable that names the program in its wheel

    with tempfile.TemporaryDirectory(prefix="musicvae-") as folder:
        source, target = Path(folder, "tune.abc"), Path(folder, "tune.mid")
        source.write_text(text, encoding="utf-8")
        command = [os.environ["SYMUSIC_ABC2MIDI"], str(source), "1", "-quiet", "-silent", "-NFNP", "-NFER", "-NGRA", "-o", str(target)]
        try:
            # Its exit code says nothing: it is not 0 for tunes with harmless slips.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
            if not target.exists():
                raise ValueError("abc2midi made nothing of this ABC tune; is it cut off?")
            return symusic.Score.from_file(str(target), fmt="midi")
        except subprocess.TimeoutExpired:
            raise ValueError(f"this ABC tune took abc2midi more than {_SECONDS} s; a repeat without an end?") from None
        except (OSError, RuntimeError) as error:
            raise ValueError(f"abc2midi could not read this ABC tune ({type(error).__name__}); is it cut off?") from error


def _score(midi: Any, source: _Source, title: str, texts: tuple[str, ...]) -> Score:
    voiced = [track for track in midi.tracks if any(n.pitch >= _BELOW_PIANO for n in track.notes)]
    if not voiced:
        raise ValueError("this ABC tune has no notes")
    names = source.voices if len(source.voices) >= len(voiced) > 1 else [title] * len(voiced)
    tracks = tuple(Track(_notes(track), name, track.program) for track, name in zip(voiced, names, strict=False))
    # A mark on the very tick of a note-on was moved back there: its bar line lies under a tied note.
    tied = {n.time for n in voiced[0].notes}
    # Of several marks on one tick the last counts; Python's sort keeps their order.
    marks = sorted(((c.time, c.number, c.value) for c in voiced[0].controls if c.time not in tied), key=lambda mark: mark[0])
    meter_at = {tick: source.meters[i] for tick, number, i in marks if number == _METER_CONTROL and i < len(source.meters)}
    key_at = {tick: source.keys[i] for tick, number, i in marks if number == _KEY_CONTROL and i < len(source.keys)}
    end = max(n.onset_ticks + n.duration_ticks for t in tracks for n in t.notes)
    bars = [(tick, meter) for tick, meter in sorted(meter_at.items()) if meter is not None and tick < end - 1]
    meters, off_grid = meter_changes(bars, end, midi.tpq)
    losses = source.losses + Counter({"bar lines off the grid": off_grid})
    keys: list[KeyChange] = []
    for tick, key in sorted(key_at.items()):
        if key is not None and (not keys or keys[-1].key != key):
            keys.append(KeyChange(tick, key))
    tempi = tuple(TempoChange(t.time, float(t.qpm)) for t in midi.tempos)
    return Score(midi.tpq, tracks, tempi, meters, tuple(keys), title, texts, dict(+losses))


def _notes(track: Any) -> tuple[ScoreNote, ...]:
    # abc2midi sounds every note one tick late and one tick short.
    heard = (n for n in track.notes if n.pitch >= _BELOW_PIANO)
    return tuple(sorted(ScoreNote(max(0, n.time - 1), n.pitch, n.duration + 1, n.velocity) for n in heard))
