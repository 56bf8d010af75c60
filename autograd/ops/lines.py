"""``gather`` and ``scatter`` of large arrays, in blocks of whole lines along the dimension in which the index counts.

An index has as many lines as the array, and is in bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._op import op, unwrap
from ..samples import case, reals
from ._blocks import BLOCK, in_blocks
from ._indices import last_ones
from .axes import MANY, by_lines, line_positions
from .selection import keep
from .shapes import shape_of

_LONG = BLOCK // 16
"""A block has few columns of more elements than this, so that little of it lies together."""
_ROWS = np.array([[2, 0], [2, 1]])
_COLUMNS = np.array([[0, 2], [1, 1]])


def are_many_lines(x: Any, index: Any, dim: int) -> bool:
    """Whether ``index`` is large and has as many lines along ``dim`` as the tensor or array ``x``, all plain."""
    if type(index) is not np.ndarray or index.size < MANY or type(unwrap(x)) is not np.ndarray or x.dtype.itemsize < 4:
        return False
    return all(m == n or d == dim for d, (m, n) in enumerate(zip(index.shape, shape_of(x), strict=True)))


def _by_part(work: Callable[[Any], None], index: Any, dim: int) -> None:
    """``work`` on blocks of lines along ``dim``, or on some columns, which the caches hold, if those are not long."""
    if dim or index.ndim == 1 or len(index) > _LONG:
        by_lines(work, index, dim)
    else:
        in_blocks(np.moveaxis(index, 1, 0), lambda: lambda block: work((slice(None), block)), BLOCK)


@op(
    x=lambda g, index, x_shape, dim: put_lines.kernel(np.zeros_like(g, shape=x_shape), g, index, dim),
    constants=("index",),
    jvp="linear",
    samples=[case(x=reals(shape=(3, 2)), index=_ROWS, dim=0), case(x=reals(shape=(2, 3)), index=_COLUMNS, dim=1)],
)
def last_lines(x: Any, index: Any, dim: int) -> Any:
    """``np.take_along_axis``, but 0 where the same place comes again: the transpose of ``put_lines`` by ``y``."""
    if index.size < MANY or type(x) is not np.ndarray:
        out, stay = np.take_along_axis(x, index, dim), last_ones(line_positions(index, x.shape, dim), x.size, False)
        return out if stay is None else keep.op.forward(out, stay)
    out = np.empty(index.shape, x.dtype)
    repeated: list[Any] = []

    def work(block: Any) -> None:
        part = np.ascontiguousarray(x[block])
        flat = line_positions(index[block], part.shape, dim)
        values = part.reshape(-1).take(flat, mode="clip")  # not to check what was checked
        stay = last_ones(flat, part.size, bool(repeated))
        if stay is not None:
            repeated.append(block)
            values = keep.op.forward(values, stay)
        out[block] = values

    _by_part(work, index, dim)
    return out


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
        whole = part.flags.c_contiguous
        lines = part if whole else np.empty(part.shape, x.dtype)
        lines[...] = x[block]
        lines.reshape(-1)[line_positions(index[block], part.shape, dim)] = y[block] if listed else y
        if not whole:
            part[...] = lines

    _by_part(work, index, dim)
    return out
