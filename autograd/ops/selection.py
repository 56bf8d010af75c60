"""Selection, elementwise: by a mask (``where``), by comparing (``maximum``, ``clamp``), by what a value is.

Shape, of every op here: inputs broadcast together; the output has the broadcast shape. Dtypes are promoted by
PyTorch's rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .. import dtypes
from .._op import composed, new_tensor, op
from .._operands import unwrap
from .._protocols import numpy_function
from ..engine.foreign import ForeignArray
from ..engine.nodes import Handle
from ..errors import ArgumentError
from ..samples import booleans, case, elementwise, reals
from ._blocks import BLOCK, SOME, clipped, pointwise
from .axes import nonzero_indices

if TYPE_CHECKING:
    from .._tensor import Tensor

_LARGE = 8192
_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


# ---- by a mask -------------------------------------------------------------------------------------------------------
#
# On a mask that the processor cannot predict np.where takes 4 ns per element. Integer arithmetic on the bits of the
# numbers does not branch and is ten times faster; unlike ``x * mask`` it is exact for inf and nan as well.


@op(x=lambda g, mask: keep.kernel(g, mask), constants=("mask",), jvp="symmetric", samples=[
    case(x=reals(shape=(2, 3)), mask=booleans(shape=(2, 3))), case(x=reals(shape=(2, 1)), mask=booleans(shape=(3,))),
])  # fmt: skip
def keep(x: Any, mask: Any) -> Any:
    """``x`` where ``mask`` (an array of bool), 0 elsewhere."""
    if isinstance(x, np.ndarray):
        bits = _BITS.get(x.dtype.itemsize)
        if bits is not None:
            return (x.view(bits) * mask).view(x.dtype) if x.size <= BLOCK else pointwise(_kept, x, mask, cheap=True)
    elif isinstance(x, np.generic) and isinstance(mask, np.generic):
        return x if mask else type(x)(0)
    return np.where(mask, x, 0)


def _kept(x: Any, mask: Any, out: Any = None) -> Any:
    """``keep`` of many numbers."""
    bits = _BITS[x.dtype.itemsize]
    return np.multiply(x.view(bits), mask, out=None if out is None else out.view(bits)).view(x.dtype)


def keep_into(x: Any, mask: Any, into: Any) -> Any:
    """``keep``, written to an array if there is one."""
    return keep.kernel(x, mask) if into is None else _kept(x, mask, into)


def _pick(mask: Any, x: Any, y: Any) -> Any:
    """``np.where`` for a mask of bool."""
    if mask.size < _LARGE or not hasattr(x, "dtype") or not hasattr(y, "dtype") or x.dtype != y.dtype:
        return np.where(mask, x, y)
    bits = _BITS.get(x.dtype.itemsize)
    if bits is None:
        return np.where(mask, x, y)
    a, b = x.view(bits), y.view(bits)
    return (b ^ (a ^ b) * mask).view(x.dtype)


@op(
    x=lambda g, condition: keep.kernel(g, condition),
    y=lambda g, condition: keep.kernel(g, ~condition),
    promote="common",
    constants=("condition",),
    jvp="symmetric",
    samples=[
        case(condition=booleans(shape=(2, 3)), x=reals(shape=(2, 3)), y=reals(shape=(2, 3))),
        case(condition=booleans(shape=(3,)), x=reals(shape=(2, 1)), y=reals(shape=())),
        case(condition=booleans(shape=()), x=reals(shape=(3,)), y=reals(shape=(3,))),
        case(condition=booleans(shape=(0, 1)), x=reals(shape=(3,)), y=reals(shape=())),
    ],
)
def where_(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where ``condition`` (an array of bool), else ``y``."""
    return _pick(condition, x, y)


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Any, x: Any = None, y: Any = None, *, input: Any = None, other: Any = None) -> Tensor: ...
def where(condition: Any, x: Any = None, y: Any = None, *, input: Any = None, other: Any = None) -> Any:
    """``x`` where ``condition`` holds, else ``y``; of a condition alone the indices at which it holds.

    Indices are given as one Tensor for each dimension.

    No gradient flows to the condition. The gradient of what is not taken is 0, but a derivative that is infinite
    or nan there still spoils it, as ``0 * inf`` is nan: in ``where(x > 0, x.sqrt(), 0)`` at ``x == 0``. Make the
    argument harmless first: ``where(x > 0, where(x > 0, x, 1).sqrt(), 0)``.

    Raises:
        ShapeError: the three do not broadcast together.

    >>> import autograd
    >>> x = autograd.tensor([-1.0, 2.0])
    >>> autograd.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    x, y = input if x is None else x, other if y is None else y
    mask = condition._data if isinstance(condition, Handle) else condition
    if not isinstance(mask, (np.ndarray, ForeignArray)):
        mask = np.asarray(mask)
    if x is None and y is None:
        return tuple(new_tensor(index) for index in nonzero_indices(np.atleast_1d(mask)))
    if mask.dtype != np.bool_:
        mask = mask != 0
    if not hasattr(x, "dtype") and not hasattr(y, "dtype"):
        x = np.asanyarray(x, dtypes.result_type(x, y))
    return where_(mask, x, y)


@numpy_function(np.where)
def _numpy_where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """``numpy.where``: a NumPy scalar has its dtype there, also beside a number; in a rule it may be a 0-d array.

    Two numbers have NumPy's dtype, so that a rule such as ``g * np.where(x > 0, 1, 0.01)`` keeps its digits.
    """
    x, y = (np.asarray(value) if isinstance(value, np.generic) else value for value in (x, y))
    if x is not None and not hasattr(x, "dtype") and not hasattr(y, "dtype"):
        x, y = np.asarray(x), np.asarray(y)
    return where(condition, x, y)


@op(
    x=lambda g, mask: keep.kernel(g, ~mask),
    value=lambda g, mask: keep.kernel(g, mask),
    constants=("mask",),
    jvp="symmetric",
    samples=[
        case(x=reals(shape=(2, 3)), mask=booleans(shape=(2, 3)), value=reals(shape=())),
        case(x=reals(shape=(2, 1)), mask=booleans(shape=(3,)), value=reals(shape=())),
        case(x=reals(shape=(0, 3)), mask=booleans(shape=(3,)), value=reals(shape=())),
    ],
)
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """``x`` with ``value``, a number or a 0-d Tensor, where ``mask`` holds. The dtype is that of ``x``.

    Raises:
        DtypeError: the mask is not bool.
        ShapeError: the mask does not broadcast with ``x``, or the value has dimensions.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0, 3.0])
    >>> x.masked_fill(x > 1.5, 0.0)
    tensor([1., 0., 0.])
    """
    mask = np.asanyarray(mask)
    if mask.dtype != np.bool_:
        raise TypeError(f"the mask must be bool, got {mask.dtype}; use mask != 0 or mask.bool()")
    if getattr(value, "ndim", 0):
        raise ArgumentError(f"the value must be a number or 0-d, got shape {value.shape}; use where(mask, value, x)")
    filling = np.asanyarray(dtypes.stored(value, x.dtype))
    if (filling.dtype.kind == "c" != x.dtype.kind) or (x.dtype.kind in "iu" and not np.isfinite(filling)):
        raise TypeError(f"the value {value!r} cannot be written into a tensor of dtype {x.dtype}")
    return _pick(mask, filling.astype(x.dtype), x)


# ---- by comparing ----------------------------------------------------------------------------------------------------


def require_order(x: Any, y: Any) -> None:
    """Raise for complex numbers (of a common dtype), which NumPy would compare by their real parts first.

    Raises: DtypeError.
    """
    if (x if hasattr(x, "dtype") else y).dtype.kind == "c":
        raise TypeError("complex numbers have no order; compare their .abs() or .real")


def _shared(g: Any, loses: Any, not_wins: Any) -> Any:
    """The gradient of the winner of a comparison, half of it at a tie."""
    half = g * 0.5
    return keep.kernel(half, ~loses) + keep.kernel(half, ~not_wins)


@op(
    np.maximum,
    x=lambda g, x, y: _shared(g, x < y, x <= y),
    y=lambda g, x, y: _shared(g, y < x, y <= x),
    samples=reals(),
)
def maximum(x: Any, y: Any) -> Any:
    """The larger of ``x`` and ``y``; nan if one is. At a tie each gets half of the gradient."""
    require_order(x, y)
    return np.maximum(x, y) if getattr(y, "ndim", 1) else clipped(x, y, None)


@op(
    np.minimum,
    x=lambda g, x, y: _shared(g, x > y, x >= y),
    y=lambda g, x, y: _shared(g, y > x, y >= x),
    samples=reals(),
)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of ``x`` and ``y``; nan if one is. At a tie each gets half of the gradient."""
    require_order(x, y)
    return np.minimum(x, y) if getattr(y, "ndim", 1) else clipped(x, None, y)


