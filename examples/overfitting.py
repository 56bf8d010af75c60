"""Too few images for too large a network: what weight decay and dropout do about overfitting.

A network of seven layers (six hidden ones of 100 units, ReLU) is trained on 300 images by AdamW: plain, with weight
decay (each step takes a thousandth off every parameter), with dropout (a tenth of the units is zeroed at random), and
with both. Lines are medians over the seeds, which also choose the images; bands reach from the least to the greatest.

You should see all of them memorise the 300 images, while test accuracy stops some points short of that: this gap
is overfitting. Dropout, decay and both together narrow it a little. In the textbook's figure, drawn from MNIST and SGD,
the training accuracy of the regularised network stays well below 100 %. These digits are easier, so the gap in accuracy
is a few points wide whatever you do, and you see more in the cross entropy, where being confidently wrong is costly:
the plain network's gap is the widest and widens on, after the training images have long been learned.

    python -m examples.overfitting
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
from examples.story import COLORS, chart, load_images, parser, save, table

WAYS = {"plain": (0.0, 0.0), "weight decay": (1.0, 0.0), "dropout": (0.0, 0.1), "both": (1.0, 0.1)}
"""By name: the weight decay, and the probability of dropout."""
IMAGES, RATE = 300, 1e-3


class Figures(NamedTuple):
    """What the story gave."""

    curves: dict[str, list[Curves]]
    """By the way to train, for each seed."""

    def gap(self, way: str) -> float:
        """Training less test accuracy in the last fifth of the training, in the mean over the seeds."""
        return float(np.mean([(run.train - run.test)[-len(run.steps) // 5 :].mean() for run in self.curves[way]]))

    def loss_gap(self, way: str) -> float:
        """Test less training cross entropy, likewise."""
        gaps = [(run.test_loss - run.train_loss)[-len(run.steps) // 5 :].mean() for run in self.curves[way]]
        return float(np.mean(gaps))


def run(seed: int, mnist: Path | None, seeds: int, steps: int) -> Figures:
    """Train in the four ways, for each seed."""
    found: dict[str, list[Curves]] = {way: [] for way in WAYS}
    with tqdm(total=len(WAYS) * seeds * steps, desc="training", unit="step") as bar:
        for number in range(seed, seed + seeds):
            images = subset(load_images(number, mnist), IMAGES)
            for way, (decay, dropout) in WAYS.items():
                autograd.manual_seed(number)
                model = network(images.train_x.shape[1], hidden=6, dropout=dropout)
                optimizer = optim.AdamW(model.parameters(), lr=RATE, weight_decay=decay)
                every = max(10, steps // 50)
                found[way].append(train(model, optimizer, images, steps=steps, every=every, seed=number, bar=bar))
    return Figures(found)


def draw(figures: Figures, path: Path) -> Path:
    """For each way the two accuracies above, and the two cross entropies below."""
    figure, grid = chart(2, 4, size=(3.2, 2.9), sharex=True, sharey="row")
    for column, (way, runs) in enumerate(figures.curves.items()):
        for color, part in ((COLORS[0], "train"), (COLORS[1], "test")):
            label = "training" if part == "train" else part
            for axes, suffix, scale in ((grid[0, column], "", 100), (grid[1, column], "_loss", 1)):
                values = scale * np.array([getattr(curves, part + suffix) for curves in runs])
                axes.plot(runs[0].steps, np.median(values, 0), color=color, label=label)
                axes.fill_between(runs[0].steps, values.min(0), values.max(0), color=color, alpha=0.2, linewidth=0)
        grid[0, column].set(ylim=(60, 101))
        grid[0, column].set_title(f"{way}: a gap of {100 * figures.gap(way):.1f} points", fontsize=11)
        grid[1, column].set(ylim=(0, 0.8), xlabel="mini-batches")
        grid[1, column].set_title(f"a gap of {figures.loss_gap(way):.2f}", fontsize=11)
    grid[0, 0].set_ylabel("accuracy (%)")
    grid[1, 0].set_ylabel("cross entropy")
    grid[0, 0].legend(frameon=False, loc="lower right")
    return save(figure, path)


def sentence(figures: Figures) -> str:
    """What the figures say."""
    test = {way: 100 * float(np.mean([curves.test[-1] for curves in runs])) for way, runs in figures.curves.items()}
    right = ", ".join(f"{way} {figures.gap(way) * 100:.1f}" for way in WAYS)
    loss = ", ".join(f"{way} {figures.loss_gap(way):.2f}" for way in WAYS)
    best = max(test, key=lambda way: test[way])
    end = 100 * float(np.mean([curves.train[-1] for curves in figures.curves["both"]]))
    textbook = (
        "The textbook's regularised network no longer reaches 100 % of its training images; ours does"
        if f"{end:.1f}" == "100.0"
        else f"As in the textbook the regularised network stays below 100 % of its training images ({end:.1f} %)"
    )
    return (
        f"Gaps between training and test accuracy in points: {right}; between their cross entropies: {loss}. "
        f"Test accuracy is best with {best}, {test[best]:.1f} % ({test[best] - test['plain']:+.1f} against plain). "
        f"{textbook}."
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns the curves."""
    options = parser(__doc__, mnist=True).parse_args(arguments)
    figures = run(options.seed, options.mnist, *((1, 120) if options.fast else (5, 600)))
    rows = []
    for way, runs in figures.curves.items():
        last = [float(np.mean([getattr(curves, part)[-1] for curves in runs])) for part in Curves._fields[2:]]
        cells = [f"{100 * last[0]:.1f}", f"{100 * last[1]:.1f}", f"{100 * figures.gap(way):.1f}"]
        rows.append([way, *cells, f"{last[2]:.3f}", f"{last[3]:.3f}", f"{figures.loss_gap(way):.3f}"])
    table(["way", "train %", "test %", "gap", "train loss", "test loss", "gap"], rows)
    draw(figures, options.out / "overfitting.png")
    print(sentence(figures))
    return figures


if __name__ == "__main__":
    main()
