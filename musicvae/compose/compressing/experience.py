"""What the contexts of a melody have met in a network's dreams: how a few numbers a context learn what the network knows."""

from __future__ import annotations

from musicvae.compose.compressing.melodies import MelodyCoder
from musicvae.compose.compressing.mixing import Counter, Experience
from musicvae.compose.compressing.primer import usual
from musicvae.model.integer.dreams import dream
from musicvae.model.integer.network import IntegerNetwork
from musicvae.music.vocabulary import canonical_tokens

__all__ = ["DREAMS", "experience_of"]

DREAMS = 128
"""Melodies of 16 bars that a network draws for it. Three times as many made files no smaller."""
_KEPT = 3
_remembered: dict[tuple[str, int, int], Experience] = {}


def experience_of(network: IntegerNetwork, kind: int) -> Experience:
    """The experience with melodies of a kind of meter; made in about two seconds, and kept for the next call."""
    key = network.hash, kind, DREAMS
    if key not in _remembered:
        while len(_remembered) >= _KEPT:
            _remembered.pop(next(iter(_remembered)), None)
        _remembered[key] = _counted(network, kind)
    return _remembered[key]


def _counted(network: IntegerNetwork, kind: int) -> Experience:
    counter = Counter()
    for tokens in dream(network, kind, DREAMS):
        coder = MelodyCoder(counter)
        for bar in canonical_tokens(tokens):
            coder.bar(tuple(bar.tolist()), len(bar))
    return {**usual(), **counter.found()}
