"""Programs written for HIPS autograd, which run unchanged here: derivatives of functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.measure import Measure, seconds

SIZES = [10, 32, 32, 1]


def _network(np: Any, flatten: Any) -> tuple[Callable[[Any], Any], Any]:
    """The squared error of a small MLP, as a function of one vector, and where to differentiate it."""
    rng = np.random.RandomState(0)
    layers = [(SIZES[i], SIZES[i + 1]) for i in range(3)]
    start, unflatten = flatten([(rng.randn(m, n) * 0.3, rng.randn(n) * 0.1) for m, n in layers])
    inputs, targets = rng.randn(64, SIZES[0]), rng.randn(64, 1)

    def loss(vector: Any) -> Any:
        x = inputs
        for w, b in unflatten(vector):
            y = np.dot(x, w) + b
            x = np.tanh(y)
        return np.mean((y - targets) ** 2)

    return loss, start


def _recurrence(np: Any, flatten: Any) -> tuple[Callable[[Any], Any], Any]:
    """A recurrent network over 40 steps."""
    rng = np.random.RandomState(0)
    start, unflatten = flatten({"change": rng.randn(24, 16) * 0.3, "predict": rng.randn(17, 8) * 0.3})
    inputs = rng.randn(40, 10, 7)

    def loss(vector: Any) -> Any:
        weights = unflatten(vector)
        hidden = np.zeros((10, 16))
        total = 0.0
        for x in inputs:
            hidden = np.tanh(np.dot(np.hstack((x, hidden, np.ones((10, 1)))), weights["change"]))
            out = np.dot(np.hstack((hidden, np.ones((10, 1)))), weights["predict"])
            total = total + np.mean(out - np.log(np.sum(np.exp(out), axis=1, keepdims=True)))
        return total

    return loss, start


def _rosenbrock(np: Any, flatten: Any) -> tuple[Callable[[Any], Any], Any]:
    """A function of few numbers, whose elements are taken one by one."""
    return lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def _density(np: Any, flatten: Any) -> tuple[Callable[[Any], Any], Any]:
    """The log density of normal distributions."""
    import autograd.scipy.stats.multivariate_normal as normal
    import autograd.scipy.stats.norm as norm

    rng = np.random.RandomState(0)
    points = rng.randn(20, 3)

    def loss(x: Any) -> Any:
        root = np.reshape(x[3:], (3, 3)) + 2 * np.eye(3)
        many = normal.logpdf(points, x[:3], np.dot(root, root.T))
        return np.sum(many) + np.sum(norm.logpdf(x, 0.1, np.exp(x[0])))

    return loss, rng.randn(12) * 0.3


def _elementwise(np: Any, flatten: Any) -> tuple[Callable[[Any], Any], Any]:
    """Two elementwise operations on few numbers: what a call costs before anything is computed."""
    return lambda x: np.tanh(x) * x, np.array([0.3, -1.2, 2.0, 0.1, 0.7])


FUNCTIONS = {
    "mlp": _network, "rnn": _recurrence, "rosenbrock": _rosenbrock, "density": _density, "elementwise": _elementwise,
}  # fmt: skip


def hips(function: str, derivative: str, repeats: int) -> Measure:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as np
    from autograd.misc.flatten import flatten

    loss, start = FUNCTIONS[function](np, flatten)
    direction = np.cos(np.arange(len(start)))
    if derivative == "gradient":
        call: Callable[[], Any] = lambda: autograd.grad(loss)(start)  # noqa: E731
    elif derivative == "hvp":
        call = lambda: autograd.hessian_vector_product(loss)(start, direction)  # noqa: E731
    elif derivative == "jvp":
        call = lambda: autograd.make_jvp(loss)(start)(direction)[1]  # noqa: E731
    else:
        call = lambda: autograd.hessian(loss)(start)  # noqa: E731
    call()

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"us per call": seconds(call, repeats) * 1e6}, [float(np.sum(call() * 1.0)), float(np.max(call()))]

    return measure


chainrule = hips
"""This library: the same program, letter by letter."""
