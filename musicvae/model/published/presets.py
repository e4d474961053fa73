"""All published configurations under their published names: the network's numbers and those of its training.

Numbers are those of Magenta's ``models/music_vae/configs.py`` (Roberts et al. 2018; Simon et al. 2018 for multitrack; Gillick
et al. 2019 for grooves). Released checkpoints were not always trained with them; sizes of a checkpoint are read from its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from musicvae.model.published.config import PublishedConfig

__all__ = ["PUBLISHED", "Preset", "Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the network was trained: Adam on mean reconstruction + beta * max(KL - free bits, 0), all in nats.

    beta = max_beta * (1 - beta_rate ** step). free_bits: of the whole code, forgiven. sampling: schedule by which the decoder's own
    draws are fed back in training, "inverse_sigmoid" with k = sampling_rate, or "" for none. lr falls from `lr` to `min_lr` by
    `lr_decay` a step. transpose: by at most so many semitones. dropout_keep: of the inputs of every layer.
    """

    free_bits: float = 0.0
    max_beta: float = 1.0
    beta_rate: float = 0.0
    sampling: str = ""
    sampling_rate: float = 0.0
    batch_size: int = 512
    lr: float = 1e-3
    min_lr: float = 1e-5
    lr_decay: float = 0.9999
    clip_norm: float = 1.0
    skip_norm: float = 10_000.0
    dropout_keep: float = 1.0
    transpose: int = 0
    input_dropout: float = 0.0
    """Highest share of notes hidden from the encoder (the share is drawn from 0 to this), quieter ones first."""


@dataclass(frozen=True)
class Preset:
    """A published configuration; about: one line for users."""

    config: PublishedConfig
    recipe: Recipe
    about: str


_MELODY_2BAR = PublishedConfig(
    preset="cat-mel_2bar_small", converter="melody", steps=32, z_size=256, encoder_sizes=(512,), decoder_sizes=(256, 256),
    outputs=(90,), input_depth=90,
)  # fmt: skip
_MELODY_16BAR = PublishedConfig(
    preset="hierdec-mel_16bar", converter="melody", steps=256, z_size=512, encoder_sizes=(2048, 2048), conductor_sizes=(1024, 1024),
    segments=16, decoder_sizes=(1024, 1024), outputs=(90,), input_depth=90,
)  # fmt: skip
_DRUMS = PublishedConfig(
    preset="cat-drums_2bar_small", converter="drums", steps=32, z_size=256, encoder_sizes=(512,), decoder_sizes=(256, 256),
    outputs=(512,), input_depth=10,
)  # fmt: skip
_NADE = PublishedConfig(
    preset="nade-drums_2bar_reduced", converter="drum-rolls", steps=32, z_size=256, encoder_sizes=(1024,), decoder_sizes=(512, 512),
    outputs=(9,), input_depth=10, head="nade", nade_size=128,
)  # fmt: skip
_TRIO = PublishedConfig(
    preset="hierdec-trio_16bar", converter="trio", steps=256, z_size=512, encoder_sizes=(2048, 2048), conductor_sizes=(1024, 1024),
    segments=16, decoder_sizes=(1024, 1024), outputs=(90, 90, 512), input_depth=692, separate=True,
)  # fmt: skip
_TRACKS = PublishedConfig(
    preset="hier-multiperf_vel_1bar_med", converter="performance", steps=512, z_size=512, encoder_sizes=(1024,), encoder_levels=(64, 8),
    conductor_sizes=(512, 512, 512), segments=8, decoder_sizes=(512, 512, 512), outputs=(490,), input_depth=490,
)  # fmt: skip
_GROOVE = PublishedConfig(
    preset="groovae_2bar_humanize", converter="groove-humanize", steps=32, z_size=256, encoder_sizes=(512,), decoder_sizes=(256, 256),
    outputs=(27,), input_depth=27, head="groove",
)  # fmt: skip

_LARGE: dict[str, tuple[int, ...]] = {"encoder_sizes": (2048,), "decoder_sizes": (2048, 2048, 2048)}
_BIG_TRACKS: dict[str, tuple[int, ...]] = {
    "encoder_sizes": (2048,), "conductor_sizes": (1024, 1024, 1024), "decoder_sizes": (1024, 1024, 1024),
}  # fmt: skip
_CHORDS = 49

_SAMPLED = Recipe(sampling="inverse_sigmoid", sampling_rate=1000.0)
_DRUM_RECIPE = replace(_SAMPLED, free_bits=48.0, max_beta=0.2)
_LONG_RECIPE = Recipe(free_bits=256.0, max_beta=0.2)
_TRIO_RECIPE = replace(_LONG_RECIPE, batch_size=256)
_TRACKS_RECIPE = Recipe(batch_size=256, transpose=3)
_GROOVE_RECIPE = Recipe(free_bits=48.0, max_beta=0.2, dropout_keep=0.3)


def _preset(config: PublishedConfig, recipe: Recipe, name: str, about: str, **sizes: Any) -> Preset:
    return Preset(replace(config, preset=name, **sizes), recipe, about)