@op(
    np.fmax,
    x=lambda g, x, y: keep.kernel(g, (x >= y) | np.isnan(y)),
    y=lambda g, x, y: keep.kernel(g, ~((x >= y) | np.isnan(y))),
    samples=reals(),
)
def fmax(x: Any, y: Any) -> Any:
    """The larger of ``x`` and ``y``, where one is nan the other. At a tie ``x`` gets the gradient."""
    require_order(x, y)
    return np.fmax(x, y)


@op(
    np.fmin,
    x=lambda g, x, y: keep.kernel(g, (x <= y) | np.isnan(y)),
    y=lambda g, x, y: keep.kernel(g, ~((x <= y) | np.isnan(y))),
    samples=reals(),
)
def fmin(x: Any, y: Any) -> Any:
    """The smaller of ``x`` and ``y``, where one is nan the other. At a tie ``x`` gets the gradient."""
    require_order(x, y)
    return np.fmin(x, y)


def _clamp_x(g: Any, x: Any, min: Any, max: Any) -> Any:
    if max is None:
        return keep.kernel(g, x >= min)
    if min is None:
        return keep.kernel(g, x <= max)
    return keep.kernel(g, (x >= min) & (x <= max))


def _clamp_min(g: Any, x: Any, min: Any, max: Any) -> Any:
    return keep.kernel(g, x < min if max is None else (x < min) & (min < max))


