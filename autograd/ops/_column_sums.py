"""Sums of the columns of a matrix: BLAS adds up rows in half the time of NumPy."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import dtypes

__all__ = ["column_means", "column_sums", "ones", "sums_in_pieces"]

FEW = 1 << 15
"""Up to so many ones are kept for the next time; up to so many rows are added up one by one."""
_PIECE = 256


def ones(n: int, dtype: Any) -> Any:
    """``n`` ones, which nobody may overwrite."""
    return np.ones(n, dtype) if n > FEW else _few_ones(n, dtype)


@functools.lru_cache(maxsize=64)
def _few_ones(n: int, dtype: Any) -> Any:
    return _kept(np.ones(n, dtype))


@functools.lru_cache(maxsize=64)
def _few_shares(n: int, dtype: Any) -> Any:
    return _kept(np.full(n, 1 / n, dtype))


def _kept(array: Any) -> Any:
    array.flags.writeable = False
    return array


def column_sums(x: Any) -> Any:
    """The sums over all dimensions but the last. ``x``: an array or a Tensor of at least two dimensions."""
    if x.dtype != dtypes.float32 and x.dtype != dtypes.float64:  # an unpickled dtype is not the same object
        return np.add.reduce(x, tuple(range(x.ndim - 1)))
    if x.ndim > 2:
        x = np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    rows = x.shape[0]
    if rows <= FEW:
        return np.matmul(_few_ones(rows, x.dtype), x)
    whole = rows // _PIECE * _PIECE
    pieces = np.reshape(x[:whole], (rows // _PIECE, _PIECE, x.shape[1]))
    sums = np.add.reduce(np.matmul(_few_ones(_PIECE, x.dtype), pieces), 0)
    return sums if whole == rows else sums + np.matmul(_few_ones(rows - whole, x.dtype), x[whole:])


def sums_in_pieces(x: Any, dim: int) -> Any:
    """The sums along ``dim``, kept as 1, of many rows of an array in C order: one by one they would lose digits."""
    n = x.shape[dim]
    lines = x.reshape(math.prod(x.shape[:dim]), n, math.prod(x.shape[dim + 1 :]))
    whole = n // _PIECE * _PIECE
    parts = lines[:, :whole].reshape(len(lines), n // _PIECE, _PIECE, lines.shape[2])
    total = np.add.reduce(np.matmul(ones(_PIECE, x.dtype), parts), 1, np.float64)
    total += np.matmul(ones(n - whole, x.dtype), lines[:, whole:])
    return total.astype(x.dtype).reshape(*x.shape[:dim], 1, *x.shape[dim + 1 :])


def column_means(x: Any) -> Any:
    """The means of the columns of a matrix with few rows, of at least single precision."""
    return np.matmul(_few_shares(x.shape[0], x.dtype), x)
