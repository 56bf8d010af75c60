"""Batch normalisation makes the scale of the initial weights matter less.

A network of five hidden layers of 100 units with ReLU learns 1,000 digits by plain SGD, with and without batch
normalisation, from sixteen scales of the first weights: standard deviations from 1 to 0.0001. Each panel shows both
training accuracies, measured after each pass over the images as a network is used: with the running statistics.

You should see that the plain network learns only at the few scales near He's rule (0.14 to 0.18 for these layers):
above it runs out of all bounds, below it is stuck where all images look alike. Normalised, each layer's inputs are
brought back to variance 1, and it makes progress at nearly every scale, best at those from 0.05 to 0.002.

The textbook's picture is smoother. Here, running statistics lag behind in the first passes, so that the normalised
curve starts later than its loss says. Large weights learn slowly even so: a step of a given length turns them less.
Beside very small weights a step is long; units become alike, and the curves end on plateaus where some digits are not
told apart. And at 0.0001 the variance of a layer's inputs is below the constant (1e-5) that is added before dividing by
its root, so that they are not brought back at all.

    python -m examples.batch_norm
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import optim
from examples.networks import Curves, network, subset, train
from examples.story import COLORS, Images, chart, load_images, parser, save, table

LEARNED = 0.9
"""A network whose last training accuracy is at least this has learned."""


class Figures(NamedTuple):
    """What the story gave: the scales, and for each the curves without and with batch normalisation."""

    scales: np.ndarray
    plain: list[Curves]
    normed: list[Curves]

    def ahead(self) -> int:
        """At how many scales the normalised network has the higher training accuracy, in the mean of its curve."""
        return sum(n.train.mean() > p.train.mean() for p, n in zip(self.plain, self.normed, strict=True))


def run(images: Images, scales: np.ndarray, epochs: int, seed: int) -> Figures:
    """Train both networks from each scale."""
    steps = max(1, len(images.train_x) // 100)
    found: dict[bool, list[Curves]] = {False: [], True: []}
    with tqdm(total=2 * len(scales) * epochs * steps, desc="training", unit="step") as bar:
        for scale in scales:
            for norm, curves in found.items():
                autograd.manual_seed(seed)
                model = network(images.train_x.shape[1], start=float(scale), norm=norm)
                optimizer = optim.SGD(model.parameters(), lr=0.01)
                curves.append(train(model, optimizer, images, steps=epochs * steps, every=steps, seed=seed, bar=bar))
    return Figures(scales, found[False], found[True])


def draw(figures: Figures, path: Path) -> Path:
    """A panel for each scale."""
    columns = min(4, len(figures.scales))
    rows = len(figures.scales) // columns
    figure, grid = chart(rows, columns, size=(2.5, 2.1), sharex=True, sharey=True, squeeze=False)
    for axes, scale, plain, normed in zip(grid.flat, *figures, strict=True):
        epochs = np.arange(1, len(plain.steps) + 1)
        axes.plot(epochs, 100 * normed.train, color=COLORS[1], label="with batch normalisation")
        axes.plot(epochs, 100 * plain.train, color=COLORS[0], linestyle="--", label="without")
        axes.set_title(f"std {scale:.2g}", fontsize=10)
        axes.set(ylim=(0, 103), yticks=(0, 50, 100))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.supxlabel("epoch", fontsize=11)
    figure.supylabel("training accuracy (%)", fontsize=11)
    return save(figure, path)


def sentence(figures: Figures) -> str:
    """What the figures say."""
    plain, normed = (
        [scale for scale, curves in zip(figures.scales, runs, strict=True) if curves.train[-1] >= LEARNED]
        for runs in (figures.plain, figures.normed)
    )
    count = len(figures.scales)
    behind = [f"{scale:.2g}" for scale, p, n in zip(*figures, strict=True) if n.train.mean() <= p.train.mean()]
    lost = f" It is not ahead at {', '.join(behind)}." if behind else ""
    stuck = [f"{scale:.2g}" for scale in figures.scales if scale not in normed]
    short = f" Even so it ends below that at {', '.join(stuck)}." if stuck else ""
    return (
        f"Batch normalisation is ahead at {figures.ahead()} of {count} scales.{lost} The plain network learns "
        f"{LEARNED:.0%} of its training images at {len(plain)} of {count}, the normalised one at {len(normed)}.{short}"
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns the curves."""
    options = parser(__doc__, mnist=True).parse_args(arguments)
    epochs, scales = (8, np.logspace(0, -2, 3)) if options.fast else (20, np.logspace(0, -4, 16))
    figures = run(subset(load_images(options.seed, options.mnist), 1000), scales, epochs, options.seed)
    rows = [
        [f"{scale:.2g}", *(f"{100 * value:.1f}" for value in (p.train[-1], n.train[-1], p.test[-1], n.test[-1]))]
        for scale, p, n in zip(*figures, strict=True)
    ]
    table(["std", "train %, plain", "train %, normed", "test %, plain", "test %, normed"], rows)
    draw(figures, options.out / "batch_norm.png")
    print(sentence(figures))
    return figures


if __name__ == "__main__":
    main()
