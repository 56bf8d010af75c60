"""Powers and roots, elementwise.

Shape, of every op here: inputs broadcast together; the output has the broadcast shape. Dtypes are promoted by
PyTorch's rules.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from ..engine.nodes import Handle
from ..errors import DtypeError
from ..samples import elementwise, reals
from ._blocks import SOME, blockwise
from ._foreign import foreign
from .arithmetic import among_numbers, as_arrays
from .casting import cast

if TYPE_CHECKING:
    from .._tensor import Tensor


_PRODUCT = 8
"""Up to this one powers are soon multiplied out, to within 4 units in the last place."""


def _power(x: Any, exponent: float) -> Any:
    """``x ** exponent`` for a number; powers that need no logarithm are computed without."""
    if exponent == 2:
        return x * x
    if exponent == 3:
        return x * x * x
    if exponent == 0.5:
        return np.sqrt(x)
    if exponent == -0.5:
        return 1 / np.sqrt(x)
    if exponent == -1:
        return 1 / x
    if exponent == -2 and x.dtype.itemsize > 2:  # 16-bit squares overflow where their reciprocals do not vanish
        return 1 / (x * x)
    if x.dtype.kind != "f":
        return x**exponent
    if exponent % 1 == 0:
        if x.dtype.itemsize > 2 and 3 < exponent <= _PRODUCT:
            half = _power(x, exponent // 2)
            return half * half * x if exponent % 2 else half * half
        size = np.abs(x) ** _each(exponent, x)  # NumPy takes negative numbers one by one, each in 50 ns
        return np.copysign(size, x) if exponent % 2 else size
    return x ** _each(exponent, x)


def _each(number: Any, other: Any) -> Any:
    """A number for each element of a large plain array: NumPy takes those with one number for all one by one."""
    if type(other) is not np.ndarray or other.size < SOME or np.ndim(number):
        return number
    return np.full(other.shape, number, other.dtype)


_FEW = 32
"""Of so few numbers powers are soon computed one by one."""


def _powers(x: Any, exponent: Any) -> Any:
    """``x ** exponent`` for an array; that of negative numbers from their sizes, see ``_power``."""
    plain = type(x) is type(exponent) is np.ndarray
    if not plain or x.dtype.kind != "f" or x.dtype != exponent.dtype:
        return x**exponent
    if not exponent.ndim:
        return _power(x, exponent.item())
    x = _each(x, exponent)
    if x.size < _FEW:
        return np.power(x, exponent)
    negative = np.signbit(x)
    if not np.any(negative):
        return np.power(x, exponent)
    size = np.abs(x)
    found = np.power(size, exponent)
    whole, half = exponent == np.floor(exponent), exponent * 0.5
    odd = whole & (half != np.floor(half))
    lost = negative & ~whole & (size > 0) & (size < np.inf)
    bits = found.view(f"i{found.itemsize}")  # with which nothing branches
    bits ^= (negative & odd) * np.array(-0.0, x.dtype).view(bits.dtype)
    bits |= lost * np.array(np.nan, x.dtype).view(bits.dtype)
    return found


def _power_rule(g: Any, x: Any, exponent: float) -> Any:
    if exponent == 2:
        return g * (x + x)
    if exponent == 1:
        return g
    if exponent == 0:
        return np.zeros_like(g)
    return g * (pow_number.kernel(x, exponent - 1) * exponent)


@op(x=_power_rule, promote="common", jvp="symmetric", samples=[
    *[elementwise(x=reals(), exponent=n) for n in (0, 1, 2, 3, 4)],
    *[elementwise(x=reals(0.3, 3), exponent=n) for n in (0.5, -0.5, -1, -2, 2.5)],
    elementwise(x=reals(-3, -0.5), exponent=-3),
])  # fmt: skip
def pow_number(x: Any, exponent: float) -> Any:
    """``x`` to the power of a real number."""
    return _power(x, exponent)


def _base_rule(g: Any, x: Any, exponent: Any) -> Any:
    """``g * exponent * x ** (exponent - 1)``, where ``x ** 0`` has the derivative 0 also if ``1 / x`` is infinite."""
    constant = (exponent == 0) & ~(np.abs(x) >= np.finfo(x.dtype).smallest_normal)
    return g * (exponent * pow_.kernel(x, np.where(constant, 0, exponent - 1)))


def _exponent_rule(g: Any, x: Any, exponent: Any, out: Any) -> Any:
    """``g * out * log(x)``, 0 where ``x == 0 <= exponent``."""
    return g * (out * np.log(np.where((x == 0) & (np.real(exponent) >= 0), 1, x)))


@op(x=_base_rule, exponent=_exponent_rule, promote="common", jvp="symmetric", samples=[
    elementwise(x=reals(0.3, 3), exponent=reals(-2, 2)),
    elementwise(x=np.array(2.0), exponent=reals()),
])  # fmt: skip
def pow_(x: Any, exponent: Any) -> Any:
    """``x`` to the power ``exponent``."""
    if x.dtype.kind in "biu":
        if x.dtype == np.bool_:
            return x | ~exponent
        if np.any(exponent < 0):
            return _whole_power(x, exponent)
    return _powers(x, exponent)


def _whole_power(x: Any, exponent: Any) -> Any:
    """Integers to integers, where a fraction (a negative power) becomes 0."""
    power = x ** np.maximum(exponent, 0)
    sign = np.where(exponent % 2 == 0, 1, x)
    return np.where(exponent >= 0, power, np.where(np.abs(x) == 1, sign, 0)).astype(power.dtype)


@composed(np.power, samples=[
    elementwise(x=reals(), exponent=2), elementwise(x=2.0, exponent=reals()),
])  # fmt: skip
def pow(x: Any, exponent: Any) -> Tensor:
    """``x`` to the power ``exponent``, a Tensor or a number.

    The derivative with respect to the exponent is 0 where the base is 0 and the exponent is not negative.

    Raises:
        DtypeError: an integer tensor with a negative number as exponent. (In a tensor of exponents these give 0, as
            the quotient of integers.)
    """
    if exponent.__class__ in _REAL and isinstance(x, Handle):
        kind = x._data.dtype.kind
        if kind in "fc":
            return pow_number(x, exponent)
        if exponent < 0 and exponent.__class__ is int:
            raise DtypeError(f"pow: {x._data.dtype} to the power {exponent}: use a float exponent or .float()")
    return pow_(*as_arrays(x, exponent))


_REAL: Any = {int, float}
"""Compared with ``__class__``: of a number that is an argument of a program this is the class of what it stands for."""


def power_operator(x: Any, exponent: Any) -> Tensor:
    """``x ** exponent``; what is not a Tensor, array or number is left to its own type."""
    if exponent.__class__ in _REAL and isinstance(x, Handle) and x._data.dtype.kind == "f":
        return pow_number(x, exponent)
    return _power_among_numbers(x, exponent)


_power_among_numbers = among_numbers(pow)
power_operator.__name__ = power_operator.__qualname__ = "pow"


@composed(np.float_power)
def float_power(x: Any, exponent: Any) -> Tensor:
    """``pow`` computed in float64 (complex128)."""
    return pow(_as_double(x), _as_double(exponent))


def _as_double(x: Any) -> Any:
    if isinstance(x, (int, float, complex)):
        return x if isinstance(x, complex) else float(x)
    dtype = dtypes.complex128 if dtypes.result_type(x).kind == "c" else dtypes.float64
    return cast(x, dtype)


@op(np.square, x=lambda g, x: g * (x + x), samples=reals())
def square(x: Any) -> Any:
    """``x * x``."""
    return x * x if x.dtype != np.bool_ else x.astype(np.int64)


@op(np.sqrt, x=lambda g, out: g / (out + out), samples=reals(0.1, 3))
def sqrt(x: Any) -> Any:
    """The square root; its derivative at 0 is infinite, below 0 all is nan."""
    return np.sqrt(x)


@op(x=lambda g, out: g * (out * out * out * -0.5), promote="float", jvp="symmetric", samples=reals(0.1, 3))
def rsqrt(x: Any) -> Any:
    """``1 / sqrt(x)``."""
    return np.reciprocal(np.sqrt(x))


@op(np.reciprocal, x=lambda g, out: -g * out * out, promote="float", samples=[reals(0.5, 3), reals(-3, -0.5)])
def reciprocal(x: Any) -> Any:
    """``1 / x``."""
    return np.reciprocal(x)


_MANY = 1 << 12
"""From this many numbers on it pays to think of all at once."""
_SAFE = {"f": 2.0**-100, "d": 2.0**-900}
"""Sums of squares above, if finite, have lost nothing."""


@foreign
@blockwise
def _roots_of_squares(x: Any, y: Any, into: Any = None) -> Any:
    """``hypot`` of many numbers: NumPy takes them one by one, which is left to those that it is needed for."""
    with np.errstate(all="ignore"):
        squares = np.multiply(x, x) + np.multiply(y, y)
        out = np.sqrt(squares, out=into)
        if not squares.size or (squares.min() >= _SAFE[squares.dtype.char] and squares.max() < math.inf):
            return out
        lost = ~((squares >= _SAFE[squares.dtype.char]) & (squares < math.inf))
        lost &= (x != 0) | (y != 0)
    x, y = np.broadcast_arrays(x, y)
    out[lost] = np.hypot(x[lost], y[lost])
    return out


def hypotenuse(x: Any, y: Any) -> Any:
    """``np.hypot(x, y)``, of many numbers in less time."""
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or x.size + y.size < _MANY:
        return np.hypot(x, y)
    return _roots_of_squares(x, y) if x.dtype == y.dtype and x.dtype.char in "fd" else np.hypot(x, y)


@blockwise
def _hypot_rule(g: Any, a: Any, out: Any) -> Any:
    return g * (a / np.where(out == 0, math.inf, out))


@op(
    np.hypot,
    x=lambda g, x, out: _hypot_rule(g, x, out),
    y=lambda g, y, out: _hypot_rule(g, y, out),
    samples=elementwise(x=reals(avoid=(0.0,)), y=reals(avoid=(0.0,))),
)
def hypot(x: Any, y: Any) -> Any:
    """``sqrt(x**2 + y**2)`` without overflow. The gradient at (0, 0) is 0 (as of every norm here; PyTorch: nan)."""
    return hypotenuse(x, y)


@op(
    x=lambda g, y: g * np.exp2(y),
    y=lambda g, out: g * out * math.log(2),
    promote="float",
    jvp="symmetric",
    samples=elementwise(x=reals(), y=reals(-2, 2)),
)
def ldexp_(x: Any, y: Any) -> Any:
    """``x * 2**y``."""
    return x * np.exp2(y)


@composed(np.ldexp)
def ldexp(x: Any, y: Any) -> Tensor:
    """``x * 2**y``."""
    return ldexp_(*as_arrays(x, y))
