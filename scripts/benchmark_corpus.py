"""What building a corpus costs: against a plain loop, and against its size.

    python scripts/benchmark_corpus.py loop MIDI_FOLDER [--files 200]
    python scripts/benchmark_corpus.py make MIDI_FOLDER -o PILE --files 10000
    python scripts/benchmark_corpus.py size PILE [--sizes 1000 10000] [--jobs 2] [--engine processes]

`loop` times MIDI files to melody windows, this library and pretty_midi in turns in one run, on one
core. `make` writes any number of MIDI files out of real ones: halves of two songs put together at a bar
line, transposed, shifted by some beats against the bar lines (re-barred), now and then an exact copy; so that
finding duplicates has its real work. `size` builds corpora of the first so many files of a pile and reports
seconds by stage and the highest memory of the building process and of its readers.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

FILES_PER_FOLDER = 1000


def midi_files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    if not files:
        raise SystemExit(f"{folder} holds no MIDI files")
    return files


# -- against a plain loop


def ours(paths: list[Path]) -> int:
    """Bars of 16-bar melody windows that this library's reading and extraction gives, on one core."""
    from musicvae.corpus.lines import take_tune
    from musicvae.corpus.options import BuildOptions
    from musicvae.corpus.tunes import SourceTune
    from musicvae.music.bulk import read_midi_bulk

    bars = 0
    options = BuildOptions()
    for path in paths:
        tune = SourceTune("pile", path.stem, path.name, lambda path=path: read_midi_bulk(path.read_bytes()))
        taken = take_tune(tune, tune.read(), options)[0]
        bars += sum(line.num_bars for line in taken.lines) if taken else 0
    return bars


