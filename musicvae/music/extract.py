"""From a score to the melody in it: which track, which notes, which bars, on a sixteenth grid.

Conventions: ticks as in `music.score`, steps as in `music.melody`; bars count from 1 at this door, a
pickup being bar 1. Whatever does not reach the melody is counted by reason in `losses`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from musicvae.music.key import Key, estimate_key
from musicvae.music.melody import DEFAULT_TEMPO_QPM, Melody, Note
from musicvae.music.meter import STEPS_PER_BEAT, SUPPORTED, Meter
from musicvae.music.score import Score, ScoreNote, Track
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH

__all__ = ["Extraction", "Line", "choose_track", "extract_melody", "read_melody"]

_MELODY_NAMES = re.compile(
    r"melod|vocal|vox|\bvoice|\bvoix|sopran|cantus|\bcanto|chant|sing|gesang|stimme|\blead\b|\btune\b|\bs1v1\b|\bsolo|\btheme",
    re.IGNORECASE,
)
_UNSUPPORTED = "bars in unsupported meter"
_MAX_BARS = 20_000
_MAX_NOTES = 500_000
_MAX_NAMES = 12


@dataclass(frozen=True)
class Line:
    """A stretch of constant meter; start_bar counts written bars of the file from 1.

    has_pickup: the first bar is a pickup, its missing beats filled with rests. has_partial_end: the
    last bar was cut short by a change of meter or of the bar lines and is filled with rests.
    """

    melody: Melody
    start_bar: int
    has_pickup: bool = False
    has_partial_end: bool = False

    def whole_bars(self) -> Melody | None:
        """The melody without a pickup or a bar cut short; None if nothing is left."""
        first = int(self.has_pickup)
        bars = self.melody.num_bars - first - int(self.has_partial_end)
        return self.melody.cut(first, bars) if bars > 0 else None


@dataclass(frozen=True)
class Extraction:
    """Lines in the order of the file, the track they come from (from 1), why that one, and what was lost."""

    lines: tuple[Line, ...]
    track: int
    why: str
    losses: Mapping[str, int] = field(default_factory=dict)


def choose_track(score: Score, track: int | str | None = None) -> tuple[int, str]:
    """The number (from 1) of the track that carries the melody, and why it was chosen.

    track: a number or part of a name settles it. Else a track named as melodies are (melody, voice,
    soprano, lead ...), else the best by: few notes at once, treble register, long coverage, and
    earlier in the file. ValueError for a track that is not there or drums, or if there is none.
    """
    names = ", ".join(f"{i} {t.name!r}{' (drums)' if t.is_drum else ''}" for i, t in enumerate(score.tracks[:_MAX_NAMES], 1)) or "none"
    names += f" and {len(score.tracks) - _MAX_NAMES} more" if len(score.tracks) > _MAX_NAMES else ""
    pitched = [i for i, t in enumerate(score.tracks, 1) if t.notes and not t.is_drum]
    if isinstance(track, int):
        if not 1 <= track <= len(score.tracks):
            raise ValueError(f"no track {track}; tracks count from 1 and are: {names}")
        if track not in pitched:
            raise ValueError(f"track {track} has no pitched notes; tracks are: {names}")
        return track, "asked for by number"
    if isinstance(track, str):
        found = [i for i in pitched if track.lower() in score.tracks[i - 1].name.lower()]
        if not found:
            raise ValueError(f"no track with pitched notes is named like {track!r}; tracks are: {names}")
        return found[0], f"its name contains {track!r}"
    if not pitched:
        raise ValueError("no notes in it" if not any(t.notes for t in score.tracks) else "only drums in it; a melody needs pitched notes")
    named = [i for i in pitched if _MELODY_NAMES.search(score.tracks[i - 1].name)]
    if named:
        return named[0], f"its name, {score.tracks[named[0] - 1].name!r}, is that of a melody"
    if len(pitched) == 1:
        return pitched[0], "the only track with pitched notes"
    best = max(pitched, key=lambda i: (_melody_score(score.tracks[i - 1], score) - 0.02 * pitched.index(i), -i))
    return best, "most like a melody by few notes at once, treble register and coverage"


def _melody_score(track: Track, score: Score) -> float:
    """0 to 1, higher for a line in the treble that sounds most of the time."""
    onsets = {n.onset_ticks for n in track.notes}
    single = len(onsets) / len(track.notes)
    pitch = sum(n.pitch for n in track.notes) / len(track.notes)
    register = max(0.0, 1 - abs(pitch - 72) / 24)
    beats = {tick // score.ticks_per_beat for tick in onsets}
    coverage = min(1.0, len(beats) * score.ticks_per_beat / max(1, score.end_ticks) * 1.5)
    return 0.4 * single + 0.35 * register + 0.25 * coverage


def extract_melody(score: Score, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None) -> Extraction:
    """Take one melody out of a score: a line per stretch of constant, supported meter.

    Of notes that start together the highest is kept, and one that starts under a higher note which
    goes on sounding is left out (a second voice); notes that overlap a little are cut. Onsets go to
    the nearest sixteenth (half up). A pickup becomes a first bar with leading rests. start_bar
    (from 1) and bars choose written bars of the whole file. ValueError when nothing is left.
    """
    if start_bar < 1 or (bars is not None and bars < 1):
        raise ValueError(f"start bar {start_bar} and bars {bars} must be at least 1 (bars count from 1)")
    number, why = choose_track(score, track)
    chosen = score.tracks[number - 1]
    if len(chosen.notes) > _MAX_NOTES:
        raise ValueError(f"track {number} has {len(chosen.notes)} notes; at most {_MAX_NOTES} are read: take a part of the file")
    losses: Counter[str] = Counter(score.losses)
    losses["notes in other tracks"] += sum(len(t.notes) for i, t in enumerate(score.tracks, 1) if i != number)
    notes = _skyline(_sane(chosen.notes, losses), score.ticks_per_beat, losses)
    whole = list(_lines(score, chosen, notes, losses))
    cuts = [_chosen_bars(line, start_bar, None if bars is None else start_bar + bars) for line in whole]
    lines = [cut for cut in cuts if cut is not None and cut.melody.notes]
    if not lines:
        raise ValueError(_why_nothing(whole, number, start_bar, bars, +losses))
    return Extraction(tuple(lines), number, why, dict(+losses))


def read_melody(
    path: str | Path, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 0
) -> tuple[Melody, Mapping[str, int]]:
    """The longest line of a file's melody and what was lost, other lines included.

    path: MIDI, MusicXML or ABC; tune: which tune of an ABC file, from 0. ValueError as in
    `read_score` and `extract_melody`, beginning with the path.
    """
    from musicvae.music.reading import read_score

    score = read_score(path, tune=tune)
    try:
        found = extract_melody(score, track=track, start_bar=start_bar, bars=bars)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    best = max(found.lines, key=lambda line: (line.melody.num_bars, len(line.melody.notes)))
    losses = Counter(found.losses)
    losses["bars in other lines"] += sum(line.melody.num_bars for line in found.lines if line is not best)
    return best.melody, dict(+losses)


def _why_nothing(lines: Sequence[Line], track: int, start_bar: int, bars: int | None, losses: Counter[str]) -> str:
    """Why nothing is left of the bars asked for, given all lines of the track and what was lost."""
    unsupported = {reason: count for reason, count in losses.items() if reason.startswith(_UNSUPPORTED)}
    total = sum(line.melody.num_bars for line in lines) + sum(unsupported.values())
    if start_bar > total:
        return f"bar {start_bar} is past the end: the melody of track {track} has {total} bar{'' if total == 1 else 's'}"
    last = total if bars is None else min(total, start_bar + bars - 1)
    where = f"bar {start_bar}" if start_bar == last else f"bars {start_bar} to {last}"
    reasons = ", ".join(f"{count} {reason}" for reason, count in losses.items())
    allowed = f"; meters allowed are {', '.join(SUPPORTED)}" if unsupported else ""
    return f"no melody left in {where} of track {track}{f' ({reasons})' if reasons else ''}{allowed}"


def _sane(notes: Sequence[ScoreNote], losses: Counter[str]) -> list[ScoreNote]:
    kept = []
    for note in sorted(notes):
        if note.duration_ticks <= 0:
            losses["zero-length notes"] += 1
        elif not MIN_PITCH <= note.pitch <= MAX_PITCH:
            losses[f"notes outside {MIN_PITCH}-{MAX_PITCH}"] += 1
        else:
            kept.append(note)
    return kept


def _skyline(notes: list[ScoreNote], ticks_per_beat: int, losses: Counter[str]) -> list[ScoreNote]:
    """One note at a time: the highest of each onset, without those under a note that goes on."""
    together = max(1, ticks_per_beat // 32)  # an eighth of a step: a rolled chord is one onset
    line: list[ScoreNote] = []
    for note in notes:
        if line and note.onset_ticks - line[-1].onset_ticks < together:
            losses["notes in a second voice"] += 1
            if note.pitch > line[-1].pitch:
                line[-1] = replace(note, onset_ticks=line[-1].onset_ticks)
            continue
        overlap = line[-1].onset_ticks + line[-1].duration_ticks - note.onset_ticks if line else 0
        # Played notes overlap a little; a lower one that lies half or more under the last is an inner voice.
        if overlap > 0 and note.pitch < line[-1].pitch and 2 * overlap >= note.duration_ticks:
            losses["notes in a second voice"] += 1
            continue
        if overlap > 0:
            line[-1] = replace(line[-1], duration_ticks=note.onset_ticks - line[-1].onset_ticks)
        line.append(note)
    return line


@dataclass(frozen=True)
class _Segment:
    """Ticks of a stretch of one meter; start may be negative, before a pickup."""

    start: int
    end: int
    meter: Meter
    has_pickup: bool = False


def _segments(score: Score, notes: Sequence[ScoreNote], losses: Counter[str]) -> list[_Segment]:
    end = max((n.onset_ticks + n.duration_ticks for n in notes), default=0)
    end = max(end, score.length_ticks)
    if score.meters:
        changes = [(c.tick, c.meter) for c in score.meters]
    else:
        losses["no meter in the file: 4/4 assumed"] += 1
        changes = [(0, Meter(4, 4))]
    segments: list[_Segment] = []
    for i, (tick, meter) in enumerate(changes):
        until = changes[i + 1][0] if i + 1 < len(changes) else max(end, tick + 1)
        bar = _bar_ticks(meter, score.ticks_per_beat)
        last = segments[-1] if segments else None
        if last and last.meter == meter and min((tick - last.start) % bar, -(tick - last.start) % bar) <= score.ticks_per_beat // 32:
            segments[-1] = replace(last, end=until)
        elif until > tick:
            segments.append(_Segment(tick, until, meter))
    # A first bar of its own, shorter than those that follow, is how MIDI files write a pickup.
    first, *others = segments
    if others and others[0].meter.is_supported and first.end - first.start < _bar_ticks(others[0].meter, score.ticks_per_beat):
        segments = others
    first = segments[0]
    if notes and (lead := first.start - notes[0].onset_ticks) > score.ticks_per_beat // 32:
        bar = _bar_ticks(first.meter, score.ticks_per_beat)
        segments[0] = replace(first, start=first.start + -(-lead // bar) * -bar, has_pickup=True)
    return segments


def _bar_ticks(meter: Meter, ticks_per_beat: int) -> int:
    return max(1, round(meter.beats_per_bar * ticks_per_beat))


def _lines(score: Score, track: Track, notes: list[ScoreNote], losses: Counter[str]) -> Iterator[Line]:
    half_step = score.ticks_per_beat / STEPS_PER_BEAT / 2
    bar_number = 1
    segments = _segments(score, notes, losses)
    for i, segment in enumerate(segments):
        is_last = i + 1 == len(segments)
        low = -float("inf") if i == 0 else segment.start - half_step
        high = float("inf") if is_last else segment.end - half_step
        inside = [n for n in notes if low <= n.onset_ticks < high]
        bar_ticks = _bar_ticks(segment.meter, score.ticks_per_beat)
        num_bars = max(1, -(-(segment.end - segment.start) // bar_ticks))
        # A last note that rings a hair over the bar line opens no new bar.
        if is_last and num_bars > 1 and (segment.end - segment.start) % bar_ticks in range(1, int(half_step) + 1):
            num_bars -= 1
        start_bar, bar_number = bar_number, bar_number + num_bars
        if not segment.meter.is_supported:
            losses[f"{_UNSUPPORTED} {segment.meter}"] += num_bars
            continue
        if num_bars > _MAX_BARS:
            raise ValueError(f"{num_bars} bars in the file; at most {_MAX_BARS} are read: is its meter or its resolution damaged?")
        melody = _quantised(score, track, segment, inside, num_bars, losses)
        partial = not is_last and (segment.end - segment.start) % bar_ticks > half_step
        yield Line(melody, start_bar, segment.has_pickup, partial)


def _quantised(score: Score, track: Track, segment: _Segment, notes: list[ScoreNote], num_bars: int, losses: Counter[str]) -> Melody:
    step_ticks = score.ticks_per_beat / STEPS_PER_BEAT
    total = num_bars * segment.meter.steps_per_bar
    steps: list[Note] = []
    for note in notes:
        exact = (note.onset_ticks - segment.start) / step_ticks
        onset = min(max(0, int(exact + 0.5)), total - 1)
        if abs(exact - onset) > 1 / 8:
            losses["onsets moved to the grid by more than 1/8 step"] += 1
        end = min(total, max(onset + 1, int(exact + note.duration_ticks / step_ticks + 0.5)))
        if steps and onset <= steps[-1].onset_steps:
            losses["notes shorter than a sixteenth merged"] += 1
            continue
        if steps and steps[-1].end_steps > onset:
            steps[-1] = replace(steps[-1], duration_steps=onset - steps[-1].onset_steps)
        steps.append(Note(note.pitch, onset, end - onset, min(127, max(1, note.velocity))))
    qpm = next((t.qpm for t in reversed(score.tempi) if t.tick <= max(0, segment.start) and 0 < t.qpm < 10_000), DEFAULT_TEMPO_QPM)
    return Melody(
        tuple(steps), segment.meter, num_bars, qpm, _key(score, segment, steps), track.program, track.name or score.title or "Melody"
    )


def _key(score: Score, segment: _Segment, notes: Sequence[Note]) -> Key:
    """The stated key that holds longest in the segment, else the estimated one."""
    held: Counter[Key] = Counter()
    for i, change in enumerate(score.keys):
        until = score.keys[i + 1].tick if i + 1 < len(score.keys) else segment.end
        held[change.key] += max(0, min(until, segment.end) - max(change.tick, segment.start))
    if held and max(held.values()) > 0:
        return held.most_common(1)[0][0]
    return estimate_key([n.pitch for n in notes], [float(n.duration_steps) for n in notes])


def _chosen_bars(line: Line, first: int, end: int | None) -> Line | None:
    """The part of a line inside written bars first to end - 1 of the file; None if there is none."""
    start = max(first, line.start_bar)
    stop = line.start_bar + line.melody.num_bars
    stop_wanted = stop if end is None else min(end, stop)
    if start >= stop_wanted:
        return None
    if (start, stop_wanted) == (line.start_bar, stop):
        return line
    return Line(line.melody.cut(start - line.start_bar, stop_wanted - start), start,
                line.has_pickup and start == line.start_bar, line.has_partial_end and stop_wanted == stop)  # fmt: skip
