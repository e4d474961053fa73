"""``musicvae presets``: the configurations that can be trained, published and own ones."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from musicvae.cli.parsing import Commands, add_command
from musicvae.cli.terminal import Terminal, table

if TYPE_CHECKING:
    from musicvae.model.published.presets import Preset

__all__ = ["add_commands", "run_presets"]

_TEXT = """
Configurations under the names they were published with, then this project's own. 'musicvae train
DATA --preset NAME' trains any of them; 'musicvae import PATH --preset NAME' makes a model of weights
that were trained with a published one. Released weights may have other widths: import reads them from the
weights themselves."""
_OWN = {
    "tiny": "melodies in all meters, made in seconds, to try things out",
    "small": "melodies in all meters, for little data or little time",
    "melody": "melodies in all meters, the size of the model that ships",
    "drums": "beats of nine drums, 4/4",
    "groove": "velocities and timing for the hits of a beat",
    "drumify": "beats for taps, or for any rhythm",
    "trio": "melody, bass and drums together, 4/4",
    "tiny-drums": "the same as drums, made in seconds, to try things out",
    "tiny-groove": "the same as groove, made in seconds",
    "tiny-drumify": "the same as drumify, made in seconds",
    "tiny-trio": "the same as trio, made in seconds",
    "trio-melody": "the melody of trios alone, to compare with",
    "trio-bass": "the bass of trios alone, to compare with",
    "trio-drums": "the drums of trios alone, to compare with",
}


def add_commands(commands: Commands) -> None:
    """Add ``presets``."""
    parser = add_command(
        commands, "presets", run_presets, summary="list the configurations that can be trained or imported", text=_TEXT,
        example="musicvae presets",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object with all numbers instead of a table")


def run_presets(args: argparse.Namespace, terminal: Terminal) -> None:
    """List all presets."""
    from musicvae.model.published.presets import PUBLISHED

    presets = [*(_published(preset) for preset in PUBLISHED.values()), *_own()]
    rows = [
        (preset["name"], preset["material"], preset["bars"], preset["z_size"], preset["parameters"] / 1e6, preset["about"])
        for preset in presets
    ]
    for text in table(rows, heading=("name", "material", "bars", "z", "million numbers", "what it is")):
        terminal.line(text)
    terminal.finish({"command": "presets", "presets": presets})


def _published(preset: Preset) -> dict[str, Any]:
    from musicvae.model.published.conversion import converter_for
    from musicvae.model.sizes import num_parameters

    config = preset.config
    made = converter_for(config)
    return {
        "name": config.preset, "family": "published", "material": made.material, "bars": made.bars(config.steps), "z_size": config.z_size,
        "parameters": num_parameters(config), "about": preset.about, "config": config.to_dict(), "recipe": asdict(preset.recipe),
    }  # fmt: skip


def _own() -> list[dict[str, Any]]:
    from musicvae.model.config import PRESETS
    from musicvae.model.pieces.config import PIECE_PRESETS
    from musicvae.model.sizes import OWN_PARAMETERS

    materials = {**dict.fromkeys(PRESETS, "melody"), **{name: config.material for name, config in PIECE_PRESETS.items()}}
    return [
        {
            "name": name, "family": "own", "material": materials[name], "bars": config.max_bars, "z_size": config.z_size,
            "parameters": OWN_PARAMETERS[name], "about": _OWN[name], "config": config.to_dict(),
        }
        for name, config in {**PRESETS, **PIECE_PRESETS}.items()
    ]  # fmt: skip
