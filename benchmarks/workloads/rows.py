"""One op on the rows of a large float32 matrix, forward and backward: layer normalization, softmax cross entropy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]


def _start(rows: int, width: int) -> tuple[Any, Any, Any, Any, Any]:
    """A matrix, a weight, a bias, a gradient, and a class for each row."""
    drawn = np.random.default_rng(0)
    matrix, gradient = drawn.standard_normal((2, rows, width), np.float32)
    weight, bias = drawn.standard_normal((2, width), np.float32)
    return matrix, weight, bias, gradient, drawn.integers(0, width, rows)


def _measure(forward: Callable[[], Any], inputs: list[Any], seed: Any, repeats: int, compile: Any = None) -> Measure:
    def step() -> None:
        for tensor in inputs:
            tensor.grad = None
        forward().backward(seed)

    if compile is not None:
        step = compile(step, fullgraph=True)
        step()
        step()
    step()

    def measure() -> tuple[dict[str, float], list[float]]:
        taken = seconds(step, repeats)
        gradients = [np.asarray(tensor.grad.numpy(), np.float64) for tensor in inputs]
        return {"ms per step": taken * 1e3}, [float(np.abs(gradient).sum()) for gradient in gradients]

    return measure


def compiled(layer: str, rows: int, width: int, repeats: int) -> Measure:
    """The same step, compiled."""
    import autograd

    return chainrule(layer, rows, width, repeats, autograd.compile)


def numba(layer: str, rows: int, width: int, repeats: int) -> Measure:
    """The same step, compiled with kernels."""
    import numba as numba

    import autograd

    return chainrule(layer, rows, width, repeats, functools.partial(autograd.compile, backend="numba"))


def chainrule(layer: str, rows: int, width: int, repeats: int, compile: Any = None) -> Measure:
    """This library."""
    import autograd
    import nn.functional as F

    *numbers, gradient, classes = _start(rows, width)
    x, weight, bias = (autograd.tensor(array, requires_grad=True) for array in numbers)
    if layer == "cross-entropy":
        target = autograd.tensor(classes)
        return _measure(lambda: F.cross_entropy(x, target), [x], None, repeats, compile)
    return _measure(
        lambda: F.layer_norm(x, (width,), weight, bias), [x, weight, bias], autograd.tensor(gradient), repeats, compile
    )


def torch(layer: str, rows: int, width: int, repeats: int) -> Measure:
    """PyTorch, eager."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(2)
    *numbers, gradient, classes = _start(rows, width)
    x, weight, bias = (torch.tensor(array, requires_grad=True) for array in numbers)
    if layer == "cross-entropy":
        target = torch.tensor(classes)
        return _measure(lambda: F.cross_entropy(x, target), [x], None, repeats)
    return _measure(lambda: F.layer_norm(x, (width,), weight, bias), [x, weight, bias], torch.tensor(gradient), repeats)
