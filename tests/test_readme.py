"""README.md's examples, taken from its text: those that can run here do, of the others the words are checked."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from musicvae.cli.main import build_parser, main
from musicvae.compose import library
from musicvae.music.midi import read_midi

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [line for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL) for line in block.splitlines() if line]
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PROMISED = {
    "python3 -m venv .venv && . .venv/bin/activate && pip install . && musicvae generate --bars 16",
    "pip install '.[test]' && pytest",
}
# These take hours, several machines or data that is not here.
ONLY_PARSED = ("train", "evaluate")
NOT_HERE = ("--scheduler", "DATASETS", "CHECKPOINTS")


def words_after_musicvae(line: str) -> list[str]:
    """The arguments of the command in a line that may begin with something else (torchrun, variables, pip)."""
    words = shlex.split(line, comments=True)
    return words[words.index("musicvae") + 1 :]


def is_run(line: str) -> bool:
    return line.startswith("musicvae ") and words_after_musicvae(line)[0] not in ONLY_PARSED and not any(word in line for word in NOT_HERE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the examples run, one after another, as a reader would run them."""
    path = tmp_path_factory.mktemp("readme")
    for shown in ("data/examples", "data/beats", "tests/golden/published"):
        shutil.copytree(ROOT / shown, path / shown)
    return path


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(library, "user_styles_folder", lambda: tmp_path / "styles")


def test_the_two_commands_stand_in_blocks_of_their_own():
    blocks = re.findall(r"^```sh\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
    assert set(blocks) >= PROMISED


@pytest.mark.parametrize("line", [line for line in SHELL if "musicvae " in line and not line.startswith("python scripts")])
def test_words_are_understood(line):
    args = build_parser().parse_args(words_after_musicvae(line))
    assert callable(args.run)


def test_scripts_that_are_named_are_there():
    for name in set(re.findall(r"\b(?:scripts|tests|docs|data)/[\w/]+\.\w+", README)):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("line", [line for line in SHELL if is_run(line)])
def test_shell_example_runs(line, folder, capsys):
    stated = re.search(r"# exit code (\d+)$", line)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code = main(words_after_musicvae(line))
    out, err = capsys.readouterr()
    assert code == (int(stated[1]) if stated else 0), err
    if stated:
        assert err.startswith("musicvae: ")
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    else:
        assert out
    for name in re.findall(r"^\S+\.mid$", out, re.MULTILINE):
        assert any(track.notes for track in read_midi(name).tracks), name


def test_python_example_of_composing_runs(folder, capsys):
    (code,) = (code for code in PYTHON if "model.interpolate(" in code)
    assert len(code.strip().splitlines()) <= 12
    exec(compile(code, "README.md", "exec"), {})
    pitches = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert len(pitches) == 4
    assert all(0 <= pitch <= 127 for pitch in pitches)
    written = set(re.findall(r'"(\w+\.mid)"', code)) | {f"step{k}.mid" for k in range(5)}
    assert written <= {path.name for path in folder.iterdir()}


def test_python_example_of_a_stream_runs(capsys):
    (code,) = (code for code in PYTHON if ".stream(" in code)
    exec(compile(code, "README.md", "exec"), {})
    bars = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert len(bars) == 16
    lengths = [float(seconds) for *_, seconds in bars]
    assert lengths[-1] < lengths[0], "it plays faster by the end"
    assert sum(int(notes) for _, notes, _ in bars) > 16


def test_python_example_of_a_corpus_runs(capsys):
    (code,) = (code for code in PYTHON if "build_corpus" in code)
    exec(compile(code, "README.md", "exec"), {})
    why, windows, tables = capsys.readouterr().out.splitlines()
    assert why == "the only track with pitched notes"
    assert "8, 16)" in windows
    assert "windows by source and meter" in tables


def test_python_example_of_an_import_runs(folder, capsys):
    (code,) = (code for code in PYTHON if "import_model" in code)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == "groove 2 120.0\n"
    assert any(track.notes for track in read_midi(folder / "beat.mid").tracks)
    assert len(PYTHON) == 5, "each is run by a test of its own"


def test_python_example_of_drums_runs(folder):
    (code,) = (code for code in PYTHON if 'load("drums")' in code)
    assert len(code.strip().splitlines()) <= 13
    exec(compile(code, "README.md", "exec"), {})
    for name in [*re.findall(r'write\("(\S+\.mid)"', code), *(f"beat{k}.mid" for k in range(5))]:
        assert any(track.notes for track in read_midi(folder / name).tracks), name


def test_the_drum_map_shown_is_that_of_the_examples():
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert shown == (ROOT / "data" / "beats" / "module.toml").read_text(encoding="utf-8")


def test_every_output_shown_belongs_to_an_example():
    shown = re.findall(r"<!-- output(?:, \d+ lines)?: (.+?) -->", README)
    lines = {line.partition("  #")[0] for line in SHELL}
    assert shown
    assert set(shown) <= lines
