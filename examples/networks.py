"""What the stories of training share: a network of equal hidden layers, and a loop that keeps its curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
from examples.story import Images

__all__ = ["Curves", "hidden_outputs", "measure", "mini_batches", "network", "start_weights", "subset", "train"]

MEASURED = 2000
"""Of more images than this, the first ones are measured (MNIST has 60,000); at the end, all that were held out."""


class Curves(NamedTuple):
    """What was measured during training, each an array with an entry for every measurement."""

    steps: np.ndarray
    """How many mini-batches had been seen."""
    loss: np.ndarray
    """The mean loss of the mini-batches since the measurement before."""
    train: np.ndarray
    """The fraction of the training images that are recognised."""
    test: np.ndarray
    """The same of the images that were held out."""
    train_loss: np.ndarray
    """The cross entropy of the training images, without dropout and with batch normalisation's running statistics."""
    test_loss: np.ndarray
    """The same of the images that were held out."""


def network(
    inputs: int,
    *,
    hidden: int = 5,
    width: int = 100,
    outputs: int = 10,
    activation: Callable[[], nn.Module] = nn.ReLU,
    start: float | str = "he",
    norm: bool = False,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Equal hidden layers and one linear layer that gives the scores.

    Args:
        inputs, outputs: how many numbers go in and come out.
        hidden, width: how many hidden layers, and of how many units.
        activation: makes what follows each hidden layer.
        start: how the weights are drawn: see ``start_weights``.
        norm: put batch normalisation before each activation.
        dropout: the probability of zeroing an activation in training.
    """
    layers: list[nn.Module] = []
    for _ in range(hidden):
        layers += [nn.Linear(inputs, width), *([nn.BatchNorm1d(width)] if norm else []), activation()]
        layers += [nn.Dropout(dropout)] if dropout else []
        inputs = width
    model = nn.Sequential(*layers, nn.Linear(inputs, outputs))
    start_weights(model, start)
    return model


def start_weights(model: nn.Module, start: float | str) -> None:
    """Draw the weights of all linear layers from normal distributions; biases become zero.

    Args:
        model: is changed in place.
        start: "xavier" (variance 2 / (inputs + outputs)), "he" (2 / inputs), or a standard deviation for all layers.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
            if start == "xavier":
                nn.init.xavier_normal_(layer.weight)
            elif start == "he":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.normal_(layer.weight, std=float(start))


def hidden_outputs(model: nn.Sequential, x: autograd.Tensor) -> list[np.ndarray]:
    """What leaves each hidden layer for these inputs."""
    entering = []
    with autograd.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                entering.append(x.numpy())
            x = layer(x)
    return entering[1:]


def subset(images: Images, count: int) -> Images:
    """The same with only the first ``count`` training images (they are in random order)."""
    return images._replace(train_x=images.train_x[:count], train_y=images.train_y[:count])


def measure(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor) -> tuple[float, float]:
    """The fraction of inputs whose class has the highest score, and the cross entropy; evaluates, then trains on."""
    model.eval()
    with autograd.no_grad():
        scores = model(x)
        found = (scores.argmax(1) == y).float().mean().item(), F.cross_entropy(scores, y).item()
    model.train()
    return found


def mini_batches(images: int, batch: int, generator: autograd.Generator) -> Iterator[autograd.Tensor]:
    """The numbers of the images of each mini-batch, pass after pass, without end; what is left of a pass is skipped."""
    whole = max(1, images // batch)
    while True:
        yield from reversed(autograd.randperm(images, generator=generator)[: whole * batch].split(batch))


def train(
    model: nn.Module,
    optimizer: Any,
    images: Images,
    *,
    steps: int,
    every: int,
    seed: int,
    batch: int = 100,
    loss: Callable[[Any, Any], Any] = F.cross_entropy,
    hopeless: Callable[[Curves], bool] = lambda curves: False,
    bar: Any = None,
) -> Curves:
    """Train in mini-batches from passes in random order, which depends on the seed alone, and measure now and then.

    Networks that run out of all bounds are let run, silently: they then recognise what chance gives.

    Args:
        model, optimizer: are changed in place.
        images: to train and to measure with.
        steps: how many mini-batches.
        every: how many of them from one measurement to the next.
        seed: of the order of the images.
        batch: images in a mini-batch; all of them, if there are fewer.
        loss: of scores and digits.
        hopeless: is asked after each measurement, and ends the training by True.
        bar: a progress bar of which each mini-batch is a unit; those that are spared count as done.
    """
    x, y, test_x, test_y = map(autograd.from_numpy, images)
    generator = autograd.Generator().manual_seed(seed)
    bar = tqdm(disable=True) if bar is None else bar
    rows: list[tuple[float, ...]] = []
    recent: list[float] = []
    # These matrices are too small for several threads. One is faster, and rounds alike wherever it runs.
    with threadpool_limits(1), np.errstate(all="ignore"):
        for step, chosen in enumerate(islice(mini_batches(len(x), batch, generator), steps), start=1):
            optimizer.zero_grad()
            value = loss(model(x[chosen]), y[chosen])
            value.backward()
            optimizer.step()
            recent.append(value.item())
            bar.update()
            if step % every and step != steps:
                continue
            right, entropy = measure(model, x[:MEASURED], y[:MEASURED])
            count = len(test_x) if step == steps else MEASURED
            test_right, test_entropy = measure(model, test_x[:count], test_y[:count])
            rows.append((step, float(np.mean(recent)), right, test_right, entropy, test_entropy))
            recent.clear()
            curves = Curves(*map(np.array, zip(*rows, strict=True)))
            if hopeless(curves):
                bar.update(steps - step)
                break
    return curves
