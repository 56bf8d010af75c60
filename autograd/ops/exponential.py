"""Exponentials, logarithms and what is made of them; special functions.

Shape: as the input (of two inputs, the broadcast shape). Integers and bools are computed in the default dtype.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import numpy as np

from .._op import composed, op
from ..samples import elementwise, reals
from .arithmetic import as_arrays

_LN2 = math.log(2)
_LN10 = math.log(10)


@functools.cache
def _special() -> Any:
    """``scipy.special``, imported when it is first needed."""
    from scipy import special

    return special


# ---- exponentials ----------------------------------------------------------------------------------------------------


@op(np.exp, x=lambda g, out: g * out, samples=reals())
def exp(x: Any) -> Any:
    """The exponential function."""
    return np.exp(x)


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


@op(x=lambda g, out: g * (out - out * out), promote="float", samples=reals(-6, 6))
def sigmoid(x: Any) -> Any:
    """The logistic function ``1 / (1 + exp(-x))``, without overflow at either end."""
    return _logistic(x)


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


@op(np.log1p, x=lambda g, x: g / (x + 1), samples=reals(-0.9, 3))
def log1p(x: Any) -> Any:
    """``log(1 + x)``, exact near 0."""
    return np.log1p(x)


@op(
    np.logaddexp,
    x=lambda g, x, y: g * sigmoid.kernel(x - y),
    y=lambda g, x, y: g * sigmoid.kernel(y - x),
    samples=reals(),
)
@np.errstate(invalid="ignore")  # nan is no accident here
def logaddexp(x: Any, y: Any) -> Any:
    """``log(exp(x) + exp(y))`` without overflow."""
    return np.logaddexp(x, y)


@op(
    np.logaddexp2,
    x=lambda g, x, y: g * sigmoid.kernel((x - y) * _LN2),
    y=lambda g, x, y: g * sigmoid.kernel((y - x) * _LN2),
    samples=reals(),
)
@np.errstate(invalid="ignore")
def logaddexp2(x: Any, y: Any) -> Any:
    """``log2(2**x + 2**y)`` without overflow."""
    return np.logaddexp2(x, y)


def _logit_rule(g: Any, x: Any, eps: float | None) -> Any:
    if eps is None:
        return g / np.where((x < 0) | (x > 1), math.nan, x * (1 - x))
    outside = ~((x >= eps) & (x <= 1 - eps))
    return np.where(outside, 0, g / np.where(outside, 1, x * (1 - x)))


@op(x=_logit_rule, promote="float", samples=[
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
    promote="float",
    samples=elementwise(x=reals(), y=reals(0.1, 3)),
)
def xlogy_(x: Any, y: Any) -> Any:
    """``x * log(y)``."""
    return x * np.log(np.where((x == 0) & (y == y), 1, y))


@composed()
def xlogy(x: Any, y: Any) -> Any:
    """``x * log(y)``, 0 where ``x`` is 0 (nan if ``y`` is nan). There the gradient with respect to ``y`` is 0 too."""
    return xlogy_(*as_arrays(x, y, floating=True))


# ---- the error function ----------------------------------------------------------------------------------------------


def _gauss(x: Any) -> Any:
    """The derivative of ``erf``."""
    return np.exp(-x * x) * (2 / math.sqrt(math.pi))


@op(x=lambda g, x: g * _gauss(x), promote="float", samples=reals(-2, 2))
def erf(x: Any) -> Any:
    """The error function."""
    return _special().erf(x).astype(x.dtype, copy=False)


@op(x=lambda g, x: -g * _gauss(x), promote="float", samples=reals(-2, 2))
def erfc(x: Any) -> Any:
    """``1 - erf(x)``, exact for large ``x``."""
    return _special().erfc(x).astype(x.dtype, copy=False)


@op(x=lambda g, out: g * (np.exp(out * out) * (math.sqrt(math.pi) / 2)), promote="float", samples=reals(-0.9, 0.9))
def erfinv(x: Any) -> Any:
    """The inverse of ``erf``; infinite at -1 and 1, nan outside."""
    return _special().erfinv(x).astype(x.dtype, copy=False)


# ---- the gamma function ----------------------------------------------------------------------------------------------


@op(x=lambda g, x: g * digamma.kernel(x), promote="float", samples=reals(0.3, 4))
def lgamma(x: Any) -> Any:
    """The logarithm of the absolute value of the gamma function."""
    return _special().gammaln(x).astype(x.dtype, copy=False)


@op(x=lambda g, x: g * polygamma.kernel(1, x), promote="float", samples=reals(0.3, 4))
def digamma(x: Any) -> Any:
    """The derivative of ``lgamma``."""
    return _special().digamma(x).astype(x.dtype, copy=False)


@op(x=lambda g, n, x: g * polygamma.kernel(n + 1, x), promote="float", samples=[
    elementwise(n=0, x=reals(0.3, 4)), elementwise(n=1, x=reals(0.3, 4)), elementwise(n=2, x=reals(0.5, 4)),
])  # fmt: skip
def polygamma(n: int, x: Any) -> Any:
    """The ``n``-th derivative of ``digamma``.

    Raises: ValueError if ``n`` is negative.
    """
    if n < 0:
        raise ValueError(f"the order n must not be negative, got {n}")
    if n == 0:
        return _special().digamma(x).astype(x.dtype, copy=False)
    zeta = _special().zeta(n + 1.0, x).astype(x.dtype, copy=False)
    return zeta * float((-1) ** (n + 1) * math.factorial(n))


def _mvlgamma_rule(g: Any, x: Any, order: int) -> Any:
    return g * functools.reduce(operator.add, [digamma.kernel(x - i / 2) for i in range(order)])


@op(x=_mvlgamma_rule, promote="float", samples=[
    elementwise(x=reals(1.5, 4), order=1), elementwise(x=reals(1.5, 4), order=3),
])  # fmt: skip
def mvlgamma_(x: Any, order: int) -> Any:
    """The logarithm of the multivariate gamma function."""
    total = _special().gammaln(x) + order * (order - 1) / 4 * math.log(math.pi)
    for i in range(1, order):
        total = total + _special().gammaln(x - i / 2)
    return total.astype(x.dtype, copy=False)


@composed()
def mvlgamma(x: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension ``p``, for ``x`` above ``(p - 1) / 2``."""
    return mvlgamma_(x, p)


