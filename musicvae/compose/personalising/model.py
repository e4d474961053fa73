"""A model of one's own, from a loaded one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from musicvae.compose.intake import Source
from musicvae.compose.library import StyleOwner
from musicvae.compose.personalising.lessons import examples_for
from musicvae.compose.personalising.personalise import Personalised, personalise
from musicvae.compose.styled import LoadedModel

__all__ = ["PersonalModel"]

EngineType = TypeVar("EngineType", bound=StyleOwner)
Music = TypeVar("Music")


class PersonalModel(LoadedModel[EngineType, Music]):
    """The part of a model of melodies, drums or trios that learns from a few of them."""

    def personalise(
        self, examples: str | os.PathLike[str] | Iterable[Source], path: str | Path, *, seed: int = 0, description: str = "",
        force: bool = False, progress: Callable[[str], None] | None = None,
    ) -> Personalised:  # fmt: skip
        """Write a model that composes like one to fifty pieces (a folder or several sources) and can be loaded from `path`.

        Takes a minute or so; the same pieces and seed give the same file. The result has `leanings`, which say what was learned in each
        kind of meter, `copying`, which says how much of what the new model draws is copied, and `notices`. ValueError for a model that is
        not from a file or has no learned prior of this project, and for more than fifty pieces, which are enough to train on;
        errors of the pieces as in `learn_style`.
        """
        if self.path is None:
            raise ValueError("a model that was not loaded from a file cannot be personalised: load it by name or path")
        found = examples_for(self.path, examples)
        return personalise(self.path, found, path, seed=seed, description=description, force=force, progress=progress)
