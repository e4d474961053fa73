"""Which decoder writes which stream."""

from __future__ import annotations

from musicvae.model.heads import Nade, TwoStage
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.feel import FeelDecoder
from musicvae.model.pieces.streams import BarDecoder, SteppedDecoder
from musicvae.model.pieces.taps import TappedDecoder
from musicvae.music.groove import GROOVE_CLASSES

__all__ = ["decoder_of"]


def decoder_of(config: PieceConfig, stream: str) -> BarDecoder:
    """A new decoder of a stream of this configuration."""
    if stream == "feel":
        return FeelDecoder(config)
    if stream == "drums" and config.told == "taps":
        return TappedDecoder(config)
    if stream == "drums":
        return SteppedDecoder(config, Nade(GROOVE_CLASSES, config.nade_size))
    return SteppedDecoder(config, TwoStage())
