"""What the header of a model file says, whichever family the network is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from musicvae.model.config import ModelConfig
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.published.config import PublishedConfig

__all__ = [
    "FORMAT", "HEADER", "PIECES_NETWORK", "PUBLISHED_NETWORK", "AnyConfig", "check_header", "pieces_header", "published_header",
]  # fmt: skip

FORMAT = 4
"""Newest format known: 1 has own networks of melodies, 2 published ones, 3 own ones of drums, grooves and trios, 4 a prior that leans."""
HEADER = "musicvae"
"""Name of the one entry of a safetensors file's metadata that holds our header, as JSON."""
PUBLISHED_NETWORK = "published"
"""Value of "network" in the header of a published one; own networks of melodies have no such key."""
PIECES_NETWORK = "pieces"
"""That of an own one of drums, grooves or trios."""
AnyConfig: TypeAlias = ModelConfig | PublishedConfig | PieceConfig
"""The numbers of a network of any family."""
_PUBLISHED_FORMAT, _PIECES_FORMAT = 2, 3


def published_header(config: PublishedConfig, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a published network's file: `metadata` with format, family and configuration."""
    return {**metadata, "format": _PUBLISHED_FORMAT, "network": PUBLISHED_NETWORK, "config": config.to_dict()}


def pieces_header(config: PieceConfig, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The header of the file of a network of drums, grooves or trios, likewise."""
    return {**metadata, "format": _PIECES_FORMAT, "network": PIECES_NETWORK, "config": config.to_dict()}


def check_header(path: Path, header: Any) -> dict[str, Any]:
    """The same header; ValueError naming the file where it is not a model's, or of a newer format or another family."""
    if not isinstance(header, dict) or not isinstance(header.get("format"), int) or not isinstance(header.get("config"), dict):
        raise ValueError(f"{path} is a safetensors file but no musicvae model: its header names no format and configuration")
    if header["format"] > FORMAT:
        raise ValueError(f"{path} has format {header['format']}, newer than {FORMAT}, the newest known here: upgrade musicvae")
    if header.get("network", PUBLISHED_NETWORK) not in (PUBLISHED_NETWORK, PIECES_NETWORK):
        raise ValueError(f"{path} holds a network of the unknown family {header['network']!r}: upgrade musicvae")
    return header
