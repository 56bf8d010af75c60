"""Reductions: sums, means, products, logic over some or all dimensions.

Of every op here: ``dim`` is None (all), an int or a tuple, negative ones counted from the end; an empty tuple means
all, as in PyTorch. ``keepdim`` keeps the reduced dimensions with size 1. 16-bit floats are accumulated in float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op, unwrap
from .._protocols import numpy_function, ufunc_method
from ..engine.sums import SHORT, are_short_lines
from ..errors import ShapeError
from ..samples import booleans, case, integers, reals
from . import _extremes
from ._blocks import BLOCK, SOME, in_blocks
from ._sums import add_reduce
from .axes import (
    accumulation_dtype,
    axes_of,
    axis_of,
    broadcast_back,
    cast_input,
    count,
    folded,
    kept,
    reduced_partly,
    restore,
)
from .diagonals import diagonal
from .scans import can_divide, cumprod, cumprod_backward, shifted
from .selection import keep

if TYPE_CHECKING:
    from .._tensor import Tensor

REDUCED: list[Any] = [
    case(x=reals(shape=(2, 3))),
    case(x=reals(shape=(2, 3)), dim=0),
    case(x=reals(shape=(2, 3)), dim=-1, keepdim=True),
    case(x=reals(shape=(2, 3, 2)), dim=(0, -1)),
    case(x=reals(shape=(2, 1, 3)), dim=(2, 1), keepdim=True),
    case(x=reals(shape=(2, 2)), dim=()),
    case(x=reals(shape=(1,)), dim=0),
    case(x=reals(shape=())),
    case(x=reals(shape=()), dim=-1),
    case(x=reals(shape=(2, 0)), dim=0),
]
_NOTHING: list[Any] = [case(x=reals(shape=(0, 3)), dim=0), case(x=reals(shape=(0,)))]
_FAST = {dtypes.float32, dtypes.float64}
_SMALL = {dtypes.bool_, dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.int32}
_add: Any = np.add.reduce  # bound once, and free of stubs that do not know positional arguments, which are faster
_multiply: Any = np.multiply.reduce


# ---- sums and means -------------------------------------------------------------------------------------------------


@op(
    x=lambda g, x_shape, dim, keepdim: broadcast_back(g, x_shape, dim, keepdim),
    jvp="linear",
    samples=[*REDUCED, *_NOTHING],
)
def sum(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum of all elements, or along dimensions.

    Args:
        x: integers and bools are added up in int64.
        dim: a dimension or a tuple of them; None for all.
        keepdim: keep them, with size 1.
        dtype: convert to this dtype first.

    >>> import autograd
    >>> autograd.sum(autograd.ones(2, 3), 1)
    tensor([3., 3.])
    """
    if dtype is None and getattr(x, "dtype", None) in _FAST:
        if x.size <= SHORT and (dim is None or type(dim) is int):
            return _add(x, dim, None, None, keepdim)
        return add_reduce(x, dim, keepdim)
    if type(x) is np.ndarray and dtype is None and x.size > BLOCK and x.dtype in _SMALL and not are_short_lines(x):
        return _add(x, axis_of(dim), dtypes.int64, None, keepdim)  # without a copy of it all in int64
    x = cast_input("sum", x, dtype, dtypes.int64)
    return add_reduce(x, dim, keepdim).astype(x.dtype, copy=False)


