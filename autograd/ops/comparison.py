"""Comparisons, logic and bits, elementwise; nothing here is differentiable.

Shape: inputs broadcast together; the output has the broadcast shape. Inputs of different dtypes are compared in
their common dtype, by PyTorch's rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function
from ..errors import ArgumentError
from ..samples import booleans, elementwise, integers, reals
from ._blocks import SOME
from .arithmetic import are_bools
from .selection import require_order

_INTEGERS = elementwise(x=integers(-5, 5), y=integers(-5, 5))
_SHIFTS = elementwise(x=integers(-50, 50), y=integers(0, 5))
_BOOLS = elementwise(x=booleans(), y=booleans())

# ---- comparisons -----------------------------------------------------------------------------------------------------


@op(np.equal, samples=_INTEGERS)
def eq(x: Any, y: Any) -> Any:
    """``x == y``."""
    return x == y


@op(np.not_equal, samples=_INTEGERS)
def ne(x: Any, y: Any) -> Any:
    """``x != y``."""
    return x != y


@op(np.less, samples=_INTEGERS)
def lt(x: Any, y: Any) -> Any:
    """``x < y``. Raises: DtypeError for complex numbers, as ``le``, ``gt`` and ``ge``."""
    require_order(x, y)
    return x < y


@op(np.less_equal, samples=_INTEGERS)
def le(x: Any, y: Any) -> Any:
    """``x <= y``."""
    require_order(x, y)
    return x <= y


@op(np.greater, samples=_INTEGERS)
def gt(x: Any, y: Any) -> Any:
    """``x > y``."""
    require_order(x, y)
    return x > y


@op(np.greater_equal, samples=_INTEGERS)
def ge(x: Any, y: Any) -> Any:
    """``x >= y``."""
    require_order(x, y)
    return x >= y


@op(np.isclose, samples=[_INTEGERS, elementwise(x=reals(), y=reals(), rtol=0.1, atol=0.2)])
def isclose(x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether ``abs(x - y) <= atol + rtol * abs(y)``, or both are the same infinity (or nan, with ``equal_nan``).

    Raises: ValueError for a negative tolerance.
    """
    if rtol < 0 or atol < 0:
        raise ArgumentError(f"isclose: tolerances must not be negative, got rtol={rtol}, atol={atol}")
    return np.isclose(x, y, rtol, atol, equal_nan)


@composed(np.allclose)
def allclose(x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether ``isclose`` holds of all elements."""
    return bool(np.all(isclose(x, y, rtol, atol, equal_nan)._data))


@composed()
def equal(x: Any, y: Any) -> bool:
    """Whether two Tensors have the same shape and the same elements (nan equals nothing)."""
    return tuple(np.shape(x)) == tuple(np.shape(y)) and bool(np.all(eq(x, y)._data))


@numpy_function(np.array_equal)
def _numpy_array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    if not equal_nan:
        return bool(equal(a1, a2))
    return tuple(np.shape(a1)) == tuple(np.shape(a2)) and allclose(a1, a2, 0, 0, equal_nan=True)


# ---- what a number is ------------------------------------------------------------------------------------------------


@op(np.isnan, samples=reals())
def isnan(x: Any) -> Any:
    """Whether an element is nan."""
    return np.isnan(x)


@op(np.isinf, samples=reals())
def isinf(x: Any) -> Any:
    """Whether an element is infinite."""
    return np.isinf(x)


@op(np.isfinite, samples=reals())
def isfinite(x: Any) -> Any:
    """Whether an element is neither infinite nor nan."""
    return np.isfinite(x)


@op(np.isposinf, samples=reals())
def isposinf(x: Any) -> Any:
    """Whether an element is plus infinity."""
    require_order(x, x)
    return x == np.inf


@op(np.isneginf, samples=reals())
def isneginf(x: Any) -> Any:
    """Whether an element is minus infinity."""
    require_order(x, x)
    return x == -np.inf


@op(np.isreal, samples=reals())
def isreal(x: Any) -> Any:
    """Whether an element has no imaginary part."""
    return np.isreal(x)


@op(np.signbit, promote="common", samples=reals())
def signbit(x: Any) -> Any:
    """Whether the sign of an element is minus (of -0.0 too)."""
    return np.signbit(x)


# ---- logic -----------------------------------------------------------------------------------------------------------


def _flags(x: Any) -> Any:
    """What is not 0, of many floating numbers: NumPy compares them faster than it takes them as flags."""
    return x != 0 if getattr(x, "size", 1) >= SOME and x.dtype.kind == "f" else x


@op(np.logical_and, samples=_INTEGERS)
def logical_and(x: Any, y: Any) -> Any:
    """Whether both are not 0."""
    return np.logical_and(_flags(x), _flags(y))


@op(np.logical_or, samples=_INTEGERS)
def logical_or(x: Any, y: Any) -> Any:
    """Whether one is not 0."""
    return np.logical_or(_flags(x), _flags(y))


@op(np.logical_xor, samples=_INTEGERS)
def logical_xor(x: Any, y: Any) -> Any:
    """Whether just one is not 0."""
    return np.logical_xor(_flags(x), _flags(y))


@op(np.logical_not, samples=reals())
def logical_not(x: Any) -> Any:
    """Whether an element is 0."""
    return x == 0 if x.size >= SOME and x.dtype.kind == "f" else np.logical_not(x)


# ---- bits of integers and bools --------------------------------------------------------------------------------------


@op(np.bitwise_and, samples=[_INTEGERS, _BOOLS])
def bitwise_and(x: Any, y: Any) -> Any:
    """``x & y``."""
    return x & y


@op(np.bitwise_or, samples=[_INTEGERS, _BOOLS])
def bitwise_or(x: Any, y: Any) -> Any:
    """``x | y``."""
    return x | y


@op(np.bitwise_xor, samples=[_INTEGERS, _BOOLS])
def bitwise_xor(x: Any, y: Any) -> Any:
    """``x ^ y``."""
    return x ^ y


@op(np.invert, samples=[elementwise(x=integers(-5, 5)), elementwise(x=booleans())])
def bitwise_not(x: Any) -> Any:
    """``~x``; of bools the negation."""
    return ~x


def _shift(function: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    if are_bools(x, y):
        raise TypeError("bools have no bits to shift; convert one of them first: .int()")
    return function(x, y)


@op(np.left_shift, samples=_SHIFTS)
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """``x << y``."""
    return _shift(np.left_shift, x, y)


@op(np.right_shift, samples=_SHIFTS)
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """``x >> y``, with the sign kept."""
    return _shift(np.right_shift, x, y)


not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
