"""Held to what the original program computed, by the script that a user would run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
GOLDEN = sorted(path.parent for path in (ROOT / "tests" / "golden" / "published").glob("*/expected.npz"))
SCRIPT = ROOT / "scripts" / "verify_import.py"


@pytest.fixture(scope="module")
def verify():
    """The script as a module, so that torch is imported once."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("verify_import", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(verify, monkeypatch, capsys):
    """Run the script: exit code, standard output, standard error."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["verify_import.py", *map(str, words)])
        code = verify.main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_there_is_something_to_be_held_to():
    assert {path.name for path in GOLDEN} >= {"groovae_2bar_humanize", "cat-mel_2bar_med_chords", "hier-mel_16bar"}


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: path.name)
def test_the_original_is_reproduced(folder, precision, run):
    words = (folder, "--preset", folder.name, "--expected", folder / "expected.npz", "--precision", precision)
    code, out, _ = run(*words, "--tolerance", "2e-6")
    assert code == 0, out
    assert "0 differ" in out


@pytest.mark.parametrize("name", ["mu", "sigma", "r_loss", "teacher_logits"])
def test_a_difference_is_seen(name, run, tmp_path):
    folder = GOLDEN[0]
    with np.load(folder / "expected.npz") as file:
        stored = dict(file)
    stored[name] = stored[name].copy()
    stored[name].flat[-1] += 1e-3 * max(1, abs(stored[name].flat[-1]))
    np.savez(tmp_path / "changed.npz", **stored)
    code, out, _ = run(folder, "--preset", folder.name, "--expected", tmp_path / "changed.npz")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines() if "above" in line] == [name]


def test_a_decision_that_differs_is_seen(run, tmp_path):
    folder = next(path for path in GOLDEN if path.name.startswith("cat-mel"))
    with np.load(folder / "expected.npz") as file:
        stored = dict(file)
    stored["greedy"] = np.roll(stored["greedy"], 1, axis=-1)
    np.savez(tmp_path / "changed.npz", **stored)
    code, out, _ = run(folder, "--preset", folder.name, "--expected", tmp_path / "changed.npz")
    assert code == 1
    assert "greedy" in next(line for line in out.splitlines() if "above" in line)


def test_arrays_of_another_network_are_one_line(run, tmp_path):
    folder, other = GOLDEN[:2]
    code, _, err = run(folder, "--preset", folder.name, "--expected", other / "expected.npz")
    assert code == 2
    assert err.count("\n") == 1
    assert "has shape" in err or "controls" in err
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04")
    code, _, err = run(folder, "--preset", folder.name, "--expected", tmp_path / "broken.npz")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.slow
def test_the_script_runs_by_itself():
    folder = GOLDEN[0]
    words = [sys.executable, str(SCRIPT), str(folder), "--preset", folder.name, "--expected", str(folder / "expected.npz")]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