def _clamp_max(g: Any, x: Any, min: Any, max: Any) -> Any:
    return keep.kernel(g, x > max if min is None else (x > max) | (max < min))


_BOUNDS = [
    elementwise(x=reals(avoid=(-1.0, 1.5)), min=-1.0, max=1.5),
    elementwise(x=reals(avoid=(0.5,)), min=0.5),
    elementwise(x=reals(avoid=(0.5,)), max=0.5),
]


@op(x=_clamp_x, promote="common", jvp="symmetric", samples=_BOUNDS)
def clamp_between(x: Any, min: Any = None, max: Any = None) -> Any:
    """``x`` brought between two numbers, of which one may be None."""
    require_order(x, max if min is None else min)
    if getattr(x, "size", 1) >= SOME:
        return clipped(x, min, max)
    if min is None:
        return np.minimum(x, max)
    return np.maximum(x, min) if max is None else np.minimum(np.maximum(x, min), max)


@op(x=_clamp_x, min=_clamp_min, max=_clamp_max, promote="common", jvp="symmetric", samples=[
    elementwise(x=reals(), min=reals(), max=reals()),
    elementwise(x=reals(), min=reals(-1, 1)),
    elementwise(x=reals(), max=reals(-1, 1)),
])  # fmt: skip
def clamp_(x: Any, min: Any = None, max: Any = None) -> Any:
    """``x`` brought between two arrays."""
    return clamp_between.kernel(x, min, max)


@composed(inputs=("x", "min", "max"), samples=_BOUNDS)
def clamp(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """``x`` raised to ``min`` where it is below and lowered to ``max`` where it is above: numbers or Tensors.

    Where ``min > max`` the result is ``max``. At a bound the gradient is that of ``x``.

    Raises:
        ArgumentError: neither bound is given.
        DtypeError: a bound lies beyond the range of the integers of ``x``.

    >>> import autograd
    >>> autograd.clamp(autograd.tensor([-2.0, 0.5, 3.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise ArgumentError("clamp: at least one of 'min' and 'max' must be given")
    if type(min) in _REAL and type(max) in _REAL and isinstance(x, Handle):
        if x._data.dtype.kind == "f":
            return clamp_between(x, min, max)
        if type(min) is not float and type(max) is not float:  # else it is computed in floats
            dtypes.stored(min, x._data.dtype)
            dtypes.stored(max, x._data.dtype)
    return clamp_(x, min, max)


_REAL = {int, float, type(None)}


@composed(inputs=("x", "min"), samples=elementwise(x=reals(), min=reals(-1, 1)))
def clamp_min(x: Any, min: Any) -> Tensor:
    """``clamp`` with a lower bound only."""
    return clamp(x, min)


@composed(inputs=("x", "max"), samples=elementwise(x=reals(), max=reals(-1, 1)))
def clamp_max(x: Any, max: Any) -> Tensor:
    """``clamp`` with an upper bound only."""
    return clamp(x, None, max)


@numpy_function(np.clip)
def _numpy_clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return clamp(a, min if a_min is None else a_min, max if a_max is None else a_max)


# ---- by what a value is ----------------------------------------------------------------------------------------------


@op(np.heaviside, constants=("values",), refused=("values",), promote="common", samples=reals(avoid=(0.0,)))
def heaviside(x: Any, values: Any) -> Any:
    """0 where ``x`` is negative or nan, 1 where it is positive, ``values`` where it is 0. Not differentiable.

    Raises: NotDifferentiableError, if ``values`` requires grad, of which nothing would be left.
    """
    return np.where(x == 0, values, (x > 0).astype(np.result_type(x, values)))


@numpy_function(np.heaviside)
def _numpy_heaviside(x1: Any, x2: Any) -> Any:
    found = heaviside(x1, x2)
    found = found if found.dtype.kind == "f" else found.astype(dtypes.float64)
    return np.where(np.isnan(unwrap(x1)), np.nan, found)


@op(x=lambda g, x: keep.kernel(g, np.isfinite(x)), promote="common", jvp="symmetric", samples=[
    reals(), elementwise(x=reals(), nan=1.0, posinf=2.0, neginf=-2.0),
])  # fmt: skip
def nan_to_num(x: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``x`` with nan replaced by ``nan`` (0), infinities by ``posinf`` and ``neginf`` (the ends of the dtype)."""
    if type(x) is np.ndarray and np.isfinite(x).all():
        return x.copy("K")
    return np.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


@numpy_function(np.nan_to_num)
def _numpy_nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return nan_to_num(x, nan, posinf, neginf)


clip = clamp
