"""What reductions share: dimensions as PyTorch gives them, and the way back from a reduced shape."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from .. import dtypes
from .._op import op
from ..errors import DtypeError
from ..samples import case, reals

__all__ = [
    "accumulation_dtype", "axes_of", "axis_of", "broadcast_back", "cast_input", "count", "first_of", "kept",
    "line_axis", "place_along", "restore",
]  # fmt: skip


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
        raise ValueError(f"dim {given} names a dimension twice")
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


def accumulation_dtype(dtype: Any) -> Any:
    """The dtype to accumulate in: float32 for 16-bit floats, None (its own) for the others."""
    return dtypes.float32 if dtype.itemsize == 2 and dtype.kind in "fV" else None


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


def _take_back(g: Any, index: Any, dim: int, keepdim: bool) -> Any:
    if not np.ndim(g):
        return np.reshape(g, np.shape(index))
    if keepdim:
        return np.take_along_axis(g, index, dim)
    return np.reshape(np.take_along_axis(g, np.expand_dims(index, dim), dim), np.shape(index))


@op(
    x=lambda g, index, dim, keepdim: _take_back(g, index, dim, keepdim),
    constants=("index",),
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
    if not repeated:
        np.put_along_axis(out, index, x, dim)
        return out
    places = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index
    np.add.at(out, tuple(places), x)
    return out
