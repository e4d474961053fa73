"""Run README.md's commands again and put what they print, the pictures and the measured figures into it.

    python scripts/refresh_readme.py [--no-run] [--benchmark]

Blocks are found by HTML comments: ``<!-- output: COMMAND -->`` before a fenced block (``<!-- output, 9 lines: COMMAND -->``
keeps the first 9 lines), and ``<!-- measured -->``, ``<!-- measured-pieces -->`` or ``<!-- benchmark -->`` up to their ``<!-- end -->``.
Commands run in a temporary folder that holds data/examples, data/beats and tests/golden/published; the figures come from
the JSON files in musicvae/pretrained.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from readme_pieces import MODELS, measured_pieces, number, table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PRETRAINED = ROOT / "musicvae" / "pretrained"
PICTURES = ("blend.png", "beats.png", "trio.png")  # written by commands; shown from docs/
SHOWN = ("data/examples", "data/beats", "tests/golden/published")
NOT_RUN = {"train", "evaluate"}  # these take hours, or data that is not here
NOT_HERE = ("--scheduler", "DATASETS", "CHECKPOINTS")  # as do lines with these words
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"(<!-- output(?:, (\d+) lines)?: (.+?) -->\n)```text\n.*?^```$", re.MULTILINE | re.DOTALL)


# -- outputs


def commands(readme: str) -> dict[str, int]:
    """The ``musicvae`` lines of the shell blocks that can be run here, each once, in order, with the exit code they state."""
    found = {}
    for line in (line for block in SHELL_BLOCK.findall(readme) for line in block.splitlines()):
        command, _, remark = line.partition("  # exit code ")
        is_here = command.startswith("musicvae ") and not any(word in command for word in NOT_HERE)
        if is_here and shlex.split(command)[1] not in NOT_RUN:
            found[command] = int(remark or 0)
    return found


def run_all(lines: Mapping[str, int], folder: Path) -> dict[str, str]:
    """What each command prints, remarks among results as on a terminal; SystemExit where one ends in another way than stated."""
    for shown in SHOWN:
        shutil.copytree(ROOT / shown, folder / shown)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "XDG_DATA_HOME": str(folder / "home")}
    printed = {}
    for line, code in lines.items():
        print(f"$ {line}", flush=True)
        words = [sys.executable, "-m", *shlex.split(line)]
        done = subprocess.run(words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != code:
            raise SystemExit(f"{line} ended with {done.returncode}:\n{done.stdout}")
        printed[line] = done.stdout.replace(_installed_in(), "...").rstrip()
    return printed


def _installed_in() -> str:
    """The folder that holds the package, which differs from machine to machine."""
    import musicvae

    return str(Path(musicvae.__file__).parent.parent)


def with_outputs(readme: str, printed: dict[str, str]) -> str:
    def block(match: re.Match[str]) -> str:
        if match[3] not in printed:
            raise SystemExit(f"README shows the output of a command that no shell block has: {match[3]}")
        lines = printed[match[3]].splitlines()
        most = int(match[2] or len(lines))
        shown = "\n".join([*lines[:most], *(["..."] if len(lines) > most else [])])
        return f"{match[1]}```text\n{shown}\n```"

    return OUTPUT.sub(block, readme)


def with_section(readme: str, name: str, text: str) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(readme):
        raise SystemExit(f"README has no <!-- {name} --> ... <!-- end -->")
    return pattern.sub(lambda match: f"{match[1]}{text.rstrip()}\n{match[2]}", readme)


# -- measured figures


def rows_of(figures: dict[str, Any], section: str, **wanted: Any) -> list[dict[str, Any]]:
    rows = figures["sections"].get(section, {}).get("rows", [])
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def point(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) else value


def measured(figures: dict[str, Any]) -> str:
    """The short list of figures that README shows."""
    about = figures["about"]
    counts = ", ".join(
        f"{count} windows of {about['test tunes'][meter]} tunes in {meter}" for meter, count in about["test windows"].items()
    )
    parts = [f"Model `{about['hash']}`, on {counts}, all held out. Brackets are 95 % intervals over tunes."]
    return "\n\n".join([*parts, _reconstruction(figures), _dimensions(figures), _samples(figures), _blends(figures), _styles(figures)])


def _reconstruction(figures: dict[str, Any]) -> str:
    heading = ["meter", "z", "KL bits", "onset F1", "linear code, same bits", "gain", "teacher-forced minus free-running"]
    rows = []
    for row in figures["sections"]["gain"]["rows"]:
        gap = next(iter(rows_of(figures, "gap", meter=row["meter"], code=row["code"])), {"gap": None})
        cells = [number(row["bits"], 0), number(row["model_f1"]), number(row["linear_f1"]), number(row["gain"]), number(point(gap["gap"]))]
        rows.append([row["meter"], row["code"].removeprefix("model, z "), *cells])
    return "Coming back from the code, decoded greedily:\n\n" + table(heading, rows)


def _dimensions(figures: dict[str, Any]) -> str:
    row = rows_of(figures, "activity", meter="all")[0]
    return f"{row['active']} of {row['dimensions']} latent dimensions are active ({row['active_share']:.0%})."


def _samples(figures: dict[str, Any]) -> str:
    names = ["notes_in_scale", "notes_per_bar", "different_bars", "copied"]
    heading = ["meter", "pieces", "notes in scale", "notes per bar", "different bars", "4-bar passages found in training tunes"]
    chosen = [row for row in figures["sections"]["samples"]["rows"] if row["source"] in ("held-out tunes", "generated")]
    rows = [[row["meter"], row["source"], *(number(point(row[name])) for name in names)] for row in chosen]
    return "New melodies beside held-out tunes, at temperature 1:\n\n" + table(heading, rows)


def _blends(figures: dict[str, Any]) -> str:
    refined = [row for row in rows_of(figures, "blends", way="slerp") if row["refine_steps"]]
    chosen = rows_of(figures, "blends", way="interpolate") + rows_of(figures, "blends", way="slerp", refine_steps=0) + refined
    of_all = [row for row in chosen if row["meter"] == "all"] or chosen
    rows = [
        [row["way"], number(row["refine_steps"]), number(row["pairs"]), number(row["end_f1"]), number(row["rank_correlation"])]
        for row in of_all
    ]
    return "Blends of held-out pairs:\n\n" + table(
        ["way", "refining steps", "pairs", "onset F1 of the ends", "rank correlation of place and distance to A"], rows
    )


def _styles(figures: dict[str, Any]) -> str:
    rows = [
        [row["style"], number(point(row["rank_by_melody"])), number(row["shift"]), f"{row['largest_side_effect']} {row['side_shift']:+.2f}"]
        for row in figures["sections"]["styles"]["rows"]
    ]
    heading = ["style", "rank correlation of strength and effect", "shift, SD per unit", "largest side effect, SD per unit"]
    return "Styles, each on held-out melodies at strengths -2 to 2 (dance types by a judge that never saw z):\n\n" + table(heading, rows)


def benchmark() -> str:
    words = [sys.executable, str(ROOT / "scripts" / "benchmark.py")]
    done = subprocess.run(words, text=True, capture_output=True, check=True)
    return f"```text\n{done.stdout.rstrip()}\n```"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-run", action="store_true", help="leave the outputs and the pictures as they are")
    parser.add_argument("--benchmark", action="store_true", help="measure speed too; the machine should be idle")
    args = parser.parse_args()
    readme = README.read_text(encoding="utf-8")
    if not args.no_run:
        with tempfile.TemporaryDirectory() as name:
            readme = with_outputs(readme, run_all(commands(readme), Path(name)))
            (ROOT / "docs").mkdir(exist_ok=True)
            for picture in PICTURES:
                shutil.copyfile(Path(name) / picture, ROOT / "docs" / picture)
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(PRETRAINED.glob("*.json"))}
    for name in ("melody", *MODELS):
        if name not in found:
            print(f"{PRETRAINED / name}.json is not there: its figures are left out")
    if "melody" in found:
        readme = with_section(readme, "measured", measured(found["melody"]))
    if set(found) & set(MODELS):
        readme = with_section(readme, "measured-pieces", measured_pieces(found))
    if args.benchmark:
        readme = with_section(readme, "benchmark", benchmark())
    README.write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main()
