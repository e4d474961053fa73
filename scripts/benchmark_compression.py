"""How small files become: bytes a file of `musicvae compress` against gzip, xz, zstd and an n-gram, on tunes that nothing was fitted to.

    python scripts/benchmark_compression.py CORPUS... [--files COLLECTION=FOLDER ...] [--tunes N] [--count N] [--breakdown] [--json]

Of each folder (the root of a collection that a corpus was built from: MIDI, MusicXML or ABC) those tunes are taken, by chance, that are
in the test split of one of the corpora; what is no MIDI file is made one first, as `musicvae compress` does. With --tunes melodies of the
first corpus's test split are written as MIDI files too. Every file is expanded again and compared byte for byte. "melody alone" is the
tokens of a melody on the sixteenth grid, without key, tempo, velocities or any header, as gzip, xz, the n-gram of the training tunes and
this toolkit pack them. What model and n-gram take themselves is stated apart, as is the time of one file. Ratios are of sums, with an
interval that holds 95 in 100 of those of files drawn again. --breakdown: which decisions the bytes go to. --sketches: how much of a melody
comes back when only its latent code is kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.compose.coding import encode
from musicvae.compose.compressing import container
from musicvae.compose.compressing.coder import Costs
from musicvae.compose.compressing.files import code_file
from musicvae.compose.compressing.hearing import Heard, hear
from musicvae.compose.compressing.lines import code_lines
from musicvae.compose.compressing.lossy import sketch_of
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.packing import pack, unpack
from musicvae.compose.compressing.primer import usual
from musicvae.compose.compressing.syntax import parse
from musicvae.compose.compressing.weights import WEIGHTS
from musicvae.compose.grooving.rendition import bytes_of
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

MOST_BYTES = 60_000
PARTS = {
    "texts": ("text", "sysex", "name"), "set-up": ("meta", "format", "division", "chunks", "tracks", "is midi", "plain", "has", "bytes"),
    "melody ahead": ("hold", "onset", "pitch", "lag", "bars", "lines", "kind", "heard", "melody"),
    "melody in time": ("hope", "shift"), "pitches": ("key", "end", "ends"), "velocities": ("velocity", "release"),
    "what comes next": ("starts", "stops", "status", "running", "off"), "when": ("start", "stop", "due", "delta"), "controls": ("data",),
}  # fmt: skip
"""Kinds of decisions, by the first words of their sites; the longest that fits counts."""


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


def held_out(
    corpora: Sequence[str], collection: str, folder: Path, split: str, count: int, *, most_bytes: int = MOST_BYTES
) -> list[tuple[str, bytes]]:
    """Name and MIDI file of tunes of a collection that are in a split of one of the corpora, in an order that chance decides."""
    names: dict[str, str] = {}
    for corpus in map(Corpus.load, corpora):
        for line in corpus.select(split).tolist():
            found, _, rest = corpus.tune_ids[line].partition("/")
            if found == collection:
                names.setdefault(rest.partition(" ")[0] if collection != "groove" else rest, rest)
    paths: dict[str, Path] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: (len(path.parts), path)):
        if path.suffix in (".mid", ".abc", ".mxl"):
            paths.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
            paths.setdefault(path.stem, path)
    found, order = [], sorted(names)
    random.Random(0).shuffle(order)
    for name in order:
        if len(found) < count:
            stem, _, number = name.partition("#")
            path = paths.get(stem + number, paths.get(stem))
            if path is not None:
                data = bytes_of(path, int(number) if path.suffix == ".abc" else 1)[1]
                found += [(name, data)] if len(data) <= most_bytes else []
    return found


def xz(data: bytes) -> int:
    """Bytes of the smallest container that xz has."""
    return len(lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME))


def zstd(data: bytes) -> float:
    """Bytes by zstd's strongest level; no number where the program is not installed."""
    if shutil.which("zstd") is None:
        return float("nan")
    return len(subprocess.run(["zstd", "--ultra", "-22", "--no-check", "-c"], input=data, capture_output=True, check=True).stdout)


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


