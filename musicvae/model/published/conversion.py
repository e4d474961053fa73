"""Which converter a network's arrays go by."""

from __future__ import annotations

from musicvae.model.published.config import PublishedConfig
from musicvae.music.converters import Converter, converter

__all__ = ["converter_for"]


def converter_for(config: PublishedConfig) -> Converter:
    """What turns notes into the network's arrays and back; ValueError where the configuration's numbers do not fit it."""
    return converter(config.converter, min_pitch=config.min_pitch, outputs=config.outputs, steps=config.steps)
