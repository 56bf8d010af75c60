"""A chain of 100 small float32 ops, forward and backward: what recording and sweeping cost beside NumPy itself.

The ops cycle through ``y * 1.01``, ``y + x``, ``tanh(y)``, ``y * x``; ``x`` and the first ``y`` get gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

CYCLES = 25
OPS = 4 * CYCLES

Measure = Callable[[], tuple[dict[str, float], list[float]]]


def _start(size: int) -> tuple[Any, Any]:
    numbers = np.linspace(0.5, 1.0, size, dtype=np.float32)
    return numbers, numbers[::-1].copy()


def _measure(step: Callable[[], tuple[Any, Any]], repeats: int) -> Measure:
    step()

    def measure() -> tuple[dict[str, float], list[float]]:
        per_op = seconds(step, repeats) / OPS
        gx, gy = (np.asarray(gradient, np.float64) for gradient in step())
        return {"us per op": per_op * 1e6}, [float(gx.sum()), float(gy.sum())]

    return measure


def _recorded(x: Any, y: Any, tanh: Callable[[Any], Any]) -> Any:
    for _ in range(CYCLES):
        y = y * 1.01
        y = y + x
        y = tanh(y)
        y = y * x
    return y


def compiled(size: int, repeats: int) -> Measure:
    """This library, compiled."""
    import autograd

    return chainrule(size, repeats, autograd.compile)


def chainrule(size: int, repeats: int, compile: Any = None) -> Measure:
    """This library."""
    import autograd

    x, y = (autograd.tensor(array, requires_grad=True) for array in _start(size))
    seed = autograd.tensor(np.ones(size, np.float32))

    def step() -> tuple[Any, Any]:
        x.grad = y.grad = None
        _recorded(x, y, autograd.Tensor.tanh).backward(seed)
        return x.grad.numpy(), y.grad.numpy()

    if compile is not None:
        step = compile(step, fullgraph=True)
        step()
        step()
    return _measure(step, repeats)


def torch(size: int, repeats: int) -> Measure:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(2)
    x, y = (torch.tensor(array, requires_grad=True) for array in _start(size))
    seed = torch.ones(size)

    def step() -> tuple[Any, Any]:
        x.grad = y.grad = None
        _recorded(x, y, torch.tanh).backward(seed)
        return x.grad.numpy(), y.grad.numpy()

    return _measure(step, repeats)


def hips(size: int, repeats: int) -> Measure:
    """HIPS autograd."""
    import autograd.numpy
    from autograd import make_vjp

    x, y = _start(size)
    seed = np.ones(size, np.float32)

    def both(pair: Any) -> Any:
        return _recorded(pair[0], pair[1], autograd.numpy.tanh)

    def step() -> tuple[Any, Any]:
        gradients = make_vjp(both)((x, y))[0](seed)
        return gradients[0], gradients[1]

    return _measure(step, repeats)


def mygrad(size: int, repeats: int) -> Measure:
    """MyGrad."""
    import mygrad

    x, y = (mygrad.tensor(array) for array in _start(size))
    seed = np.ones(size, np.float32)

    def step() -> tuple[Any, Any]:
        x.null_grad()
        y.null_grad()
        _recorded(x, y, mygrad.tanh).backward(seed)
        return x.grad, y.grad

    return _measure(step, repeats)


def numpy(size: int, repeats: int) -> Measure:
    """NumPy, with forward and backward written out by hand."""
    x, start = _start(size)
    seed = np.ones(size, np.float32)
    factor = np.array(1.01, np.float32)

    def step() -> tuple[Any, Any]:
        y = start
        saved = []
        for _ in range(CYCLES):
            t = np.tanh(y * factor + x)
            saved.append(t)
            y = t * x
        g = seed
        gx = np.zeros_like(x)
        for t in reversed(saved):
            gx = gx + g * t
            g = g * x
            g = g - g * t * t
            gx = gx + g
            g = g * factor
        return gx, g

    return _measure(step, repeats)
