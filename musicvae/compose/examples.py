"""Many melodies at once, from a folder or from objects: what styles are learnt from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from musicvae.compose.intake import Source, take
from musicvae.music.melody import Melody

__all__ = ["Examples", "gather"]


@dataclass(frozen=True)
class Examples:
    """Melodies, and what the user should know about those that are not among them."""

    melodies: tuple[Melody, ...]
    notices: tuple[str, ...] = ()

    def of_kinds(self, kinds: Sequence[int]) -> Examples:
        """Those in meters of these kinds, indices into `music.meter.KINDS`; ValueError where none is left."""
        known = tuple(melody for melody in self.melodies if melody.meter.kind_index in kinds)
        others = Counter(str(melody.meter) for melody in self.melodies if melody.meter.kind_index not in kinds)
        left = ", ".join(f"{count} in {meter}" for meter, count in others.most_common())
        if not known:
            raise ValueError(f"this model does not know the meters of the melodies given ({left}): give it some in 4/4, 2/2 or 2/4")
        return Examples(known, (*self.notices, f"left out: {left}, which this model does not know") if others else self.notices)


def gather(source: str | os.PathLike[str] | Iterable[Source]) -> Examples:
    """The melodies of all music files in a folder and below it (every tune of an ABC file), or of several sources.

    Files that cannot be read are counted, by reason. FileNotFoundError for a folder that is not
    there, ValueError where not one melody is found.
    """
    if not isinstance(source, str | os.PathLike):
        melodies = tuple(take(item).melody for item in source)
        if not melodies:
            raise ValueError("no melodies were given to learn from")
        return Examples(melodies)
    folder = Path(source)
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist: was it misspelled, or is it in another folder?")
    return _from_folder(folder)


def _from_folder(folder: Path) -> Examples:
    from musicvae.corpus.sources.collections import tunes_of
    from musicvae.corpus.sources.items import expand

    found, failed = [], Counter[str]()
    for tune in (tune for file in expand([folder]) for tune in tunes_of(file)):
        try:
            found.append(take(tune.read(), track=tune.track).melody)
        except (ValueError, OSError) as error:
            failed[str(error)] += 1
    if not found:
        why = f" ({sum(failed.values())} could not be read, the first: {next(iter(failed))})" if failed else ""
        raise ValueError(f"{folder} holds no melodies in MIDI, MusicXML or ABC files{why}")
    notices = [f"{'1 melody was' if len(found) == 1 else f'{len(found)} melodies were'} found in {folder}"]
    notices += [f"left out: {count} ({reason})" for reason, count in failed.most_common()]
    return Examples(tuple(found), tuple(notices))
