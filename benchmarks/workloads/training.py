"""Whole training steps of multilayer perceptrons: forward, loss, backward, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]

OPTIMIZERS: dict[str, tuple[str, dict[str, float]]] = {
    "sgd": ("SGD", {"lr": 0.01}),
    "momentum": ("SGD", {"lr": 0.01, "momentum": 0.9}),
    "adagrad": ("Adagrad", {"lr": 0.01}),
    "adam": ("Adam", {"lr": 0.001}),
}


def _data(sizes: list[int], batch: int) -> tuple[list[Any], Any, Any]:
    """Weights and biases drawn once for all contenders, inputs, classes."""
    drawn = np.random.default_rng(0)
    weights = [
        array.astype(np.float32)
        for before, after in zip(sizes, sizes[1:])  # noqa: B905, RUF007 (a worker's Python may be old)
        for array in (drawn.standard_normal((after, before)) / before**0.5, np.zeros(after))
    ]
    return weights, drawn.standard_normal((batch, sizes[0]), np.float32), drawn.integers(0, sizes[-1], batch)


def _measure(step: Callable[[], Any], steps: int) -> Measure:
    values = [float(step().item()) for _ in range(3)]
    for _ in range(min(steps, 50)):
        step()

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"us per step": seconds(step, steps) * 1e6}, values

    return measure


def _model(nn: Any, sizes: list[int], batch_norm: bool) -> tuple[Any, list[Any]]:
    """The model, of either package, and the parameters of its linear layers."""
    layers: list[Any] = []
    for before, after in zip(sizes, sizes[1:-1]):  # noqa: B905, RUF007 (old Pythons)
        layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if batch_norm else []), nn.ReLU()]
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    linear = [parameter for layer in layers if isinstance(layer, nn.Linear) for parameter in layer.parameters()]
    return nn.Sequential(*layers), linear


def chainrule(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """This library's modules."""
    return _measure(_chainrule_step(sizes, batch, optimizer, batch_norm), steps)


