"""A chain of 100 small float32 ops, forward and backward: what recording and sweeping cost beside NumPy itself.

The ops cycle through ``y * 1.01``, ``y + x``, ``tanh(y)``, ``y * x``; ``x`` and the first ``y`` get gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import Library, start_jax
from benchmarks.measure import Program

CYCLES = 25
OPS = 4 * CYCLES


def _start(size: int) -> tuple[Any, Any, Any]:
    """Both ends of the chain's beginning, and the gradient at its end."""
    numbers = np.linspace(0.5, 1.0, size, dtype=np.float32)
    return numbers, numbers[::-1].copy(), np.ones(size, np.float32)


def _program(step: Callable[[], Any]) -> Program:
    """Of a step that returns both gradients."""
    return Program(step, lambda out: [float(np.sum(np.asarray(g, np.float64))) for g in out], "us per op", OPS)


def _recorded(x: Any, y: Any, tanh: Callable[[Any], Any]) -> Any:
    for _ in range(CYCLES):
        y = y * 1.01
        y = y + x
        y = tanh(y)
        y = y * x
    return y


def program(library: Library, size: int) -> Program:
    """This library or PyTorch."""
    *arrays, seed = map(library.t.tensor, _start(size))
    x, y = (tensor.requires_grad_() for tensor in arrays)
    tanh = library.t.Tensor.tanh
    chain = library.compile(lambda x, y: _recorded(x, y, tanh))

    def step() -> tuple[Any, Any]:
        x.grad = y.grad = None
        chain(x, y).backward(seed)
        return x.grad.numpy(), y.grad.numpy()

    return _program(step)


def jax(size: int) -> Program:
    """JAX, compiled."""
    jax = start_jax()
    x, y, seed = map(jax.numpy.asarray, _start(size))
    both = jax.jit(lambda x, y, seed: jax.vjp(lambda x, y: _recorded(x, y, jax.numpy.tanh), x, y)[1](seed))
    return _program(lambda: jax.block_until_ready(both(x, y, seed)))


def hips(size: int) -> Program:
    """HIPS autograd."""
    import autograd.numpy
    from autograd import make_vjp

    x, y, seed = _start(size)

    def both(pair: Any) -> Any:
        return _recorded(pair[0], pair[1], autograd.numpy.tanh)

    return _program(lambda: make_vjp(both)((x, y))[0](seed))


def mygrad(size: int) -> Program:
    """MyGrad."""
    import mygrad

    *arrays, seed = _start(size)
    x, y = map(mygrad.tensor, arrays)

    def step() -> tuple[Any, Any]:
        x.null_grad()
        y.null_grad()
        _recorded(x, y, mygrad.tanh).backward(seed)
        return x.grad, y.grad

    return _program(step)


def numpy(size: int) -> Program:
    """NumPy by hand: every result in a buffer that is made once, what the derivatives have in common computed once.

    No result takes the place of an operand: with one element that would cost NumPy more than twice the time.
    """
    x, start, seed = _start(size)
    factor, one = np.array(1.01, np.float32), np.ones((), np.float32)
    saved, outputs = np.empty((2, CYCLES, size), np.float32)
    g, gx, u, v, w = np.empty((5, size), np.float32)
    forward = list(zip([start, *outputs], saved, outputs))  # noqa: B905 (a worker's Python may be old)

    def step() -> tuple[Any, Any]:
        for y, t, out in forward:
            np.multiply(y, factor, out=u)
            np.add(u, x, out=v)
            np.tanh(v, out=t)
            np.multiply(t, x, out=out)
        np.copyto(g, seed)
        gx.fill(0)
        for t in saved[::-1]:
            np.multiply(g, t, out=u)
            np.add(gx, u, out=v)
            np.multiply(t, t, out=u)
            np.subtract(one, u, out=w)
            np.multiply(g, x, out=u)
            np.multiply(u, w, out=t)
            np.add(v, t, out=gx)
            np.multiply(t, factor, out=g)
        return gx, g

    return _program(step)
