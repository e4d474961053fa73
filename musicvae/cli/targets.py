"""Where results are written: names are settled and refused before anything is computed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from musicvae.compose.midi_music import MidiMusic
    from musicvae.music.melody import Melody
    from musicvae.music.piece import Piece

    Music = Melody | Piece | MidiMusic

__all__ = ["MidiTargets", "check_ending", "check_file", "file_target", "folder_target", "picture_target"]

_OTHER_KINDS = {".wav": "--wav", ".png": "--plot", ".pdf": "--plot", ".svg": "--plot"}
_NOT_MIDI = {".abc", ".xml", ".musicxml", ".mxl", ".npz", ".safetensors", ".mp3", ".json", ".txt", *_OTHER_KINDS}
_PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


@dataclass(frozen=True)
class MidiTargets:
    """Paths of the MIDI files to come and of what goes with them; sounds and pictures may be none.

    picture: one picture of all pieces; pictures: one beside each piece. folder: made when writing.
    """

    midi: tuple[Path, ...]
    sounds: tuple[Path, ...] = ()
    pictures: tuple[Path, ...] = ()
    picture: Path | None = None
    folder: Path | None = None
    force: bool = False

    @property
    def every_path(self) -> tuple[Path, ...]:
        """All files that `write` makes: each piece with what goes beside it, a picture of all last."""
        kinds = [paths for paths in (self.midi, self.sounds, self.pictures) if paths]
        beside = [path for piece in zip(*kinds, strict=True) for path in piece]
        return (*beside, *([self.picture] if self.picture else []))

    def check(self) -> MidiTargets:
        """Return self, or raise FileExistsError and its like if something is in the way."""
        if self.folder is not None:
            _check_folder(self.folder)
        for path in self.every_path:
            check_file(path, force=self.force, folder_to_come=self.folder)
        return self

    def write(self, pieces: Sequence[Music]) -> list[dict[str, Any]]:
        """Write every piece; what this call created is removed again if one of them fails.

        Returns one mapping per piece with its paths, seed and figures, as shown with ``--json``.
        """
        made_folder = self.folder is not None and not self.folder.exists()
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
        new = [path for path in self.every_path if not path.exists()]
        try:
            self._write_files(pieces)
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            if made_folder and self.folder is not None and not any(self.folder.iterdir()):
                self.folder.rmdir()
            raise
        return [self._described(i, piece) for i, piece in enumerate(pieces)]

    def _write_files(self, pieces: Sequence[Music]) -> None:
        from musicvae.compose.midi_music import MidiMusic

        for path, music in zip(self.midi, pieces, strict=True):
            music.write(path, force=self.force)
        shown = [music.score if isinstance(music, MidiMusic) else music for music in pieces]
        if self.sounds:
            from musicvae.music.lead_sheet import LeadSheet
            from musicvae.music.sound import write_wav

            for path, piece in zip(self.sounds, shown, strict=True):
                write_wav(piece.score if isinstance(piece, LeadSheet) else piece, path, force=self.force)
        if self.pictures or self.picture:
            from musicvae.music.picture import write_piano_roll

            for path, midi, piece in zip(self.pictures, self.midi, shown, strict=False):
                write_piano_roll([piece], path, titles=[midi.name], force=self.force)
            if self.picture:
                write_piano_roll(shown, self.picture, titles=[path.name for path in self.midi], force=self.force)

    def _described(self, index: int, piece: Music) -> dict[str, Any]:
        lead_in = getattr(getattr(piece, "report", None), "lead_in_bars", 0)  # of a rendition, whose bars are those of its file
        story = getattr(piece, "provenance", {})
        described: dict[str, Any] = {
            "path": self.midi[index], "seed": story.get("seed"), "bars": piece.num_bars - lead_in, "meter": piece.meter,
            "key": piece.key, "tempo_qpm": piece.tempo_qpm, "notes": len(piece.notes),
        }  # fmt: skip
        if self.sounds:
            described["wav"] = self.sounds[index]
        if self.pictures or self.picture:
            described["plot"] = self.pictures[index] if self.pictures else self.picture
        return described


def file_target(args: argparse.Namespace, default: str) -> MidiTargets:
    """The one MIDI file that ``-o`` names (else `default`), checked, with ``--wav`` and ``--plot`` beside it."""
    midi = Path(args.output if args.output else default)
    if (suffix := midi.suffix.lower()) in _NOT_MIDI:
        option = _OTHER_KINDS.get(suffix)
        hint = f"for that, add {option} {midi} and let -o name a .mid file" if option else "let -o name a .mid file"
        raise ValueError(f"{midi} would be a MIDI file with the wrong suffix: {hint}")
    sounds = () if args.wav is None else (_beside(args.wav, midi, (".wav",), "--wav"),)
    pictures = () if args.plot is None else (_beside(args.plot, midi, _PICTURES, "--plot"),)
    _require_plotting(args)
    return MidiTargets((midi,), sounds, pictures, force=args.force).check()


def folder_target(args: argparse.Namespace, default: str, count: int) -> MidiTargets:
    """``01.mid`` to the number `count` in the folder that ``-o`` names (else `default`), checked.

    ``--wav`` and ``--plot`` without a path write one file beside each piece; ``--plot PATH`` one
    picture of all.
    """
    from musicvae.compose.limits import MAX_PIECES

    if count > MAX_PIECES:  # before that many names are made
        raise ValueError(f"{count} pieces are asked for, and {MAX_PIECES} are made at most in one go")
    folder = Path(args.output if args.output else default)
    if folder.suffix.lower() in {".mid", ".midi", *_NOT_MIDI} and not folder.is_dir():
        raise ValueError(f"-o {folder} looks like a file, but {count} pieces go into a folder: try -o {folder.with_suffix('')}")
    if args.wav:
        raise ValueError("--wav takes no path when there are several pieces: each sound goes beside its MIDI file")
    _require_plotting(args)
    width = max(2, len(str(count)))
    midi = tuple(folder / f"{i:0{width}}.mid" for i in range(1, count + 1))
    sounds = () if args.wav is None else tuple(path.with_suffix(".wav") for path in midi)
    pictures = tuple(path.with_suffix(".png") for path in midi) if args.plot == "" else ()
    picture = _beside(args.plot, folder, _PICTURES, "--plot") if args.plot else None
    return MidiTargets(midi, sounds, pictures, picture, folder, args.force).check()


def picture_target(args: argparse.Namespace, default: Path) -> Path | None:
    """The picture that ``--plot`` asks for (without a path: `default`), checked; None if it was not asked for."""
    if args.plot is None:
        return None
    _require_plotting(args)
    return check_file(_beside(args.plot, default, _PICTURES, "--plot"), force=args.force, option="--plot")


def check_file(path: Path, *, force: bool, folder_to_come: Path | None = None, option: str = "-o") -> Path:
    """Return the path if a file may be written there, else raise the fitting OSError.

    folder_to_come: a folder that will be made, so that it need not exist yet. option: gives another name.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the name of a file, such as {path / ('out' + path.suffix)}")
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; give another name with {option}, or --force to overwrite it")
    if path.parent != folder_to_come and not path.parent.is_dir():
        raise FileNotFoundError(f"folder {path.parent} of {path} does not exist: make it first, or was it misspelled?")
    if path.parent.is_dir() and not os.access(path.parent, os.W_OK):
        raise PermissionError(f"no permission to write into folder {path.parent}")
    return path


def check_ending(path: Path, suffix: str, what: str) -> None:
    """ValueError where `path` does not end in `suffix`, with a name that would do; what: is kept in such files."""
    if path.suffix != suffix:
        example = path.with_suffix(suffix) if path.stem.strip(".") and path.name != suffix else path.parent / f"name{suffix}"
        raise ValueError(f"{path}: {what} is kept in a {suffix} file; let -o name one, such as {example}")


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, but several pieces go into a folder: give another name with -o")


def _beside(given: str, midi: Path, suffixes: Sequence[str], option: str) -> Path:
    path = Path(given) if given else midi.with_suffix(suffixes[0])
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{option} {path}: a name ending in {' or '.join(suffixes)} is wanted (put the input before {option}?)")
    return path


def _require_plotting(args: argparse.Namespace) -> None:
    if args.plot is not None and importlib.util.find_spec("matplotlib") is None:
        raise ValueError("--plot needs matplotlib, which is not installed: pip install 'musicvae[plot]'")
