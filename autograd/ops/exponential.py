"""Exponentials, logarithms and what is made of them.

Shape: as the input (of two inputs, the broadcast shape). Integers and bools are computed in the default dtype.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..samples import case, elementwise, reals
from ._blocks import BLOCK, blockwise, pointwise, zeros_for
from .arithmetic import as_arrays
from .axes import widened

if TYPE_CHECKING:
    from .._tensor import Tensor

_LN2 = math.log(2)
_LN10 = math.log(10)


@functools.cache
def scipy_special() -> Any:
    """``scipy.special``, imported when it is first needed."""
    from scipy import special

    return special


# ---- exponentials ----------------------------------------------------------------------------------------------------


@op(np.exp, x=lambda g, out: g * out, samples=reals())
def exp(x: Any) -> Any:
    """The exponential function."""
    return np.exp(x) if x.size <= BLOCK else pointwise(np.exp, x)


@op(np.exp2, x=lambda g, out: g * out * _LN2, samples=reals())
def exp2(x: Any) -> Any:
    """2 to the power ``x``."""
    return np.exp2(x)


@op(np.expm1, x=lambda g, out: g * out + g, samples=reals())
def expm1(x: Any) -> Any:
    """``exp(x) - 1``, exact near 0."""
    return np.expm1(x)


@np.errstate(over="ignore")  # exp(-x) = inf gives the right 0; as a decorator this costs a tenth of a with statement
def _logistic(x: Any) -> Any:
    return np.reciprocal(1 + np.exp(-x))


@np.errstate(over="ignore")
def logistic_into(x: Any, out: Any = None) -> Any:
    """``_logistic`` of many numbers, in ``out``: without temporary arrays, and a division is faster there."""
    s = np.negative(x, out=out)
    s = np.exp(s, out=out)
    s = np.add(s, 1, out=out)
    return np.divide(1, s, out=out)


def _slope_into(y: Any, s: Any, out: Any = None) -> Any:
    slope = np.multiply(s, s, out=out)
    slope = np.subtract(s, slope, out=out)
    return np.multiply(y, slope, out=out)


@op(
    y=lambda g, s: sigmoid_backward.kernel(g, s),
    s=lambda g, y, s: g * y * (1 - 2 * s),
    jvp="symmetric",
    samples=[
        case(y=reals(shape=(2, 3)), s=reals(0, 1, shape=(2, 3))),
        case(y=reals(shape=()), s=reals(0, 1, shape=())),
    ],
)
def sigmoid_backward(y: Any, s: Any) -> Any:
    """``y`` times the derivative of ``sigmoid`` where its value is ``s``."""
    return y * (s - s * s) if s.size <= BLOCK else pointwise(_slope_into, y, s)


@op(x=lambda g, out: sigmoid_backward.kernel(g, out), promote="float", jvp="symmetric", samples=reals(-6, 6))
def sigmoid(x: Any) -> Any:
    """The logistic function ``1 / (1 + exp(-x))``, without overflow at either end."""
    if x.dtype.itemsize == 2:  # exp(-x) of float16 is infinite below -11 already
        return sigmoid.kernel(x.astype(np.float32)).astype(x.dtype)
    return _logistic(x) if x.size <= BLOCK else pointwise(logistic_into, x)


@op(
    y=lambda g, x: weighed.kernel(g, x),
    x=lambda g, y, x: g * y * (sigmoid.kernel(x) * sigmoid.kernel(-x)),
    jvp="symmetric",
    samples=[reals(shape=(2, 3)), reals(shape=())],
)
def weighed(y: Any, x: Any) -> Any:
    """``y * sigmoid(x)``, for rules: its derivative keeps its digits also where the sigmoid is nearly 1."""
    return y * sigmoid.op.forward(x)


# ---- logarithms ------------------------------------------------------------------------------------------------------


@op(np.log, x=lambda g, x: g / x, samples=reals(0.1, 3))
def log(x: Any) -> Any:
    """The natural logarithm; nan below 0."""
    return np.log(x)


@op(np.log2, x=lambda g, x: g / (x * _LN2), samples=reals(0.1, 3))
def log2(x: Any) -> Any:
    """The logarithm to the base 2."""
    return np.log2(x)


@op(np.log10, x=lambda g, x: g / (x * _LN10), samples=reals(0.1, 3))
def log10(x: Any) -> Any:
    """The logarithm to the base 10."""
    return np.log10(x)


FAST = 256
"""From this size on float32 is computed by NumPy's vectorized functions instead of one number after the other."""


@functools.cache
def is_vectorized(name: str) -> bool:
    """Whether NumPy computes a function of many float32 by instructions of this processor that take many at a time."""
    introspect = getattr(np.lib, "introspect", None)  # from NumPy 2.1 on
    if introspect is None:
        return False
    loops = introspect.opt_func_info(func_name=f"^{name}$", signature="float32").get(name, {})
    return any("baseline" not in loop["current"] for loop in loops.values())


