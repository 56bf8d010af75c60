"""Work on large arrays in blocks of rows, shared out over threads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .threads import get_num_threads, set_num_threads, shared

__all__ = ["BLOCK", "block_rows", "copied", "copy_all", "get_num_threads", "in_blocks", "set_num_threads", "shared"]

BLOCK = 1 << 18
"""Elements in a block, about: with fewer the threads wait for each other more than they work."""

LINE = 1 << 9
"""Rows this long NumPy computes faster one by one than as many at once as its buffers hold, for which it copies what is
broadcast."""

FEW = 1 << 16
"""With fewer elements this does not matter."""

_TALL, _WIDE = 512, 256
"""This many rows and columns of a transposed array are copied at a time."""

_SHORT = 64
"""Lines of up to this many elements are short."""
_MANY = 1 << 21
"""From this many elements on threads pay for a copy."""

_MORE = 3 << 18
"""From this many elements on threads pay for a few sums, differences or products."""


def block_rows(x: Any, block: int | None = None) -> int:
    """How many rows of ``x`` make a block of at most about ``block`` elements.

    Blocks are as equal as can be, and even in number, as there are often two threads. By default an array of up to four
    times BLOCK elements is halved, and larger ones make blocks of up to twice as many: each handing over of Python's
    lock costs more than is gained by what smaller ones leave in the processors' caches.
    """
    rows, block = x.shape[0], block or max(BLOCK, min(-(-x.size // 2), 2 * BLOCK))
    if x.size <= block or type(x) is not np.ndarray:
        return max(1, rows)
    blocks = -(-rows // max(1, block * rows // x.size))
    return -(-rows // (blocks + blocks % 2))


def _by_lines(function: Callable[..., None]) -> Callable[..., None]:
    """``function(x, ...)``; if ``x`` is large and its rows are long, NumPy's buffers hold no second row meanwhile."""

    @functools.wraps(function)
    def call(x: Any, *args: Any, **settings: Any) -> None:
        if type(x) is not np.ndarray or x.ndim < 2 or x.shape[-1] < LINE or x.size < FEW:
            return function(x, *args, **settings)
        before = np.getbufsize()
        try:
            np.setbufsize(min(x.shape[-1], 1 << 13) // 16 * 16)  # a multiple of 16, as NumPy wants it
            return function(x, *args, **settings)
        finally:
            try:
                np.setbufsize(before)
            except KeyboardInterrupt:  # it may come before the call begins
                np.setbufsize(before)
                raise

    return call


@_by_lines
def in_blocks(
    x: Any,
    start: Callable[[], Callable[[slice], None]],
    block: int | None = None,
    rows: int | None = None,
    cheap: bool = False,
    alone: bool = False,
) -> None:
    """Do some work on every block of the rows of ``x``: of what stands side by side along dimension 0.

    Args:
        x: the array. If it is not quite an array, but records what NumPy does to it, all its rows are one block.
        start: is called once in each thread and returns what to call with the rows of a block (so a thread can make
            its scratch space first). Blocks come in any order; what writes must write to its own rows alone.
        block: about how many elements make a block (default: BLOCK).
        rows: how many rows make a block, if it is to be this many exactly (but for the last).
        cheap: whether the work is a few sums, differences or products for each element: other threads then help with
            very large arrays only.
        alone: whether no other thread is to help.
    """
    count, size = x.shape[0], rows or block_rows(x, block)
    if count <= size:
        start()(slice(0, count))
        return
    parts = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    if alone or (cheap and x.size < _MORE):
        work = start()
        for part in parts:
            work(part)
    else:
        shared(parts, start)


def copied(x: Any) -> Any:
    """A copy of an array, in C order."""
    if type(x) is np.ndarray and x.size >= FEW and 0 in x.strides and (made := _repeated(x)) is not None:
        return made
    if type(x) is not np.ndarray or (x.size < _MANY and not _is_across(x)):
        return x.copy()
    out = np.empty(x.shape, x.dtype)
    copy_all([(out, x)])
    return out


def _repeated(x: Any) -> Any:
    """A copy of an array that is a short line for each of its numbers, or one again and again; None for others.

    NumPy copies these by an inner loop for each line, as long as the line.
    """
    n = x.shape[-1]
    if x.ndim < 2 or not 1 < n <= _SHORT:
        return None
    if x.strides[-1] == 0:
        lines = x[..., 0]
        return np.repeat(lines, n).reshape(x.shape) if lines.flags.c_contiguous else None
    if any(x.strides[:-1]):
        return None
    out = np.empty(x.shape, x.dtype)
    lines = out.reshape(-1, n)
    some = min(len(lines), FEW // 8 // n)
    whole = len(lines) // some * some
    lines[:some] = x[(0,) * (x.ndim - 1)]
    lines[:whole].reshape(-1, some * n)[1:] = lines[:some].reshape(-1)
    lines[whole:] = lines[: len(lines) - whole]
    return out


def copy_all(pairs: Sequence[tuple[Any, Any]]) -> None:
    """Copy large arrays: for each pair of plain arrays the second into the first."""
    large = sum([target.size for target, _ in pairs]) >= _MANY
    parts = []
    for target, source in pairs:
        if _is_across(source):
            parts += _tiles(target, source)
        elif large and target.ndim:
            rows = block_rows(target)
            parts += [(target[i : i + rows], source[i : i + rows]) for i in range(0, len(target), rows)]
        else:
            parts.append((target, source))
    if large:
        shared(parts, lambda: lambda pair: np.copyto(*pair))
    else:
        for pair in parts:
            np.copyto(*pair)


def _is_across(x: Any) -> bool:
    """Whether a large array is about the transpose of one in C order, with many columns."""
    if x.size <= BLOCK or x.ndim < 2 or x.shape[-1] <= _WIDE:
        return False
    return abs(x.strides[-1]) > 64 > min([abs(stride) for stride in x.strides])


def _tiles(target: Any, source: Any) -> list[tuple[Any, Any]]:
    """Some rows and columns at a time: what is read of the first column stays in the cache until the next is read."""
    rows, columns = range(0, source.shape[0], _TALL), range(0, source.shape[-1], _WIDE)
    tiles = [(slice(i, i + _TALL), ..., slice(j, j + _WIDE)) for i in rows for j in columns]
    return [(target[tile], source[tile]) for tile in tiles]
