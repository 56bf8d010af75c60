"""Extremes of large arrays along a dimension where NumPy's loops would be short: of few elements, or beside few lines.

NumPy calls an inner loop for each line of a few elements, or for each few elements that lie side by side, which takes
ten times as long as comparing them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._blocks import BLOCK, copied, in_blocks
from .axes import axes_of, folded, true_places

__all__ = [
    "LARGE", "SHORT", "SOME", "are_short_lines", "beside", "compares_faster", "extreme_along", "first_places", "hits",
    "of_short_lines",
]  # fmt: skip

LARGE = 1 << 14
"""From so many elements on this pays."""
SHORT = 128
"""Lines of at most so many elements are folded, or looked at column by column."""
_ROW = 64
"""Rows of at most so many elements are short also in arrays that are not large, and get what they are compared with
written out."""
_TINY, _LINES, SOME = 16, 256, 512
"""Lines of at most so many elements are short in smaller arrays, too, of at least so many lines and elements."""
_FOLD = 48
"""From so many elements on it is quicker to fold a line first."""
_FEW = 16
"""Of numbers of eight bytes, lines of at most so many elements are compared faster than searched."""
_NARROW = 64
"""Beside at most so many other lines, pieces of these are laid side by side."""
_ELEMENTS = 1 << 19
"""So many elements are looked at at a time, which the cache holds."""
_SEGMENT = 4096
"""Longer lines are not found faster one after the other."""
_BITS = np.finfo(np.float64).nmant


def _is_large(x: Any) -> bool:
    return type(x) is np.ndarray and x.size >= LARGE and x.flags.c_contiguous


def are_short_lines(x: Any) -> bool:
    """Whether an array in C order has many lines of so few elements that NumPy takes longer to go to each."""
    n = x.shape[-1]
    few = 1 < n <= (_TINY if x.dtype.kind == "f" else _TINY // 2) and x.size >= _LINES * n
    return few and type(x) is np.ndarray and bool(x.flags.c_contiguous)


def extreme_along(ufunc: Any, x: Any, dim: int, keepdims: bool = True) -> Any:
    """``ufunc.reduce``, of ``np.maximum`` or ``np.minimum``, along ``dim``."""
    if x.size < LARGE and not (x.size >= SOME and dim in (-1, x.ndim - 1) and are_short_lines(x)):
        return ufunc.reduce(x, dim, None, None, keepdims)
    if type(x) is not np.ndarray or not (x.flags.c_contiguous or x.flags.f_contiguous):
        return ufunc.reduce(x, dim, None, None, keepdims)
    (dim,) = axes_of(dim, x.ndim)
    if not x.flags.c_contiguous:
        return extreme_along(ufunc, x.T, x.ndim - 1 - dim, keepdims).T
    before, n, beside = x.shape[:dim], x.shape[dim], math.prod(x.shape[dim + 1 :])
    many = min(1024, n * beside // 32) // max(1, beside)
    if beside == 1 and 1 < n <= _ROW:
        out = of_short_lines(ufunc, x.reshape(-1, n))
    elif beside == 1 and 1 < n <= _SEGMENT and x.dtype.kind in "fiu":  # which finds the next line in less time
        out = ufunc.reduceat(x.reshape(-1), np.arange(0, x.size, n))
    elif 1 < beside <= _NARROW and many > 1:
        out = _of_narrow_lines(ufunc, x.reshape(-1, n, beside), many)
    else:
        return ufunc.reduce(x, dim, None, None, keepdims)
    return out.reshape(*before, *(1,) * keepdims, *x.shape[dim + 1 :])


def of_short_lines(ufunc: Any, rows: Any) -> Any:
    """``ufunc.reduce`` along the rows, of two to SHORT elements, of a large matrix."""
    out = np.empty(len(rows), rows.dtype)
    many = _ELEMENTS // rows.shape[1]
    for first in range(0, len(rows), many):
        some = rows[first : first + many]
        columns, tops = (folded(ufunc, some, 16) if rows.shape[1] >= _FOLD else some).T, out[first : first + many]
        ufunc(columns[0], columns[1], out=tops)
        for column in columns[2:]:
            ufunc(tops, column, out=tops)
    return out


def _of_narrow_lines(ufunc: Any, x: Any, many: int) -> Any:
    """Along dimension 1 of three; so many steps at a time are laid side by side."""
    outer, n, beside = x.shape
    whole = n // many * many
    tops = ufunc.reduce(x[:, :whole].reshape(outer, -1, many * beside), 1)
    tops = ufunc.reduce(tops.reshape(outer, many, beside), 1)
    return tops if whole == n else ufunc(tops, ufunc.reduce(x[:, whole:], 1))


def compares_faster(x: Any, dim: int) -> bool:
    """Whether ``hits`` and ``first_places`` find places along ``dim``, not negative, sooner than ``np.argmax``."""
    n = x.shape[dim]
    if not _is_large(x) or (x.size <= BLOCK and n > _ROW):
        return False
    return dim < x.ndim - 1 or 1 < n <= (SHORT if x.itemsize < 8 else _FEW)


def beside(values: Any, shape: tuple[int, ...]) -> Any:
    """Values of lines, kept as 1, for each element of an array of ``shape``: written out where rows are short."""
    spread = np.broadcast_to(values, shape)
    return copied(spread) if 1 < shape[-1] <= _ROW else spread


def hits(x: Any, values: Any) -> Any:
    """Where the elements of a large array equal ``values``, those of their lines; NaN equals NaN."""
    each = beside(values, x.shape)
    hit = x == each
    if np.any(values != values):
        hit |= (x != x) & (each != each)
    return hit


def first_places(hit: Any, dim: int) -> Any:
    """Where each line along ``dim``, of one hit at least, has its first; dimension kept. None if NumPy is as quick."""
    n, inner, found = hit.shape[dim], math.prod(hit.shape[dim + 1 :]), np.count_nonzero(hit)
    lines, shape = hit.size // n, (*hit.shape[:dim], 1, *hit.shape[dim + 1 :])
    steps = hit.reshape(-1, n, inner)
    if found == lines and n <= SHORT:
        return _weighed(steps, np.arange(n, dtype=np.float32)).astype(np.int64).reshape(shape)
    if found > lines and n <= _BITS:  # the first counts for more than all that follow
        return n - np.frexp(_weighed(steps, np.exp2(np.arange(n)[::-1])))[1].astype(np.int64).reshape(shape)
    if found > 4 * lines:
        return None
    rows, columns = np.divmod(true_places(hit)[::-1], inner)
    outer, places = np.divmod(rows, n)
    out = np.empty(lines, np.int64)
    out[outer * inner + columns] = places  # the last one written stays, which is the first
    return out.reshape(shape)


def _weighed(steps: Any, weights: Any) -> Any:
    """The sums along dimension 1 of flags times weights, which are exact."""
    out = np.empty((len(steps), steps.shape[2]), weights.dtype)

    def some(lines: slice) -> None:
        out[lines] = np.matmul(weights, steps[lines].astype(weights.dtype))

    def beside(columns: slice) -> None:
        out[0, columns] = np.matmul(weights, steps[0, :, columns].astype(weights.dtype))

    if len(steps) > 1:
        in_blocks(steps, lambda: some, BLOCK)
    else:
        in_blocks(steps[0].T, lambda: beside, BLOCK)
    return out
