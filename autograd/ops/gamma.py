"""The gamma function, its relatives by logarithm and derivative, and the incomplete one.

Shape: as the input (of two inputs, the broadcast shape). Integers and bools are computed in the default dtype.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op, unwrap
from ..engine.foreign import as_array, require_plain
from ..engine.modes import local
from ..engine.nodes import Handle
from ..engine.views import node_of
from ..errors import ArgumentError, GradientError
from ..samples import elementwise, reals
from ._blocks import HEAVY, blockwise
from ._foreign import foreign
from .casting import to
from .exponential import scipy_special, xlogy_

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- the gamma function ----------------------------------------------------------------------------------------------


@op(x=lambda g, x: g * digamma.kernel(x), promote="float", jvp="symmetric", samples=reals(0.3, 4))
@blockwise(block=HEAVY)
def lgamma(x: Any) -> Any:
    """The logarithm of the absolute value of the gamma function."""
    out = scipy_special().gammaln(x).astype(x.dtype, copy=False)
    size = np.abs(x)
    subnormal = (size < np.finfo(x.dtype).smallest_normal) & (x != 0)
    out = np.where(subnormal, -np.log(np.where(subnormal, size, 1)), out)  # SciPy: inf
    return np.where(x == -math.inf, math.inf, out)  # SciPy: -inf


_ROOT = -0.5040830082644554
"""Where ``digamma`` is 0. Up to 0.3 from there SciPy adds up hundreds of terms."""
_SOME = 64
"""From so many numbers on a look at all of them costs less than SciPy's sums."""


@op(x=lambda g, x: g * polygamma.kernel(1, x), promote="real", jvp="symmetric", samples=reals(0.3, 4))
@blockwise(block=HEAVY)
def digamma(x: Any) -> Any:
    """The derivative of ``lgamma``."""
    return (_digamma(x) if x.size > _SOME else scipy_special().digamma(x)).astype(x.dtype, copy=False)


@foreign
def _digamma(x: Any) -> Any:
    """``digamma`` of many numbers: around its root by reflection (DLMF 5.5.4), but where the terms of that cancel."""
    away = np.abs(x - _ROOT)
    slow = (away < 0.31) & (away > 0.004)
    if not slow.any():
        return scipy_special().digamma(x)
    out = scipy_special().digamma(np.where(slow, 1, x))
    at = x[slow].astype(np.float64)
    mirrored = 1 - at
    lost = (1 - mirrored) - at
    reciprocal = 1 / mirrored
    slope = reciprocal * (1 + reciprocal * (0.5 + reciprocal / 6))  # nearly: what was lost is less than the last digit
    out[slow] = scipy_special().digamma(mirrored) + lost * slope + np.pi * np.tan(np.pi * (at + 0.5))
    return out


_ORDERS = 4
"""Up to this order ``polygamma`` of many numbers has a way of its own, which takes a few powers for each."""
_MANY = 1 << 11
_SHIFTS = 10
"""So many terms of the sum are added one by one."""
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798]
"""The Bernoulli numbers from the second on, without those that are 0."""


@foreign
@blockwise(block=2 * HEAVY)
def _sum_of_powers(x: Any, s: int) -> Any:
    """The sum of ``(x + k) ** -s`` over ``k`` from 0, in double precision by vectorized functions.

    The terms far out are summed by the formula of Euler and Maclaurin (DLMF 25.11.43). SciPy sums for 0 and NaN.
    """
    with np.errstate(all="ignore"):
        at = x.astype(np.float64)
        terms = _power_of_reciprocal(at, s)
        for _ in range(1, _SHIFTS):
            at += 1
            terms += _power_of_reciprocal(at, s)
        at += 1
        far = np.reciprocal(at)
        square = far * far
        tail = np.zeros_like(at)
        for j in range(len(_BERNOULLI), 0, -1):
            tail += _BERNOULLI[j - 1] * math.prod(range(s, s + 2 * j - 1)) / math.factorial(2 * j)
            tail *= square if j > 1 else far
        tail += 0.5
        tail *= far
        tail += 1 / (s - 1)
        for _ in range(s - 1):
            tail *= far
        terms += tail
    out = terms.astype(x.dtype)
    others = ~(x > 0)
    if np.any(others):
        out[others] = scipy_special().zeta(float(s), x[others])
    return out


@foreign
@blockwise(block=2 * HEAVY)
def _zeta(x: Any, s: int) -> Any:
    """``_sum_of_powers``, also of negative numbers: by reflection (DLMF 5.15.6), as SciPy adds up all terms below 0."""
    below = x < 0
    at = np.where(below, 1 - x, x)
    many = s <= _ORDERS + 1 and x.size >= _MANY
    out = _sum_of_powers(at, s) if many else scipy_special().zeta(float(s), at)
    if np.any(below):
        with np.errstate(all="ignore"):
            rest = np.where(below, x, 0.25).astype(np.float64)
            rest -= np.round(rest)
            slope = _slope_of_cotangent(1 / np.tan(np.pi * rest), s - 1) / math.factorial(s - 1)
            out = np.where(below, np.where(rest == 0, np.inf, (-1) ** (s - 1) * (out + slope)), out)
    return out.astype(x.dtype, copy=False)


def _slope_of_cotangent(value: Any, n: int) -> Any:
    """The ``n``-th derivative of ``pi * cot(pi * x)``, from the cotangent."""
    *others, out = _cotangent_terms(n)
    for coefficient in reversed(others):
        out = out * value + coefficient
    return np.pi ** (n + 1) * out


