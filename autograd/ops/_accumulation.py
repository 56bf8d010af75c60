"""Running sums, products and extremes of arrays; of large ones in threads, or as matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ._blocks import BLOCK, block_rows
from .axes import accumulation_dtype, along, by_lines, line_axis, true_places

__all__ = ["accumulate", "last_reached", "records"]

_WIDE = 512
"""Steps of this many elements or more are taken one by one: ``accumulate`` goes along one line at a time."""
_LARGE = 1 << 12
"""So are steps of this many elements in pieces of two and more."""
_NARROW = 64
"""Many lines of this many elements or fewer are gone through column by column."""
_SOME = 32
"""This many steps are carried in another dtype at a time, which the cache holds."""
_BROAD = 2048
"""Beside this many lines or fewer, sums are matrix products; beside more, their steps are long calls anyway."""
_SINGLE = 50
"""Lines of this many elements or fewer are one piece."""
_ROWS = 1 << 13
"""Of short rows so many are done at a time."""
_SHORT = 40
"""Records are looked for in pieces of this many elements."""
_FEW = 500
"""Of so many lines at a time or fewer NumPy keeps Python's lock, and other threads wait."""
_LONE = 1 << 12
"""Lines of this many elements or more are worth a call each; of ``np.logaddexp``, an eighth of it."""
_SAFE = 1e250
"""What is rounded off beside it in double precision is nothing in single precision."""
_EXACT = {np.maximum, np.minimum}
_DOUBLE = {"f": np.dtype(np.float64), "F": np.dtype(np.complex128)}
"""Single precision would lose digits at every step. PyTorch carries results along in double precision, too."""


def accumulate(ufunc: Any, x: Any, dim: int, reverse: bool = False) -> Any:
    """``ufunc.accumulate``, ``reverse`` from the end, in the dtype to accumulate in, back in that of ``x``."""
    line, axis = line_axis(x, dim)
    dtype = accumulation_dtype(x.dtype)
    large = line.size > BLOCK and dtype is None and type(line) is np.ndarray
    if ufunc not in _EXACT:
        dtype = _DOUBLE.get(x.dtype.char, dtype)
    if large:
        return _of_many(ufunc, line, axis, reverse, dtype)
    order = along(axis, slice(None, None, -1))
    out = ufunc.accumulate(line[order], axis, dtype)[order] if reverse else ufunc.accumulate(line, axis, dtype)
    if out.dtype != x.dtype:
        out = out.astype(x.dtype)
    return out if x.ndim else np.reshape(out, ())


def _of_many(ufunc: Any, x: Any, axis: int, reverse: bool, dtype: Any) -> Any:
    """``ufunc.accumulate`` of a large array, carried along in ``dtype`` (None: its own)."""
    n = x.shape[axis]
    beside = math.prod(x.shape[axis + 1 :])
    if ufunc is np.add and n > 1 and beside <= _BROAD and x.dtype.char in "fd":
        with np.errstate(over="ignore", invalid="ignore"):
            sums = _sums(x.reshape(-1, n), reverse) if beside == 1 else _sums_across(x.reshape(-1, n, beside), reverse)
        if sums is not None:
            return sums.reshape(x.shape)
    out = np.empty(x.shape, x.dtype)
    order = along(axis, slice(None, None, -1)) if reverse else ...
    source, target = x[order], out[order]
    if beside >= _WIDE:
        _by_steps(ufunc, np.moveaxis(source, axis, 0), np.moveaxis(target, axis, 0), dtype)
    elif beside == 1 and 1 < n <= _NARROW:
        rows, results = source.reshape(-1, n), target.reshape(-1, n)
        by_lines(lambda block: _by_columns(ufunc, rows[block], results[block], dtype), rows, 1)
    elif beside > 1 and x.size >= _LARGE * n:
        sources, targets = np.moveaxis(source, axis, 0), np.moveaxis(target, axis, 0)
        by_lines(lambda block: _by_steps(ufunc, sources[:, block], targets[:, block], dtype), out, axis)
    else:
        by_lines(lambda block: _of_lines(ufunc, source[block], axis, dtype, target[block]), out, axis)
    return out


