"""Linear regression: gradient descent reaches the closed-form solution, with full, small or single-sample batches.

First four points without noise: [1, 1], [1, 2], [2, 2], [2, 3], whose targets are made by the weights 1 and 2 and the
intercept 3. You should see all three kinds of descent reach these numbers to six digits and more, at the same learning
rate; single samples take the fewest passes over the data, since they step four times in each. Their zigzag dies out,
because all four points agree: where the fit is perfect, the gradient of every single sample is zero too.

Then 442 real patients: ten measurements, and how far their diabetes went on within a year. Now the points contradict
each other. You should see single samples fall fastest, and then jitter at a distance from the closed form for ever:
each sample pulls its own way, and a constant learning rate never averages that out. Only full batches arrive, and they
creep: blood measurements that are nearly combinations of each other (s1 to s5) make a long flat valley. Their weights
take thousands of passes, while the predictions are nearly as good after a hundred: see the bars, and R^2 in the table.

    python -m examples.linear_regression
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
import optim
from nn import data

from .story import COLORS, chart, parser, save, table

POINTS = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 3.0]])
TRUTH = np.array([1.0, 2.0, 3.0])
"""Two weights and, last, the intercept, as everywhere here."""
CLOSE = 1e-7
TOY = {"full batch": (4, 0.06), "mini-batches of 2": (2, 0.06), "single samples": (1, 0.06)}
"""By name: the size of a batch, and the learning rate."""
PATIENTS = {"full batch": (331, 0.1, 6000), "mini-batches of 32": (32, 0.03, 300), "single samples": (1, 0.002, 100)}
"""By name: the size of a batch, the learning rate, and how many passes over the data."""
EARLY = "full batch, {} passes"


class Patients(NamedTuple):
    """The diabetes data, standardised by the training part: its features, its targets; those for testing; names."""

    x: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    names: tuple[str, ...]


class Figures(NamedTuple):
    """What was measured; weights are arrays with the intercept last.

    Attributes:
        patients: the data.
        toy: the weights after every pass over the four points, by kind of batch.
        toy_closed: the closed form's.
        excess: the training loss after every pass, less the closed form's, on the patients' data.
        weights: on these data, in the end; also by the closed form, and by full batches after as many passes as single
            samples have.
        r2: the share of the test targets' variance that each explains.
    """

    patients: Patients
    toy: dict[str, np.ndarray]
    toy_closed: np.ndarray
    excess: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    r2: dict[str, float]


def closed_form(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares by linear algebra."""
    return np.linalg.lstsq(with_ones(x), y, rcond=None)[0]


def with_ones(x: np.ndarray) -> np.ndarray:
    """The features and, for the intercept, a column of ones."""
    return np.column_stack([x, np.ones(len(x))])


def descend(
    x: np.ndarray, y: np.ndarray, batch: int, rate: float, epochs: int, goal: np.ndarray | None = None
) -> np.ndarray:
    """Gradient descent on the mean squared error from zero; the weights after every pass over the data.

    Args:
        x, y: features (N, D) and targets (N,).
        batch: how many samples make a step.
        rate: the learning rate.
        epochs: so many passes over the data at most.
        goal: stop within ``CLOSE`` of these weights.
    """
    model = nn.Linear(x.shape[1], 1, dtype=autograd.float64)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    optimizer = optim.SGD(model.parameters(), lr=rate)
    inputs, targets = autograd.from_numpy(x), autograd.from_numpy(y)
    path = [np.zeros(x.shape[1] + 1)]
    for _ in tqdm(range(epochs), desc=f"batches of {batch}", unit="pass", leave=False):
        for chosen in autograd.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            F.mse_loss(model(inputs[chosen]).flatten(), targets[chosen]).backward()
            optimizer.step()
        path.append(np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]))
        if goal is not None and np.linalg.norm(path[-1] - goal) < CLOSE:
            break
    return np.stack(path)


def load(seed: int) -> Patients:
    """The patients, a quarter of them for testing."""
    found = data.bundled("diabetes")
    parts = train_test_split(found.x.astype(np.float64), found.y.astype(np.float64), test_size=0.25, random_state=seed)
    x, test_x, y, test_y = parts
    return Patients(
        (x - x.mean(0)) / x.std(0),
        (y - y.mean()) / y.std(),
        (test_x - x.mean(0)) / x.std(0),
        (test_y - y.mean()) / y.std(),
        found.feature_names,
    )


