"""Whole training steps of multilayer perceptrons: forward, loss, backward, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import Library, jax_update, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.updates import flat, in_jax, in_library, in_numpy

FIGURE = "us per step"
MOMENTUM, EPSILON = 0.1, 1e-5
"""Of batch normalization."""


def _data(sizes: list[int], batch: int) -> tuple[list[Any], Any, Any]:
    """Weights and biases drawn once for all contenders, inputs, classes."""
    drawn = np.random.default_rng(0)
    weights = [
        array.astype(np.float32)
        for before, after in zip(sizes, sizes[1:])  # noqa: B905, RUF007 (a worker's Python may be old)
        for array in (drawn.standard_normal((after, before)) / before**0.5, np.zeros(after))
    ]
    return weights, drawn.standard_normal((batch, sizes[0]), np.float32), drawn.integers(0, sizes[-1], batch)


def _norms(sizes: list[int]) -> list[Any]:
    """Weights and biases of batch normalization, after each layer but the last."""
    return [array for size in sizes[1:-1] for array in (np.ones(size, np.float32), np.zeros(size, np.float32))]


def program(library: Library, sizes: list[int], batch: int, optimizer: str, batch_norm: bool = False) -> Program:
    """This library or PyTorch."""
    t, nn = library.t, library.nn
    weights, inputs, classes = _data(sizes, batch)
    layers: list[Any] = []
    for before, after in zip(sizes, sizes[1:-1]):  # noqa: B905, RUF007
        layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if batch_norm else []), nn.ReLU()]
    model, loss_of = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1])), nn.CrossEntropyLoss()
    linear = [parameter for layer in model if isinstance(layer, nn.Linear) for parameter in layer.parameters()]
    with t.no_grad():
        for parameter, weight in zip(linear, weights):  # noqa: B905
            parameter.copy_(t.tensor(weight))
    x, y = t.tensor(inputs), t.tensor(classes)
    forward = library.compile(lambda: loss_of(model(x), y))
    return Program(in_library(library, optimizer, model, forward), figure=FIGURE)


def jax(sizes: list[int], batch: int, optimizer: str, batch_norm: bool = False) -> Program:
    """JAX: the whole step compiled."""
    jax = start_jax()
    weights, x, y = _data(sizes, batch)
    norms = _norms(sizes) if batch_norm else []
    running = [np.float32(start) * np.ones_like(norm) for norm in norms[::2] for start in (0, 1)]
    x, y = jax.numpy.asarray(x), jax.numpy.asarray(y)

    def loss_of(parameters: Any, running: Any, x: Any, y: Any) -> Any:
        weights, norms = parameters
        moved = []
        for i in range(0, len(weights), 2):
            x = x @ weights[i].T + weights[i + 1]
            if i < len(weights) - 2:
                if batch_norm:
                    mean, variance = x.mean(0), x.var(0)
                    for old, new in ((running[i], mean), (running[i + 1], variance * (batch / (batch - 1)))):
                        moved.append((1 - MOMENTUM) * old + MOMENTUM * new)
                    x = (x - mean) * (jax.lax.rsqrt(variance + EPSILON) * norms[i]) + norms[i + 1]
                x = jax.nn.relu(x)
        return -(jax.nn.one_hot(y, sizes[-1]) * jax.nn.log_softmax(x)).sum(1).mean(), moved

    parameters = weights, norms
    step = jax_update(jax, loss_of, parameters, running, *in_jax(jax, optimizer, parameters))
    return Program(lambda: step(x, y), figure=FIGURE)


def hips(sizes: list[int], batch: int, optimizer: str) -> Program:
    """HIPS autograd, the update in NumPy."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    weights, inputs, y = _data(sizes, batch)
    (p, parameters), (g, gradients) = flat(weights), flat(weights)
    rows = np.arange(batch)

    def loss_of(weights: Any) -> Any:
        x = inputs
        for i in range(0, len(weights), 2):
            x = anp.dot(x, weights[i].T) + weights[i + 1]
            x = anp.maximum(x, 0) if i < len(weights) - 2 else x
        x = x - x.max(1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(x), 1)) - x[rows, y])

    both, update = value_and_grad(loss_of), in_numpy(optimizer, p, g)

    def step() -> Any:
        loss, found = both(parameters)
        for gradient, new in zip(gradients, found):  # noqa: B905
            gradient[...] = new
        update()
        return loss

    return Program(step, figure=FIGURE)


def mygrad(sizes: list[int], batch: int, optimizer: str) -> Program:
    """MyGrad, the update in NumPy."""
    import mygrad
    from mygrad.nnet.losses import softmax_crossentropy

    weights, inputs, y = _data(sizes, batch)
    (p, parameters), (g, gradients) = flat(weights), flat(weights)
    update = in_numpy(optimizer, p, g)

    def step() -> Any:
        tensors, x = [mygrad.tensor(array, copy=False) for array in parameters], inputs
        for i in range(0, len(tensors), 2):
            x = mygrad.matmul(x, tensors[i].T) + tensors[i + 1]
            x = mygrad.maximum(x, 0) if i < len(tensors) - 2 else x
        loss = softmax_crossentropy(x, y)
        loss.backward()
        for gradient, tensor in zip(gradients, tensors):  # noqa: B905
            gradient[...] = tensor.grad
        update()
        return loss.item()

    return Program(step, figure=FIGURE)