def _of_lines(ufunc: Any, x: Any, axis: int, dtype: Any, out: Any) -> None:
    """``ufunc.accumulate`` of some lines, so that other threads may do others meanwhile."""
    n = x.shape[axis]
    few = axis == x.ndim - 1 and out.flags.c_contiguous and 0 < x.size <= _FEW * n
    if few and n >= (_LONE // 8 if ufunc is np.logaddexp else _LONE):
        for line, result in zip(x.reshape(-1, n).astype(dtype or x.dtype, copy=False), out.reshape(-1, n), strict=True):
            result[...] = ufunc.accumulate(line)
    elif few and ufunc is np.multiply and x.dtype.char == "f":
        _products(x.reshape(-1, n), out.reshape(-1, n))
    elif dtype is None:
        ufunc.accumulate(x, axis, x.dtype, out)
    else:
        np.copyto(out, ufunc.accumulate(x, axis, dtype), "same_kind")


def _products(x: Any, out: Any) -> None:
    """The running products of a few rows, carried in double precision; each is cut into pieces, which are more lines.

    Where they are finite and what comes before them is not too large, a piece's products lose nothing that single
    precision has.
    """
    rows, n = x.shape
    count = next((k for k in range(_FEW // rows + 1, n // 16 + 1) if n % k == 0), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        pieces = np.multiply.accumulate(x.reshape(rows, count, -1), 2, np.float64)
        ends = pieces[:, :, -1]
        before = np.multiply.accumulate(ends[:, :-1], 1)
    if np.isfinite(ends).all() and (np.abs(before) <= _SAFE).all():
        pieces[:, 1:] *= before[:, :, None]
    else:
        pieces = np.multiply.accumulate(x, 1, np.float64)
    np.copyto(out, pieces.reshape(rows, n), "same_kind")


def _by_steps(ufunc: Any, steps: Any, results: Any, dtype: Any) -> None:
    """``ufunc.accumulate`` along dimension 0, one step after the other; some at a time are carried in ``dtype``."""
    if dtype is None:
        results[0] = steps[0]
        done = [*results]
        for i, x in enumerate(steps[1:]):
            ufunc(done[i], x, out=done[i + 1])
        return
    carried = None
    for first in range(0, len(steps), _SOME):
        some = steps[first : first + _SOME].astype(dtype, "C")
        for x in some:
            carried = x if carried is None else ufunc(carried, x, out=x)
        results[first : first + _SOME] = some


def _piece(n: int) -> int:
    """How long the pieces are into which a line of ``n`` elements is cut: if it is short, it is one."""
    return n if n <= _SINGLE else next((k for k in range(16, 33) if n % k == 0), 24)


def _by_columns(ufunc: Any, x: Any, out: Any, dtype: Any = None) -> None:
    """``ufunc.accumulate`` of many short rows, column by column; of so many rows at a time as the cache holds."""
    for first in range(0, len(x), _ROWS):
        _by_steps(ufunc, x[first : first + _ROWS].T, out[first : first + _ROWS].T, dtype)


def _sums(x: Any, reverse: bool) -> Any:
    """The running sums of rows, as a matrix product; None where a sum is not finite, which would spoil its neighbours.

    Rows are cut into pieces, which a triangle of ones multiplies; what was summed before is added to a piece's first
    element (after it, to its last).
    """
    rows, n = x.shape
    piece = _piece(n)
    pieces = -(-n // piece)
    ones = np.ones((piece, piece), x.dtype)
    triangle = np.tril(ones) if reverse else np.triu(ones)
    order, place = (slice(None, None, -1), -1) if reverse else (slice(None), 0)
    out, some = np.empty(x.shape, x.dtype), block_rows(x, BLOCK)
    room = np.zeros((min(some, rows), pieces * piece), x.dtype)  # for some rows at a time, which the cache holds
    for first in range(0, rows, some):
        source, target = x[first : first + some], out[first : first + some]
        if pieces == 1:
            np.matmul(source, triangle, out=target)
        else:
            padded = room[: len(source)]
            padded[:, :n] = source
            lines = padded.reshape(-1, piece)
            totals = np.dot(lines, ones[0]).reshape(-1, pieces)[:, order]
            lines.reshape(-1, pieces, piece)[:, order][:, 1:, place] += _carried(totals)[:, :-1]
            if n % piece:
                target[...] = np.dot(lines, triangle).reshape(padded.shape)[:, :n]
            else:
                np.matmul(lines, triangle, out=target.reshape(-1, piece))
        if not np.isfinite(target[:, 0 if reverse else -1]).all():
            return None
    return out


def _carried(totals: Any) -> Any:
    """The running sums of rows, in double precision; of many rows step by step."""
    if len(totals) < _WIDE:
        return np.add.accumulate(totals, 1, np.float64)
    steps = totals.T.astype(np.float64, "C")
    _by_steps(np.add, steps, steps, None)
    return steps.T


def _sums_across(x: Any, reverse: bool) -> Any:
    """The running sums along dimension 1 of three, as those of rows: a triangle multiplies pieces from the left."""
    a, n, m = x.shape
    piece = _piece(n)
    triangle = np.tril(np.ones((piece, piece), x.dtype))
    triangle = triangle.T if reverse else triangle
    order = (slice(None), slice(None, None, -1)) if reverse else ...
    out, whole = np.empty(x.shape, x.dtype), n // piece * piece
    parts = [(x[:, :whole].reshape(a, -1, piece, m), out[:, :whole].reshape(a, -1, piece, m))]
    if whole < n:
        parts.append((x[:, None, whole:], out[:, None, whole:]))
    for source, target in parts:
        k = source.shape[2]
        np.matmul(triangle[:k, :k], source, out=target)
    totals = np.concatenate([target[:, :, 0 if reverse else -1] for _, target in parts], 1)
    sums = np.add.accumulate(totals[order], 1, np.float64)
    if not np.isfinite(sums).all():
        return None
    before = np.zeros(sums.shape, x.dtype)
    before[:, 1:] = sums[:, :-1]
    before = before[order]
    for (_, target), carried in zip(parts, np.split(before, [n // piece], 1), strict=False):
        target += carried[:, :, None]
    return out


def records(ufunc: Any, x: Any) -> Any:
    """Where in the rows of ``x`` a running maximum or minimum (``ufunc``) is reached: positions in ``x.ravel()``.

    Few elements of random rows are records, and whole pieces are passed over whose extreme is none. None if there are
    many (or not one in each row, as in rows without elements).
    """
    rows, n = x.shape
    line, first = x.reshape(-1), np.arange(0, n, _SHORT)
    starts = (np.arange(0, x.size, n)[:, None] + first).reshape(-1)
    tops = ufunc.reduceat(line, starts).reshape(rows, -1)
    best = ufunc.accumulate(tops, 1)
    before, after = best[:, :-1], tops[:, 1:]
    may = np.ones(tops.shape, bool)
    may[:, 1:] = (ufunc(before, after) != before) | (after == before) | (after != after)
    chosen = np.flatnonzero(may)
    if 2 * chosen.size > may.size:
        return None
    pieces = starts[chosen]
    if n % _SHORT:
        line = np.concatenate([line, line[:_SHORT]])  # the last piece reads on
    some = sliding_window_view(line, _SHORT)[pieces].T.copy()
    running, later = some.copy(), chosen % first.size > 0
    running[0, later] = ufunc(some[0, later], best.reshape(-1)[chosen[later] - 1])
    _by_steps(ufunc, running, running, None)
    reached = (some == running) | (some != some)
    if n % _SHORT:
        reached[n % _SHORT :, chosen % first.size == first.size - 1] = False
    found = np.flatnonzero(reached.T)
    return pieces[found // _SHORT] + found % _SHORT


def last_reached(reached: Any, dim: int) -> Any:
    """For each place the last one up to there, along ``dim``, that is True; the first one is."""
    n, beside = reached.shape[dim], math.prod(reached.shape[dim + 1 :])
    if beside >= _WIDE or (1 < n <= _NARROW if beside == 1 else reached.size >= _LARGE * n):
        small = np.min_scalar_type(n)
        places = np.arange(n, dtype=small).reshape(-1, *(1,) * (reached.ndim - 1 - dim))
        found = np.multiply(reached, places, dtype=small)
        if beside == 1:
            _by_columns(np.maximum, found.reshape(-1, n), found.reshape(-1, n))
        else:
            steps = np.moveaxis(found, dim, 0)
            _by_steps(np.maximum, steps, steps, None)
        return found.astype(np.int64)
    lines = np.ascontiguousarray(np.moveaxis(reached, dim, -1))
    places = true_places(lines)
    found = np.repeat(places % n, np.diff(places, append=lines.size))
    return np.ascontiguousarray(np.moveaxis(found.reshape(lines.shape), -1, dim))
