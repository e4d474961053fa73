import json

import numpy as np
import pytest
from model.imports.maker import write_magenta_js

from musicvae.model.imports.files import open_files
from musicvae.model.imports.magentajs import Manifest


@pytest.fixture
def tensors():
    rng = np.random.default_rng(5)
    return {f"a/{n}": rng.normal(0, 2, shape).astype(np.float32) for n, shape in enumerate([(5,), (3, 4), (2, 1, 3), (40, 70), (1,)])}


def opened(folder):
    with open_files(folder) as files:
        return Manifest(files)


def changed(folder, **changes):
    """Rewrite keys of the first tensor's entry; None removes one."""
    path = folder / "weights_manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    entry = manifest[0]["weights"][0]
    entry.update(changes)
    for key in [key for key, value in changes.items() if value is None]:
        del entry[key]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", [None, "uint8", "uint16", "float16"])
@pytest.mark.parametrize("layout", [{}, {"shard_bytes": 999}, {"groups": 3, "shard_bytes": 64}])
def test_every_packing_and_layout(tmp_path, tensors, kind, layout):
    expected = write_magenta_js(tmp_path, tensors, None, kind=kind, **layout)
    manifest = opened(tmp_path)
    assert manifest.shapes == {name: values.shape for name, values in tensors.items()}
    assert manifest.story["quantised"] == (kind or "no")
    for name, values in expected.items():
        read = manifest.read(name)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, values)


def test_names_with_an_output_number_and_a_counter(tmp_path):
    write_magenta_js(tmp_path, {"w:0": np.ones(2, np.float32)}, None)
    assert dict(opened(tmp_path).shapes) == {"w": (2,)}


def test_a_shard_that_is_missing_or_cut_short(tmp_path, tensors):
    write_magenta_js(tmp_path, tensors, None, shard_bytes=5000)
    last = sorted(tmp_path.glob("group1-shard*"))[-1]
    last.write_bytes(last.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"a/3 lies beyond the end of the shards of group 1 \(\d+ bytes\)"):
        opened(tmp_path)
    last.unlink()
    with pytest.raises(FileNotFoundError, match=f"{last.name} is missing in"):
        opened(tmp_path)
    last.write_bytes(bytes(10_000))
    with pytest.raises(ValueError, match="does the manifest belong to them"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "a tensor of group 1 has no 'name'"),
        ({"shape": None}, "a/0 has no 'shape'"),
        ({"shape": [5.0]}, "shape of a/0 is no list of whole numbers"),
        ({"shape": "5"}, "the shape of a/0 is no list"),
        ({"shape": [-5]}, "no tensor has the shape"),
        ({"shape": [1 << 50]}, "a/0 lies beyond the end"),
        ({"dtype": "int32"}, "a/0 holds numbers of type 'int32'"),
        ({"dtype": ["float32"]}, "the dtype of a/0 is no text"),
        ({"name": "a/1"}, "lists a/1 twice"),
        ({"quantization": {"dtype": "uint4", "min": 0, "scale": 1}}, "a/0 is quantised to 'uint4'; known are uint8, uint16, float16"),
        ({"quantization": {"dtype": "uint8", "min": 0}}, "the quantisation of a/0 has no 'scale'"),
        ({"quantization": {"dtype": "uint8", "min": 0, "scale": "1"}}, "the scale of a/0 is no number but '1'"),
        ({"quantization": {"dtype": "uint8", "min": float("inf"), "scale": 1}}, "the min of a/0 is no number but inf"),
        ({"quantization": 8}, "the quantisation of a/0 has no 'dtype'"),
    ],
)
def test_manifests_that_cannot_be(tmp_path, tensors, changes, message):
    write_magenta_js(tmp_path, tensors, None)
    with pytest.raises(ValueError, match=message):
        opened(changed(tmp_path, **changes))


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/b", "", "..", "a\\b", 7, None])
def test_shards_lie_beside_the_manifest(tmp_path, path):
    (tmp_path / "weights_manifest.json").write_text(json.dumps([{"paths": [path], "weights": []}]), encoding="utf-8")
    with pytest.raises(ValueError, match="shards lie beside it, under plain names"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"), ("7", "the manifest is no list"), ("[7]", "group 1 has no 'paths'"), ('[{"paths": []}]', "has no 'weights'"),
        ("[" * 100_000, "is no JSON"), ('[{"paths": [], "weights": [[]]}]', "a tensor of group 1 has no 'name'"), ("\ud800", "is no JSON"),
    ],
)  # fmt: skip
def test_files_that_are_no_manifest(tmp_path, text, message):
    (tmp_path / "weights_manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=message):
        opened(tmp_path)
