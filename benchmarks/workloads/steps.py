"""Thousands of training steps of a small MLP, the garbage collector off: does memory grow?"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Measure, collector_off, resident

FEATURES, HIDDEN, CLASSES, BATCH = 8, 16, 1, 32


def _data() -> tuple[Any, Any]:
    drawn = np.random.default_rng(0)
    inputs = drawn.standard_normal((BATCH, FEATURES), np.float32)
    return inputs, np.sin(inputs.sum(1, keepdims=True))


def _measure(step: Callable[[], float], steps: int) -> Measure:
    first = step()
    for _ in range(min(steps, 500)):
        step()

    def measure() -> tuple[dict[str, float], list[float]]:
        with collector_off():
            at_rest = resident()
            tracemalloc.start()
            for _ in range(100):  # what tracemalloc itself and the caches need
                step()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(steps // 10):
                step()
            traced = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            at_rest = max(at_rest, resident())
            for _ in range(steps):
                last = step()
            grown = resident() - at_rest
        if not last < first:
            raise AssertionError(f"the loss went from {first} to {last}")
        return {"KiB grown, traced": traced / 1024, "KiB grown, resident": grown / 1024}, []

    return measure


def chainrule(steps: int) -> Measure:
    """This library's Tensors, with the update written out."""
    import autograd

    inputs, targets = (autograd.tensor(array) for array in _data())
    drawn = np.random.default_rng(1)
    shapes = [(FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,)]
    parameters = [
        autograd.tensor(0.3 * drawn.standard_normal(shape, np.float32), requires_grad=True) for shape in shapes
    ]

    def step() -> float:
        w1, b1, w2, b2 = parameters
        error = (inputs @ w1 + b1).tanh() @ w2 + b2 - targets
        loss = (error * error).mean()
        gradients = autograd.grad(loss, parameters)
        with autograd.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= 0.05 * gradient
        return float(loss.item())

    return _measure(step, steps)


def chainrule_nn(steps: int) -> Measure:
    """This library's modules, with Adam."""
    import autograd
    import nn
    import optim

    autograd.manual_seed(0)
    inputs, targets = (autograd.tensor(array) for array in _data())
    model = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    loss_of = nn.MSELoss()

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return _measure(step, steps)
