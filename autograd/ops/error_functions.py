"""The error function, and the normal distribution, which is the same function in other units.

Shape: as the input. Integers and bools are computed in the default dtype.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals
from ._blocks import HEAVY, blockwise
from .exponential import scipy_special

# ---- the error function ----------------------------------------------------------------------------------------------


def _gauss(x: Any) -> Any:
    """The derivative of ``erf``."""
    return np.exp(-x * x) * (2 / math.sqrt(math.pi))


@op(x=lambda g, x: g * _gauss(x), promote="float", jvp="symmetric", samples=reals(-2, 2))
@blockwise(block=HEAVY)
def erf(x: Any) -> Any:
    """The error function."""
    return scipy_special().erf(x).astype(x.dtype, copy=False)


@op(x=lambda g, x: -g * _gauss(x), promote="float", jvp="symmetric", samples=reals(-2, 2))
@blockwise(block=HEAVY)
def erfc(x: Any) -> Any:
    """``1 - erf(x)``, exact for large ``x``."""
    return scipy_special().erfc(x).astype(x.dtype, copy=False)


_SOME = 64
"""From so many numbers on a look at all of them costs less than SciPy's at those outside."""


@op(
    x=lambda g, out: g * (np.exp(out * out) * (math.sqrt(math.pi) / 2)),
    promote="float",
    jvp="symmetric",
    samples=reals(-0.9, 0.9),
)
@blockwise(block=HEAVY)
def erfinv(x: Any) -> Any:
    """The inverse of ``erf``; infinite at -1 and 1, nan outside."""
    if x.size > _SOME:
        x = np.where(np.abs(x) > 1, math.nan, x)  # which SciPy finds out in two microseconds for each
    return scipy_special().erfinv(x).astype(x.dtype, copy=False)


_TAIL = [(-1) ** n * math.prod(range(1, 2 * n, 2)) / 200**n for n in range(1, 13)]
"""``erfcx(x) * x * sqrt(pi) - 1`` in powers of ``(10 / x)**2``, far out."""


@blockwise
def _erfcx_slope(x: Any, out: Any) -> Any:
    """The derivative of ``erfcx``: far out, and that is sooner in single precision, by its series: all else cancels."""
    far = x > (10 if x.dtype.itemsize > 4 else 4)
    u = np.square(10 / np.where(far, x, 10))
    series = u * _TAIL[-1] + _TAIL[-2]
    for coefficient in _TAIL[-3::-1]:
        series = series * u + coefficient
    near = np.where(far, 0, x) * out * 2 - 2 / math.sqrt(math.pi)
    return np.where(far, series * u * (2 / math.sqrt(math.pi)), near)


@op(x=lambda g, x, out: g * _erfcx_slope(x, out), promote="real", jvp="symmetric", samples=[
    reals(-2, 3), elementwise(x=reals(8, 30, avoid=(10.0,))),
])  # fmt: skip
@blockwise(block=HEAVY)
def erfcx(x: Any) -> Any:
    """``exp(x**2) * erfc(x)``, which for large ``x`` neither vanishes nor loses digits, and nor does its derivative."""
    return scipy_special().erfcx(x).astype(x.dtype, copy=False)


# ---- the normal distribution -----------------------------------------------------------------------------------------


def _density(x: Any) -> Any:
    return np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))


@op(x=lambda g, x: g * _density(x), promote="float", jvp="symmetric", samples=reals())
@blockwise(block=HEAVY)
def ndtr(x: Any) -> Any:
    """The distribution function of the normal distribution: its share up to ``x``."""
    return scipy_special().ndtr(x).astype(x.dtype, copy=False)


@blockwise
def _log_ndtr_slope(x: Any) -> Any:
    """Density over distribution function; where both vanish, their quotient in closed form."""
    right = x > 1
    above, below = np.where(right, x, 1), np.where(right, 1, x)
    left = math.sqrt(2 / math.pi) / erfcx.kernel(below * -math.sqrt(0.5))
    return np.where(right, _density(above) / ndtr.kernel(above), left)


@op(x=lambda g, x: g * _log_ndtr_slope(x), promote="real", jvp="symmetric", samples=[
    reals(avoid=(1.0,)), elementwise(x=reals(-30, -5)),
])  # fmt: skip
@blockwise(block=HEAVY)
def log_ndtr(x: Any) -> Any:
    """The logarithm of ``ndtr``, right also where that vanishes."""
    return scipy_special().log_ndtr(x).astype(x.dtype, copy=False)


@op(
    x=lambda g, out: g * (np.exp(np.square(out) * 0.5) * math.sqrt(2 * math.pi)),
    promote="float",
    jvp="symmetric",
    samples=[reals(0.05, 0.95)],
)
@blockwise(block=HEAVY)
def ndtri(x: Any) -> Any:
    """The inverse of ``ndtr``: the quantile of a share; infinite at 0 and 1, nan outside."""
    return scipy_special().ndtri(x).astype(x.dtype, copy=False)
