"""Train a classifier of handwritten digits, and look at its graph.

The data are the 1,797 real 8 x 8 images that ship with scikit-learn. A network with one hidden layer learns them by
Adam in mini-batches. You should see the training loss fall towards zero and the test accuracy level off near 98 %: the
gap that opens between the two losses is overfitting. The graph shows one mini-batch's loss: the data enter at the top,
the four parameters join on the way, and backward walks the same picture in reverse. A slider on its page does so.

    python -m examples.digits
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


def make_model(hidden: int = 128) -> nn.Sequential:
    """A network 64 - hidden - 10."""
    return nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def evaluate(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor) -> tuple[float, float]:
    """Loss and accuracy."""
    with autograd.no_grad():
        scores = model(x)
        accuracy = (scores.argmax(1) == y).float().mean()
        return F.cross_entropy(scores, y).item(), accuracy.item()


def train(model: nn.Module, data: Images, epochs: int, batch: int = 32, lr: float = 2e-3) -> list[Progress]:
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


def draw_learning_curve(history: Sequence[Progress], path: Path) -> None:
    """Losses and accuracy against epochs, as a PNG."""
    figure, (left, right) = chart(1, 2)
    draw_losses(left, history)
    right.plot(np.arange(1, len(history) + 1), [100 * p.test_accuracy for p in history], color=COLORS[1])
    right.set(xlabel="epoch", ylabel="accuracy (%)", title=f"Test accuracy: {100 * history[-1].test_accuracy:.1f} %")
    right.xaxis.get_major_locator().set_params(integer=True)
    save(figure, path)


def draw_graph(model: nn.Module, data: Images, folder: Path) -> list[Path]:
    """One mini-batch, forward and backward: as a page to step through, as SVG, and as PNG if Graphviz is there."""
    x, y = data.train_x[:32], data.train_y[:32]
    picture = nn.graph(model, x, loss=lambda scores: F.cross_entropy(scores, y))
    paths = [Path(picture.render(folder / f"digits_graph.{kind}")) for kind in ("html", "svg")]
    try:
        paths.append(Path(picture.render(folder / "digits_graph.png")))
    except autograd.RenderError as error:
        print(error)
    return paths


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the story; returns the test accuracy."""
    line = parser(__doc__)
    line.add_argument("--epochs", type=at_least_one, help="passes over the training images (30; 3 if --fast)")
    options = line.parse_args(arguments)

    autograd.manual_seed(options.seed)
    data = load_images(options.seed).tensors()
    model = make_model()
    print(f"{len(data.train_x)} training images, {len(data.test_x)} test images")
    print(model)
    start = time.perf_counter()
    history = train(model, data, epochs=options.epochs or (3 if options.fast else 30))
    print(f"trained in {time.perf_counter() - start:.1f} s")
    print(f"test accuracy {history[-1].test_accuracy:.3f}")
    draw_learning_curve(history, options.out / "digits_learning_curve.png")
    for path in draw_graph(model, data, options.out):
        print(path)
    return history[-1].test_accuracy


if __name__ == "__main__":
    main()
