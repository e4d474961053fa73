"""What a model of melodies does with given music that stays: goes on, and finds parts of it anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.settling import settled
from musicvae.compose.harmony import Chords
from musicvae.compose.intake import Source, take
from musicvae.compose.judging.model import JudgingModel
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.limits import check_bars, check_seed, check_temperature
from musicvae.compose.revising.continuing import Going, check_form, continue_melody
from musicvae.compose.revising.denoising import WRONG_SHARE, Correction, corrections, mended
from musicvae.compose.revising.filling import Search
from musicvae.compose.revising.repairing import Repair, repair
from musicvae.compose.revising.spans import Part, Steps, span_text, steps_of
from musicvae.music.attributes import own_key
from musicvae.music.melody import Melody
from musicvae.music.provenance import inputs_of

__all__ = ["RHYTHM", "RevisingModel"]

RHYTHM = "rhythm"
"""The word that locks onsets and lengths."""


class RevisingModel(JudgingModel):
    """The part of a model of melodies that revises given ones."""

    def continue_(
        self,
        source: Source,
        bars: int = 8,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        prior_temperature: float = 1.0,
        form: str = "auto",
        return_to: int | None = None,
        chords: Chords | None = None,
        constraints: Constraints | None = None,
    ) -> Melody:
        """The melody, every note as it is, and `bars` written bars more that grow out of it, as told in `compose.revising.continuing`.

        form: "auto" comes back to earlier bars as tunes do, "free" only by chance. return_to: a bar of the melody, from 1, that is to come
        back at once. chords: of the new bars, spread evenly over them. constraints: what the new bars must keep to; notes that must be
        there count bars from the melody's first, a rhythm begins with the new bars. With chords the result is a
        `music.lead_sheet.LeadSheet`. What returns is told in the provenance, under ``returns``.
        """
        melody, config = take(source).melody, self.engine.config
        total, key = melody.num_bars + check_bars(bars), None if config.takes_chords else own_key(melody)
        check_form(melody, form, return_to)
        asked = settled(config, constraints, chords, melody.meter, total, key, first_bar=melody.num_bars)
        heat = check_temperature(temperature), check_temperature(prior_temperature, "prior_temperature")
        story = self._story(
            "continue", seed=check_seed(seed), bars=bars, temperature=temperature, inputs=inputs_of(melody), chords=chords,
            prior_temperature=None if prior_temperature == 1 else prior_temperature, form=None if form == "auto" else form,
            return_to=return_to, constraints=constraints.story() or None if constraints else None,
        )  # fmt: skip
        going = Going(bars, *heat, asked.plan, form, return_to)
        return continue_melody(self.engine, melody, going, seed=story["seed"], provenance=story)

    def repair(
        self,
        source: Source,
        mask: Part | None = None,
        *,
        lock: Part | None = None,
        seed: int = 0,
        temperature: float = 0.0,
        wrong_share: float = WRONG_SHARE,
        chords: Chords | None = None,
        constraints: Constraints | None = None,
        first_bar: int = 1,
    ) -> Melody:
        """The melody with what is masked found anew, or without a mask with its wrong notes put right; every other note as it is.

        mask, lock: bars, beats or sixteenths as in `compose.revising.spans`, such as ``"7-10,13"`` or ``"9:3"``; what is locked stays
        though it is in the mask, and the word ``rhythm`` in the lock keeps onsets and lengths of masked notes. temperature: 0 for the
        filling that is expected to be right most often, 1 for a draw. wrong_share: of notes that are expected to be wrong, above 0 and
        below 1. chords, constraints: of what is found; chords are spread over the whole melody. first_bar: what the first bar is called.
        """
        melody = take(source).melody
        locked, keep_rhythm = self._locked(melody, lock, first_bar)
        key = None if self.engine.config.takes_chords else own_key(melody)
        plan = settled(self.engine.config, constraints, chords, melody.meter, melody.num_bars, key).plan
        story = self._story(
            "repair", seed=check_seed(seed), temperature=check_temperature(temperature), inputs=inputs_of(melody),
            mask=None if mask is None else span_text(steps_of(mask, melody.meter, melody.num_bars, first_bar=first_bar), melody.meter,
                                                     first_bar),
            lock=None if lock is None else str(lock), chords=chords, constraints=constraints.story() or None if constraints else None,
        )  # fmt: skip
        if mask is None:
            if chords is not None or constraints is not None:
                raise ValueError("chords and constraints are for what is found anew: say what, with a mask")
            return self.apply_repairs(melody, self.propose_repairs(melody, lock=lock, wrong_share=wrong_share, first_bar=first_bar))
        masked = steps_of(mask, melody.meter, melody.num_bars, first_bar=first_bar)
        asked = Repair(masked, locked, Search(temperature=temperature, reader=self.reader), keep_rhythm, plan)
        return repair(self.engine, melody, asked, seed=story["seed"], provenance=story)

    def propose_repairs(
        self, source: Source, *, lock: Part | None = None, wrong_share: float = WRONG_SHARE, first_bar: int = 1
    ) -> tuple[Correction, ...]:
        """The notes of a melody that sound wrong, the surest first, each with a pitch that sounds better; options as those of `repair`."""
        melody = take(source).melody
        locked, _ = self._locked(melody, lock, first_bar)
        return corrections(self.engine, melody, wrong_share=wrong_share, locked=locked, ngram=self._ngram, reader=self.reader)

    def apply_repairs(self, source: Source, found: Sequence[Correction]) -> Melody:
        """The melody with these notes put right, every other note as it is; found: of the same melody."""
        melody = take(source).melody
        return replace(mended(melody, found), provenance=self._story("repair", notes_changed=len(found), inputs=inputs_of(melody)))

    @property
    def _ngram(self) -> NGram | None:
        """That of the training tunes, where it lies beside the model's file."""
        return None if (yardstick := self.yardstick) is None else yardstick.ngram

    @staticmethod
    def _locked(melody: Melody, lock: Part | None, first_bar: int) -> tuple[Steps, bool]:
        """What is locked (num_steps,), and whether the rhythm is."""
        none = np.zeros(melody.num_steps, np.bool_)
        if lock is None:
            return none, False
        words = (
            [word.strip() for word in lock.split(",")] if isinstance(lock, str) else list(lock) if isinstance(lock, Iterable) else [lock]
        )
        places = [word for word in words if word != RHYTHM]
        steps = steps_of(places, melody.meter, melody.num_bars, first_bar=first_bar, what="lock") if places else none
        return steps, len(places) < len(words)
