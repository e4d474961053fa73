"""Compose with a latent space: generate, blend and restyle melodies with a hierarchical recurrent VAE.

`load` gives a model, `read` the melody in a file, `Constraints` what a melody must keep to, `import_model` makes a model file of
a published checkpoint; `humanize`, `groove_transfer` and `drumify` play the beats of whole files; `compress` and `expand` make
MIDI files small and back. Importing this package imports neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicvae.compose.compressing.model import compress, expand
    from musicvae.compose.constraints.constraints import Constraints
    from musicvae.compose.grooving.model import drumify, groove_transfer, humanize
    from musicvae.compose.intake import read
    from musicvae.compose.model import available_models, load
    from musicvae.model.imports.importing import import_model
    from musicvae.music.melody import Melody, Note

    __version__: str

__all__ = [
    "Constraints",
    "Melody",
    "Note",
    "__version__",
    "available_models",
    "compress",
    "drumify",
    "expand",
    "groove_transfer",
    "humanize",
    "import_model",
    "load",
    "read",
]

_HOMES = {
    "Constraints": "musicvae.compose.constraints.constraints",
    "Melody": "musicvae.music.melody",
    "Note": "musicvae.music.melody",
    "available_models": "musicvae.compose.model",
    "compress": "musicvae.compose.compressing.model",
    "drumify": "musicvae.compose.grooving.model",
    "expand": "musicvae.compose.compressing.model",
    "groove_transfer": "musicvae.compose.grooving.model",
    "humanize": "musicvae.compose.grooving.model",
    "import_model": "musicvae.model.imports.importing",
    "load": "musicvae.compose.model",
    "read": "musicvae.compose.intake",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: Any = version("musicvae")
        except PackageNotFoundError:  # run from a checkout that was never installed
            value = "0+unknown"
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'musicvae' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
