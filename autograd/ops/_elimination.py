"""Triangular systems and LU factors of batches: of all matrices at once where these are small, else by SciPy."""

from __future__ import annotations

import functools
import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.blas import in_one_thread_each
from ._foreign import foreign

__all__ = ["factorize", "substitute"]

_SMALL = 16
"""Up to this size, LAPACK's calls for single matrices cost more than what they compute ..."""
_SYSTEMS = 4
"""... if there are so many times more systems than each has rows,"""
_MATRICES = 128
"""or so many matrices to factorize."""
_LARGE = 512
"""From this size on one matrix is divided among threads."""


# ---- substitution ----------------------------------------------------------------------------------------------------


@foreign
def substitute(a: Any, b: Any, lower: bool, unitriangular: bool) -> Any:
    """The solutions of triangular systems; the other triangle, and with ``unitriangular`` the diagonal, is not read.

    Shape: ``(..., n, n), (..., n, k) -> (..., n, k)``; what stands before broadcasts.

    Raises: LinAlgError if a diagonal element is 0.
    """
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    n, k = b.shape[-2:]
    shape, dtype = (*batch, n, k), np.result_type(a, b)
    if not math.prod(shape):
        return np.zeros(shape, dtype)
    if not unitriangular and not np.all(np.diagonal(a, axis1=-2, axis2=-1)):
        raise np.linalg.LinAlgError("solve_triangular: singular matrix, an element of its diagonal is 0")
    if not batch:
        return _one_by_one(a[None], b[None], dtype, lower, unitriangular)[0]
    count = math.prod(batch)
    if math.prod(a.shape[:-2]) == 1:  # for all right-hand sides together
        columns = np.reshape(np.moveaxis(np.broadcast_to(b, shape), -2, 0), (n, count * k))
        out = _one_by_one(np.reshape(a, (1, n, n)), columns[None], dtype, lower, unitriangular)
        return np.ascontiguousarray(np.moveaxis(np.reshape(out, (n, *batch, k)), 0, -2))
    a, b = (np.reshape(np.broadcast_to(x, (*batch, *x.shape[-2:])), (count, *x.shape[-2:])) for x in (a, b))
    way = _all_at_once if n <= _SMALL and count >= _SYSTEMS * n else _one_by_one
    return np.reshape(way(a, b, dtype, lower, unitriangular), shape)


def _all_at_once(a: Any, b: Any, dtype: Any, lower: bool, unitriangular: bool) -> Any:
    """Row by row for all of the batch, which becomes the last dimension."""
    n = a.shape[-1]
    matrices, out = np.ascontiguousarray(np.moveaxis(a, 0, -1)), np.array(np.moveaxis(b, 0, -1), dtype, order="C")
    for i in range(n) if lower else range(n - 1, -1, -1):
        if not unitriangular:
            out[i] /= matrices[i, i]
        rest = slice(i + 1, n) if lower else slice(0, i)
        out[rest] -= np.expand_dims(matrices[rest, i], 1) * out[i]
    return np.ascontiguousarray(np.moveaxis(out, -1, 0))


def _one_by_one(a: Any, b: Any, dtype: Any, lower: bool, unitriangular: bool) -> Any:
    """Matrix by matrix, as BLAS sees them in its order of elements: transposed, ``out.T @ a.T = b.T``."""
    out, solve = np.array(b, dtype, order="C"), _solver(dtype)

    def solve_all() -> None:
        for matrix, columns in zip(np.asarray(a, dtype), out, strict=True):
            solve(1.0, matrix.T, columns.T, side=1, lower=not lower, diag=unitriangular, overwrite_b=1)

    in_one_thread_each(solve_all) if a.shape[-1] < _LARGE else solve_all()
    return out


@lru_cache
def _solver(dtype: Any) -> Any:
    from scipy.linalg import get_blas_funcs

    return get_blas_funcs("trsm", dtype=dtype)  # LAPACK's trtrs divides even the smallest systems among threads


# ---- LU --------------------------------------------------------------------------------------------------------------


@foreign
def factorize(a: Any) -> tuple[Any, Any, Any]:
    """``(rows, L, U)`` with ``a[..., i, :] = (L @ U)[..., rows[i], :]``: LU factors with partial pivoting.

    Shape: ``(..., n, m) -> (..., n), (..., n, k), (..., k, m)``, ``k`` the smaller of ``n`` and ``m``.
    """
    from scipy.linalg import lu

    batch, (rows, columns) = a.shape[:-2], a.shape[-2:]
    if not a.size:
        k = min(rows, columns)
        lower, upper = [np.broadcast_to(np.eye(*s, dtype=a.dtype), (*batch, *s)) for s in ((rows, k), (k, columns))]
        return np.broadcast_to(np.arange(rows), (*batch, rows)), lower, upper
    count = math.prod(batch)
    if max(rows, columns) > _SMALL or count < _MATRICES:
        factors = functools.partial(lu, a, check_finite=False, p_indices=True)
        return in_one_thread_each(factors) if max(rows, columns) < _LARGE else factors()
    found = _eliminated(np.reshape(a, (count, rows, columns)))
    return tuple([np.reshape(item, (*batch, *item.shape[1:])) for item in found])  # type: ignore[return-value]


def _eliminated(a: Any) -> tuple[Any, Any, Any]:
    """Column by column for all of the batch, which becomes the last dimension."""
    count, rows, columns = a.shape
    k, each = min(rows, columns), np.arange(count)
    rest, order = np.array(np.moveaxis(a, 0, -1), order="C"), np.tile(np.arange(rows)[:, None], count)
    for j in range(k):
        below = rest[j:, j]
        size = np.abs(below.real) + np.abs(below.imag) if a.dtype.kind == "c" else np.abs(below)  # as LAPACK measures
        pivot = np.argmax(size, 0) + j
        for item in (rest, order):
            item[pivot, ..., each], item[j] = np.moveaxis(item[j], -1, 0), np.moveaxis(item[pivot, ..., each], 0, -1)
        divisor = np.where(rest[j, j] == 0, 1, rest[j, j])  # below a pivot of 0 there are only zeros
        rest[j + 1 :, j] /= divisor
        rest[j + 1 :, j + 1 :] -= np.expand_dims(rest[j + 1 :, j], 1) * rest[j, j + 1 :]
    packed = np.moveaxis(rest, -1, 0)
    lower = np.tril(packed[:, :, :k], -1) + np.eye(rows, k, dtype=a.dtype)
    return np.argsort(order.T, axis=-1), lower, np.triu(packed[:, :k])
