"""Inverses, determinants and solutions of many small matrices: of all of a batch at once, where LAPACK goes one by one.

In double precision, as NumPy computes them of single precision too. What has a singular matrix in it, or one that is
not finite, is left to NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import in_blocks
from ._foreign import foreign

__all__ = ["determinants", "inverses", "log_determinants", "solutions"]

_LARGEST = 6
"""Up to this size, LAPACK's calls for single matrices cost more than what they compute ..."""
_MANY = 512
"""... if there are at least so many of them,"""
_MORE = 1024
"""or so many for whose determinants one asks."""
_AT_ONCE = 1 << 19
"""So many elements of matrices and right-hand sides make a block, about: fewer, and threads wait for each other."""


def inverses(a: Any) -> Any:
    """``np.linalg.inv``."""
    return _inverses(a) if _suits(a) else np.linalg.inv(a)


def solutions(a: Any, b: Any) -> Any:
    """``np.linalg.solve``, where ``b`` are matrices."""
    same = a.shape[:-2] == b.shape[:-2] and a.dtype == b.dtype and 0 < b.shape[-1] <= _LARGEST
    return _solutions(a, b) if same and _suits(a) and isinstance(b, np.ndarray) else np.linalg.solve(a, b)


def determinants(a: Any) -> Any:
    """``np.linalg.det``."""
    return _determinants(a) if _suits(a, _MORE) else np.linalg.det(a)


def log_determinants(a: Any) -> tuple[Any, Any]:
    """``np.linalg.slogdet``."""
    return _log_determinants(a) if _suits(a, _MORE) else np.linalg.slogdet(a)


def _suits(a: Any, many: int = _MANY) -> bool:
    if not isinstance(a, np.ndarray) or a.dtype.char not in "fdFD":
        return False
    return 1 < a.shape[-1] <= _LARGEST and math.prod(a.shape[:-2]) >= many


@foreign
def _inverses(a: Any) -> Any:
    found = _solved(a, None)
    return np.linalg.inv(a) if found is None else found


@foreign
def _solutions(a: Any, b: Any) -> Any:
    found = _solved(a, b)
    return np.linalg.solve(a, b) if found is None else found


@np.errstate(all="ignore")
def _solved(a: Any, b: Any) -> Any:
    """The solutions for ``b``, or if that is None for the unit matrix; None if they are not all finite."""
    n, k = a.shape[-1], a.shape[-1] if b is None else b.shape[-1]
    matrices = a.reshape(-1, n, n)
    right = None if b is None else b.reshape(-1, n, k)
    out = np.empty((len(matrices), n, k), a.dtype)
    failed: list[bool] = []

    def work(block: slice) -> None:
        if failed:
            return
        rows = _rows(matrices[block], k)
        if right is None:
            rows[range(n), range(n, n + k)] = 1
        else:
            rows[:, n:] = np.moveaxis(right[block], 0, -1)
        _eliminate(rows, n)
        _substitute(rows, n)
        found = rows[:, n:]
        out[block] = np.moveaxis(found, -1, 0)
        if not np.isfinite(found).all():
            failed.append(True)

    in_blocks(matrices, lambda: work, rows=_count(n, n + k))
    return None if failed else out.reshape(*a.shape[:-2], n, k)


@foreign
def _determinants(a: Any) -> Any:
    out = np.empty(math.prod(a.shape[:-2]), a.dtype)

    def write(block: slice, odd: Any, diagonal: Any) -> None:
        out[block] = np.multiply.reduce(diagonal, 0) * np.where(odd, -1, 1)

    return out.reshape(a.shape[:-2]) if _factorized(a, write) else np.linalg.det(a)


@foreign
def _log_determinants(a: Any) -> tuple[Any, Any]:
    count = math.prod(a.shape[:-2])
    signs, logs = np.empty(count, a.dtype), np.empty(count, a.real.dtype)

    def write(block: slice, odd: Any, diagonal: Any) -> None:
        signs[block] = np.multiply.reduce(np.sign(diagonal), 0) * np.where(odd, -1, 1)
        logs[block] = np.add.reduce(np.log(np.abs(diagonal)), 0)

    if not _factorized(a, write):
        sign, log = np.linalg.slogdet(a)
        return sign, log
    return signs.reshape(a.shape[:-2]), logs.reshape(a.shape[:-2])


@np.errstate(all="ignore")
def _factorized(a: Any, write: Callable[[slice, Any, Any], None]) -> bool:
    """Calls ``write`` with which matrices of a block had their rows permuted oddly, and their pivots.

    Returns whether these are all finite and not 0.
    """
    n = a.shape[-1]
    matrices = a.reshape(-1, n, n)
    failed: list[bool] = []

    def work(block: slice) -> None:
        rows = _rows(matrices[block], 0)
        odd = _eliminate(rows, n)
        diagonal = rows[range(n), range(n)]
        if not np.isfinite(diagonal).all() or not diagonal.all():
            failed.append(True)
        write(block, odd, diagonal)

    in_blocks(matrices, lambda: work, rows=_count(n, n))
    return not failed


# ---- elimination: arrays are (rows, columns, matrices) ---------------------------------------------------------------


def _count(n: int, columns: int) -> int:
    return max(1, _AT_ONCE // (n * columns))


def _rows(matrices: Any, more: int) -> Any:
    """The matrices with ``more`` columns of zeros, in double precision."""
    count, n, _ = matrices.shape
    rows = np.zeros((n, n + more, count), np.result_type(matrices, np.float64))
    rows[:, :n] = np.moveaxis(matrices, 0, -1)
    return rows


def _eliminate(rows: Any, n: int) -> Any:
    """Zeros below the diagonal (which are not written), with partial pivoting; returns where rows are permuted oddly.

    Each row that has a larger number in the column takes the place of the pivot's row until then.
    """
    bits, parts = rows.view(np.int64), rows.itemsize // 8
    odd = np.zeros(rows.shape[-1], bool)
    scratch = np.empty_like(rows[1:])
    for j in range(n):
        below = rows[j:, j]
        size = np.abs(below.real) + np.abs(below.imag) if parts > 1 else np.abs(below)  # as LAPACK measures
        for i in range(1, n - j):
            larger = size[i] > size[0]
            odd ^= larger
            np.maximum(size[0], size[i], out=size[0])
            _swap(bits[j, j:], bits[j + i, j:], -(larger if parts == 1 else np.repeat(larger, parts)).astype(np.int64))
        factors = rows[j + 1 :, j]
        factors /= rows[j, j]
        change = np.multiply(np.expand_dims(factors, 1), rows[j, j + 1 :], out=scratch[j:, j + 1 :])
        rest = rows[j + 1 :, j + 1 :]
        np.subtract(rest, change, out=rest)
    return odd


def _swap(one: Any, other: Any, mask: Any) -> None:
    """Exchange integers where the mask has all bits set: a third of the time of selecting elements by bools."""
    change = np.bitwise_xor(one, other)
    np.bitwise_and(change, mask, out=change)
    np.bitwise_xor(one, change, out=one)
    np.bitwise_xor(other, change, out=other)


def _substitute(rows: Any, n: int) -> None:
    """The solutions, in the columns from ``n`` on, of triangular systems in those before."""
    for j in range(n - 1, -1, -1):
        found = rows[j, n:]
        found /= rows[j, j]
        if j:
            rest = rows[:j, n:]
            np.subtract(rest, np.expand_dims(rows[:j, j], 1) * found, out=rest)
