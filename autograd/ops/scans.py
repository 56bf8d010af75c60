"""Scans: running sums, products and extremes along a dimension, differences and trapezoids.

Shape, of the running ones: as the input. Integers and bools are summed and multiplied in int64, 16-bit floats in
float32. A 0-d input is a line of one element.
"""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from .._protocols import numpy_function, ufunc_method
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from . import arithmetic
from ._accumulation import accumulate, last_reached, records
from ._blocks import BLOCK, copied
from .axes import along, cast_input, in_one_line, line_axis, place_along, tangents_at
from .casting import clone
from .exponential import logaddexp
from .indexing import getitem
from .joining import cat
from .shapes import normalized_dim

if TYPE_CHECKING:
    from .._tensor import Tensor

_ALONG = [
    case(x=reals(shape=(2, 3)), dim=0),
    case(x=reals(shape=(2, 3, 2)), dim=-2),
    case(x=reals(shape=(4,)), dim=-1),
    case(x=reals(shape=(1,)), dim=0),
    case(x=reals(shape=()), dim=0),
    case(x=reals(shape=(0, 2)), dim=0),
    case(x=reals(shape=(0, 2)), dim=1),
]


# ---- what the rules of scans are made of ----------------------------------------------------------------------------


@op(
    x=lambda g, dim, steps: shifted.kernel(g, dim, -steps, 0),
    jvp=lambda t_x, dim, steps: shifted.kernel(t_x, dim, steps, 0),
    samples=[
        case(x=reals(shape=(2, 3)), dim=0, steps=1, fill=0.5),
        case(x=reals(shape=(2, 3)), dim=-1, steps=-1, fill=0),
        case(x=reals(shape=()), dim=0, steps=1, fill=1),
    ],
)
def shifted(x: Any, dim: int, steps: int, fill: float) -> Any:
    """``x`` moved by one place along ``dim`` (``steps`` 1 or -1); ``fill`` comes in, what leaves is dropped."""
    out = np.full_like(x, fill)
    if np.ndim(x):
        here, there = along(dim, slice(1, None)), along(dim, slice(None, -1))
        if steps < 0:
            here, there = there, here
        out[here] = x[there]
    return out


_MAX_LOOP = 64
"""Up to this length a recurrence is computed step by step, which costs a few NumPy calls per step."""


def _recurrence_rule(g: Any, x: Any, out: Any, dim: int, reverse: bool, needs: tuple[bool, ...]) -> Any:
    steps = -1 if reverse else 1
    carried = recurrence.kernel(shifted.kernel(x, dim, -steps, 0), g, dim, not reverse)
    return (carried * shifted.kernel(out, dim, steps, 0) if needs[0] else None), (carried if needs[1] else None)


def _recurrence_along(t_x: Any, t_y: Any, x: Any, out: Any, dim: int, reverse: bool) -> Any:
    moved = t_y
    if t_x is not None:
        by_x = t_x * shifted.kernel(out, dim, -1 if reverse else 1, 0)
        moved = by_x if t_y is None else t_y + by_x
    return recurrence.kernel(x, moved, dim, reverse)


@op(
    joint=_recurrence_rule,
    jvp=_recurrence_along,
    inputs=("x", "y"),
    samples=[
        case(x=reals(shape=(2, 3)), y=reals(shape=(2, 3)), dim=0),
        case(x=reals(shape=(2, 4)), y=reals(shape=(2, 4)), dim=-1, reverse=True),
        case(x=reals(-0.9, 0.9, shape=(70,)), y=reals(shape=(70,)), dim=0),
        case(x=reals(shape=()), y=reals(shape=()), dim=0),
    ],
)
def recurrence(x: Any, y: Any, dim: int, reverse: bool = False) -> Any:
    """``out[i] = y[i] + x[i] * out[i - 1]`` along ``dim`` (``reverse``: ``out[i + 1]``), starting from 0.

    The transpose of a recurrence is another one, in the other direction: so are the derivatives of ``cumprod``, of
    every order, exact without a division.
    """
    if not np.ndim(y):
        return np.array(y, subok=True)
    out = np.array(np.swapaxes(y, 0, dim), order="C", subok=True)  # steps over whole rows are fast
    factor = np.array(np.swapaxes(x, 0, dim), order="C", subok=True)
    result = np.swapaxes(out, 0, dim)
    if reverse:
        out, factor = out[::-1], factor[::-1]
    n = len(out)
    if n <= _MAX_LOOP or out.size // n >= 1024:
        for i in range(1, n):
            out[i] += factor[i] * out[i - 1]
        return result
    step = 1
    while step < n:  # every pass doubles how far back a place has looked
        out[step:] += factor[step:] * out[:-step].copy()
        factor[step:] *= factor[:-step].copy()
        step *= 2
    return result


