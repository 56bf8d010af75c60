"""Quotients of many numbers of single precision rounded down, and what is left: NumPy finds each by itself.

In double precision the quotient of two such numbers is not rounded to a whole number that it is not, the product of a
whole quotient and the divisor is exact, and so is what is left. Where quotients are too large for that, or where
something is infinite or not a number, NumPy computes as usual. All results are NumPy's to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import blockwise

__all__ = ["floor_divide", "fmod", "remainder"]

_MANY = 1 << 11
"""NumPy takes less time for fewer numbers."""
_BLOCK = 1 << 16
_EXACT = 2.0**28
"""Quotients below are found exactly, and their products with a divisor are exact."""
_WHOLE = 2.0**22
"""Quotients below are whole numbers in NumPy's way, too, which rounds on the way."""
_SIGN = np.uint32(1 << 31)


def _prepared(function: Callable[[Any, Any], Any], many: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``function(x, y)``, by ``many`` if they are many numbers of single precision, as large as each other."""

    def call(x: Any, y: Any) -> Any:
        array = x if getattr(x, "ndim", 0) else y
        if type(array) is not np.ndarray or array.size < _MANY or array.dtype != np.float32:
            return function(x, y)
        other = y if array is x else x
        if isinstance(other, (int, float)):
            other = np.asarray(other, array.dtype)
        if type(other) is not np.ndarray or other.dtype != array.dtype:
            return function(x, y)
        x, y = (array, other) if array is x else (other, array)
        if x.shape != y.shape:
            x, y = np.broadcast_arrays(x, y)
        return many(x, y)

    return call


def _whole_quotients(x: Any, y: Any, rounded: Any, below: float) -> tuple[Any, Any, Any, bool]:
    """Both in double precision, their quotient, and whether it is below that size everywhere."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    quotient = np.divide(x, y)
    rounded(quotient, out=quotient)
    return x, y, quotient, bool(quotient.min() > -below and quotient.max() < below)  # not so if there is a nan


def _what_is_left(function: Any, rounded: Any, signed: int) -> Callable[[Any, Any], Any]:
    """``function``, ``np.fmod`` or ``np.remainder``, of many numbers; the sign is that of the ``signed`` argument."""

    @blockwise(block=_BLOCK)
    def compute(x: Any, y: Any, into: Any = None) -> Any:
        out = np.empty(x.shape, x.dtype) if into is None else into
        with np.errstate(all="ignore"):
            left, product, quotient, exact = _whole_quotients(x, y, rounded, _EXACT)
            np.multiply(product, quotient, out=product)
            np.subtract(left, product, out=left)
            np.copyto(out, left, casting="same_kind")
            bits = out.view(np.uint32)
            np.bitwise_or(bits, (y if signed else x).view(np.uint32) & _SIGN, out=bits)  # of a zero
            exact = exact and not np.isnan(np.sum(out))
        if not exact:
            _again(function, x, y, out, ~(np.abs(quotient) < _EXACT) | np.isnan(out))
        return out

    return _prepared(function, compute)


def _again(function: Any, x: Any, y: Any, out: Any, where: Any) -> None:
    """``function(x, y)`` in those places."""
    out[where] = function(x[where], y[where])


@blockwise(block=_BLOCK)
def _floor_divide(x: Any, y: Any, into: Any = None) -> Any:
    out = np.empty(x.shape, x.dtype) if into is None else into
    with np.errstate(all="ignore"):
        *_, quotient, exact = _whole_quotients(x, y, np.floor, _WHOLE)
        np.copyto(out, quotient, casting="same_kind")
    if not exact or np.any(np.isinf(y)):
        _again(np.floor_divide, x, y, out, ~(np.abs(quotient) < _WHOLE) | np.isinf(y))
    return out


fmod = _what_is_left(np.fmod, np.trunc, 0)
remainder = _what_is_left(np.remainder, np.floor, 1)
floor_divide = _prepared(np.floor_divide, _floor_divide)
