"""Arithmetic: sums, products, quotients, remainders and signs, elementwise.

Shape, of every op here: inputs broadcast together; the output has the broadcast shape. Numbers and arrays are
accepted beside Tensors; dtypes are promoted by PyTorch's rules. Floating-point warnings are NumPy's
(``np.errstate`` silences them).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from .._op_function import R
from .._protocols import numpy_function
from ..engine.nodes import Handle
from ..errors import ArgumentError
from ..samples import elementwise, integers, reals
from . import _remainders
from ._blocks import SOME, blockwise
from .rounding import zero
from .selection import keep

if TYPE_CHECKING:
    from .._tensor import Tensor


def swapped(function: Callable[..., R]) -> Callable[[Any, Any], R]:
    """``function`` of two inputs with the inputs exchanged: the reflected form of an operator."""

    def reflected(x: Any, y: Any) -> R:
        return function(y, x)

    reflected.__name__ = reflected.__qualname__ = function.__name__
    reflected.__doc__ = function.__doc__
    return reflected


def among_numbers(function: Callable[..., R]) -> Callable[[Any, Any], R]:
    """``function`` as an operator, which leaves what is not a Tensor, array or number to the other operand's type."""

    def operator(x: Any, y: Any) -> R:
        for operand in (x, y):
            if not (isinstance(operand, (Handle, int, float, complex, list, tuple)) or hasattr(operand, "__array__")):
                return NotImplemented
        return function(x, y)

    operator.__name__ = operator.__qualname__ = function.__name__
    operator.__doc__ = function.__doc__
    return operator


def as_arrays(x: Any, y: Any, floating: bool = False) -> list[Any]:
    """Two operands, a number among them as a 0-d array of their common dtype (of a ``floating`` one).

    For ops whose rules compute something of one operand alone: of a Python number that would be float64.
    """
    if isinstance(x, _NUMBERS) or isinstance(y, _NUMBERS):
        if type(x) in (int, float) and isinstance(y, Handle) and y._data.dtype.kind == "f":
            return [np.asanyarray(x, y._data.dtype), y]
        dtype = dtypes.result_type(x, y)
        if floating:
            dtype = dtypes.to_float(dtype)
        return [np.asarray(dtypes.weak(n, dtype), dtype) if isinstance(n, _NUMBERS) else n for n in (x, y)]
    return [x, y]


_NUMBERS = (bool, int, float, complex)


# ---- sums and products -----------------------------------------------------------------------------------------------


def _scaled(x: Any, scale: float) -> Any:
    """``x * scale``; integers stay integers.

    Raises:
        TypeError: ``x`` is integer and ``scale`` is not.
    """
    if getattr(x, "dtype", dtypes.float32).kind in "biu" and not isinstance(scale, (int, np.integer)):
        raise TypeError(f"{x.dtype} tensors need an integer as 'alpha' or 'value', got {scale!r}; use .float() first")
    return x * (dtypes.weak(scale, x.dtype) if hasattr(x, "dtype") else scale)


