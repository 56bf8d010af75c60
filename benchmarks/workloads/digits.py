"""Logistic regression on scikit-learn's handwritten digits, end to end: mini-batches in random order, SGD."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Measure = Callable[[], tuple[dict[str, float], list[float]]]

BATCH = 32


def digits_folder() -> str | None:
    """Where scikit-learn keeps the digits; None if it is not installed here."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        return None
    return os.path.join(os.path.dirname(spec.origin), "datasets", "data")


def _data(folder: str | None) -> tuple[Any, Any]:
    """Images (1797, 64) from 0 to 1, and digits."""
    if folder is None:
        raise ImportError("scikit-learn, which brings the digits, is not installed")
    with gzip.open(os.path.join(folder, "digits.csv.gz"), "rt") as file:
        table = np.array([[float(item) for item in row] for row in csv.reader(file)])
    return (table[:, :-1] / 16).astype(np.float32), table[:, -1].astype(np.int64)


def _train(step: Callable[[Any], Any], count: int, epochs: int) -> Measure:
    def measure() -> tuple[dict[str, float], list[float]]:
        drawn = np.random.default_rng(0)
        start = time.perf_counter()
        for _ in range(epochs):
            order = drawn.permutation(count)
            for low in range(0, count, BATCH):
                loss = step(order[low : low + BATCH])
        taken = time.perf_counter() - start
        return {"s": taken}, [float(loss.item())] if epochs < 3 else []

    return measure


def chainrule(epochs: int, folder: str | None) -> Measure:
    """This library's modules."""
    import autograd
    import nn
    import optim

    images, digits = _data(folder)
    inputs, classes = autograd.tensor(images), autograd.tensor(digits)
    model, loss_of = nn.Linear(64, 10), nn.CrossEntropyLoss()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(batch: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(inputs[batch]), classes[batch])
        loss.backward()
        optimizer.step()
        return loss

    return _train(step, len(images), epochs)


def torch(epochs: int, folder: str | None) -> Measure:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(2)
    images, digits = _data(folder)
    inputs, classes = torch.tensor(images), torch.tensor(digits)
    model, loss_of = torch.nn.Linear(64, 10), torch.nn.CrossEntropyLoss()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(batch: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(inputs[batch]), classes[batch])
        loss.backward()
        optimizer.step()
        return loss

    return _train(step, len(images), epochs)