class Parted(Mixer):
    """A mixer that keeps account of what its decisions cost. spent: bits by site."""

    def __init__(self, costs: Costs) -> None:
        super().__init__(costs, WEIGHTS, experience=usual())
        self.costs, self.spent = costs, Counter[str]()

    def bit(self, bit: int | None, site: str, contexts: Sequence[Hashable]) -> int:
        """As it is, with its cost."""
        before = self.costs.bits
        found = super().bit(bit, site, contexts)
        self.spent[site] += self.costs.bits - before
        return found


def parts_of(data: bytes, heard: Heard | None, network: IntegerNetwork | None) -> dict[str, float]:
    """Bytes of a file by kinds of decisions."""
    mixer = Parted(Costs())
    code_file(mixer, parse(data), heard, network)
    found = dict.fromkeys(PARTS, 0.0)
    for site, bits in mixer.spent.items():
        fits = [(len(word), part) for part, words in PARTS.items() for word in words if f"{site} ".startswith(f"{word} ")]
        found[max(fits)[1]] += bits / 8
    return found


def measured(files: Iterable[tuple[str, bytes]], network: IntegerNetwork, ngram: NGram, *, with_parts: bool) -> dict[str, Any]:
    """Means over files, of what each takes."""
    rows: list[dict[str, float]] = []
    alone, parts = list[dict[str, float]](), list[dict[str, float]]()
    for name, data in files:
        begin = time.process_time()
        found = pack(data, network)
        between = time.process_time()
        if unpack(found.data, lambda digest: network) != data:
            raise SystemExit(f"{name} did not come back")
        after = time.process_time()
        rows.append({
            "MIDI": len(data), "gzip": len(gzip.compress(data, 9, mtime=0)), "xz": xz(data), "zstd": zstd(data),
            "own, no model": found.tried[container.PLAIN], "own": len(found.data), "with model": bool(found.model_hash),
            "compress s": between - begin, "expand s": after - between,
        })  # fmt: skip
        heard = hear(data, parse(data))
        if heard is not None and found.model_hash:
            alone.append(melody_alone(heard, network, ngram))
        if with_parts:
            parts.append(parts_of(data, heard if found.model_hash else None, network if found.model_hash else None))
    return {
        "files": len(rows), "whole file": mean(rows), "melody alone": mean(alone), "parts": mean(parts), "rows": rows,
        "median own": statistics.median(r["own"] for r in rows), "ratios": ratios(rows),
    }  # fmt: skip


def ratios(rows: Sequence[dict[str, float]], draws: int = 2000) -> dict[str, tuple[float, float, float]]:
    """Own bytes over those of the others, all files together, with the interval of files drawn again."""
    chance, found = np.random.default_rng(0), {}
    picked = chance.integers(0, len(rows), (draws, len(rows)))
    own = np.array([row["own"] for row in rows], np.float64)
    for name in ("own, no model", "gzip", "xz", "zstd", "MIDI"):
        other = np.array([row[name] for row in rows], np.float64)
        drawn = own[picked].sum(1) / other[picked].sum(1)
        found[name] = (float(own.sum() / other.sum()), *(float(q) for q in np.quantile(drawn, (0.025, 0.975))))
    return found


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}


def show(name: str, result: dict[str, Any]) -> None:
    whole, alone = result["whole file"], result["melody alone"]
    print(f"{name}: {result['files']} files, bytes a file")
    print("  whole file:   " + ", ".join(f"{key} {whole[key]:.1f}" for key in ("MIDI", "gzip", "zstd", "xz", "own, no model", "own")))
    print("  own over:     " + ", ".join(f"{key} {r:.3f} ({low:.3f} to {high:.3f})" for key, (r, low, high) in result["ratios"].items()))
    print(f"  packed with the model: {whole['with model']:.0%}; CPU s: compress {whole['compress s']:.2f}, expand {whole['expand s']:.2f}")
    if result["parts"]:
        print("  bytes go to:  " + ", ".join(f"{key} {value:.1f}" for key, value in result["parts"].items()))
    if alone:
        print("  melody alone: " + ", ".join(f"{key} {alone[key]:.1f}" for key in ("gzip", "xz", "n-gram", "own, no model", "own")))
        per = {key: 8 * alone[key] / alone["notes"] for key in ("n-gram", "own, no model", "own")}
        print("  bits a note:  " + ", ".join(f"{key} {value:.2f}" for key, value in per.items()), flush=True)


