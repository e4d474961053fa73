"""What a model of melodies does with given music that stays: goes on, and finds parts of it anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musicvae.compose.engine import Engine
from musicvae.compose.intake import Source, take
from musicvae.compose.limits import check_bars, check_seed, check_temperature
from musicvae.compose.revising.continuing import Going, continue_melody
from musicvae.compose.revising.filling import Search
from musicvae.compose.revising.repairing import Repair, repair
from musicvae.compose.revising.spans import Part, span_text, steps_of
from musicvae.compose.styled import LoadedModel
from musicvae.music.melody import Melody
from musicvae.music.provenance import inputs_of

__all__ = ["RevisingModel"]


class RevisingModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that revises given ones."""

    def continue_(
        self, source: Source, bars: int = 8, *, seed: int | None = None, temperature: float = 1.0, prior_temperature: float = 1.0
    ) -> Melody:
        """The melody, every note as it is, and `bars` written bars more that grow out of it, as told in `compose.revising.continuing`."""
        melody = take(source).melody
        going = Going(check_bars(bars), check_temperature(temperature), check_temperature(prior_temperature, "prior_temperature"))
        story = self._story("continue", seed=check_seed(seed), bars=bars, temperature=temperature, inputs=inputs_of(melody))
        return continue_melody(self.engine, melody, going, seed=story["seed"], provenance=story)

    def repair(self, source: Source, mask: Part, *, lock: Part | None = None, seed: int = 0, temperature: float = 0.0) -> Melody:
        """The melody with the bars, beats or steps of `mask` found anew, every other note as it is.

        mask, lock: as in `compose.revising.spans`, such as ``"7-10,13"``; what is locked stays though it is in the mask.
        temperature: 0 takes the likeliest filling found.
        """
        melody = take(source).melody
        masked = steps_of(mask, melody.meter, melody.num_bars)
        locked = np.zeros_like(masked) if lock is None else steps_of(lock, melody.meter, melody.num_bars, "lock")
        story = self._story(
            "repair", seed=check_seed(seed), mask=span_text(masked, melody.meter),
            lock=span_text(locked, melody.meter) or None, temperature=check_temperature(temperature), inputs=inputs_of(melody),
        )  # fmt: skip
        asked = Repair(masked, locked, replace(Search(), temperature=temperature))
        return repair(self.engine, melody, asked, seed=story["seed"], provenance=story)