_ALL = (
    _preset(_MELODY_2BAR, replace(_SAMPLED, max_beta=0.2, beta_rate=0.99999, transpose=5), "cat-mel_2bar_small", "2-bar melodies"),
    _preset(
        _MELODY_2BAR, replace(_SAMPLED, max_beta=0.5, beta_rate=0.99999, transpose=5), "cat-mel_2bar_big",
        "2-bar melodies, large: sharper reconstructions", z_size=512, **_LARGE,
    ),
    _preset(
        _MELODY_2BAR, Recipe(transpose=3), "cat-mel_2bar_med_chords", "2-bar melodies over given chords (triads)",
        converter="melody-chords", control_depth=_CHORDS, encoder_sizes=(1024,), decoder_sizes=(512, 512, 512),
    ),
    _preset(_DRUMS, _DRUM_RECIPE, "cat-drums_2bar_small", "2-bar drums, nine classes, a choice among the 512 ways to strike them"),
    _preset(_DRUMS, _DRUM_RECIPE, "cat-drums_2bar_big", "2-bar drums, nine classes, large", z_size=512, **_LARGE),
    _preset(_NADE, _DRUM_RECIPE, "nade-drums_2bar_reduced", "2-bar drums, nine classes, one class after another"),
    _preset(
        _NADE, _DRUM_RECIPE, "nade-drums_2bar_full", "2-bar drums, 61 single sounds, one after another",
        converter="drum-rolls-full", outputs=(61,), input_depth=62,
    ),
    _preset(
        _MELODY_16BAR, _LONG_RECIPE, "flat-mel_16bar", "16-bar melodies without a conductor, to compare with",
        conductor_sizes=(), segments=1, decoder_sizes=(2048, 2048, 2048),
    ),
    _preset(_MELODY_16BAR, _LONG_RECIPE, "hierdec-mel_16bar", "16-bar melodies, a conductor plans the bars"),
    _preset(
        _MELODY_16BAR, _LONG_RECIPE, "hier-mel_16bar", "16-bar melodies, read and written bar by bar",
        encoder_sizes=(1024,), encoder_levels=(16, 16),
    ),
    _preset(
        _TRIO, Recipe(batch_size=256), "flat-trio_16bar", "16 bars of melody, bass and drums from one decoder, to compare with",
        conductor_sizes=(), segments=1, decoder_sizes=(2048, 2048, 2048), separate=False,
    ),
    _preset(_TRIO, _TRIO_RECIPE, "hierdec-trio_16bar", "16 bars of melody, bass and drums, a decoder for each"),
    _preset(
        _TRIO, _TRIO_RECIPE, "hier-trio_16bar", "16 bars of melody, bass and drums, read and written bar by bar",
        encoder_sizes=(1024,), encoder_levels=(16, 16),
    ),
    _preset(_TRACKS, _TRACKS_RECIPE, "hier-multiperf_vel_1bar_med", "one bar of up to eight instruments, with velocities"),
    _preset(_TRACKS, _TRACKS_RECIPE, "hier-multiperf_vel_1bar_big", "one bar of up to eight instruments, large", **_BIG_TRACKS),
    _preset(
        _TRACKS, _TRACKS_RECIPE, "hier-multiperf_vel_1bar_med_chords", "one bar of up to eight instruments over given chords",
        converter="performance-chords", control_depth=_CHORDS,
    ),
    _preset(
        _TRACKS, _TRACKS_RECIPE, "hier-multiperf_vel_1bar_big_chords", "one bar of up to eight instruments over given chords, large",
        converter="performance-chords", control_depth=_CHORDS, **_BIG_TRACKS,
    ),
    _preset(_GROOVE, _GROOVE_RECIPE, "groovae_4bar", "4-bar drums with their timing and velocities", converter="groove", steps=64),
    _preset(_GROOVE, _GROOVE_RECIPE, "groovae_2bar_humanize", "2-bar drums: timing and velocities for a stiff beat"),
    _preset(
        _GROOVE, _GROOVE_RECIPE, "groovae_2bar_tap_fixed_velocity", "2-bar drums from tapped rhythms", converter="groove-tap"
    ),
    _preset(
        _GROOVE, replace(_GROOVE_RECIPE, input_dropout=0.8), "groovae_2bar_tap_fixed_velocity_note_dropout",
        "2-bar drums from sparse taps", converter="groove-tap",
    ),
    _preset(
        _GROOVE, _GROOVE_RECIPE, "groovae_2bar_add_closed_hh", "2-bar drums: adds a closed hi-hat to a beat",
        converter="groove-add-closed-hat",
    ),
    _preset(
        _GROOVE, _GROOVE_RECIPE, "groovae_2bar_hits_control_tfds", "2-bar drums: the feel of a groove for given hits",
        converter="groove-hits", control_depth=9,
    ),
)  # fmt: skip
PUBLISHED: Mapping[str, Preset] = {preset.config.preset: preset for preset in _ALL}
"""Presets by their published names."""