def with_pretty_midi(paths: list[Path]) -> int:
    """The same by a loop as people write it: pretty_midi, highest note of each sixteenth of the busiest high track."""
    import pretty_midi

    bars = 0
    for path in paths:
        midi = pretty_midi.PrettyMIDI(str(path))
        parts = [i for i in midi.instruments if not i.is_drum and i.notes]
        if not parts:
            continue
        part = max(parts, key=lambda i: np.mean([n.pitch for n in i.notes]))
        grid: dict[int, int] = {}
        for note in part.notes:
            step = round(midi.time_to_tick(note.start) / midi.resolution * 4)
            grid[step] = max(grid.get(step, 0), note.pitch)
        tokens = np.zeros((max(grid) // 16 + 1) * 16, np.uint8)
        for step, pitch in grid.items():
            tokens[step] = pitch - 19 if 21 <= pitch <= 108 else 0
        bars += len(tokens) // 16
    return bars


def loop(args: argparse.Namespace) -> None:
    paths = midi_files(args.folder)[: args.files]
    for path in paths:
        path.read_bytes()  # both find the files in memory
    ours(paths[:20]), with_pretty_midi(paths[:5])
    times: dict[str, list[float]] = {"musicvae": [], "pretty_midi": []}
    few = paths[:: max(1, len(paths) // 30)]
    for _ in range(args.rounds):
        for name, function, these in (("musicvae", ours, paths), ("pretty_midi", with_pretty_midi, few)):
            start = time.process_time()
            function(these)
            times[name].append((time.process_time() - start) / len(these))
    middle = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in middle.items():
        print(f"{name:12} {1000 * seconds:8.2f} ms a file {1 / seconds:8.0f} files a second")
    ratios = [b / a for a, b in zip(times["musicvae"], times["pretty_midi"], strict=True)]
    print(f"ratio        {statistics.median(ratios):8.1f} (rounds: {', '.join(f'{r:.1f}' for r in ratios)}); {len(paths)} files")


# -- a pile of any size


def recombined(songs: list[Any], rng: np.random.Generator) -> bytes:
    """The bytes of a new song: the start of one and the end of another, in another key, now and then shifted by beats."""
    import symusic

    first, second = (songs[i] for i in rng.integers(0, len(songs), 2))
    new = first.copy()
    new.time_signatures = symusic.Score(first.tpq).time_signatures  # what these files declare is mostly wrong: 4/4 throughout
    new.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    if rng.random() < 0.1:
        return new.dumps_midi()
    bar = 4 * first.tpq
    cut = bar * int(rng.integers(4, 40))
    other = second.copy()
    new = new.clip(0, cut, clip_end=True)
    for track, more in zip(new.tracks, other.clip(cut, other.end()).tracks, strict=False):
        track.notes.extend(more.notes)
    new = new.shift_pitch(int(rng.integers(-5, 6)))
    if rng.random() < 0.3:
        new = new.shift_time(int(rng.integers(1, 4)) * first.tpq)
    return new.dumps_midi()


def make(args: argparse.Namespace) -> None:
    import symusic

    songs = [symusic.Score.from_file(str(path)) for path in midi_files(args.folder)]
    songs = [s for s in songs if s.tpq == songs[0].tpq and len(s.tracks) > 1]
    rng = np.random.default_rng(args.seed)
    for number in range(args.files):
        path = args.output / f"{number // FILES_PER_FOLDER:04}" / f"{number:07}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(recombined(songs, rng))
    print(f"{args.files} files of {len(songs)} songs in {args.output}")


# -- against its size

BUILD = """
import json, resource, sys, threading, time
from pathlib import Path
from musicvae.corpus.build import build_corpus
from musicvae.corpus.options import BuildOptions

stages, own = {}, [0]
def told(progress):
    stages[progress.stage] = progress.seconds

def watch():  # memory of its own: mapped pages of files are the system's to take back
    while True:
        with open("/proc/self/status") as status:
            own[0] = max(own[0], next(int(line.split()[1]) // 1024 for line in status if line.startswith("RssAnon")))
        time.sleep(0.05)

if __name__ == "__main__":
    if Path("/proc/self/status").exists():
        threading.Thread(target=watch, daemon=True).start()
    start = time.perf_counter()
    corpus = build_corpus([sys.argv[1]], Path(sys.argv[2]), BuildOptions(), engine=sys.argv[3], jobs=int(sys.argv[4]), progress=told)
    seconds = time.perf_counter() - start
    peak, readers = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "stages": stages, "own": own[0], "peak": peak, "readers": readers, "lines": len(corpus),
                      "removed": corpus.report["duplicates"]["removed"]}))
"""


def size(args: argparse.Namespace) -> None:
    heading = ("files", "seconds", "files/s", "own MiB", "mapped", "readers", "lines", "dropped")
    print(" ".join(f"{word:>8}" for word in heading), " seconds by stage")
    for count in args.sizes:
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder, "files.txt")
            listed.write_text("\n".join(str(p.resolve()) for p in midi_files(args.folder)[:count]))
            script = Path(folder, "build.py")
            script.write_text(BUILD)
            command = [sys.executable, str(script), str(listed), str(Path(folder, "out")), args.engine, str(args.jobs)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            written = sum(p.stat().st_size for p in Path(folder, "out").rglob("*") if p.is_file()) / 2**20
            shutil.rmtree(Path(folder, "out"))
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in found["stages"].items())
        print(
            f"{count:8} {found['seconds']:8.1f} {count / found['seconds']:8.0f} {found['own']:8} {found['peak']:8.0f} "
            f"{found['readers']:8.0f} {found['lines']:8} {found['removed']:8}  {stages}; {written:.1f} MiB written",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("loop")
    one.add_argument("folder", type=Path)
    one.add_argument("--files", type=int, default=200)
    one.add_argument("--rounds", type=int, default=5)
    one.set_defaults(run=loop)
    two = commands.add_parser("make")
    two.add_argument("folder", type=Path)
    two.add_argument("-o", "--output", type=Path, required=True)
    two.add_argument("--files", type=int, default=10_000)
    two.add_argument("--seed", type=int, default=0)
    two.set_defaults(run=make)
    three = commands.add_parser("size")
    three.add_argument("folder", type=Path)
    three.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    three.add_argument("--jobs", type=int, default=2)
    three.add_argument("--engine", default="processes")
    three.set_defaults(run=size)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
