"""One op on the rows of a large float32 matrix, forward and backward: layer normalization, softmax cross entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import Library, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.in_blocks import in_blocks
from benchmarks.workloads.reading import absolute_sums

EPSILON = 1e-5


def _start(rows: int, width: int) -> tuple[Any, Any, Any, Any, Any]:
    """A matrix, a weight, a bias, a gradient, and a class for each row."""
    drawn = np.random.default_rng(0)
    matrix, gradient = drawn.standard_normal((2, rows, width), np.float32)
    weight, bias = drawn.standard_normal((2, width), np.float32)
    return matrix, weight, bias, gradient, drawn.integers(0, width, rows)


def program(library: Library, layer: str, rows: int, width: int) -> Program:
    """This library or PyTorch."""
    t, F = library.t, library.F
    *numbers, gradient, classes = map(t.tensor, _start(rows, width))
    x, weight, bias = (tensor.requires_grad_() for tensor in numbers)
    if layer == "cross-entropy":
        inputs, seed = [x], None
        forward = library.compile(lambda: F.cross_entropy(x, classes))
    else:
        inputs, seed = [x, weight, bias], gradient
        forward = library.compile(lambda: F.layer_norm(x, (width,), weight, bias, EPSILON))

    def step() -> list[Any]:
        for tensor in inputs:
            tensor.grad = None
        forward().backward(seed)
        return [tensor.grad for tensor in inputs]

    return Program(step, absolute_sums)


def jax(layer: str, rows: int, width: int) -> Program:
    """JAX, compiled."""
    jax = start_jax()
    *numbers, gradient, classes = map(jax.numpy.asarray, _start(rows, width))

    def cross_entropy(x: Any) -> Any:
        return -(jax.nn.one_hot(classes, width) * jax.nn.log_softmax(x)).sum(1).mean()

    def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
        centred = x - x.mean(1, keepdims=True)
        return centred * jax.lax.rsqrt((centred * centred).mean(1, keepdims=True) + EPSILON) * weight + bias

    if layer == "cross-entropy":
        both = jax.jit(jax.value_and_grad(cross_entropy))
        return Program(lambda: jax.block_until_ready(both(numbers[0]))[1:], absolute_sums)

    def whole(seed: Any, *inputs: Any) -> Any:
        out, backward = jax.vjp(layer_norm, *inputs)
        return out, backward(seed)

    call = jax.jit(whole)
    return Program(lambda: jax.block_until_ready(call(gradient, *numbers))[1], absolute_sums)


def numpy(layer: str, rows: int, width: int) -> Program:
    """NumPy by hand, in blocks of rows that stay in the cache, divided over two threads."""
    make = _cross_entropy_by_hand if layer == "cross-entropy" else _layer_norm_by_hand
    return Program(make(rows, width), absolute_sums)


def _cross_entropy_by_hand(rows: int, width: int) -> Callable[[], Any]:
    x, _, _, _, classes = _start(rows, width)
    gradient, share, ones = np.empty_like(x), np.float32(1 / rows), np.ones(width, np.float32)
    numbers = np.arange(rows)

    def block(part: slice, column: Any) -> Any:
        g = gradient[part]
        place = numbers[: len(g)], classes[part]
        top, total = column[:, : len(g)]
        np.maximum.reduce(x[part], 1, out=top)
        np.subtract(x[part], top[:, None], out=g)
        right = g[place]
        np.exp(g, out=g)
        np.matmul(g, ones, out=total)
        loss = np.log(total).sum() - right.sum()
        np.divide(share, total, out=total)
        np.multiply(g, total[:, None], out=g)
        g[place] -= share
        return loss

    run = in_blocks(block, rows, 128, lambda count: np.empty((2, count), np.float32))

    def step() -> Any:
        _loss = sum(run()) * share
        return (gradient,)

    return step


def _layer_norm_by_hand(rows: int, width: int) -> Callable[[], Any]:
    x, weight, bias, seed, _ = _start(rows, width)
    out, gradient = np.empty_like(x), np.empty_like(x)
    mean, ones = np.full(width, 1 / width, np.float32), np.ones(rows, np.float32)

    def block(part: slice, work: Any) -> Any:
        g, y, s = gradient[part], out[part], seed[part]
        z, scaled = work[:, : len(g)]  # normalized; times the gradient of it
        np.subtract(x[part], (x[part] @ mean)[:, None], out=z)
        inverse = np.vecdot(z, z)
        np.divide(1, np.sqrt(inverse / np.float32(width) + np.float32(EPSILON)), out=inverse)
        np.multiply(z, inverse[:, None], out=z)
        np.multiply(z, weight, out=y)
        np.add(y, bias, out=y)
        np.multiply(s, z, out=g)
        slopes = ones[: len(g)] @ g, ones[: len(g)] @ s
        np.multiply(s, weight, out=scaled)
        along, level = np.vecdot(scaled, z) / np.float32(width), scaled @ mean
        np.subtract(scaled, level[:, None], out=scaled)
        np.multiply(z, along[:, None], out=z)
        np.subtract(scaled, z, out=g)
        np.multiply(g, inverse[:, None], out=g)
        return slopes

    run = in_blocks(block, rows, 256, lambda count: np.empty((2, count, width), np.float32))

    def step() -> Any:
        slopes = run()
        return gradient, sum(pair[0] for pair in slopes), sum(pair[1] for pair in slopes)

    return step
