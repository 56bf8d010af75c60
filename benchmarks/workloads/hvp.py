"""The Hessian of a small MLP's squared error times a vector; parameters are one vector of float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import Library, start_jax
from benchmarks.measure import Program

SIZES, BATCH = (10, 32, 32, 1), 64
FIGURE = "us per call"


def _data() -> tuple[Any, Any, Any, Any]:
    """Parameters, the vector, inputs, targets."""
    drawn = np.random.default_rng(0)
    layers = [(0.3 * drawn.standard_normal(m * n), 0.1 * drawn.standard_normal(n)) for m, n in _pairs()]
    vector = np.concatenate([array for layer in layers for array in layer])
    inputs, targets = drawn.standard_normal((BATCH, SIZES[0])), drawn.standard_normal(BATCH)
    return vector, np.cos(np.arange(len(vector))), inputs, targets


def _pairs() -> list[tuple[int, int]]:
    return list(zip(SIZES, SIZES[1:]))  # noqa: B905, RUF007 (a worker's Python may be old)


def _layers(vector: Any) -> list[tuple[Any, Any]]:
    """Weights and biases, views of the vector."""
    found, at = [], 0
    for m, n in _pairs():
        found.append((vector[at : at + m * n].reshape(m, n), vector[at + m * n : at + m * n + n]))
        at += m * n + n
    return found


def _loss(vector: Any, inputs: Any, targets: Any, tanh: Callable[[Any], Any]) -> Any:
    x = inputs
    for w, b in _layers(vector):
        y = x @ w + b
        x = tanh(y)
    return ((y[:, 0] - targets) ** 2).mean()


def _program(call: Callable[[], Any]) -> Program:
    return Program(call, lambda out: [float(np.sum(np.asarray(out))), float(np.max(np.asarray(out)))], FIGURE)


def program(library: Library) -> Program:
    """This library or PyTorch: what backward computes is differentiated once more."""
    t = library.t
    start, direction, inputs, targets = map(t.tensor, _data())

    def call() -> Any:
        x = start.detach().requires_grad_()
        (gradient,) = t.autograd.grad(_loss(x, inputs, targets, t.tanh), x, create_graph=True)
        return t.autograd.grad(gradient, x, direction)[0]

    return _program(call)


def hips() -> Program:
    """HIPS autograd."""
    import autograd
    import autograd.numpy

    start, direction, inputs, targets = _data()
    product = autograd.hessian_vector_product(lambda x: _loss(x, inputs, targets, autograd.numpy.tanh))
    return _program(lambda: product(start, direction))


def jax() -> Program:
    """JAX, compiled: the gradient's derivative along the vector, forward."""
    jax = start_jax(float64=True)
    start, direction, inputs, targets = map(jax.numpy.asarray, _data())

    def product(x: Any, along: Any, inputs: Any, targets: Any) -> Any:
        gradient = jax.grad(lambda x: _loss(x, inputs, targets, jax.numpy.tanh))
        return jax.jvp(gradient, (x,), (along,))[1]

    call = jax.jit(product)
    return _program(lambda: call(start, direction, inputs, targets).block_until_ready())


def numpy() -> Program:
    """NumPy by hand: the forward and the backward pass, and beside each its derivative along the vector."""
    start, direction, inputs, targets = _data()
    layers, moves, out = _layers(start), _layers(direction), np.empty_like(start)
    results, last = _layers(out), len(layers) - 1
    widths = SIZES[1:]
    h, dh, g, dg, slope, work = ([np.empty((BATCH, width)) for width in widths] for _ in range(6))
    before, ones, two = [inputs, *h[:-1]], np.ones(BATCH), np.full((), 2.0)
    scale = np.full((), 2 / BATCH)

    def forward() -> None:
        for i, ((w, b), (dw, db)) in enumerate(zip(layers, moves)):  # noqa: B905
            np.matmul(before[i], w, out=h[i])
            np.add(h[i], b, out=h[i])
            np.matmul(before[i], dw, out=dh[i])
            np.add(dh[i], db, out=dh[i])
            if i:
                np.matmul(dh[i - 1], w, out=work[i])
                np.add(dh[i], work[i], out=dh[i])
            if i < last:
                np.tanh(h[i], out=h[i])
                np.multiply(h[i], h[i], out=slope[i])
                np.subtract(1, slope[i], out=slope[i])
                np.multiply(dh[i], slope[i], out=dh[i])

    def call() -> Any:
        forward()
        np.multiply(np.subtract(h[last][:, 0], targets, out=g[last][:, 0]), scale, out=g[last][:, 0])
        np.multiply(dh[last], scale, out=dg[last])
        for i in range(last, -1, -1):
            (w, _), (dw, _), (rw, rb) = layers[i], moves[i], results[i]
            np.matmul(before[i].T, dg[i], out=rw)
            np.matmul(ones, dg[i], out=rb)
            if not i:
                break
            rw += dh[i - 1].T @ g[i]
            below, dbelow, s = g[i - 1], dg[i - 1], slope[i - 1]
            np.matmul(g[i], w.T, out=below)
            np.matmul(dg[i], w.T, out=dbelow)
            np.matmul(g[i], dw.T, out=work[i - 1])
            np.add(dbelow, work[i - 1], out=dbelow)
            np.multiply(dbelow, s, out=dbelow)
            np.multiply(below, h[i - 1], out=work[i - 1])  # how the slope moves: by -2 h dh
            np.multiply(work[i - 1], dh[i - 1], out=work[i - 1])
            np.multiply(work[i - 1], two, out=work[i - 1])
            np.subtract(dbelow, work[i - 1], out=dbelow)
            np.multiply(below, s, out=below)
        return out

    return _program(call)
