"""XOR: what no single neuron can learn, and two layers can.

A perceptron divides the plane by one straight line. It learns AND and OR by Rosenblatt's rule in a few passes over the
four points; XOR's ones lie on a diagonal, no line separates them, and you should see the rule go round in circles with
at most three of the four right. A network with a hidden layer first moves the points to where a line can do it: the
picture shows the hidden layer's two numbers for each point, and the line there.

That a network can represent XOR does not say that descent finds it. Many networks are trained at once, from random
weights, for several widths of the hidden layer. You should see that with two hidden units, which would be enough, a
good part of the runs stay in a place where one or two points are wrong, and that a wider layer makes this rare.

    python -m examples.xor
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
import optim

from .story import COLORS, chart, parser, save, table

POINTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0)}
WIDTHS = (1, 2, 3, 4, 8, 16)
SHADES = LinearSegmentedColormap.from_list("shades", [COLORS[0], "#ffffff", COLORS[1]])


class Trained(NamedTuple):
    """A perceptron's best weights (w1, w2, b), how many points these have right, and the passes it took."""

    weights: np.ndarray
    right: int
    passes: int


class Networks(nn.Module):
    """Many networks 2 - width - 1 with tanh, side by side: their weights have one axis more, which numbers them."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(autograd.randn(count, 2, width, dtype=autograd.float64))
        self.hidden_bias = nn.Parameter(autograd.randn(count, 1, width, dtype=autograd.float64))
        self.out = nn.Parameter(autograd.randn(count, width, 1, dtype=autograd.float64) / width**0.5)
        self.out_bias = nn.Parameter(autograd.zeros(count, 1, 1, dtype=autograd.float64))

    def features(self, x: autograd.Tensor) -> autograd.Tensor:
        """What the hidden layers make of points (N, 2): (count, N, width)."""
        return (x @ self.hidden + self.hidden_bias).tanh()

    def forward(self, x: autograd.Tensor) -> autograd.Tensor:
        """Scores (count, N)."""
        return (self.features(x) @ self.out + self.out_bias).squeeze(-1)

    def single(self, which: int) -> Networks:
        """One of them by itself."""
        found = Networks(1, self.hidden.shape[-1])
        found.load_state_dict({name: value[which : which + 1] for name, value in self.state_dict().items()})
        return found


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        perceptrons: by gate.
        network: the one that is drawn, with two hidden units.
        right: by width of the hidden layer, how many of the four points each of the networks has right.
        losses: by width, the loss after each step: the mean of all networks.
    """

    perceptrons: dict[str, Trained]
    network: Networks
    right: dict[int, np.ndarray]
    losses: dict[int, np.ndarray]


def train_perceptron(targets: Sequence[int], limit: int) -> Trained:
    """Rosenblatt's rule: a point on the wrong side pulls the line; stops when all four are right.

    That is gradient descent, one point at a time, on how far a point is on the wrong side. The best line on the way is
    kept, since on XOR it never rests.
    """
    model = nn.Linear(2, 1, dtype=autograd.float64)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = autograd.from_numpy(POINTS)
    signs = autograd.tensor(2.0 * np.array(targets) - 1, dtype=autograd.float64)
    best, passes = (np.zeros(3), 0), 0
    while passes < limit and best[1] < 4:
        for i in autograd.randperm(4).tolist():
            optimizer.zero_grad()
            F.relu(-signs[i] * model(x[i])).sum().backward()
            optimizer.step()
            with autograd.no_grad():
                right = int((signs * model(x).flatten() > 0).sum())
            if right > best[1]:
                best = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]), right
        passes += 1
    return Trained(*best, passes)


def train_networks(count: int, width: int, steps: int) -> tuple[Networks, np.ndarray, np.ndarray]:
    """Train many networks on XOR by Adam; returns them, how many points each has right, and the losses.

    Adam treats every weight by itself and the losses are summed, so that no network feels the others.
    """
    model = Networks(count, width)
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    x = autograd.from_numpy(POINTS)
    targets = autograd.tensor(GATES["XOR"], dtype=autograd.float64).expand(count, 4)
    losses = np.empty(steps)
    for step in tqdm(range(steps), desc=f"{count} networks, {width} hidden", unit="step", leave=False):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x), targets, reduction="sum")
        loss.backward()
        optimizer.step()
        losses[step] = loss.item() / targets.numel()
    with autograd.no_grad():
        right = ((model(x) > 0) == (targets > 0.5)).sum(1).numpy()
    return model, right, losses


def measure(seed: int, count: int, steps: int, passes: int) -> Figures:
    """Perceptrons for all gates, with so many passes at most; and for each width so many networks and steps."""
    autograd.manual_seed(seed)
    perceptrons = {gate: train_perceptron(targets, passes) for gate, targets in GATES.items()}
    trained = {width: train_networks(count, width, steps) for width in WIDTHS}
    model, right, _ = trained[2]
    return Figures(
        perceptrons,
        model.single(int(right.argmax())),
        {width: found[1] for width, found in trained.items()},
        {width: found[2] for width, found in trained.items()},
    )


def draw_points(axes: Any, places: np.ndarray, targets: Sequence[int]) -> None:
    """The four points where they are: circles for zeros, squares for ones, so that colour is not needed."""
    for kind, marker in ((0, "o"), (1, "s")):
        chosen = places[np.array(targets) == kind]
        axes.plot(*chosen.T, marker, color=COLORS[kind], markersize=11, markeredgecolor="black", label=f"target {kind}")


