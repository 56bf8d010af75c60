"""Trigonometric and hyperbolic functions, and their inverses.

Shape: as the input (of ``atan2`` the broadcast shape). Integers and bools are computed in the default dtype. Outside
the real domain the result is nan; complex inputs are accepted where NumPy's function accepts them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals
from ._blocks import BLOCK, SOME, blockwise, pointwise
from .powers import hypotenuse


@op(np.sin, x=lambda g, x: g * np.cos(x), samples=reals())
def sin(x: Any) -> Any:
    """Sine."""
    return np.sin(x)


@op(np.cos, x=lambda g, x: -g * np.sin(x), samples=reals())
def cos(x: Any) -> Any:
    """Cosine."""
    return np.cos(x)


@op(np.tan, x=lambda g, out: g + g * out * out, samples=reals(-1.3, 1.3))
def tan(x: Any) -> Any:
    """Tangent."""
    return np.tan(x)


@op(x=lambda g, x: g * (-2 * x), jvp="symmetric", samples=reals())
def square_below_one(x: Any) -> Any:
    """1 less the square, without cancellation near 1 and -1.

    An op of its own, for there the rule of the product would multiply an infinite gradient by 0.
    """
    return (1 - x) * (1 + x)


@op(np.arcsin, x=lambda g, x: g / np.sqrt(square_below_one.kernel(x)), samples=reals(-0.95, 0.95))
def asin(x: Any) -> Any:
    """Inverse sine, in [-pi/2, pi/2]."""
    return np.arcsin(x)


@op(np.arccos, x=lambda g, x: -g / np.sqrt(square_below_one.kernel(x)), samples=reals(-0.95, 0.95))
def acos(x: Any) -> Any:
    """Inverse cosine, in [0, pi]."""
    return np.arccos(x)


@op(np.arctan, x=lambda g, x: g / (1 + x * x), samples=reals())
def atan(x: Any) -> Any:
    """Inverse tangent, in [-pi/2, pi/2]."""
    return np.arctan(x)


@blockwise
def _atan2_rule(g: Any, a: Any, x: Any, y: Any) -> Any:
    """``g * a / (x**2 + y**2)`` without overflow; 0 at the origin."""
    r = hypotenuse(x, y)
    r = np.where(r == 0, math.inf, r)
    return g * (a / r / r)


_angles = blockwise(np.arctan2)


@op(
    np.arctan2,
    x=lambda g, x, y: _atan2_rule(g, y, x, y),
    y=lambda g, x, y: _atan2_rule(g, -x, x, y),
    samples=elementwise(x=reals(avoid=(0.0,)), y=reals(avoid=(0.0,))),
)
def atan2(x: Any, y: Any) -> Any:
    """``atan(x / y)`` in the right quadrant: the angle of the point (y, x), in [-pi, pi]. The gradient at 0, 0 is 0."""
    return np.arctan2(x, y) if getattr(x, "size", 1) <= BLOCK else _angles(x, y)


@op(np.sinh, x=lambda g, x: g * np.cosh(x), samples=reals())
def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return np.sinh(x)


@op(np.cosh, x=lambda g, x: g * np.sinh(x), samples=reals())
def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return np.cosh(x)


@op(np.tanh, x=lambda g, out: g - g * out * out, samples=reals())
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(x) if x.size <= BLOCK else pointwise(np.tanh, x)


@blockwise
@np.errstate(over="ignore")
def _many_roots(x: Any, into: Any = None) -> Any:
    """``root_above_one`` of many numbers. Where squares overflow, 1 more than the size is exact, and never less."""
    out = np.multiply(x, x, out=into)
    out += 1
    np.sqrt(out, out=out)
    return np.minimum(out, np.abs(x) + 1, out=out)


@op(x=lambda g, x, out: g * (x / out), jvp="symmetric", samples=reals())
def root_above_one(x: Any) -> Any:
    """``sqrt(x**2 + 1)``, of real numbers without overflow."""
    if x.dtype.kind == "c":
        return np.sqrt(x * x + 1)
    return np.hypot(x, 1) if x.size < SOME else _many_roots(x)


@op(np.arcsinh, x=lambda g, x: g / root_above_one.kernel(x), samples=reals())
def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    return np.arcsinh(x)


@op(np.arccosh, x=lambda g, x: g / np.sqrt(x - 1) / np.sqrt(x + 1), samples=reals(1.05, 4))
def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine, not negative; nan below 1."""
    return np.arccosh(x)


@op(np.arctanh, x=lambda g, x: g / square_below_one.kernel(x), samples=reals(-0.95, 0.95))
def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    return np.arctanh(x)


@op(np.deg2rad, np.radians, x=lambda g: g * (math.pi / 180), samples=reals(-180, 180))
def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return x * (math.pi / 180)  # np.deg2rad takes numbers one by one


@op(np.rad2deg, np.degrees, x=lambda g: g * (180 / math.pi), samples=reals())
def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return x * (180 / math.pi)


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
