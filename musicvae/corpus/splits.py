"""A division into train, validation and test that was made before, and is to be kept.

A model that was trained on one build of a corpus can only be measured on another if no tune it learnt from turns up among those held
out: families grow when files are added or readers improve, and with them the place where the usual rule puts a tune.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import MANIFEST, SPLITS
from musicvae.corpus.store import Corpus

__all__ = ["Splits"]

_OTHERS = "others"
_MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Splits:
    """The splits of tunes by their ids. hashes: (M,) uint64, ascending; sides: (M,) indices into `SPLITS`.

    others: the split of all tunes that are not named; "" leaves them to the usual rule.
    """

    hashes: NDArray[np.uint64]
    sides: NDArray[np.int8]
    others: str = ""

    @classmethod
    def of_ids(cls, named: Iterable[tuple[str, str]], *, others: str = "") -> Splits:
        """The division of these (id, split); ValueError for an unknown split or an id in two."""
        sides: dict[int, int] = {}
        for tune_id, split in named:
            if split not in SPLITS:
                raise ValueError(f"unknown split {split!r}; allowed are {', '.join(SPLITS)}")
            side = SPLITS.index(split)
            if sides.setdefault(_hash(tune_id), side) != side:
                raise ValueError(f"the tune {tune_id!r} is in two splits, {split} and {SPLITS[sides[_hash(tune_id)]]}")
        if others and others not in SPLITS:
            raise ValueError(f"unknown split {others!r} of the others; allowed are {', '.join(SPLITS)}")
        order = sorted(sides)
        return cls(np.array(order, np.uint64), np.array([sides[h] for h in order], np.int8), others)

    @classmethod
    def load(cls, path: str | Path) -> Splits:
        """The division of an earlier corpus, or of a JSON file of lists of tune ids by split, ``others`` naming that of the rest.

        FileNotFoundError where neither is there, ValueError for what is none.
        """
        path = Path(path)
        if (path / MANIFEST).is_file():
            corpus = Corpus.load(path)
            return cls.of_ids((tune_id, SPLITS[side]) for tune_id, side in zip(corpus.tune_ids, corpus.split.tolist(), strict=True))
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; an earlier corpus or a JSON file of splits is needed")
        if path.is_dir() or path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{path} is neither a corpus nor a JSON file of splits")
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
            others = words.pop(_OTHERS, "")
            lists = {split: [str(tune_id) for tune_id in ids] for split, ids in words.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"{path} holds no splits, lists of tune ids by the names {', '.join(SPLITS)} ({error})") from error
        return cls.of_ids(((tune_id, split) for split, ids in lists.items() for tune_id in ids), others=others)

    def __len__(self) -> int:
        return len(self.hashes)

    def of(self, tune_id: str) -> str:
        """The split that a tune keeps; "" where the usual rule decides."""
        value = np.uint64(_hash(tune_id))
        at = int(np.searchsorted(self.hashes, value))
        if at < len(self.hashes) and self.hashes[at] == value:
            return SPLITS[int(self.sides[at])]
        return self.others

    @property
    def digest(self) -> str:
        """A hex digest of the whole division."""
        return hashlib.sha256(self.hashes.tobytes() + self.sides.tobytes() + self.others.encode()).hexdigest()


def _hash(tune_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(tune_id.encode("utf-8", errors="surrogateescape"), digest_size=8).digest(), "little")
