"""Six optimizers on one long valley, x^2 / 20 + y^2, from (-7, 2): who zigzags, who rolls, who walks straight.

The valley is twenty times steeper across than along. You should see SGD jump from wall to wall, since its rate has to
be large for x and is nearly too large for y. Momentum averages the jumps away and rolls along, but overshoots; NAG,
which looks ahead, does so less. AdaGrad, RMSProp and Adam divide each direction by the size of its own gradients: the
valley looks round to them, and their paths leave at 45 degrees, whatever the slope. Adam has the momentum's overshoot
too. Straightness is a number here: the length of the path over the distance between its ends, 1 for a straight line.

A straight path is not always a short wait: see the values in the table. The one after 100 steps is for RMSProp: its
steps, divided by an average that forgets, do not shrink with the gradient, so that it never rests. AdaGrad's do.

Adam starts its two averages from zero and corrects them for it. Without the correction both are too small at first,
but the mean square, below the line and under a root, much more so: the first step is (1 - 0.9) / sqrt(1 - 0.999) = 3.2
times as long as with it, and the next ones longer still. The last two pictures show this and the theory's ratio.

    python -m examples.optimizer_paths
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
import optim

from .story import COLORS, chart, parser, save, table

START = (-7.0, 2.0)
STEPS, LATER = 30, 100
BETAS = (0.9, 0.999)


class UncorrectedAdam(optim.Adam):
    """Adam whose averages, which start from zero, are used as they are."""

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """Adam's step, with its corrections undone by the step size."""
        mean, root = corrections(step, *group["betas"])
        super().update(p, g, state, group | {"lr": group["lr"] * mean / root, "eps": group["eps"] / root}, step)


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.95),
    "Momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "NAG": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p: optim.Adagrad(p, lr=1.5),
    "RMSProp": lambda p: optim.RMSprop(p, lr=0.3, alpha=0.9),
    "Adam": lambda p: optim.Adam(p, lr=0.3, betas=BETAS),
}
UNCORRECTED = "Adam, uncorrected"


class Figures(NamedTuple):
    """What was measured, by optimizer; ``UNCORRECTED`` is one of them.

    Attributes:
        paths: the points (steps + 1, 2) from ``START``.
        values: the function's value at the end of each path.
        later: the same after ``LATER`` steps.
        straightness: the length of each path over the distance between its ends.
        elsewhere: the same from random starts, the median of them.
        ratios: how many times the uncorrected Adam's step is as long as Adam's, if the gradient does not change: as
            measured, and as the theory says.
    """

    paths: dict[str, np.ndarray]
    values: dict[str, float]
    later: dict[str, float]
    straightness: dict[str, float]
    elsewhere: dict[str, float]
    ratios: tuple[np.ndarray, np.ndarray]


def valley(x: Any) -> Any:
    """x^2 / 20 + y^2; for points along further axes, at each of them."""
    return x[0] ** 2 / 20 + x[1] ** 2


def corrections(step: int, beta1: float, beta2: float) -> tuple[float, float]:
    """What is missing of Adam's mean, and of the root of its mean square, after so many steps from zero."""
    return 1 - beta1**step, (1 - beta2**step) ** 0.5


def walk(make: Callable[[Any], optim.Optimizer], start: Any, steps: int) -> np.ndarray:
    """The path of an optimizer, (steps + 1, 2, ...); starts (2, N) walk all at once, and none feels the others."""
    return optim.minimize(lambda x: valley(x).sum(), start, make, tol=0, max_steps=steps).path


def straightness(path: np.ndarray) -> Any:
    """The length of paths (steps + 1, 2, ...) over the distance between their ends."""
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum(0)
    return length / np.linalg.norm(path[-1] - path[0], axis=0)


def step_ratios(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """How much longer Adam's steps are without correction where the gradient is always 1: measured, and by theory."""
    lengths = []
    for kind in (optim.Adam, UncorrectedAdam):
        x = autograd.zeros(1, dtype=autograd.float64, requires_grad=True)
        optimizer = kind([x], lr=0.1, betas=BETAS)
        x.grad = autograd.ones_like(x)
        places = [0.0]
        for _ in range(steps):
            optimizer.step()
            places.append(x.item())
        lengths.append(np.abs(np.diff(places)))
    mean, root = np.array([corrections(step, *BETAS) for step in range(1, steps + 1)]).T
    return lengths[1] / lengths[0], mean / root


def measure(seed: int, starts: int) -> Figures:
    """All paths, from ``START`` and from random places on the ellipse through it."""
    makers = OPTIMIZERS | {UNCORRECTED: lambda p: UncorrectedAdam(p, lr=0.3, betas=BETAS)}
    paths = {name: walk(make, START, STEPS) for name, make in makers.items()}
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, starts)
    radius = valley(START) ** 0.5
    others = radius * np.stack([20**0.5 * np.cos(angles), np.sin(angles)])
    return Figures(
        paths,
        {name: float(valley(path[-1])) for name, path in paths.items()},
        {name: float(valley(walk(make, START, LATER)[-1])) for name, make in makers.items()},
        {name: float(straightness(path)) for name, path in paths.items()},
        {name: float(np.median(straightness(walk(make, others, STEPS)))) for name, make in makers.items()},
        step_ratios(200),
    )


