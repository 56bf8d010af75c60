"""Backpropagation against finite differences: the same gradients, at a fraction of the cost.

The gradient of a loss on real digits is computed twice: by central differences, which move every weight up and down and
so need two forward passes for each, and by backpropagation, which needs one pass forward and one backward for all of
them together. You should see the same numbers: in float64 most agree to eight or nine digits, and the worst are those
that are next to nothing themselves. In float32 the same step drowns in rounding: the loss can move by whole units of
its last digit only, and the differences stand on a few rungs. A step a thousand times larger brings back a few digits;
but so large a step carries some ReLUs across their kink, where the difference of two values is no derivative. The same
step in float64 shows which part is whose. So gradients are checked in float64, with small steps.

The time goes with the number of weights. A single layer of 784 x 10 weights, 28 x 28 pixels to ten digits, takes
2 x 7,840 = 15,680 forward passes; these are counted here, not assumed. The lower row shows the gradient of the weights
that lead to one digit, drawn as an image: twice the same ghost of digits, and a difference without a shape.

    python -m examples.gradient_check
    python -m examples.gradient_check --mnist DIR
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
from autograd import numerical
from nn.utils.stateless import functional_call

from .story import COLORS, Images, chart, load_images, parser, save, table

SIDES = (8, 12, 20, 28)
"""How many pixels wide the images of the timed layers are."""
SINGLE_STEP = float(np.finfo(np.float32).eps ** (1 / 3))
KINDS: dict[str, tuple[Any, float | None]] = {
    "float64": (autograd.float64, None),
    f"float64, h = {SINGLE_STEP:.1g}": (autograd.float64, SINGLE_STEP),
    f"float32, h = {SINGLE_STEP:.1g}": (autograd.float32, SINGLE_STEP),
    "float32, h of float64": (autograd.float32, None),
}
"""By name: the network's dtype, and the step (None: the default for float64, 6e-6 and more)."""
SHOWN = 3