def sketches(files: Sequence[tuple[str, bytes]], network: IntegerNetwork, folder: Path) -> list[dict[str, Any]]:
    """What comes back of melodies from codes of at most so many bits for 16 bars: notes exact in pitch and step, and onsets alone."""
    engine = load_melodic().engine
    codes = []
    for number, (_, data) in enumerate(files):
        path = folder / f"{number}.mid"
        path.write_bytes(data)
        melody = take(path).melody
        codes.append((melody, encode(engine, melody)))
    found: list[dict[str, Any]] = []
    for bits in (50, 100, 200, 400):
        rows: list[dict[str, float]] = []
        refused = 0
        for melody, code in codes:
            try:
                sketch, spent = sketch_of(code, network, bits * code.num_model_bars // 16)
            except ValueError:
                refused += 1
                continue
            heard = sketch.melody(network)
            rows.append({
                "bits spent": 16 * spent / code.num_model_bars,
                "note F1": f1({(n.pitch, n.onset_steps) for n in melody.notes}, {(n.pitch, n.onset_steps) for n in heard.notes}),
                "onset F1": f1({n.onset_steps for n in melody.notes}, {n.onset_steps for n in heard.notes}),
            })  # fmt: skip
        found.append({"bits for 16 bars": bits, "tunes": len(rows), "not so small": refused, **mean(rows)})
    return found


def f1(own: set[Any], heard: set[Any]) -> float:
    return 2 * len(own & heard) / max(1, len(own) + len(heard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--files", nargs="*", default=[], metavar="COLLECTION=FOLDER")
    parser.add_argument("--tunes", type=int, default=0, help="melodies of the first corpus")
    parser.add_argument("--count", type=int, default=30, help="files of each collection")
    parser.add_argument("--model")
    parser.add_argument("--breakdown", action="store_true")
    parser.add_argument("--sketches", type=int, default=0, metavar="TUNES")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    path = find_model(args.model)[1]
    network, ngram = IntegerNetwork.load(path), ngram_of(Corpus.load(args.corpora[0]))
    sizes = {"model": path.stat().st_size, "n-gram": sum(array.nbytes for array in ngram.arrays().values())}
    sets = {"held-out melodies": list(tunes_as_midi(args.corpora[0], "test", args.tunes))} if args.tunes else {}
    for text in args.files:
        collection, _, folder = text.partition("=")
        sets[collection] = held_out(args.corpora, collection, Path(folder), "test", args.count)
    results: dict[str, Any] = {"bytes of what is needed besides": sizes}
    if not args.json:
        print(f"besides: the model {sizes['model']} bytes, the n-gram {sizes['n-gram']} bytes", flush=True)
    for name, files in sets.items():
        if not files:
            print(f"{name}: none of its files is held out in {', '.join(args.corpora)}", file=sys.stderr)
            continue
        results[name] = measured(files, network, ngram, with_parts=args.breakdown)
        if not args.json:
            show(name, results[name])
    if args.sketches:
        tunes = list(tunes_as_midi(args.corpora[0], "test", args.sketches, most_bars=32))
        with tempfile.TemporaryDirectory() as folder:
            results["sketches"] = sketches(tunes, network, Path(folder))
        for row in [] if args.json else results["sketches"]:
            print("sketch: " + ", ".join(f"{key} {value:.3g}" for key, value in row.items()))
    if args.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
