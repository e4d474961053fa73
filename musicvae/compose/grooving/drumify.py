"""Drums for a rhythm: taps, or the onsets of any track, become a beat, which is then played.

Where the rhythm itself is played off the grid, what falls on a tap keeps the tap's timing; all other timing and all loudness come from
the network that plays hits. What is no 4/4, 2/2 or 2/4 gets no drums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.grooving.beats import Beat, beats_of
from musicvae.compose.grooving.expecting import ExpectingEngine, expected_hits
from musicvae.compose.grooving.feel import Chance, Played, decoded, drawn_z, joined, moved_z, play, reaches, shown
from musicvae.compose.grooving.humanize import EARLY, FINER, chance_of, lead_in, stretch_notices
from musicvae.compose.grooving.rendition import Rendition, Report, bytes_of
from musicvae.compose.intake import Source
from musicvae.compose.pieces.engine import BarEngine, Columns
from musicvae.compose.seeds import derived_seed, window_seed
from musicvae.music.drum_map_files import KITS, Kit
from musicvae.music.drums import drum_tracks
from musicvae.music.events import read_header, split_tracks
from musicvae.music.extract import extract_grid
from musicvae.music.groove import groove_from_notes
from musicvae.music.melody import DEFAULT_VELOCITY
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.midi_editing import OpenMidi, open_midi
from musicvae.music.midi_writing import score_bytes
from musicvae.music.provenance import piece_facts, story_text
from musicvae.music.score import NoteTable, Score, Track

__all__ = ["BeatOrder", "drumify", "taps_of"]

_OWN_TIMING_STEPS = 1 / 64
"""A tap further than this from its step is played, not written."""


@dataclass(frozen=True, eq=False)
class BeatOrder:
    """Which beat is wanted.

    chance, vector: of the hits; feel, feel_vector: of how they are played. track: of the rhythm, a number from 1 or part of a name
    (default: the drums, else the melody). keep: the input's other tracks too. story: what provenance says.
    """

    chance: Chance
    feel: Chance
    vector: Floats | None = None
    feel_vector: Floats | None = None
    track: int | str | None = None
    keep: bool = False
    kit: Kit | None = None
    story: Mapping[str, Any] = field(default_factory=dict)


def drumify(engine: BarEngine, player: BarEngine | None, source: Source, order: BeatOrder, *, tune: int = 1) -> Rendition:
    """Drums as long as the rhythm in `source`, played by `player` (None: stiff, on the grid).

    tune: which one of an ABC file, from 1. ValueError where there is no rhythm, or none in 4/4, 2/2 or 2/4.
    """
    name, data, notices = bytes_of(source, tune)
    losses: Counter[str] = Counter()
    try:
        file = open_midi(data)
        parts, why = _rhythm(file.score, order.track)
        beats = beats_of(file, parts, losses, as_drums=False)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    tapped = f"track{'s' * (len(parts) > 1)} {', '.join(map(str, parts))}"
    notices += (
        f"{name}: the onsets of {tapped} ({why}) are the rhythm",
        *stretch_notices(name, losses),
    )
    tables = [
        _notes(file, beat, _played(player, beat, _hits(engine, beat, chance_of(order.chance, number), order.vector), order, number), order)
        for number, beat in enumerate(beats)
    ]
    columns = ("onset_ticks", "pitch", "duration_ticks", "velocity")
    notes = NoteTable(*(np.concatenate([getattr(table, column) for table in tables]) for column in columns))
    return _rendition(name, file, parts, beats, notes, order, notices)


def taps_of(beat: Beat) -> dict[str, NDArray[Any]]:
    """A rhythm as networks take it: ``taps`` (B, 16) 0 or 1, ``tap_offsets`` (B, 16) of the loudest in sixteenths, ``tempo`` (B,)."""
    # Of equally loud taps the one nearest to the step tells its timing: of 32nds the one on the grid.
    order = np.lexsort((np.abs(beat.exact - beat.step), -beat.velocity, beat.step))
    first = order[np.unique(beat.step[order], return_index=True)[1]]
    one = np.zeros(len(first), np.int64)
    where = beat.segment.meter, beat.segment.num_bars
    loud, late = groove_from_notes(beat.step[first], beat.exact[first], one, beat.velocity[first], *where)
    return {"taps": (loud[..., 0] > 0).astype(np.uint8), "tap_offsets": late[..., 0].astype(np.float16), "tempo": beat.tempo}


def _rhythm(score: Score, track: int | str | None) -> tuple[tuple[int, ...], str]:
    """The tracks (from 1) that are tapped, and why: those asked for, the drums, or the likeliest melody."""
    try:
        return drum_tracks(score, track)
    except ValueError:
        if track is not None:
            raise
    found = extract_grid(score)
    return (found.track,), found.why


def _hits(engine: BarEngine, beat: Beat, chance: Chance, vector: Floats | None) -> NDArray[np.uint64]:
    """Hits (B, 16) for the taps of a beat."""
    windows = reaches(beat.num_bars, engine)
    told = shown(engine, taps_of(beat), windows)
    bars = told["taps"].shape[1]
    z = drawn_z(engine, windows, chance, told)
    if vector is not None:
        z = moved_z(engine, z, vector, bars)
    if chance.temperature == 0 and isinstance(engine, ExpectingEngine):
        found: Columns = {"bars": expected_hits(engine, z, bars, told)}
    else:
        seeds = [window_seed(chance.seed, number) for number in range(len(windows))] if chance.temperature > 0 else None
        found = decoded(engine, z, bars, chance.temperature, seeds, told)
    return joined(found, windows, "bars").astype(np.uint64)


def _played(player: BarEngine | None, beat: Beat, hits: NDArray[np.uint64], order: BeatOrder, number: int) -> Played:
    struck = ((hits[..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1)) > 0
    if player is None:
        return Played(np.where(struck, float(DEFAULT_VELOCITY), 0.0), np.zeros(struck.shape))
    chance = replace(chance_of(order.feel, number), seed=derived_seed(chance_of(order.feel, number).seed, "feel"))
    feel = play(player, hits, beat.tempo, chance, vector=order.feel_vector)
    taps = taps_of(beat)
    own = taps["tap_offsets"].astype(np.float64)[..., None]
    kept = (taps["taps"][..., None] > 0) & (np.abs(own) > _OWN_TIMING_STEPS)
    return Played(feel.velocity, np.where(struck & kept, own, feel.offset))


def _notes(file: OpenMidi, beat: Beat, feel: Played, order: BeatOrder) -> NoteTable:
    """Hits a sixteenth long, in ticks of `OpenMidi.finer` times the file's, from its tick 0, which some may come before."""
    width = beat.segment.meter.steps_per_model_bar
    steps = beat.segment.num_bars * beat.segment.meter.steps_per_bar
    loud = feel.velocity[:, :width].reshape(-1, 9)[:steps]
    late = feel.offset[:, :width].reshape(-1, 9)[:steps]
    step, classes = np.nonzero(loud)
    step_ticks = file.ticks_per_beat * file.finer / STEPS_PER_BEAT
    onset = np.rint(beat.segment.start * file.finer + (step + late[step, classes]) * step_ticks).astype(np.int64)
    pitch = (order.kit or KITS["gm"]).of_class[classes]
    velocity = np.clip(np.rint(loud[step, classes]), 1, 127).astype(np.int64)
    return NoteTable(onset, pitch, np.full(len(step), round(step_ticks)), velocity)


