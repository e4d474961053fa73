"""What `import musicvae` offers."""

import importlib.metadata
import subprocess
import sys

import pytest

import musicvae
from musicvae.compose.intake import read
from musicvae.compose.model import available_models, load
from musicvae.model.imports.importing import import_model
from musicvae.music.melody import Melody, Note


def test_public_names_are_those_of_their_rooms():
    assert (musicvae.load, musicvae.read, musicvae.available_models, musicvae.import_model) == (load, read, available_models, import_model)
    assert (musicvae.Melody, musicvae.Note) == (Melody, Note)
    assert set(musicvae.__all__) <= set(dir(musicvae))
    with pytest.raises(AttributeError, match="module 'musicvae' has no attribute 'melody_maker'"):
        musicvae.melody_maker  # noqa: B018  # looking it up is the test


def test_the_version_is_that_of_the_installed_package(monkeypatch):
    monkeypatch.delitem(vars(musicvae), "__version__", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"{name} 1.2.3")
    assert musicvae.__version__ == "musicvae 1.2.3"
    monkeypatch.delitem(vars(musicvae), "__version__")

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert musicvae.__version__ == "0+unknown"
    monkeypatch.delitem(vars(musicvae), "__version__")


def test_importing_loads_nothing_heavy_until_it_is_needed():
    script = (
        "import sys, musicvae; "
        "assert 'numpy' not in sys.modules; "
        "musicvae.load; "
        "heavy = {'torch', 'lightning', 'music21', 'pretty_midi', 'symusic', 'matplotlib', 'safetensors'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
