"""Humanising and groove transfer: the hits of a file get velocities and timing, and everything else in it stays.

Only bars of 4/4, 2/2 and 2/4 are played, since no network has learnt others; bars of other meters in the same file stay as they are. A
change of meter begins a new stretch, which is played by itself. Where a first hit comes before the start of the file, all of it
begins a bar later, tempo, meter and key changes with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.grooving.beats import Beat, beats_of
from musicvae.compose.grooving.feel import Chance, Played, play
from musicvae.compose.grooving.moving import Moves, moves_of
from musicvae.compose.grooving.performance import groove_columns, kept, likened
from musicvae.compose.grooving.rendition import Rendition, Report, bytes_of
from musicvae.compose.intake import Source
from musicvae.compose.pieces.engine import BarEngine
from musicvae.compose.seeds import derived_seed
from musicvae.music.clock import seconds_at
from musicvae.music.converters.drum_hits import hits_of
from musicvae.music.drum_map_files import Kit
from musicvae.music.drums import drum_tracks
from musicvae.music.meter import Meter
from musicvae.music.midi_editing import OpenMidi, open_midi
from musicvae.music.piece import Piece
from musicvae.music.provenance import piece_facts, story_text
from musicvae.music.segments import assumed_meter

__all__ = ["PlayOrder", "chance_of", "humanize", "lead_in", "opened", "stretch_notices"]

EARLY = "the first hit comes before the start of the file, so that all begins a bar later"
_WRITTEN_STEPS = 1 / 48
FINER = "{name}: {old} ticks a beat became {new}, so that timing is kept finely"


@dataclass(frozen=True, eq=False)
class PlayOrder:
    """How a file is to be played.

    amount: 0 to 1 of the feel. vector: (Z,), added to every z. track: the drums (default: those on the drum channel). apply_to: tracks, by
    number from 1 or part of a name, that take the timing of the beat. afresh: the timing that is there is taken away first. kit: whose
    notes are written (default: those of the file). story: what provenance says. lead_in_bars: silent ones to begin with, at least.
    """

    chance: Chance
    amount: float = 1.0
    vector: Floats | None = None
    track: int | str | None = None
    apply_to: Sequence[int | str] = ()
    afresh: bool = False
    kit: Kit | None = None
    story: Mapping[str, Any] = field(default_factory=dict)
    lead_in_bars: int = 0


def humanize(
    engine: BarEngine, source: Source, order: PlayOrder, *, like: Source | None = None, like_track: int | str | None = None,
    keep: bool = False,
) -> Rendition:  # fmt: skip
    """The file with its hits played, by the feel of `like` where it is given; the very same bytes at amount 0 without a kit.

    like: a performance; the feel of its longest stretch is repeated as long as the hits go on, bar by bar, with what its code misses given
    back unless a style moves it. keep: hits that it has too are played as there. ValueError where there are no drums, or none in 4/4, 2/2
    or 2/4, and for tracks that are not there.
    """
    name, data, notices = bytes_of(source)
    file, parts, beats, told = opened(name, data, order.track)
    notices += told
    if not order.afresh and order.amount > 0 and _is_played(beats):
        notices += (f"{name}: its hits are off the grid already, and the feel comes on top of that (afresh takes it away first)",)
    followers = tuple(dict.fromkeys(_follower(file, track, parts) for track in order.apply_to))
    model = None
    if like is not None:
        model, more = _performance(like, like_track)
        notices += more
    played = []
    for number, beat in enumerate(beats):
        own = None if model is None else _as_long_as(model, beat.num_bars)
        feel = play(engine, beat.hits, beat.tempo, chance_of(order.chance, number), vector=order.vector, like=own)
        if own is not None and order.vector is None:
            heard = play(engine, hits_of(own["bars"] > 0), own["tempo"], Chance(order.chance.seed, 0.0), like=own)
            feel = likened(feel, heard, own)
        played.append(kept(feel, own) if keep and own is not None else feel)
    written = _written(file, beats, played, order, followers)
    made = _rendition(name, file, beats, written, order, notices)
    return replace(made, piece=source) if isinstance(source, Piece) else made


def opened(name: str, data: bytes, track: int | str | None) -> tuple[OpenMidi, tuple[int, ...], tuple[Beat, ...], tuple[str, ...]]:
    """The file, its tracks of drums (numbers from 1), their beats, and what was chosen or left out; errors begin with the name."""
    losses: Counter[str] = Counter()
    try:
        file = open_midi(data)
        parts, why = drum_tracks(file.score, track)
        beats = beats_of(file, parts, losses)
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(name) else f"{name}: {text}") from None
    tracks = f"{'track' if len(parts) == 1 else 'tracks'} {', '.join(map(str, parts))}"
    return file, parts, beats, (f"{name}: {tracks} ({why})", *stretch_notices(name, losses))


def stretch_notices(name: str, losses: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for what was left as it is, if anything was."""
    found = ", ".join(f"{reason}: {count}" for reason, count in losses.items() if count)
    return (f"{name}: {found}",) if found else ()


