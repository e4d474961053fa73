"""Damaged and hostile files: one clear error, little memory, nothing left behind; never another exception."""

import json
import shutil
import tarfile
import tracemalloc
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model.imports.maker import tiny, variables, write_checkpoint, write_magenta_js
from model.imports.test_importing import spec_of

from musicvae.model.imports.importing import import_model

PRESET = "cat-mel_2bar_small"
FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOST_BYTES = 8 << 20


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A checkpoint, the same in an archive, and a magenta.js folder, all whole."""
    place = tmp_path_factory.mktemp("whole")
    tensors = variables(tiny(PRESET, encoder_sizes=(2,), decoder_sizes=(2,)))
    write_checkpoint(place / "tf", tensors, shards=2, block_entries=5, compress=True)
    with tarfile.open(place / "tf.tar", "w") as archive:
        archive.add(place / "tf", "tf")
    write_magenta_js(place / "js", tensors, spec_of(PRESET), kind="uint8", shard_bytes=1000)
    return place


@contextmanager
def bounded():
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def tried(source, place):
    """Import, and be content with success or with one clear error."""
    out = place / "out"
    out.mkdir()
    try:
        with bounded():
            import_model(source, out / "model.safetensors", preset=PRESET)
    except (ValueError, FileNotFoundError) as error:
        text = str(error)
        assert len(text) > 20, text
        assert not list(out.iterdir())


def damage(draw, data):
    """Flip, overwrite, cut, repeat or insert some bytes."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from("fwcri")):
            case "f" if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "w":
                patch = draw(st.sampled_from([b"\xff" * 8, b"\x80" * 9, bytes(8), b"\x7f" * 4]) | st.binary(max_size=12))
                data[place : place + len(patch)] = patch
            case "c":
                del data[place:]
            case "r":
                data[place:place] = data[place : place + 64]
            case "i":
                data[place:place] = draw(st.binary(max_size=20))
    return bytes(data)


@pytest.mark.parametrize(
    "name", ["tf/model.ckpt.index", "tf/model.ckpt.data-00001-of-00002", "tf.tar", "js/weights_manifest.json", "js/config.json"]
)
def test_damaged_bytes(sources, tmp_path_factory, name):
    @FEW
    @given(st.data())
    def check(data):
        place = tmp_path_factory.mktemp("damaged")
        folder, _, file = name.rpartition("/")
        if folder:
            shutil.copytree(sources / folder, place / folder)
        (place / name).write_bytes(damage(data.draw, (sources / name).read_bytes()))
        tried(place / (folder or file), place)
        shutil.rmtree(place)

    check()


@pytest.mark.parametrize("name", ["js/weights_manifest.json", "js/config.json"])
def test_descriptions_with_other_values(sources, tmp_path_factory, name):
    """Somewhere in the JSON stands something else of any type, or nothing."""
    whole = json.loads((sources / name).read_text(encoding="utf-8"))
    odd = st.sampled_from([None, True, -1, 0, 1.5, 1 << 80, "", "x", [], [[]], {}, {"dtype": "uint8"}, float("inf")])

    def change(draw, value):
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
        if not len(keys) or draw(st.integers(0, 4)) == 0:
            return draw(odd)
        key = draw(st.sampled_from(list(keys)))
        changed = dict(value) if isinstance(value, dict) else list(value)
        changed[key] = change(draw, value[key])
        return changed

    @FEW
    @given(st.data())
    def check(data):
        place = tmp_path_factory.mktemp("odd")
        shutil.copytree(sources / "js", place / "js")
        (place / name).write_text(json.dumps(change(data.draw, whole)), encoding="utf-8")
        tried(place / "js", place)
        shutil.rmtree(place)

    check()


def test_whole_files_are_imported(sources, tmp_path):
    for name in ("tf", "tf.tar", "js"):
        import_model(sources / name, tmp_path / f"{name}.safetensors", preset=PRESET)
    first, second = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("tf", "tf.tar"))
    assert first == second
