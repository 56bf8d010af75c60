"""GELU written out in elementary operations on a large float32 array: the value's sum, and the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]


def _gelu(x: Any, tanh: Callable[[Any], Any]) -> Any:
    return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def _numbers(size: int) -> Any:
    return np.random.default_rng(0).standard_normal(size, np.float32)


def _measure(step: Callable[[], Any], repeats: int) -> Measure:
    for _ in range(3):
        gradient = step()

    def measure() -> tuple[dict[str, float], list[float]]:
        taken = seconds(step, repeats)
        return {"ms per step": taken * 1e3}, [float(np.abs(np.asarray(gradient, np.float64)).sum())]

    return measure


def _step(library: Any, size: int) -> Callable[[], Any]:
    numbers = library.tensor(_numbers(size))

    def step() -> Any:
        x = numbers.detach().requires_grad_()
        (gradient,) = library.autograd.grad(_gelu(x, library.tanh).sum(), x)
        return gradient

    return step


def chainrule(size: int, repeats: int) -> Measure:
    """This library."""
    import autograd

    return _measure(_step(autograd, size), repeats)


def compiled(size: int, repeats: int) -> Measure:
    """This library, compiled."""
    import autograd

    return _measure(autograd.compile(_step(autograd, size), fullgraph=True), repeats)


def numba(size: int, repeats: int) -> Measure:
    """This library, compiled with kernels."""
    import numba as numba

    import autograd

    return _measure(autograd.compile(_step(autograd, size), fullgraph=True, backend="numba"), repeats)


def torch(size: int, repeats: int) -> Measure:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(2)
    return _measure(_step(torch, size), repeats)


def jax(size: int, repeats: int) -> Measure:
    """JAX, compiled."""
    import jax

    x = jax.numpy.asarray(_numbers(size))
    gradient = jax.jit(jax.grad(lambda x: _gelu(x, jax.numpy.tanh).sum()))
    return _measure(lambda: gradient(x).block_until_ready(), repeats)