@op(np.add, x=lambda g: g, y=lambda g, alpha: g if alpha == 1 else g * alpha, samples=[
    elementwise(x=reals(), y=reals()), elementwise(x=reals(), y=reals(), alpha=-2.5),
])  # fmt: skip
def add(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """Sum ``x + alpha * y``."""
    return x + y if alpha == 1 else x + _scaled(y, alpha)


@op(np.subtract, x=lambda g: g, y=lambda g, alpha: -g if alpha == 1 else g * -alpha, samples=[
    elementwise(x=reals(), y=reals()), elementwise(x=reals(), y=reals(), alpha=0.5),
])  # fmt: skip
def sub(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """Difference ``x - alpha * y``."""
    return x - y if alpha == 1 else x - _scaled(y, alpha)


@op(x=lambda g, alpha: -g if alpha == 1 else g * -alpha, y=lambda g: g, promote="common", jvp="symmetric", samples=[
    elementwise(x=reals(), y=reals()), elementwise(x=reals(), y=reals(), alpha=0.5),
])  # fmt: skip
def rsub(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """The reversed difference ``y - alpha * x``."""
    return y - x if alpha == 1 else y - _scaled(x, alpha)


@op(np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x, samples=reals())
def mul(x: Any, y: Any) -> Any:
    """Product ``x * y``."""
    return x * y


@op(
    x=lambda g: g,
    tensor1=lambda g, tensor2, value: g * tensor2 if value == 1 else g * tensor2 * value,
    tensor2=lambda g, tensor1, value: g * tensor1 if value == 1 else g * tensor1 * value,
    promote="common",
    jvp="symmetric",
    samples=[
        elementwise(x=reals(), tensor1=reals(), tensor2=reals()),
        elementwise(x=reals(), tensor1=reals(), tensor2=reals(), value=-0.5),
    ],
)
def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``x + value * tensor1 * tensor2``."""
    return x + (tensor1 * tensor2 if value == 1 else _scaled(tensor1, value) * tensor2)


@op(
    x=lambda g: g,
    tensor1=lambda g, tensor2, value: g / tensor2 if value == 1 else g * value / tensor2,
    tensor2=lambda g, tensor1, tensor2, value: -g * value * (tensor1 / tensor2) / tensor2,
    promote="float",
    jvp="symmetric",
    samples=[
        elementwise(x=reals(), tensor1=reals(), tensor2=reals(0.5, 3)),
        elementwise(x=reals(), tensor1=reals(), tensor2=reals(-3, -0.5), value=-0.5),
    ],
)
def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``x + value * tensor1 / tensor2``."""
    return x + (tensor1 / tensor2 if value == 1 else tensor1 * value / tensor2)


@op(
    x=lambda g, weight: g * (1 - weight),
    end=lambda g, weight: g * weight,
    weight=lambda g, x, end: g * (end - x),
    promote="float",
    jvp="symmetric",
    samples=[
        elementwise(x=reals(), end=reals(), weight=0.3),
        elementwise(x=reals(), end=reals(), weight=reals(-1, 2)),
    ],
)
def lerp(x: Any, end: Any, weight: Any) -> Any:
    """The point between ``x`` (weight 0) and ``end`` (weight 1), or beyond them: ``x + weight * (end - x)``."""
    if isinstance(weight, (int, float)):
        return x + (end - x) * weight if -0.5 < weight < 0.5 else end - (end - x) * (1 - weight)
    step = end - x
    return np.where(np.abs(weight) < 0.5, x + step * weight, end - step * (1 - weight))


# ---- quotients and remainders ----------------------------------------------------------------------------------------


@op(np.divide, x=lambda g, y: g / y, y=lambda g, x, y: -g * (x / y) / y, samples=[
    elementwise(x=reals(), y=reals(0.5, 3)), elementwise(x=reals(), y=reals(-3, -0.5)),
])  # fmt: skip
def div_(x: Any, y: Any) -> Any:
    """Quotient ``x / y``; of integers too it is floating."""
    return x / y


@np.errstate(invalid="ignore")  # as a decorator this costs a tenth of a with statement
def _quietly(divide: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    return divide(x, y)


def _whole(divide: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """``divide(x, y)``, where nan and inf give nan without a warning, and an integer 0 as divisor raises.

    Raises:
        ZeroDivisionError; DtypeError for two bools, which would become int8.
    """
    if getattr(x, "dtype", _INTEGER).kind == "f" or not are_whole(x, y):
        return _quietly(divide, x, y)
    if are_bools(x, y):
        raise TypeError("bools cannot be divided; convert one of them first: .int()")
    try:
        with np.errstate(divide="raise"):
            return divide(x, y)
    except FloatingPointError:
        raise ZeroDivisionError("an integer was divided by zero") from None


_INTEGER = np.dtype(np.int64)


def are_whole(*values: Any) -> bool:
    """Whether these arrays and numbers are all integers or bools."""
    return all(getattr(value, "dtype", np.dtype(value.__class__)).kind in "biu" for value in values)


def are_bools(*values: Any) -> bool:
    """Whether these arrays and numbers are all bools, of which NumPy would make int8 where PyTorch refuses."""
    return all(getattr(value, "dtype", type(value)) in (np.bool_, bool) for value in values)


def _truncated(x: Any, y: Any) -> Any:
    if are_whole(x, y):
        return (x - np.fmod(x, y)) // y
    return np.trunc(x / y)


_QUOTIENTS = [
    elementwise(x=reals(0.2, 0.9), y=reals(1, 3)),
    elementwise(x=reals(-3.9, -3.1), y=reals(0.95, 1.02)),
]  # no quotient is whole, so that differences do not jump


@op(x=zero, y=zero, promote="common", jvp="symmetric", samples=_QUOTIENTS)
def div_floor(x: Any, y: Any) -> Any:
    """``x / y`` rounded down; the gradient is zero."""
    return _whole(_remainders.floor_divide, x, y)


@op(x=zero, y=zero, promote="common", jvp="symmetric", samples=_QUOTIENTS)
def div_trunc(x: Any, y: Any) -> Any:
    """``x / y`` rounded towards zero; the gradient is zero."""
    return _whole(_truncated, x, y)


@op(np.floor_divide, samples=_QUOTIENTS)
def floor_divide(x: Any, y: Any) -> Any:
    """``x / y`` rounded down, integers stay integers. Not differentiable: ``div(x, y, rounding_mode="floor")`` is.

    Raises: ZeroDivisionError if an integer is divided by 0.
    """
    return _whole(_remainders.floor_divide, x, y)


@composed(samples=[*_QUOTIENTS, elementwise(x=reals(0.2, 0.9), y=reals(1, 3), rounding_mode="trunc")])
def div(x: Any, y: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Quotient ``x / y``.

    Args:
        x: the dividend.
        y: the divisor.
        rounding_mode: None divides truly, integers too; ``"trunc"`` rounds the quotient towards zero and ``"floor"``
            down, with integers for integers.

    Raises:
        ValueError: another rounding mode.
        ZeroDivisionError: an integer is divided by 0 with a rounding mode.
    """
    if rounding_mode is None:
        return div_(x, y)
    if rounding_mode == "floor":
        return div_floor(x, y)
    if rounding_mode == "trunc":
        return div_trunc(x, y)
    raise ArgumentError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")


@op(np.remainder, x=lambda g: g, y=lambda g, x, y: -g * floor_divide.kernel(x, y), samples=_QUOTIENTS)
def remainder(x: Any, y: Any) -> Any:
    """What floor division leaves, ``x - (x // y) * y``, with the sign of ``y``.

    Raises: ZeroDivisionError if an integer is divided by 0.
    """
    return _whole(_remainders.remainder, x, y)


@op(np.fmod, x=lambda g: g, y=lambda g, x, y: -g * div_trunc.kernel(x, y), samples=_QUOTIENTS)
def fmod(x: Any, y: Any) -> Any:
    """What division rounded towards zero leaves, with the sign of ``x``.

    Raises: ZeroDivisionError if an integer is divided by 0.
    """
    return _whole(_remainders.fmod, x, y)


@numpy_function(np.divmod)
def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """``(x // y, x % y)``."""
    return floor_divide(x, y), remainder(x, y)


# ---- signs -----------------------------------------------------------------------------------------------------------


@op(np.negative, x=lambda g: -g, samples=reals())
def neg(x: Any) -> Any:
    """``-x``."""
    return -x


@op(np.positive, x=lambda g: g, samples=reals())
def positive(x: Any) -> Any:
    """``x``, a copy."""
    return +x


def _abs_rule(g: Any, x: Any) -> Any:
    direction = sign.kernel(x)
    return g * (np.conj(direction) if x.dtype.kind == "c" else direction)


@op(np.absolute, np.fabs, x=_abs_rule, samples=reals(avoid=(0.0,)))
def abs(x: Any) -> Any:
    """The absolute value; its derivative at 0 is 0."""
    return np.abs(x)


def _sign_rule(g: Any, x: Any) -> Any:
    if x.dtype.kind != "c":
        return np.zeros_like(g)
    out, size = sign.kernel(x), np.abs(x)  # made again, so that the result can be overwritten
    return (g - np.conj(g * out * out)) / (2 * np.where(size == 0, math.inf, size))


@blockwise(cheap=True)
def _signs(x: Any, into: Any = None) -> Any:
    """``sign`` of many numbers, which are converted once."""
    signs = np.subtract((x > 0).view(np.int8), (x < 0).view(np.int8))
    return signs.astype(x.dtype) if into is None else np.copyto(into, signs)


@op(np.sign, x=_sign_rule, jvp="unknown", samples=reals(avoid=(0.0,)))
def sign(x: Any) -> Any:
    """-1, 0 or 1; of a complex number ``x / abs(x)``. 0 for nan; the gradient of real inputs is zero everywhere."""
    if x.dtype.kind == "c":
        return np.sign(x)
    if x.dtype == np.bool_:
        return np.array(x, subok=True)
    return np.subtract(x > 0, x < 0, dtype=x.dtype) if x.size < SOME else _signs(x)


@op(np.sign, x=_sign_rule, jvp="unknown", samples=reals(avoid=(0.0,)))
def sign_or_nan(x: Any) -> Any:
    """``numpy.sign``: as ``sign``, but nan for nan. Raises: what NumPy raises of bools."""
    return np.sign(x)


@op(np.copysign, x=lambda g, x, out: g * (np.sign(x) * np.sign(out)), y=zero, samples=elementwise(
    x=reals(avoid=(0.0,)), y=reals(avoid=(0.0,)),
))  # fmt: skip
def copysign(x: Any, y: Any) -> Any:
    """The size of ``x`` with the sign of ``y`` (of a zero too)."""
    return np.copysign(x, y)


@op(np.nextafter, x=lambda g, x, y: keep.kernel(g, x != y), y=zero, samples=elementwise(x=reals(-3, -1), y=reals(1, 3)))
def nextafter(x: Any, y: Any) -> Any:
    """The floating number next to ``x`` on the way to ``y``. The gradient goes to ``x``, if it is not ``y``."""
    return np.nextafter(x, y)


# ---- integers --------------------------------------------------------------------------------------------------------


@op(np.gcd, samples=elementwise(x=integers(-12, 12), y=integers(-12, 12)))
def gcd(x: Any, y: Any) -> Any:
    """The greatest common divisor of integers."""
    return np.gcd(x, y)


@op(np.lcm, samples=elementwise(x=integers(-12, 12), y=integers(-12, 12)))
def lcm(x: Any, y: Any) -> Any:
    """The least common multiple of integers."""
    out = np.lcm(x, y)
    return np.abs(out) if out.dtype.itemsize > 2 else out


# ---- second names ----------------------------------------------------------------------------------------------------

subtract, multiply, divide, true_divide = sub, mul, div, div_
negative, absolute, sgn = neg, abs, sign
