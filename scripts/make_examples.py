"""Write the examples: two tunes in MIDI and one in ABC (data/examples), a programmed beat and one as if played (data/beats).

    python scripts/make_examples.py [-o data] [--force]

Tunes and beats were composed for this repository, the playing of the second beat written by hand as well; all are licensed with it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.compose.intake import read
from musicvae.music.abc import read_abc_text
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.files import atomic_path
from musicvae.music.melody import Melody
from musicvae.music.piece import Piece

TUNES = {
    "reel.mid": """\
X:1
T:The Borrowed Ladder
R:reel
M:4/4
L:1/8
Q:1/4=190
K:D
D2FA d2cA | B2GB A2FA | G2BG F2AF | E2CE G2FE |
D2FA d2cA | B2dB A2FD | GBAG FAGE | D2F2 D4 |
f3e d2Ad | c2eA B4 | B2dB A2FA | G2FG E2A2 |
f3e d2Ad | c2eA B2AF | GBAG FAEC | D2D2 D4 |
""",
    "jig.mid": """\
X:1
T:Rain on the Mill Roof
R:jig
M:6/8
L:1/8
Q:1/4=174
K:EDor
EGB e2B | dBG A2F | GFE F2A | B3 BAF |
EGB e2B | dBG A2F | GAF E2D | E3 E3 |
e2f g2e | fed e2B | def edB | AFA B3 |
e2f g2e | fed B2A | GAB AFD | E3 E2z |
""",
    "waltz.abc": """\
X:1
T:Eight Bars for the Ferry
R:waltz
C:the authors of musicvae
M:3/4
L:1/8
Q:1/4=150
K:G
G3A B2 | d4 B2 | c3B A2 | F4 D2 |
E3F G2 | B4 A2 | G2F2 A2 | G6 |
""",
}
ACCENTED, PLAIN = 100, 84

# A line a drum, a sign a sixteenth: O loud, o plain, g a ghost note.
STIFF = """\
crash         o...............|................|................|................
closed hi-hat ..o.o.o.o.o.o.o.|o.o.o.o.o.o.o.o.|o.o.o.o.o.o.o.o.|o.o.o.o.........
snare         ....o.......o...|....o.......o...|....o.......o...|....o..o..o.o.oo
kick          o.....o.o.......|o.....o...o.....|o.....o.o.......|o.....o.........
"""
PLAYED = """\
open hi-hat   ................|..............O.|................|..............O.
closed hi-hat O.ogO.ogO.ogO.og|O.ogO.ogO.ogO...|O.ogO.ogO.ogO.og|O.ogO.ogO.ogO...
snare         ....O..g.g..O...|....O..g.g..O..g|....O..g.g..O...|....O..g.gg.O.gg
kick          O.o.......O.....|O..o......O..o..|O.o.......O.....|O..o..o...O.....
"""
LOUDNESS = {"O": 112, "o": 84, "g": 36}
STIFF_TEMPO, PLAYED_TEMPO = 120.0, 96.0
# In sixteenths: the second and fourth of a beat swing, backbeats lie back, hats push, and no two hits are quite alike.
SWING, BACKBEAT, PUSH = 0.13, 0.09, -0.04
WOBBLE = (0.02, -0.03, 0.01, 0.04, -0.02, 0.0, 0.03, -0.01, -0.04, 0.02, 0.01)
LOUDER = (0, 5, -4, 3, -7, 2, 6, -3, 1, -5, 4, -2, 7)


def accented(melody: Melody) -> Melody:
    """The first note of a bar louder than the others, as a player would have it."""
    bar = melody.meter.steps_per_bar
    notes = (replace(note, velocity=PLAIN if note.onset_steps % bar else ACCENTED) for note in melody.notes)
    return replace(melody, notes=tuple(notes))


def struck(tab: str) -> np.ndarray:
    """The velocities (B, 16, 9) that a tab writes."""
    names = DRUM_MAPS["nine"].names
    loud = np.zeros((tab.splitlines()[0].count("|") + 1, 16, len(names)), np.uint8)
    for line in tab.splitlines():
        name, signs = line[:13].strip(), line[14:].replace("|", "")
        loud[:, :, names.index(name)] = np.array([LOUDNESS.get(sign, 0) for sign in signs]).reshape(-1, 16)
    return loud


def stiff() -> Piece:
    """A beat as one clicks it in: on the grid, all of one velocity."""
    bits = np.bitwise_or.reduce((struck(STIFF) > 0).astype(np.uint64) << np.arange(9, dtype=np.uint64), axis=-1)
    return Piece("drums", {"bars": bits}, STIFF_TEMPO, name="Six Flights Up")


def played() -> Piece:
    """A beat with a drummer's timing and touch; nothing comes before beat one, so that the file begins there."""
    loud = struck(PLAYED).astype(np.int64)
    bar, step, drum = np.nonzero(loud)
    order = np.arange(len(bar))
    late = np.array(WOBBLE)[order % len(WOBBLE)] + SWING * (step % 2) + BACKBEAT * ((drum == 1) & (step % 8 == 4)) + PUSH * (drum == 2)
    offsets = np.zeros(loud.shape)
    offsets[bar, step, drum] = np.where((bar == 0) & (step == 0), np.abs(late), late)
    loud[bar, step, drum] += np.array(LOUDER)[order % len(LOUDER)]
    columns: dict[str, Any] = {"bars": loud.astype(np.uint8), "offsets": offsets.astype(np.float16)}
    return Piece("groove", columns, PLAYED_TEMPO, name="The Late Kitchen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).resolve().parent.parent / "data")
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    args = parser.parse_args()
    tunes, beats = args.out / "examples", args.out / "beats"
    for folder in (tunes, beats):
        folder.mkdir(parents=True, exist_ok=True)
    for name, abc in TUNES.items():
        path = tunes / name
        if path.suffix == ".mid":
            title = next(line[2:] for line in abc.splitlines() if line.startswith("T:"))
            replace(accented(read(read_abc_text(abc))), name=title, provenance={"made_by": "scripts/make_examples.py"}).write(
                path, force=args.force
            )
        else:
            with atomic_path(path, force=args.force) as temporary:
                temporary.write_text(abc, encoding="utf-8", newline="\n")
        print(path)
    for name, beat in {"stiff.mid": stiff(), "played.mid": played()}.items():
        print(replace(beat, provenance={"made_by": "scripts/make_examples.py"}).write(beats / name, force=args.force))


if __name__ == "__main__":
    main()
