"""What the conversions mean, beside the shapes and places that the tests of whole imports hold: one step of a cell in both forms."""

import numpy as np
import pytest

from musicvae.model.imports.layout import _cell, _dense


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(("inputs", "size", "idle"), [(5, 3, 0), (600, 520, 0), (0, 4, 1)])
def test_a_cell_computes_the_same_in_both_forms(inputs, size, idle):
    rng = np.random.default_rng(size)
    kernel, bias = rng.normal(size=(inputs + idle + size, 4 * size)).astype(np.float32), rng.normal(size=4 * size).astype(np.float32)
    x, h, c = rng.normal(size=inputs), rng.normal(size=size), rng.normal(size=size)
    # as published: columns input, candidate, forget, output; 1 added to the forget gate
    i, j, f, o = np.split(np.concatenate([x, np.zeros(idle), h]) @ kernel + bias, 4)
    expected_c = c * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
    expected_h = sigmoid(o) * np.tanh(expected_c)
    made = {}
    for move in _cell("source/", "cell", inputs, size, idle):
        values = move.convert({"source/kernel": kernel, "source/bias": bias}[move.source])
        made |= {name: part for (name, shape), part in zip(move.targets, values, strict=True) if part.shape == shape}
    # as kept here
    gates = made["cell.weight_rec"] @ h + made["cell.bias"] + (made["cell.weight_in"] @ x if inputs else 0)
    i, f, j, o = np.split(gates, 4)
    got_c = c * sigmoid(f) + sigmoid(i) * np.tanh(j)
    np.testing.assert_allclose(got_c, expected_c, atol=1e-4)
    np.testing.assert_allclose(sigmoid(o) * np.tanh(got_c), expected_h, atol=1e-4)
    assert ("cell.weight_in" in made) == bool(inputs)


def test_conversions_leave_what_was_read_as_it_is():
    rng = np.random.default_rng(0)
    for move in (*_cell("a/", "b", 3, 2), *_dense("c", "d", 700, 600)):
        values = rng.normal(size=move.shape).astype(np.float32)
        before = values.copy()
        move.convert(values)
        np.testing.assert_array_equal(values, before)
