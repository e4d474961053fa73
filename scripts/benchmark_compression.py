"""How small files become: bytes a file of `musicvae compress` against gzip, xz and an n-gram, on tunes that nothing was fitted to.

    python scripts/benchmark_compression.py CORPUS [--midi FOLDER ...] [--tunes N] [--files N] [--json]

Melodies of the corpus's test split are written as MIDI files; of the folders those files are taken that belong to tunes of that
split (Nottingham by book and number, POP909 by number). Every file is expanded again and compared byte for byte. "whole file" is all that
is in a file; "melody alone" its tokens on the sixteenth grid, without key, tempo, velocities or any header, as gzip, xz, the n-gram of the
training tunes and this toolkit pack them. What model and n-gram take themselves is stated apart, as is the time of one file.
With --sketches: how much of a melody comes back when only its latent code is kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.compose.coding import encode
from musicvae.compose.compressing import container
from musicvae.compose.compressing.coder import Costs
from musicvae.compose.compressing.hearing import Heard, hear
from musicvae.compose.compressing.lines import code_lines
from musicvae.compose.compressing.lossy import sketch_of
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.packing import pack, unpack
from musicvae.compose.compressing.primer import usual
from musicvae.compose.compressing.syntax import parse
from musicvae.compose.compressing.weights import WEIGHTS
from musicvae.compose.intake import take
from musicvae.compose.library import find_model
from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.ngram import NGram, ngram_of
from musicvae.model.integer.network import IntegerNetwork
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


def xz(data: bytes) -> int:
    """Bytes of the smallest container that xz has."""
    return len(lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME))


def melody_alone(heard: Heard, network: IntegerNetwork, ngram: NGram) -> dict[str, float]:
    """Bytes that the tokens of a melody take."""
    tokens = b"".join(line.tokens.tobytes() for line in heard.lines)
    coders = {"own": Costs(), "own, no model": Costs()}
    for name, known in (("own", network), ("own, no model", None)):
        code_lines(Mixer(coders[name], WEIGHTS, experience=usual()), heard.lines, known)
    nats = -sum(float(ngram.log_probs(line.tokens[None], line.kind).sum()) for line in heard.lines)
    return {
        "gzip": len(gzip.compress(tokens, 9, mtime=0)), "xz": xz(tokens), "n-gram": nats / np.log(2) / 8,
        **{name: coder.bits / 8 for name, coder in coders.items()},
        "notes": sum(int((line.tokens >= 2).sum()) for line in heard.lines),
    }  # fmt: skip


def measured(files: Iterable[tuple[str, bytes]], network: IntegerNetwork, ngram: NGram) -> dict[str, Any]:
    """Means over files, of what each takes."""
    rows: list[dict[str, float]] = []
    alone: list[dict[str, float]] = []
    for name, data in files:
        begin = time.process_time()
        found = pack(data, network)
        between = time.process_time()
        if unpack(found.data, lambda digest: network) != data:
            raise SystemExit(f"{name} did not come back")
        after = time.process_time()
        rows.append({
            "MIDI": len(data), "gzip": len(gzip.compress(data, 9, mtime=0)), "xz": xz(data), "own, no model": found.tried[container.PLAIN],
            "own": len(found.data), "with model": bool(found.model_hash), "compress s": between - begin, "expand s": after - between,
        })  # fmt: skip
        heard = hear(data, parse(data))
        if heard is not None:
            alone.append(melody_alone(heard, network, ngram))
    return {
        "files": len(rows),
        "whole file": mean(rows),
        "melody alone": mean(alone),
        "median own": statistics.median(r["own"] for r in rows),
    }


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}


def sketches(files: Sequence[tuple[str, bytes]], network: IntegerNetwork, folder: Path) -> list[dict[str, float]]:
    """F1 of onsets, exact in pitch and step, that come back of melodies from codes of so many bits a bar."""
    engine = load_melodic().engine
    found = []
    for bits_a_bar in (4, 8, 16, 32):
        right = wrong = spent = bars = 0
        for number, (_, data) in enumerate(files):
            path = folder / f"{number}.mid"
            path.write_bytes(data)
            code = encode(engine, take(path).melody)
            sketch, bits = sketch_of(code, network, bits_a_bar * code.num_model_bars)
            own = {(note.pitch, note.onset_steps) for note in take(path).melody.notes}
            heard = {(note.pitch, note.onset_steps) for note in sketch.melody(network).notes}
            right += 2 * len(own & heard)
            wrong += len(own ^ heard)
            spent, bars = spent + bits, bars + code.num_model_bars
        found.append({"bits a bar allowed": bits_a_bar, "bits a bar spent": spent / bars, "onset F1": right / (right + wrong)})
    return found


def show(name: str, result: dict[str, Any]) -> None:
    whole, alone = result["whole file"], result["melody alone"]
    print(f"{name}: {result['files']} files, bytes a file")
    print("  whole file:   " + ", ".join(f"{key} {whole[key]:.1f}" for key in ("MIDI", "gzip", "xz", "own, no model", "own")))
    print(f"  packed with the model: {whole['with model']:.0%}; CPU s: compress {whole['compress s']:.2f}, expand {whole['expand s']:.2f}")
    if alone:
        print("  melody alone: " + ", ".join(f"{key} {alone[key]:.1f}" for key in ("gzip", "xz", "n-gram", "own, no model", "own")))
        per = {key: 8 * alone[key] / alone["notes"] for key in ("n-gram", "own, no model", "own")}
        print("  bits a note:  " + ", ".join(f"{key} {value:.2f}" for key, value in per.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--midi", nargs="*", default=[], metavar="FOLDER", help="folders of MIDI files")
    parser.add_argument("--tunes", type=int, default=100, help="melodies of the corpus")
    parser.add_argument("--files", type=int, default=30, help="files of each folder")
    parser.add_argument("--model")
    parser.add_argument("--sketches", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    path = find_model(args.model)[1]
    network, ngram = IntegerNetwork.load(path), ngram_of(Corpus.load(args.corpus))
    sizes = {"model": path.stat().st_size, "n-gram": sum(array.nbytes for array in ngram.arrays().values())}
    tunes = list(tunes_as_midi(args.corpus, "test", args.tunes))
    sets = {"held-out melodies": tunes}
    for folder in args.midi:
        sets["/".join(Path(folder).parts[-2:])] = [
            (file.name, file.read_bytes()) for file in midi_files(args.corpus, Path(folder), "test", args.files)
        ]
    results: dict[str, Any] = {"bytes of what is needed besides": sizes}
    if not args.json:
        print(f"besides: the model {sizes['model']} bytes, the n-gram {sizes['n-gram']} bytes", flush=True)
    for name, files in sets.items():
        results[name] = measured(files, network, ngram)
        if not args.json:
            show(name, results[name])
    if args.sketches:
        with tempfile.TemporaryDirectory() as folder:
            results["sketches"] = sketches(tunes[:24], network, Path(folder))
        for row in [] if args.json else results["sketches"]:
            print("sketch: " + ", ".join(f"{key} {value:.3g}" for key, value in row.items()))
    if args.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
