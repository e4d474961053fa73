"""Write the example tunes of data/examples: two MIDI files and one ABC file.

    python scripts/make_examples.py [-o data/examples] [--force]

The tunes were composed for this repository and are licensed with it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from musicvae.compose.intake import read
from musicvae.music.abc import read_abc_text
from musicvae.music.files import atomic_path
from musicvae.music.melody import Melody

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


def accented(melody: Melody) -> Melody:
    """The first note of a bar louder than the others, as a player would have it."""
    bar = melody.meter.steps_per_bar
    notes = (replace(note, velocity=PLAIN if note.onset_steps % bar else ACCENTED) for note in melody.notes)
    return replace(melody, notes=tuple(notes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).resolve().parent.parent / "data" / "examples")
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, abc in TUNES.items():
        path = args.out / name
        if path.suffix == ".mid":
            title = next(line[2:] for line in abc.splitlines() if line.startswith("T:"))
            replace(accented(read(read_abc_text(abc))), name=title, provenance={"made_by": "scripts/make_examples.py"}).write(
                path, force=args.force
            )
        else:
            with atomic_path(path, force=args.force) as temporary:
                temporary.write_text(abc, encoding="utf-8", newline="\n")
        print(path)


if __name__ == "__main__":
    main()
