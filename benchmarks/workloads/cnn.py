"""One training step of a small convolutional network: two 3x3 convolutions with pooling, a linear layer, SGD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]

SIDE, CLASSES = 28, 10
RATE = 0.01


def _data(batch: int, channels: tuple[int, int]) -> tuple[Any, Any, list[Any]]:
    """Images, classes and the initial parameters."""
    drawn = np.random.default_rng(0)
    images = drawn.standard_normal((batch, 1, SIDE, SIDE), np.float32)
    classes = drawn.integers(0, CLASSES, batch)
    first, second = channels
    shapes = [(first, 1, 3, 3), (first,), (second, first, 3, 3), (second,)]
    shapes += [(CLASSES, second * (SIDE // 4) ** 2), (CLASSES,)]
    return images, classes, [0.1 * drawn.standard_normal(shape, np.float32) for shape in shapes]


def _measure(step: Callable[[], float], repeats: int) -> Measure:
    values = [step() for _ in range(3)]

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"ms per step": 1e3 * seconds(step, repeats)}, values

    return measure


def chainrule(batch: int, channels: tuple[int, int], repeats: int) -> Measure:
    """This library."""
    return _measure(_chainrule_step(batch, channels), repeats)


def compiled(batch: int, channels: tuple[int, int], repeats: int) -> Measure:
    """The same step, compiled."""
    import autograd

    return _measure(autograd.compile(_chainrule_step(batch, channels), fullgraph=True), repeats)


def _chainrule_step(batch: int, channels: tuple[int, int]) -> Callable[[], float]:
    import autograd
    import nn
    import optim

    images, classes, initial = _data(batch, channels)
    first, second = channels
    model = nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    )  # fmt: skip
    last = nn.Linear(second * (SIDE // 4) ** 2, CLASSES)
    parameters = [*model.parameters(), *last.parameters()]
    with autograd.no_grad():
        for parameter, value in zip(parameters, initial, strict=True):
            parameter.copy_(autograd.tensor(value))
    optimizer = optim.SGD(parameters, lr=RATE)
    inputs, targets = autograd.tensor(images), autograd.tensor(classes)

    def step() -> float:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(last(model(inputs).flatten(1)), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch(batch: int, channels: tuple[int, int], repeats: int) -> Measure:
    """PyTorch, eager."""
    import torch
    from torch import nn

    torch.set_num_threads(2)
    images, classes, initial = _data(batch, channels)
    first, second = channels
    model = nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(second * (SIDE // 4) ** 2, CLASSES),
    )  # fmt: skip
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), initial):  # noqa: B905 (an older Python may run this)
            parameter.copy_(torch.tensor(value))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    inputs, targets = torch.tensor(images), torch.tensor(classes)

    def step() -> float:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return _measure(step, repeats)