def log1p_below_1(u: Any) -> Any:
    """``log(1 + u)`` of numbers from 0 to 1, to four units in the last place."""
    if u.dtype != np.float32 or u.size < FAST or is_vectorized("log1p"):
        return np.log1p(u)
    w = u + 1
    lost = w - 1  # w is rounded: what is missing from u comes back as the first term of the series
    np.subtract(u, lost, out=lost)
    lost /= w
    return np.log(w, out=w) + lost


def _complex_log1p(z: Any) -> Any:
    """``log(1 + z)`` of complex numbers, from magnitude and angle; NumPy's is not exact near 0."""
    x, y = np.real(z), np.imag(z)
    near = (np.abs(x) < 0.5) & (np.abs(y) < 0.5)
    u, v = np.where(near, x, 0), np.where(near, y, 0)
    size = np.log1p(u * (u + 2) + v * v) * 0.5  # of 1 + z, by its square
    return np.where(near, size, np.log(np.hypot(np.where(near, 1, x + 1), y))) + 1j * np.arctan2(y, x + 1)


@op(np.log1p, x=lambda g, x: g / (x + 1), samples=reals(-0.9, 3))
def log1p(x: Any) -> Any:
    """``log(1 + x)``, exact near 0."""
    return np.log1p(x) if x.dtype.kind != "c" else _complex_log1p(x)


def _complex_share(d: Any) -> Any:
    """``1 / (1 + exp(-d))``, without overflow."""
    positive = np.real(d) >= 0
    power = np.exp(np.where(positive, -d, d))
    return np.where(positive, 1, power) / (1 + power)


def _log_of_sum(x: Any, y: Any) -> Any:
    """``logaddexp`` of complex numbers; nan in one part of one makes both parts nan."""
    above = np.real(x) >= np.real(y)
    most, least = np.where(above, x, y), np.where(above, y, x)
    out = np.where(np.isinf(np.real(most)), most, most + _complex_log1p(np.exp(least - most)))
    return np.where(np.isnan(x) | np.isnan(y), complex(math.nan, math.nan), out)


@blockwise
def _shared(g: Any, x: Any, y: Any) -> Any:
    """``g * exp(x) / (exp(x) + exp(y))``."""
    d = x - y
    return g * _complex_share(d) if d.dtype.kind == "c" else weighed.kernel(g, d)


@blockwise
@np.errstate(over="ignore", invalid="ignore")
def _log_of_many(x: Any, y: Any) -> Any:
    """``logaddexp`` of many numbers, by vectorized functions."""
    below = -np.abs(x - y)
    below = np.fmin(below, zeros_for(below))  # of equal infinities the difference is nan
    return np.maximum(x, y) + log1p_below_1(np.exp(below))


@op(
    np.logaddexp,
    x=_shared,
    y=lambda g, x, y: _shared(g, y, x),
    samples=reals(),
)
@np.errstate(invalid="ignore")  # nan is no accident here
def logaddexp(x: Any, y: Any) -> Any:
    """``log(exp(x) + exp(y))`` without overflow."""
    array = x if hasattr(x, "dtype") else y  # the other one may be a number
    if array.dtype.kind == "c":
        return _log_of_sum(x, y)
    if array.dtype.char in "fd" and max(getattr(x, "size", 1), getattr(y, "size", 1)) >= FAST:
        return _log_of_many(x, y)
    return np.logaddexp(x, y)


@blockwise
@np.errstate(over="ignore", invalid="ignore")
def _log2_of_many(x: Any, y: Any) -> Any:
    """``logaddexp2`` of many numbers, by vectorized functions."""
    below = -np.abs(x - y)
    below = np.fmin(below, zeros_for(below))
    return np.maximum(x, y) + log1p_below_1(np.exp2(below)) * (1 / _LN2)


@op(
    y=lambda g, d: _share_of_power.kernel(g, d),
    d=lambda g, y, d: _share_of_power.kernel(_share_of_power.kernel(g * y * _LN2, d), -d),
    promote="real",
    jvp="symmetric",
    samples=[reals(shape=(2, 3)), reals(shape=())],
)
@blockwise
@np.errstate(over="ignore")
def _share_of_power(y: Any, d: Any) -> Any:
    """``y / (1 + 2**-d)``: by ``exp2``, as a product with the logarithm of 2 would round the exponent."""
    return (y / (1 + np.exp2(-widened(d)))).astype(y.dtype, copy=False)


