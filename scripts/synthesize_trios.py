"""Write synthetic trios: the melodies of POP909 with a bass out of their piano and a beat of the Groove MIDI Dataset.

    python scripts/synthesize_trios.py DATASETS -o FOLDER [--seed 0] [--force]

A song in 4/4 gets a beat of near tempo, drawn among those of its own split: who is held out is told by data/splits/melody.json for
songs and by data/splits/groove.json for beats, so that a held-out song has a beat that was never learnt from. Each trio is a MIDI file
FOLDER/synthetic/pop909-NNN.mid; FOLDER/trios.csv lists song, beat, tempi and split. The songs are commercial compositions: the files
are for training on the machine they are made on, and not to be passed on.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from musicvae.corpus.sources.collections import tunes_of
from musicvae.corpus.sources.items import expand
from musicvae.corpus.sources.recipes import find_collections
from musicvae.corpus.splits import Splits
from musicvae.corpus.synthetic import Beat, beat_of, synthetic_trio
from musicvae.corpus.tunes import SourceTune
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.midi_writing import write_score
from musicvae.music.score import NoteTable, Score

DIVISIONS = Path(__file__).resolve().parent.parent / "data" / "splits"
NEAREST, NEAR, FEWEST_BARS, PHRASE_BARS, STRAIGHT = 24, 0.2, 8, 4, 0.45


def tunes(collection: str, datasets: Path) -> Iterator[SourceTune]:
    """The tunes of a collection below a folder; FileNotFoundError where it is not there."""
    roots = [found.root for found in find_collections(datasets) if found.recipe.name == collection]
    if not roots:
        raise FileNotFoundError(f"{collection} is not in {datasets}")
    for file in expand([roots[0]]):
        yield from tunes_of(file)


def beats_by_split(datasets: Path) -> dict[str, list[Beat]]:
    """The beats (no fills) of at least `FEWEST_BARS` bars of straight sixteenths of each split, by tempo."""
    splits = Splits.load(DIVISIONS / "groove.json")
    found: dict[str, list[Beat]] = {"train": [], "validation": [], "test": []}
    for tune in tunes("groove", datasets):
        if tune.tags.get("part") != "beat":
            continue
        score = tune.read()
        beat = beat_of(score, tune.tune_id)
        if beat is not None and beat.num_bars >= FEWEST_BARS and straightness(score) >= STRAIGHT:
            found[splits.of(tune.tune_id) or tune.split].append(beat)
    return {split: sorted(beats, key=lambda beat: (beat.tempo_qpm, beat.name)) for split, beats in found.items()}


def straightness(score: Score) -> float:
    """How much the hits keep to one place of the sixteenth, 0 to 1: the length of the mean of exp(2 pi i onset / sixteenth).

    Shuffles and triplets, whose thirds of a beat would clash with a song's sixteenths, are below a third; so is what drifts from the click.
    """
    onsets = np.concatenate([NoteTable.of(track.notes).onset_ticks for track in score.tracks if track.is_drum])
    return float(abs(np.exp(2j * np.pi * onsets / (score.ticks_per_beat / STEPS_PER_BEAT)).mean()))


def drawn_beat(beats: list[Beat], tempo_qpm: float, rng: np.random.Generator) -> Beat:
    """One of the beats whose tempo is within `NEAR` of the song's, or of the `NEAREST` nearest where those are fewer."""
    apart = np.abs(np.log([beat.tempo_qpm for beat in beats]) - np.log(tempo_qpm))
    near = max(NEAREST, int((apart <= NEAR).sum()))
    return beats[int(rng.choice(np.argsort(apart, kind="stable")[:near]))]


def write_trios(datasets: Path, out: Path, *, seed: int, force: bool) -> list[dict[str, object]]:
    """Write all trios; a row for each."""
    beats, splits = beats_by_split(datasets), Splits.load(DIVISIONS / "melody.json")
    for split, held in beats.items():
        print(f"{split}: {len(held)} beats of {sum(beat.num_bars for beat in held)} bars", file=sys.stderr)
    (out / "synthetic").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for tune in tunes("pop909", datasets):
        split, song = splits.of(tune.tune_id) or "train", tune.read()
        rng = np.random.default_rng([seed, zlib.crc32(tune.tune_id.encode())])
        beat = drawn_beat(beats[split], song.tempi[0].qpm, rng)
        first = PHRASE_BARS * int(rng.integers(max(1, beat.num_bars // PHRASE_BARS)))
        try:
            trio = synthetic_trio(song, beat, first_bar=first)
        except ValueError as error:
            print(f"{tune.tune_id}: left out, {error}", file=sys.stderr)
            continue
        name = f"{tune.tune_id.replace('/', '-')}.mid"
        write_score(trio, out / "synthetic" / name, force=force)
        rows.append({"file": f"synthetic/{name}", "split": split, "song": tune.tune_id, "beat": beat.name, "first_bar": first,
                     "song_qpm": round(song.tempi[0].qpm, 1), "beat_qpm": round(beat.tempo_qpm, 1)})  # fmt: skip
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Write synthetic trios of POP909 and the Groove MIDI Dataset.")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    try:
        rows = write_trios(args.datasets, args.output, seed=args.seed, force=args.force)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    with (args.output / "trios.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} synthetic trios in {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
