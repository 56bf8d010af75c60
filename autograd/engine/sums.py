"""Sums that keep their digits.

NumPy adds up pairwise along the dimension in which elements lie side by side, and one by one along all others: of
100,000 rows, in single precision, three digits remain. Here many rows are added up in pieces.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .blas import in_one_thread_each
from .blocks import BLOCK

__all__ = [
    "PIECE", "SHORT", "accumulation_dtype", "are_short_lines", "dot_lines", "is_tall", "kept_ones", "ones",
    "sum_keepdims", "sum_many", "sum_tall",
]  # fmt: skip

PIECE = 256
"""This many rows are added up one by one, where there are more than a thousand."""
SHORT = 4096
"""Up to this many elements are added up by BLAS without losing digits: in a quarter of the time, but one by one."""
_FEW = 1024
"""Up to this many rows, or this many steps one by one, lose no digits to speak of."""
_NARROW = 256
"""Rows of up to this many elements are added up faster by BLAS than by NumPy."""
_ALONE = 9000
"""A matrix of up to this many elements BLAS multiplies by a vector without other threads."""
_MANY = 1 << 15
"""From so many elements on this pays also between other dimensions, and for short lines."""
_LINE, _TINY, _LINES = 64, 8, 256
"""Lines of up to so many elements are short, or very short, and take time where they are at least so many."""
_PAIRS = 4
"""This few slices are added up faster than BLAS multiplies."""
_HELD = 500
"""For so few results NumPy keeps Python's lock while it computes products of lines."""
_WORTH = 1 << 16
"""From so many elements on that matters."""
_PART = 250
"""Parts of a line are at least so long: BLAS takes as much time for shorter ones."""
_KEPT = 1 << 15
"""Up to this many ones are kept for the next time."""
_SINGLE = np.dtype(np.float32)
_add: Any = np.add.reduce  # bound once, and free of stubs that do not know positional arguments, which are faster


def ones(n: int, dtype: Any) -> Any:
    """``n`` ones, which nobody may overwrite."""
    return np.ones(n, dtype) if n > _KEPT else kept_ones(n, dtype)


@functools.lru_cache(maxsize=64)
def kept_ones(n: int, dtype: Any) -> Any:
    """``ones``, of which there are few."""
    array = np.ones(n, dtype)
    array.flags.writeable = False
    return array


def accumulation_dtype(dtype: Any) -> Any:
    """The dtype to accumulate in: float32 for 16-bit floats, None (its own) for the others."""
    return _SINGLE if dtype.itemsize == 2 and dtype.kind in "fV" else None


def sum_keepdims(x: Any, axes: tuple[int, ...]) -> Any:
    """The sum over ``axes``, not negative, kept as 1; 16-bit floats in single precision."""
    if type(x) is np.ndarray:
        if x.size > SHORT and x.dtype.char in "fdeF":
            return sum_many(x, axes, True)
    elif is_tall(x, axes):
        return sum_tall(x, axes, keepdims=True)
    return np.add.reduce(x, axes, accumulation_dtype(x.dtype), keepdims=True)


