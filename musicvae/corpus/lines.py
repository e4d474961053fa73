"""From a score to the lines that are stored: whole bars of one meter, in the canonical key, as rows of columns.

Conventions: bars are model bars unless said otherwise. A pickup and bars cut short by a change of meter are left out,
so that every line begins on a bar line; empty bars at both ends are too. What is left out is counted by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.windows import onsets_of
from musicvae.corpus.likeness.fingerprints import drum_shingles, groove_shingles, melody_shingles, melody_skeleton, trio_shingles
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.reasons import normal_reason
from musicvae.corpus.tunes import SourceTune, StoredLine, Tune
from musicvae.music.chord_rows import chord_rows
from musicvae.music.drum_maps import drum_map
from musicvae.music.drums import cut_rows, drum_tracks, extract_drums
from musicvae.music.extract import extract_grid
from musicvae.music.grid import GridLine, sane_notes
from musicvae.music.groove import extract_grooves
from musicvae.music.key import Key, canonical_shift
from musicvae.music.meter import MAX_STEPS_PER_BAR, Meter
from musicvae.music.multitrack import extract_performances
from musicvae.music.score import NoteTable, Score
from musicvae.music.segments import segments, tempo_at
from musicvae.music.timing import grid_losses, measure_timing
from musicvae.music.trio import TrioLine, extract_trios
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MAX_PITCH, MIN_PITCH

__all__ = ["MIN_NOTES", "take_tune"]

MIN_NOTES = 8
"""Lines of fewer notes (hits, for drums) are left out."""
_FEW = f"notes in lines of fewer than {MIN_NOTES}"
_BROKEN = "bars in pickups or cut short"
_OUTSIDE = "notes outside the vocabulary after transposing"
_FREE = "tunes with most onsets off the grid: played freely, or with a wrong tempo?"
_MOST_OFF = 0.5
_MAX_COUNT = 255
Rows = dict[str, NDArray[Any]]
Shingles = NDArray[np.uint64]


def take_tune(tune: SourceTune, score: Score, options: BuildOptions) -> tuple[Tune | None, Mapping[str, int], str]:
    """The tune as it is stored, what was lost on the way (reason -> count), and "" or, with None, why nothing could be taken.

    Lines come longest first. `tune.track` says where the melody is; of drums it is heeded only where it is a track of drums.
    """
    losses: Counter[str] = Counter()
    try:
        taken = _TAKERS[options.material](tune, score, options, losses)
    except ValueError as error:
        return None, {}, normal_reason(error)
    if not taken.lines:
        return None, dict(+losses), _why_nothing(losses, options)
    lines = tuple(sorted(taken.lines, key=lambda line: -line.num_bars))
    stored = Tune(tune.source, tune.tune_id, tune.file, tune.tags, tune.split, lines, taken.shingles, taken.skeleton)
    return stored, dict(+losses), ""


@dataclass(frozen=True)
class _Taken:
    lines: list[StoredLine]
    shingles: Shingles
    skeleton: Shingles


_NOTHING = np.zeros(0, np.uint64)
_Taker = Callable[[SourceTune, Score, BuildOptions, "Counter[str]"], _Taken]


def _why_nothing(losses: Counter[str], options: BuildOptions) -> str:
    reason = f"fewer than {MIN_NOTES} {'hits' if options.material in ('drums', 'groove') else 'notes'} in whole bars of one meter"
    unasked = sorted(name for name in losses if name.startswith("bars in meters not asked for"))
    return f"{reason}; {', '.join(unasked)}" if unasked else reason


def _is_asked_for(meter: Meter, num_bars: int, options: BuildOptions, losses: Counter[str]) -> bool:
    if meter.kind in options.meters:
        return True
    losses[f"bars in meters not asked for ({meter})"] += num_bars
    return False


def _melody(tune: SourceTune, score: Score, options: BuildOptions, losses: Counter[str]) -> _Taken:
    found = extract_grid(score, track=tune.track)
    losses.update(found.losses)
    track = NoteTable.of(score.tracks[found.track - 1].notes)
    places = _Places(score, track)
    timing = measure_timing(track, score.ticks_per_beat, start_ticks=places.first)
    if timing.off_grid > options.max_off_grid:
        raise ValueError(f"more than {options.max_off_grid:.0%} of the onsets are off the sixteenth grid")
    losses[_FREE] += timing.off_grid > _MOST_OFF
    losses.update(grid_losses(timing))
    kept = []
    for line in found.lines:
        losses[_BROKEN] += line.has_pickup + line.has_partial_end
        if not _is_asked_for(line.meter, line.num_bars, options, losses):
            continue
        whole = line.whole_bars()
        if whole is None or len(whole) < MIN_NOTES:
            losses[_FEW] += 0 if whole is None else len(whole)
            continue
        shift = canonical_shift(whole.key, float(whole.pitch.sum() / len(whole))) if options.transpose else 0
        moved = _trimmed(_transposed(whole, shift, losses))
        if moved is None:
            continue
        start = places.of_bar(moved.start_bar)
        tokens = moved.tokens()
        rows = {
            "bars": _wide(tokens),
            "chords": chord_rows(score, start, moved.meter, moved.num_bars, shift),
            "onsets": _capped((tokens >= FIRST_PITCH_TOKEN).sum(axis=1)),
        }
        kept.append((moved, _stored(rows, moved.meter, moved.start_bar, tempo_at(score, start), whole.key, shift)))
    lines = [line for line, _ in kept]
    skeleton = melody_skeleton((n.pitch, n.onset_steps, n.duration_steps, n.meter) for n in lines)
    return _Taken([stored for _, stored in kept], melody_shingles((n.pitch, n.onset_steps) for n in lines), skeleton)


def _transposed(line: GridLine, shift: int, losses: Counter[str]) -> GridLine:
    """The line `shift` semitones higher, without the notes that leave the vocabulary."""
    pitch = line.pitch + shift
    kept = (pitch >= MIN_PITCH) & (pitch <= MAX_PITCH)
    if kept.all():
        return replace(line, pitch=pitch)
    losses[_OUTSIDE] += len(pitch) - int(np.count_nonzero(kept))
    return replace(
        line, pitch=pitch[kept], onset_steps=line.onset_steps[kept], duration_steps=line.duration_steps[kept], velocity=line.velocity[kept]
    )


def _trimmed(line: GridLine) -> GridLine | None:
    """The line without empty bars at its ends; 2/4 is cut at pairs of bars, so that its model bars stay whole."""
    if not len(line):
        return None
    per_model_bar, width = line.meter.written_per_model_bar, line.meter.steps_per_model_bar
    first = int(line.onset_steps[0]) // width * per_model_bar
    end = (int(line.onset_steps[-1] + line.duration_steps[-1]) - 1) // width * per_model_bar + per_model_bar
    return line.cut(first, min(end, line.num_bars) - first)


def _drums(tune: SourceTune, score: Score, options: BuildOptions, losses: Counter[str]) -> _Taken:
    found = extract_drums(score, drum_map(options.drum_map), track=_drum_track(tune, score))
    losses.update(found.losses)
    lines = []
    for line in found.lines:
        cut = _whole_rows(score, line, {"bars": line.hits}, options, losses)
        if cut is not None:
            lines.append(cut)
    return _Taken(lines, drum_shingles(line.rows["bars"] for line in lines), _NOTHING)


def _groove(tune: SourceTune, score: Score, options: BuildOptions, losses: Counter[str]) -> _Taken:
    found = extract_grooves(score, drum_map(options.drum_map), track=_drum_track(tune, score))
    losses.update(found.losses)
    lines = []
    for line in found.lines:
        cut = _whole_rows(score, line, {"bars": line.velocity, "offsets": line.offset.astype(np.float16)}, options, losses)
        if cut is not None:
            lines.append(cut)
    return _Taken(lines, groove_shingles(line.rows["bars"] for line in lines), _NOTHING)


def _drum_track(tune: SourceTune, score: Score) -> int | str | None:
    """The tune's own track if that is one of drums: collections name the one of their melody."""
    if tune.track is None:
        return None
    try:
        numbers, _ = drum_tracks(score, tune.track)
    except ValueError:
        return None
    return tune.track if all(score.tracks[i - 1].is_drum for i in numbers) else None