@op(
    np.logaddexp2,
    x=lambda g, x, y: _share_of_power.kernel(g, x - y),
    y=lambda g, x, y: _share_of_power.kernel(g, y - x),
    samples=reals(),
)
@np.errstate(invalid="ignore")
def logaddexp2(x: Any, y: Any) -> Any:
    """``log2(2**x + 2**y)`` without overflow."""
    array = x if hasattr(x, "dtype") else y
    if array.dtype.char in "fd" and max(getattr(x, "size", 1), getattr(y, "size", 1)) > 2 * FAST:
        return _log2_of_many(x, y)
    return np.logaddexp2(x, y)


def _logit_rule(g: Any, x: Any, eps: float | None) -> Any:
    if eps is None:
        return g / np.where((x < 0) | (x > 1), math.nan, x * (1 - x))
    outside = ~((x >= eps) & (x <= 1 - eps))
    return np.where(outside, 0, g / np.where(outside, 1, x * (1 - x)))


@op(x=_logit_rule, promote="real", jvp="symmetric", samples=[
    elementwise(x=reals(0.05, 0.95)),
    elementwise(x=reals(-0.5, 1.5, avoid=(0.1, 0.9)), eps=0.1),
])  # fmt: skip
def logit(x: Any, eps: float | None = None) -> Any:
    """The inverse of ``sigmoid``, ``log(x / (1 - x))``; given ``eps``, ``x`` is first clamped to [eps, 1 - eps]."""
    if eps is not None:
        x = np.minimum(np.maximum(x, eps), 1 - eps)
    return np.log(x / (1 - x))


@op(
    x=lambda g, x, y: xlogy_.kernel(g, np.where((x == 0) & (y <= 0), 1, y)),
    y=lambda g, x, y: g * (x / np.where((x == 0) & (y == 0), 1, y)),
    promote="real",
    jvp="symmetric",
    samples=elementwise(x=reals(), y=reals(0.1, 3)),
)
def xlogy_(x: Any, y: Any) -> Any:
    """``x * log(y)``."""
    return x * np.log(np.where((x == 0) & (y == y), 1, y))


@composed()
def xlogy(x: Any, y: Any) -> Tensor:
    """``x * log(y)``, 0 where ``x`` is 0 (nan if ``y`` is nan). There the gradient with respect to ``y`` is 0 too."""
    return xlogy_(*as_arrays(x, y, floating=True))


@op(
    x=lambda g, x, y: xlog1py_.kernel(g, np.where((x == 0) & (y <= -1), 0, y)),
    y=lambda g, x, y: g * (x / np.where((x == 0) & (y == -1), 1, y + 1)),
    promote="real",
    jvp="symmetric",
    samples=elementwise(x=reals(), y=reals(-0.9, 3)),
)
def xlog1py_(x: Any, y: Any) -> Any:
    """``x * log(1 + y)``."""
    return x * np.log1p(np.where((x == 0) & (y == y), 0, y))


@composed()
def xlog1py(x: Any, y: Any) -> Tensor:
    """``x * log(1 + y)``, 0 where ``x`` is 0 (nan if ``y`` is nan). There the gradient to ``y`` is 0 too."""
    return xlog1py_(*as_arrays(x, y, floating=True))


@op(x=lambda g, x: -g * (np.log(x) + 1), promote="float", jvp="symmetric", samples=reals(0.1, 3))
def entr(x: Any) -> Any:
    """``-x * log(x)``, an event's part in the entropy: 0 at 0 (where the derivative is infinite), -inf below."""
    inside = np.where(x <= 0, 1, x)
    return np.where(x < 0, -math.inf, 0 - inside * np.log(inside))


# ---- sinc ------------------------------------------------------------------------------------------------------------

_SINC_SERIES = [(-1) ** n * 2 * n / math.factorial(2 * n + 1) for n in range(1, 8)]


@blockwise
def _sinc_slope(x: Any) -> Any:
    """The derivative of ``sinc``: by its series near 0, where the closed form cancels."""
    z = widened(x) * math.pi
    near = np.abs(z) < 0.5
    z2 = np.where(near, z * z, 0)
    series = z2 * _SINC_SERIES[-1] + _SINC_SERIES[-2]
    for coefficient in _SINC_SERIES[-3::-1]:
        series = series * z2 + coefficient
    far = np.where(near, 1, z)
    slope = np.where(near, z * series, (np.cos(far) - np.sin(far) / far) / far) * math.pi
    return slope if slope.dtype is x.dtype else slope.astype(x.dtype)


@op(
    np.sinc,
    x=lambda g, x: g * _sinc_slope(x),
    promote="float",
    jvp="symmetric",
    samples=[reals(), elementwise(x=reals(-0.2, 0.2))],
)
@blockwise
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``, 1 at 0."""
    z = np.where(x == 0, np.finfo(x.dtype).tiny, widened(x) * math.pi)
    return (np.sin(z) / z).astype(x.dtype, copy=False)


expit = sigmoid