def draw_perceptron(axes: Any, gate: str, trained: Trained) -> None:
    """The half plane that the perceptron takes for ones."""
    axis = np.linspace(-0.6, 1.6, 200)
    x, y = np.meshgrid(axis, axis)
    score = trained.weights[0] * x + trained.weights[1] * y + trained.weights[2]
    axes.contourf(x, y, np.sign(score), levels=[-2, 0, 2], colors=[COLORS[0], COLORS[1]], alpha=0.2)
    draw_points(axes, POINTS, GATES[gate])
    said = "" if trained.right == 4 else ", at best"
    axes.set_title(f"Perceptron, {gate}: {trained.right} of 4 right\nin {trained.passes} passes{said}", fontsize=11)
    axes.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal")


def draw_network(axes: Any, network: Networks) -> None:
    """The chance of a one that the network sees everywhere."""
    axis = np.linspace(-0.6, 1.6, 120)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    with autograd.no_grad():
        chance = network(autograd.from_numpy(grid.reshape(-1, 2))).sigmoid().numpy().reshape(120, 120)
    axes.contourf(axis, axis, chance, levels=np.linspace(0, 1, 21), cmap=SHADES, alpha=0.6)
    axes.contour(axis, axis, chance, levels=[0.5], colors="black", linewidths=1)
    draw_points(axes, POINTS, GATES["XOR"])
    axes.set_title("Two layers, two hidden units, XOR:\nthe chance of a one", fontsize=11)
    axes.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal")


def draw_hidden(axes: Any, network: Networks) -> None:
    """The points as the hidden layer shows them to the last neuron, and that neuron's line."""
    with autograd.no_grad():
        places = network.features(autograd.from_numpy(POINTS))[0].numpy()
    (first, second), bias = network.out.detach().flatten().tolist(), network.out_bias.item()
    x, y = np.meshgrid(*[np.linspace(-1.25, 1.25, 200)] * 2)
    axes.contourf(
        x, y, np.sign(first * x + second * y + bias), levels=[-2, 0, 2], colors=[COLORS[0], COLORS[1]], alpha=0.2
    )
    draw_points(axes, places, GATES["XOR"])
    # points that the layer moved to one place get one label
    labels: dict[tuple[float, ...], list[str]] = {}
    for place, (a, b) in zip(places.round(1).tolist(), POINTS.astype(int), strict=True):
        labels.setdefault(tuple(place), []).append(f"({a}, {b})")
    for (across, up), names in labels.items():
        side, above = ("right" if across > 0 else "left"), (-22 if up > 0 else 14)
        axes.annotate(
            " and ".join(names), (across, up), xytext=(0, above), textcoords="offset points", ha=side, fontsize=10
        )
    axes.set_title("The same points in its hidden layer:\nthere one line is enough", fontsize=11)
    axes.set(xlabel="first hidden unit", ylabel="second hidden unit", aspect="equal")


def draw_shares(axes: Any, right: dict[int, np.ndarray]) -> None:
    """For each width the share of networks by how many points they have right."""
    bottom = np.zeros(len(right))
    for points, color in ((4, COLORS[2]), (3, COLORS[4]), (2, COLORS[3]), (1, COLORS[6]), (0, "black")):
        share = np.array([100 * (found == points).mean() for found in right.values()])
        if share.any():
            bars = axes.bar(range(len(right)), share, bottom=bottom, color=color, label=f"{points} right")
            axes.bar_label(
                bars, [f"{s:.3g}" if s >= 5 else "" for s in share], label_type="center", fontsize=9, color="white"
            )
            bottom += share
    axes.set_xticks(range(len(right)), [str(width) for width in right])
    axes.set(xlabel="hidden units", ylabel="% of networks", ylim=(0, 118))
    axes.set_title(f"How many of {len(next(iter(right.values())))} networks\nlearn XOR", fontsize=11)
    axes.legend(frameon=False, fontsize=9, loc="upper center", ncols=3)


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    learned = {width: int((right == 4).sum()) for width, right in figures.right.items()}
    count, steps = len(figures.right[2]), len(figures.losses[2])
    failed = [gate for gate, trained in figures.perceptrons.items() if trained.right < 4]
    sure = [str(width) for width, number in learned.items() if number == count]
    return (
        f"The perceptron fails on {' and '.join(failed) or 'nothing'}: there it never has more than "
        f"{figures.perceptrons['XOR'].right} of 4 right. Two hidden units can represent XOR, as the textbook draws "
        f"it, yet only {learned[2]} of {count} networks with two come there from random weights in {steps} steps; "
        f"with four {learned[4]} do, and all do with {' or '.join(sure) or 'none of the widths'}. With one hidden "
        f"unit, which still makes one line, it is {learned[1]}."
    )


def report(figures: Figures) -> None:
    """Print the tables."""
    table(
        ("perceptron", "passes", "right at best"),
        [(gate, found.passes, found.right) for gate, found in figures.perceptrons.items()],
    )
    print()
    rows = []
    for width, right in figures.right.items():
        counts = [int(chosen.sum()) for chosen in (right == 4, right == 3, right < 3)]
        rows.append((width, len(right), *counts, float(figures.losses[width][-1])))
    table(("hidden units", "networks", "have 4 right", "3 right", "2 or fewer", "mean loss"), rows)


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, *((20, 300, 30) if options.fast else (200, 2000, 500)))
    report(figures)
    figure, axes = chart(2, 3, size=(4.2, 4.2))
    for place, (gate, trained) in zip(axes[0], figures.perceptrons.items(), strict=True):
        draw_perceptron(place, gate, trained)
    axes[0, 0].legend(frameon=True, fontsize=9, loc="lower left")
    draw_network(axes[1, 0], figures.network)
    draw_hidden(axes[1, 1], figures.network)
    draw_shares(axes[1, 2], figures.right)
    save(figure, options.out / "xor.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
