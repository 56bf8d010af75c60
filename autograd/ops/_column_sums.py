"""Sums of the columns of a matrix: BLAS adds up rows in half the time of NumPy."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import dtypes
from ..engine.sums import PIECE, accumulation_dtype, kept_ones

__all__ = ["column_means", "column_sums"]

FEW = 1 << 15
"""Up to this many rows are added up one by one."""


@functools.lru_cache(maxsize=64)
def _few_shares(n: int, dtype: Any) -> Any:
    array = np.full(n, 1 / n, dtype)
    array.flags.writeable = False
    return array


def column_sums(x: Any) -> Any:
    """The sums over all dimensions but the last. ``x``: an array or a Tensor of at least two dimensions."""
    if x.dtype != dtypes.float32 and x.dtype != dtypes.float64:  # an unpickled dtype is not the same object
        return np.add.reduce(x, tuple(range(x.ndim - 1)), accumulation_dtype(x.dtype))
    if x.ndim > 2:
        x = np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    rows = x.shape[0]
    if rows <= FEW:
        return np.matmul(kept_ones(rows, x.dtype), x)
    whole = rows // PIECE * PIECE
    pieces = np.reshape(x[:whole], (rows // PIECE, PIECE, x.shape[1]))
    sums = np.add.reduce(np.matmul(kept_ones(PIECE, x.dtype), pieces), 0)
    return sums if whole == rows else sums + np.matmul(kept_ones(rows - whole, x.dtype), x[whole:])


def column_means(x: Any) -> Any:
    """The means of the columns of a matrix with few rows, of at least single precision."""
    return np.matmul(_few_shares(x.shape[0], x.dtype), x)
