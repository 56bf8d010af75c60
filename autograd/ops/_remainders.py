"""Quotients of many numbers of single precision rounded down, and what is left: NumPy finds each by itself.

In double precision the quotient of two such numbers is not rounded to a whole number that it is not, the product of a
whole quotient and the divisor is exact, and so is what is left. Where quotients are too large for that, or where
something is infinite or not a number, NumPy computes as usual. All results are NumPy's to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._blocks import HEAVY, blockwise

__all__ = ["floor_divide", "fmod", "remainder"]

_MANY = 1 << 11
"""NumPy takes less time for fewer numbers."""
_BLOCK = 1 << 16
_EXACT = 2.0**28
"""Quotients below are found exactly, and their products with a divisor are exact."""
_WHOLE = 2.0**22
"""Quotients below are whole numbers in NumPy's way, too, which rounds on the way."""
_SIGN = np.uint32(1 << 31)


def fmod(x: Any, y: Any) -> Any:
    """``np.fmod(x, y)``."""
    pair = _many(x, y)
    return _shared(np.fmod, x, y) if pair is None else _truncated_left(*pair)


def remainder(x: Any, y: Any) -> Any:
    """``np.remainder(x, y)``."""
    pair = _many(x, y)
    return _shared(np.remainder, x, y) if pair is None else _floored_left(*pair)


def floor_divide(x: Any, y: Any) -> Any:
    """``np.floor_divide(x, y)``."""
    pair = _many(x, y)
    return _shared(np.floor_divide, x, y) if pair is None else _floored(*pair)


def _shared(function: Any, x: Any, y: Any) -> Any:
    """NumPy's ``function``, of large arrays of double precision by several threads."""
    if getattr(x, "size", 1) > HEAVY and x.dtype == getattr(y, "dtype", x.dtype) == np.float64:
        return _in_threads(x, y, function)
    return function(x, y)


@blockwise(block=HEAVY)
def _in_threads(x: Any, y: Any, function: Any) -> Any:
    return function(x, y)


def _many(x: Any, y: Any) -> tuple[Any, Any] | None:
    """Both as arrays of one shape, if they are many numbers of single precision."""
    array = x if getattr(x, "ndim", 0) else y
    if type(array) is not np.ndarray or array.size < _MANY or array.dtype != np.float32:
        return None
    other = y if array is x else x
    if isinstance(other, (int, float)):
        other = np.asarray(other, array.dtype)
    if type(other) is not np.ndarray or other.dtype != array.dtype:
        return None
    x, y = (array, other) if array is x else (other, array)
    if x.shape != y.shape:
        x, y = np.broadcast_arrays(x, y)
        if x.size <= _BLOCK:  # larger ones are written out block by block
            x, y = _written_out(x, y), _written_out(y, x)
    return (x, y) if x.size else None


def _written_out(x: Any, other: Any) -> Any:
    """``x`` as it is, or, if it repeats numbers, written out in the order in which ``other`` stands in memory."""
    if 0 not in x.strides:
        return x
    out = np.empty(x.shape, x.dtype) if 0 in other.strides else np.empty_like(other)
    np.copyto(out, x)
    return out


def _quotients(x: Any, y: Any, rounded: Any, below: float) -> tuple[Any, Any, Any, bool]:
    """Both in double precision, their whole quotient, and whether it is below that size everywhere."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    quotient = np.divide(x, y)
    rounded(quotient, out=quotient)
    return x, y, quotient, bool(quotient.min() > -below and quotient.max() < below)  # not so if there is a nan


def _left(function: Any, rounded: Any, x: Any, y: Any, signed: Any, into: Any) -> Any:
    """What division leaves, with the signs of ``signed``, by NumPy's ``function`` where quotients are too large."""
    out = np.empty(x.shape, x.dtype) if into is None else into
    with np.errstate(all="ignore"):
        left, product, quotient, exact = _quotients(x, y, rounded, _EXACT)
        np.multiply(product, quotient, out=product)
        np.subtract(left, product, out=left)
        np.copyto(out, left, casting="same_kind")
        bits = out.view(np.uint32)
        np.bitwise_or(bits, signed.view(np.uint32) & _SIGN, out=bits)  # of a zero
        exact = exact and not np.isnan(np.sum(out))
    if not exact:
        again = ~(np.abs(quotient) < _EXACT) | np.isnan(out)
        out[again] = function(x[again], y[again])
    return out


@blockwise(block=_BLOCK)
def _truncated_left(x: Any, y: Any, into: Any = None) -> Any:
    return _left(np.fmod, np.trunc, x, y, x, into)


@blockwise(block=_BLOCK)
def _floored_left(x: Any, y: Any, into: Any = None) -> Any:
    return _left(np.remainder, np.floor, x, y, y, into)


@blockwise(block=_BLOCK)
def _floored(x: Any, y: Any, into: Any = None) -> Any:
    out = np.empty(x.shape, x.dtype) if into is None else into
    with np.errstate(all="ignore"):
        *_, quotient, exact = _quotients(x, y, np.floor, _WHOLE)
        np.copyto(out, quotient, casting="same_kind")
    if not exact or np.any(np.isinf(y)):
        again = ~(np.abs(quotient) < _WHOLE) | np.isinf(y)
        out[again] = np.floor_divide(x[again], y[again])
    return out
