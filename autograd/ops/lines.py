"""``gather`` and ``scatter`` of large arrays, in blocks of whole lines along the dimension in which the index counts.

An index has as many lines as the array, and is in bounds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import op, unwrap
from ..samples import case, reals
from .axes import MANY, by_lines, line_positions, take_lines
from .selection import keep
from .shapes import shape_of

_ROWS = np.array([[2, 0], [2, 1]])
_COLUMNS = np.array([[0, 2], [1, 1]])


def are_many_lines(x: Any, index: Any, dim: int) -> bool:
    """Whether ``index`` is large and has as many lines along ``dim`` as the tensor or array ``x``, all plain."""
    if type(index) is not np.ndarray or index.size < MANY or type(unwrap(x)) is not np.ndarray or x.dtype.itemsize < 4:
        return False
    return all(m == n or d == dim for d, (m, n) in enumerate(zip(index.shape, shape_of(x), strict=True)))


def _last_ones(index: Any, shape: tuple[int, ...], dim: int) -> Any:
    """Which places of an array of ``shape`` come for the last time in ``index``; None if each comes once."""
    stay = np.ones(index.shape, np.bool_, like=index)
    repeated = []

    def work(block: Any) -> None:
        part = index[block]
        around = (len(part) if dim else shape[0], *shape[1:])
        flat = line_positions(part, around, dim)
        size = math.prod(around)
        written = np.zeros(size, np.bool_, like=flat)
        written[flat] = True
        if np.count_nonzero(written) < flat.size:
            repeated.append(block)
            numbers = np.arange(flat.size).reshape(flat.shape)
            last = np.empty(size, np.intp, like=flat)
            last[flat] = numbers
            stay[block] = last[flat] == numbers

    by_lines(work, index, dim)
    return stay if repeated else None


@op(
    x=lambda g, index, x_shape, dim: put_lines.kernel(np.zeros_like(g, shape=x_shape), g, index, dim),
    constants=("index",),
    jvp="linear",
    samples=[case(x=reals(shape=(3, 2)), index=_ROWS, dim=0), case(x=reals(shape=(2, 3)), index=_COLUMNS, dim=1)],
)
def last_lines(x: Any, index: Any, dim: int) -> Any:
    """``np.take_along_axis``, but 0 where the same place comes again: the transpose of ``put_lines`` by ``y``."""
    out, stay = take_lines.op.forward(x, index, dim), _last_ones(index, x.shape, dim)
    return out if stay is None else keep.op.forward(out, stay)


@op(
    x=lambda g, index, dim: put_lines.kernel(g, 0.0, index, dim),
    y=lambda g, index, dim: last_lines.kernel(g, index, dim),
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(3, 2)), y=reals(shape=(2, 2)), index=_ROWS, dim=0),
        case(x=reals(shape=(2, 3)), y=reals(shape=(2, 2)), index=_COLUMNS, dim=1),
    ],
)
def put_lines(x: Any, y: Any, index: Any, dim: int) -> Any:
    """A copy of ``x`` with ``y``, one number or as many as in ``index``, where ``np.take_along_axis`` would read.

    Where a place comes again, the last number stays.
    """
    listed = isinstance(y, np.ndarray) and y.ndim
    if index.size < MANY or type(x) is not np.ndarray or (listed and type(y) is not np.ndarray):
        # a plain array takes the type of what is written into it, which may be one that records
        out = np.array(x, like=y) if type(x) is np.ndarray and isinstance(y, np.ndarray) else np.array(x, subok=True)
        np.put_along_axis(out, index, y, dim)
        return out
    out = np.empty(x.shape, x.dtype)

    def work(block: Any) -> None:
        part = out[block]
        part[...] = x[block]
        part.reshape(-1)[line_positions(index[block], part.shape, dim)] = y[block] if listed else y

    by_lines(work, index, dim)
    return out
