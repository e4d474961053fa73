"""What a loaded model of any material has in common: its name, its styles, and the story that its results tell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from musicvae.compose.harmony import Chords, chords_text
from musicvae.compose.intake import Source
from musicvae.compose.library import StyleInfo, StyleLibrary, StyleOwner
from musicvae.compose.limits import check_strengths
from musicvae.compose.styles import StyleVector

__all__ = ["LoadedModel", "Style", "Styles"]

Styles = str | Mapping[str, float]
EngineType = TypeVar("EngineType", bound=StyleOwner)
Music = TypeVar("Music")


@dataclass(frozen=True)
class LoadedModel(ABC, Generic[EngineType, Music]):
    """An engine with a name. path: of its file, beside which its styles lie. styles_folder: of learned ones (default: the user's)."""

    engine: EngineType
    name: str = "model"
    path: Path | None = None
    styles_folder: Path | None = None

    @property
    def hash(self) -> str:
        """What codes and styles are bound to."""
        return self.engine.hash

    def restyle(
        self, source: Source, style: Styles, *, temperature: float = 0.0, seed: int = 0, refine: int = 0, chords: Chords | None = None
    ) -> Music:
        """The music moved along styles (a name, or strengths by name); the very same where all strengths are 0."""
        return self._apply(source, self._vectors(style), temperature=temperature, seed=seed, refine=refine, chords=chords)

    def style(self, name: str | Path) -> Style[Music]:
        """A style by its name or by the path of its file; ValueError, with the nearest name, where it is unknown."""
        return Style(self._library.find(str(name)), self)

    def styles(self) -> list[StyleInfo]:
        """The styles at hand: those that lie beside the model and those learned for it."""
        return self._library.all()

    @abstractmethod
    def _apply(
        self,
        source: Source,
        styles: Sequence[tuple[StyleVector, float]],
        *,
        temperature: float,
        seed: int,
        refine: int,
        chords: Chords | None = None,
    ) -> Music:
        """The music moved by each vector with its strength."""

    @property
    def _library(self) -> StyleLibrary:
        return StyleLibrary.beside(self.engine, self.path, self.styles_folder)

    def _vectors(self, style: Styles) -> list[tuple[StyleVector, float]]:
        strengths = {style: 1.0} if isinstance(style, str) else style
        return [(self._library.find(name), s) for name, s in check_strengths(strengths).items()] if strengths else []

    def _story(self, made_by: str, *, chords: Chords | None = None, **options: Any) -> dict[str, Any]:
        """What `provenance` says: model, hash, what was asked for; options that are None are left out."""
        asked = {**options, "chords": None if chords is None else chords_text(chords)}
        return {"made_by": made_by, "model": self.name, "hash": self.hash, **{k: v for k, v in asked.items() if v is not None}}


@dataclass(frozen=True)
class Style(Generic[Music]):
    """A style vector bound to its model. path: where learning wrote it. notices: what learning left out."""

    vector: StyleVector
    model: LoadedModel[Any, Music]
    path: Path | None = None
    notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The vector's name."""
        return self.vector.name

    @property
    def report(self) -> Mapping[str, Any]:
        """How the vector was learnt and, under "effects", what each strength in "strengths" does to every attribute."""
        return self.vector.report

    def apply(
        self,
        source: Source,
        strength: float = 1.0,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        refine: int = 0,
        chords: Chords | None = None,
    ) -> Music:
        """The music moved by this style, -10 to 10; 0 gives the very same back."""
        styles = [(self.vector, strength)]
        return self.model._apply(source, styles, temperature=temperature, seed=seed, refine=refine, chords=chords)
