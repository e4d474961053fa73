"""How small files become: bytes a tune of `musicvae compress` against gzip, xz and n-grams, on tunes that nothing was fitted to.

    python scripts/benchmark_compression.py CORPUS [--midi FOLDER ...] [--tunes N] [--files N] [--json]

Melodies of the corpus's test split are written as MIDI files; of the folders those files are taken that belong to tunes of that
split (Nottingham by book and number, POP909 by number). Every file is expanded again and compared byte for byte.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from musicvae.compose.compressing.model import expand, packed
from musicvae.corpus.store import Corpus
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes
from musicvae.music.vocabulary import from_tokens


def tunes_as_midi(corpus_folder: str, split: str, count: int, *, most_bars: int = 64) -> Iterator[tuple[str, bytes]]:
    """Name and MIDI file of melodies of a split, in an order that chance decides once and for all."""
    corpus = Corpus.load(corpus_folder)
    lines = np.random.default_rng(0).permutation([line for line in corpus.select(split) if corpus.num_bars[line] >= 8])
    for line in lines[:count].tolist():
        bars = min(int(corpus.num_bars[line]), most_bars)
        about = corpus.describe([[line, 0, bars]])[0]
        meter = Meter.parse(about.meter)
        melody = from_tokens(corpus.tokens([[line, 0, bars]])[0][:, : meter.steps_per_model_bar], meter)
        if melody.notes:
            key = about.key if about.key is None or isinstance(about.key, Key) else None
            melody = melody.transposed(-about.shift)
            fields = {"key": key, "tempo_qpm": about.tempo_qpm or 120.0}
            yield about.tune_id, midi_bytes([type(melody)(melody.notes, melody.meter, melody.num_bars, **fields)])


def midi_files(corpus_folder: str, folder: Path, split: str, count: int, *, most_bytes: int = 10**7) -> list[Path]:
    """MIDI files of a folder whose tunes are of a split, in an order that chance decides once and for all."""
    corpus = Corpus.load(corpus_folder)
    names = set()
    for line in corpus.select(split).tolist():
        collection, _, rest = corpus.tune_ids[line].partition("/")
        if collection == "nottingham":
            book, _, number = rest.partition(" ")[0].partition("#")
            names.add(f"{book}{number}.mid")
        elif collection == "pop909":
            names.add(f"{rest}.mid")
    found = sorted(path for path in folder.rglob("*.mid") if path.name in names and path.stat().st_size <= most_bytes)
    random.Random(0).shuffle(found)
    return found[:count]
