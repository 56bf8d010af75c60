"""Training steps with each optimizer: of libraries, by hand for one vector of NumPy, and as functions for JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import Library

__all__ = ["OPTIMIZERS", "flat", "in_jax", "in_library", "in_numpy"]

OPTIMIZERS: dict[str, tuple[str, dict[str, float]]] = {
    "sgd": ("SGD", {"lr": 0.01}),
    "momentum": ("SGD", {"lr": 0.01, "momentum": 0.9}),
    "adagrad": ("Adagrad", {"lr": 0.01}),
    "adam": ("Adam", {"lr": 0.001}),
}
"""Class and arguments; what is not named is PyTorch's default."""

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def flat(arrays: list[Any]) -> tuple[Any, list[Any]]:
    """One vector with copies of the arrays one after the other, and its parts as views of their shapes."""
    vector, views, at = np.concatenate([array.reshape(-1) for array in arrays]), [], 0
    for array in arrays:
        views.append(vector[at : at + array.size].reshape(array.shape))
        at += array.size
    return vector, views


def in_library(library: Library, optimizer: str, model: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A training step of this library or PyTorch; ``forward`` returns the loss of ``model``."""
    name, settings = OPTIMIZERS[optimizer]
    made = getattr(library.optim, name)(model.parameters(), **settings, **library.options)

    def step(*inputs: Any) -> Any:
        made.zero_grad()
        loss = forward(*inputs)
        loss.backward()
        made.step()
        return loss.detach()

    return step


def in_numpy(optimizer: str, p: Any, g: Any) -> Callable[[], None]:
    """An optimizer's step on one vector of parameters and one of gradients."""
    name, settings = OPTIMIZERS[optimizer]
    rate = np.float32(settings["lr"])
    work, m, v = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    taken = 0

    def sgd() -> None:
        step = g
        if "momentum" in settings:
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

    b1, c1, b2, c2 = (np.float32(b) for b in (BETA1, 1 - BETA1, BETA2, 1 - BETA2))

    def adam() -> None:
        nonlocal taken
        taken += 1
        start1, start2 = 1 - BETA1**taken, (1 - BETA2**taken) ** 0.5
        np.multiply(m, b1, out=m)
        np.multiply(g, c1, out=work)
        np.add(m, work, out=m)
        np.multiply(v, b2, out=v)
        np.multiply(g, g, out=work)
        np.multiply(work, c2, out=work)
        np.add(v, work, out=v)
        np.sqrt(v, out=work)
        np.add(work, np.float32(EPSILON * start2), out=work)
        np.divide(m, work, out=work)
        np.multiply(work, np.float32(settings["lr"] * start2 / start1), out=work)
        np.subtract(p, work, out=p)

    return {"SGD": sgd, "Adagrad": adagrad, "Adam": adam}[name]


def in_jax(jax: Any, optimizer: str, parameters: Any) -> tuple[Callable[[Any, Any, Any], Any], Any]:
    """An optimizer as a function, of parameters, gradients and its state, and its first state."""
    name, settings = OPTIMIZERS[optimizer]
    rate, each = settings["lr"], jax.tree.map
    zeros = lambda: each(np.zeros_like, parameters)  # noqa: E731

    def sgd(p: Any, g: Any, state: Any) -> Any:
        return each(lambda p, g: p - rate * g, p, g), state

    def momentum(p: Any, g: Any, m: Any) -> Any:
        m = each(lambda m, g: settings["momentum"] * m + g, m, g)
        return each(lambda p, m: p - rate * m, p, m), m

    def adagrad(p: Any, g: Any, v: Any) -> Any:
        v = each(lambda v, g: v + g * g, v, g)
        return each(lambda p, g, v: p - rate * g / (jax.numpy.sqrt(v) + 1e-10), p, g, v), v

    def adam(p: Any, g: Any, state: Any) -> Any:
        m, v, taken = state[0], state[1], state[2] + 1
        m = each(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
        v = each(lambda v, g: BETA2 * v + (1 - BETA2) * (g * g), v, g)
        start1, start2 = 1 - BETA1**taken, jax.numpy.sqrt(1 - BETA2**taken)
        rate_now = rate * start2 / start1
        p = each(lambda p, m, v: p - rate_now * m / (jax.numpy.sqrt(v) + EPSILON * start2), p, m, v)
        return p, (m, v, taken)

    if name == "SGD":
        return (momentum, zeros()) if "momentum" in settings else (sgd, ())
    return (adagrad, zeros()) if name == "Adagrad" else (adam, (zeros(), zeros(), np.float32(0)))
