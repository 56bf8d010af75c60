"""Train a classifier of handwritten digits, and look at its graph.

The data are the 1,797 real 8 x 8 images that ship with scikit-learn. A network with one hidden layer learns them by
Adam in mini-batches. One should see the training loss fall towards zero and the test accuracy level off near 98 %: the
gap that opens between the two losses is overfitting. The graph shows one mini-batch's loss: the data enter at the top,
the four parameters join on the way, and backward walks the same picture in reverse.

    python -m examples.digits
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
import optim

matplotlib.use("Agg")
from matplotlib import pyplot as plt


class Split(NamedTuple):
    """Images (N, 64) between 0 and 1, and their digits (N,), for training and for testing."""

    train_x: autograd.Tensor
    train_y: autograd.Tensor
    test_x: autograd.Tensor
    test_y: autograd.Tensor


class Progress(NamedTuple):
    """What was measured after an epoch."""

    train_loss: float
    test_loss: float
    test_accuracy: float


def load(seed: int) -> Split:
    """The digits, three quarters for training and a quarter for testing, with every digit in both alike."""
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    parts = train_test_split(images, digits.target, test_size=0.25, random_state=seed, stratify=digits.target)
    train_x, test_x, train_y, test_y = (autograd.from_numpy(part) for part in parts)
    return Split(train_x, train_y, test_x, test_y)


def make_model(hidden: int = 128) -> nn.Sequential:
    """A network 64 - hidden - 10."""
    return nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def evaluate(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor) -> tuple[float, float]:
    """Loss and accuracy."""
    with autograd.no_grad():
        scores = model(x)
        accuracy = (scores.argmax(1) == y).float().mean()
        return F.cross_entropy(scores, y).item(), accuracy.item()


def train(model: nn.Module, data: Split, epochs: int, batch: int = 32, lr: float = 2e-3) -> list[Progress]:
    """Train by Adam; returns the progress after each epoch."""
    optimizer = optim.Adam(model.parameters(), lr=lr)
    history = []
    with tqdm(range(epochs), desc="training", unit="epoch") as bar:
        for _ in bar:
            order = autograd.randperm(len(data.train_x))
            losses = []
            for chosen in order.split(batch):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(data.train_x[chosen]), data.train_y[chosen])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            history.append(Progress(float(np.mean(losses)), *evaluate(model, data.test_x, data.test_y)))
            bar.set_postfix(loss=f"{history[-1].train_loss:.4f}", accuracy=f"{history[-1].test_accuracy:.3f}")
    return history


def draw_learning_curve(history: Sequence[Progress], path: Path) -> Path:
    """Losses and accuracy against epochs, as a PNG."""
    epochs = np.arange(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(epochs, [p.train_loss for p in history], color="#0072b2", label="training")
    left.plot(epochs, [p.test_loss for p in history], color="#d55e00", label="test")
    left.set(xlabel="epoch", ylabel="cross entropy", yscale="log", title="Loss")
    left.legend(frameon=False)
    right.plot(epochs, [100 * p.test_accuracy for p in history], color="#d55e00")
    right.set(xlabel="epoch", ylabel="correct (%)", title=f"Test accuracy: {100 * history[-1].test_accuracy:.1f} %")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def draw_graph(model: nn.Module, data: Split, folder: Path) -> list[Path]:
    """The graph of one mini-batch's loss, as SVG and PNG; the DOT text where nothing can draw."""
    loss = F.cross_entropy(model(data.train_x[:32]), data.train_y[:32])
    picture: Any = autograd.graph(loss, params=model)
    try:
        return [Path(picture.render(folder / f"digits_graph.{kind}")) for kind in ("svg", "png")]
    except autograd.RenderError as error:
        print(error)
        return [Path(picture.render(folder / "digits_graph.dot"))]


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the story; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30, help="passes over the training images (30)")
    parser.add_argument("--seed", type=int, default=0, help="of split, weights and mini-batches (0)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the pictures go (out)")
    parser.add_argument("--fast", action="store_true", help="3 epochs only, to see that it runs")
    options = parser.parse_args(arguments)

    autograd.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    data = load(options.seed)
    model = make_model()
    print(f"{len(data.train_x)} training images, {len(data.test_x)} test images")
    print(model)
    start = time.perf_counter()
    history = train(model, data, epochs=3 if options.fast else options.epochs)
    print(f"trained in {time.perf_counter() - start:.1f} s")
    paths = [draw_learning_curve(history, options.out / "digits_learning_curve.png")]
    paths += draw_graph(model, data, options.out)
    print(f"test accuracy {history[-1].test_accuracy:.3f}")
    for path in paths:
        print(path)
    return history[-1].test_accuracy


if __name__ == "__main__":
    main()
