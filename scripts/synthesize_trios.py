"""Write synthetic trios: the melodies of POP909 with a bass out of their piano and a beat of the Groove MIDI Dataset.

    python scripts/synthesize_trios.py DATASETS -o FOLDER [--versions 3] [--seed 0] [--force]

A song in 4/4 gets a beat of near tempo, drawn among those of its own split: who is held out is told by data/splits/melody.json for
songs and by data/splits/groove.json for beats, so that a held-out song has a beat that was never learnt from. A song to learn from comes
in further versions, whose drums change between near beats, shorter and less straight ones too, and have fills. Each trio is a MIDI file
FOLDER/synthetic/pop909-NNN.mid, a further version pop909-NNN-V.mid; FOLDER/trios.csv lists song, beat, tempi and split. The songs are
commercial compositions: the files are for training on the machine they are made on, and not to be passed on.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from musicvae.corpus.sources.collections import tunes_of
from musicvae.corpus.sources.items import expand
from musicvae.corpus.sources.recipes import find_collections
from musicvae.corpus.splits import Splits
from musicvae.corpus.store import SPLITS
from musicvae.corpus.synthetic import Beat, arranged, beat_of, synthetic_trio
from musicvae.corpus.tunes import SourceTune
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.midi_writing import write_score
from musicvae.music.score import NoteTable, Score

DIVISIONS = Path(__file__).resolve().parent.parent / "data" / "splits"
NEAREST, NEAR, FEWEST_BARS, PHRASE_BARS, STRAIGHT = 24, 0.2, 8, 4, 0.45
LOOSE_FEWEST_BARS, LOOSE_STRAIGHT, BEATS_IN_A_SONG, BARS = 2, 0.33, 3, 160
"""Of further versions: the beats they are made of, how many each, and for how long their drums do not come round."""


def tunes(collection: str, datasets: Path) -> Iterator[SourceTune]:
    """The tunes of a collection below a folder; FileNotFoundError where it is not there."""
    roots = [found.root for found in find_collections(datasets) if found.recipe.name == collection]
    if not roots:
        raise FileNotFoundError(f"{collection} is not in {datasets}")
    for file in expand([roots[0]]):
        yield from tunes_of(file)


@dataclass(frozen=True)
class Playing:
    """Beats and fills of a split, by tempo; `steady` are those of many bars of straight sixteenths."""

    steady: list[Beat] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    fills: list[Beat] = field(default_factory=list)


def playing_by_split(datasets: Path) -> dict[str, Playing]:
    """What there is to play in each split."""
    splits, found = Splits.load(DIVISIONS / "groove.json"), {name: Playing() for name in SPLITS}
    for tune in sorted(tunes("groove", datasets), key=lambda tune: tune.tune_id):
        score = tune.read()
        beat = beat_of(score, tune.tune_id)
        straight = 0.0 if beat is None else straightness(score)
        if beat is None or straight < LOOSE_STRAIGHT:
            continue
        playing = found[splits.of(tune.tune_id) or tune.split]
        if tune.tags.get("part") != "beat":
            playing.fills.append(beat)
            continue
        if beat.num_bars >= LOOSE_FEWEST_BARS:
            playing.beats.append(beat)
        if beat.num_bars >= FEWEST_BARS and straight >= STRAIGHT:
            playing.steady.append(beat)
    for playing in found.values():
        for beats in (playing.steady, playing.beats, playing.fills):
            beats.sort(key=lambda beat: (beat.tempo_qpm, beat.name))
    return found


def straightness(score: Score) -> float:
    """How much the hits keep to one place of the sixteenth, 0 to 1: the length of the mean of exp(2 pi i onset / sixteenth).

    Shuffles and triplets, whose thirds of a beat would clash with a song's sixteenths, are below a third; so is what drifts from the click.
    """
    onsets = np.concatenate([NoteTable.of(track.notes).onset_ticks for track in score.tracks if track.is_drum])
    return float(abs(np.exp(2j * np.pi * onsets / (score.ticks_per_beat / STEPS_PER_BEAT)).mean()))


def near(beats: list[Beat], tempo_qpm: float) -> list[Beat]:
    """The beats whose tempo is within `NEAR` of the song's, or the `NEAREST` nearest where those are fewer; nearest first."""
    apart = np.abs(np.log([beat.tempo_qpm for beat in beats]) - np.log(tempo_qpm))
    count = max(NEAREST, int((apart <= NEAR).sum()))
    return [beats[at] for at in np.argsort(apart, kind="stable")[:count]]


def drawn_beat(playing: Playing, version: int, tempo_qpm: float, rng: np.random.Generator) -> tuple[Beat, int]:
    """The drums of a version of a song, and from which bar on they go round."""
    if version:
        beats = near(playing.beats, tempo_qpm)
        chosen = [beats[at] for at in rng.choice(len(beats), size=BEATS_IN_A_SONG, replace=False)]
        return arranged(chosen, near(playing.fills, tempo_qpm), BARS, rng), 0
    beats = near(playing.steady, tempo_qpm)
    beat = beats[int(rng.integers(len(beats)))]
    return beat, PHRASE_BARS * int(rng.integers(max(1, beat.num_bars // PHRASE_BARS)))


def write_trios(datasets: Path, out: Path, *, versions: int, seed: int, force: bool) -> list[dict[str, object]]:
    """Write all trios; a row for each."""
    found, splits = playing_by_split(datasets), Splits.load(DIVISIONS / "melody.json")
    for split, playing in found.items():
        parts = ", ".join(f"{len(beats)} {name} of {sum(beat.num_bars for beat in beats)} bars" for name, beats in vars(playing).items())
        print(f"{split}: {parts}", file=sys.stderr)
    (out / "synthetic").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for tune in tunes("pop909", datasets):
        split, song = splits.of(tune.tune_id) or "train", tune.read()
        for version in range(versions if split == "train" else 1):
            words = [seed, zlib.crc32(tune.tune_id.encode())]
            rng = np.random.default_rng([*words, version] if version else words)
            beat, first = drawn_beat(found[split], version, song.tempi[0].qpm, rng)
            try:
                trio = synthetic_trio(song, beat, first_bar=first)
            except ValueError as error:
                print(f"{tune.tune_id}: left out, {error}", file=sys.stderr)
                break
            name = f"{tune.tune_id.replace('/', '-')}{f'-{version}' if version else ''}.mid"
            write_score(trio, out / "synthetic" / name, force=force)
            rows.append({"file": f"synthetic/{name}", "split": split, "song": tune.tune_id, "beat": beat.name, "first_bar": first,
                         "song_qpm": round(song.tempi[0].qpm, 1), "beat_qpm": round(beat.tempo_qpm, 1)})  # fmt: skip
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Write synthetic trios of POP909 and the Groove MIDI Dataset.")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--versions", type=int, default=3, help="of each song to learn from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    try:
        rows = write_trios(args.datasets, args.output, versions=args.versions, seed=args.seed, force=args.force)
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
