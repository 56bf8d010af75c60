"""One training step of a small convolutional network: two 3x3 convolutions with pooling, a linear layer, SGD."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.libraries import Library, jax_update, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.updates import in_jax, in_library

SIDE, CLASSES = 28, 10
OPTIMIZER = "sgd"


def _data(batch: int, channels: list[int]) -> tuple[Any, Any, list[Any]]:
    """Images, classes and the initial parameters."""
    drawn = np.random.default_rng(0)
    images = drawn.standard_normal((batch, 1, SIDE, SIDE), np.float32)
    classes = drawn.integers(0, CLASSES, batch)
    first, second = channels
    shapes = [(first, 1, 3, 3), (first,), (second, first, 3, 3), (second,)]
    shapes += [(CLASSES, second * (SIDE // 4) ** 2), (CLASSES,)]
    return images, classes, [0.1 * drawn.standard_normal(shape, np.float32) for shape in shapes]


def program(library: Library, batch: int, channels: list[int]) -> Program:
    """This library or PyTorch."""
    t, nn, F = library.t, library.nn, library.F
    images, classes, initial = _data(batch, channels)
    first, second = channels
    model = nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(second * (SIDE // 4) ** 2, CLASSES),
    )  # fmt: skip
    with t.no_grad():
        for parameter, value in zip(model.parameters(), initial):  # noqa: B905 (an older Python may run this)
            parameter.copy_(t.tensor(value))
    inputs, targets = t.tensor(images), t.tensor(classes)
    forward = library.compile(lambda: F.cross_entropy(model(inputs), targets))
    return Program(in_library(library, OPTIMIZER, model, forward))


def jax(batch: int, channels: list[int]) -> Program:
    """JAX: the whole step compiled."""
    jax = start_jax()
    images, classes, initial = _data(batch, channels)

    def pooled(x: Any, weight: Any, bias: Any) -> Any:
        x = jax.lax.conv(x, weight, (1, 1), "SAME") + bias[:, None, None]
        window = (1, 1, 2, 2)
        return jax.lax.reduce_window(jax.nn.relu(x), -np.inf, jax.lax.max, window, window, "VALID")

    def loss_of(parameters: Any, kept: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = parameters
        scores = pooled(pooled(x, w1, b1), w2, b2).reshape(batch, -1) @ w3.T + b3
        return -(jax.nn.one_hot(y, CLASSES) * jax.nn.log_softmax(scores)).sum(1).mean(), kept

    step = jax_update(jax, loss_of, initial, (), *in_jax(jax, OPTIMIZER, initial))
    x, y = jax.numpy.asarray(images), jax.numpy.asarray(classes)
    return Program(lambda: step(x, y))
