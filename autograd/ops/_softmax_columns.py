"""Softmax along dimension 0 of large matrices, in blocks of rows: their columns' sums are added up block by block.

The elements of a column lie far apart, so a block of columns would have short rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import block_rows, in_blocks
from ._column_sums import column_sums
from ._extremes import extreme_along
from ._sums import add_reduce

__all__ = [
    "columns_log_softmax", "columns_log_softmax_backward", "columns_softmax", "columns_softmax_backward",
]  # fmt: skip

_FEW = 1 << 10
"""Up to so many rows are added up one by one, by BLAS."""


def _in_blocks_with_sums(x: Any, write: Callable[[slice, Any], Any]) -> Any:
    """The columns' sums of what ``write(block, scratch)`` returns for each block of rows, and writes somewhere."""
    size = block_rows(x)
    sums = np.empty((-(-len(x) // size), x.shape[1]), x.dtype)

    def start() -> Callable[[slice], None]:
        scratch = np.empty((size, x.shape[1]), x.dtype)

        def work(block: slice) -> None:
            part = write(block, scratch[: block.stop - block.start])
            sums[block.start // size] = column_sums(part) if len(part) <= _FEW else add_reduce(part, 0, False)

        return work

    in_blocks(x, start)
    return np.add.reduce(sums, 0)


def _rescaled(ufunc: Callable[..., Any], out: Any, row: Any) -> Any:
    in_blocks(out, lambda: lambda block: ufunc(out[block], row, out=out[block]), cheap=True)
    return out


def columns_softmax(x: Any) -> Any:
    """``softmax(x, 0)``."""
    tops, out = extreme_along(np.maximum, x, 0), np.empty_like(x)

    def write(block: slice, scratch: Any) -> Any:
        part = np.subtract(x[block], tops, out=out[block])
        return np.exp(part, out=part)

    return _rescaled(np.multiply, out, 1 / _in_blocks_with_sums(x, write))


def columns_softmax_backward(g: Any, y: Any) -> Any:
    """``y * (g - sum(g * y))``."""
    out = np.empty_like(y)
    along = _in_blocks_with_sums(y, lambda block, scratch: np.multiply(g[block], y[block], out=scratch))

    def work(block: slice) -> None:
        part = np.subtract(g[block], along, out=out[block])
        part *= y[block]

    in_blocks(y, lambda: work)
    return out


def columns_log_softmax(x: Any) -> Any:
    """``log_softmax(x, 0)``."""
    tops, out = extreme_along(np.maximum, x, 0), np.empty_like(x)

    def write(block: slice, scratch: Any) -> Any:
        return np.exp(np.subtract(x[block], tops, out=out[block]), out=scratch)

    return _rescaled(np.subtract, out, np.log(_in_blocks_with_sums(x, write)))


def columns_log_softmax_backward(g: Any, y: Any) -> Any:
    """``g - exp(y) * sum(g)``."""
    total, out = add_reduce(g, 0, False), np.empty_like(y)

    def work(block: slice) -> None:
        part = np.exp(y[block], out=out[block])
        part *= total
        np.subtract(g[block], part, out=part)

    in_blocks(y, lambda: work)
    return out
