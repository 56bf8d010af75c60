"""Matrix products shared out over threads: of many small matrices, or of two large ones.

OpenBLAS shares out one product at a time, over its own threads. Where each is small they wait for each other more than
they compute; where other work is shared out over ours, they are in each other's way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .threads import get_num_threads, shared

__all__ = ["SOME", "are_some", "divided", "is_thin", "large_product", "many_products"]

SOME = 1 << 16
"""Elements of matrices of which there may be enough for several threads."""
SMALL = 1 << 21
"""Multiplications in a product, at most: larger ones BLAS shares out better."""
MUCH = 1 << 25
"""Multiplications in all, at least: less is done before another thread wakes up."""
PARTS = 8
"""Into so many parts they are divided: two threads that are not equally fast take the next one when they are ready."""
EVEN = 64
"""Rows or columns of a part of one product are a multiple of this: BLAS computes those left over in another order."""
THIN = 16
"""Rows, or columns, of a product that is thin, at most."""
FITS = 10**6
"""Multiplications in a part of a thin product, at most: OpenBLAS has a way for these that takes half the time."""


def are_some(shape: tuple[int, ...]) -> bool:
    """Whether it pays to ask whether the products of matrices of this shape are to be shared out."""
    return len(shape) > 2 and math.prod(shape) >= SOME


def many_products(x: Any, y: Any, out: Any = None) -> Any:
    """``np.matmul(x, y, out=out)``, of arrays of any class; large plain ones are shared out along a dimension of both.

    What it raises for shapes that do not fit is NumPy's.
    """
    dim = divided(x, y)
    if dim is None:
        return np.matmul(x, y, out=out) if out is not None else np.matmul(x, y)
    if out is None:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        out = np.empty((*batch, x.shape[-2], y.shape[-1]), x.dtype)
    count = x.shape[dim]
    parts = [(slice(None),) * dim + (slice(i * count // PARTS, (i + 1) * count // PARTS),) for i in range(PARTS)]
    shared(parts, lambda: lambda part: np.matmul(x[part], y[part], out=out[part]))
    return out


def divided(x: Any, y: Any) -> int | None:
    """The dimension along which the products of two arrays are divided; None if they are not."""
    if not (type(x) is type(y) is np.ndarray and x.ndim == y.ndim > 2 and x.dtype == y.dtype):
        return None
    k, m = x.shape[-1], y.shape[-1]
    if x.size * m < MUCH or x.shape[-2] * k * m > SMALL or y.shape[-2] != k or x.dtype.char not in "fdFD":
        return None
    if get_num_threads() < 2:
        return None
    for dim, (count, other) in enumerate(zip(x.shape[:-2], y.shape[:-2], strict=True)):
        if count == other >= PARTS:
            return dim
        if count != other:
            return None
    return None


def is_thin(rows: int, inner: int, columns: int) -> bool:
    """Whether a product of two matrices has few rows or columns, and takes less time in parts than as a whole."""
    few = min(rows, columns)
    return few <= THIN < inner and EVEN * inner * few <= FITS < rows * inner * columns


def large_product(x: Any, y: Any, out: Any = None) -> Any:
    """``np.matmul(x, y, out=out)`` of two large plain matrices, of which each thread computes some rows or columns.

    Of a thin product the calling thread computes all, part by part.
    """
    out = np.empty((x.shape[0], y.shape[1]), x.dtype) if out is None else out
    dim = int(out.shape[0] < out.shape[1])
    length = out.shape[dim]

    def work(part: slice) -> None:
        if dim:
            np.matmul(x, y[:, part], out=out[:, part])
        else:
            np.matmul(x[part], y, out=out[part])

    if is_thin(x.shape[0], x.shape[1], y.shape[1]):
        step = FITS // (x.shape[1] * out.shape[1 - dim]) // EVEN * EVEN
        for first in range(0, length, step):
            work(slice(first, first + step))
        return out
    step = -(-length // get_num_threads() // EVEN) * EVEN
    shared([slice(first, first + step) for first in range(0, length, step)], lambda: work, long=True)
    return out