class Gradients(NamedTuple):
    """All gradients of a model in one row each, and what they took."""

    numerical: np.ndarray
    automatic: np.ndarray
    passes: int
    seconds: tuple[float, float]


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        networks: a network with a hidden layer, by dtype and step.
        layers: a single layer without bias, by the side of its images.
    """

    networks: dict[str, Gradients]
    layers: dict[int, Gradients]


def resized(images: np.ndarray, side: int, dtype: Any) -> autograd.Tensor:
    """Square images (N, pixels) brought to side x side pixels."""
    before = round(images.shape[1] ** 0.5)
    x = autograd.from_numpy(images).to(dtype).reshape(-1, 1, before, before)
    return F.interpolate(x, (side, side), mode="bilinear").reshape(-1, side * side)


def check(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor, h: float | None = None) -> Gradients:
    """The gradient of the cross entropy for all parameters, by differences and by backpropagation."""
    passes = 0
    total = 2 * sum(parameter.numel() for parameter in model.parameters())
    bar = tqdm(total=total, desc=f"{total // 2} weights", unit="pass", leave=False)
    found = []
    start = time.perf_counter()
    for name, parameter in model.named_parameters():

        def loss(weights: autograd.Tensor, name: str = name, dtype: Any = parameter.dtype) -> autograd.Tensor:
            nonlocal passes
            passes += 1
            bar.update()
            with autograd.no_grad():
                return F.cross_entropy(functional_call(model, {name: weights.to(dtype)}, x), y)

        found.append(numerical.gradient(loss, parameter.detach(), h).ravel())
    by_differences = time.perf_counter() - start
    bar.close()
    times = []
    for _ in range(20):
        start = time.perf_counter()
        gradients = autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))
        times.append(time.perf_counter() - start)
    automatic = np.concatenate([gradient.numpy().ravel() for gradient in gradients]).astype(np.float64)
    return Gradients(np.concatenate(found), automatic, passes, (by_differences, float(np.median(times))))


def relative_errors(found: Gradients) -> np.ndarray:
    """For each weight how far its two gradients are apart, as a share of the larger; without those that are both 0."""
    size = np.maximum(np.abs(found.numerical), np.abs(found.automatic))
    return (np.abs(found.numerical - found.automatic)[size > 0]) / size[size > 0]


def total_error(found: Gradients) -> float:
    """The same for all weights together, by their norms."""
    return float(np.linalg.norm(found.numerical - found.automatic) / np.linalg.norm(found.automatic))


def measure(seed: int, images: Images, examples: int, hidden: int, sides: Sequence[int]) -> Figures:
    """Check a network 64 - hidden - 10 in several dtypes, and single layers for images of several sizes."""
    autograd.manual_seed(seed)
    pictures, labels = images.train_x[:examples], autograd.from_numpy(images.train_y[:examples])
    networks = {}
    weights = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).state_dict()
    for name, (dtype, h) in KINDS.items():
        model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
        model.load_state_dict(weights)
        networks[name] = check(model.to(dtype), resized(pictures, 8, dtype), labels, h)
    layers = {}
    for side in sides:
        layer = nn.Linear(side * side, 10, bias=False, dtype=autograd.float64)
        layers[side] = check(layer, resized(pictures, side, autograd.float64), labels)
    return Figures(networks, layers)


def draw_agreement(left: Any, right: Any, networks: dict[str, Gradients]) -> None:
    """Gradient against gradient; and how often which relative error occurs."""
    # the crowd of the worst lies behind the others
    styles = ((COLORS[0], "."), (COLORS[3], "1"), (COLORS[1], "+"), (COLORS[4], "x"))
    for (name, found), (color, marker) in reversed(list(zip(networks.items(), styles, strict=True))):
        left.plot(found.automatic, found.numerical, marker, color=color, markersize=4, alpha=0.6, label=name)
        errors = np.maximum(relative_errors(found), 1e-14)
        right.hist(errors, bins=np.geomspace(1e-14, 2, 60), color=color, alpha=0.65, label=name)
    bound = 1.1 * np.abs(networks["float64"].automatic).max()
    left.set(xlim=(-bound, bound), ylim=(-bound, bound), xlabel="by backpropagation", ylabel="by differences")
    left.set_title("The gradient of each weight")
    right.set(xscale="log", xlabel="relative error of a weight's gradient", ylabel="weights", title="How far apart")
    right.set(yscale="log", ylim=(0.7, 40 * right.get_ylim()[1]))
    for axes in (left, right):
        handles, names = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], names[::-1], frameon=False, fontsize=9, loc="upper left")


def draw_times(axes: Any, layers: dict[int, Gradients]) -> None:
    """Seconds against weights, and how many forward passes that are."""
    sizes = [found.automatic.size for found in layers.values()]
    for place, (label, color) in enumerate((("differences", COLORS[1]), ("backpropagation", COLORS[0]))):
        axes.plot(sizes, [found.seconds[place] for found in layers.values()], "o-", color=color, label=label)
    for found in layers.values():
        axes.annotate(
            f"{found.passes:,}",
            (found.automatic.size, found.seconds[0]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    low, high = found.seconds[1] / 4, found.seconds[0] * 8
    axes.set(xscale="log", yscale="log", xlabel="weights of the layer", ylabel="seconds", ylim=(low, high))
    axes.set(xlim=(sizes[0] / 1.6, sizes[-1] * 1.6), title="Time; the numbers are forward passes")
    axes.legend(frameon=False, fontsize=9, loc="center right")


def draw_images(places: Any, found: Gradients, side: int) -> None:
    """The gradients of the weights that lead to one digit, as images, and their difference."""
    rows = [part.reshape(10, side, side)[SHOWN] for part in (found.numerical, found.automatic)]
    apart = rows[0] - rows[1]
    scale = 10 ** -np.floor(np.log10(np.abs(apart).max()))
    bound = np.abs(rows[1]).max()
    titles = ("by differences", "by backpropagation", f"their difference, $\\times 10^{{{np.log10(scale):.0f}}}$")
    for axes, image, limit, title in zip(
        places, (*rows, apart * scale), (bound, bound, np.abs(apart * scale).max()), titles, strict=True
    ):
        shown = axes.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.figure.colorbar(shown, ax=axes, shrink=0.85)
        axes.set_axis_off()
        axes.set_title(f'Gradient for "{SHOWN}": {title}', fontsize=11)


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    double, wide, single, noise = figures.networks.values()
    median, worst = (f(relative_errors(double)) for f in (np.median, np.max))
    largest = figures.layers[max(figures.layers)]
    ratio = largest.seconds[0] / largest.seconds[1]
    culprit = "the step, not float32," if total_error(wide) > total_error(single) / 2 else "float32, not the step,"
    return (
        f"In float64 the two gradients differ by {total_error(double):.0e} of their length; a single weight's by "
        f"{median:.0e} in the middle and {worst:.0e} at worst. In float32 it is {total_error(noise):.0e} with the same "
        f"step and {total_error(single):.0e} with a large one. In float64 the large step gives "
        f"{total_error(wide):.0e}, so that it is {culprit} that errs there most. "
        f"The {largest.automatic.size:,} weights of the largest layer took {largest.passes:,} "
        f"forward passes and {largest.seconds[0]:.2f} s, {ratio:,.0f} times as long as backpropagation: one of these "
        f"passes took {ratio / largest.passes:.2f} times as long as forward and backward together."
    )


def report(figures: Figures) -> None:
    """Print the tables."""
    table(
        ("network 64-h-10", "weights", "passes", "both exactly 0", "median error", "largest", "of all"),
        [
            (
                name,
                found.automatic.size,
                found.passes,
                int(found.automatic.size - relative_errors(found).size),
                float(np.median(relative_errors(found))),
                float(relative_errors(found).max()),
                total_error(found),
            )
            for name, found in figures.networks.items()
        ],
    )
    print()
    table(
        ("layer", "weights", "forward passes", "seconds", "backpropagation", "ratio", "error of all"),
        [
            (
                f"{side * side} x 10",
                found.automatic.size,
                found.passes,
                *found.seconds,
                round(found.seconds[0] / found.seconds[1]),
                total_error(found),
            )
            for side, found in figures.layers.items()
        ],
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__, mnist=True).parse_args(arguments)
    images = load_images(options.seed, options.mnist)
    figures = measure(options.seed, images, *((4, 2, SIDES[::3]) if options.fast else (32, 30, SIDES)))
    report(figures)
    figure, axes = chart(2, 3, size=(4.8, 4.2))
    draw_agreement(axes[0, 0], axes[0, 1], figures.networks)
    draw_times(axes[0, 2], figures.layers)
    draw_images(axes[1], figures.layers[max(figures.layers)], max(figures.layers))
    save(figure, options.out / "gradient_check.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