def _whole_rows(score: Score, line: Any, rows: Rows, options: BuildOptions, losses: Counter[str]) -> StoredLine | None:
    """A line of drums as it is stored; None if too little is left."""
    losses[_BROKEN] += line.has_pickup + line.has_partial_end
    if not _is_asked_for(line.meter, line.num_bars, options, losses):
        return None
    meter: Meter = line.meter
    first = int(line.has_pickup)
    whole = line.num_bars - first - int(line.has_partial_end)
    if whole < 1:
        return None
    cut = {name: cut_rows(column, meter, first, whole) for name, column in rows.items()}
    hits = _hits(cut["bars"])
    if int(hits.sum()) < MIN_NOTES:
        losses[_FEW] += int(hits.sum())
        return None
    filled = np.flatnonzero(hits)
    begin, end = int(filled[0]), int(filled[-1]) + 1
    kept: Rows = {**{name: column[begin:end] for name, column in cut.items()}, "onsets": _capped(hits[begin:end])}
    bars_before = first + begin * meter.written_per_model_bar
    ticks = line.start_ticks + round(bars_before * meter.beats_per_bar * score.ticks_per_beat)
    return _stored(kept, meter, line.start_bar + bars_before, tempo_at(score, ticks), None, 0)


def _hits(bars: NDArray[Any]) -> NDArray[np.int64]:
    """Hits in each bar, from bits (B, 16) or velocities (B, 16, 9)."""
    flags = bars > 0 if bars.ndim == 3 else np.unpackbits(np.ascontiguousarray(bars).view(np.uint8), axis=1)
    counts: NDArray[np.int64] = flags.reshape(len(bars), -1).sum(axis=1, dtype=np.int64)
    return counts


