"""What reductions share: dimensions as PyTorch gives them, and the way back from a reduced shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from .. import dtypes
from .._op import op
from ..engine.sums import accumulation_dtype
from ..errors import ArgumentError, DtypeError
from ..samples import case, reals
from ._blocks import BLOCK, copied, in_blocks

__all__ = [
    "MANY", "accumulation_dtype", "along", "axes_of", "axis_of", "broadcast_back", "by_lines", "cast_input", "count",
    "first_of", "folded", "in_one_line", "kept", "line_axis", "line_positions", "picked", "place_along", "restore",
    "take_lines", "tangents_at", "true_places", "wide_dtype", "widened",
]  # fmt: skip


def along(dim: int, part: Any) -> tuple[Any, ...]:
    """The index that takes ``part`` (an int, a slice, an array) of dimension ``dim``, and all of the others."""
    return (slice(None),) * dim + (part,) if dim >= 0 else (Ellipsis, part) + (slice(None),) * (-dim - 1)


def axis_of(dim: Any) -> Any:
    """``dim`` as NumPy's ``axis``: an int, a tuple, or None for all, which PyTorch also means by an empty tuple."""
    if dim is None or type(dim) is int:
        return dim
    if hasattr(dim, "__index__"):
        return index(dim)
    return tuple([index(d) for d in dim]) or None


def axes_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """``dim`` as a tuple of non-negative dimensions. A 0-d array counts as having one, as in PyTorch.

    Raises:
        AxisError: there is no such dimension.
        ValueError: a dimension is given twice.
    """
    axis = axis_of(dim)
    if axis is None:
        return tuple(range(ndim))
    rank = ndim or 1
    given = (axis,) if type(axis) is int else axis
    axes = tuple([d + rank if d < 0 else d for d in given])
    for d, asked in zip(axes, given, strict=True):
        if not 0 <= d < rank:
            raise np.exceptions.AxisError(asked, rank, "dim")
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"dim {given} names a dimension twice")
    return axes[:ndim]


def kept(shape: Sequence[int], dim: Any) -> tuple[int, ...]:
    """``shape`` with 1 in the dimensions ``dim``."""
    ndim = len(shape)
    if type(dim) is int and ndim:
        dim %= ndim
        return (*shape[:dim], 1, *shape[dim + 1 :])
    axes = axes_of(dim, ndim)
    return tuple([1 if d in axes else n for d, n in enumerate(shape)])


def count(shape: Sequence[int], dim: Any) -> int:
    """How many elements are reduced to one."""
    n = 1
    if type(dim) is int:
        return shape[dim] if shape else 1
    for d in axes_of(dim, len(shape)):
        n *= shape[d]
    return n


def first_of(x: Any, dim: Any) -> Any:
    """The first of the elements that are reduced to one, the dimensions kept."""
    axes = axes_of(dim, np.ndim(x))
    return x[tuple([slice(0, 1) if d in axes else slice(None) for d in range(np.ndim(x))])]


def restore(g: Any, shape: Sequence[int], dim: Any, keepdim: bool) -> Any:
    """A reduction's output (or its gradient) with the reduced dimensions as 1, so that it broadcasts to ``shape``."""
    if keepdim or dim is None:
        return g
    return np.reshape(g, kept(shape, dim))


def broadcast_back(g: Any, shape: Sequence[int], dim: Any, keepdim: bool) -> Any:
    """Hand the gradient of a reduction's output to every element that was reduced: a view."""
    return np.broadcast_to(restore(g, shape, dim, keepdim), shape)


def wide_dtype(dtype: Any) -> Any:
    """``accumulation_dtype``, but ``dtype`` itself where that is None."""
    return accumulation_dtype(dtype) or dtype


def widened(x: Any) -> Any:
    """``x`` in the dtype to accumulate in, in which powers of a 16-bit float neither overflow nor vanish."""
    wide = accumulation_dtype(x.dtype)
    return x if wide is None else x.astype(wide)


def in_one_line(a: Any, axis: int | None) -> tuple[Any, int]:
    """What NumPy sorts or scans: without ``axis`` all elements in one line."""
    return (np.ravel(a), 0) if axis is None else (a, axis)


