"""The oracle is numpy in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from musicvae.model import products
from musicvae.model.products import Packed, product


def _random(*shape: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32))


X, WEIGHT, BIAS, ADD = _random(37, 24), _random(40, 24), _random(40), _random(37, 40)
EXPECTED = X.double().numpy() @ WEIGHT.double().numpy().T


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_are_right(dtype: torch.dtype) -> None:
    x, weight, bias, add = (a.to(dtype) for a in (X, WEIGHT, BIAS, ADD))
    np.testing.assert_allclose(product(x, weight), EXPECTED, atol=1e-5)
    np.testing.assert_allclose(product(x, weight, bias, add=add), EXPECTED + BIAS.numpy() + ADD.numpy(), atol=1e-5)
    np.testing.assert_allclose(Packed(weight, bias)(x, add), EXPECTED + BIAS.numpy() + ADD.numpy(), atol=1e-5)
    np.testing.assert_allclose(Packed(weight)(x[:1]), EXPECTED[:1], atol=1e-5)


def test_any_shape_of_rows_and_any_layout_of_weights_will_do() -> None:
    np.testing.assert_allclose(product(X.view(1, 37, 1, 24), WEIGHT).view(37, 40), EXPECTED, atol=1e-5)
    np.testing.assert_allclose(product(X[0], WEIGHT), EXPECTED[0], atol=1e-5)
    np.testing.assert_allclose(product(X, WEIGHT.t().contiguous().t()), EXPECTED, atol=1e-5)
    np.testing.assert_allclose(product(X.t().contiguous().t(), WEIGHT), EXPECTED, atol=1e-5)
    assert product(X[:0], WEIGHT).shape == (0, 40)


def test_gradients_pass() -> None:
    weight = WEIGHT.clone().requires_grad_()
    product(X, weight, add=ADD).sum().backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, X.sum(0).expand_as(weight))


@pytest.mark.skipif(not products._WIDE, reason="the usual product, whose last bits depend on the number of rows")
@pytest.mark.parametrize("rows", [1, 2, 16, 36])
def test_a_row_s_product_depends_on_that_row_alone(rows: int) -> None:
    for multiply in (lambda x, add: product(x, WEIGHT, BIAS, add=add), Packed(WEIGHT, BIAS)):
        assert torch.equal(multiply(X[1 : 1 + rows], ADD[1 : 1 + rows]), multiply(X, ADD)[1 : 1 + rows])


@pytest.mark.parametrize("trouble", [RuntimeError("no such overload"), TypeError("wrong arguments"), AttributeError("gone")])
def test_names_of_torch_that_no_longer_work_are_left_alone(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> torch.Tensor:
        raise trouble

    monkeypatch.setattr(products, "_wide", fails)
    assert not products._works()
    monkeypatch.setattr(products, "_wide", lambda x, *_: x)  # answers, but wrongly
    assert not products._works()


@pytest.mark.skipif(not products._WIDE, reason="this processor or torch has no wide products")
@pytest.mark.parametrize("weight", [WEIGHT, WEIGHT.t().contiguous().t(), torch.cat([WEIGHT, WEIGHT], 1)[:, :24]])
def test_no_part_of_a_wider_matrix_is_multiplied_where_it_lies(weight: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """For such a part oneDNN falls back to plain loops, hundreds of times slower."""
    seen, wide = [], products._wide
    monkeypatch.setattr(products, "_wide", lambda x, w, *rest: seen.append(w) or wide(x, w, *rest))
    np.testing.assert_allclose(product(X.t().contiguous().t(), weight).numpy(), EXPECTED, rtol=1e-5, atol=1e-5)
    assert all(w.is_contiguous() or w.t().is_contiguous() for w in seen)
    assert seen
