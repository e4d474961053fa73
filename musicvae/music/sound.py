"""A plain synthesiser: a melody or a piece as sound, without any library for audio.

Conventions: samples are mono at `SAMPLE_RATE`; times in samples are whole numbers. The sound is the
sum of a few harmonics that fade at their own speed, a soft piano-like tone whatever the
program is; it is made to check a melody by ear, not to be a performance.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicvae.music.clock import seconds_at
from musicvae.music.files import atomic_path
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.percussion import strike
from musicvae.music.piece import Piece
from musicvae.music.score import NoteTable, Score

__all__ = ["MAX_SECONDS", "SAMPLE_RATE", "render", "write_wav"]

SAMPLE_RATE = 44_100
MAX_SECONDS = 1200.0
"""Longer melodies are refused: their samples would fill the memory."""

_PEAK = 0.8  # of full scale, for the loudest sample of the piece
_ATTACK_SECONDS = 0.005
_RELEASE_SECONDS = 0.06
_TAIL_SECONDS = 0.25  # silence after the last bar line, where the last release ends
# harmonic -> strength at the attack, and how much faster than the fundamental it fades
_HARMONICS = ((1, 1.0, 1.0), (2, 0.45, 1.6), (3, 0.25, 2.2), (4, 0.12, 3.0), (5, 0.06, 4.0), (6, 0.03, 5.0))
_HALF_LIFE_SECONDS = 0.5  # of the fundamental of middle C; an octave higher it is 1.4 times shorter


def render(music: Melody | Piece | Score) -> NDArray[np.float64]:
    """Samples of a melody or a piece, from its first bar line to just after its last; shape (samples,), range -0.8 to 0.8.

    A score sounds from tick 0 to its last note, through all changes of tempo. A first hit that comes early begins the sound, and the bar
    line follows it. The loudest sample is ±0.8 whatever the velocities, except in music without notes, which is silent. ValueError for
    more than `MAX_SECONDS`.
    """
    seconds = _length(music)
    if seconds > MAX_SECONDS:
        kind = {Melody: "melody", Piece: "piece"}.get(type(music), "score")
        raise ValueError(f"the {kind} lasts {seconds:.0f} seconds; sound is made of up to {MAX_SECONDS:.0f}: is the tempo too low?")
    sounds = _melody_sounds(music) if isinstance(music, Melody) else _sounds(music)
    early = max(0.0, -min((start for start, _ in sounds), default=0.0))
    samples = np.zeros(round((early + seconds + _TAIL_SECONDS) * SAMPLE_RATE))
    for begin, tone in sounds:
        start = round((begin + early) * SAMPLE_RATE)
        tone = tone[: len(samples) - start]
        samples[start : start + len(tone)] += tone
    loudest = float(np.abs(samples).max(initial=0.0))
    return samples * (_PEAK / loudest) if loudest else samples


def write_wav(music: Melody | Piece | Score, path: str | Path, *, force: bool = False) -> Path:
    """Write a melody, a piece or a score as a 16-bit mono WAV file; returns the path. Errors as `render` and `music.files.atomic_path`."""
    data = np.round(render(music) * 32767).astype("<i2").tobytes()
    with atomic_path(path, force=force) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(data)
    return Path(path)


def _melody_sounds(melody: Melody) -> list[tuple[float, NDArray[np.float64]]]:
    """When each note begins, in seconds, and its samples."""
    seconds_per_step = 60 / melody.tempo_qpm / STEPS_PER_BEAT
    return [(note.onset_steps * seconds_per_step, _tone(note, note.duration_steps * seconds_per_step)) for note in melody.notes]


def _length(music: Melody | Piece | Score) -> float:
    """Seconds to the last bar line, or to the end of a score's last note."""
    if isinstance(music, Score):
        return float(seconds_at(music, np.array([max(music.end_ticks, music.length_ticks)]))[0])
    return music.num_beats * 60 / music.tempo_qpm


def _sounds(music: Piece | Score) -> list[tuple[float, NDArray[np.float64]]]:
    """When each note or hit begins, in seconds from the first bar line, and its samples."""
    score = music if isinstance(music, Score) else music.to_score()
    lead_in = 0.0 if isinstance(music, Score) else music.lead_in_bars * music.meter.beats_per_bar * 60 / music.tempo_qpm
    kit: dict[int, NDArray[np.float64]] = {}
    sounds = []
    for track in score.tracks:
        notes = NoteTable.of(track.notes)
        onsets = seconds_at(score, notes.onset_ticks) - lead_in
        lengths = seconds_at(score, notes.end_ticks) - lead_in - onsets
        for onset, length, pitch, velocity in zip(onsets, lengths, notes.pitch.tolist(), notes.velocity.tolist(), strict=True):
            if track.is_drum:
                if pitch not in kit:
                    kit[pitch] = strike(pitch, SAMPLE_RATE)
                tone = kit[pitch] * _loudness(velocity)
            else:
                tone = _tone(Note(pitch, 0, 1, velocity), length)
            sounds.append((float(onset), tone))
    return sounds


def _loudness(velocity: int) -> float:
    return float((velocity / 127) ** 1.5)


def _tone(note: Note, seconds: float) -> NDArray[np.float64]:
    hertz = 440 * 2 ** ((note.pitch - 69) / 12)
    times = np.arange(round((seconds + _RELEASE_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE
    fading = np.log(2) / _HALF_LIFE_SECONDS * 2 ** ((note.pitch - 60) / 24)
    tone = np.zeros(len(times))
    for harmonic, strength, speed in _HARMONICS:
        if harmonic * hertz < SAMPLE_RATE / 2:  # what lies above would be heard as a wrong, lower tone
            tone += strength * np.exp(-fading * speed * times) * np.sin(2 * np.pi * harmonic * hertz * times)
    # Straight ramps at both ends, so that nothing clicks; a very short note never reaches full strength.
    envelope = np.minimum(1.0, times / _ATTACK_SECONDS) * np.clip((seconds + _RELEASE_SECONDS - times) / _RELEASE_SECONDS, 0, 1)
    tone *= envelope * _loudness(note.velocity)
    return tone