def cast_input(name: str, x: Any, dtype: Any, integers: Any = None) -> Any:
    """The input of a reduction in the dtype asked for; where none is, integers and bools in ``integers``.

    Raises:
        DtypeError: integers, and no dtype to compute them in.
    """
    if not hasattr(x, "dtype"):
        x = np.asanyarray(x, dtypes.weak_dtype(x))
    if dtype is not None:
        x = x.astype(dtypes.as_dtype(dtype), copy=False)
    if x.dtype.kind in "fcV" or (integers is not None and dtype is not None):
        return x
    if integers is None:
        raise DtypeError(
            f"{name}: the input is {x.dtype}, but {name} is of floating or complex numbers; convert it first, "
            f"with x.float(), say, or {name}(..., dtype=autograd.float32) where it takes a dtype"
        )
    return x.astype(integers, copy=False)


def line_axis(x: Any, dim: int) -> tuple[Any, int]:
    """``x`` and its dimension ``dim``, not negative, for what works along one: a 0-d array as a line of one element."""
    if -x.ndim <= dim < x.ndim:
        return x, index(dim) % x.ndim
    axis = axes_of(index(dim), x.ndim or 1)[0]
    return (x if x.ndim else np.reshape(x, 1)), axis


MANY = 1 << 14
"""From this many elements on it pays to compute where they lie in memory."""
_SHORT = 64
"""To add a line of this many elements or fewer to many takes longer than to repeat it first."""


def line_positions(index: Any, shape: Sequence[int], dim: int) -> Any:
    """Where the elements at ``index``, integers from 0 on along ``dim``, lie in an array of ``shape`` seen as one line.

    ``index`` has as many dimensions as the array; it starts where the array does.
    """
    if len(shape) == 1:
        return index
    strides = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
    flat: Any = index if strides[dim] == 1 else index * strides[dim]
    if dim == len(shape) - 1 and index.shape[:-1] == tuple(shape[:-1]):  # all other dimensions in one step
        start: Any = np.arange(math.prod(shape[:-1])).reshape(*shape[:-1], 1) * shape[-1]
    else:
        start = 0
        for d, n in enumerate(index.shape):
            if d != dim and n > 1:
                start = start + (np.arange(n) * strides[d]).reshape((-1, *(1,) * (len(shape) - d - 1)))
    if np.ndim(start) and 1 < start.size == start.shape[-1] <= _SHORT:
        start = copied(np.broadcast_to(start, index.shape))
    if flat is not index and type(flat) is np.ndarray:
        return np.add(flat, start, out=flat)
    return flat + start


def by_lines(work: Callable[[Any], None], index: Any, dim: int) -> None:
    """``work`` on the lines along ``dim``, in blocks where they stand one after another.

    NumPy keeps Python's lock while it indexes: smaller blocks than of other work let threads take turns.
    """
    if dim:
        in_blocks(index, lambda: work, BLOCK)
    else:
        work(slice(None))


_LONG = BLOCK // 16
"""Of columns longer than this a block has few, so that little of it lies together."""


def _has_short_columns(x: Any) -> bool:
    return x.ndim > 1 and len(x) <= _LONG


def in_parts(work: Callable[[Any], None], index: Any, dim: int) -> None:
    """As ``by_lines``, but along dimension 0 on some columns, which the caches hold, if those are not long."""
    if not dim and _has_short_columns(index):
        in_blocks(np.moveaxis(index, 1, 0), lambda: lambda block: work((slice(None), block)), BLOCK)
    else:
        by_lines(work, index, dim)


@op(
    x=lambda g, index, x_shape, dim: place_along.kernel(g, index, x_shape, dim, True, True),
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(3, 2)), index=np.array([[2, 0], [2, 1]]), dim=0),
        case(x=reals(shape=(2, 3)), index=np.array([[0, 2], [1, 1]]), dim=1),
    ],
)
def take_lines(x: Any, index: Any, dim: int) -> Any:
    """``np.take_along_axis`` for indices that are in bounds, as many in other dimensions as ``x`` has."""
    if index.size < MANY or type(x) is not np.ndarray:
        return np.take_along_axis(x, index, dim)
    out, dim = np.empty(index.shape, x.dtype), dim % x.ndim

    def take(x: Any, index: Any, into: Any) -> None:
        x = np.ascontiguousarray(x)
        flat, whole = line_positions(index, x.shape, dim), into.flags.c_contiguous
        found = x.reshape(-1).take(flat, out=into if whole else None, mode="clip")  # it was checked, which takes a copy
        if not whole:
            into[...] = found

    if dim or _has_short_columns(index):
        in_parts(lambda block: take(x[block], index[block], out[block]), index, dim)
    else:
        in_blocks(index, lambda: lambda block: take(x, index[block], out[block]), BLOCK)
    return out


