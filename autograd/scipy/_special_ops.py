"""Special functions of SciPy that PyTorch has not, as ops: values from SciPy, derivatives in each other's terms.

Shape: as the input (of two inputs, the broadcast shape).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import op
from ..ops.exponential import scipy_special
from ..ops.gamma import digamma
from ..samples import elementwise, reals

__all__ = [
    "beta", "betainc", "betaln", "erfcinv", "gamma", "iv", "ive", "j0", "j1", "jv", "kn", "normal_logpdf", "rgamma",
    "stdtr", "y0", "y1", "yv",
]  # fmt: skip

_PAIR = elementwise(x=reals(0.5, 4), y=reals(0.5, 4))
_ORDERS = [elementwise(v=2, x=reals(0.5, 4)), elementwise(v=0.5, x=reals(0.5, 4))]


# ---- gamma and beta --------------------------------------------------------------------------------------------------


@op(x=lambda g, x, out: g * out * digamma.kernel(x), promote="float", jvp="symmetric", samples=reals(0.3, 4))
def gamma(x: Any) -> Any:
    """The gamma function."""
    return scipy_special().gamma(x).astype(x.dtype, copy=False)


@op(x=lambda g, x, out: -g * out * digamma.kernel(x), promote="float", jvp="symmetric", samples=reals(0.3, 4))
def rgamma(x: Any) -> Any:
    """One over the gamma function."""
    return scipy_special().rgamma(x).astype(x.dtype, copy=False)


@op(
    x=lambda g, x, y, out: g * out * (digamma.kernel(x) - digamma.kernel(x + y)),
    y=lambda g, x, y, out: g * out * (digamma.kernel(y) - digamma.kernel(x + y)),
    promote="float",
    jvp="symmetric",
    samples=_PAIR,
)
def beta(x: Any, y: Any) -> Any:
    """The beta function."""
    return scipy_special().beta(x, y).astype(np.result_type(x, y), copy=False)


@op(
    x=lambda g, x, y: g * (digamma.kernel(x) - digamma.kernel(x + y)),
    y=lambda g, x, y: g * (digamma.kernel(y) - digamma.kernel(x + y)),
    promote="float",
    jvp="symmetric",
    samples=_PAIR,
)
def betaln(x: Any, y: Any) -> Any:
    """The logarithm of the beta function."""
    return scipy_special().betaln(x, y).astype(np.result_type(x, y), copy=False)


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.power(x, a - 1) * np.power(1 - x, b - 1) / beta.kernel(a, b)


@op(
    x=lambda g, a, b, x: g * _beta_density(a, b, x),
    constants=("a", "b"),
    promote="float",
    jvp="symmetric",
    samples=elementwise(a=reals(0.5, 4), b=reals(0.5, 4), x=reals(0.1, 0.9)),
)
def betainc(a: Any, b: Any, x: Any) -> Any:
    """The incomplete beta function, a share of 1; differentiable with respect to ``x``."""
    wide = a.astype(np.float64, copy=False)  # SciPy's own single precision has five digits
    return scipy_special().betainc(wide, b, x).astype(x.dtype, copy=False)


def _t_density(df: Any, x: Any) -> Any:
    return np.power(1 + x * x / df, -(df + 1) / 2) / (np.sqrt(df) * beta.kernel(df / 2, 0.5 + df * 0))


@op(
    x=lambda g, df, x: g * _t_density(df, x),
    constants=("df",),
    promote="float",
    jvp="symmetric",
    samples=elementwise(df=reals(1, 9), x=reals()),
)
def stdtr(df: Any, x: Any) -> Any:
    """The distribution function of Student's t; differentiable with respect to ``x``."""
    return scipy_special().stdtr(df, x).astype(x.dtype, copy=False)


@op(
    x=lambda g, out: g * np.exp(out * out) * (-math.sqrt(math.pi) / 2),
    promote="float",
    jvp="symmetric",
    samples=reals(0.1, 1.9),
)
def erfcinv(x: Any) -> Any:
    """The inverse of the complementary error function."""
    return scipy_special().erfcinv(x).astype(x.dtype, copy=False)