# ---- running sums and products --------------------------------------------------------------------------------------


@op(x=lambda g, dim: cumsum.kernel(g, dim), jvp="linear", samples=_ALONG)
def sums_from_end(x: Any, dim: int) -> Any:
    """Running sum from the end: the transpose of ``cumsum``."""
    return accumulate(np.add, x, dim, True)


@op(x=lambda g, dim: sums_from_end.kernel(g, dim), jvp="linear", samples=_ALONG)
def cumsum(x: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running sum along ``dim``.

    >>> from autograd import cumsum, tensor
    >>> cumsum(tensor([1.0, 2.0, 4.0]), 0)
    tensor([1., 3., 7.])
    """
    return accumulate(np.add, cast_input("cumsum", x, dtype, dtypes.int64), dim)


def _carried(y: Any, x: Any, dim: int) -> Any:
    return recurrence.kernel(shifted.kernel(x, dim, -1, 0), y, dim, True)


def _slope_by_x(g: Any, y: Any, x: Any, value: Any, dim: int) -> Any:
    by_y = recurrence.kernel(x, g * shifted.kernel(value, dim, 1, 1), dim)
    return shifted.kernel(by_y * shifted.kernel(_carried(y, x, dim), dim, -1, 0), dim, 1, 0)


@op(
    y=lambda g, x, value, dim: recurrence.kernel(x, g * shifted.kernel(value, dim, 1, 1), dim),
    x=_slope_by_x,
    value=lambda g, y, x, dim: shifted.kernel(g * _carried(y, x, dim), dim, -1, 0),
    samples=[
        case(y=reals(shape=shape), x=reals(shape=shape), value=reals(shape=shape), dim=dim)
        for shape, dim in (((2, 3), 0), ((2, 3, 2), -2), ((4,), 0), ((), 0), ((0, 2), 1))
    ],
)
def cumprod_backward(y: Any, x: Any, value: Any, dim: int) -> Any:
    """The gradient of the input of ``cumprod``, from that of its output, ``y``, and the output, ``value``.

    Exact where elements are zero. Only where none of many is, and nothing overflowed, are products divided by ``x``.
    """
    if y.size > BLOCK and type(value) is np.ndarray and can_divide(value, x):
        out = sums_from_end.op.forward(y * value, dim)
        return np.divide(out, x, out=out)
    return shifted.op.forward(value, dim, 1, 1) * _carried(y, x, dim)


_FACTOR = 2.0**-24
"""A product too small for its dtype, divided by no smaller a factor, is still about the smallest that is not 0."""


def can_divide(product: Any, x: Any) -> bool:
    """Whether products are such that dividing one by a factor, an element of ``x``, gives that of the others."""
    if product.dtype.kind != "f":
        return False
    limits, low, high = np.finfo(product.dtype), product.min(), product.max()
    if low < limits.tiny:  # which is no fault if it is negative
        size = np.abs(product)
        low, high = size.min(), size.max()
    return bool(high <= limits.max and (low >= limits.tiny or np.abs(x).min() >= _FACTOR))


@op(
    x=lambda g, x, out, dim: cumprod_backward.kernel(g, x, out, dim),
    jvp=lambda t_x, x, out, dim: recurrence.kernel(x, t_x * shifted.kernel(out, dim, 1, 1), dim),
    samples=_ALONG,
)
def cumprod(x: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running product. The gradient is exact where elements are zero."""
    return accumulate(np.multiply, cast_input("cumprod", x, dtype, dtypes.int64), dim)


def _shares(x: Any, out: Any, dim: int) -> tuple[Any, Any]:
    """Of ``logcumsumexp``: the derivative of each output by its own element, and of the next output by each."""
    nothing = np.real(out) == -np.inf
    finite = np.where(nothing, 0, out)
    decay = np.where(np.isinf(np.real(out)), 0, np.exp(finite - shifted.kernel(finite, dim, -1, np.inf)))
    return np.where(nothing, 0, np.exp(x - finite)), decay


def _logcumsumexp_rule(g: Any, x: Any, out: Any, dim: int) -> Any:
    own, decay = _shares(x, out, dim)
    return recurrence.kernel(decay, g, dim, True) * own


def _logcumsumexp_along(t_x: Any, x: Any, out: Any, dim: int) -> Any:
    own, decay = _shares(x, out, dim)
    return recurrence.kernel(shifted.kernel(decay, dim, 1, 0), t_x * own, dim)


@op(x=_logcumsumexp_rule, jvp=_logcumsumexp_along, promote="float", samples=_ALONG)
def logcumsumexp(x: Any, dim: int) -> Any:
    """Running ``log(sum(exp(x)))``, without overflow. Where it is -inf, its gradient is 0."""
    with np.errstate(invalid="ignore"):
        if x.dtype.kind != "c":
            return accumulate(np.logaddexp, x, dim)
        line, axis = line_axis(x, dim)
        out = np.array(line, subok=True)
        steps = np.moveaxis(out, axis, 0)
        for i in range(1, len(steps)):
            steps[i] = logaddexp.op.forward(steps[i - 1], steps[i])
        return np.reshape(out, x.shape)


# ---- running extremes -----------------------------------------------------------------------------------------------


_RECORDS = 200
"""In lines of this many elements or more there are few records."""
_FEW_LINES = 128
"""So few lines side by side are copied one after the other."""


def _running(ufunc: Any, x: Any, dim: int) -> tuple[Any, Any]:
    line, axis = line_axis(x, dim)
    if line.size > BLOCK and type(line) is np.ndarray:
        n = line.shape[axis]
        if n >= _RECORDS and 1 < math.prod(line.shape[axis + 1 :]) <= _FEW_LINES:
            values, found = _running(ufunc, copied(np.moveaxis(line, axis, -1)), -1)
            return copied(np.moveaxis(values, -1, axis)), copied(np.moveaxis(found, -1, axis))
        places = records(ufunc, line.reshape(-1, n)) if axis in (-1, line.ndim - 1) and n >= _RECORDS else None
        if places is not None:
            reach = np.diff(places, append=line.size)
            values, found = np.repeat(line.reshape(-1)[places], reach), np.repeat(places % n, reach)
            return values.reshape(line.shape), found.reshape(line.shape)
        values = accumulate(ufunc, line, axis)
        return values, last_reached((line == values) | (line != line), axis % line.ndim)
    values = accumulate(ufunc, line, axis)
    places = np.arange(line.shape[axis]).reshape((-1, *(1,) * (line.ndim - 1 - axis % line.ndim)))
    reached = np.where((line == values) | (line != line), places, 0)
    indices = np.maximum.accumulate(reached, axis)
    return (values, indices) if x.ndim else (np.reshape(values, ()), np.reshape(indices, ()))


@op(
    x=lambda g_values, indices, x_shape, dim: place_along.kernel(g_values, indices, x_shape, dim, True, True),
    jvp=lambda t_x, indices, dim: tangents_at(t_x, indices, dim),
    outputs=("values", "indices"),
    samples=_ALONG,
)
def cummax(x: Any, dim: int) -> Any:
    """Running maximum, and where it is (the last of equal ones, to which the gradient goes)."""
    return _running(np.maximum, x, dim)


@op(
    x=lambda g_values, indices, x_shape, dim: place_along.kernel(g_values, indices, x_shape, dim, True, True),
    jvp=lambda t_x, indices, dim: tangents_at(t_x, indices, dim),
    outputs=("values", "indices"),
    samples=_ALONG,
)
def cummin(x: Any, dim: int) -> Any:
    """Running minimum, and where it is (the last of equal ones, to which the gradient goes)."""
    return _running(np.minimum, x, dim)


# ---- differences and integrals --------------------------------------------------------------------------------------


def _dtype_of(x: Any) -> Any:
    return getattr(x, "dtype", None)


@composed(
    inputs=("x",),
    samples=[
        case(x=reals(shape=(2, 4))),
        case(x=reals(shape=(2, 4)), n=2, dim=1),
        case(x=reals(shape=(3, 2)), dim=-2, prepend=np.ones((1, 2)), append=np.zeros((2, 2))),
        case(x=reals(shape=(3,)), n=0),
        case(x=reals(shape=(2,)), n=3),
    ],
)
def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along ``dim``, ``n`` times over; of bools, whether they differ.

    Raises: ShapeError for a 0-d input, ValueError for negative ``n``.

    >>> import autograd
    >>> autograd.diff(autograd.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if n < 0:
        raise ArgumentError(f"diff: n must not be negative, got {n}")
    if not np.ndim(x):
        raise ShapeError("diff: the input is 0-d; differences need at least one dimension")
    dim = normalized_dim(dim, np.ndim(x))
    if n and (prepend is not None or append is not None):
        x = cat([part for part in (prepend, x, append) if part is not None], dim)
    later, earlier = along(dim, slice(1, None)), along(dim, slice(None, -1))
    x = getitem(x, Ellipsis) if n else clone(x)
    for _ in range(n):
        after, before = getitem(x, later), getitem(x, earlier)
        x = np.not_equal(after, before) if x.dtype == dtypes.bool_ else arithmetic.sub(after, before)
    return x


def _trapezoids(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, float]:
    """The area over every interval, and the factor that it still lacks: PyTorch rounds integers as late as that.

    All integers are taken as int64: sums of small ones overflow, and differences of unsigned ones have no sign.
    """
    if x is not None and dx is not None:
        raise TypeError(f"{name}: give the places x or their distance dx, not both")
    if not np.ndim(y):
        raise ShapeError(f"{name}: y is 0-d; it needs at least one dimension")
    dim = normalized_dim(dim, np.ndim(y))
    if x is not None and np.ndim(x):
        n, places = np.shape(y)[dim], np.shape(x)[0 if np.ndim(x) == 1 else dim - np.ndim(y)]
        if n != places:
            raise ShapeError(f"{name}: there are {n} elements along dim {dim} of y, but {places} places in x")
    y, x = (a.astype(dtypes.int64) if getattr(a, "dtype", dtypes.float32).kind in "biu" else a for a in (y, x))
    heights = arithmetic.add(getitem(y, along(dim, slice(1, None))), getitem(y, along(dim, slice(None, -1))))
    if x is None and np.ndim(dx):  # NumPy's distances, one for each interval
        return arithmetic.mul(heights, dx), 0.5
    if x is None:
        return heights, 0.5 * (1 if dx is None else dx)
    if np.ndim(x) == 1 and np.ndim(y) > 1:
        return arithmetic.mul(heights, _widths(x, dim, np.ndim(y))), 0.5
    return arithmetic.mul(heights, diff(x, dim=dim - np.ndim(y))), 0.5


def _widths(x: Any, dim: int, ndim: int) -> Any:
    """The distances between the places ``x``, along dimension ``dim`` of ``ndim``."""
    return np.reshape(diff(x), (-1, *(1,) * (ndim - 1 - dim)))


_TRAPEZOIDS = [
    case(y=reals(shape=(2, 3))),
    case(y=reals(shape=(2, 3)), dx=0.5, dim=0),
    case(y=reals(shape=(3, 2)), x=reals(shape=(3,)), dim=0),
    case(y=reals(shape=(2, 3)), x=reals(shape=(2, 3)), dim=-1),
    case(y=reals(shape=(1,))),
]


@composed(inputs=("y", "x"), samples=_TRAPEZOIDS)
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral of ``y`` along ``dim`` by the trapezoidal rule, at places ``x`` or ``dx`` (1) apart."""
    areas, factor = _trapezoids("trapezoid", y, x, dx, dim)
    return arithmetic.mul(np.sum(areas, axis=index(dim)), factor)


trapz = trapezoid


@composed(inputs=("y", "x"), samples=_TRAPEZOIDS)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral of ``y`` along ``dim`` by the trapezoidal rule."""
    areas, factor = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return arithmetic.mul(cumsum(areas, index(dim)), factor)


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


@numpy_function(np.cumsum)
def _numpy_cumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return cumsum(*in_one_line(a, axis), dtype=dtype)


@numpy_function(np.cumprod)
def _numpy_cumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return cumprod(*in_one_line(a, axis), dtype=dtype)


@numpy_function(np.diff)
def _numpy_diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    ends = []
    for end in (prepend, append):  # what has no dimension is there once
        rim = (*a.shape[:axis], 1, *a.shape[axis:][1:])
        ends.append(end if end is None or np.ndim(end) else np.broadcast_to(end, rim))
    return diff(a, n, axis, *ends)


@numpy_function(np.trapezoid)
def _numpy_trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return trapezoid(y, x, dx=None if x is not None else dx, dim=axis)


@ufunc_method(np.add, "accumulate")
def _add_accumulate(a: Any, axis: int = 0) -> Any:
    return cumsum(a, axis)


@ufunc_method(np.multiply, "accumulate")
def _multiply_accumulate(a: Any, axis: int = 0) -> Any:
    return cumprod(a, axis)


@ufunc_method(np.maximum, "accumulate")
def _maximum_accumulate(a: Any, axis: int = 0) -> Any:
    return cummax(a, axis).values


@ufunc_method(np.minimum, "accumulate")
def _minimum_accumulate(a: Any, axis: int = 0) -> Any:
    return cummin(a, axis).values


@ufunc_method(np.logaddexp, "accumulate")
def _logaddexp_accumulate(a: Any, axis: int = 0) -> Any:
    return logcumsumexp(a, axis)
