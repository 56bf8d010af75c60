"""Elementary functions for kernels: without branches, so that a compiler computes several elements at a time.

The C library's functions are called for one element after the other. These are polynomials on a reduced argument, for
single and double precision, within about two units in the last place, with infinities, NaNs and denormal numbers as
NumPy has them. Reductions are here as well: their terms may be added in any order.

Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, Prentice-Hall, 1980; coefficients of
single precision after S. Moshier's Cephes; of the logarithm after FreeBSD's msun.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["library"]

_EXACT: dict[str, Any] = {"error_model": "numpy", "nogil": True, "forceinline": True}
_LOOSE: dict[str, Any] = {**_EXACT, "fastmath": {"contract"}}


class _Format:
    """What the functions of one precision are made with.

    Attributes:
        exp: coefficients for exp(r) - 1 - r, divided by r * r, the highest power first.
        log: those for the series of the inverse hyperbolic tangent.
        low, high: ln 2 in two parts; magic: added and taken off again, it rounds to a whole number.
        top, bottom: beyond these exp is infinite, or zero.
        root: the bits of the root of one half; tiny: below it numbers are denormal.
    """

    def __init__(self, kind: Any, bits: int, mantissa: int, exp: Any, log: Any, high: float, root: int) -> None:
        self.kind = kind
        self.bits, self.mantissa = bits, mantissa
        self.exp = tuple([kind(value) for value in exp])
        self.log = tuple([kind(value) for value in log])
        self.high = kind(high)
        self.low = kind(_LN2 - high if kind is np.float32 else 1.90821492927058770002e-10)
        self.magic = kind(1.5 * 2.0**mantissa)
        self.top: Any = kind(89 if kind is np.float32 else 710)
        self.bottom: Any = kind(-104 if kind is np.float32 else -746)
        self.root = root
        self.tiny = kind(np.finfo(kind).tiny)
        self.far = kind(20 if kind is np.float32 else 44)


_LN2 = math.log(2)
_SINGLE = _Format(
    np.float32, 32, 23,
    (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
    (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693),
    0.693359375, 0x3F3504F3,
)  # fmt: skip
_DOUBLE = _Format(
    np.float64, 64, 52, [1 / math.factorial(k) for k in range(13, 1, -1)],
    (1.479819860511658591e-1, 1.531383769920937332e-1, 1.818357216161805012e-1, 2.222219843214978396e-1,
     2.857142874366239149e-1, 3.999999999940941908e-1, 6.666666666666735130e-1),
    6.93147180369123816490e-01, 0x3FE6A09E00000000,
)  # fmt: skip


@functools.cache
def library() -> dict[str, Any]:
    """The functions by the names that kernels call them by: for each precision its own.

    Raises:
        ImportError: there is no Numba.
    """
    return {**_functions(_SINGLE, "32"), **_functions(_DOUBLE, "64"), **_selections()}


def _functions(form: _Format, suffix: str) -> dict[str, Any]:
    """The functions of one precision."""
    from numba import njit

    loose: Callable[[Any], Any] = njit(**_LOOSE)
    exact: Callable[[Any], Any] = njit(**_EXACT)
    found = {**_exponentials(form, loose, exact), **_logarithms(form, loose, exact)}
    return {name + suffix: function for name, function in found.items()}


def _exponentials(form: _Format, loose: Callable[[Any], Any], exact: Callable[[Any], Any]) -> dict[str, Any]:
    """exp, expm1, tanh."""
    power, polynomial = _parts(form)[0], _horner(form.exp, loose)
    zero, one, two, half = (form.kind(value) for value in (0, 1, 2, 0.5))
    magic, top, bottom, far = form.magic, form.top, form.bottom, form.far
    high, low, log2e = form.high, form.low, form.kind(1 / _LN2)

    @exact
    def nearest(x: Any) -> Any:
        return (x + magic) - magic

    @loose
    def exp(x: Any) -> Any:
        x = top if x > top else x
        x = bottom if x < bottom else x
        n = nearest(x * log2e)
        r = x - n * high - n * low
        value = polynomial(r) * (r * r) + r + one
        part = nearest(n * half)
        return value * power(part + magic) * power(n - part + magic)

    @loose
    def grown(x: Any) -> Any:
        """exp(x) - 1, of x that is neither huge nor far below zero."""
        n = nearest(x * log2e)
        r = x - n * high - n * low
        s = power(n + magic)
        return s * (polynomial(r) * (r * r) + r) + (s - one)

    @loose
    def expm1(x: Any) -> Any:
        large = exp(x)
        small = -far if x < -far else x
        small = grown(far if small > far else small)
        value = large if x > far else small
        return x if x == zero else value

    @loose
    def tanh(x: Any) -> Any:
        twice = two * abs(x)
        e = grown(far if twice > far else twice)
        return np.copysign(e / (e + two), x)

    return {"exp": exp, "expm1": expm1, "tanh": tanh}


def _logarithms(form: _Format, loose: Callable[[Any], Any], exact: Callable[[Any], Any]) -> dict[str, Any]:
    """log, log1p."""
    _, whole, fraction = _parts(form)
    series = _horner(form.log, loose)
    zero, one, two, half = (form.kind(value) for value in (0, 1, 2, 0.5))
    high, low, tiny, raised = form.high, form.low, form.tiny, form.kind(form.mantissa)
    infinity, nan, scale = form.kind(np.inf), form.kind(np.nan), form.kind(2.0**form.mantissa)

    @loose
    def log(x: Any) -> Any:
        denormal = x < tiny
        y = x * scale if denormal else x
        n = whole(y) - (raised if denormal else zero)
        f = fraction(y) - one
        s = f / (two + f)
        z = s * s
        h = half * f * f
        value = n * high - ((h - (s * (h + series(z) * z) + n * low)) - f)
        value = infinity if x == infinity else value
        value = -infinity if x == zero else value
        return value if x >= zero else nan

    @exact
    def log1p(x: Any) -> Any:
        u = one + x
        lost = x - (u - one)
        value = log(u) + (lost / u if u < infinity and u > zero else zero)
        return x if x == zero else value

    return {"log": log, "log1p": log1p}


def _horner(coefficients: tuple[Any, ...], loose: Callable[[Any], Any]) -> Any:
    """A polynomial, written out."""
    text = "c0"
    for k in range(1, len(coefficients)):
        text = f"({text}) * x + c{k}"
    place = {f"c{k}": value for k, value in enumerate(coefficients)}
    exec(f"def polynomial(x):\n    return {text}\n", place)
    return loose(place["polynomial"])


def _parts(form: _Format) -> tuple[Any, Any, Any]:
    """What reads and makes the bits of a number.

    Returns:
        power: 2**n, of n + magic; whole and fraction: x = 2**whole * fraction, which is about 0.71 to 1.41.
    """
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic

    integer, real = ir.IntType(form.bits), (ir.FloatType() if form.bits == 32 else ir.DoubleType())
    short = ir.IntType(32)
    typed = types.float32 if form.bits == 32 else types.float64
    bias = (1 << (form.bits - 2 - form.mantissa)) - 1
    one, shift = integer(bias << form.mantissa), integer(form.mantissa)
    above = integer((bias << form.mantissa) - form.root)

    def power(typing: Any, x: Any) -> Any:
        def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            bits = builder.shl(builder.bitcast(args[0], integer), shift)
            return builder.bitcast(builder.add(bits, one), real)

        return typed(typed), make

    def whole(typing: Any, x: Any) -> Any:
        def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            bits = builder.add(builder.bitcast(args[0], integer), above)
            n = builder.sub(builder.ashr(bits, shift), integer(bias))
            n = builder.trunc(n, short) if form.bits == 64 else n
            return builder.sitofp(n, real)

        return typed(typed), make

    def fraction(typing: Any, x: Any) -> Any:
        def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            bits = builder.add(builder.bitcast(args[0], integer), above)
            bits = builder.and_(bits, integer((1 << form.mantissa) - 1))
            return builder.bitcast(builder.add(bits, integer(form.root)), real)

        return typed(typed), make

    return intrinsic(power), intrinsic(whole), intrinsic(fraction)


def _selections() -> dict[str, Any]:
    """Sums in any order; maxima and minima, of which NaN is both; the bits of a number as another type."""
    from llvmlite import ir
    from numba import njit
    from numba.core import types
    from numba.extending import intrinsic

    def plus(typing: Any, total: Any, x: Any) -> Any:
        def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.fadd(*args, flags=("reassoc", "nsz", "contract"))

        return total(total, total), make

    def extreme(name: str) -> Any:
        def typed(typing: Any, a: Any, b: Any) -> Any:
            def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                kind = args[0].type
                shape = ir.FunctionType(kind, [kind, kind])
                return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [kind], shape), args)

            return a(a, a), make

        return typed

    def as_bits(kind: Any) -> Any:
        def typed(typing: Any, x: Any) -> Any:
            def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return builder.bitcast(args[0], context.get_value_type(kind))

            return kind(x), make

        return typed

    exact: Callable[[Any], Any] = njit(**_EXACT)

    @exact
    def maximum(a: Any, b: Any) -> Any:
        return a if (a >= b) | (a != a) else b

    @exact
    def minimum(a: Any, b: Any) -> Any:
        return a if (a <= b) | (a != a) else b

    kinds = {"float32": types.float32, "float64": types.float64, "int32": types.int32, "int64": types.int64}
    bits = {f"bits_{name}": intrinsic(as_bits(kind)) for name, kind in kinds.items()}
    return {
        "maximum": maximum, "minimum": minimum, "plus": intrinsic(plus), "highest": intrinsic(extreme("maximum")),
        "lowest": intrinsic(extreme("minimum")), **bits,
    }  # fmt: skip