def is_tall(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether an array of any class has so many rows over ``axes`` that NumPy loses digits, or time, adding them up."""
    many = isinstance(x, np.ndarray) and x.size > SHORT and x.dtype.char in "fd" and len(axes) > 0
    return many and (_added_one_by_one(x, axes)[1] > _FEW or _is_between(x, axes))


def sum_tall(x: Any, axis: tuple[int, ...], out: Any = None, keepdims: bool = False) -> Any:
    """``np.add.reduce`` that keeps the digits of many rows, of a plain array; other classes do it their way."""
    if type(x) is not np.ndarray:
        return x.__array_function__(sum_tall, (type(x),), (x,), {"axis": axis, "keepdims": keepdims})
    sums = sum_many(x, axis, keepdims)
    if out is None:
        return sums
    out[...] = sums
    return out


_described: Any = sum_tall
_described.__name__, _described.__self__ = "add.reduce", np.add  # as NumPy's own reductions say what they are


def sum_many(x: Any, axes: tuple[int, ...] | None, keepdim: bool) -> Any:
    """The sum of many elements, in a plain array of floats or int64, over ``axes``, not negative; None: of all."""
    if axes is None or len(axes) == x.ndim:
        return _add_all(x, keepdim)
    if len(axes) > 1 and x.dtype.char != "e" and are_short_lines(x) and (x.size > _MANY or x.shape[-1] <= _TINY):
        return _in_turn(x, axes, keepdim)
    if x.dtype.kind == "i":
        return _whole_sums(x, axes, keepdim)
    count = x.shape[axes[0]] if len(axes) == 1 else math.prod([x.shape[d] for d in axes])
    place, steps = _added_one_by_one(x, axes) if count > _FEW else (0, 0)
    if steps > _FEW:
        narrow = x.dtype.char in "fd" and axes == (place,) and x.flags.c_contiguous
        if narrow and math.prod(x.shape[place + 1 :]) <= _NARROW:
            sums = _narrow_sums(x, place)
        else:
            sums = _in_pieces(x, axes, place, steps)
        return sums if keepdim else np.squeeze(sums, axes)
    n = x.shape[-1]
    large = x.size > (_MANY if n < _NARROW else BLOCK) or are_short_lines(x)
    if large and axes == (x.ndim - 1,) and n > 1 and x.flags.c_contiguous and x.dtype.char in "fd":
        sums = weighted_rows(x.reshape(-1, n), ones(n, x.dtype)) if n <= SHORT else _long_sums(x.reshape(-1, n))
        return sums.reshape((*x.shape[:-1], 1) if keepdim else x.shape[:-1])
    if 1 < count <= _FEW and _is_between(x, axes) and x.flags.c_contiguous:
        if count <= _PAIRS and math.prod(x.shape[axes[-1] + 1 :]) <= _LINE:
            sums = _slices_added(x, axes, count)
        else:
            sums = _weighted_lines(x, axes, ones(count, x.dtype))
        return sums.reshape([1 if d in axes else n for d, n in enumerate(x.shape)]) if keepdim else sums
    return _add(x, axes, accumulation_dtype(x.dtype), None, keepdim)


def _is_between(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether an array has many elements, and ``axes`` follow each other, between others."""
    if x.size <= _MANY or x.dtype.char not in "fd" or not 0 < axes[0] <= axes[-1] < x.ndim - 1:
        return False
    return axes == tuple(range(axes[0], axes[0] + len(axes)))


def are_short_lines(x: Any) -> bool:
    """Whether an array in C order has many lines of few elements."""
    n = x.shape[-1]
    return n <= _LINE and x.size >= _LINES * n and bool(x.flags.c_contiguous)


def _in_turn(x: Any, axes: tuple[int, ...], keepdim: bool) -> Any:
    """The sum over several dimensions of an array in C order, of which neighbours are one, over one after the other.

    Where lines are short, NumPy goes from one to the next more slowly than it adds them up.
    """
    sizes: list[int] = []
    kinds: list[bool] = []
    for d, n in enumerate(x.shape):
        if kinds and kinds[-1] == (d in axes):
            sizes[-1] *= n
        else:
            sizes.append(n)
            kinds.append(d in axes)
    sums = x.reshape(sizes)
    for place, is_added in enumerate(kinds):
        if is_added:
            sums = sum_many(sums, (place,), True) if len(sizes) > 1 else _add_all(sums, True)
    return sums.reshape([1 if d in axes else n for d, n in enumerate(x.shape) if keepdim or d not in axes])


def _whole_sums(x: Any, axes: tuple[int, ...], keepdim: bool) -> Any:
    """The sums of integers; along one dimension, NumPy's loops for short lines take ten times as long."""
    place, n, beside = axes[0], x.shape[axes[0]], math.prod(x.shape[axes[0] + 1 :])
    if len(axes) > 1 or n == 1 or not are_short_lines(x) or beside > _LINE:
        return _add(x, axes, None, None, keepdim)
    if n <= _PAIRS:
        sums = _slices_added(x, axes, n)
    elif beside == 1:
        sums = np.einsum("ij->i", x.reshape(-1, n))
    elif beside > 1 and n * beside == x.size:
        many = PIECE // beside
        whole = n // many * many
        rows = x.reshape(n, beside)
        sums = _add(_add(rows[:whole].reshape(-1, many * beside), 0).reshape(many, beside), 0) + _add(rows[whole:], 0)
    else:
        return _add(x, axes, None, None, keepdim)
    return sums.reshape(*x.shape[:place], *(1,) * keepdim, *x.shape[place + 1 :])


def _slices_added(x: Any, axes: tuple[int, ...], count: int) -> Any:
    """The sums along ``axes``, which follow each other and have few elements, by adding up the slices."""
    lines = x.reshape(-1, count, math.prod(x.shape[axes[-1] + 1 :]))
    sums = lines[:, 0] + lines[:, 1]
    for number in range(2, count):
        np.add(sums, lines[:, number], out=sums)
    return sums.reshape(*x.shape[: axes[0]], *x.shape[axes[-1] + 1 :])


def _weighted_lines(x: Any, axes: tuple[int, ...], weights: Any) -> Any:
    """The sums along ``axes`` by BLAS, in this thread alone: NumPy adds up one by one too, but by short loops."""
    before, beside = x.shape[: axes[0]], x.shape[axes[-1] + 1 :]
    lines = x.reshape(math.prod(before), len(weights), math.prod(beside))
    sums = in_one_thread_each(np.matmul, weights, lines)
    return sums.reshape(*before, *beside)


def weighted_rows(x: Any, weights: Any) -> Any:
    """``x @ weights`` of a matrix, in this thread alone.

    BLAS would take others to help. They gain little here, and go on for 20 ms to look for work, beside those which
    share out the next op.
    """
    rows, n = x.shape
    if n >= _NARROW:
        return np.vecdot(x, weights)
    some = max(1, _ALONE // n)
    whole = rows // some * some
    sums = np.empty(rows, x.dtype)
    np.matmul(x[:whole].reshape(-1, some, n), weights, out=sums[:whole].reshape(-1, some))
    np.matmul(x[whole:], weights, out=sums[whole:])
    return sums


def _add_all(x: Any, keepdim: bool) -> Any:
    x = x.T if x.flags.f_contiguous else x
    if x.size <= BLOCK or not x.flags.c_contiguous or x.dtype.char not in "fd":
        return _add(x, None, accumulation_dtype(x.dtype), None, keepdim)
    total = _long_sums(x.reshape(1, -1))
    return np.reshape(total, (1,) * x.ndim) if keepdim else total[0]


def _long_sums(rows: Any) -> Any:
    """The sums of long rows: of pieces, and of those."""
    piece = SHORT // 4
    whole = rows.shape[1] // piece * piece
    parts = np.vecdot(rows[:, :whole].reshape(len(rows), -1, piece), ones(piece, rows.dtype))
    return _add(parts, 1) + _add(rows[:, whole:], 1)


def dot_lines(x: Any, y: Any = None, out: Any = None) -> Any:
    """``np.vecdot(x, y, out=out)``; without ``y`` the sums of lines. Other threads can work meanwhile.

    NumPy keeps Python's lock while it computes such products, if the results are few. So long lines are cut into some.
    """
    n = x.shape[-1]
    if type(x) is not np.ndarray or x.size < _WORTH or x.size > _HELD * n or not x.flags.c_contiguous:
        return np.vecdot(x, ones(n, x.dtype) if y is None else y, out=out)
    pieces = _divisor(n, _HELD * n // x.size + 1)
    if n <= SHORT and (y is None or pieces == 0):
        return np.einsum("...i->...", x, out=out) if y is None else np.einsum("...i,...i->...", x, y, out=out)
    y = ones(n, x.dtype) if y is None else y
    if pieces == 0:
        return np.vecdot(x, y, out=out)
    parts = np.vecdot(x.reshape(*x.shape[:-1], pieces, -1), y.reshape(*y.shape[:-1], pieces, -1))
    return _add(parts, -1, None, out)


@functools.lru_cache(maxsize=256)
def _divisor(n: int, least: int) -> int:
    """The least divisor of ``n`` from a number on that leaves lines of some length; 0 if there is none."""
    return next((d for d in range(least, n // _PART + 1) if n % d == 0), 0)


def _added_one_by_one(x: Any, axes: tuple[int, ...]) -> tuple[int, int]:
    """The longest of the dimensions along which NumPy would add up one by one, and how many steps that takes.

    That is along all of ``axes``, but for the one in which elements lie side by side.
    """
    long = [d for d in range(x.ndim) if x.shape[d] > 1]
    inner = min(long, key=lambda d: abs(x.strides[d]) or math.inf)  # a broadcast one is not the inner one
    outer = [d for d in long if d in axes and d != inner]
    if len(outer) + (inner in axes) == len(long):  # all elements are added up: pairwise
        return 0, 0
    return max(outer, key=lambda d: x.shape[d], default=0), math.prod(x.shape[d] for d in outer) if outer else 0


def _narrow_sums(x: Any, place: int) -> Any:
    """The sums along dimension ``place``, kept as 1, of an array in C order."""
    n = x.shape[place]
    lines = x.reshape(math.prod(x.shape[:place]), n, math.prod(x.shape[place + 1 :]))
    whole = n // PIECE * PIECE
    parts = lines[:, :whole].reshape(len(lines), n // PIECE, PIECE, lines.shape[2])
    total = _add(np.matmul(ones(PIECE, x.dtype), parts), 1, np.float64)
    total += np.matmul(ones(n - whole, x.dtype), lines[:, whole:])
    return total.astype(x.dtype).reshape(*x.shape[:place], 1, *x.shape[place + 1 :])


def _in_pieces(x: Any, axes: tuple[int, ...], place: int, steps: int) -> Any:
    """The sum over ``axes``, kept as 1: of pieces along dimension ``place``, and those in double precision."""
    n = x.shape[place]
    piece = max(1, min(PIECE * n // steps, n))
    whole = n // piece * piece
    parts = x[(slice(None),) * place + (slice(whole),)]
    parts = parts.reshape(*x.shape[:place], n // piece, piece, *x.shape[place + 1 :])
    wide = accumulation_dtype(x.dtype)
    sums = _add(parts, tuple([d + (d >= place) for d in axes]), wide, None, True)
    sums = np.squeeze(sums, place + 1)
    total = _add(sums, place, np.result_type(sums, np.float64), None, True)
    if whole < n:
        total += _add(x[(slice(None),) * place + (slice(whole, None),)], axes, wide, None, True)
    return total.astype(sums.dtype)
