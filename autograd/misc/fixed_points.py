"""Fixed points of maps, differentiated with respect to what the map depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import make_vjp
from ..extend import defvjp, primitive

__all__ = ["fixed_point"]


@primitive
def fixed_point(
    f: Callable[[Any], Callable[[Any], Any]], a: Any, x0: Any, distance: Callable[[Any, Any], float], tol: float
) -> Any:
    """The ``x`` with ``f(a)(x) == x``, by iteration from ``x0``; differentiable with respect to ``a``.

    Args:
        f: from ``a`` to the map, a contraction.
        a: what the map depends on: an array, or a list or tuple of arrays.
        x0: where to start.
        distance: of two successive values.
        tol: stop when it is not more than this.

    Backward is a fixed point too, that of ``u = g + u dx'/dx``, and is found in the same way.

    >>> import autograd.numpy as np
    >>> from autograd import grad
    >>> from autograd.misc.fixed_points import fixed_point
    >>> newton = lambda a: lambda x: 0.5 * (x + a / x)
    >>> root = lambda a: fixed_point(newton, a, 1.0, lambda x, y: np.abs(x - y), 1e-12)
    >>> round(float(grad(root)(2.0)), 6)
    0.353553
    """
    step = f(a)
    x, before = step(x0), x0
    while distance(x, before) > tol:
        x, before = step(x), x
    return x


def _adjoint_map(f: Callable[[Any], Callable[[Any], Any]]) -> Callable[[Any], Callable[[Any], Any]]:
    """The map whose fixed point is the gradient of the last value, as a function of all that it depends on."""

    def from_point(point: Any) -> Callable[[Any], Any]:
        a, x, g = point
        pull, _ = make_vjp(f(a), x)
        return lambda u: pull(u) + g

    return from_point


def _vjp(ans: Any, f: Any, a: Any, x0: Any, distance: Any, tol: float) -> Callable[[Any], Any]:
    pull_a, _ = make_vjp(lambda a: f(a)(ans), a)
    return lambda g: pull_a(fixed_point(_adjoint_map(f), (a, ans, g), np.zeros_like(x0), distance, tol))


defvjp(fixed_point, None, _vjp, None)
