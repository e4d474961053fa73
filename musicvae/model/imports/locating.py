"""Which files a path means: a user may point at a folder, an archive, a prefix, or any one file of a checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from musicvae.model.imports.files import Files
from musicvae.model.imports.magentajs import MANIFEST
from musicvae.model.imports.sstable import MAGIC

__all__ = ["Place", "located"]

_PART = re.compile(r"(?P<prefix>.+)\.(index|meta|data-\d{5}-of-\d{5})$")
_NAMED_LAST = re.compile(r'^model_checkpoint_path:\s*"(?P<path>[^"]*)"', re.MULTILINE)
_STEP = re.compile(r"(?P<stem>.*-)(?P<step>\d+)$")
_MOST_STATE_BYTES = 1 << 20


@dataclass(frozen=True)
class Place:
    """A folder or archive, and the prefix of a checkpoint or the manifest in it where the path named one."""

    holder: Path
    named: str | None = None

    def prefix_in(self, files: Files) -> tuple[str | None, tuple[str, ...]]:
        """The checkpoint's prefix, or None for a magenta.js manifest; and remarks on what was chosen.

        FileNotFoundError where there is neither, ValueError where several checkpoints are and none is named the last.
        """
        if self.named is not None:
            return (None if self.named == MANIFEST else self.named), ()
        prefixes = sorted(name.removesuffix(".index") for name in files.regions if name.endswith(".index"))
        if MANIFEST in files.regions:
            also = [f"{files.place} holds a TensorFlow checkpoint too ({name}); the magenta.js weights were taken" for name in prefixes[:1]]
            return None, tuple(also)
        if not prefixes:
            raise FileNotFoundError(f"{files.place} holds no checkpoint: no .index file and no {MANIFEST} lies directly in it")
        if len(prefixes) == 1:
            return prefixes[0], ()
        prefix = _last(files, prefixes)
        return prefix, (f"{files.place} holds {len(prefixes)} checkpoints; the last, {prefix}, was taken",)


def located(path: Path) -> Place:
    """Where the path leads; FileNotFoundError where nothing is there, ValueError for a file of another kind."""
    if path.is_dir():
        return Place(path)
    if part := _PART.match(path.name):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: was it misspelled?")
        if path.is_file():
            return Place(path.parent, part["prefix"])
    if path.with_name(f"{path.name}.index").is_file():
        return Place(path.parent, path.name)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist, nor does {path.name}.index: was it misspelled, or is it in another folder?")
    if not path.is_file():
        raise ValueError(f"{path} is no folder and no plain file")
    if path.name in (MANIFEST, "config.json") and (path.parent / MANIFEST).is_file():
        return Place(path.parent, MANIFEST)
    if path.suffix == ".safetensors":
        raise ValueError(f"{path} is a safetensors file: a model of musicvae needs no import, and other weights cannot be imported")
    if _is_table(path):
        raise ValueError(f"{path} is a TensorFlow checkpoint in one file, the format before 2017, which is not read; save it anew first")
    return Place(path)


def _is_table(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        return int.from_bytes(file.read(), "little") == MAGIC


def _last(files: Files, prefixes: list[str]) -> str:
    """The checkpoint that the state file names, else the one of the highest step."""
    state = files.regions.get("checkpoint")
    if state is not None and state.size <= _MOST_STATE_BYTES:
        text = state.read().tobytes().decode(errors="replace")
        if (named := _NAMED_LAST.search(text)) and (name := re.split(r"[/\\]", named["path"])[-1]) in prefixes:
            return name
    steps = {prefix: match for prefix in prefixes if (match := _STEP.match(prefix))}
    if len(steps) < len(prefixes) or len({match["stem"] for match in steps.values()}) > 1:
        raise ValueError(f"{files.place} holds several checkpoints ({', '.join(prefixes[:4])}): name one, such as {prefixes[0]}.index")
    return max(prefixes, key=lambda prefix: int(steps[prefix]["step"]))
