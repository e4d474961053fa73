"""ABC tunes into scores, through the abc2midi program inside the symusic wheel.

Conventions: ticks as in `music.score`. A file is split at its ``X:`` fields by `music.tunebook`, and
every tune is cleaned and given a shadow by `music.barmarks`, whose silent marks tell where the bars and
chord symbols of the tune come to lie when it is *played*, repeats, endings and parts written out.

abc2midi runs as a process of its own with its output caught: nothing reaches the terminal and
threads may read at the same time.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musicvae.music.barlines import differing, meter_changes
from musicvae.music.barmarks import CONTROLS, Mark, TuneSource
from musicvae.music.score import ChordChange, KeyChange, Score, ScoreNote, TempoChange, Track
from musicvae.music.seams import BarLine, Edits, seam_edits
from musicvae.music.tunebook import decode_abc, header_texts, plain_text, split_tunes, tune_fields

__all__ = ["decode_abc", "read_abc", "read_abc_text", "split_tunes", "tune_fields"]

_SECONDS = 20
_MAX_NOTES = 200_000
_BELOW_PIANO = 6
_Marks = list[tuple[int, int, Mark]]


def read_abc(path: str | Path) -> list[Score]:
    """Every tune of an ABC file, in order; ValueError if there is none or one cannot be read."""
    tunes = split_tunes(decode_abc(Path(path).read_bytes()))
    if not tunes:
        raise ValueError(f"{Path(path).name} holds no ABC tune: each begins with a line such as X:1 and has a K: line")
    return [read_abc_text(tune) for tune in tunes]


def read_abc_text(text: str, *, strict: bool = False) -> Score:
    """One ABC tune; of several in the text, the first.

    Repeats are written out, and where sections of a tune of one voice meet and do not make whole bars
    the beat is kept as `music.seams` tells (counted in the losses), unless `strict`. The key carries its mode; K:HP,
    K:none and unreadable ones give no key. Meters without a number (M:none) give no meter. Chord
    symbols become `Score.chords`. ValueError where no note can be read or the tune does not end.
    """
    tune = (split_tunes(text) or [text])[0]
    fields = tune_fields(tune)
    if "K" not in fields:
        raise ValueError("no K: line, so this is no ABC tune (was it cut off?)")
    source = TuneSource()
    sound, shadow = _abc2midi(source.rewrite(tune))
    return _score(sound, shadow, source, plain_text(fields.get("T", "")), header_texts(tune), strict=strict)


def _abc2midi(tunes: Sequence[str]) -> list[Any]:
    """The symusic scores that abc2midi makes of these tunes (without X: lines); ValueError if it makes none."""
    import symusic  # sets the variable that names the program in its wheel

    with tempfile.TemporaryDirectory(prefix="musicvae-") as folder:
        source = Path(folder, "t.abc")
        source.write_text("\n".join(f"X:{i}\n{tune}" for i, tune in enumerate(tunes)), encoding="utf-8")
        command = [os.environ["SYMUSIC_ABC2MIDI"], str(source), "-quiet", "-silent", "-NFNP", "-NFER", "-NGRA"]
        try:
            # Its exit code says nothing: it is not 0 for tunes with harmless slips.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
            targets = [Path(folder, f"t{i}.mid") for i in range(len(tunes))]
            if not all(target.exists() for target in targets):
                raise ValueError("abc2midi made nothing of this ABC tune; is it cut off?")
            return [symusic.Score.from_file(str(target), fmt="midi") for target in targets]
        except subprocess.TimeoutExpired:
            raise ValueError(f"this ABC tune took abc2midi more than {_SECONDS} s; a repeat without an end?") from None
        except (OSError, RuntimeError) as error:
            raise ValueError(f"abc2midi could not read this ABC tune ({type(error).__name__}); is it cut off?") from error


def _score(midi: Any, shadow: Any, source: TuneSource, title: str, texts: tuple[str, ...], *, strict: bool) -> Score:
    voiced = [track for track in midi.tracks if len(track.notes)]
    if not voiced:
        raise ValueError("this ABC tune has no notes")
    if (count := sum(len(track.notes) for track in voiced)) > _MAX_NOTES:
        raise ValueError(f"this ABC tune plays {count} notes; at most {_MAX_NOTES} are read: a repeat without an end?")
    names = source.voices if len(source.voices) >= len(voiced) > 1 else [title] * len(voiced)
    voices = [_notes(track) for track in voiced]
    end = max(n.onset_ticks + n.duration_ticks for notes in voices for n in notes)
    marks = _marks(shadow, source, end)
    edits = Edits((), Counter())
    if len(voices) == 1 and not strict:
        edits = seam_edits(_bar_lines(marks), end, midi.tpq, [n.onset_ticks for n in voices[0]])
        marks = [(edits.tick(tick), number, mark) for tick, number, mark in marks]
        voices, end = [edits.notes(voices[0])], edits.tick(end, is_end=True)
    meters, off_grid = meter_changes([(line.tick, line.meter) for line in _bar_lines(marks)], end, midi.tpq)
    losses = source.losses + edits.reasons + Counter({"bar lines off the grid": off_grid})
    tempi = tuple(TempoChange(edits.tick(t.time), float(t.qpm)) for t in midi.tempos)
    tracks = tuple(Track(notes, name, track.program) for notes, name, track in zip(voices, names, voiced, strict=False))
    return Score(midi.tpq, tracks, tempi, meters, _keys(marks), title, texts, dict(+losses), chords=_chords(marks))


def _notes(track: Any) -> tuple[ScoreNote, ...]:
    # abc2midi sounds every note one tick late and one tick short.
    return tuple(sorted(ScoreNote(max(0, n.time - 1), n.pitch, n.duration + 1, n.velocity) for n in track.notes))


def _marks(shadow: Any, source: TuneSource, end_ticks: int) -> _Marks:
    """The marks in the order in which they are played, each with its tick and number."""
    first = {control: 128 * i for i, control in enumerate(CONTROLS)}
    late = {n.time for track in shadow.tracks for n in track.notes}  # a mark on the tick of a note-on is as late as that
    found = [(c.time - (c.time in late), first[c.number] + c.value) for t in shadow.tracks for c in t.controls if c.number in first]
    found.sort(key=lambda mark: mark[0])
    return [(tick, i, source.marks[i]) for tick, i in found if i < len(source.marks) and tick < end_ticks - 1]


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
