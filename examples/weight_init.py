"""What the initial weights do to a deep network: activations that die, saturate or live.

A thousand inputs from a normal distribution pass through five hidden layers of 100 units, whose weights were drawn with
the standard deviations 1 and 0.01, by Xavier's rule (1 / sqrt(inputs) for layers of equal size) and by He's
(sqrt(2 / inputs)), under sigmoid, tanh and ReLU. The first picture shows what leaves each layer, as histograms.

You should see, with a deviation of 1, sigmoid and tanh pushed to their ends, where they are flat and their gradients
vanish, and ReLU grow from layer to layer. With 0.01 the layers' outputs shrink to one value, so that all units say the
same (with sigmoid they gather at 1/2). Xavier's rule keeps tanh spread out; under ReLU, which cuts half away, it fades
slowly, and He's twice the variance makes up for just that.

Textbooks show Xavier's histograms under sigmoid as a success. They are spread out, but jagged: each unit says nearly
the same for all inputs, and what is spread out are the units. So the table gives, beside the spread of all that leaves
a layer, the spread that the inputs make in a unit, the only one that carries news of them; see it vanish under sigmoid.

The second picture trains the ReLU network on digits: from 0.01 it does not move, for gradients shrink on the way back
as activations do on the way forward; He's start is faster than Xavier's.

    python -m examples.weight_init
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import nn
import optim
from examples.networks import Curves, hidden_outputs, network, train
from examples.story import COLORS, chart, load_images, parser, save, table

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
STARTS: dict[str, float | str] = {"std 1": 1.0, "std 0.01": 0.01, "Xavier": "xavier", "He": "he"}
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "ReLU": (0.0, 3.0)}
"""What the histograms show; what lies outside counts as at the end."""
HIDDEN, WIDTH, SAMPLES = 5, 100, 1000


class Figures(NamedTuple):
    """What the story gave."""

    activations: dict[tuple[str, str], list[np.ndarray]]
    """What leaves each hidden layer, by activation and start."""
    curves: dict[str, list[Curves]]
    """Of the training of the ReLU network, by start, for each seed."""

    def spread(self, activation: str, start: str) -> list[float]:
        """The standard deviation of what leaves each hidden layer."""
        return [float(layer.std()) for layer in self.activations[activation, start]]

    def news(self, activation: str, start: str) -> float:
        """The standard deviation over the inputs of what leaves a unit of the last hidden layer, in the mean."""
        return float(self.activations[activation, start][-1].std(0).mean())


def activate(seed: int) -> dict[tuple[str, str], list[np.ndarray]]:
    """What leaves each hidden layer, for every activation and start, with the same inputs."""
    x = autograd.randn(SAMPLES, WIDTH, generator=autograd.Generator().manual_seed(seed))
    found = {}
    for activation, make in ACTIVATIONS.items():
        for start, rule in STARTS.items():
            autograd.manual_seed(seed)
            model = network(WIDTH, hidden=HIDDEN, width=WIDTH, activation=make, start=rule)
            found[activation, start] = hidden_outputs(model, x)
    return found


def learn(seed: int, mnist: Path | None, seeds: int, steps: int) -> dict[str, list[Curves]]:
    """Train the ReLU network from the last three starts by SGD."""
    starts = list(STARTS)[1:]
    found: dict[str, list[Curves]] = {start: [] for start in starts}
    with tqdm(total=len(starts) * seeds * steps, desc="training", unit="step") as bar:
        for number in range(seed, seed + seeds):
            images = load_images(number, mnist)
            for start in starts:
                autograd.manual_seed(number)
                model = network(images.train_x.shape[1], hidden=HIDDEN, width=WIDTH, start=STARTS[start])
                optimizer = optim.SGD(model.parameters(), lr=0.01)
                every = max(5, steps // 50)
                found[start].append(train(model, optimizer, images, steps=steps, every=every, seed=number, bar=bar))
    return found


def short(number: float) -> str:
    """A number in at most five characters."""
    if 0.005 <= number < 10_000:
        return f"{number:.0f}" if number >= 100 else f"{number:.2f}"
    return f"{number:.0e}".replace("e-0", "e-").replace("e+0", "e")


def draw_histograms(figures: Figures, path: Path) -> Path:
    """For every activation and start, the histograms of the layers side by side, each along the vertical axis."""
    figure, grid = chart(3, 4, size=(3.1, 2.5), sharex=True, sharey="row")
    for row, activation in zip(grid, ACTIVATIONS, strict=True):
        low, high = RANGES[activation]
        edges = np.linspace(low, high, 41)
        for axes, start in zip(row, STARTS, strict=True):
            axes.grid(visible=False)
            for number, layer in enumerate(figures.activations[activation, start], 1):
                counts, _ = np.histogram(layer.clip(low, high), edges)
                # Half of what leaves ReLU is 0: that bar is cut, lest the others be too short to see.
                peak = (activation == "ReLU" and counts[1:].max()) or counts.max()
                widths = 0.9 * (counts / peak).clip(max=1)
                color = COLORS[number - 1]
                axes.stairs(number + widths, edges, baseline=number, orientation="horizontal", fill=True, color=color)
                place = (number + 0.4, 1.01)
                axes.annotate(short(layer.std()), place, xycoords=("data", "axes fraction"), ha="center", fontsize=8)
        row[0].set_ylabel(f"{activation}\noutput" + (f" ({high:.0f}: or more)" if activation == "ReLU" else ""))
    for axes, start in zip(grid[0], STARTS, strict=True):
        axes.set_title(start, pad=16)
    for axes in grid[-1]:
        axes.set(xlabel="hidden layer", xlim=(0.8, HIDDEN + 1.05))
        axes.set_xticks(np.arange(1, HIDDEN + 1) + 0.4, range(1, HIDDEN + 1))
    figure.suptitle("What leaves each hidden layer; above, its standard deviation (ReLU's bars of zeros are cut)")
    return save(figure, path)


def draw_training(figures: Figures, path: Path) -> Path:
    """Loss and test accuracy from the three starts; lines are medians over the seeds, bands all of them."""
    figure, (left, right) = chart(1, 2, size=(5, 3.8))
    colors: list[Any] = [COLORS[6], COLORS[0], COLORS[1]]
    for color, (start, runs) in zip(colors, figures.curves.items(), strict=True):
        for axes, values in (
            (left, np.array([curves.loss for curves in runs])),
            (right, 100 * np.array([curves.test for curves in runs])),
        ):
            axes.plot(runs[0].steps, np.median(values, 0), color=color, label=start)
            axes.fill_between(runs[0].steps, values.min(0), values.max(0), color=color, alpha=0.2, linewidth=0)
    left.set(xlabel="mini-batches", ylabel="training loss", ylim=(0, None), title="ReLU, plain SGD, rate 0.01")
    right.set(xlabel="mini-batches", ylabel="test accuracy (%)", ylim=(0, 100), title="Test accuracy")
    right.legend(frameon=False)
    return save(figure, path)


def sentence(figures: Figures) -> str:
    """What the figures say."""
    last = {start: float(np.median([curves.loss[-1] for curves in figures.curves[start]])) for start in figures.curves}
    ratio = {start: figures.spread("ReLU", start)[-1] / figures.spread("ReLU", start)[0] for start in STARTS}
    blind = float(np.log(10))
    moved = "has not moved" if abs(last["std 0.01"] - blind) < 0.01 else "has moved"
    news = {activation: figures.news(activation, "Xavier") for activation in ("sigmoid", "tanh")}
    he_first = "He's is lower" if last["He"] < last["Xavier"] else "He's is not lower, unlike the textbook's"
    steps = int(figures.curves["He"][0].steps[-1])
    return (
        f"From layer 1 to layer {HIDDEN} ReLU's spread changes by a factor of {ratio['He']:.2g} with He's weights, "
        f"{ratio['Xavier']:.2g} with Xavier's, {ratio['std 0.01']:.1g} with 0.01. After {steps} mini-batches the loss "
        f"from 0.01 is {last['std 0.01']:.3f} (guessing blindly costs ln 10 = {blind:.3f}): it {moved}. From Xavier's "
        f"weights it is {last['Xavier']:.3f}, from He's {last['He']:.3f}: {he_first}. Under sigmoid and Xavier's rule "
        f"{figures.spread('sigmoid', 'Xavier')[-1]:.2g} is the spread of all that leaves layer {HIDDEN}, but a unit's "
        f"spread over the inputs is {news['sigmoid']:.2g} (tanh: {news['tanh']:.2g})."
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns activations and curves."""
    options = parser(__doc__, mnist=True).parse_args(arguments)
    seeds, steps = (1, 100) if options.fast else (5, 1000)
    figures = Figures(activate(options.seed), learn(options.seed, options.mnist, seeds, steps))
    print("Standard deviation of what leaves each hidden layer")
    rows = [[*key, *figures.spread(*key), figures.news(*key)] for key in figures.activations]
    table(["activation", "start", *(f"layer {i}" for i in range(1, HIDDEN + 1)), "over inputs"], rows)
    print()
    table(
        ["start", "last loss", "test accuracy, %"],
        [
            [start, *(float(np.median([curves[i][-1] for curves in runs])) * scale for i, scale in ((1, 1), (3, 100)))]
            for start, runs in figures.curves.items()
        ],
    )
    draw_histograms(figures, options.out / "weight_init.png")
    draw_training(figures, options.out / "weight_init_training.png")
    print(sentence(figures))
    return figures


if __name__ == "__main__":
    main()
