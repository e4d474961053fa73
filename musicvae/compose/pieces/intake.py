"""Anything that holds drums, a groove, a trio or a performance, turned into a piece for a network, with what was lost.

Conventions: bars count from 1 here, as musicians count. A *notice* is one sentence for the user.

The drum map of most published networks is one of before April 2019, which lacks two hi-hat sounds of electronic kits (22, the edge of
a closed one, and 26, of an open one). Here they are taken as the hi-hats they are (42 and 46) rather than left out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musicvae.compose.intake import Source, score_of
from musicvae.compose.taps import melody_score, with_taps
from musicvae.music.drum_maps import DRUM_MAPS, drum_map
from musicvae.music.drums import drum_tracks
from musicvae.music.melody import Melody
from musicvae.music.meter import counted_bars
from musicvae.music.piece import Piece
from musicvae.music.score import NoteTable, Score
from musicvae.music.taking import take_piece

__all__ = ["PieceExamples", "TakenPiece", "Wanted", "gather_pieces", "holds_only_drums", "take_music"]

_WORDS = {"drums": "drums", "groove": "drums", "trio": "trios of melody, bass and drums", "performance": "performances"}


@dataclass(frozen=True)
class Wanted:
    """What a network takes: its material, in a drum map; any_rhythm: whether a melody's onsets will do where there are no drums."""

    material: str
    drum_map: str = "nine"
    any_rhythm: bool = False


@dataclass(frozen=True)
class TakenPiece:
    """A piece and what the user should know about how it was taken."""

    music: Piece
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class PieceExamples:
    """Pieces, and what the user should know about those that are not among them."""

    pieces: tuple[Piece, ...]
    notices: tuple[str, ...] = ()


def take_music(
    source: Source, wanted: Wanted, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1
) -> TakenPiece:
    """The longest stretch of 4/4 in a file or object that holds the material wanted, in its drum map.

    source: a Piece, a path of a MIDI, MusicXML or ABC file, a Score, a `pretty_midi.PrettyMIDI` or a `music21` stream.
    For a network that makes beats of taps, what has no drums gives the onsets of its melody.
    A piece of another material or drum map is taken anew from its notes. track, start_bar, bars, tune: as
    `compose.intake.take`. FileNotFoundError for a path that is not there, ValueError for what holds nothing to take,
    beginning with the path if there is one, TypeError for an object of no kind known here.
    """
    if start_bar < 1 or (bars is not None and bars < 1) or tune < 1:
        raise ValueError(f"bars and tunes count from 1, got start_bar={start_bar}, bars={bars}, tune={tune}")
    if isinstance(source, Melody) and not wanted.any_rhythm:
        raise ValueError(f"a single melody holds no {_WORDS[wanted.material]}: give a file or piece that does, or load a melody model")
    if isinstance(source, Piece):
        if source.material == wanted.material and source.drum_map == wanted.drum_map:
            return TakenPiece(_part_of(source, start_bar, bars))
        name, score = source.name or "the piece", source.to_score()
    elif isinstance(source, Melody):
        name, score = source.name, melody_score(source)
    else:
        name, score = score_of(source, tune)
    try:
        return _taken(score, name, wanted, track, start_bar, bars)
    except ValueError as error:  # with several inputs it must be clear which one is meant
        if not isinstance(source, str | os.PathLike):
            raise
        raise ValueError(f"{Path(source)}: {error}") from error


def holds_only_drums(source: str | os.PathLike[str], *, tune: int = 1) -> bool:
    """Whether all notes of a file are drums; what cannot be read, or holds no notes, holds none."""
    try:
        score = score_of(source, tune)[1]
        numbers, _ = drum_tracks(score)
    except (ValueError, OSError):
        return False
    return all(number in numbers for number, track in enumerate(score.tracks, 1) if track.notes)


