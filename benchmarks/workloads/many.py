"""An optimizer's step on many small parameters, whose gradients are there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Measure, seconds


def _arrays(count: int) -> list[tuple[Any, Any]]:
    """Values and gradients: matrices and vectors in turn, as of small layers."""
    drawn = np.random.default_rng(0)
    shapes = [(16, 16), (16,)] * (count // 2)
    return [(drawn.standard_normal(shape, np.float32), drawn.standard_normal(shape, np.float32)) for shape in shapes]


def _measure(step: Callable[[], Any], read: Callable[[], float], steps: int) -> Measure:
    for _ in range(20):
        step()
    values = [read()]

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"us per step": seconds(step, steps) * 1e6}, values

    return measure


def chainrule(count: int, optimizer: str, steps: int) -> Measure:
    """This library's."""
    import autograd
    import optim

    parameters = []
    for value, gradient in _arrays(count):
        parameter = autograd.tensor(value, requires_grad=True)
        parameter.grad = autograd.tensor(gradient)
        parameters.append(parameter)
    made = getattr(optim, optimizer)(parameters)
    return _measure(made.step, lambda: float(parameters[0].detach().sum().item()), steps)


def torch(count: int, optimizer: str, steps: int) -> Measure:
    """PyTorch's, with the implementation that it chooses."""
    import torch

    torch.set_num_threads(2)
    parameters = []
    for value, gradient in _arrays(count):
        parameter = torch.tensor(value, requires_grad=True)
        parameter.grad = torch.tensor(gradient)
        parameters.append(parameter)
    made = getattr(torch.optim, optimizer)(parameters)
    return _measure(made.step, lambda: float(parameters[0].detach().sum().item()), steps)
