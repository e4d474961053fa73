"""What a model of melodies makes of given ones by moving their z."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from musicvae.compose.engine import ChordRows, Engine, require_chords
from musicvae.compose.harmony import Chords, spread_chords
from musicvae.compose.intake import Source, take
from musicvae.compose.limits import check_pieces, check_refine, check_seed
from musicvae.compose.styled import LoadedModel
from musicvae.compose.varying.amounts import check_amounts
from musicvae.compose.varying.vary import Variations, vary
from musicvae.music.melody import Melody
from musicvae.music.provenance import inputs_of

__all__ = ["VaryingModel"]


class VaryingModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that varies them and finds ways among several."""

    def vary(
        self,
        source: Source,
        amount: float | Sequence[float] = 0.2,
        n: int = 1,
        *,
        seed: int | None = None,
        refine: int = 0,
        chords: Chords | None = None,
    ) -> Variations:
        """`n` variations of a melody, each of which has a share `amount` in [0, 1] of other notes; the very same at 0.

        amount: several give as many variations of each way, graded: they go further and further the same way. Seeds are
        as in `generate_many`. refine: gradient steps on the melody's code. chords: what it is played over, for models that take
        chords. The result is a sequence with `amounts`, `distances` (what came out) and `notices`. ValueError for other amounts.
        """
        amounts = check_amounts(amount)
        taken = take(source)
        story = self._story("vary", seed=check_seed(seed), refine=check_refine(refine) or None, chords=chords,
                            inputs=inputs_of(taken.melody))  # fmt: skip
        over = _spread(self.engine, taken.melody, chords)
        found = vary(self.engine, taken.melody, amounts, check_pieces(n), seed=story["seed"], refine=refine, chords=over, provenance=story)
        return replace(found, notices=(*taken.notices, *found.notices))


def _spread(engine: Engine, melody: Melody, chords: Chords | None) -> ChordRows | None:
    if chords is None:
        return None
    require_chords(engine)
    return spread_chords(chords, melody.meter.model_bars(melody.num_bars))
