"""What a name stands for: a preset's network, its recipe, and how files are read for it. Nothing here needs torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from musicvae.corpus.options import BuildOptions
from musicvae.model.config import PRESETS
from musicvae.model.headers import AnyConfig
from musicvae.model.pieces.config import PIECE_PRESETS, PieceConfig
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.conversion import converter_for
from musicvae.model.published.presets import PUBLISHED, Recipe
from musicvae.train.options import PieceOptions, PublishedOptions

__all__ = ["build_options_for", "options_for", "piece_options_for", "preset_named", "recipe_for"]

_PIECE_RECIPES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("drums", ""): {"target_bits": 720.0, "vary_share": 0.9},
    ("drums", "taps"): {"target_bits": 320.0, "vary_share": 0.3, "neutral_share": 0.4},
    ("groove", "hits"): {
        "target_bits": 160.0,
        "beta": 0.05,
        "beta_warmup_steps": 200,
        "beta_gain": 0.02,
        "neutral_share": 0.7,
        "return_weight": 0.0,
        "batch_size": 16,
        "max_steps": 3000,
        "ema_decay": 0.998,
        "validate_every_steps": 200,
    },
    ("trio", ""): {"target_bits": 1150.0, "hop_bars": 2, "source_power": 0.5, "vary_share": 0.9},
}
"""By material and what is told."""


def preset_named(name: str) -> AnyConfig:
    """The numbers of a preset, the project's own or a published one; ValueError for an unknown name."""
    if name in PRESETS:
        return PRESETS[name]
    if name in PIECE_PRESETS:
        return PIECE_PRESETS[name]
    if name in PUBLISHED:
        return PUBLISHED[name].config
    near = difflib.get_close_matches(name, PUBLISHED, n=3)
    published = f"published ones such as {', '.join(near or list(PUBLISHED)[:2])}"
    raise ValueError(
        f"unknown preset {name!r}; allowed are {', '.join([*PRESETS, *PIECE_PRESETS])}, and {published} ('musicvae presets' lists all)"
    )


def recipe_for(config: PublishedConfig) -> Recipe:
    """The recipe of the preset of this name, else of the first published one that reads notes in the same way, a like one if there is."""
    if config.preset in PUBLISHED:
        return PUBLISHED[config.preset].recipe
    alike = [preset for preset in PUBLISHED.values() if preset.config.converter == config.converter]
    alike.sort(
        key=lambda preset: (bool(preset.config.conductor_sizes) != bool(config.conductor_sizes), preset.config.steps != config.steps)
    )
    return alike[0].recipe if alike else Recipe()


def options_for(config: PublishedConfig, **changes: Any) -> PublishedOptions:
    """The options of a network's recipe, some of them changed; ValueError for a change that makes no sense.

    Windows start at every bar, those of grooves where the last one ended, as in the original. Unlike there all windows of a file are
    taken (the original took 5, of grooves 20, drawn once), melodies of all programs (the original's of two bars were of programs 0 to 31),
    and keys are drawn anew every time a window comes.
    """
    made = converter_for(config)
    hop = {"hop_bars": made.bars(config.steps)} if made.material == "groove" else {}
    return PublishedOptions.of(recipe_for(config), **{**hop, **changes})


def piece_options_for(config: PieceConfig, **changes: Any) -> PieceOptions:
    """The options by which a network of drums, grooves or trios learns, some of them changed; ValueError for one that makes no sense.

    The rate of a trio's network of fewer streams is in proportion to their number.
    """
    recipe = dict(_PIECE_RECIPES[config.material, config.told])
    if config.material == "groove" and changes.get("vary_share"):
        raise ValueError("vary_share is for networks that write drums; hits, velocities and timings of a groove belong together")
    if config.material == "trio":
        recipe["target_bits"] *= len(config.streams) / 3
    return PieceOptions(**{**recipe, **changes})


def build_options_for(config: PublishedConfig | PieceConfig) -> BuildOptions:
    """How a corpus for this network is built from files: its material and drum map, 4/4, every tune in the key of its file.

    Trios of our own networks are kept in one key, as our melodies are.
    """
    if isinstance(config, PieceConfig):
        material, own_key = config.corpus_materials[0], config.material == "trio"
        return BuildOptions(material=material, hop_bars=1, meters=("4/4",), transpose=own_key, drum_map=config.drums)
    made = converter_for(config)
    drums, bars = made.drum_map or BuildOptions().drum_map, made.bars(config.steps)
    return BuildOptions(material=made.material, bars=(bars,), hop_bars=1, meters=("4/4",), transpose=False, drum_map=drums)
