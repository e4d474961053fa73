import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from musicvae.model.imports.writing import TensorFile

TENSORS = {
    "vae.b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "vae.a.10": np.array([1.5], np.float32),
    "vae.a.9": np.linspace(-1, 1, 77, dtype=np.float32).reshape(7, 11).T,
}
SHAPES = {name: values.shape for name, values in TENSORS.items()}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_bytes_are_those_of_the_safetensors_package(tmp_path, dtype):
    path = tmp_path / "x.safetensors"
    with TensorFile(path, SHAPES, dtype=dtype, metadata={"musicvae": '{"ü": "\\"x\\""}'}) as file:
        for name in reversed(TENSORS):
            file.put(name, TENSORS[name])
    typed = {name: np.ascontiguousarray(values.astype(dtype)) for name, values in TENSORS.items()}
    assert path.read_bytes() == save(typed, {"musicvae": '{"ü": "\\"x\\""}'})
    with safe_open(path, framework="numpy") as read:
        np.testing.assert_array_equal(read.get_tensor("vae.a.9"), typed["vae.a.9"])


def test_a_tensor_of_another_shape_or_never_written(tmp_path):
    with (
        pytest.raises(ValueError, match=r"vae\.b has shape \(3, 2\), announced was \(2, 3\)"),
        TensorFile(tmp_path / "x", SHAPES, dtype="float32", metadata={}) as file,
    ):
        file.put("vae.b", TENSORS["vae.b"].T)
    with (
        pytest.raises(ValueError, match=r"2 tensors were never written, such as vae\.a\.10"),
        TensorFile(tmp_path / "x", SHAPES, dtype="float32", metadata={}) as file,
    ):
        file.put("vae.b", TENSORS["vae.b"])