# ---- sinc and the modified Bessel functions --------------------------------------------------------------------------

_SINC_SERIES = [(-1) ** n * 2 * n / math.factorial(2 * n + 1) for n in range(1, 8)]


def _sinc_slope(x: Any) -> Any:
    """The derivative of ``sinc``: by its series near 0, where the closed form cancels."""
    z = x * math.pi
    near = np.abs(z) < 0.5
    z2 = np.where(near, z * z, 0)
    series = z2 * _SINC_SERIES[-1] + _SINC_SERIES[-2]
    for coefficient in _SINC_SERIES[-3::-1]:
        series = series * z2 + coefficient
    far = np.where(near, 1, z)
    return np.where(near, z * series, (np.cos(far) - np.sin(far) / far) / far) * math.pi


@op(np.sinc, x=lambda g, x: g * _sinc_slope(x), promote="float", samples=[reals(), elementwise(x=reals(-0.2, 0.2))])
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``, 1 at 0."""
    z = np.where(x == 0, np.finfo(x.dtype).tiny, x * math.pi)
    return np.sin(z) / z


@op(np.i0, x=lambda g, x: g * i1.kernel(x), promote="float", samples=reals())
def i0(x: Any) -> Any:
    """The modified Bessel function of the first kind, of order 0."""
    return _special().i0(x).astype(x.dtype, copy=False)


def _i1_slope(x: Any, out: Any) -> Any:
    at_zero = x == 0
    return np.where(at_zero, 0.5, i0.kernel(x) - out / np.where(at_zero, 1, x))


@op(x=lambda g, x, out: g * _i1_slope(x, out), promote="float", samples=reals(avoid=(0.0,)))
def i1(x: Any) -> Any:
    """The modified Bessel function of the first kind, of order 1."""
    return _special().i1(x).astype(x.dtype, copy=False)


expit, gammaln = sigmoid, lgamma
