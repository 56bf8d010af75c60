"""Micrograd's ground: its MLP of 2, 16, 16 and 1 neurons on single numbers, forward and backward.

Each contender runs the same ops on the same float64 numbers: per neuron the sum of ``w * x``, plus ``b``, and ReLU
but in the last layer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from benchmarks.measure import seconds

SIZES = (2, 16, 16, 1)
INPUTS = (1.0, -2.0)

Measure = Callable[[], tuple[dict[str, float], list[float]]]


class Network:
    """The MLP over whatever ``make`` turns a number into."""

    def __init__(self, make: Callable[[float], Any]) -> None:
        drawn = random.Random(0)
        self.layers = [
            [([make(drawn.uniform(-1, 1)) for _ in range(before)], make(0.0)) for _ in range(width)]
            for before, width in zip(SIZES, SIZES[1:])  # noqa: B905, RUF007 (a worker's Python may be old)
        ]

    def parameters(self) -> list[Any]:
        """All weights and biases."""
        return [parameter for layer in self.layers for weights, bias in layer for parameter in (*weights, bias)]

    def __call__(self, x: list[Any]) -> Any:
        """The output for the inputs ``x``."""
        for layer in self.layers:
            last = layer is self.layers[-1]
            out = []
            for weights, bias in layer:
                total = sum((w * value for w, value in zip(weights, x)), bias)  # noqa: B905
                out.append(total if last else total.relu())
            x = out
        return x[0]


def _measure(
    make: Callable[[float], Any], data: Callable[[float], Any], read: Callable[[Any], float], empty: Any, repeats: int
) -> Measure:
    network = Network(make)
    parameters = network.parameters()

    def step() -> None:
        for parameter in parameters:
            parameter.grad = empty
        network([data(value) for value in INPUTS]).backward()

    step()

    def measure() -> tuple[dict[str, float], list[float]]:
        taken = seconds(step, repeats)
        values = [0.0 if parameter.grad is None else read(parameter.grad) for parameter in parameters]
        return {"us per step": taken * 1e6}, values

    return measure


def chainrule(repeats: int) -> Measure:
    """This library, on 0-d Tensors."""
    import autograd

    return _measure(
        lambda value: autograd.tensor(value, dtype=autograd.float64, requires_grad=True),
        lambda value: autograd.tensor(value, dtype=autograd.float64),
        lambda gradient: gradient.item(),
        None,
        repeats,
    )


def micrograd(repeats: int) -> Measure:
    """Micrograd as it is."""
    from micrograd.engine import Value

    return _measure(Value, Value, float, 0, repeats)


def torch(repeats: int) -> Measure:
    """PyTorch, eager, on 0-d Tensors."""
    import torch

    torch.set_num_threads(2)
    return _measure(
        lambda value: torch.tensor(value, dtype=torch.float64, requires_grad=True),
        lambda value: torch.tensor(value, dtype=torch.float64),
        lambda gradient: gradient.item(),
        None,
        repeats,
    )
