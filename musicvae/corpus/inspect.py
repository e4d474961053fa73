"""What a build would take from one file, and why: tracks, maps, timing, lines, and every window.

The same functions decide as in a build: `corpus.lines.take_tune` takes the lines, `corpus.disk.windows.find_windows`
the windows. Conventions: as in `corpus.inspection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from musicvae.corpus.disk.windows import REASONS, Table, find_windows, hop_of
from musicvae.corpus.inspection import Change, Inspection, LineView, TrackView, WindowView
from musicvae.corpus.lines import take_tune
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.sources.archives import is_archive
from musicvae.corpus.sources.collections import tunes_of
from musicvae.corpus.sources.items import Skipped, expand
from musicvae.corpus.tunes import SourceFile, SourceTune, StoredLine
from musicvae.corpus.work.guard import Guard
from musicvae.corpus.work.results import STOPPED
from musicvae.music.drums import drum_tracks
from musicvae.music.meter import Meter
from musicvae.music.reading import file_format
from musicvae.music.score import NoteTable, Score
from musicvae.music.segments import Segment, segments
from musicvae.music.timing import Timing, measure_timing
from musicvae.music.tracks import choose_track, rank_tracks
from musicvae.music.trio_choice import choose_trio

__all__ = ["inspect_file", "inspect_score", "write_picture"]


def inspect_file(
    path: str | Path,
    *,
    material: str | None = None,
    bars: Sequence[int] | None = None,
    track: int | str | None = None,
    start_bar: int = 1,
    tune: int = 0,
    options: BuildOptions | None = None,
    guarded: bool = True,
) -> Inspection:
    """What a build with these options would take from a file of music, and why.

    material, bars: take the place of those in `options` (default: `BuildOptions()`). track (a number from 1 or a part of a name)
    and start_bar (from 1) take the place of what would be chosen; tune: which of a file of many, from 0. guarded: let a process of its own
    read it first, so that a file that crashes or hangs its reader is refused like others. OSError or ValueError for a file that
    cannot be read; one from which nothing is taken is described, with the reason.
    """
    chosen = options or BuildOptions()
    chosen = replace(chosen, material=material or chosen.material, bars=tuple(bars or chosen.bars))
    source, file, tunes = _source_tune(Path(path), tune)
    if guarded:
        _try(file, path, chosen)
    return inspect_score(_read(source, Path(path)), path=str(path), file_kind=file_format(path), source=source, tunes=tunes,
                         track=track, start_bar=start_bar, options=chosen)  # fmt: skip


def inspect_score(
    score: Score,
    *,
    path: str,
    file_kind: str,
    source: SourceTune,
    tunes: int = 1,
    track: int | str | None = None,
    start_bar: int = 1,
    options: BuildOptions,
) -> Inspection:
    """As `inspect_file`, for a score that has been read; source: what is known of it (its tags, track and split)."""
    if start_bar < 1:
        raise ValueError(f"start bar {start_bar} must be at least 1 (bars count from 1)")
    asked = source.track if track is None else track
    taken, losses, reason = take_tune(replace(source, track=asked), score, options)
    choice = _choice(score, asked, options)
    if not choice.roles:
        if track is not None:
            raise ValueError(f"{path}: {choice.why}")
        reason = choice.why  # in full: reasons that a build counts leave out what differs from file to file
    if track is None and source.track is not None and choice.roles:
        choice = replace(choice, why=f"what is known of {source.source} says so")
    lines = tuple(_line(cut, options) for line in (taken.lines if taken else ()) if (cut := _from_bar(line, start_bar)) is not None)
    if taken and not lines:
        last = max(_last_bar(line) for line in taken.lines)
        reason = f"bar {start_bar} is past the end: what can be taken ends with bar {last}"
    timing = _timing(score, choice.roles)
    at = _Places(score, choice.roles)
    return Inspection(
        path=path, format=file_kind, title=score.title, material=options.material,
        hop_bars=options.hop_bars, source=source.source, tune_id=source.tune_id,
        tunes=tunes, length_beats=score.end_ticks / score.ticks_per_beat, tracks=_tracks(score, choice),
        meters=at.changes([(c.tick, str(c.meter)) for c in score.meters]),
        tempi=at.changes([(c.tick, f"{c.qpm:.5g}") for c in score.tempi]),
        keys=at.changes([(c.tick, str(c.key)) for c in score.keys]),
        chords=at.changes([(c.tick, str(c.chord) if c.chord else "none") for c in score.chords]),
        timing={name: None if value != value else value for name, value in asdict(timing).items()},  # nan
        timing_told=str(timing), lines=lines, why=choice.why, losses=dict(losses), tags=dict(source.tags),
        split=source.split, reason=reason, score=score,
    )  # fmt: skip


def write_picture(told: Inspection, path: str | Path, *, force: bool = False) -> Path:
    """Draw all tracks with those that were taken marked, bar lines, and the windows that are kept; errors as in `music.picture`."""
    from musicvae.music.picture import ScoreMarks, write_score_roll

    if told.score is None:
        raise ValueError("this inspection has no score to draw; take what inspect_file returned, not what was made from its JSON")
    roles = {track.number: track.role for track in told.tracks if track.role}
    at = _Places(told.score, roles)
    kept: dict[str, list[tuple[int, int]]] = {}
    for window in told.windows:
        stretches = kept.setdefault(f"{window.bars} bar{'' if window.bars == 1 else 's'}", [])
        if window.kept:
            stretches.append((at.begin(window.first), at.begin(window.last + 1)))
    return write_score_roll(told.score, path, ScoreMarks(roles, at.bars(), kept), title=told.tune_id, force=force)


def _source_tune(path: Path, number: int) -> tuple[SourceTune, SourceFile, int]:
    """A tune of a file as a build would read it, the file with that tune alone, and how many it holds."""
    if is_archive(path) and path.is_file():
        raise ValueError(f"{path} is an archive: unpack it and give one of its files ('musicvae corpus build' takes it as it is)")
    file_format(path)  # says what is wrong with what is no music file
    skipped = Skipped()
    tunes = [(tune, file, i) for file in expand([path], skipped=skipped) for i, tune in enumerate(tunes_of(file))]
    if not tunes:
        raise ValueError(f"{path}: a build would not take this file: {'; '.join(skipped.to_dict()) or 'no recipe asks for it'}")
    if not 0 <= number < len(tunes):
        raise ValueError(f"{path} has no tune {number + 1}: it holds {len(tunes)}")
    tune, file, place = tunes[number]
    return tune, replace(file, first_tune=file.first_tune + place, tunes=1), len(tunes)


def _try(file: SourceFile, path: str | Path, options: BuildOptions) -> None:
    """Read a file in a process of its own; ValueError if that did not survive it."""
    with Guard(options.max_seconds, options.max_memory_mib) as guard:
        stopped = [failure for failure in guard.read(file, options).failures if failure.kind == STOPPED]
    if stopped:
        raise ValueError(f"{path}: {stopped[0].reason}; a build would leave it out for the same reason")


def _read(tune: SourceTune, path: Path) -> Score:
    """The score of a tune; errors begin with the path."""
    try:
        return tune.read()
    except ValueError as error:
        raise ValueError(f"{path}: {str(error).removeprefix(str(path)).removeprefix(': ')}") from None


@dataclass(frozen=True)
class _Choice:
    """What each track (by its number from 1) is taken as, why, and how the tracks were scored: number -> (score, terms)."""

    roles: Mapping[int, str]
    why: str
    scores: Mapping[int, tuple[float, Mapping[str, float]]]


def _choice(score: Score, asked: int | str | None, options: BuildOptions) -> _Choice:
    """The choice that the build makes; with the reason where it finds nothing."""
    scores: dict[int, tuple[float, Mapping[str, float]]] = {}
    try:
        if options.material in ("drums", "groove"):
            numbers, why = drum_tracks(score, asked)
            return _Choice(dict.fromkeys(numbers, options.material), why, scores)
        if options.material == "trio":
            trio = choose_trio(score)
            for each in reversed(trio.candidates):  # the best of a track's roles last
                scores[each.track] = (each.score, dict(each.terms))
            return _Choice({trio.melody: "melody", trio.bass: "bass", **dict.fromkeys(trio.drums, "drums")}, trio.why, scores)
        if options.material == "performance":
            filled = [number for number, track in enumerate(score.tracks, 1) if len(track.notes)]
            return _Choice(dict.fromkeys(filled, "instrument"), "every track that has notes" if filled else "no notes in it", scores)
        scores = {each.track: (each.score, dict(each.terms)) for each in rank_tracks(score)}
        number, why = choose_track(score, asked)
    except ValueError as error:
        return _Choice({}, str(error), scores)
    return _Choice({number: "melody"}, why, scores)


def _tracks(score: Score, choice: _Choice) -> tuple[TrackView, ...]:
    views = []
    for number, track in enumerate(score.tracks, 1):
        pitches = NoteTable.of(track.notes).pitch
        lowest, highest = (int(pitches.min()), int(pitches.max())) if len(pitches) else (None, None)
        points, terms = choice.scores.get(number, (None, {}))
        role = choice.roles.get(number, "")
        views.append(TrackView(number, track.name, track.program, track.is_drum, len(pitches), lowest, highest, points, terms, role))
    return tuple(views)


class _Places:
    """Where ticks lie in written bars, as the tracks that were taken have them counted."""

    def __init__(self, score: Score, roles: Mapping[int, str]) -> None:
        onsets = [int(NoteTable.of(t.notes).onset_ticks[0]) for i, t in enumerate(score.tracks, 1) if len(t.notes) and i in roles]
        self.beat = score.ticks_per_beat
        self.segments: list[Segment] = segments(score, score.end_ticks, min(onsets, default=None))

    def bar(self, tick: int) -> int:
        """The bar that a tick lies in; bar 1 for all before."""
        held = [s for s in self.segments if s.start <= tick] or self.segments[:1]
        inside = int((tick - held[-1].start) / (held[-1].meter.beats_per_bar * self.beat))
        return held[-1].start_bar + min(max(0, inside), held[-1].num_bars - 1)

    def begin(self, bar: int) -> int:
        """The tick at which a bar begins; of one past the end, where it would."""
        segment = [s for s in self.segments if s.start_bar <= bar][-1]
        return round(segment.start + (bar - segment.start_bar) * segment.meter.beats_per_bar * self.beat)

    def bars(self) -> list[tuple[int, int]]:
        """Tick and number of every bar."""
        return [(self.begin(bar), bar) for s in self.segments for bar in range(s.start_bar, s.start_bar + s.num_bars)]

    def changes(self, values: Sequence[tuple[int, str]]) -> tuple[Change, ...]:
        """Values with beat and bar."""
        return tuple(Change(tick / self.beat, self.bar(tick), value) for tick, value in values)


def _timing(score: Score, roles: Mapping[int, str]) -> Timing:
    """Timing of the tracks that were taken together; of all where none was."""
    tables = [NoteTable.of(t.notes) for i, t in enumerate(score.tracks, 1) if t.notes and (i in roles or not roles)]
    columns = ("onset_ticks", "pitch", "duration_ticks", "velocity")
    empty = np.zeros(0, np.int64)
    joined = NoteTable(*(np.concatenate([empty, *(getattr(t, name) for t in tables)]) for name in columns))
    return measure_timing(joined, score.ticks_per_beat)


def _from_bar(line: StoredLine, start_bar: int) -> StoredLine | None:
    """The line from a written bar of the file on; None if it ends before."""
    ratio = Meter.parse(line.meter).written_per_model_bar
    first = max(0, -(-(start_bar - line.start_bar) // ratio))
    if first >= line.num_bars:
        return None
    return replace(line, rows={name: rows[first:] for name, rows in line.rows.items()}, start_bar=line.start_bar + first * ratio)


def _last_bar(line: StoredLine) -> int:
    return line.start_bar + line.num_bars * Meter.parse(line.meter).written_per_model_bar - 1


def _line(line: StoredLine, options: BuildOptions) -> LineView:
    ratio = Meter.parse(line.meter).written_per_model_bar
    table = Table(options.material, np.zeros(1, np.int64), np.array([line.num_bars]), line.rows["onsets"])
    windows = []
    for bars in options.bars:
        for found in find_windows(table, np.zeros(1, np.int64), bars=bars, hop=hop_of(bars, options.hop_bars)):
            for (_, start, width), reason in zip(found.windows.tolist(), found.reason.tolist(), strict=True):
                first = line.start_bar + start * ratio
                windows.append(WindowView(bars, first, first + width * ratio - 1, REASONS[reason] if reason else ""))
    return LineView(
        line.start_bar, _last_bar(line), line.num_bars, line.meter, str(line.key) if line.key else "", line.shift, line.tempo_qpm,
        int(line.rows["onsets"].sum()), tuple(windows), tuple(bars for bars in options.bars if bars > line.num_bars),
    )  # fmt: skip
