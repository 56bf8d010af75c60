"""Micrograd's ground: its MLP of 2, 16, 16 and 1 neurons on single numbers, forward and backward.

Each contender runs the same ops on the same float64 numbers: per neuron the sum of ``w * x``, plus ``b``, and ReLU
but in the last layer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from benchmarks.libraries import Library, start_jax
from benchmarks.measure import Program

SIZES = (2, 16, 16, 1)
INPUTS = (1.0, -2.0)
FIGURE = "us per step"


class Network:
    """The MLP over whatever ``make`` turns a number into."""

    def __init__(self, make: Callable[[float], Any], relu: Callable[[Any], Any] = lambda value: value.relu()) -> None:
        self.relu = relu
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
                out.append(total if last else self.relu(total))
            x = out
        return x[0]


def _program(network: Network, empty: Any, data: Callable[[float], Any], read: Callable[[Any], float]) -> Program:
    parameters = network.parameters()

    def step() -> None:
        for parameter in parameters:
            parameter.grad = empty
        network([data(value) for value in INPUTS]).backward()

    def gradients(out: None) -> list[float]:
        return [0.0 if parameter.grad is None else read(parameter.grad) for parameter in parameters]

    return Program(step, gradients, FIGURE)


def program(library: Library) -> Program:
    """This library or PyTorch, on 0-d Tensors."""
    t = library.t
    network = Network(lambda value: t.tensor(value, dtype=t.float64, requires_grad=True))
    return _program(network, None, lambda value: t.tensor(value, dtype=t.float64), lambda gradient: gradient.item())


def micrograd() -> Program:
    """Micrograd as it is."""
    from micrograd.engine import Value

    return _program(Network(Value), 0, Value, float)


def jax() -> Program:
    """JAX, compiled."""
    jax = start_jax(float64=True)
    network = Network(float, jax.nn.relu)

    def output(layers: Any, inputs: Any) -> Any:
        network.layers = layers
        return network(inputs)

    both = jax.jit(jax.value_and_grad(output))
    layers = network.layers

    def gradients(out: Any) -> list[float]:
        return [float(g) for layer in out[1] for weights, bias in layer for g in (*weights, bias)]

    return Program(lambda: jax.block_until_ready(both(layers, list(INPUTS))), gradients, FIGURE)
