"""Ordinary differential equations: ``odeint``, differentiated by solving a second equation backwards in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import numpy as np
from ..core import make_vjp
from ..extend import defvjp_argnums, primitive
from ..misc import flatten
from ._mirrors import mirror

__all__ = ["odeint"]


@primitive
def _solve(func: Callable[..., Any], y0: Any, t: Any, args: tuple[Any, ...], **kwargs: Any) -> Any:
    from scipy import integrate

    return integrate.odeint(func, y0, t, args, **kwargs)


def odeint(func: Callable[..., Any], y0: Any, t: Any, args: tuple[Any, ...] = (), **kwargs: Any) -> Any:
    """As ``scipy.integrate.odeint``: the solution of ``dy/dt = func(y, t, *args)`` at the times ``t``, from ``y0``.

    It is differentiable with respect to ``y0``, ``t`` and ``args``.

    Source: R. Chen et al., "Neural ordinary differential equations", 2018, appendix B.
    """
    return _solve(func, y0, t, args, **kwargs)


def _adjoint(argnums: Any, ans: Any, given: Any, kwargs: dict[str, Any]) -> Callable[[Any], list[Any]]:
    """The rule: the gradients follow an equation of their own, which is solved from each time to the one before."""
    func, _, t, *rest = given
    args = rest[0] if rest else ()
    flat_args, unflatten = flatten(args)
    steps, size = np.shape(ans)

    def dynamics(state: Any, time: Any, flat_args: Any) -> Any:
        """How the solution and the gradients with respect to it, time and the arguments change."""
        y, gradient = state[:size], state[size : 2 * size]

        def flow(point: Any) -> Any:
            return np.array(func(point[0], point[1], *unflatten(point[2])))

        pull, dy = make_vjp(flow, (y, time, flat_args))
        by_y, by_t, by_args = pull(-gradient)
        return np.concatenate([dy, by_y, np.reshape(by_t, (1,)), by_args])

    def vjp(g: Any) -> list[Any]:
        by_y = g[-1]
        by_start: Any = 0.0
        by_args: Any = np.zeros_like(flat_args)
        by_times = []
        for i in range(steps - 1, 0, -1):
            moved = np.sum(np.array(func(ans[i], t[i], *args)) * g[i])
            by_times.append(moved)
            by_start = by_start - moved
            state = np.concatenate([ans[i], by_y, np.reshape(by_start, (1,)), by_args])
            end = odeint(dynamics, state, np.stack([t[i], t[i - 1]]), (flat_args,), **kwargs)[1]
            by_y = end[size : 2 * size] + g[i - 1]
            by_start, by_args = end[2 * size], end[2 * size + 1 :]
        by_times.append(by_start)
        found = {1: by_y, 2: np.stack(by_times[::-1]), 3: unflatten(by_args)}
        return [found[argnum] for argnum in argnums]

    return vjp


defvjp_argnums(_solve, _adjoint)

__getattr__, __dir__ = mirror("scipy.integrate", {}, globals())
