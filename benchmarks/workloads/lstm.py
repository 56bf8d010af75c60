"""A training step of a recurrent layer, forward and backward: ours beside PyTorch's fused kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def _arrays(time: int, batch: int, features: int, hidden: int, gates: int) -> tuple[Any, list[Any], Any]:
    """Sequences, parameters, and the gradient of the output."""
    drawn = np.random.default_rng(0)
    sequences = drawn.standard_normal((time, batch, features), np.float32)
    shapes = [(gates * hidden, features), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    parameters = [drawn.uniform(-1, 1, shape).astype(np.float32) / np.float32(hidden**0.5) for shape in shapes]
    return sequences, parameters, drawn.standard_normal((time, batch, hidden), np.float32)


def _measure(
    kind: str, library: Any, modules: Any, make: Any, sizes: tuple[int, ...], repeats: int, compile: Any = None
) -> Measure:
    time, batch, features, hidden = sizes
    arrays, values, ends = _arrays(time, batch, features, hidden, {"RNN": 1, "GRU": 3, "LSTM": 4}[kind])
    layer = getattr(modules, kind)(features, hidden)
    with library.no_grad():
        for name, value in zip(PARAMETERS, values):  # noqa: B905 (a worker's Python may be old)
            getattr(layer, name).copy_(make(value))
    sequences, seed = make(arrays), make(ends)

    def step() -> Any:
        layer.zero_grad()
        output, _ = layer(sequences)
        output.backward(seed)

    if compile is not None:
        step = compile(step, fullgraph=True)
    for _ in range(3):
        step()

    def measure() -> tuple[dict[str, float], list[float]]:
        taken = seconds(step, repeats)
        sums = [float(np.abs(getattr(layer, name).grad.numpy().astype(np.float64)).sum()) for name in PARAMETERS]
        return {"ms per step": taken * 1e3}, sums

    return measure


def chainrule(kind: str, sizes: list[int], repeats: int) -> Measure:
    """This library."""
    import autograd
    import nn

    return _measure(kind, autograd, nn, autograd.tensor, tuple(sizes), repeats)


def compiled(kind: str, sizes: list[int], repeats: int) -> Measure:
    """The same step, compiled."""
    import autograd
    import nn

    return _measure(kind, autograd, nn, autograd.tensor, tuple(sizes), repeats, autograd.compile)


def torch(kind: str, sizes: list[int], repeats: int) -> Measure:
    """PyTorch."""
    import torch

    torch.set_num_threads(2)
    return _measure(kind, torch, torch.nn, torch.tensor, tuple(sizes), repeats)
