"""Gradient descent in three forms, for parameters in nested lists, tuples and dicts of arrays.

``optim`` has many more, which are faster; these take a function that computes the gradient, as in HIPS autograd.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .flatten import flatten

__all__ = ["adam", "rmsprop", "sgd", "unflatten_optimizer"]


def unflatten_optimizer(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """Make an optimizer of vectors one of nested containers of arrays."""

    @functools.wraps(optimize)
    def optimize_nested(
        grad: Callable[..., Any], x0: Any, callback: Callable[..., Any] | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        start, unflatten = flatten(x0)

        def flat_grad(x: Any, i: int) -> Any:
            return flatten(grad(unflatten(x), i))[0]

        def flat_callback(x: Any, i: int, g: Any) -> None:
            if callback is not None:
                callback(unflatten(x), i, unflatten(g))

        return unflatten(optimize(flat_grad, start, flat_callback if callback else None, *args, **kwargs))

    return optimize_nested


@unflatten_optimizer
def sgd(
    grad: Callable[..., Any],
    x: Any,
    callback: Callable[..., Any] | None = None,
    num_iters: int = 200,
    step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:
    """Stochastic gradient descent with momentum.

    Args:
        grad: ``grad(x, i)`` is the gradient at ``x`` in iteration ``i``.
        x: where to start.
        callback: called as ``callback(x, i, gradient)`` before each step.
        num_iters: the number of steps.
        step_size: the step per velocity.
        mass: the share of the velocity that is kept.
    """
    velocity = np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        velocity = mass * velocity - (1.0 - mass) * g
        x = x + step_size * velocity
    return x


@unflatten_optimizer
def rmsprop(
    grad: Callable[..., Any],
    x: Any,
    callback: Callable[..., Any] | None = None,
    num_iters: int = 100,
    step_size: float = 0.1,
    gamma: float = 0.9,
    eps: float = 10**-8,
) -> Any:
    """Gradient descent with steps divided by the root of the mean of recent squared gradients.

    Args:
        grad, x, callback, num_iters, step_size: as for ``sgd``.
        gamma: the share of the mean that is kept.
        eps: added to the root.

    Source: T. Tieleman, G. Hinton, "RMSProp", lecture 6.5 of "Neural Networks for Machine Learning", 2012.
    """
    mean = np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        mean = mean * gamma + g**2 * (1 - gamma)
        x = x - step_size * g / (np.sqrt(mean) + eps)
    return x


@unflatten_optimizer
def adam(
    grad: Callable[..., Any],
    x: Any,
    callback: Callable[..., Any] | None = None,
    num_iters: int = 100,
    step_size: float = 0.001,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 10**-8,
) -> Any:
    """Adam: momentum, with steps divided by the root of the mean of squared gradients, both corrected for their start.

    Args:
        grad, x, callback, num_iters, step_size: as for ``sgd``.
        b1, b2: the shares of the two means that are kept.
        eps: added to the root.

    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014.
    """
    m = np.zeros(len(x))
    v = np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * (g**2) + b2 * v
        corrected = m / (1 - b1 ** (i + 1))
        x = x - step_size * corrected / (np.sqrt(v / (1 - b2 ** (i + 1))) + eps)
    return x