def folded(ufunc: Any, lines: Any, width: int) -> Any:
    """The lines of a matrix, each second half joined to the first by ``ufunc`` until they are ``width`` to twice that.

    To reduce them so is many times as fast as element by element, of which each waits for the one before.
    """
    while lines.shape[1] >= 2 * width:
        half = lines.shape[1] // 2
        joined = ufunc(lines[:, :half], lines[:, half : 2 * half])
        if lines.shape[1] % 2:
            ufunc(joined[:, 0], lines[:, -1], out=joined[:, 0])
        lines = joined
    return lines


_MANY_FLAGS = 1 << 10


def true_places(flags: Any) -> Any:
    """``np.flatnonzero`` of flags few of which are True: of many, eight are looked at at once."""
    flat = flags.reshape(-1)
    if flat.size <= BLOCK:
        return np.flatnonzero(flat)
    whole = flat.size // 8 * 8
    eights = np.flatnonzero(flat[:whole].view(np.uint64))
    within = np.flatnonzero(flat[:whole].reshape(-1, 8)[eights])
    places = eights[within >> 3] * 8 + (within & 7)
    return places if whole == flat.size else np.append(places, np.flatnonzero(flat[whole:]) + whole)


def nonzero_indices(x: Any) -> Any:
    """``np.nonzero`` of an array with dimensions. Of many elements the places in a line are found, and then divided."""
    if type(x) is not np.ndarray or x.size < _MANY_FLAGS:
        return np.nonzero(x)
    flat = np.flatnonzero(x if x.dtype == np.bool_ else x != 0)
    if x.ndim == 1:
        return flat[None]
    rows = np.empty((x.ndim, flat.size), np.intp)
    for row, n in zip(rows[:0:-1], x.shape[:0:-1], strict=True):
        before = flat // n
        np.multiply(before, n, out=row)
        np.subtract(flat, row, out=row)
        flat = before
    rows[0] = flat
    return rows


def _in_runs(places: Any) -> bool:
    """Whether the same place comes many times in a row, as after a running maximum; judged by the first."""
    some = places[:4096]
    return bool(4 * np.count_nonzero(some[1:] != some[:-1]) < len(some))


def _add_at(out: Any, flat: Any, x: Any) -> None:
    """Add elements to a line, which is 0; what falls on one place in a row is summed before."""
    if _in_runs(flat):
        first = np.append(0, true_places(flat[1:] != flat[:-1]) + 1)
        flat, x = flat[first], np.add.reduceat(x, first)
    if x.dtype.char in _SPARSE:
        _add_rows(out[None], flat[None], x[None])
    else:
        np.add.at(out, flat, x)


_SPARSE = "fdFD"
"""Types of the numbers in sparse matrices."""


def _add_rows(out: Any, index: Any, x: Any) -> None:
    """Add the rows of ``x`` to those of ``out``, which is 0, at ``index``: as a sparse matrix is made dense.

    It takes half the time of ``np.add.at``, and does not keep other threads waiting.
    """
    from scipy.sparse import csr_array

    sparse = csr_array(out.shape, dtype=x.dtype)  # made from indices, it would look at each of them
    sparse.data, sparse.indices = x.reshape(-1), index.reshape(-1)
    sparse.indptr = np.arange(0, index.size + 1, index.shape[1])
    sparse.toarray(out=out)


