"""Logistic regression on scikit-learn's handwritten digits, an epoch: mini-batches in random order, SGD."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries import LIBRARIES, Library, jax_update, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.updates import in_jax, in_library, in_numpy

BATCH, OPTIMIZER = 32, "sgd"


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


def _epochs(step: Callable[[Any, Any], Any], inputs: Any, classes: Any) -> Program:
    """Epochs of a step on inputs and classes, each in another order; the loss of the last batch."""
    drawn = np.random.default_rng(0)

    def epoch() -> Any:
        order = drawn.permutation(len(inputs))
        for low in range(0, len(inputs), BATCH):
            batch = order[low : low + BATCH]
            loss = step(inputs[batch], classes[batch])
        return loss

    return Program(epoch, figure="ms per epoch")


def program(library: Library, folder: str | None, compile: Callable[[Any], Any] = lambda step: step) -> Program:
    """This library's modules or PyTorch's."""
    t, nn = library.t, library.nn
    images, digits = _data(folder)
    model, loss_of = nn.Linear(64, 10), nn.CrossEntropyLoss()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    step = in_library(library, OPTIMIZER, model, lambda inputs, classes: loss_of(model(inputs), classes))
    return _epochs(compile(step), t.tensor(images), t.tensor(digits))


def compiled(folder: str | None) -> Program:
    """This library, the step of a batch compiled."""
    import autograd

    return program(LIBRARIES["compiled"](), folder, lambda step: autograd.compile(step, fullgraph=True))


def jax(folder: str | None) -> Program:
    """JAX: the step of a batch compiled."""
    jax = start_jax()

    def loss_of(parameters: Any, kept: Any, x: Any, y: Any) -> Any:
        weight, bias = parameters
        scores = jax.nn.log_softmax(x @ weight.T + bias)
        return -(jax.nn.one_hot(y, 10) * scores).sum(1).mean(), kept

    start = np.zeros((10, 64), np.float32), np.zeros(10, np.float32)
    return _epochs(jax_update(jax, loss_of, start, (), *in_jax(jax, OPTIMIZER, start)), *_data(folder))


def numpy(folder: str | None) -> Program:
    """NumPy by hand."""
    p, g = np.zeros((2, 650), np.float32)
    (weight, bias), (weight_g, bias_g) = ((vector[:640].reshape(10, 64), vector[640:]) for vector in (p, g))
    update = in_numpy(OPTIMIZER, p, g)
    scores_of, rows, units = np.empty((BATCH, 10), np.float32), np.arange(BATCH), np.ones(10, np.float32)

    def step(x: Any, y: Any) -> Any:
        scores, place = scores_of[: len(x)], (rows[: len(x)], y)
        np.matmul(x, weight.T, out=scores)
        np.add(scores, bias, out=scores)
        np.subtract(scores, np.maximum.reduce(scores, 1, keepdims=True), out=scores)
        right = scores[place]
        np.exp(scores, out=scores)
        total = scores @ units
        loss = np.add.reduce(np.log(total) - right) / len(x)
        np.divide(scores, total[:, None], out=scores)
        scores[place] -= 1
        np.multiply(scores, np.float32(1 / len(x)), out=scores)
        np.matmul(scores.T, x, out=weight_g)
        np.add.reduce(scores, 0, out=bias_g)
        update()
        return loss

    return _epochs(step, *_data(folder))


def hips(folder: str | None) -> Program:
    """HIPS autograd, the update in NumPy."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        scores = anp.dot(x, parameters[:640].reshape(10, 64).T) + parameters[640:]
        scores = scores - scores.max(1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(scores), 1)) - scores[anp.arange(len(y)), y])

    p, g = np.zeros((2, 650), np.float32)
    both, update = value_and_grad(loss_of), in_numpy(OPTIMIZER, p, g)

    def step(x: Any, y: Any) -> Any:
        loss, g[...] = both(p, x, y)
        update()
        return loss

    return _epochs(step, *_data(folder))


def mygrad(folder: str | None) -> Program:
    """MyGrad, the update in NumPy."""
    import mygrad
    from mygrad.nnet.losses import softmax_crossentropy

    p, g = np.zeros((2, 650), np.float32)
    update = in_numpy(OPTIMIZER, p, g)

    def step(x: Any, y: Any) -> Any:
        weight, bias = mygrad.tensor(p[:640].reshape(10, 64), copy=False), mygrad.tensor(p[640:], copy=False)
        loss = softmax_crossentropy(mygrad.matmul(x, weight.T) + bias, y)
        loss.backward()
        g[:640], g[640:] = weight.grad.reshape(-1), bias.grad
        update()
        return loss.item()

    return _epochs(step, *_data(folder))
