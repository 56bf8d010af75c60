"""Whole training steps of multilayer perceptrons: forward, loss, backward, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]

OPTIMIZERS: dict[str, tuple[str, dict[str, float]]] = {
    "sgd": ("SGD", {"lr": 0.01}),
    "momentum": ("SGD", {"lr": 0.01, "momentum": 0.9}),
    "adagrad": ("Adagrad", {"lr": 0.01}),
    "adam": ("Adam", {"lr": 0.001}),
}


def _data(sizes: list[int], batch: int) -> tuple[list[Any], Any, Any]:
    """Weights and biases drawn once for all contenders, inputs, classes."""
    drawn = np.random.default_rng(0)
    weights = [
        array.astype(np.float32)
        for before, after in zip(sizes, sizes[1:])  # noqa: B905, RUF007 (a worker's Python may be old)
        for array in (drawn.standard_normal((after, before)) / before**0.5, np.zeros(after))
    ]
    return weights, drawn.standard_normal((batch, sizes[0]), np.float32), drawn.integers(0, sizes[-1], batch)


def _measure(step: Callable[[], Any], steps: int) -> Measure:
    values = [float(step().item()) for _ in range(3)]
    for _ in range(min(steps, 50)):
        step()

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"us per step": seconds(step, steps) * 1e6}, values

    return measure


def _model(nn: Any, sizes: list[int], batch_norm: bool) -> tuple[Any, list[Any]]:
    """The model, of either package, and the parameters of its linear layers."""
    layers: list[Any] = []
    for before, after in zip(sizes, sizes[1:-1]):  # noqa: B905, RUF007 (old Pythons)
        layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if batch_norm else []), nn.ReLU()]
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    linear = [parameter for layer in layers if isinstance(layer, nn.Linear) for parameter in layer.parameters()]
    return nn.Sequential(*layers), linear


def chainrule(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """This library's modules."""
    import autograd
    import nn
    import optim

    weights, inputs, classes = _data(sizes, batch)
    model, linear = _model(nn, sizes, batch_norm)
    loss_of = nn.CrossEntropyLoss()
    with autograd.no_grad():
        for parameter, weight in zip(linear, weights, strict=True):
            parameter.copy_(autograd.tensor(weight))
    x, y = autograd.tensor(inputs), autograd.tensor(classes)
    name, settings = OPTIMIZERS[optimizer]
    made = getattr(optim, name)(model.parameters(), **settings)

    def step() -> Any:
        made.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        made.step()
        return loss

    return _measure(step, steps)


def torch(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(2)
    weights, inputs, classes = _data(sizes, batch)
    model, linear = _model(torch.nn, sizes, batch_norm)
    loss_of = torch.nn.CrossEntropyLoss()
    with torch.no_grad():
        for parameter, weight in zip(linear, weights):  # noqa: B905
            parameter.copy_(torch.tensor(weight))
    x, y = torch.tensor(inputs), torch.tensor(classes)
    name, settings = OPTIMIZERS[optimizer]
    made = getattr(torch.optim, name)(model.parameters(), **settings)

    def step() -> Any:
        made.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        made.step()
        return loss

    return _measure(step, steps)
