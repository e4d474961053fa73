"""What model files, files of style vectors and codes hold, in lines and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicvae.cli.terminal import Terminal, counted, entry_lines

__all__ = ["describe_code", "describe_safetensors"]


def describe_safetensors(path: Path, terminal: Terminal) -> dict[str, Any]:
    """A model or, since both have the same suffix, a file of style vectors."""
    from musicvae.compose.library import checked_header
    from musicvae.compose.styles import load_styles

    try:
        vectors = load_styles(path)
    except ValueError:
        return _model(path, checked_header(path), terminal)
    styles = [
        {
            "name": vector.name, "attribute": vector.attribute, "meter": vector.meter, "model_hash": vector.model_hash,
            "description": vector.description, "report": vector.report,
        }
        for vector in vectors.values()
    ]  # fmt: skip
    terminal.line(f"{path}: {counted(len(vectors), 'style vector')} of model {next(iter(vectors.values())).model_hash}")
    for vector in vectors.values():
        terminal.line(f"  {vector.name}: {vector.description or 'no description'}")
    return {"kind": "styles", "styles": styles}


def _model(path: Path, header: Mapping[str, Any], terminal: Terminal) -> dict[str, Any]:
    from musicvae.compose.styles import load_styles

    card, shipped = path.with_suffix(".md"), path.with_suffix(".styles.safetensors")
    styles = sorted(load_styles(shipped)) if shipped.is_file() else []
    terminal.line(f"{path}: model, {path.stat().st_size / 2**20:.1f} MiB")
    published = _published(header)
    own = _own_pieces(path, header)
    if own:
        told = ", told " + own["told"] if own["told"] else ""
        terminal.line(f"network of {own['material']}{told}, 1 to {counted(own['bars'], 'bar')}, {own['parameters']:,} weights")
    if published:
        told = f"{published['material']}, {counted(published['bars'], 'bar')}, {published['parameters']:,} weights"
        terminal.line(f"published network {header['config']['preset']}: {told}")
    for name, value in header.items():
        for text in entry_lines(name, value):
            terminal.line(text)
    terminal.line(f"styles beside it: {', '.join(styles) or 'none'}")
    story = card.read_text(encoding="utf-8") if card.is_file() else None
    terminal.line(f"card: {card}\n\n{story.rstrip()}" if story else "card: none beside it")
    return {"kind": "model", "metadata": header, "styles": styles, "card": story, **published, **own}


def _published(header: Mapping[str, Any]) -> dict[str, Any]:
    """Material, bars and size of a published network; {} for one of this project's own."""
    if header.get("network") != "published":
        return {}
    from musicvae.model.published.config import PublishedConfig
    from musicvae.model.published.conversion import converter_for
    from musicvae.model.sizes import num_parameters

    config = PublishedConfig.from_dict(header["config"])
    made = converter_for(config)
    return {"material": made.material, "bars": made.bars(config.steps), "parameters": num_parameters(config)}


def _own_pieces(path: Path, header: Mapping[str, Any]) -> dict[str, Any]:
    """Material, bars at most, what is told and size of an own network of drums, grooves or trios; {} for any other."""
    if header.get("network") != "pieces":
        return {}
    from safetensors import safe_open

    from musicvae.model.pieces.config import PieceConfig

    config = PieceConfig.from_dict(header["config"])
    with safe_open(str(path), framework="numpy") as file:
        size = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118  # safe_open is no mapping
    return {"material": config.material, "bars": config.max_bars, "told": config.told, "parameters": size}


def describe_code(path: Path, terminal: Terminal) -> dict[str, Any]:
    """What a code says of the melody, or the piece of another material, that it was made from."""
    from musicvae.compose.code import Code
    from musicvae.compose.library import load_code

    code = load_code(path)
    described: dict[str, Any] = {
        "kind": "code", "windows": [(window.start_bar, window.num_bars) for window in code.windows], "size": code.mu.shape[1],
        "bars": code.num_bars, "meter": code.meter, "tempo_qpm": code.tempo_qpm, "key": code.key, "model_hash": code.model_hash,
        "refine": code.refine,
    }  # fmt: skip
    if isinstance(code, Code):
        described |= {"material": "melody", "shift_semitones": code.shift_semitones, "over_chords": code.chords is not None}
    else:
        described |= {"material": code.material, "over_chords": "chords" in code.guide}
    size = f"{counted(len(code.windows), 'window')} of {code.mu.shape[1]} numbers"
    terminal.line(f"{path}: code of {counted(code.num_bars, 'bar')} of {code.meter}, {size}")
    for name in ("material", "tempo_qpm", "key", "shift_semitones", "refine", "over_chords", "model_hash"):
        if name in described:
            terminal.line(*entry_lines(name, described[name]))
    return described
