"""What the header of a model file says, whichever family the network is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicvae.model.published.config import PublishedConfig

__all__ = ["FORMAT", "HEADER", "PUBLISHED_NETWORK", "check_header", "published_header"]

FORMAT = 2
"""Newest format known: 1 has own networks only, in 2 a file may hold a published one."""
HEADER = "musicvae"
"""Name of the one entry of a safetensors file's metadata that holds our header, as JSON."""
PUBLISHED_NETWORK = "published"
"""Value of "network" in the header of a published one; own networks have no such key."""


def published_header(config: PublishedConfig, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a published network's file: `metadata` with format, family and configuration."""
    return {**metadata, "format": FORMAT, "network": PUBLISHED_NETWORK, "config": config.to_dict()}


def check_header(path: Path, header: Any) -> dict[str, Any]:
    """The same header; ValueError naming the file where it is not a model's, or of a newer format or another family."""
    if not isinstance(header, dict) or not isinstance(header.get("format"), int) or not isinstance(header.get("config"), dict):
        raise ValueError(f"{path} is a safetensors file but no musicvae model: its header names no format and configuration")
    if header["format"] > FORMAT:
        raise ValueError(f"{path} has format {header['format']}, newer than {FORMAT}, the newest known here: upgrade musicvae")
    if header.get("network", PUBLISHED_NETWORK) != PUBLISHED_NETWORK:
        raise ValueError(f"{path} holds a network of the unknown family {header['network']!r}: upgrade musicvae")
    return header