def numpy(sizes: list[int], batch: int, optimizer: str, batch_norm: bool = False) -> Program:
    """NumPy by hand: the derivatives worked out on paper, every result in a buffer that is made once."""
    weights, x, classes = _data(sizes, batch)
    start = weights + (_norms(sizes) if batch_norm else [])
    (flat_p, p), (flat_g, g) = flat(start), flat(start)
    outputs, back = ([np.empty((batch, size), np.float32) for size in sizes[1:]] for _ in range(2))
    masks = [np.empty((batch, size), bool) for size in sizes[1:-1]]
    inputs = [x, *outputs[:-1]]
    turned, back_turned = [weight.T for weight in p[: len(weights) : 2]], [array.T for array in back]
    ones, zero = np.ones(batch, np.float32), np.zeros((), np.float32)
    loss_and_slope = _cross_entropy_by_hand(outputs[-1], back[-1], classes)
    update = in_numpy(optimizer, flat_p, flat_g)
    norms = []
    if batch_norm:
        places = range(len(weights), len(start), 2)
        norms = [_batch_norm_by_hand(o, b, p[i : i + 2], g[i : i + 2]) for o, b, i in zip(outputs, back, places)]  # noqa: B905

    def step() -> Any:
        for i, out in enumerate(outputs):
            np.matmul(inputs[i], turned[i], out=out)
            np.add(out, p[2 * i + 1], out=out)
            if i < len(masks):
                if norms:
                    norms[i][0]()
                np.maximum(out, zero, out=out)
        loss = loss_and_slope()
        for i in range(len(outputs) - 1, -1, -1):
            np.matmul(back_turned[i], inputs[i], out=g[2 * i])
            np.matmul(ones, back[i], out=g[2 * i + 1])
            if i:
                np.matmul(back[i], p[2 * i], out=back[i - 1])
                np.greater(outputs[i - 1], zero, out=masks[i - 1])
                np.multiply(back[i - 1], masks[i - 1], out=back[i - 1])
                if norms:
                    norms[i - 1][1]()
        update()
        return loss

    return Program(step, figure=FIGURE)


def _cross_entropy_by_hand(scores: Any, slope: Any, classes: Any) -> Callable[[], Any]:
    """What computes the loss of the scores, and into ``slope`` its derivative."""
    batch, count = scores.shape
    top, total, log = np.empty((batch, 1), np.float32), np.empty(batch, np.float32), np.empty(batch, np.float32)
    place, share, units = np.arange(batch) * count + classes, np.float32(1 / batch), np.ones(count, np.float32)
    column, slopes = total[:, None], slope.reshape(-1)

    def loss_and_slope() -> Any:
        np.maximum.reduce(scores, 1, keepdims=True, out=top)
        np.subtract(scores, top, out=slope)
        right = slopes[place]
        np.exp(slope, out=slope)
        np.matmul(slope, units, out=total)
        np.log(total, out=log)
        loss = np.add.reduce(np.subtract(log, right, out=log)) * share
        np.divide(share, total, out=total)
        np.multiply(slope, column, out=slope)
        slopes[place] -= share
        return loss

    return loss_and_slope


def _batch_norm_by_hand(out: Any, slope: Any, parameters: Any, gradients: Any) -> tuple[Callable[[], None], ...]:
    """What normalizes ``out`` where it is, and what turns the derivative by its result, ``slope``, into that by it."""
    (weight, bias), (weight_g, bias_g) = parameters, gradients
    batch, size = out.shape
    normal, work = np.empty_like(out), np.empty_like(out)
    mean, variance, inverse, factor = np.empty((4, size), np.float32)
    running, ones = [np.zeros(size, np.float32), np.ones(size, np.float32)], np.ones(batch, np.float32)
    shares, keep = np.full(batch, 1 / batch, np.float32), np.float32(1 - MOMENTUM)
    epsilon, share = np.float32(EPSILON), np.float32(1 / batch)
    rates = np.float32(MOMENTUM), np.float32(MOMENTUM * batch / (batch - 1))

    def forward() -> None:
        np.matmul(shares, out, out=mean)
        np.subtract(out, mean, out=normal)
        np.multiply(normal, normal, out=work)
        np.matmul(shares, work, out=variance)
        for old, new, rate in zip(running, (mean, variance), rates):  # noqa: B905
            np.multiply(old, keep, out=old)
            np.multiply(new, rate, out=inverse)
            np.add(old, inverse, out=old)
        np.add(variance, epsilon, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.reciprocal(inverse, out=inverse)
        np.multiply(normal, inverse, out=normal)
        np.multiply(normal, weight, out=out)
        np.add(out, bias, out=out)

    def backward() -> None:
        np.multiply(slope, normal, out=work)
        np.matmul(ones, work, out=weight_g)
        np.matmul(ones, slope, out=bias_g)
        np.multiply(weight_g, share, out=factor)
        np.multiply(normal, factor, out=work)
        np.subtract(slope, work, out=slope)
        np.multiply(bias_g, share, out=factor)
        np.subtract(slope, factor, out=slope)
        np.multiply(inverse, weight, out=inverse)
        np.multiply(slope, inverse, out=slope)

    return forward, backward