def gather_pieces(source: str | os.PathLike[str] | Iterable[Source], wanted: Wanted) -> PieceExamples:
    """All pieces of a folder and below it, every stretch of each file, or one of each of several sources.

    Files that cannot be read are counted, by reason. FileNotFoundError for a folder that is not there, ValueError
    where nothing is found.
    """
    if not isinstance(source, str | os.PathLike):
        pieces = tuple(take_music(item, wanted).music for item in source)
        if not pieces:
            raise ValueError("no pieces were given to learn from")
        return PieceExamples(pieces)
    folder = Path(source)
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist: was it misspelled, or is it in another folder?")
    return _from_folder(folder, wanted)


def _from_folder(folder: Path, wanted: Wanted) -> PieceExamples:
    from musicvae.corpus.sources.collections import tunes_of
    from musicvae.corpus.sources.items import expand

    found: list[Piece] = []
    failed = Counter[str]()
    for tune in (tune for file in expand([folder]) for tune in tunes_of(file)):
        try:
            score, _ = _with_known_hits(tune.read(), wanted.drum_map)
            found += take_piece(score, wanted.material, drum_map=wanted.drum_map, name=tune.file)
        except (ValueError, OSError) as error:
            failed[str(error)] += 1
    if not found:
        why = f" ({sum(failed.values())} could not be read, the first: {next(iter(failed))})" if failed else ""
        raise ValueError(f"{folder} holds no {_WORDS[wanted.material]} in MIDI, MusicXML or ABC files{why}")
    stretches = "1 stretch" if len(found) == 1 else f"{len(found)} stretches"
    notices = [f"{stretches} of {_WORDS[wanted.material]} {'was' if len(found) == 1 else 'were'} found in {folder}"]
    notices += [f"left out: {count} ({reason})" for reason, count in failed.most_common()]
    return PieceExamples(tuple(found), tuple(notices))


def _taken(score: Score, name: str, wanted: Wanted, track: int | str | None, start_bar: int, bars: int | None) -> TakenPiece:
    chosen: tuple[str, ...] = ()
    if wanted.any_rhythm:
        score, chosen = with_taps(score, track, wanted.drum_map)
        track = None if chosen else track
    score, replaced = _with_known_hits(score, wanted.drum_map)
    chosen += replaced
    pieces = take_piece(
        score, wanted.material, drum_map=wanted.drum_map, track=track, start_bar=start_bar, bars=bars, name=name
    )  # fmt: skip
    return TakenPiece(pieces[0], (*(f"{name}: {text}" for text in chosen), *pieces[0].notices))


def _part_of(piece: Piece, start_bar: int, bars: int | None) -> Piece:
    if start_bar == 1 and bars is None:
        return piece
    left = piece.num_bars - start_bar + 1
    if left < 1:
        raise ValueError(f"the piece has {counted_bars(piece.num_bars)}, so that none can be taken from bar {start_bar} on")
    return piece.cut(start_bar - 1, left if bars is None else min(bars, left))


def _with_known_hits(score: Score, drums: str) -> tuple[Score, tuple[str, ...]]:
    """The score with hits that the map does not know but the present one does as the main sound of their class, and what that changed."""
    known, present = drum_map(drums).class_of >= 0, DRUM_MAPS["nine"]
    taken_as = np.where(~known & (present.class_of >= 0), present.pitch_of[present.class_of], np.arange(128))
    tracks, counts = [], Counter[int]()
    for track in score.tracks:
        notes = NoteTable.of(track.notes)
        pitch = taken_as[np.clip(notes.pitch, 0, 127)]
        moved = pitch != notes.pitch
        if track.is_drum and moved.any():
            counts.update(notes.pitch[moved].tolist())
            track = replace(track, notes=NoteTable(notes.onset_ticks, pitch, notes.duration_ticks, notes.velocity))
        tracks.append(track)
    words = "which the drum map does not know, taken as"
    told = tuple(f"hits of pitch {pitch}, {words} {taken_as[pitch]}: {count}" for pitch, count in sorted(counts.items()))
    return (replace(score, tracks=tuple(tracks)), told) if counts else (score, ())
