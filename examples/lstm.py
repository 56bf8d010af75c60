"""Train an LSTM to read handwritten digits row by row.

The data are the 1,797 real 8 x 8 images that ship with scikit-learn. The network sees an image as a sequence: its eight
rows, from the top, one at each step. What it has seen it can only keep in its state, and from its last state the digit
is told. You should see the training loss fall towards zero and the test accuracy level off at some 97 %. The right
picture asks the trained network after each row what it would answer: it was only ever asked after the last one, and so
in the upper half it knows no better than chance, and learns to speak with the last two or three rows.

    python -m examples.lstm
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
import optim

from .story import COLORS, Images, Progress, at_least_one, chart, draw_losses, load_images, parser, save


class Reader(nn.Module):
    """An LSTM over the rows of an image, and a linear layer that tells the digit from a state."""

    def __init__(self, hidden: int = 64) -> None:
        self.lstm = nn.LSTM(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, images: autograd.Tensor) -> autograd.Tensor:
        """Scores (N, 8, 10): of the ten digits, after each row."""
        states, _ = self.lstm(images)
        return self.head(states)


def evaluate(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor) -> tuple[float, list[float]]:
    """The loss at the end, and the accuracy after each row."""
    with autograd.no_grad():
        scores = model(x)
        right = (scores.argmax(2) == y.unsqueeze(1)).float().mean(0)
        return F.cross_entropy(scores[:, -1], y).item(), right.tolist()


def train(model: nn.Module, data: Images, epochs: int, batch: int = 32, lr: float = 5e-3) -> list[Progress]:
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


def draw(history: Sequence[Progress], accuracies: Sequence[float], path: Path) -> None:
    """Losses against epochs, and the test accuracy against the rows read, as a PNG."""
    figure, (left, right) = chart(1, 2)
    draw_losses(left, history)
    right.plot(np.arange(1, 9), [100 * share for share in accuracies], color=COLORS[1], marker="o")
    right.set(xlabel="rows read", ylabel="accuracy (%)", ylim=(0, 103), title="Test accuracy while reading")
    save(figure, path)


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the story; returns the test accuracy."""
    line = parser(__doc__)
    line.add_argument("--epochs", type=at_least_one, help="passes over the training images (20; 3 if --fast)")
    options = line.parse_args(arguments)

    autograd.manual_seed(options.seed)
    data = load_images(options.seed).tensors(8, 8)
    model = Reader()
    print(f"{len(data.train_x)} training images, {len(data.test_x)} test images")
    print(model)
    start = time.perf_counter()
    history = train(model, data, epochs=options.epochs or (3 if options.fast else 20))
    print(f"trained in {time.perf_counter() - start:.1f} s")
    _, accuracies = evaluate(model, data.test_x, data.test_y)
    print(f"test accuracy {accuracies[-1]:.3f}")
    draw(history, accuracies, options.out / "lstm.png")
    return accuracies[-1]


if __name__ == "__main__":
    main()
