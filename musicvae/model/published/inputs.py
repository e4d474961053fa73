"""Inputs that are 1 in few places: named by their places, looked up, or written out."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dense_rows", "look_up"]


def look_up(weight: Tensor, rows: Tensor) -> Tensor:
    """What inputs that are 1 at the places `rows` (M, K), -1 for none, give by weights (W, D): sums (M, W)."""
    columns = weight.index_select(1, rows.clamp(min=0).flatten()).view(len(weight), *rows.shape)
    return (columns * (rows >= 0)).sum(-1).t()


def dense_rows(rows: Tensor, depth: int, dtype: torch.dtype) -> Tensor:
    """Integers (..., K), -1 for none, as zeros and ones (..., depth); floats as they are."""
    if rows.is_floating_point():
        return rows.to(dtype)
    dense = torch.zeros(*rows.shape[:-1], depth + 1, dtype=dtype, device=rows.device)
    return dense.scatter_(-1, torch.where(rows < 0, depth, rows), 1.0)[..., :depth]
