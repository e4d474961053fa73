"""Many files into one `Corpus`: read, extract, transpose to the canonical key, drop duplicates, split.

Conventions: bars here are model bars unless said otherwise. A pickup and bars cut short by a change of
meter are left out, so that every tune begins on a bar line; empty bars at both ends are too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.corpus.duplicates import RELATED, SAME, clusters, fingerprint, split_of
from musicvae.corpus.sources import SourceTune, from_folders
from musicvae.corpus.store import MODES, SPLITS, Corpus
from musicvae.music.extract import extract_melody
from musicvae.music.key import canonical_shift, estimate_key
from musicvae.music.melody import Melody
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH, canonical_tokens, to_tokens

__all__ = ["Progress", "Tune", "assemble", "build_corpus", "read_tunes"]

Progress = Callable[[int, int], None]
"""Called with the number of tunes read so far, and of all."""
_MIN_NOTES = 8
_EXAMPLES = 5


@dataclass(frozen=True)
class Tune:
    """A tune in its canonical key: its lines, longest first, and where it comes from."""

    source: str
    tune_id: str
    label: str
    lines: tuple[Melody, ...]


def build_corpus(paths: Sequence[str | Path], *, progress: Progress | None = None, split_seed: int = 0) -> Corpus:
    """The corpus of all MIDI, MusicXML and ABC files in these files and folders.

    A tune's label is the name of its sub-folder. What was left out, and why, is in the report; a
    corpus may come out empty. FileNotFoundError for a path that is not there.
    """
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; a file or folder of MIDI, MusicXML or ABC is needed")
    tunes, report = read_tunes(list(from_folders([Path(p) for p in paths])), progress=progress)
    return assemble(tunes, report, split_seed=split_seed)


def read_tunes(found: Sequence[SourceTune], *, progress: Progress | None = None) -> tuple[list[Tune], dict[str, Any]]:
    """Read and extract tunes; the report counts files, what could not be read and why, and what was lost."""
    tunes, read, losses = [], set(), Counter[str]()
    reasons: dict[str, list[str]] = defaultdict(list)
    for number, item in enumerate(found, 1):
        try:
            extraction = extract_melody(item.read(), track=item.track)
        except (ValueError, OSError) as error:
            reasons[_reason(error, item.file)].append(item.tune_id)
        else:
            read.add(item.file)
            losses.update(extraction.losses)
            lines = [line for written in extraction.lines if (line := _canonical(written.whole_bars(), losses)) is not None]
            losses["bars in pickups or cut short"] += sum(n.has_pickup + n.has_partial_end for n in extraction.lines)
            if lines:
                lines.sort(key=lambda m: -m.num_bars)
                tunes.append(Tune(item.source, item.tune_id, item.label, tuple(lines)))
            else:
                reasons[f"fewer than {_MIN_NOTES} notes in whole bars of one meter"].append(item.tune_id)
        if progress is not None:
            progress(number, len(found))
    report = {
        "files": len({item.file for item in found}),
        "files_read": len(read),
        "tunes_found": len(found),
        "tunes_read": len(tunes),
        "unreadable": {reason: {"count": len(ids), "examples": ids[:_EXAMPLES]} for reason, ids in sorted(reasons.items())},
        "losses": dict(sorted((+losses).items())),
    }
    return tunes, report


def assemble(tunes: Sequence[Tune], report: Mapping[str, Any] | None = None, *, split_seed: int = 0) -> Corpus:
    """Drop near-duplicates (the longest of a cluster stays), split by cluster, and store."""
    prints = [fingerprint(_onsets(line) for line in tune.lines) for tune in tunes]
    families = _groups(clusters(prints, threshold=RELATED))
    split = {}
    for family in families:
        side = SPLITS.index(split_of((s for i in family for s in prints[i]), seed=split_seed))
        split.update(dict.fromkeys(family, side))
    kept, removed = [], Counter[str]()
    for group in _groups(clusters(prints, threshold=SAME)):
        best = min(group, key=lambda i: (-sum(m.num_bars for m in tunes[i].lines), tunes[i].tune_id))
        kept.append((tunes[best], split[best]))
        removed.update(f"{tunes[i].source} (kept: {tunes[best].source})" for i in group if i != best)
    duplicates = {"removed": sum(removed.values()), "by_source": dict(sorted(removed.items()))}
    corpus = _store(kept)
    full = {**(report or {}), "duplicates": duplicates, "split_seed": split_seed, "lines": len(corpus), "windows": _window_report(corpus)}
    return replace(corpus, report=full)


def _groups(heads: Sequence[int]) -> list[list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for index, head in enumerate(heads):
        members[head].append(index)
    return list(members.values())


def _canonical(melody: Melody | None, losses: Counter[str]) -> Melody | None:
    """The melody in its canonical key, without empty bars at the ends; None if little is left."""
    if melody is None or len(melody.notes) < _MIN_NOTES:
        losses["notes in lines of fewer than 8"] += len(melody.notes) if melody else 0
        return None
    pitches = [n.pitch for n in melody.notes]
    key = melody.key or estimate_key(pitches, [float(n.duration_steps) for n in melody.notes])
    shift = canonical_shift(key, sum(pitches) / len(pitches))
    kept = tuple(replace(n, pitch=n.pitch + shift) for n in melody.notes if MIN_PITCH <= n.pitch + shift <= MAX_PITCH)
    losses["notes outside the vocabulary after transposing"] += len(pitches) - len(kept)
    # 2/4 is cut at pairs of bars, so that its model bars stay whole.
    per_model_bar = melody.meter.written_per_model_bar
    width = melody.meter.steps_per_model_bar
    first = kept[0].onset_steps // width * per_model_bar
    end = (kept[-1].end_steps - 1) // width * per_model_bar + per_model_bar
    moved = replace(melody, notes=kept, key=key.transposed(shift))
    return moved.cut(first, min(end, melody.num_bars) - first)


def _onsets(melody: Melody) -> Any:
    return np.array([(n.pitch, n.onset_steps) for n in melody.notes], dtype=np.int64).reshape(-1, 2)


def _store(kept: Iterable[tuple[Tune, int]]) -> Corpus:
    entries = sorted(((tune, split, line) for tune, split in kept for line in tune.lines), key=lambda e: (e[0].source, e[0].tune_id))
    labels = tuple(sorted({tune.label for tune, _, _ in entries if tune.label}))
    sources = tuple(sorted({tune.source for tune, _, _ in entries}))
    rows: list[Any] = []
    columns: list[tuple[int, ...]] = []
    ids: list[str] = []
    start = 0
    for tune, split, line in entries:
        tokens = canonical_tokens(to_tokens(line))
        rows.append(np.pad(tokens, ((0, 0), (0, MAX_STEPS_PER_BAR - tokens.shape[1]))))
        mode = MODES.index(line.key.mode) if line.key else -1
        label = labels.index(tune.label) if tune.label else -1
        columns.append((start, len(tokens), KINDS.index(line.meter.kind), split, mode, label, sources.index(tune.source)))
        ids.append(tune.tune_id)
        start += len(tokens)
    table = np.array(columns, dtype=np.int64).reshape(-1, 7).T
    bars = np.concatenate(rows) if rows else np.zeros((0, MAX_STEPS_PER_BAR), np.uint8)
    start_rows, num_bars, kind, side, mode_of, label_of, source_of = table
    return Corpus(bars, start_rows, num_bars, kind, side, mode_of, label_of, source_of, labels, sources, tuple(ids))


def _window_report(corpus: Corpus) -> dict[str, dict[str, dict[str, int]]]:
    return {split: {name: corpus.window_counts(split, kind=k) for k, name in enumerate(KINDS)} for split in SPLITS}


def _reason(error: Exception, file: str) -> str:
    """An error's message without the name of the file, so that like ones are counted together."""
    text = str(error).replace(file, "the file").replace(Path(file).name, "the file")
    if meters := re.findall(r"in unsupported meter (\S+?)[,)]", text):
        return f"only bars in unsupported meter {meters[0]}"
    return text.split(" (")[0][:120]
