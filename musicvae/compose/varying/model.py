"""What a model of melodies makes of given ones by moving their z."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.settling import settled
from musicvae.compose.engine import ChordRows, Engine, require_chords
from musicvae.compose.harmony import Chords, spread_chords
from musicvae.compose.intake import Source, take
from musicvae.compose.limits import check_pieces, check_refine, check_seed, check_steps
from musicvae.compose.styled import LoadedModel
from musicvae.compose.varying.amounts import check_amounts, check_weights
from musicvae.compose.varying.mixing import Ground, blends_at, ground_of, manner_of
from musicvae.compose.varying.morphing import morph
from musicvae.compose.varying.plans import check_inputs, check_path, grid_points, mix_point, path_points
from musicvae.compose.varying.results import Blends, Variations
from musicvae.compose.varying.vary import vary
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
        constraints: Constraints | None = None,
    ) -> Variations[Melody]:
        """`n` variations of a melody, each of which has a share `amount` in [0, 1] of other notes; the very same at 0.

        amount: several give as many variations of each way, graded: they go further and further the same way. Seeds are
        as in `generate_many`. refine: gradient steps on the melody's code. chords: what they are played over; constraints: what
        variations must keep to (`compose.constraints`). The result is a sequence with `amounts`, `distances` (what came out)
        and `notices`. ValueError for other amounts.
        """
        amounts = check_amounts(amount)
        taken = take(source)
        melody, config = taken.melody, self.engine.config
        asked = settled(config, constraints, chords, melody.meter, melody.num_bars, None if config.takes_chords else melody.key)
        story = self._story(
            "vary", seed=check_seed(seed), refine=check_refine(refine) or None, chords=chords,
            constraints=None if constraints is None else constraints.story() or None, inputs=inputs_of(melody),
        )  # fmt: skip
        found = vary(
            self.engine, melody, amounts, check_pieces(n), seed=story["seed"], refine=refine, chords=asked.chords, plan=asked.plan,
            provenance=story,
        )  # fmt: skip
        free = ("amount 0 gives the melody back as it is, whatever it must keep to",) if asked.plan is not None and 0 in amounts else ()
        return replace(found, notices=(*taken.notices, *found.notices, *free))

    def path_through(
        self, sources: Sequence[Source], steps: int | None = None, *, chords: Chords | None = None, **manner: Any
    ) -> Blends[Melody]:
        """A path of `steps` pieces from the first melody by all others to the last, evenly spaced between each two.

        steps: at least as many as melodies (default: 8 from each to the next). manner: fields of
        `compose.varying.mixing.Manner`, such as ends="decoded". The result is a sequence with `weights` and `notices`.
        """
        inputs = check_inputs(len(sources))
        count = check_path(check_steps(8 * (inputs - 1) + 1 if steps is None else steps), inputs)
        ground, story = self._ground("path_through", sources, manner, chords, steps=count)
        return blends_at(ground, path_points(len(sources), count, ground.even), provenance=story)

    def grid(
        self, corners: Sequence[Source], rows: int = 5, columns: int | None = None, *, chords: Chords | None = None, **manner: Any
    ) -> Blends[Melody]:
        """A rectangle of pieces between four melodies: top left, top right, bottom left, bottom right; row by row.

        columns: as many as rows by default. manner: as for `path_through`.
        """
        wide = check_steps(rows if columns is None else columns)
        check_inputs(len(corners), exactly=4)
        ground, story = self._ground("grid", corners, manner, chords, rows=check_steps(rows), columns=wide)
        return blends_at(ground, grid_points(rows, wide, ground.even), columns=wide, provenance=story)

    def mix(self, sources: Sequence[Source], weights: Sequence[float], *, chords: Chords | None = None, **manner: Any) -> Blends[Melody]:
        """The one piece among several melodies that has so much of each; weights: scaled to a sum of 1. manner: as for `path_through`."""
        shares = check_weights(weights, check_inputs(len(sources)))
        ground, story = self._ground("mix", sources, manner, chords, weights=list(weights))
        return blends_at(ground, [mix_point(shares)], provenance=story)

    def morph(self, sources: Sequence[Source], rounds: int = 4, *, chords: Chords | None = None, **manner: Any) -> Blends[Melody]:
        """One continuous piece that begins as the first melody and ends as the last, changing from bar to bar (`compose.varying.morphing`).

        rounds: how many times the melodies' bars are played over. manner: as for `path_through`.
        """
        check_inputs(len(sources))
        ground, story = self._ground("morph", sources, manner, chords, rounds=check_pieces(rounds))
        return morph(ground, rounds, provenance=story)

    def _ground(
        self, made_by: str, sources: Sequence[Source], manner: Mapping[str, Any], chords: Chords | None, **options: Any
    ) -> tuple[Ground, dict[str, Any]]:
        """What pieces are blended on, and the story that they tell."""
        how = manner_of(manner).check(len(sources))
        how = replace(how, seed=check_seed(how.seed))
        taken = [take(source) for source in sources]
        melodies = [found.melody for found in taken]
        story = self._story(made_by, chords=chords, **options, **asdict(how), inputs=inputs_of(*melodies))
        over = None if chords is None else partial(_spread, self.engine, chords)
        ground = ground_of(self.engine, melodies, how, over)
        notices = (*(text for found in taken for text in found.notices), *ground.notices)
        return replace(ground, notices=notices), story


def _spread(engine: Engine, chords: Chords, bars: int) -> ChordRows:
    require_chords(engine)
    return spread_chords(chords, bars)
