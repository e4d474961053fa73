"""Products of rows with a weight matrix, by the fastest library that torch carries.

In single precision torch multiplies with MKL, which on processors that are not Intel's does without their widest instructions; oneDNN,
which torch has aboard as well, uses them: about 2.4 times as fast for hundreds of rows, and up to 7 times for 16 where the weights were
laid out for it beforehand. A row's product there does not depend on the other rows or on the number of threads, to the last bit.
Nothing here knows of gradients: with those, in other precisions or on other devices the usual product is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Packed", "product"]

_ROWS = 16  # what a layout is made for; others are served nearly as well
_NO_ACTIVATION: tuple[str, list[float], str] = ("none", [], "")


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, add: Tensor | None = None) -> Tensor:
    """Rows x (..., in) times weight (out, in), plus bias (out), plus add (..., out)."""
    if x.numel() and _is_plain(x, weight, bias, add):
        weight = _dense(weight)
        if x.numel() > x.shape[-1]:
            return _wide(x, weight, bias, add)
        # A single row would go another way, and come out otherwise in the last bits.
        twice = _wide(x.reshape(1, -1).expand(2, -1), weight, bias, None if add is None else add.reshape(1, -1).expand(2, -1))
        return twice[0].view(*x.shape[:-1], -1)
    result = F.linear(x, weight, bias)
    return result if add is None else result + add


class Packed:
    """A weight (out, in) and a bias (out) or none, laid out for many products with few rows; they must not change afterwards."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight, self._bias = weight.detach(), None if bias is None else bias.detach()
        self._is_packed = _WIDE and weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.bfloat16)
        if self._is_packed:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(self._weight.contiguous(), _ROWS)

    def __call__(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """Rows x (M, in) to (M, out), plus `add` (M, out); x has the weight's precision and carries no gradient."""
        if self._is_packed:
            return _wide(x, self._weight, self._bias, add)
        result = F.linear(x, self._weight, self._bias)
        return result if add is None else result.add_(add)


def _is_plain(*tensors: Tensor | None) -> bool:
    """Whether these are single precision on a CPU, outside of autograd and autocast."""
    given = [x for x in tensors if x is not None]
    if not _WIDE or torch.is_autocast_enabled("cpu") or any(x.dtype != torch.float32 or x.device.type != "cpu" for x in given):
        return False
    return not torch.is_grad_enabled() or not any(x.requires_grad for x in given)


def _dense(weight: Tensor) -> Tensor:
    """The weight, copied if it is a part of a wider one: for rows with gaps oneDNN has nothing but its slow reference."""
    return weight if weight.is_contiguous() or weight.t().is_contiguous() else weight.contiguous()


def _wide(x: Tensor, weight: Tensor, bias: Tensor | None, add: Tensor | None) -> Tensor:
    x = x.contiguous()
    if add is None:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, *_NO_ACTIVATION)
    else:
        result = torch.ops.mkldnn._linear_pointwise.binary(x, add, weight, bias, "add")
    return result


def _works() -> bool:
    """Whether oneDNN has the wide instructions, and the names under which torch keeps it, which are no promise, give right products."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch publishes no type
        return False
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    x, weight, bias = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0, 6.0], [7.0, 8.0]]), torch.tensor([9.0, 10.0])
    right = F.linear(x, weight, bias)
    try:
        with torch.inference_mode(False), torch.no_grad():
            packed = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
            tried = [_wide(x, w, bias, add) for w in (weight, packed) for add in (None, x)]
            return all(torch.equal(y, wanted) for y, wanted in zip(tried, [right, right + x] * 2, strict=True))
    except (AttributeError, RuntimeError, TypeError):
        return False


_WIDE = _works()
