"""The modified Bessel functions of the first kind, and the same times ``exp(-abs(x))``, which do not overflow.

Shape: as the input. Integers and bools are computed in the default dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals
from ._blocks import HEAVY, blockwise
from .exponential import scipy_special

_FAR = 1e8
"""Beyond, SciPy's functions of any order give nan; two terms of the series are exact there."""
_ORDERS = [elementwise(x=reals(), order=2), elementwise(x=reals(0.1, 8), order=3)]
_SCALED = [elementwise(x=reals(avoid=(0.0,)), order=2), elementwise(x=reals(0.1, 20), order=3)]


def _near(x: Any) -> Any:
    """``x`` where it is not so far out that SciPy has nan for infinity."""
    bound = min(_FAR, float(np.finfo(x.dtype).max))
    return np.clip(x, -bound, bound)


@op(np.i0, x=lambda g, x: g * i1.kernel(x), promote="float", jvp="symmetric", samples=reals())
@blockwise(block=HEAVY)
def i0(x: Any) -> Any:
    """The modified Bessel function of the first kind, of order 0."""
    return scipy_special().i0(_near(x)).astype(x.dtype, copy=False)


@op(
    x=lambda g, x: g * ((i0.kernel(x) + bessel_i.kernel(x, 2)) * 0.5), promote="float", jvp="symmetric", samples=reals()
)
@blockwise(block=HEAVY)
def i1(x: Any) -> Any:
    """The modified Bessel function of the first kind, of order 1."""
    return scipy_special().i1(_near(x)).astype(x.dtype, copy=False)


@op(
    x=lambda g, x, order: g * ((bessel_i.kernel(x, order - 1) + bessel_i.kernel(x, order + 1)) * 0.5),
    promote="real",
    jvp="symmetric",
    samples=_ORDERS,
)
@blockwise(block=HEAVY)
def bessel_i(x: Any, order: int) -> Any:
    """The modified Bessel function of the first kind, of an integer order."""
    tiny = np.abs(x) < 64 * np.finfo(x.dtype).smallest_normal  # of which SciPy makes NaN
    out = scipy_special().iv(order, np.where(tiny, 0, _near(x)))
    return np.where(tiny, (np.where(tiny, x, 0) * 0.5) ** abs(order), out).astype(x.dtype, copy=False)


@op(
    x=lambda g, x, out: g * (i1e.kernel(x) - np.sign(x) * out),
    promote="float",
    jvp="symmetric",
    samples=reals(avoid=(0.0,)),
)
@blockwise(block=HEAVY)
def i0e(x: Any) -> Any:
    """``i0(x) * exp(-abs(x))``. Its derivative at the kink in 0 is 0."""
    return scipy_special().i0e(x).astype(x.dtype, copy=False)


@op(
    x=lambda g, x, out: g * ((i0e.kernel(x) + bessel_ie.kernel(x, 2)) * 0.5 - np.sign(x) * out),
    promote="float",
    jvp="symmetric",
    samples=reals(avoid=(0.0,)),
)
@blockwise(block=HEAVY)
def i1e(x: Any) -> Any:
    """``i1(x) * exp(-abs(x))``."""
    return scipy_special().i1e(x).astype(x.dtype, copy=False)


def _scaled_slope(x: Any, out: Any, order: int) -> Any:
    return (bessel_ie.kernel(x, order - 1) + bessel_ie.kernel(x, order + 1)) * 0.5 - np.sign(x) * out


@op(x=lambda g, x, out, order: g * _scaled_slope(x, out, order), promote="real", jvp="symmetric", samples=_SCALED)
@blockwise(block=HEAVY)
def bessel_ie(x: Any, order: int) -> Any:
    """The modified Bessel function of an integer order, times ``exp(-abs(x))``."""
    size = np.abs(x)
    far = size > min(_FAR, float(np.finfo(x.dtype).max))
    out = scipy_special().ive(order, np.where(far, 0, x))
    size = np.where(far, size, 1)
    series = scipy_special().i0e(size) * (1 - order * order / 2 / size) * np.sign(x) ** order
    return np.where(far, series, out).astype(x.dtype, copy=False)