def compiled(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """The same step, compiled."""
    import autograd

    return _measure(autograd.compile(_chainrule_step(sizes, batch, optimizer, batch_norm), fullgraph=True), steps)


def numba(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """The same step, compiled with kernels."""
    import numba as numba

    import autograd

    step = _chainrule_step(sizes, batch, optimizer, batch_norm)
    return _measure(autograd.compile(step, fullgraph=True, backend="numba"), steps)


def _chainrule_step(sizes: list[int], batch: int, optimizer: str, batch_norm: bool) -> Callable[[], Any]:
    import autograd
    import nn
    import optim

    weights, inputs, classes = _data(sizes, batch)
    model, linear = _model(nn, sizes, batch_norm)
    loss_of = nn.CrossEntropyLoss()
    with autograd.no_grad():
        for parameter, weight in zip(linear, weights, strict=True):
            parameter.copy_(autograd.tensor(weight))
    x, y = autograd.tensor(inputs), autograd.tensor(classes)
    name, settings = OPTIMIZERS[optimizer]
    made = getattr(optim, name)(model.parameters(), **settings)

    def step() -> Any:
        made.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        made.step()
        return loss.detach()

    return step


def torch(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(2)
    weights, inputs, classes = _data(sizes, batch)
    model, linear = _model(torch.nn, sizes, batch_norm)
    loss_of = torch.nn.CrossEntropyLoss()
    with torch.no_grad():
        for parameter, weight in zip(linear, weights):  # noqa: B905
            parameter.copy_(torch.tensor(weight))
    x, y = torch.tensor(inputs), torch.tensor(classes)
    name, settings = OPTIMIZERS[optimizer]
    made = getattr(torch.optim, name)(model.parameters(), **settings)

    def step() -> Any:
        made.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        made.step()
        return loss

    return _measure(step, steps)


def numpy(sizes: list[int], batch: int, optimizer: str, steps: int, batch_norm: bool = False) -> Measure:
    """NumPy by hand: the derivatives worked out on paper, every result in a buffer that is made once."""
    if batch_norm:
        raise ImportError("not written by hand with batch norm")
    weights, x, classes = _data(sizes, batch)
    count = sum(weight.size for weight in weights)
    flat, slope = np.empty(count, np.float32), np.empty(count, np.float32)
    parameters, gradients, at = [], [], 0
    for weight in weights:
        for buffer, views in ((flat, parameters), (slope, gradients)):
            views.append(buffer[at : at + weight.size].reshape(weight.shape))
        parameters[-1][...] = weight
        at += weight.size
    outputs = [np.empty((batch, size), np.float32) for size in sizes[1:]]
    back = [np.empty((batch, size), np.float32) for size in sizes[1:]]
    masks = [np.empty((batch, size), bool) for size in sizes[1:-1]]
    top, total = np.empty((batch, 1), np.float32), np.empty(batch, np.float32)
    log, place = np.empty(batch, np.float32), np.arange(batch) * sizes[-1] + classes
    units, ones = np.ones(sizes[-1], np.float32), np.ones(batch, np.float32)
    zero, share = np.zeros((), np.float32), np.float32(1 / batch)
    turned = [weight.T for weight in parameters[::2]]
    back_turned = [array.T for array in back]
    slopes = back[-1].reshape(-1)
    column = total[:, None]
    update = _update_by_hand(optimizer, flat, slope)

    def step() -> Any:
        h = x
        for i, out in enumerate(outputs):
            np.matmul(h, turned[i], out=out)
            np.add(out, parameters[2 * i + 1], out=out)
            if i < len(masks):
                np.maximum(out, zero, out=out)
            h = out
        last = back[-1]
        np.maximum.reduce(h, 1, keepdims=True, out=top)
        np.subtract(h, top, out=last)
        right = slopes[place]
        np.exp(last, out=last)
        np.matmul(last, units, out=total)
        np.log(total, out=log)
        loss = np.add.reduce(np.subtract(log, right, out=log)) * share
        np.divide(share, total, out=total)
        np.multiply(last, column, out=last)
        slopes[place] -= share
        for i in range(len(outputs) - 1, -1, -1):
            np.matmul(back_turned[i], outputs[i - 1] if i else x, out=gradients[2 * i])
            np.matmul(ones, back[i], out=gradients[2 * i + 1])
            if i:
                np.matmul(back[i], parameters[2 * i], out=back[i - 1])
                np.greater(outputs[i - 1], zero, out=masks[i - 1])
                np.multiply(back[i - 1], masks[i - 1], out=back[i - 1])
        update()
        return loss

    return _measure(step, steps)


def _update_by_hand(optimizer: str, p: Any, g: Any) -> Callable[[], None]:
    """The optimizer's step on one vector of parameters and one of gradients."""
    name, settings = OPTIMIZERS[optimizer]
    rate = np.float32(settings["lr"])
    work, m, v = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    taken = [0]

    def sgd() -> None:
        step = g
        if "momentum" in settings:
            taken[0] += 1
            np.multiply(m, np.float32(settings["momentum"]), out=m)
            np.add(m, g, out=m)
            step = m
        np.multiply(step, rate, out=work)
        np.subtract(p, work, out=p)

    def adagrad() -> None:
        np.multiply(g, g, out=work)
        np.add(v, work, out=v)
        np.sqrt(v, out=work)
        np.add(work, np.float32(1e-10), out=work)
        np.divide(g, work, out=work)
        np.multiply(work, rate, out=work)
        np.subtract(p, work, out=p)

    b1, c1, b2, c2 = (np.float32(b) for b in (0.9, 1 - 0.9, 0.999, 1 - 0.999))

    def adam() -> None:
        taken[0] += 1
        start1, start2 = 1 - 0.9 ** taken[0], (1 - 0.999 ** taken[0]) ** 0.5
        np.multiply(m, b1, out=m)
        np.multiply(g, c1, out=work)
        np.add(m, work, out=m)
        np.multiply(v, b2, out=v)
        np.multiply(g, g, out=work)
        np.multiply(work, c2, out=work)
        np.add(v, work, out=v)
        np.sqrt(v, out=work)
        np.add(work, np.float32(1e-8 * start2), out=work)
        np.divide(m, work, out=work)
        np.multiply(work, np.float32(settings["lr"] * start2 / start1), out=work)
        np.subtract(p, work, out=p)

    return {"SGD": sgd, "Adagrad": adagrad, "Adam": adam}[name]