def draw_valley(axes: Any, title: str) -> None:
    """The contours, the start and the minimum."""
    fine = np.stack(np.meshgrid(np.linspace(-8.5, 4.5, 200), np.linspace(-3, 3, 120)))
    axes.contour(*fine, valley(fine), levels=[0.1, 0.5, 1.5, 3, 5, 8, 12], colors=COLORS[6], linewidths=0.5, alpha=0.6)
    axes.plot(*START, "s", color="black", markersize=6)
    axes.plot(0, 0, "*", color="black", markersize=12)
    axes.set(xlabel="x", ylabel="y", xlim=(-8.5, 4.5), ylim=(-3, 3), aspect="equal")
    axes.set_title(title, fontsize=11)


def draw_path(axes: Any, path: np.ndarray, color: str, label: str = "") -> None:
    """A path, a dot for each step."""
    axes.plot(*path.T, "o-", color=color, markersize=3.5, linewidth=1.3, label=label)


def draw(figures: Figures) -> Any:
    """A panel for each optimizer, and two for Adam's correction."""
    figure, axes = chart(2, 4, size=(4.6, 2.9))
    for place, color, name in zip(np.ravel(axes[:, :3]), COLORS, OPTIMIZERS, strict=False):
        draw_valley(place, f"{name}: {figures.straightness[name]:.2f} times the distance")
        draw_path(place, figures.paths[name], color)
    top, bottom = axes[:, 3]
    draw_valley(top, "Adam with and without bias correction")
    draw_path(top, figures.paths["Adam"], COLORS[5], "corrected")
    draw_path(top, figures.paths[UNCORRECTED], COLORS[1], "uncorrected")
    top.legend(frameon=True, fontsize=9, loc="lower right")
    measured, theory = figures.ratios
    steps = np.arange(1, len(measured) + 1)
    bottom.plot(steps, theory, color=COLORS[6], linewidth=5, alpha=0.35, label="theory")
    bottom.plot(steps, measured, color=COLORS[1], label="measured")
    bottom.set(xscale="log", xlabel="step", ylabel="uncorrected / corrected", ylim=(0, None))
    bottom.set_title("Step lengths at a constant gradient", fontsize=11)
    bottom.legend(frameon=False, fontsize=9)
    return figure


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    straight = sorted(OPTIMIZERS, key=figures.straightness.__getitem__)
    near = sorted(OPTIMIZERS, key=figures.values.__getitem__)
    momentum, sgd = figures.straightness["Momentum"], figures.straightness["SGD"]
    lower = "higher" if figures.values["Momentum"] > figures.values["SGD"] else "lower"
    measured, (*_, second, last) = figures.ratios[0], sorted(OPTIMIZERS, key=figures.later.__getitem__)
    return (
        f"Straightest is {straight[0]} ({figures.straightness[straight[0]]:.2f}), most crooked {straight[-1]} "
        f"({figures.straightness[straight[-1]]:.2f}); Momentum's path is {momentum:.2f} times the distance, SGD's "
        f"{sgd:.2f}. Yet after these {STEPS} steps Momentum stands {lower} than SGD; the order "
        f"by value is {', '.join(near)}, and it says more of the six chosen learning rates than of the methods. "
        f"After {LATER} steps {last} is the highest ({figures.later[last]:.1e}, {second} next with "
        f"{figures.later[second]:.1e}). "
        f"Without bias correction Adam's first step is {measured[0]:.2f} times as long, and the longest "
        f"{measured.max():.1f} times, at step {measured.argmax() + 1}."
    )


def report(figures: Figures) -> None:
    """Print the table."""
    table(
        (
            "optimizer",
            "x",
            "y",
            f"value after {STEPS} steps",
            f"after {LATER}",
            "straightness",
            "from random starts",
        ),
        [
            (
                name,
                *map(float, path[-1]),
                figures.values[name],
                figures.later[name],
                figures.straightness[name],
                figures.elsewhere[name],
            )
            for name, path in figures.paths.items()
        ],
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, 20 if options.fast else 500)
    report(figures)
    save(draw(figures), options.out / "optimizer_paths.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
