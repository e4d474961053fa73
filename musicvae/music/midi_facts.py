"""What a MIDI file says beside its notes: names, programs, tempi, meters, keys and texts, collected into a `Score`.

Conventions: ticks as in `music.score`; MIDI tracks count from 0 here, channels too. Both readers, the one that
walks every event (`music.midi`) and the one for bulk (`music.bulk`), collect here, so that they cannot differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from musicvae.music.key import Key
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import Meter
from musicvae.music.provenance import with_exact_key, with_exact_length
from musicvae.music.score import KeyChange, MeterChange, Score, ScoreNote, TempoChange, Track

__all__ = ["DRUM_CHANNEL", "FileFacts", "roundest_qpm"]

DRUM_CHANNEL = 9
_TEXT, _TRACK_NAME, _TEMPO, _METER, _KEY = 0x01, 0x03, 0x51, 0x58, 0x59
_FASTEST_QPM = 10_000  # what a Melody can hold
_Change = TypeVar("_Change", TempoChange, MeterChange, KeyChange)


@dataclass
class FileFacts:
    """What has been met in a file so far; losses counts what could be put right or not be kept."""

    programs: list[tuple[int, int, int, int]] = field(default_factory=list)  # channel, tick, track, program
    names: dict[int, str] = field(default_factory=dict)
    tempi: list[TempoChange] = field(default_factory=list)
    meters: list[MeterChange] = field(default_factory=list)
    keys: list[KeyChange] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)

    def add_meta(self, number: int, tick: int, data: bytes) -> None:
        """Take in a meta event of a MIDI track: its type, then its content."""
        kind, content = data[0], data[1:]
        if kind == _TEXT:
            self.texts.append(_text(content))
        elif kind == _TRACK_NAME:
            self.names.setdefault(number, _text(content))
        elif kind == _TEMPO:
            qpm = roundest_qpm(int.from_bytes(content[:3], "big"))
            if qpm is None:
                self.losses[f"tempi of 0 or beyond {_FASTEST_QPM} a minute, read as 120"] += 1
            self.tempi.append(TempoChange(tick, qpm or DEFAULT_TEMPO_QPM))
        elif kind == _METER:
            if len(content) >= 2 and content[0] and content[1] <= 6:
                self.meters.append(MeterChange(tick, Meter(content[0], 2 ** content[1])))
            else:
                self.losses["time signatures that make no sense"] += 1
        elif kind == _KEY:
            sharps = int.from_bytes(content[:1], "big", signed=True)
            if len(content) >= 2 and abs(sharps) <= 7 and content[1] <= 1:
                self.keys.append(KeyChange(tick, Key.from_signature(sharps, "minor" if content[1] else "major")))
            else:
                self.losses["key signatures that make no sense"] += 1

    def add_program(self, number: int, tick: int, channel: int, program: int) -> None:
        """Take in a program change on a channel of a MIDI track."""
        self.programs.append((channel, tick, number, program))

    def score(self, ticks_per_beat: int, notes: Mapping[tuple[int, int], Sequence[ScoreNote]]) -> Score:
        """The score of a file: a track for each (MIDI track, channel) of `notes`, each sorted and not empty."""
        tracks = tuple(self._track(number, channel, notes[number, channel]) for number, channel in sorted(notes))
        score = Score(
            ticks_per_beat, tracks, _changes(self.tempi), _changes(self.meters), _changes(self.keys), self.names.get(0, ""),
            tuple(self.texts), dict(self.losses),
        )  # fmt: skip
        return with_exact_length(with_exact_key(score))

    def _track(self, number: int, channel: int, notes: Sequence[ScoreNote]) -> Track:
        first = notes[0].onset_ticks
        # A program may stand in another track of the same channel; the track's own goes first, then the latest.
        before = [(track == number, tick, program) for other, tick, track, program in self.programs if other == channel and tick <= first]
        program = max(before, key=lambda change: change[:2])[2] if before else 0
        return Track(notes, self.names.get(number, ""), program, channel == DRUM_CHANNEL)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.strip("\0 \t\r\n")


@lru_cache(maxsize=4096)
def roundest_qpm(microseconds: int) -> float | None:
    """The roundest tempo that is written as this many microseconds a beat; None for an impossible one."""
    if microseconds * _FASTEST_QPM <= 60_000_000:
        return None
    exact = 60_000_000 / microseconds
    candidates = (round(exact, digits) for digits in range(7))
    return next((qpm for qpm in candidates if round(60_000_000 / qpm) == microseconds), exact)


def _changes(changes: list[_Change]) -> tuple[_Change, ...]:
    """Sorted by tick; of several at one tick the last counts."""
    return tuple(change for _, change in sorted({change.tick: change for change in changes}.items()))
