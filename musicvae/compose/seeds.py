"""Seeds made from seeds, so that one number brings back a whole piece."""

from __future__ import annotations

from musicvae.model.noise import generator

__all__ = ["derived_seed", "window_seed"]


def derived_seed(seed: int, purpose: str) -> int:
    """A seed that depends on `seed` and `purpose` only; not among those of `model.noise.piece_seed`."""
    return int(generator(seed, f"compose/{purpose}").integers(2**63, dtype="uint64"))


def window_seed(seed: int, window: int) -> int:
    """The seed of window 0, 1, ... of a long piece; window 0 has `seed` itself."""
    return seed if window == 0 else derived_seed(seed, f"window {window}")
