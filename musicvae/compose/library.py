"""Where models and style vectors are found.

Shipped models are the files of ``musicvae/pretrained``, a user's own ones those of ``models`` in the user's data
folder; style vectors of a model lie beside it as ``NAME.styles.safetensors``. Learned vectors lie in the
folder ``styles`` there, under the hash of the model they belong to, or wherever a path says. Nothing is
kept in memory between calls.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from musicvae.compose.code import Code
from musicvae.compose.styles import StyleVector, check_style_name, load_styles, save_styles
from musicvae.music.meter import Meter

if TYPE_CHECKING:
    from musicvae.compose.pieces.code import PieceCode

__all__ = ["DEFAULT_MODEL", "READER_SUFFIX", "SCORES_SUFFIX", "SHIPPED_KINDS", "ModelInfo", "StyleInfo", "StyleLibrary", "StyleOwner",
           "available_models", "checked_header", "find_model", "load_code", "model_of_code",
           "model_header", "user_models_folder", "user_styles_folder"]  # fmt: skip

DEFAULT_MODEL = "melody"
SHIPPED_KINDS = {
    "melody": "melodies", "drums": "drums", "groove": "the feel of drums", "drumify": "beats from taps",
    "trio": "trios of melody, bass and drums",
}  # fmt: skip
"""Names of the models that ship, or are to, and what they are about."""
_SUFFIX = ".safetensors"
_STYLES_SUFFIX = ".styles.safetensors"
SCORES_SUFFIX = ".scores.safetensors"
"""Of the file beside a model that says how odd held-out music is to it."""
READER_SUFFIX = ".reader.safetensors"
"""Of the file beside a model that holds its reader of damaged music."""


class _Sized(Protocol):
    """Numbers of a network of any material."""

    @property
    def z_size(self) -> int: ...


class StyleOwner(Protocol):
    """An engine of any material, as far as styles are bound to it."""

    @property
    def hash(self) -> str:
        """What styles are bound to."""
        ...

    @property
    def config(self) -> _Sized:
        """Numbers of the network."""
        ...


class ModelInfo(NamedTuple):
    """A model that is found by its name."""

    name: str
    path: Path
    description: str


@dataclass(frozen=True)
class StyleInfo:
    """A style that a model knows; origin is "shipped" or "learned", path the file it is in."""

    name: str
    origin: str
    attribute: str | None
    meter: Meter | None
    tempo_qpm: float | None
    description: str
    path: Path


def available_models() -> list[ModelInfo]:
    """The models that ship with this package, then those in the user's data folder, each sorted by name.

    One in the data folder that has the name of a shipped one is left out, since that comes first.
    """
    found: dict[str, ModelInfo] = {}
    for folder in (Path(str(resources.files("musicvae"))) / "pretrained", user_models_folder()):
        for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []:
            name = path.name.removesuffix(_SUFFIX)
            if not path.name.endswith((_STYLES_SUFFIX, SCORES_SUFFIX, READER_SUFFIX)) and name not in found:
                found[name] = ModelInfo(name, path, _description(path))
    return list(found.values())


def find_model(name_or_path: str | Path | None = None) -> tuple[str, Path]:
    """Name and path of a shipped model, of one in the user's data folder, or of a file; None stands for the default model.

    A name comes before a file of the same name. FileNotFoundError for a path that is not there,
    ValueError for a name that is not known.
    """
    models = {model.name: model.path for model in available_models()}
    wanted = DEFAULT_MODEL if name_or_path is None else str(name_or_path)
    if wanted in models:
        return wanted, models[wanted]
    path = Path(wanted)
    if path.is_file():
        return path.name.removesuffix(_SUFFIX), path
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the {_SUFFIX} file in it")
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f"{path} does not exist: was it misspelled, or is it in another folder?")
    if wanted in SHIPPED_KINDS:
        raise ValueError(
            f"no model of {SHIPPED_KINDS[wanted]} ({wanted!r}) is installed; {_known('installed are', models)}: give the path of a file, "
            f"or train one (musicvae train --preset {wanted})"
        )
    raise ValueError(f"unknown model {wanted!r}{_nearest(wanted, models)}; {_known('known are', models)}, or give the path of a file")


def user_models_folder() -> Path:
    """The folder whose models are found by name; it may not exist yet."""
    return _user_folder() / "models"


def user_styles_folder() -> Path:
    """The folder that holds learned styles, by model; it may not exist yet."""
    return _user_folder() / "styles"


def _user_folder() -> Path:
    from platformdirs import user_data_dir

    return Path(user_data_dir("musicvae", appauthor=False))


def model_header(path: str | Path) -> dict[str, Any]:
    """What a model file says about itself, read without its weights (or torch); {} where there is none to be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("musicvae", "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


@dataclass(frozen=True)
class StyleLibrary:
    """The styles of one model: those in its file beside it and those in `folder`, read anew at every call."""

    engine: StyleOwner
    shipped: Path | None
    folder: Path

    @classmethod
    def beside(cls, engine: StyleOwner, model_path: Path | None, folder: Path | None = None) -> StyleLibrary:
        """The library of a model loaded from `model_path`; folder: of learned styles (default: the user's data folder)."""
        shipped = None if model_path is None else model_path.with_name(model_path.name.removesuffix(_SUFFIX) + _STYLES_SUFFIX)
        return cls(engine, shipped, (user_styles_folder() if folder is None else folder) / engine.hash)

    def all(self) -> list[StyleInfo]:
        """All styles of the model, shipped ones first, by name; a learned file that cannot be read raises ValueError."""
        found = [_info(vector, "shipped", self.shipped) for vector in self._shipped_vectors().values() if self.shipped]
        return found + [_info(vector, "learned", path) for path in self._learned_paths() for vector in load_styles(path).values()]

    def find(self, name: str) -> StyleVector:
        """A style by its name or by the path of a file with a single one; ValueError for one that is unknown or of another model."""
        shipped = self._shipped_vectors()
        if name in shipped:
            return shipped[name]
        learned = {path.name.removesuffix(_SUFFIX): path for path in self._learned_paths()}
        path = learned.get(name)
        if path is None and name.endswith(_SUFFIX):
            path = Path(name)
        if path is None:
            known = sorted({*shipped, *learned})
            raise ValueError(f"unknown style {name!r}{_nearest(name, known)}; {_known('known are', known)}")
        vectors = load_styles(path)
        if len(vectors) != 1:
            raise ValueError(f"{path} holds {len(vectors)} styles ({', '.join(vectors)}); a file with a single one is needed")
        return self._checked(next(iter(vectors.values())))

    def add(self, vector: StyleVector, path: str | Path | None = None, *, force: bool = False) -> Path:
        """Keep a learned style, in the user's data folder unless a path is given; returns where.

        ValueError for the name of a shipped style, which it would hide, unless a path is given.
        """
        self._checked(vector)
        if path is not None:
            return save_styles([vector], path, force=force)
        if check_style_name(vector.name) in self._shipped_vectors():
            raise ValueError(f"style {vector.name!r} ships with the model: choose another name, or say where to write it")
        self.folder.mkdir(parents=True, exist_ok=True)
        return save_styles([vector], self.folder / f"{vector.name}{_SUFFIX}", force=force)

    def _checked(self, vector: StyleVector) -> StyleVector:
        return vector.check_model(self.engine.hash, self.engine.config.z_size)

    def _shipped_vectors(self) -> dict[str, StyleVector]:
        if self.shipped is None or not self.shipped.is_file():
            return {}
        return {name: self._checked(vector) for name, vector in load_styles(self.shipped).items()}

    def _learned_paths(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}")) if self.folder.is_dir() else []


def _info(vector: StyleVector, origin: str, path: Path) -> StyleInfo:
    return StyleInfo(vector.name, origin, vector.attribute, vector.meter, vector.tempo_qpm, vector.description, path)


def checked_header(path: str | Path) -> dict[str, Any]:
    """What a model file says about itself, without torch where it is sound; errors as `model.weights.read_metadata`."""
    if header := model_header(path):
        from musicvae.model.headers import check_header

        return check_header(Path(path), header)
    from musicvae.model.weights import read_metadata

    return read_metadata(path)


def load_code(path: str | Path) -> Code | PieceCode:
    """The code in a file, of a melody or of a piece of another material; errors as those of `Code.load`."""
    import numpy as np

    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            of_melody = "piece" not in file
    except (OSError, TypeError, ValueError, EOFError, zipfile.BadZipFile):
        of_melody = True  # which says what is wrong with it
    if of_melody:
        return Code.load(path)
    from musicvae.compose.pieces.code import PieceCode

    return PieceCode.load(path)


def model_of_code(code: Code | PieceCode) -> str | None:
    """The name of the installed model that made a code, else of the shipped one of its material; None for the default model."""
    material: str = getattr(code, "material", DEFAULT_MODEL)
    likely_first = sorted(available_models(), key=lambda model: model.name != material)
    for model in likely_first:
        with model.path.open("rb") as data:
            if hashlib.file_digest(data, "sha256").hexdigest().startswith(code.model_hash):
                return model.name
    return material if material in {model.name for model in likely_first} else None


def _description(path: Path) -> str:
    """What the model's file says of itself, else the first line below the title of its card, else what is published under its name."""
    header = model_header(path)
    if not header:
        return "cannot be read"
    card = path.with_suffix(".md")
    if stated := str(header.get("description", "")):
        return stated
    if not card.is_file():
        return _published(header) or _own_pieces(header)
    lines = (line.strip() for line in card.read_text(encoding="utf-8").splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def _published(header: Mapping[str, Any]) -> str:
    """One line on a published network; "" for one that is none."""
    if header.get("network") != "published":
        return ""
    from musicvae.model.published.presets import PUBLISHED

    config = header.get("config")
    name = str(config.get("preset", "")) if isinstance(config, Mapping) else ""
    return f"{name}: {PUBLISHED[name].about}" if name in PUBLISHED else f"published network {name}"


_OWN_PIECES: Mapping[tuple[Any, Any], str] = {
    ("drums", ""): "A recurrent VAE of beats",
    ("drums", "taps"): "A recurrent VAE of beats for given taps",
    ("groove", "hits"): "A recurrent VAE of how beats are played: velocity and timing for given hits",
    ("trio", ""): "A recurrent VAE of melody, bass and drums together",
}


def _own_pieces(header: Mapping[str, Any]) -> str:
    """One line on an own network of drums, grooves or trios; "" for any other."""
    config = header.get("config")
    if header.get("network") != "pieces" or not isinstance(config, Mapping):
        return ""
    what = _OWN_PIECES.get((config.get("material"), config.get("told", "")), f"A recurrent VAE of {config.get('material')}")
    return f"{what}, up to {config.get('max_bars')} bars of 4/4 at once."


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f": did you mean {near[0]!r}?" if near else ""


def _known(lead: str, known: Iterable[str]) -> str:
    names = ", ".join(sorted(known))
    return f"{lead} {names}" if names else "none is here yet"