def _trio(tune: SourceTune, score: Score, options: BuildOptions, losses: Counter[str]) -> _Taken:
    found = extract_trios(score, drum_map(options.drum_map))
    losses.update(found.losses)
    lines, melodies, basses = [], [], []
    for line in found.lines:
        if not _is_asked_for(line.meter, line.num_bars, options, losses):
            continue
        if len(line.melody) + len(line.bass) < MIN_NOTES:
            losses[_FEW] += len(line.melody) + len(line.bass)
            continue
        shift = _trio_shift(line) if options.transpose else 0
        melody, bass = _transposed(line.melody, shift, losses), _transposed(line.bass, shift, losses)
        tokens, low = melody.tokens(), bass.tokens()
        rows: Rows = {
            "bars": _wide(tokens),
            "bass": _wide(low),
            "drums": line.hits,
            "chords": chord_rows(score, line.start_ticks, line.meter, line.num_bars, shift),
            "onsets": _capped((tokens >= FIRST_PITCH_TOKEN).sum(axis=1) + (low >= FIRST_PITCH_TOKEN).sum(axis=1) + _hits(line.hits)),
        }
        lines.append(_stored(rows, line.meter, line.start_bar, line.melody.tempo_qpm, line.melody.key, shift))
        melodies.append(melody)
        basses.append(bass)
    shingles = trio_shingles([(n.pitch, n.onset_steps) for n in melodies], [(n.pitch, n.onset_steps) for n in basses])
    return _Taken(lines, shingles, melody_skeleton((n.pitch, n.onset_steps, n.duration_steps, n.meter) for n in melodies))


def _trio_shift(line: TrioLine) -> int:
    """Semitones to a signature without accidentals, as few as possible: the parts keep their registers.

    Where a bass would sink below the vocabulary, an octave more.
    """
    nearest = -line.melody.key.major_tonic % 12
    ways = (nearest, nearest - 12) if nearest <= 6 else (nearest - 12, nearest)
    pitch = np.concatenate([line.melody.pitch, line.bass.pitch])
    lost = [int(((pitch + shift < MIN_PITCH) | (pitch + shift > MAX_PITCH)).sum()) for shift in ways]
    return ways[0] if lost[0] <= lost[1] else ways[1]


def _performance(tune: SourceTune, score: Score, options: BuildOptions, losses: Counter[str]) -> _Taken:
    found = extract_performances(score)
    losses.update(found.losses)
    lines = []
    for line in found.lines:
        if _is_asked_for(line.meter, line.num_bars, options, losses):
            rows: Rows = {
                "bars": line.bars,
                "chords": chord_rows(score, line.start_ticks, line.meter, line.num_bars, 0),
                "onsets": onsets_of(line.bars, "performance"),
            }
            lines.append(_stored(rows, line.meter, line.start_bar, line.tempo_qpm, line.key, 0))
    try:  # alike are pieces of one melody
        sung = extract_grid(score, track=tune.track).lines
    except ValueError:
        return _Taken(lines, _NOTHING, _NOTHING)
    skeleton = melody_skeleton((n.pitch, n.onset_steps, n.duration_steps, n.meter) for n in sung)
    return _Taken(lines, melody_shingles((n.pitch, n.onset_steps) for n in sung), skeleton)


_TAKERS: Mapping[str, _Taker] = {
    "melody": _melody, "drums": _drums, "groove": _groove, "trio": _trio, "performance": _performance,
}  # fmt: skip


def _stored(rows: Rows, meter: Meter, start_bar: int, tempo_qpm: float, key: Key | None, shift: int) -> StoredLine:
    return StoredLine(rows, meter.kind_index, str(meter), start_bar, tempo_qpm, key, shift)


def _wide(tokens: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tokens (B, S) in rows of 16."""
    rows = np.zeros((len(tokens), MAX_STEPS_PER_BAR), np.uint8)
    rows[:, : tokens.shape[1]] = tokens
    return rows


def _capped(counts: NDArray[Any]) -> NDArray[np.uint8]:
    capped: NDArray[np.uint8] = np.minimum(counts, _MAX_COUNT).astype(np.uint8)
    return capped


class _Places:
    """Where the bars of a track's lines begin, in ticks."""

    def __init__(self, score: Score, track: NoteTable) -> None:
        onset, _, duration, _ = sane_notes(track, Counter())
        first = int(onset[0]) if len(onset) else None
        self._segments = segments(score, int((onset + duration).max()) if len(onset) else 0, first)
        self._ticks_per_beat = score.ticks_per_beat

    @property
    def first(self) -> int:
        """Where the first bar of the longest segment begins."""
        return max(self._segments, key=lambda segment: segment.num_bars).start

    def of_bar(self, bar: int) -> int:
        """Tick at which a written bar (from 1) begins."""
        segment = next(s for s in reversed(self._segments) if s.start_bar <= bar)
        return segment.start + round((bar - segment.start_bar) * segment.meter.beats_per_bar * self._ticks_per_beat)