def _place_many(out: Any, index: Any, x: Any, dim: int, repeated: bool) -> None:
    """Write or add ``x`` to ``out``, which is 0, at ``index`` along ``dim``."""
    whole = x.dtype.char in _SPARSE and index.shape[:-1] == out.shape[:-1] and dim == out.ndim - 1

    def place(out: Any, index: Any, x: Any) -> None:
        if repeated and whole and not _in_runs(index.reshape(-1)):
            _add_rows(*[array.reshape(-1, array.shape[-1]) for array in (out, index, x)])
            return
        flat = line_positions(index, out.shape, dim)
        if repeated:
            _add_at(out.reshape(-1), flat.reshape(-1), x.reshape(-1))
        else:
            out.reshape(-1)[flat] = x

    def beside(block: slice) -> None:
        part = np.zeros_like(out[:, block], order="C")
        place(part, index[:, block], x[:, block])
        out[:, block] = part

    if dim:
        in_blocks(index, lambda: lambda block: place(out[block], index[block], x[block]), BLOCK)
    elif out.ndim > 1 and repeated:
        in_blocks(np.moveaxis(index, 1, 0), lambda: beside, BLOCK)
    else:
        place(out, index, x)


def picked(g_values: Any, indices: Any, x_shape: tuple[int, ...], dim: int, keepdim: bool) -> Any:
    """The gradients of the elements at ``indices`` go to their places: of all that selects elements."""
    return place_along.kernel(g_values, indices, x_shape, dim, keepdim)


def tangents_at(t_x: Any, indices: Any, dim: int, keepdim: bool = True) -> tuple[Any, None]:
    """How the elements at ``indices`` move, and None for the indices: in forward mode, of all that selects elements."""
    return _take_back(t_x, indices, dim, keepdim), None


def _take_back(g: Any, index: Any, dim: int, keepdim: bool) -> Any:
    if not np.ndim(g):
        return np.reshape(g, np.shape(index))
    if keepdim:
        return take_lines.kernel(g, index, dim)
    return np.reshape(np.take_along_axis(g, np.expand_dims(index, dim), dim), np.shape(index))


@op(
    x=_take_back,
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(2,)), index=np.array([2, 0]), shape=(2, 3), dim=-1, keepdim=False),
        case(x=reals(shape=(2, 2)), index=np.array([[2, 0], [0, 1]]), shape=(3, 2), dim=0),
        case(x=reals(shape=(2, 3)), index=np.array([[1, 1, 0], [0, 0, 0]]), shape=(2, 2), dim=1, repeated=True),
        case(x=reals(shape=()), index=np.array(0), shape=(), dim=0),
    ],
)
def place_along(
    x: Any, index: Any, shape: tuple[int, ...], dim: int, keepdim: bool = True, repeated: bool = False
) -> Any:
    """Zeros of ``shape`` with ``x`` at the places ``index`` along ``dim``: what undoes ``np.take_along_axis``.

    ``repeated``: an index may occur twice in a line, and what falls on one place is added up. Without ``keepdim``,
    ``x`` and ``index`` lack ``dim``: they have one element for each line.
    """
    out = np.zeros(shape, x.dtype, like=np.asanyarray(x))
    if not shape:
        out[()] = np.reshape(x, ())
        return out
    if not keepdim:
        x, index = np.expand_dims(x, dim), np.expand_dims(index, dim)
    if np.size(index) >= MANY and type(x) is np.ndarray and x.shape == index.shape:
        _place_many(out, index, x, dim % len(shape), repeated)
        return out
    if not repeated:
        np.put_along_axis(out, index, x, dim)
        return out
    places = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index
    np.add.at(out, tuple(places), x)
    return out


def reduced_partly(
    reduction: Callable[..., Any],
    join: np.ufunc,
    neutral: float | None,
    a: Any,
    initial: Any,
    where: Any,
    **kwargs: Any,
) -> Any:
    """A reduction of NumPy with its options: ``where`` leaves elements out, ``initial`` is joined to the result."""
    if where is not True:
        missing = initial if neutral is None else neutral
        if missing is None:
            raise ArgumentError(f"numpy.{join.__name__} of no elements is undefined: beside where= give initial=, too")
        a = np.where(where, a, missing)
    if neutral is None and not np.size(a):  # the extreme of nothing is what it starts from
        return (np.sum(a, **kwargs) + initial).astype(a.dtype)
    result = reduction(a, **kwargs)
    return result if initial is None else join(result, initial)
