"""From a published checkpoint to a model file, one tensor at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.model.headers import HEADER, published_header
from musicvae.model.imports.checkpoint import Checkpoint
from musicvae.model.imports.files import Files, open_files
from musicvae.model.imports.fitting import fitted, likely_presets, misfits
from musicvae.model.imports.jsconfig import SPEC, checked_spec, network_of
from musicvae.model.imports.layout import Move, layout
from musicvae.model.imports.locating import Place, located
from musicvae.model.imports.magentajs import MANIFEST, Manifest, read_json
from musicvae.model.imports.tensors import Floats, Source
from musicvae.model.imports.writing import TensorFile
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.conversion import converter_for
from musicvae.model.published.presets import PUBLISHED, Preset
from musicvae.music.files import atomic_path

__all__ = ["Imported", "import_model", "opened", "take_tensors"]

_MOST_NAMED = 4
_HALF_LIMIT = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Imported:
    """What was imported: the file, the network's configuration, its number of weights, and remarks for the user.

    skipped: things in the checkpoint that are no weights, counted by what they are; metadata: the header's entries.
    """

    path: Path
    config: PublishedConfig
    parameters: int
    skipped: Mapping[str, int]
    metadata: Mapping[str, Any]
    notices: tuple[str, ...]


def import_model(
    path: str | Path, out: str | Path, *, preset: str | None = None, bars: int | None = None, half: bool = False, force: bool = False
) -> Imported:
    """Write the network at `path` as a model file; nothing is left where it cannot.

    path: a TensorFlow checkpoint (its prefix, one of its files, a folder or tar archive with it) or a magenta.js folder. preset:
    the published configuration it was trained with; a magenta.js folder with a config.json needs none. bars: length of the network's
    pieces, where it is not the preset's. half: keep numbers in half precision. FileNotFoundError for what is not there,
    FileExistsError for `out` without `force`, ValueError for anything that is damaged or does not fit, naming the tensor.
    """
    with opened(path, preset=preset, bars=bars) as (source, config, notices), atomic_path(out, force=force) as temporary:
        moves = layout(config)
        shapes = {f"vae.{name}": shape for move in moves for name, shape in move.targets}
        parameters = sum(int(np.prod(shape)) for shape in shapes.values())
        metadata = {**_story(config, source), **({"precision": "half"} if half else {})}
        header = json.dumps(published_header(config, metadata), sort_keys=True)
        with TensorFile(temporary, shapes, dtype="float16" if half else "float32", metadata={HEADER: header}) as file:
            for name, values in take_tensors(source, moves):
                file.put(f"vae.{name}", _within_half(name, values) if half else values)
    return Imported(Path(out), config, parameters, dict(source.others), metadata, notices)


@contextmanager
def opened(
    path: str | Path, *, preset: str | None = None, bars: int | None = None
) -> Iterator[tuple[Source, PublishedConfig, tuple[str, ...]]]:
    """The tensors at `path`, the configuration they fit, and remarks, while the block runs; errors as `import_model`."""
    place = located(Path(path))
    known = None if preset is None else _preset(preset)
    with open_files(place.holder) as files:
        source, start, notices = _source(files, place, known)
        config = fitted(source.shapes, start if bars is None else _of_bars(start, bars))
        likely, exact = likely_presets(source.shapes)
        problems = misfits(source.shapes, config)
        if exact and start.preset not in likely and bars is None and isinstance(source, Checkpoint):
            problems = misfits(source.shapes, start)
        if problems:
            raise ValueError(f"{source.name} does not fit {start.preset}: {problems}{_guess(likely)}")
        converter_for(config)
        yield source, config, (*notices, *_sizes_notice(config, likely))


def take_tensors(source: Source, moves: list[Move]) -> Iterator[tuple[str, Floats]]:
    """Names and values as `PublishedVAE` has them, each published tensor read once; ValueError for a damaged one."""
    for move in moves:
        try:
            values = source.read(move.source)
        except ValueError as error:
            raise ValueError(f"{source.name}: {error}") from error
        for (name, _), converted in zip(move.targets, move.convert(values), strict=True):
            yield name, converted


def _source(files: Files, place: Place, known: Preset | None) -> tuple[Source, PublishedConfig, tuple[str, ...]]:
    prefix, notices = place.prefix_in(files)
    if prefix is not None:
        checkpoint = Checkpoint(files, prefix)
        if known is None:
            raise ValueError(
                f"{checkpoint.name} does not say which configuration it is; say it with --preset (in Python: preset=)"
                f"{_guess(likely_presets(checkpoint.shapes)[0])}"
            )
        return checkpoint, known.config, notices
    manifest = Manifest(files)
    if SPEC not in files.regions:
        if known is None:
            raise FileNotFoundError(f"{SPEC} is missing beside {MANIFEST}, and it says what the network is: copy it too, or give --preset")
        return manifest, known.config, notices
    stated = network_of(checked_spec(read_json(files[SPEC])), manifest.shapes, Path(files.place).name)
    if known is not None and (wrong := _contradiction(stated, known.config)):
        raise ValueError(f"{SPEC} says {wrong}, which is not preset {known.config.preset}: leave --preset away")
    return manifest, stated if known is None else replace(stated, preset=known.config.preset), notices


def _contradiction(stated: PublishedConfig, preset: PublishedConfig) -> str:
    for name in ("converter", "steps", "segments", "head", "outputs", "control_depth"):
        ours, theirs = getattr(stated, name), getattr(preset, name)
        if ours != theirs:
            return f"{name} {ours!r} (not {theirs!r})"
    return ""


def _preset(name: str) -> Preset:
    if name not in PUBLISHED:
        raise ValueError(f"unknown preset {name!r}; published are {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def _of_bars(config: PublishedConfig, bars: int) -> PublishedConfig:
    """The same network for another number of bars; ValueError where a bar is no part of it."""
    if config.converter.startswith("performance"):
        raise ValueError(f"{config.preset} is of one bar always: leave --bars away")
    if bars < 1:
        raise ValueError(f"a piece has at least 1 bar, got {bars}")
    if config.segments > 1 and bars == 1:
        raise ValueError(f"{config.preset} has a conductor over several bars, got {bars}")
    levels = (16, bars) if config.encoder_levels else ()
    return replace(config, steps=16 * bars, segments=bars if config.segments > 1 else 1, encoder_levels=levels)


def _guess(likely: Sequence[str]) -> str:
    return f"; these look like {_either(likely)}" if likely else "; they are those of no published configuration"


def _either(names: Sequence[str]) -> str:
    return " or ".join(names[:_MOST_NAMED]) + (" and their like" if len(names) > _MOST_NAMED else "")


def _sizes_notice(config: PublishedConfig, likely: Sequence[str]) -> tuple[str, ...]:
    """A remark where hidden widths are not those of the published configuration of this name."""
    if config.preset not in PUBLISHED:
        return ()
    usual = PUBLISHED[config.preset].config
    names = ("encoder_sizes", "conductor_sizes", "decoder_sizes", "control_sizes", "z_size", "nade_size", "steps")
    changed = [f"{name} {_shown(getattr(config, name))}" for name in names if getattr(config, name) != getattr(usual, name)]
    if not changed:
        return ()
    others = "" if config.preset in likely else f"; in layers they are like {_either(likely)}: is the preset right?"
    return (f"other sizes than {config.preset} was published with: {', '.join(changed)}{others}",)


def _shown(value: int | tuple[int, ...]) -> str:
    return str(value) if isinstance(value, int) else " x ".join(map(str, value)) or "none"


def _story(config: PublishedConfig, source: Source) -> dict[str, Any]:
    about = PUBLISHED[config.preset].about if config.preset in PUBLISHED else f"a network for {config.converter}"
    return {
        "description": f"{about} ({config.preset}, imported)",
        "source": dict(source.story),
        "licence": "as its publisher says; the imported files state none",
    }


def _within_half(name: str, values: Floats) -> Floats:
    if values.size and float(np.abs(values).max()) > _HALF_LIMIT:
        raise ValueError(f"{name} holds numbers too large for half precision: import it without --half")
    return values