@op(
    x=lambda g, x_shape, dim, keepdim: broadcast_back(g / count(x_shape, dim), x_shape, dim, keepdim),
    jvp="linear",
    samples=REDUCED,
)
def mean(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Arithmetic mean of all elements, or along dimensions. The mean of nothing is NaN.

    Args:
        x: floating or complex.
        dim: a dimension or a tuple of them; None for all.
        keepdim: keep them, with size 1.
        dtype: convert to this dtype first.

    Raises: DtypeError for integers and bools without ``dtype``.

    >>> from autograd import mean, tensor
    >>> mean(tensor([[1.0, 3.0], [5.0, 7.0]]), 1, keepdim=True)
    tensor([[2.],
            [6.]])
    """
    x = cast_input("mean", x, dtype)
    total = add_reduce(x, dim, keepdim)
    n = x.size if dim is None else count(x.shape, dim)
    result = total / n if n else total + float("nan")
    return result if result.dtype == x.dtype else result.astype(x.dtype)


@op(
    x=lambda g, x, dim, keepdim: np.where(np.isnan(x), 0, restore(g, np.shape(x), dim, keepdim)),
    jvp="reduction",
    samples=[*REDUCED, *_NOTHING],
)
def nansum(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum of the elements that are not NaN."""
    x = cast_input("nansum", x, dtype, dtypes.int64)
    return _sum_present(x, dim, keepdim).astype(x.dtype, copy=False)


def _sum_present(x: Any, dim: Any, keepdim: bool) -> Any:
    """The sum of the elements that are not NaN."""
    if type(x) is not np.ndarray or x.size < SOME:
        return add_reduce(np.where(np.isnan(x), 0, x), dim, keepdim)
    with np.errstate(invalid="ignore"):
        total = add_reduce(x, dim, keepdim)
    if np.isnan(total).any():
        total = add_reduce(keep.op.forward(x, x == x), dim, keepdim)
    return total


def _present(x: Any, dim: Any, keepdim: bool) -> Any:
    """How many elements are not NaN."""
    return np.sum(np.logical_not(np.isnan(x)), axis=axes_of(dim, np.ndim(x)), keepdims=keepdim)


@op(
    x=lambda g, x, dim, keepdim: np.where(
        np.isnan(x), 0, restore((g / _present(x, dim, keepdim)).astype(g.dtype), np.shape(x), dim, keepdim)
    ),
    jvp="reduction",
    samples=REDUCED,
)
def nanmean(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Arithmetic mean of the elements that are not NaN; NaN if there are none.

    Raises: DtypeError for integers and bools without ``dtype``.
    """
    x = cast_input("nanmean", x, dtype)
    with np.errstate(invalid="ignore"):
        total = _sum_present(x, dim, keepdim)
        whole = type(x) is np.ndarray and x.size >= SOME and not np.isnan(x).any()
        return (total / (count(x.shape, dim) if whole else _present(x, dim, keepdim))).astype(x.dtype, copy=False)


@composed(samples=[case(x=reals(shape=(3, 3))), case(x=reals(shape=(2, 3)))])
def trace(x: Any) -> Tensor:
    """The sum of a matrix's diagonal.

    Raises: ShapeError if ``x`` is not a matrix.
    """
    if np.ndim(x) != 2:
        raise ShapeError(f"trace: expected a matrix, got shape {np.shape(x)}")
    return sum(diagonal(x))


# ---- products -------------------------------------------------------------------------------------------------------


def _others_rule(g: Any, x: Any, dim: int) -> Any:
    mirrored = np.flip(x, dim)
    before, after = cumprod.kernel(x, dim), cumprod.kernel(mirrored, dim)
    by_before = shifted.kernel(g * np.flip(shifted.kernel(after, dim, 1, 1), dim), dim, -1, 0)
    by_after = shifted.kernel(np.flip(g * shifted.kernel(before, dim, 1, 1), dim), dim, -1, 0)
    return cumprod_backward.kernel(by_before, x, before, dim) + np.flip(
        cumprod_backward.kernel(by_after, mirrored, after, dim), dim
    )


@op(
    x=_others_rule,
    constants=("product",),
    jvp="symmetric",
    samples=[
        case(x=reals(shape=(2, 3)), dim=1, product=np.ones((2, 1))),
        case(x=reals(shape=(3, 2, 2)), dim=0, product=np.ones((1, 2, 2))),
        case(x=reals(shape=(0, 2)), dim=1, product=np.ones((0, 1))),
    ],
)
def product_of_others(x: Any, dim: int, product: Any) -> Any:
    """Of every element the product of all others along ``dim``, exact where elements are zero.

    Only where none of many is, and nothing overflowed, is ``product``, that of all, divided by each.
    """
    if x.size >= SOME and type(x) is np.ndarray and can_divide(product, x):
        return np.divide(product, x).astype(x.dtype, copy=False)
    before = shifted.op.forward(cumprod.op.forward(x, dim), dim, 1, 1)
    after = np.flip(shifted.op.forward(cumprod.op.forward(np.flip(x, dim), dim), dim, 1, 1), dim)
    return before * after


_LANES = 1 << 10


def multiplied(x: Any, axis: Any, keepdim: bool) -> Any:
    """The product; that of many elements side by side first."""
    dtype = accumulation_dtype(x.dtype)
    if type(x) is not np.ndarray or x.size < _extremes.SOME:
        return _multiply(x, axis, dtype, None, keepdim)
    if x.size > BLOCK and isinstance(axis, int) and x.flags.f_contiguous and not x.flags.c_contiguous:
        return multiplied(x.T, x.ndim - 1 - axes_of(axis, x.ndim)[0], keepdim).T
    if axis is None:
        x = x.T if x.flags.f_contiguous else x
        if x.size > BLOCK and x.dtype.kind == "f" and x.flags.c_contiguous:
            line = x.reshape(-1)
            whole = line.size // _LANES * _LANES
            lanes = _multiply(line[:whole].reshape(-1, _LANES), 0, dtype)
            out = _multiply(lanes) * _multiply(line[whole:], None, dtype)
            return np.reshape(out, (1,) * x.ndim) if keepdim else out
    elif dtype is None and axis in (-1, x.ndim - 1):
        large = x.size > BLOCK and x.dtype.kind == "f" and x.shape[-1] > 1 and x.flags.c_contiguous
        if large or _extremes.are_short_lines(x):
            return _rows_multiplied(x, keepdim)
    return _multiply(x, axis, dtype, None, keepdim)


def _rows_multiplied(x: Any, keepdim: bool) -> Any:
    """The products of the rows of a large array."""
    rows = x.reshape(-1, x.shape[-1])
    if rows.shape[1] <= _extremes.SHORT:
        return _extremes.of_short_lines(np.multiply, rows).reshape((*x.shape[:-1], *(1,) * keepdim))
    out = np.empty((len(rows), 1), x.dtype)

    def work(block: slice) -> None:
        _multiply(folded(np.multiply, rows[block], 8), 1, None, out[block], True)

    in_blocks(rows, lambda: work)
    return out.reshape((*x.shape[:-1], *(1,) * keepdim))


def _prod_rule(g: Any, x: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    shape = np.shape(x)
    axes = axes_of(dim, len(shape))
    if len(axes) == 1:
        others = product_of_others.kernel(x, axes[0], np.reshape(out, kept(shape, axes)))
    else:
        order = (*[d for d in range(len(shape)) if d not in axes], *axes)
        moved = np.transpose(x, order)
        sizes = np.shape(moved)
        first = len(sizes) - len(axes)
        lines = np.reshape(moved, (math.prod(sizes[:first]), math.prod(sizes[first:])))
        others = np.reshape(product_of_others.kernel(lines, 1, np.reshape(out, (-1, 1))), sizes)
        others = np.transpose(others, tuple([order.index(d) for d in range(len(order))]))
    return restore(g, shape, dim, keepdim) * others


@op(x=_prod_rule, jvp="reduction", samples=[*REDUCED, *_NOTHING])
def prod(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Product of the elements. Integers and bools give int64; the product of nothing is 1.

    The gradient is exact where elements are zero.
    """
    x = cast_input("prod", x, dtype, dtypes.int64)
    axis = axis_of(dim) if x.ndim else axes_of(dim, 0) and None
    return multiplied(x, axis, keepdim).astype(x.dtype, copy=False)


# ---- logic and counts -----------------------------------------------------------------------------------------------

_FLAGS = [
    case(x=booleans(shape=(2, 3))),
    case(x=booleans(shape=(2, 3)), dim=0),
    case(x=booleans(shape=(2, 3, 2)), dim=(0, -1), keepdim=True),
    case(x=integers(-1, 1, shape=())),
    case(x=reals(shape=(0, 2)), dim=-1),
]


def _reduce_flags(ufunc: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    x = np.asanyarray(x)
    axis = () if isinstance(dim, (tuple, list)) and not dim else axis_of(dim)
    if not x.ndim:
        axis = axes_of(dim, 0) and None
    if x.dtype == np.bool_ and isinstance(axis, int):
        return _extremes.extreme_along(ufunc, x, axis, keepdim)
    out = ufunc.reduce(x, axis, np.bool_, None, keepdim)
    return out.astype(np.uint8) if x.dtype == np.uint8 else out


@op(samples=_FLAGS)
def any(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether some element is not zero (NaN is not), as bool (uint8 of uint8). An empty ``dim`` reduces nothing."""
    return _reduce_flags(np.logical_or, x, dim, keepdim)


@op(samples=_FLAGS)
def all(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether every element is not zero (NaN is not), as bool (uint8 of uint8). An empty ``dim`` reduces nothing."""
    return _reduce_flags(np.logical_and, x, dim, keepdim)


@op(samples=_FLAGS)
def count_nonzero(x: Any, dim: Any = None, *, keepdim: bool = False) -> Any:
    """How many elements are not zero, as int64."""
    if not np.ndim(x):
        axes_of(dim, 0)
        return np.asanyarray(np.asanyarray(x) != 0, dtypes.int64)
    return np.asanyarray(np.count_nonzero(x, axis_of(dim), keepdims=keepdim))


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


def numpy_axes(a: Any, axis: Any, keepdims: bool) -> tuple[Any, Any, bool]:
    """NumPy's arguments as ours: its empty tuple of axes reduces nothing, where PyTorch's reduces everything."""
    if type(axis) is tuple and not axis:
        ndim = np.ndim(a)
        return np.expand_dims(a, ndim), ndim, False
    return a, axis, keepdims


@numpy_function(np.sum)
def _numpy_sum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    if initial is not None or where is not True:
        return reduced_partly(_numpy_sum, np.add, 0, a, initial, where, axis=axis, dtype=dtype, keepdims=keepdims)
    return sum(*numpy_axes(a, axis, keepdims), dtype=dtype)


def counted(a: Any, axis: Any, where: Any) -> Any:
    """How many elements of ``a`` are averaged over ``axis``, in its dtype: a number of each result, with size 1."""
    return np.sum(np.broadcast_to(unwrap(where), np.shape(a)), axis, keepdims=True).astype(a.dtype)


@numpy_function(np.mean)
def numpy_mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    """``numpy.mean`` of a Tensor."""
    if dtype is None and a.dtype.kind in "biu":
        dtype = dtypes.float64
    if where is not True:
        a = a if dtype is None else a.astype(dtype)
        result = _numpy_sum(a, axis, keepdims=True, where=where) / counted(a, axis, where)
        return result if keepdims else np.squeeze(result, axis)
    return mean(*numpy_axes(a, axis, keepdims), dtype=dtype)


@numpy_function(np.prod)
def _numpy_prod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    if initial is not None or where is not True:
        return reduced_partly(_numpy_prod, np.multiply, 1, a, initial, where, axis=axis, dtype=dtype, keepdims=keepdims)
    return prod(*numpy_axes(a, axis, keepdims), dtype=dtype)


@numpy_function(np.trace)
def _numpy_trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return sum(diagonal(a, offset, axis1, axis2), -1, dtype=dtype)


@numpy_function(np.linalg.trace)
def _numpy_traces(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return sum(diagonal(x, offset, -2, -1), -1, dtype=dtype)


@numpy_function(np.nansum)
def _numpy_nansum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    if initial is not None or where is not True:
        return reduced_partly(_numpy_nansum, np.add, 0, a, initial, where, axis=axis, dtype=dtype, keepdims=keepdims)
    return nansum(*numpy_axes(a, axis, keepdims), dtype=dtype)


@numpy_function(np.nanmean)
def _numpy_nanmean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    if a.dtype.kind in "biu":
        return numpy_mean(a, axis, dtype, keepdims=keepdims, where=where)
    a = a if where is True else np.where(where, a, np.nan)
    return nanmean(*numpy_axes(a, axis, keepdims), dtype=dtype)


@numpy_function(np.any)
def _numpy_any(a: Any, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    a = a if where is True else np.where(where, a, False)
    return any(a, axis, keepdims).to(dtypes.bool_)


@numpy_function(np.all)
def _numpy_all(a: Any, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    a = a if where is True else np.where(where, a, True)
    return all(a, axis, keepdims).to(dtypes.bool_)


@numpy_function(np.count_nonzero)
def _numpy_count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    a, axis, keepdims = numpy_axes(a, axis, keepdims)
    return count_nonzero(a, axis, keepdim=keepdims)


def as_reduce(ufunc: np.ufunc, reduce: Any) -> None:
    """``ufunc.reduce`` is ``reduce``, but for its default axis, 0."""

    @ufunc_method(ufunc, "reduce")
    def method(a: Any, axis: Any = 0, keepdims: bool = False, **options: Any) -> Any:
        return reduce(a, axis, keepdims=keepdims, **options)


for _ufunc, _reduce in (
    (np.add, _numpy_sum), (np.multiply, _numpy_prod), (np.logical_or, _numpy_any), (np.logical_and, _numpy_all),
):  # fmt: skip
    as_reduce(_ufunc, _reduce)
