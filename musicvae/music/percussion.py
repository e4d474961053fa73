"""A plain drum kit: each sound of General MIDI percussion as a little noise and a falling tone.

Conventions: samples are mono at the rate given; made to check a beat by ear, not to be a performance. The same pitch always sounds the
same, sample for sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drum_maps import DRUM_MAPS

__all__ = ["strike"]

_ATTACK_SECONDS = 0.001


@dataclass(frozen=True)
class _Voice:
    """hertz: of the tone at the attack and after it has fallen; tone, noise: their strengths; times after which they are halved.

    bright: of the noise, how much of what is alike from sample to sample is taken out.
    """

    hertz: tuple[float, float]
    tone: float
    tone_half_life: float
    noise: float
    noise_half_life: float
    bright: float
    seconds: float


# In the order of the nine classes: kick, snare, closed and open hi-hat, low, mid and high tom, crash, ride.
_VOICES = (
    _Voice((160, 48), 1.0, 0.07, 0.15, 0.004, 0.5, 0.4),
    _Voice((240, 180), 0.45, 0.04, 0.6, 0.05, 0.6, 0.3),
    _Voice((0, 0), 0.0, 0.01, 0.4, 0.018, 1.0, 0.12),
    _Voice((0, 0), 0.0, 0.01, 0.4, 0.12, 1.0, 0.5),
    _Voice((130, 82), 0.9, 0.09, 0.12, 0.02, 0.4, 0.45),
    _Voice((180, 120), 0.9, 0.08, 0.12, 0.02, 0.4, 0.4),
    _Voice((250, 170), 0.85, 0.07, 0.12, 0.02, 0.4, 0.35),
    _Voice((0, 0), 0.0, 0.01, 0.5, 0.3, 0.9, 1.2),
    _Voice((0, 0), 0.0, 0.01, 0.3, 0.16, 1.0, 0.7),
)
_OTHER = _Voice((500, 420), 0.5, 0.03, 0.1, 0.01, 0.6, 0.2)
_FALL_SECONDS = 0.02


def strike(pitch: int, sample_rate: int) -> NDArray[np.float64]:
    """The sound of a percussion pitch at full velocity, shape (samples,), within about -1 to 1."""
    number = int(DRUM_MAPS["nine"].class_of[pitch])
    voice = _VOICES[number] if number >= 0 else _OTHER
    times = np.arange(round(voice.seconds * sample_rate)) / sample_rate
    low, high = voice.hertz[1], voice.hertz[0]
    # The integral of a frequency that falls from one to the other.
    turns = low * times + (high - low) * _FALL_SECONDS * (1 - np.exp(-times / _FALL_SECONDS))
    sound = voice.tone * np.exp2(-times / voice.tone_half_life) * np.sin(2 * np.pi * turns)
    noise = np.random.Generator(np.random.Philox(key=pitch)).uniform(-1, 1, len(times))
    noise -= voice.bright * np.concatenate([[0.0], noise[:-1]])
    sound += voice.noise * np.exp2(-times / voice.noise_half_life) * noise
    # Straight ramps at both ends, so that nothing clicks.
    ramps: NDArray[np.float64] = np.minimum(1.0, np.minimum(times, voice.seconds - times) / _ATTACK_SECONDS)
    return sound * ramps
