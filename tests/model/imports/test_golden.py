"""Held to what the original program computed, by the script that a user would run."""

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from model.imports.maker import tiny, variables, write_checkpoint
from model.published.oracle import Oracle

from musicvae.model.published.presets import PUBLISHED

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


# -- configurations that are not kept, against plain loops over the published variables

BARS = {"flat-mel_16bar": 2, "hierdec-mel_16bar": 2, "hier-mel_16bar": 2, "flat-trio_16bar": 2, "hierdec-trio_16bar": 2,
        "hier-trio_16bar": 2, "groovae_4bar": 1}  # fmt: skip


def one_hot(config, rng, n):
    """Random frames (n, T, D) as the network's decoder writes them; a few are missing."""
    shape = (n, config.steps)
    if config.head == "nade":
        return rng.integers(0, 2, (*shape, *config.outputs)).astype(np.float32)
    if config.head == "groove":
        parts = rng.integers(0, 2, (*shape, 9)), rng.random((*shape, 9)), rng.uniform(-1, 1, (*shape, 9))
        return np.concatenate(parts, -1).astype(np.float32)
    there = rng.random((*shape, 1)) > 0.05
    return np.concatenate([np.eye(width)[rng.integers(0, width, shape)] * there for width in config.outputs], -1).astype(np.uint8)


# One of each kind of part in every run; the others are combinations of the same.
KINDS = {"cat-mel_2bar_med_chords", "cat-drums_2bar_small", "nade-drums_2bar_full", "flat-trio_16bar", "hierdec-mel_16bar",
         "hier-trio_16bar", "hier-multiperf_vel_1bar_med_chords", "groovae_2bar_hits_control_tfds"}  # fmt: skip
CHOSEN = [pytest.param(name, marks=() if name in KINDS else pytest.mark.slow) for name in PUBLISHED]


@pytest.mark.parametrize("preset", CHOSEN)
def test_every_configuration_is_what_plain_loops_make_of_its_variables(preset, run, tmp_path):
    config = tiny(preset)
    if preset in BARS:
        bars = BARS[preset]
        levels = (16, bars) if config.encoder_levels else ()
        config = replace(config, steps=16 * bars, segments=bars if config.segments > 1 else 1, encoder_levels=levels)
    rng, n = np.random.default_rng(1), 2
    tensors = variables(config)
    names = {field.name for field in fields(Oracle)} - {"variables"}
    oracle = Oracle({name: x.astype(np.float64) for name, x in tensors.items()}, **{name: getattr(config, name) for name in names})
    x, y = rng.integers(0, 2, (n, config.steps, config.input_depth)), one_hot(config, rng, n)
    z = rng.normal(size=(n, config.z_size)).astype(np.float32)
    controls = rng.integers(0, 2, (n, config.steps, config.control_depth)) if config.control_depth else [None] * n
    codes = [oracle.encode(x[k], controls[k]) for k in range(n)]
    outputs = [oracle.decode(z[k].astype(np.float64), y[k].astype(np.float64), controls[k]) for k in range(n)]
    widths = np.cumsum(config.outputs)[:-1] if config.separate else []
    parts = [zip(outputs[k], np.split(y[k], widths, -1), strict=True) for k in range(n)]
    losses = [sum(oracle.loss(out[t], frames[t]) for out, frames in cores for t in range(config.steps)) for cores in parts]
    stored = {"x": x, "y": y, "z": z, "mu": [mu for mu, _ in codes], "sigma": [sigma for _, sigma in codes], "r_loss": losses,
              "teacher_logits": [np.concatenate(out, -1) for out in outputs]}  # fmt: skip
    np.savez(tmp_path / "expected.npz", **stored, **({"controls": controls} if config.control_depth else {}))
    prefix = write_checkpoint(tmp_path, tensors)
    given = ("--bars", BARS[preset]) if preset in BARS else ()
    code, out, err = run(prefix, "--preset", preset, *given, "--expected", tmp_path / "expected.npz", "--precision", "float64")
    assert code == 0, out + err
    assert "teacher_logits" in out