@functools.cache
def _cotangent_terms(n: int) -> list[float]:
    """The coefficients of the ``n``-th derivative of the cotangent as a polynomial of it, from its power 0 on."""
    terms = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        terms = np.polynomial.Polynomial([-1, 0, -1]) * terms.deriv()
    found: list[float] = terms.coef.tolist()
    return found


def _power_of_reciprocal(x: Any, n: int) -> Any:
    """``x ** -n`` for a small ``n`` of at least 1."""
    power = x
    for _ in range(1, n):
        power = power * x
    return np.reciprocal(power)


@op(x=lambda g, n, x: g * polygamma.kernel(n + 1, x), promote="real", jvp="symmetric", samples=[
    elementwise(n=0, x=reals(0.3, 4)), elementwise(n=1, x=reals(0.3, 4)), elementwise(n=2, x=reals(0.5, 4)),
])  # fmt: skip
def polygamma(n: int, x: Any) -> Any:
    """The ``n``-th derivative of ``digamma``.

    Raises: ValueError if ``n`` is negative.
    """
    require_plain(x)
    if n < 0:
        raise ArgumentError(f"the order n must not be negative, got {n}")
    if n == 0:
        return digamma.op.forward(x)
    return _zeta(x, n + 1) * float((-1) ** (n + 1) * math.factorial(n))


def _mvlgamma_rule(g: Any, x: Any, order: int) -> Any:
    return g * functools.reduce(operator.add, [digamma.kernel(x - i / 2) for i in range(order)])


@op(x=_mvlgamma_rule, promote="float", jvp="symmetric", samples=[
    elementwise(x=reals(1.5, 4), order=1), elementwise(x=reals(1.5, 4), order=3),
])  # fmt: skip
def mvlgamma_(x: Any, order: int) -> Any:
    """The logarithm of the multivariate gamma function."""
    parts = [lgamma.op.forward(x - i / 2) for i in range(order)]
    return functools.reduce(operator.add, parts, order * (order - 1) / 4 * math.log(math.pi))


@composed()
def mvlgamma(x: Any, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension ``p``, for ``x`` above ``(p - 1) / 2``."""
    if p < 1:
        raise ArgumentError(f"mvlgamma: p must be at least 1, got {p}")
    return mvlgamma_(x, p)


gammaln = lgamma


# ---- with a parameter that has no derivative -------------------------------------------------------------------------


def _parameter_and_input(name: str, parameter: Any, x: Any) -> tuple[Any, Any]:
    """Both in their common floating dtype, the first as a plain array.

    Raises: GradientError if that requires grad.
    """
    if local.grad and isinstance(parameter, Handle) and node_of(parameter) is not None:
        raise GradientError(
            f"{name}: the derivative with respect to the first argument has no closed form and is not computed; "
            "give a tensor that does not require grad: .detach()"
        )
    dtype = dtypes.to_float(dtypes.result_type(parameter, x))
    x = to(x, dtype) if isinstance(x, Handle) else as_array(x).astype(dtype, copy=False)
    return as_array(unwrap(parameter)).astype(dtype, copy=False), x


def _gamma_density(a: Any, x: Any) -> Any:
    """The derivative of the lower incomplete gamma function, in double precision, as large terms cancel."""
    wide, order = np.where(x < 0, math.nan, x).astype(np.float64), a.astype(np.float64)
    return np.exp(xlogy_.kernel(order - 1, wide) - wide - lgamma.kernel(order)).astype(x.dtype)


_SAMPLES = [elementwise(a=reals(0.5, 3), x=reals(0.2, 4)), elementwise(a=reals(4, 9), x=reals(0.2, 9))]


@op(x=lambda g, a, x: g * _gamma_density(a, x), constants=("a",), promote="float", jvp="symmetric", samples=_SAMPLES)
def igamma_(a: Any, x: Any) -> Any:
    """The lower incomplete gamma function."""
    return scipy_special().gammainc(a, x).astype(x.dtype, copy=False)


@op(x=lambda g, a, x: -g * _gamma_density(a, x), constants=("a",), promote="float", jvp="symmetric", samples=_SAMPLES)
def igammac_(a: Any, x: Any) -> Any:
    """The upper incomplete gamma function."""
    return scipy_special().gammaincc(a, x).astype(x.dtype, copy=False)


@op(
    x=lambda g, s, x: g * -s * zeta_.kernel(s + 1, x),
    constants=("s",),
    promote="float",
    jvp="symmetric",
    samples=elementwise(s=reals(1.5, 4), x=reals(0.5, 4)),
)
def zeta_(s: Any, x: Any) -> Any:
    """The Hurwitz zeta function."""
    return scipy_special().zeta(s, x).astype(x.dtype, copy=False)


@composed()
def igamma(x: Any, y: Any) -> Tensor:
    """The lower incomplete gamma function of order ``x`` up to ``y``, over the gamma function: a share of 1.

    Raises: GradientError if ``x`` requires grad; the derivative is that with respect to ``y``.
    """
    return igamma_(*_parameter_and_input("igamma", x, y))


@composed()
def igammac(x: Any, y: Any) -> Tensor:
    """``1 - igamma(x, y)``, exact where that is nearly 1.

    Raises: GradientError if ``x`` requires grad; the derivative is that with respect to ``y``.
    """
    return igammac_(*_parameter_and_input("igammac", x, y))


@composed()
def zeta(x: Any, y: Any) -> Tensor:
    """The Hurwitz zeta function: the sum of ``(n + y) ** -x`` over ``n`` from 0.

    Raises: GradientError if ``x`` requires grad; the derivative is that with respect to ``y``.
    """
    return zeta_(*_parameter_and_input("zeta", x, y))
