"""What a model of melodies says of given ones: how likely, and what is odd in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine
from musicvae.compose.intake import Source, take
from musicvae.compose.judging.collection import FEWEST_PIECES, windows_of_piece
from musicvae.compose.judging.pieces import PieceScore, judge
from musicvae.compose.judging.yardstick import Yardstick, load_yardstick
from musicvae.compose.library import READER_SUFFIX, SCORES_SUFFIX
from musicvae.compose.limits import check_threshold
from musicvae.compose.reading import Reader, reader_beside
from musicvae.compose.styled import LoadedModel
from musicvae.music.melody import Melody

__all__ = ["JudgingModel"]


class JudgingModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that judges them."""

    @property
    def yardstick(self) -> Yardstick | None:
        """What held-out tunes score, from the file beside the model; None where there is none. ValueError for another model's."""
        if self.path is None:
            return None
        path = self.path.with_name(self.path.name.removesuffix(".safetensors") + SCORES_SUFFIX)
        return load_yardstick(path, self.hash) if path.is_file() else None

    @property
    def reader(self) -> Reader | None:
        """What reads damaged music, from the file beside the model; None where there is none. ValueError for another model's."""
        return reader_beside(self.engine, self.path)

    def score(self, source: Source, *, threshold: float = 0.05, places: bool = True) -> PieceScore:
        """How likely a melody is, in bits, and which of its notes and bars are odd.

        threshold: share of held-out tunes that may seem as odd, above 0 and below 1. places: also look for odd notes and bars,
        about a second for 16 bars, and twice that for a model without a reader of damaged music. ValueError for other thresholds.
        """
        check_threshold(threshold)
        taken = take(source)
        yardstick = self.yardstick
        reader = self._reader_for(yardstick) if places else None
        found = judge(self.engine, taken.melody, yardstick, reader=reader, threshold=threshold, places=places)
        return replace(found, notices=(*taken.notices, *found.notices))

    def score_many(
        self, sources: Sequence[Source], *, threshold: float = 0.05, places: bool = True, progress: Callable[[str], None] | None = None
    ) -> list[PieceScore]:
        """`score` of several melodies, in their order.

        Where `FEWEST_PIECES` or more are in one kind of meter, each is also compared with the others of that kind: the chance
        "style" is the share of held-out tunes that are as foreign among tunes of their own style. progress: called after each.
        """
        check_threshold(threshold)
        yardstick, found = self.yardstick, []
        reader = self._reader_for(yardstick) if places else None
        for number, source in enumerate(sources, 1):
            taken = take(source)
            scored = judge(self.engine, taken.melody, yardstick, reader=reader, threshold=threshold, places=places)
            found.append(replace(scored, notices=(*taken.notices, *scored.notices)))
            if progress is not None:
                progress(f"scoring: {number} of {len(sources)}")
        return found if yardstick is None else self._with_styles(found, yardstick)

    def _reader_for(self, yardstick: Yardstick | None) -> Reader | None:
        """What reads damaged music, unless held-out tunes were measured without; ValueError where it is gone by which they were."""
        if yardstick is not None and not yardstick.with_reader:
            return None
        reader = self.reader
        if yardstick is not None and reader is None:
            raise ValueError(
                f"what held-out tunes score under {self.name} was measured with a reader of damaged music, and none lies beside the model: "
                f"copy its file {READER_SUFFIX[1:]} there, or measure without one by scripts/calibrate_scores.py"
            )
        return reader

    def _with_styles(self, found: list[PieceScore], yardstick: Yardstick) -> list[PieceScore]:
        kinds = [score.melody.meter.kind_index if score.melody.notes else -1 for score in found]
        for kind in sorted(set(kinds) - {-1}):
            rows = [row for row, of in enumerate(kinds) if of == kind]
            sense = yardstick.styles.get(kind)
            if sense is not None and len(rows) >= FEWEST_PIECES:
                traits = sense.traits([windows_of_piece(self.engine, found[row].melody) for row in rows], kind)
                for row, away in zip(rows, sense.foreignness(traits).tolist(), strict=True):
                    chances = {**found[row].chances, "style": sense.chance(away)}
                    found[row] = replace(found[row], chances=chances, foreignness=away)
        return found


def ranked(scores: Sequence[PieceScore]) -> NDArray[np.int64]:
    """The numbers of the scores, the oddest piece first; where nothing is known of chances, that with most bits a note."""
    chances = np.array([score.chance for score in scores])
    bits = np.array([score.bits_per_note for score in scores])
    return np.lexsort((-np.nan_to_num(bits, nan=-np.inf), np.nan_to_num(chances, nan=2.0)))
