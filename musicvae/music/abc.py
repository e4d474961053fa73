"""ABC tunes into scores, through the abc2midi program inside the symusic wheel.

Conventions: ticks as in `music.score`. A file is split at its ``X:`` fields by `music.tunebook`, and
every tune is cleaned and given a shadow by `music.barmarks`, whose silent marks tell where the bars and
chord symbols of the tune come to lie when it is *played*, repeats, endings and parts written out.

abc2midi runs as a process of its own with its output caught: nothing reaches the terminal and
threads may read at the same time.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.music.barlines import differing, meter_changes
from musicvae.music.barmarks import CONTROLS, Mark, TuneSource
from musicvae.music.score import ChordChange, KeyChange, NoteTable, Score, TempoChange, Track
from musicvae.music.seams import BarLine, Edits, seam_edits
from musicvae.music.tunebook import decode_abc, plain_text, split_tunes, tune_fields

__all__ = ["BATCH", "TuneBatch", "decode_abc", "read_abc", "read_abc_text", "split_tunes", "tune_fields"]

_SECONDS = 20
_BATCH_SECONDS = 5
BATCH = 32
"""Tunes in a call of abc2midi: more bring little, and what goes wrong is to be done again."""
_MAX_NOTES = 200_000
# control -> number of the mark with value 0; below any mark for other controls
_FIRST_MARK = np.full(128, -128)
_FIRST_MARK[list(CONTROLS)] = 128 * np.arange(len(CONTROLS))
_Files = tuple[bytes, bytes]  # the tune and its shadow
_Marks = list[tuple[int, int, Mark]]


def read_abc(path: str | Path) -> list[Score]:
    """Every tune of an ABC file, in order; ValueError if there is none or one cannot be read."""
    tunes = split_tunes(decode_abc(Path(path).read_bytes()))
    if not tunes:
        raise ValueError(f"{Path(path).name} holds no ABC tune: each begins with a line such as X:1 and has a K: line")
    return [score for start in range(0, len(tunes), BATCH) for score in _whole(TuneBatch(tunes[start : start + BATCH]))]


def _whole(batch: TuneBatch) -> Iterator[Score]:
    return (batch.read(i) for i in range(len(batch)))


def read_abc_text(text: str, *, strict: bool = False) -> Score:
    """One ABC tune; of several in the text, the first.

    Repeats are written out, and where sections of a tune of one voice meet and do not make whole bars
    the beat is kept as `music.seams` tells (counted in the losses), unless `strict`. The key carries its mode; K:HP,
    K:none and unreadable ones give no key. Meters without a number (M:none) give no meter. Chord
    symbols become `Score.chords`. ValueError where no note can be read or the tune does not end.
    """
    return TuneBatch([(split_tunes(text) or [text])[0]]).read(0, strict=strict)


class TuneBatch:
    """Tunes that go through abc2midi in one process when the first is asked for, some ten times faster than one by one.

    Each comes out as it would alone: whatever abc2midi finds an error in is kept away from the others.
    """

    def __init__(self, tunes: Sequence[str]) -> None:
        self._tunes = list(tunes)
        self._files: dict[int, tuple[TuneSource, _Files]] | None = None

    def __len__(self) -> int:
        return len(self._tunes)

    def read(self, index: int, *, strict: bool = False) -> Score:
        """Tune `index`, from 0, as in `read_abc_text`."""
        if self._files is None:
            self._files = _read_together(self._tunes) if len(self._tunes) > 1 else {}
        source, files = self._files.pop(index) if index in self._files else _alone(self._tunes[index])
        return _score(_midi(files[0]), _midi(files[1]), source, strict=strict)


def _read_together(tunes: Sequence[str]) -> dict[int, tuple[TuneSource, _Files]]:
    """What abc2midi makes of those tunes that it finds no error in, by index; nothing if it cannot cope."""
    sources: dict[int, TuneSource] = {}
    for i, tune in enumerate(tunes):
        try:
            sources[i] = TuneSource(tune)
        except ValueError:
            continue  # reading it alone will say what is wrong
    while sources:
        indices = list(sources)
        try:
            files, wrong = _abc2midi([text for s in sources.values() for text in (s.sound, s.shadow)], _BATCH_SECONDS)
        except ValueError:
            return {}
        # An error can leave its traces in the tunes after it, so they are done again without it.
        bad = {indices[k // 2] for k in wrong}
        if not bad:
            return {i: (sources[i], (files[2 * k], files[2 * k + 1])) for k, i in enumerate(indices)}
        sources = {i: source for i, source in sources.items() if i not in bad}
    return {}


def _alone(tune: str) -> tuple[TuneSource, _Files]:
    source = TuneSource(tune)
    files, _ = _abc2midi((source.sound, source.shadow), _SECONDS)
    if not files[0] or not files[1]:
        raise ValueError("abc2midi made nothing of this ABC tune; is it cut off?")
    return source, (files[0], files[1])


def _abc2midi(tunes: Sequence[str], seconds: float) -> tuple[list[bytes], set[int]]:
    """The MIDI files that abc2midi makes of these tunes (without X: lines), b"" for none, and those it found errors in."""
    import symusic  # noqa: F401  sets the variable that names the program in its wheel

    text = "\n".join(f"X:{i}\n{tune}" for i, tune in enumerate(tunes))
    with tempfile.TemporaryDirectory(prefix="musicvae-") as folder:
        source = Path(folder, "t.abc")
        source.write_text(text, encoding="utf-8")
        command = [os.environ["SYMUSIC_ABC2MIDI"], str(source), "-quiet", "-silent", "-NFNP", "-NFER", "-NGRA"]
        try:
            # Its exit code says nothing: it is not 0 for tunes with harmless slips.
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
            targets = [Path(folder, f"t{i}.mid") for i in range(len(tunes))]
            files = [target.read_bytes() if target.exists() else b"" for target in targets]
        except subprocess.TimeoutExpired:
            raise ValueError(f"this ABC tune took abc2midi more than {seconds} s; a repeat without an end?") from None
        except OSError as error:
            raise ValueError(f"abc2midi could not read this ABC tune ({type(error).__name__}); is it cut off?") from error
    first_lines = list(accumulate((tune.count("\n") + 2 for tune in tunes), initial=1))
    lines = [int(line) for line in re.findall(rb"Error in line-char (\d+)", done.stdout)]
    wrong = {min(len(tunes), bisect_right(first_lines, line)) - 1 for line in lines}
    return files, wrong | {i for i, file in enumerate(files) if not file}


def _midi(file: bytes) -> Any:
    import symusic

    try:
        return symusic.Score.from_midi(file)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"abc2midi could not read this ABC tune ({type(error).__name__}); is it cut off?") from error


def _score(midi: Any, shadow: Any, source: TuneSource, *, strict: bool) -> Score:
    voiced = [track for track in midi.tracks if len(track.notes)]
    if not voiced:
        raise ValueError("this ABC tune has no notes")
    if (count := sum(len(track.notes) for track in voiced)) > _MAX_NOTES:
        raise ValueError(f"this ABC tune plays {count} notes; at most {_MAX_NOTES} are read: a repeat without an end?")
    title = plain_text(source.fields.get("T", ""))
    names = source.voices if len(source.voices) >= len(voiced) > 1 else [title] * len(voiced)
    voices = [_notes(track) for track in voiced]
    end = max(int(notes.end_ticks.max()) for notes in voices)
    marks = _marks(shadow, source, end)
    edits = Edits((), Counter())
    if len(voices) == 1 and not strict:
        edits = seam_edits(_bar_lines(marks), end, midi.tpq, voices[0].onset_ticks.tolist())
        marks = [(edits.tick(tick), number, mark) for tick, number, mark in marks]
        voices, end = [edits.notes(voices[0])], edits.tick(end, is_end=True)
    meters, off_grid = meter_changes([(line.tick, line.meter) for line in _bar_lines(marks)], end, midi.tpq)
    losses = source.losses + edits.reasons + Counter({"bar lines off the grid": off_grid})
    tempi = tuple(TempoChange(edits.tick(t.time), float(t.qpm)) for t in midi.tempos)
    tracks = tuple(Track(notes, name, track.program) for notes, name, track in zip(voices, names, voiced, strict=False))
    return Score(midi.tpq, tracks, tempi, meters, _keys(marks), title, source.texts, dict(+losses), chords=_chords(marks))


def _notes(track: Any) -> NoteTable:
    # abc2midi sounds every note one tick late and one tick short.
    columns = track.notes.numpy()
    return NoteTable(np.maximum(0, columns["time"] - 1), columns["pitch"], columns["duration"] + 1, columns["velocity"])


def _marks(shadow: Any, source: TuneSource, end_ticks: int) -> _Marks:
    """The marks in the order in which they are played, each with its tick and number."""
    found: list[tuple[int, int]] = []
    late: set[int] = set()  # a mark on the tick of a note-on is as late as that
    rest_end = end_ticks
    for track in shadow.tracks:
        notes = track.notes.numpy()
        late.update(notes["time"].tolist())
        rest_end = max([rest_end, *(notes["time"] + notes["duration"]).tolist()])
        controls = track.controls.numpy()
        found += zip(controls["time"].tolist(), (_FIRST_MARK[controls["number"]] + controls["value"]).tolist(), strict=True)
    known = sorted(((tick - (tick in late), i) for tick, i in found if 0 <= i < len(source.marks)), key=lambda mark: mark[0])
    numbered = [(tick, i, source.marks[i]) for tick, i in known]
    # Chords may lie over rests at the end, where no bar begins any more.
    return [(tick, i, mark) for tick, i, mark in numbered if tick < (end_ticks if mark.is_bar else rest_end) - 1]


def _bar_lines(marks: _Marks) -> list[BarLine]:
    """Bar lines with a meter; of several on one tick the last counts, and one seam makes it one."""
    lines: dict[int, BarLine] = {}
    for tick, number, mark in marks:
        if mark.is_bar and mark.meter is not None:
            is_seam = mark.is_seam or (tick in lines and lines[tick].is_seam)
            lines[tick] = BarLine(tick, mark.meter, is_seam, number)
    return list(lines.values())


def _keys(marks: _Marks) -> tuple[KeyChange, ...]:
    at = {tick: mark.key for tick, _, mark in marks if mark.is_bar and mark.key is not None}
    return tuple(KeyChange(tick, key) for tick, key in differing(at.items()))


def _chords(marks: _Marks) -> tuple[ChordChange, ...]:
    at = {tick: mark.chord for tick, _, mark in marks if not mark.is_bar}
    return tuple(ChordChange(tick, chord) for tick, chord in differing(at.items()))
