import json
import pickle
from dataclasses import fields, replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune
from hypothesis import HealthCheck, given, settings
from strategies import melodies

from musicvae.compose.code import Code
from musicvae.compose.coding import encode
from musicvae.compose.windows import Window

ENGINE = FakeEngine()


def equal(a, b):
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Code) if f.name != "notices"]
    return all(np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y for x, y in pairs)


def rewritten(path, tmp_path, **changes):
    """A copy of the file with arrays, or entries of its JSON text, replaced."""
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value
        else:
            about[name] = value
    if "about" not in changes:
        arrays["about"] = np.array(json.dumps(about))
    np.savez(tmp_path / "changed.npz", **arrays)
    return tmp_path / "changed.npz"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(melodies(max_bars=20))
def test_a_code_survives_the_disk(tmp_path, melody):
    code = encode(ENGINE, melody)
    assert equal(Code.load(code.save(tmp_path / "x.npz", force=True)), code)


def test_the_same_code_is_the_same_file(tmp_path):
    code = encode(ENGINE, tune(1))
    assert code.save(tmp_path / "a.npz").read_bytes() == code.save(tmp_path / "b.npz").read_bytes()
    with pytest.raises(FileExistsError, match="force"):
        code.save(tmp_path / "a.npz")


def test_arrays_cannot_be_written_to():
    mu = np.zeros((1, 516))
    code = replace(encode(ENGINE, tune(1)), mu=mu)
    mu[0, 0] = 1
    assert code.mu[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        code.mu[0, 0] = 1


@pytest.mark.parametrize("content", [b"", b"MThd", b"PK\3\4 but no zip", pickle.dumps([1])])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz is no code of a melody, or is damaged"):
        Code.load(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = encode(ENGINE, tune(1)).save(tmp_path / "x.npz")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ValueError, match="no code of a melody, or is damaged"):
        Code.load(path)


def test_nothing_in_a_file_is_executed(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, mu=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="no code of a melody"):
        Code.load(path)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Code.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mu": np.full((1, 516), np.nan)}, "mu and sigma must be finite"),
        ({"mu": np.zeros((2, 516))}, r"mu \(2, 516\) and sigma \(1, 516\) do not fit"),
        ({"mu": np.zeros((1, 516), int)}, "mu is of type int64"),
        ({"sigma": np.zeros((1, 516))}, "sigma above 0"),
        ({"bars": np.array([15])}, "16 bars of 4/4 do not fit windows that end at model bar 15"),
        ({"bars": np.array([8, 8])}, "do not fit 2 windows"),
        ({"bars": np.array([], int)}, "do not fit"),
        ({"held": np.array([], bool)}, "do not fit 1 windows"),
        ({"played": np.array([[0, 1, 200]])}, "velocity 1 to 127"),
        ({"played": np.array([[4, 1, 90], [4, 1, 90]])}, "must be in order"),
        ({"meter": "5/4"}, "5/4"),
        ({"meter": 3}, "damaged code"),
        ({"num_bars": "16"}, "num_bars is '16'"),
        ({"tempo_qpm": 0}, "tempo 0 is outside"),
        ({"tempo_qpm": True}, "tempo True"),
        ({"key": "H major"}, "is no key"),
        ({"shift_semitones": 1000}, "shift 1000"),
        ({"program": 128}, "program 128"),
        ({"format": 2}, "written by a newer version"),
        ({"colour": "red"}, r"unknown fields \['colour'\]"),
    ],
)
def test_every_field_is_checked(tmp_path, changes, message):
    path = encode(ENGINE, tune(1)).save(tmp_path / "x.npz")
    with pytest.raises(ValueError, match=message):
        Code.load(rewritten(path, tmp_path, **changes))


def test_windows_must_follow_each_other():
    code = encode(ENGINE, tune(1))
    with pytest.raises(ValueError, match="windows must follow each other"):
        replace(code, windows=(Window(1, 15),))
