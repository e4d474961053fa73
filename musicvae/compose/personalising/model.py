"""A model of one's own, from a loaded one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from musicvae.compose.engine import Engine
from musicvae.compose.examples import gather
from musicvae.compose.intake import Source
from musicvae.compose.personalising.personalise import Personalised, personalise
from musicvae.compose.styled import LoadedModel
from musicvae.music.melody import Melody

__all__ = ["PersonalModel"]


class PersonalModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that learns from a few of them."""

    def personalise(
        self, examples: str | os.PathLike[str] | Iterable[Source], path: str | Path, *, seed: int = 0, description: str = "",
        force: bool = False, progress: Callable[[str], None] | None = None,
    ) -> Personalised:  # fmt: skip
        """Write a model that composes like one to fifty melodies (a folder or several sources) and can be loaded from `path`.

        Takes a minute or two; the same melodies and seed give the same file. The result has `copying`, which says how much of
        what the new model draws is copied, and `notices`. ValueError for a model that is not of this project or not from a file,
        and for more than fifty melodies, which are enough to train on; errors of the melodies as in `learn_style`.
        """
        if self.path is None:
            raise ValueError("a model that was not loaded from a file cannot be personalised: load it by name or path")
        return personalise(self.path, gather(examples), path, seed=seed, description=description, force=force, progress=progress)