def losses(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Any:
    """The mean squared error for weights (..., D + 1)."""
    return ((weights @ with_ones(x).T - y) ** 2).mean(-1)


def measure(seed: int, share: float, toy_passes: int = 10_000) -> Figures:
    """All the descents: on the four points at most so many passes, on the patients a share of those in ``PATIENTS``."""
    autograd.manual_seed(seed)
    patients = load(seed)
    targets = with_ones(POINTS) @ TRUTH
    toy_closed = closed_form(POINTS, targets)
    toy = {name: descend(POINTS, targets, batch, rate, toy_passes, toy_closed) for name, (batch, rate) in TOY.items()}
    paths = {
        name: descend(patients.x, patients.y, batch, rate, round(share * passes))
        for name, (batch, rate, passes) in PATIENTS.items()
    }
    weights = {"closed form": closed_form(patients.x, patients.y)}
    least = losses(patients.x, patients.y, weights["closed form"])
    excess = {name: losses(patients.x, patients.y, path) - least for name, path in paths.items()}
    early = len(paths["single samples"]) - 1
    weights |= {EARLY.format(early): paths["full batch"][early]} | {name: path[-1] for name, path in paths.items()}
    spread = patients.test_y.var()
    r2 = {name: float(1 - losses(patients.test_x, patients.test_y, w) / spread) for name, w in weights.items()}
    return Figures(patients, toy, toy_closed, excess, weights, r2)


def draw_toy(left: Any, right: Any, figures: Figures) -> None:
    """The distance to the closed form against passes; and the first passes in the plane of the two weights."""
    for (name, path), color in zip(figures.toy.items(), COLORS, strict=False):
        apart = np.linalg.norm(path - figures.toy_closed, axis=1)
        left.plot(np.arange(len(apart)), apart, color=color, label=f"{name}: {len(path) - 1} passes")
        right.plot(*path[:, :2].T, ".-", color=color, markersize=3, linewidth=0.9, label=name)
    left.set(yscale="log", xlabel="passes over the four points", ylabel="distance to the closed form")
    left.set_title("Four points without noise")
    left.legend(frameon=False, fontsize=9)
    # the loss with the best intercept for each pair of weights: that of the centred data
    w = np.stack(np.meshgrid(np.linspace(-0.2, 3.2, 120), np.linspace(-0.2, 3.2, 120)), axis=-1)
    centred = POINTS - POINTS.mean(0)
    height = (((w - TRUTH[:2]) @ centred.T) ** 2).mean(-1)
    right.contour(w[..., 0], w[..., 1], height, levels=np.geomspace(0.01, 3, 8), colors=COLORS[6], linewidths=0.5)
    right.plot(*figures.toy_closed[:2], "*", color="black", markersize=12, label="closed form")
    right.set(xlabel="first weight", ylabel="second weight", aspect="equal", title="Their paths, a dot a pass")
    right.legend(frameon=True, fontsize=9, loc="upper left")


def smooth(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Passes and the geometric means of what came after them, over spans that are equally long on a log scale."""
    edges = np.unique(np.geomspace(1, len(values), 30).round().astype(int))
    spans = list(pairwise(edges))
    return (
        np.array([np.sqrt(a * (b - 1)) for a, b in spans]),
        np.array([np.exp(np.log(values[a:b]).mean()) for a, b in spans]),
    )


def draw_patients(left: Any, right: Any, figures: Figures) -> None:
    """The excess of the loss against passes; and the weights that came out."""
    for (name, excess), color in zip(figures.excess.items(), COLORS, strict=False):
        left.plot(np.arange(1, len(excess)), excess[1:], color=color, linewidth=0.7, alpha=0.35)
        left.plot(*smooth(excess), color=color, linewidth=2, label=f"{name}, rate {PATIENTS[name][1]:g}")
    left.set(xscale="log", yscale="log", xlabel="passes over the training patients")
    left.set(ylabel="mean squared error above the least", title="Diabetes: 331 patients, 10 measurements")
    left.legend(frameon=False, fontsize=9)
    shown = [(name, weights) for name, weights in figures.weights.items() if name != "full batch"]
    for shift, ((name, weights), color) in enumerate(zip(shown, (COLORS[6], *COLORS[:3]), strict=True)):
        right.bar(np.arange(10) + (shift - 1.5) * 0.2, weights[:-1], 0.2, color=color, label=name)
    right.axhline(0, color="black", linewidth=0.7)
    right.set_xticks(range(10), figures.patients.names)
    right.set(ylabel="weight", title="Weights of the standardised measurements")
    right.legend(frameon=False, fontsize=9)


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    off = max(np.linalg.norm(path[-1] - figures.toy_closed) for path in figures.toy.values())
    passes = {name: len(path) - 1 for name, path in figures.toy.items()}
    early, single = len(figures.excess["single samples"]) - 1, smooth(figures.excess["single samples"])[1][-1]
    name, closed = EARLY.format(early), figures.weights["closed form"]
    first, last = (np.abs(figures.weights[key] - closed).max() for key in (name, "full batch"))
    full = figures.excess["full batch"]
    worth = figures.r2["full batch"] - figures.r2[name]
    return (
        f"Without noise, all three are within {off:.0e} of the closed form, after {passes['full batch']} passes in "
        f"full batches and {passes['single samples']} by single samples. With noise, single samples keep jittering "
        f"about {single:.0e} above the least loss, {'farther off' if single > full[-1] else 'nearer'} than full "
        f"batches end ({full[-1]:.0e}). These are wrong by {first:.2g} in a weight after {early} passes and by "
        f"{last:.0e} after {len(full) - 1}; but to R^2 on the test patients, {figures.r2['closed form']:.3f} by the "
        f"closed form, all the passes after the first {early} add {worth:+.3f}."
    )


def report(figures: Figures) -> None:
    """Print the tables."""
    table(
        ("four points", "weight 1", "weight 2", "intercept", "passes", "off by"),
        [("closed form", *map(float, figures.toy_closed), "", "")]
        + [
            (name, *map(float, path[-1]), len(path) - 1, f"{np.linalg.norm(path[-1] - figures.toy_closed):.1e}")
            for name, path in figures.toy.items()
        ],
    )
    print()
    x, y, closed = figures.patients.x, figures.patients.y, figures.weights["closed form"]
    table(
        ("diabetes", "training loss", "above the least", "largest error of a weight", "R^2 on test patients"),
        [
            (
                name,
                float(losses(x, y, weights)),
                float(losses(x, y, weights) - losses(x, y, closed)),
                float(np.abs(weights - closed).max()),
                figures.r2[name],
            )
            for name, weights in figures.weights.items()
        ],
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, 0.05 if options.fast else 1.0)
    report(figures)
    figure, axes = chart(2, 2, size=(5.4, 4.2))
    draw_toy(*axes[0], figures)
    draw_patients(*axes[1], figures)
    save(figure, options.out / "linear_regression.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