def chance_of(chance: Chance, stretch: int) -> Chance:
    """The chance of stretch 0, 1, ... of a file; stretch 0 has it as it is."""
    return chance if stretch == 0 else replace(chance, seed=derived_seed(chance.seed, f"stretch {stretch}"))


def lead_in(file: OpenMidi, first_onset: int, factor: int, least: int = 0) -> tuple[int, int]:
    """Whole bars, so many at least, and ticks (of `factor` times the file's) by which all must begin later for a first onset below 0."""
    meter = file.score.meters[0].meter if file.score.meters and not assumed_meter(file.score) else Meter(4, 4)
    bar = round(meter.beats_per_bar * file.ticks_per_beat) * factor
    bars = max(least, -(first_onset // bar))
    return bars, bars * bar


def _is_played(beats: Sequence[Beat]) -> bool:
    """Whether most hits lie where nobody writes them."""
    return float(np.median(np.concatenate([np.abs(beat.exact - beat.step) for beat in beats]))) > _WRITTEN_STEPS


def _follower(file: OpenMidi, track: int | str, drums: Sequence[int]) -> int:
    """The number (from 1) of a pitched track; ValueError where it is none."""
    from musicvae.music.tracks import choose_track

    if isinstance(track, int) and track in drums:
        raise ValueError(f"track {track} is the beat itself: --apply-to (apply_to) names pitched tracks that shall follow it")
    return choose_track(file.score, track)[0]


def _performance(source: Source, track: int | str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Columns (B, ...) of the longest stretch of a performance, and what was chosen."""
    if isinstance(source, Piece) and source.material == "groove":
        return groove_columns(source), ()
    name, data, notices = bytes_of(source)
    _, _, beats, told = opened(name, data, track)
    beat = max(beats, key=lambda found: found.num_bars)
    more = (f"{name}: the feel of its longest stretch is taken, {beat.num_bars} of its bars",) if len(beats) > 1 else ()
    return beat.columns, (*notices, *told, *more)


def _as_long_as(columns: Mapping[str, Any], bars: int) -> dict[str, Any]:
    """Columns of so many bars, begun again as often as need be."""
    return {name: column[np.arange(bars) % len(column)] for name, column in columns.items()}


@dataclass(frozen=True, eq=False)
class _Written:
    data: bytes
    moves: Moves
    lead_in_bars: int
    is_same: bool


def _written(file: OpenMidi, beats: Sequence[Beat], played: Sequence[Played], order: PlayOrder, followers: Sequence[int]) -> _Written:
    notes = file.notes
    pitch = notes.pitch.copy()
    hits = np.concatenate([beat.notes for beat in beats])
    if order.kit is not None:
        drums = np.isin(notes.part, np.unique(notes.part[hits]))
        pitch[drums] = order.kit.of_pitch[pitch[drums]]
    moves = moves_of(file, beats, played, order.amount, afresh=order.afresh, followers=followers, pitch=pitch)
    if order.amount == 0 and np.array_equal(pitch, notes.pitch):
        return _Written(file.data, moves, 0, True)
    lead_bars, lead = lead_in(file, int(moves.onset.min()), moves.factor, order.lead_in_bars)
    story = dict(order.story)
    if lead and not piece_facts(file.score):
        story["piece"] = {"lead_in": lead_bars}
    changes = replace(
        file.unchanged(moves.factor), onset=moves.onset + lead, end=moves.end + lead, velocity=moves.velocity, pitch=pitch, lead_in=lead,
        lead_in_bars=lead_bars, text=story_text(story) if story else "",
    )  # fmt: skip
    return _Written(file.written(changes), moves, lead_bars, False)


def _rendition(
    name: str, file: OpenMidi, beats: Sequence[Beat], written: _Written, order: PlayOrder, notices: tuple[str, ...]
) -> Rendition:
    moves = written.moves
    more = []
    if written.lead_in_bars:
        more.append(f"{name}: {EARLY}")
    if moves.ended and not written.is_same:
        more.append(f"{name}: {moves.ended} notes end where the next of the same pitch now begins")
    if moves.factor > 1 and not written.is_same:
        more.append(FINER.format(name=name, old=file.ticks_per_beat, new=file.ticks_per_beat * moves.factor))
    if file.foreign_bytes and not written.is_same:
        more.append(f"{name}: {file.foreign_bytes} bytes that are no tracks of MIDI are left out")
    report = _report(file, beats, moves, written.lead_in_bars)
    return Rendition(written.data, name, report, dict(order.story), (*notices, *more))


def _report(file: OpenMidi, beats: Sequence[Beat], moves: Moves, lead_in_bars: int) -> Report:
    hits = np.concatenate([beat.notes for beat in beats])
    before = seconds_at(file.score, file.notes.onset[hits])
    shift = (seconds_at(file.score, moves.onset[hits] / moves.factor) - before) * 1000
    changed = (np.abs(shift) > 0) | (moves.velocity[hits] != file.notes.velocity[hits])
    loud = moves.velocity[hits]
    return Report(
        len(hits), int(changed.sum()), float(np.abs(shift).mean()), float(shift.mean()), (int(loud.min()), int(loud.max())),
        sum(beat.num_bars for beat in beats), lead_in_bars,
    )  # fmt: skip
