"""Six optimizers race on handwritten digits.

SGD, SGD with momentum, Nesterov's momentum (NAG), AdaGrad, RMSProp and Adam train the same network: five hidden layers
of 100 units with ReLU, from the same weights, on the same mini-batches. Each line is the median of several seeds, the
band reaches from the least to the greatest of them.

You should see plain SGD fall behind: it takes steps of one length in all directions, while momentum adds up steps that
agree, and the adaptive three (AdaGrad, RMSProp, Adam) divide each weight's step by the size of its gradients. But the
race is run at one learning rate each, the usual one, and the second panel shows how much hangs on that: the loss
after a short run against the learning rate. Every curve has a valley, beyond which training runs out of bounds. SGD
races far from the floor of its own valley, so that a good part of its lag is the rate's fault and not the method's;
the test accuracies lie much closer together than the losses.

    python -m examples.optimizer_race
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import optim
from examples.networks import Curves, network, train
from examples.story import COLORS, Images, chart, load_images, parser, save, table

RACERS: dict[str, tuple[float, Callable[..., Any]]] = {
    "SGD": (0.01, optim.SGD),
    "Momentum": (0.01, lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9)),
    "NAG": (0.01, lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9, nesterov=True)),
    "AdaGrad": (0.01, optim.Adagrad),
    "RMSProp": (0.001, optim.RMSprop),
    "Adam": (0.001, optim.Adam),
}
"""By name: the learning rate of the race, and what makes the optimizer."""
CEILING = 10.0
"""Greater losses are drawn here."""


class Race(NamedTuple):
    """What the race gave, by the optimizers' names."""

    curves: dict[str, list[Curves]]
    """For each seed."""
    rates: np.ndarray
    """The learning rates of the short runs."""
    short: dict[str, np.ndarray]
    """The loss at the end of a short run with each of these rates."""


def run(name: str, lr: float, images: Images, seed: int, steps: int, every: int, bar: Any) -> Curves:
    """Train the network that belongs to the seed by an optimizer."""
    autograd.manual_seed(seed)
    model = network(images.train_x.shape[1])
    optimizer = RACERS[name][1](model.parameters(), lr=lr)
    return train(model, optimizer, images, steps=steps, every=every, seed=seed, bar=bar)


def race(seed: int, mnist: Path | None, *, seeds: int, steps: int, short_steps: int, rates: np.ndarray) -> Race:
    """Let all optimizers run, for each seed and then for each learning rate."""
    curves: dict[str, list[Curves]] = {name: [] for name in RACERS}
    short: dict[str, np.ndarray] = {}
    with tqdm(total=len(RACERS) * (seeds * steps + len(rates) * short_steps), desc="race", unit="step") as bar:
        for number in range(seed, seed + seeds):
            images = load_images(number, mnist)
            for name, (lr, _) in RACERS.items():
                curves[name].append(run(name, lr, images, number, steps, max(5, steps // 40), bar))
        images = load_images(seed, mnist)
        for name in RACERS:
            ends = [run(name, lr, images, seed, short_steps, max(5, short_steps // 4), bar).loss[-1] for lr in rates]
            short[name] = np.array(ends)
    return Race(curves, rates, short)


def draw(result: Race, steps: int, path: Path) -> Path:
    """Losses with their bands, and what hangs on the learning rate."""
    figure, (left, right) = chart(1, 2, size=(5.6, 4.4))
    for color, (name, runs) in zip(COLORS, result.curves.items(), strict=False):
        losses = np.array([curves.loss for curves in runs])
        x = runs[0].steps
        left.plot(x, np.median(losses, 0), color=color, label=name)
        left.fill_between(x, losses.min(0), losses.max(0), color=color, alpha=0.18, linewidth=0)
        ends = np.nan_to_num(result.short[name], nan=CEILING).clip(max=CEILING)
        right.plot(result.rates, ends, color=color, marker="o", markersize=4)
        raced = np.argmin(np.abs(result.rates - RACERS[name][0]))
        right.plot(result.rates[raced], ends[raced], "D", color=color, mec="black", zorder=3)
    left.set(xlabel="mini-batches", ylabel="training loss", yscale="log", title="The race, each at its usual rate")
    left.legend(frameon=False)
    right.set(xlabel="learning rate", ylabel="training loss", xscale="log", yscale="log")
    right.set_title(f"Loss after {steps} mini-batches")
    right.axhline(CEILING, color="gray", linestyle=":", linewidth=1)
    right.annotate("out of bounds", (result.rates[0], CEILING), (0, 3), textcoords="offset points", color="dimgray")
    right.plot([], [], "D", color="white", mec="black", label="usual rate")
    right.legend(frameon=False, loc="lower left")
    return save(figure, path)


def sentence(result: Race) -> str:
    """What the figures say."""
    final = {name: float(np.median([curves.loss[-1] for curves in runs])) for name, runs in result.curves.items()}
    order = sorted(final, key=lambda name: final[name])
    right = [100 * float(np.median([curves.test[-1] for curves in runs])) for runs in result.curves.values()]
    best = {name: float(np.nanmin(ends)) for name, ends in result.short.items()}
    first = min(best, key=lambda name: best[name])
    rate = float(result.rates[np.nanargmin(result.short["SGD"])])
    raced = RACERS["SGD"][0]
    before = float(result.short["SGD"][np.argmin(np.abs(result.rates - raced))])
    return (
        f"At these rates {order[0]} ended with the least training loss and {order[-1]} with the greatest, "
        f"{final[order[-1]] / final[order[0]]:.3g} times as great; their test accuracies lie within "
        f"{max(right) - min(right):.1f} points. In the short runs, each at its best of {len(result.rates)} rates, "
        f"{first} is ahead with {best[first]:.3f}. SGD's best rate is {rate:.3g} and brings it to {best['SGD']:.3f}, "
        f"where the {raced} that it raced with gives {before:.3f}."
    )


def main(arguments: Sequence[str] | None = None) -> Race:
    """Run the story; returns the curves and the losses of the short runs."""
    options = parser(__doc__, mnist=True).parse_args(arguments)
    seeds, steps, short_steps = (2, 30, 10) if options.fast else (5, 600, 150)
    rates = np.logspace(-3, -1, 3) if options.fast else np.logspace(-4, 0, 9)
    result = race(options.seed, options.mnist, seeds=seeds, steps=steps, short_steps=short_steps, rates=rates)
    rows = []
    for name, runs in result.curves.items():
        loss = [curves.loss[-1] for curves in runs]
        right = np.array([100 * curves.test[-1] for curves in runs])
        cells = [f"{np.median(right):.1f}", f"{right.min():.1f} to {right.max():.1f}"]
        rows.append([name, RACERS[name][0], float(np.median(loss)), *cells])
    table(["optimizer", "learning rate", "last loss", "test accuracy, %", f"range of {seeds} seeds"], rows)
    draw(result, short_steps, options.out / "optimizer_race.png")
    print(sentence(result))
    return result


if __name__ == "__main__":
    main()
