"""``gather`` and ``scatter`` of large arrays, in blocks of whole lines along the dimension in which the index counts.

An index has as many lines as the array, and is in bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op, unwrap
from ..samples import case, reals
from .axes import MANY, in_parts, line_positions
from .selection import keep
from .shapes import shape_of

_ROWS = np.array([[2, 0], [2, 1]])
_COLUMNS = np.array([[0, 2], [1, 1]])


def are_many_lines(x: Any, index: Any, dim: int) -> bool:
    """Whether ``index`` is large and has as many lines along ``dim`` as the tensor or array ``x``, all plain."""
    if type(index) is not np.ndarray or index.size < MANY or type(unwrap(x)) is not np.ndarray or x.dtype.itemsize < 4:
        return False
    return all(m == n or d == dim for d, (m, n) in enumerate(zip(index.shape, shape_of(x), strict=True)))


def _put_back(x: Any, index: Any, dim: int) -> tuple[Any, Any]:
    """``x`` where nothing was written at ``index``, and what it has where each number was written last."""
    flat = line_positions(index, x.shape, dim)
    numbers = np.arange(1, flat.size + 1, dtype=np.int32 if flat.size < 1 << 31 else np.int64).reshape(flat.shape)
    last = np.zeros(x.size, numbers.dtype, like=flat)
    last[flat] = numbers
    mine = np.take(np.reshape(x, -1), flat, mode="clip")  # not to check what was checked
    return keep.op.forward(x, np.reshape(last == 0, x.shape)), keep.op.forward(
        mine, np.equal(np.take(last, flat, mode="clip"), numbers)
    )


@op(
    x=lambda g_dx, g_dy, index, dim: put_lines.kernel(g_dx, g_dy, index, dim),
    outputs=("dx", "dy"),
    constants=("index",),
    jvp="linear",
    samples=[case(x=reals(shape=(3, 2)), index=_ROWS, dim=0), case(x=reals(shape=(2, 3)), index=_COLUMNS, dim=1)],
)
def put_lines_backward(x: Any, index: Any, dim: int) -> Any:
    """The gradients of both inputs of ``put_lines``, from ``x``, its output's: each is the transpose of the other."""
    if index.size < MANY or type(x) is not np.ndarray:
        return _put_back(x, index, dim)
    dx, dy = np.empty(x.shape, x.dtype), np.empty(index.shape, x.dtype)

    def work(block: Any) -> None:
        dx[block], dy[block] = _put_back(np.ascontiguousarray(x[block]), index[block], dim)

    in_parts(work, index, dim)
    return dx, dy


def _put_rule(g: Any, x: Any, y: Any, index: Any, dim: int, needs: tuple[bool, ...]) -> tuple[Any, Any]:
    if not needs[1]:
        return put_lines.kernel(g, np.zeros_like(y, dtype=g.dtype), index, dim), None
    dx, dy = put_lines_backward.kernel(g, index, dim)
    return (dx if needs[0] else None), dy


@op(
    joint=_put_rule,
    inputs=("x", "y"),
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(3, 2)), y=reals(shape=(2, 2)), index=_ROWS, dim=0),
        case(x=reals(shape=(2, 3)), y=reals(shape=(2, 2)), index=_COLUMNS, dim=1),
    ],
)
def put_lines(x: Any, y: Any, index: Any, dim: int) -> Any:
    """A copy of ``x`` with ``y``, of the shape of ``index``, where ``np.take_along_axis`` would read.

    Where a place comes again, the last number stays.
    """
    if index.size < MANY or type(x) is not np.ndarray or type(y) is not np.ndarray:
        # a plain array takes the type of what is written into it, which may be one that records
        out = np.array(x, like=y) if type(x) is np.ndarray else np.array(x, subok=True)
        np.put_along_axis(out, index, y, dim)
        return out
    out = np.empty(x.shape, x.dtype)

    def work(block: Any) -> None:
        part = out[block]
        whole = part.flags.c_contiguous
        lines = part if whole else np.empty(part.shape, x.dtype)
        lines[...] = x[block]
        lines.reshape(-1)[line_positions(index[block], part.shape, dim)] = y[block]
        if not whole:
            part[...] = lines

    in_parts(work, index, dim)
    return out