def _rendition(
    name: str, file: OpenMidi, parts: tuple[int, ...], beats: tuple[Beat, ...], notes: NoteTable, order: BeatOrder,
    notices: tuple[str, ...],
) -> Rendition:  # fmt: skip
    factor = file.finer
    lead_bars, lead = lead_in(file, int(notes.onset_ticks.min(initial=0)), factor)
    story = dict(order.story)
    if lead and not (order.keep and piece_facts(file.score)):
        story["piece"] = {"lead_in": lead_bars}
    later = NoteTable(notes.onset_ticks + lead, notes.pitch, notes.duration_ticks, notes.velocity)
    drums = Track(later, "Drums", is_drum=True)
    if order.keep:
        more, data = _beside(file, drums, lead, lead_bars, story)
        notices += tuple(f"{name}: {text}" for text in more)
    else:
        data = score_bytes(_alone(file.score, drums, factor, lead, story))
    if lead_bars:
        notices += (f"{name}: {EARLY}",)
    if factor > 1:
        notices += (FINER.format(name=name, old=file.ticks_per_beat, new=file.ticks_per_beat * factor),)
    return Rendition(data, name, _report(file, beats, notes, lead_bars), dict(order.story), notices)


def _alone(score: Score, drums: Track, factor: int, lead: int, story: Mapping[str, Any]) -> Score:
    """The beat with the tempi, meters and keys of the score, which begin at tick 0 whatever the lead-in."""

    def later(tick: int) -> int:
        return tick * factor + (lead if tick else 0)

    return Score(
        score.ticks_per_beat * factor, (drums,), tuple(replace(c, tick=later(c.tick)) for c in score.tempi),
        tuple(replace(c, tick=later(c.tick)) for c in score.meters), tuple(replace(c, tick=later(c.tick)) for c in score.keys),
        score.title, (story_text(story),) if story else (), length_ticks=later(max(score.length_ticks, score.end_ticks)),
    )  # fmt: skip


def _beside(file: OpenMidi, drums: Track, lead: int, lead_bars: int, story: Mapping[str, Any]) -> tuple[list[str], bytes]:
    """The file with the beat in the place of its drums, and what that left out."""
    replaced = [number for number, track in enumerate(file.score.tracks, 1) if track.is_drum]
    removed = np.isin(file.notes.part, replaced)
    only = score_bytes(Score(file.ticks_per_beat * file.finer, (drums,)))
    chunk = list(split_tracks(only, read_header(only)))[-1]
    same = file.unchanged(file.finer)
    changes = replace(
        same, onset=same.onset + lead, end=same.end + lead, removed=removed, lead_in=lead, lead_in_bars=lead_bars, tracks=(chunk,),
        text=story_text(story) if story else "",
    )  # fmt: skip
    told = [f"{int(removed.sum())} hits of its own drums give way to the new ones"] if removed.any() else []
    told += [f"{file.foreign_bytes} bytes that are no tracks of MIDI are left out"] if file.foreign_bytes else []
    return told, file.written(changes)


def _report(file: OpenMidi, beats: tuple[Beat, ...], notes: NoteTable, lead_bars: int) -> Report:
    from musicvae.music.clock import seconds_at

    step = file.ticks_per_beat / STEPS_PER_BEAT
    onset = notes.onset_ticks / file.finer
    starts = np.array([beat.segment.start for beat in beats])
    base = starts[np.maximum(np.searchsorted(starts, onset + step / 2, side="right") - 1, 0)]
    grid = base + np.floor((onset - base) / step + 0.5) * step
    shift = (seconds_at(file.score, onset) - seconds_at(file.score, grid)) * 1000
    loud = notes.velocity
    return Report(
        len(notes), int((shift != 0).sum()), float(np.abs(shift).mean()) if len(notes) else 0.0, float(shift.mean()) if len(notes) else 0.0,
        (int(loud.min(initial=127)), int(loud.max(initial=0))), sum(beat.num_bars for beat in beats), lead_bars,
    )  # fmt: skip