@op(
    x=lambda g, x, loc, scale: g * ((loc - x) / np.square(scale)),
    loc=lambda g, x, loc, scale: g * ((x - loc) / np.square(scale)),
    scale=lambda g, x, loc, scale: g * ((np.square((x - loc) / scale) - 1) / scale),
    promote="float",
    jvp="symmetric",
    samples=elementwise(x=reals(), loc=reals(), scale=reals(0.5, 2)),
)
def normal_logpdf(x: Any, loc: Any, scale: Any) -> Any:
    """The logarithm of the density of the normal distribution: one op, since it is used so much."""
    z = (x - loc) / scale
    out = z * z * -0.5 - (np.log(scale) + math.log(2 * math.pi) / 2)
    return out.astype(np.result_type(x, loc, scale), copy=False)


# ---- Bessel functions ------------------------------------------------------------------------------------------------


@op(x=lambda g, x: -g * j1.kernel(x), promote="float", jvp="symmetric", samples=reals())
def j0(x: Any) -> Any:
    """The Bessel function of the first kind, of order 0."""
    return scipy_special().j0(x).astype(x.dtype, copy=False)


@op(x=lambda g, x: g * (j0.kernel(x) - jv.kernel(2, x)) / 2, promote="float", jvp="symmetric", samples=reals())
def j1(x: Any) -> Any:
    """The Bessel function of the first kind, of order 1."""
    return scipy_special().j1(x).astype(x.dtype, copy=False)


@op(
    x=lambda g, v, x: g * (jv.kernel(v - 1, x) - jv.kernel(v + 1, x)) / 2,
    constants=("v",),
    promote="float",
    jvp="symmetric",
    samples=_ORDERS,
)
def jv(v: Any, x: Any) -> Any:
    """The Bessel function of the first kind, of order ``v``; differentiable with respect to ``x``."""
    return scipy_special().jv(v, x).astype(x.dtype, copy=False)


@op(x=lambda g, x: -g * y1.kernel(x), promote="float", jvp="symmetric", samples=reals(0.5, 4))
def y0(x: Any) -> Any:
    """The Bessel function of the second kind, of order 0."""
    return scipy_special().y0(x).astype(x.dtype, copy=False)


@op(x=lambda g, x: g * (y0.kernel(x) - yv.kernel(2, x)) / 2, promote="float", jvp="symmetric", samples=reals(0.5, 4))
def y1(x: Any) -> Any:
    """The Bessel function of the second kind, of order 1."""
    return scipy_special().y1(x).astype(x.dtype, copy=False)


@op(
    x=lambda g, v, x: g * (yv.kernel(v - 1, x) - yv.kernel(v + 1, x)) / 2,
    constants=("v",),
    promote="float",
    jvp="symmetric",
    samples=_ORDERS,
)
def yv(v: Any, x: Any) -> Any:
    """The Bessel function of the second kind, of order ``v``; differentiable with respect to ``x``."""
    return scipy_special().yv(v, x).astype(x.dtype, copy=False)


@op(
    x=lambda g, v, x: g * (iv.kernel(v - 1, x) + iv.kernel(v + 1, x)) / 2,
    constants=("v",),
    promote="float",
    jvp="symmetric",
    samples=_ORDERS,
)
def iv(v: Any, x: Any) -> Any:
    """The modified Bessel function of the first kind, of order ``v``; differentiable with respect to ``x``."""
    return scipy_special().iv(v, x).astype(x.dtype, copy=False)


@op(
    x=lambda g, v, x, out: g * ((ive.kernel(v - 1, x) + ive.kernel(v + 1, x)) / 2 - np.sign(x) * out),
    constants=("v",),
    promote="float",
    jvp="symmetric",
    samples=_ORDERS,
)
def ive(v: Any, x: Any) -> Any:
    """``iv(v, x) * exp(-abs(x))``; differentiable with respect to ``x``."""
    return scipy_special().ive(v, x).astype(x.dtype, copy=False)


@op(
    x=lambda g, v, x: -g * (kn.kernel(v - 1, x) + kn.kernel(v + 1, x)) / 2,
    constants=("v",),
    promote="float",
    jvp="symmetric",
    samples=_ORDERS,
)
def kn(v: Any, x: Any) -> Any:
    """The modified Bessel function of the second kind, of order ``v``; differentiable with respect to ``x``."""
    return scipy_special().kv(v, x).astype(x.dtype, copy=False)
