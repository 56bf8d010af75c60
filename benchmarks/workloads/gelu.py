"""GELU written out in elementary operations on a large float32 array: the value's sum, and the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import Library, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.in_blocks import in_blocks
from benchmarks.workloads.reading import absolute_sum

SCALE, CUBIC = 0.7978845608028654, 0.044715


def _gelu(x: Any, tanh: Callable[[Any], Any]) -> Any:
    return 0.5 * x * (1 + tanh(SCALE * (x + CUBIC * x * x * x)))


def _numbers(size: int) -> Any:
    return np.random.default_rng(0).standard_normal(size, np.float32)


def _read(out: Any) -> list[float]:
    return [float(out[0]), absolute_sum(out[1])]


def program(library: Library, size: int) -> Program:
    """This library or PyTorch."""
    t = library.t
    numbers = t.tensor(_numbers(size))
    total = library.compile(lambda x: _gelu(x, t.tanh).sum())

    def step() -> Any:
        x = numbers.detach().requires_grad_()
        loss = total(x)
        return loss.detach(), t.autograd.grad(loss, x)[0]

    return Program(step, _read)


def jax(size: int) -> Program:
    """JAX, compiled."""
    jax = start_jax()
    x = jax.numpy.asarray(_numbers(size))
    both = jax.jit(jax.value_and_grad(lambda x: _gelu(x, jax.numpy.tanh).sum()))
    return Program(lambda: jax.block_until_ready(both(x)), _read)


def numpy(size: int) -> Program:
    """NumPy by hand, in blocks that stay in the cache, divided over two threads."""
    x, gradient = _numbers(size), np.empty(size, np.float32)
    half, one, cubic, scale, slope = (np.float32(n) for n in (0.5, 1, CUBIC, SCALE, 3 * CUBIC * SCALE))

    def block(part: slice, work: Any) -> Any:
        x_, g = x[part], gradient[part]
        square, t, total = work[:, : x_.size]
        np.multiply(x_, x_, out=square)
        np.multiply(square, cubic, out=t)
        np.add(t, one, out=t)
        np.multiply(t, x_, out=t)
        np.multiply(t, scale, out=t)
        np.tanh(t, out=t)
        np.multiply(square, slope, out=square)  # the slope of what tanh is taken of
        np.add(square, scale, out=square)
        np.multiply(square, x_, out=square)
        np.add(t, one, out=total)
        np.multiply(t, t, out=t)
        np.subtract(one, t, out=t)
        np.multiply(t, square, out=t)
        np.add(t, total, out=t)
        np.multiply(t, half, out=g)
        return half * np.dot(x_, total)

    run = in_blocks(block, size, 1 << 17, lambda rows: np.empty((3, rows), np.float32))
    return Program(lambda: (sum(run()), gradient), _read)
