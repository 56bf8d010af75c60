"""Train an LSTM to read handwritten digits row by row.

The data are the 1,797 real 8 x 8 images that ship with scikit-learn. The network sees an image as a sequence: its eight
rows, from the top, one at each step. What it has seen it can only keep in its state, and from its last state the digit
is told. One should see the training loss fall towards zero and the test accuracy level off at some 97 %. The right
picture asks the trained network after each row what it would answer: it was only ever asked after the last one, and so
in the upper half it knows no better than chance, and learns to speak with the last two or three rows.

    python -m examples.lstm
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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
    """Images (N, 8, 8) between 0 and 1, and their digits (N,), for training and for testing."""

    train_x: autograd.Tensor
    train_y: autograd.Tensor
    test_x: autograd.Tensor
    test_y: autograd.Tensor


class Progress(NamedTuple):
    """What was measured after an epoch."""

    train_loss: float
    test_loss: float
    test_accuracy: float


class Reader(nn.Module):
    """An LSTM over the rows of an image, and a linear layer that tells the digit from a state."""

    def __init__(self, hidden: int = 64) -> None:
        self.lstm = nn.LSTM(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, images: autograd.Tensor) -> autograd.Tensor:
        """Scores (N, 8, 10): of the ten digits, after each row."""
        states, _ = self.lstm(images)
        return self.head(states)


def load(seed: int) -> Split:
    """The digits, three quarters for training and a quarter for testing, with every digit in both alike."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)
    parts = train_test_split(images, digits.target, test_size=0.25, random_state=seed, stratify=digits.target)
    train_x, test_x, train_y, test_y = (autograd.from_numpy(part) for part in parts)
    return Split(train_x, train_y, test_x, test_y)


def evaluate(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor) -> tuple[float, list[float]]:
    """The loss at the end, and the accuracy after each row."""
    with autograd.no_grad():
        scores = model(x)
        right = (scores.argmax(2) == y.unsqueeze(1)).float().mean(0)
        return F.cross_entropy(scores[:, -1], y).item(), right.tolist()


def train(model: nn.Module, data: Split, epochs: int, batch: int = 32, lr: float = 5e-3) -> list[Progress]:
    """Train by Adam on what the network says after the last row; returns the progress after each epoch."""
    optimizer = optim.Adam(model.parameters(), lr=lr)
    history = []
    with tqdm(range(epochs), desc="training", unit="epoch") as bar:
        for _ in bar:
            order = autograd.randperm(len(data.train_x))
            losses = []
            for chosen in order.split(batch):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(data.train_x[chosen])[:, -1], data.train_y[chosen])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            test_loss, accuracies = evaluate(model, data.test_x, data.test_y)
            history.append(Progress(float(np.mean(losses)), test_loss, accuracies[-1]))
            bar.set_postfix(loss=f"{history[-1].train_loss:.4f}", accuracy=f"{history[-1].test_accuracy:.3f}")
    return history


def draw(history: Sequence[Progress], accuracies: Sequence[float], path: Path) -> Path:
    """Losses against epochs, and the test accuracy against the rows read, as a PNG."""
    epochs = np.arange(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(epochs, [p.train_loss for p in history], color="#0072b2", label="training")
    left.plot(epochs, [p.test_loss for p in history], color="#d55e00", label="test")
    left.set(xlabel="epoch", ylabel="cross entropy", yscale="log", title="Loss")
    left.legend(frameon=False)
    right.plot(np.arange(1, 9), [100 * share for share in accuracies], color="#d55e00", marker="o")
    right.set(xlabel="rows read", ylabel="correct (%)", ylim=(0, 103), title="Test accuracy while reading")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the story; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20, help="passes over the training images (20)")
    parser.add_argument("--seed", type=int, default=0, help="of split, weights and mini-batches (0)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the picture goes (out)")
    parser.add_argument("--fast", action="store_true", help="3 epochs only, to see that it runs")
    options = parser.parse_args(arguments)

    autograd.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    data = load(options.seed)
    model = Reader()
    print(f"{len(data.train_x)} training images, {len(data.test_x)} test images")
    print(model)
    start = time.perf_counter()
    history = train(model, data, epochs=3 if options.fast else options.epochs)
    print(f"trained in {time.perf_counter() - start:.1f} s")
    _, accuracies = evaluate(model, data.test_x, data.test_y)
    path = draw(history, accuracies, options.out / "lstm.png")
    print(f"test accuracy {accuracies[-1]:.3f}")
    print(path)
    return accuracies[-1]


if __name__ == "__main__":
    main()
