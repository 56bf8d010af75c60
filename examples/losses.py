"""Which loss for what, which of them are the same, and why squared error is slow where a network is confidently wrong.

Cross entropy is the loss of classes, squared error that of numbers. Cross entropy has three forms: binary (one score,
target 0 or 1), categorical (a score for each class, one-hot targets) and sparse categorical (the same, with the class's
number as target). You should see in the second table that integer and one-hot targets agree to rounding, in value and
gradient, and so do two classes by softmax and one score by sigmoid; and that the loss should be given the scores: with
the sigmoid taken before, a score of -200 loses its gradient to rounding.

The picture shows losses and gradients against the score, where the right answer is 1. The gradient of cross entropy is
p - 1: the more wrong, the greater, up to 1. Squared error multiplies by the sigmoid's slope p (1 - p), which is flat at
both ends, so that the gradient vanishes where the network is sure, also where it is sure of the wrong answer. With ten
classes and softmax it is the same. Last, digits are learned with both, and by squared error of the bare scores, which
has no flat end: from He's weights, and from a network that is made sure at first that every image is a 0. The bare
scores' gradient grows with the error without bound, which has its price too: the first steps are wild.

    python -m examples.losses
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import nn.functional as F
import optim
from examples.networks import Curves, network, train
from examples.story import COLORS, chart, load_images, parser, save, table

KINDS = (
    ("yes or no", "0 or 1", "1 score, sigmoid", "binary cross entropy", "binary_cross_entropy_with_logits"),
    ("several, each yes or no", "0s and 1s", "scores, sigmoid", "binary cross entropy", "the same"),
    ("one of many", "one-hot", "scores, softmax", "categorical cross entropy", "cross_entropy"),
    ("one of many", "class's number", "scores, softmax", "sparse categorical cross entropy", "cross_entropy"),
    ("an amount", "a number", "1 number", "squared error", "mse_loss"),
)
"""Task, target, what the network gives, loss, its name in ``nn.functional``, which takes the scores."""
SURE = -200.0


def squared_of_softmax(scores: Any, y: Any) -> Any:
    """Squared error of the probabilities, summed over the classes, in the mean over the images."""
    return (scores.softmax(1) - F.one_hot(y, 10)).square().sum(1).mean()


def squared_of_scores(scores: Any, y: Any) -> Any:
    """Squared error of the scores themselves, summed over the classes, in the mean over the images."""
    return (scores - F.one_hot(y, 10)).square().sum(1).mean()


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "cross entropy": F.cross_entropy,
    "squared error of softmax": squared_of_softmax,
    "squared error of scores": squared_of_scores,
}
STARTS = {"from He's weights": 0.0, "sure of 0 at first": 10.0}
"""By name: the bias of the score of 0 before training."""


class Figures(NamedTuple):
    """What the story gave."""

    differences: dict[str, tuple[float, float]]
    """Between two ways to the same loss: the greatest of the values and of the gradients."""
    far: dict[str, tuple[float, float]]
    """Loss and gradient at a score of -200 whose target is 1, in float32."""
    scores: np.ndarray
    binary: dict[str, tuple[np.ndarray, np.ndarray]]
    """Losses and gradients against the score, through the sigmoid, where the target is 1."""
    classes: dict[str, np.ndarray]
    """Gradients by the right class's score, where one of nine wrong classes has the opposite score and the rest 0."""
    curves: dict[tuple[str, str], list[Curves]]
    """Of the training by each loss from each start, for each seed."""


def value_and_gradient(loss: Callable[[Any], Any], scores: Any) -> tuple[np.ndarray, np.ndarray]:
    """Losses (one, or one for each example) and the gradient of their sum."""
    x = autograd.tensor(scores, requires_grad=True)
    values = loss(x)
    values.sum().backward()
    return values.detach().numpy(), x.grad.numpy()


def compare(seed: int) -> dict[str, tuple[float, float]]:
    """The greatest differences between two ways to the same loss, in float64."""
    rng = np.random.default_rng(seed)
    many, one = rng.normal(0, 3, (64, 10)), rng.normal(0, 3, 64)
    y, yes = autograd.from_numpy(rng.integers(0, 10, 64)), autograd.from_numpy(rng.integers(0, 2, 64))
    hot, wanted = F.one_hot(y, 10).double(), yes.double()
    pairs = {
        "integer and one-hot targets": (
            value_and_gradient(lambda x: F.cross_entropy(x, y), many),
            value_and_gradient(lambda x: F.cross_entropy(x, hot), many),
        ),
        "softmax of 0 and x, and sigmoid of x": (
            value_and_gradient(lambda x: F.cross_entropy(autograd.stack([x * 0, x], 1), yes), one),
            value_and_gradient(lambda x: F.binary_cross_entropy_with_logits(x, wanted), one),
        ),
        "from scores, and after the sigmoid": (
            value_and_gradient(lambda x: F.binary_cross_entropy_with_logits(x, wanted), one),
            value_and_gradient(lambda x: F.binary_cross_entropy(x.sigmoid(), wanted), one),
        ),
    }
    return {
        name: (float(np.abs(a[0] - b[0]).max()), float(np.abs(a[1] - b[1]).max())) for name, (a, b) in pairs.items()
    }


def far_out() -> dict[str, tuple[float, float]]:
    """Loss and gradient at one score far on the wrong side, in float32."""
    target, score = autograd.ones(1), np.array([SURE], np.float32)
    ways = {
        "from the score": lambda x: F.binary_cross_entropy_with_logits(x, target),
        "after the sigmoid": lambda x: F.binary_cross_entropy(x.sigmoid(), target),
    }
    return {name: tuple(float(part.item()) for part in value_and_gradient(way, score)) for name, way in ways.items()}


def slopes(scores: np.ndarray) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]:
    """Losses and gradients of one score, and gradients of the right one among ten."""
    target = autograd.ones_like(autograd.from_numpy(scores))
    binary = {
        "cross entropy": value_and_gradient(
            lambda x: F.binary_cross_entropy_with_logits(x, target, reduction="none"), scores
        ),
        "squared error of sigmoid": value_and_gradient(lambda x: (x.sigmoid() - target).square(), scores),
    }
    ten = np.zeros((len(scores), 10))
    ten[:, 0], ten[:, 1] = scores / 2, -scores / 2
    right = autograd.zeros(len(scores), dtype=autograd.int64)
    classes = {
        name: len(scores) * value_and_gradient(lambda x, loss=LOSSES[name]: loss(x, right), ten)[1][:, 0]
        for name in ("cross entropy", "squared error of softmax")
    }
    return binary, classes


def learn(seed: int, mnist: Path | None, seeds: int, steps: int) -> dict[tuple[str, str], list[Curves]]:
    """Train a network of two hidden layers by each loss, from each start."""
    found: dict[tuple[str, str], list[Curves]] = {(start, name): [] for start in STARTS for name in LOSSES}
    with tqdm(total=len(found) * seeds * steps, desc="training", unit="step") as bar:
        for number in range(seed, seed + seeds):
            images = load_images(number, mnist)
            for (start, name), runs in found.items():
                autograd.manual_seed(number)
                model = network(images.train_x.shape[1], hidden=2)
                with autograd.no_grad():
                    model[-1].bias[0] = STARTS[start]
                optimizer = optim.SGD(model.parameters(), lr=0.02)
                every, loss = max(5, steps // 40), LOSSES[name]
                runs.append(train(model, optimizer, images, steps=steps, every=every, seed=number, loss=loss, bar=bar))
    return found


def draw(figures: Figures, path: Path) -> Path:
    """Losses, gradients with one score and with ten, and the training from both starts."""
    figure, grid = chart(2, 3, size=(4.3, 3.6))
    (value, slope, classes), (*starts, legend) = grid
    colors = dict(zip(LOSSES, COLORS, strict=False)) | {"squared error of sigmoid": COLORS[1]}
    for name, (values, gradients) in figures.binary.items():
        value.plot(figures.scores, values, color=colors[name])
        slope.plot(figures.scores, gradients, color=colors[name])
    for name, gradients in figures.classes.items():
        classes.plot(figures.scores, gradients, color=colors[name])
    value.set(xlabel="score (right: 1)", ylabel="loss", title="Sigmoid: the loss")
    slope.set(xlabel="score (right: 1)", ylabel="gradient", title="Sigmoid: its gradient")
    classes.set(xlabel="right score less a wrong one", ylabel="gradient with respect to the right score")
    classes.set_title("Softmax of ten: the gradient")
    for axes in (value, slope, classes):
        axes.axvspan(figures.scores[0], -4, color="#e69f00", alpha=0.13, linewidth=0)
        axes.margins(x=0)
    for axes, start in zip(starts, STARTS, strict=True):
        for name in LOSSES:
            runs = figures.curves[start, name]
            values = 100 * np.array([curves.test for curves in runs])
            axes.plot(runs[0].steps, np.median(values, 0), color=colors[name])
            axes.fill_between(runs[0].steps, values.min(0), values.max(0), color=colors[name], alpha=0.2, linewidth=0)
        axes.set(xlabel="mini-batches", ylabel="test accuracy (%)", ylim=(0, 100), title=f"Digits, {start}")
    legend.axis("off")
    labels = ("cross entropy", "squared error of sigmoid or softmax", "squared error of the bare scores")
    for label, color in zip(labels, COLORS, strict=False):
        legend.plot([], [], color=color, label=label)
    legend.fill_between([], [], color="#e69f00", alpha=0.25, label="sure, and wrong")
    legend.legend(frameon=False, loc="center", fontsize=11)
    return save(figure, path)


def sentence(figures: Figures) -> str:
    """What the figures say."""
    at = int(np.argmin(np.abs(figures.scores + 8)))
    cross, squared = (figures.binary[name][1][at] for name in ("cross entropy", "squared error of sigmoid"))
    right = {key: 100 * float(np.median([curves.test[-1] for curves in runs])) for key, runs in figures.curves.items()}
    easy, sure = ([right[start, name] for name in LOSSES] for start in STARTS)
    return (
        f"At a score of {figures.scores[at]:.0f} where 1 is right, the gradient of cross entropy is {cross:.3f}, that "
        f"of squared error {squared:.1g}. From He's weights cross entropy, squared error of softmax and of the bare "
        f"scores reach {easy[0]:.1f}, {easy[1]:.1f} and {easy[2]:.1f} % of the test digits; from a network sure of 0, "
        f"{sure[0]:.1f}, {sure[1]:.1f} and {sure[2]:.1f} %. So being sure of the wrong answer costs cross entropy "
        f"{easy[0] - sure[0]:.1f} points, squared error {easy[1] - sure[1]:.1f} through softmax and "
        f"{easy[2] - sure[2]:.1f} without."
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns differences, gradients and curves."""
    options = parser(__doc__, mnist=True).parse_args(arguments)
    seeds, steps = (1, 60) if options.fast else (5, 800)
    scores = np.linspace(-10, 10, 201)
    curves = learn(options.seed, options.mnist, seeds, steps)
    figures = Figures(compare(options.seed), far_out(), scores, *slopes(scores), curves)
    table(["task", "target", "the network gives", "loss", "in nn.functional"], KINDS)
    print()
    table(
        ["two ways to one loss", "values differ by", "gradients differ by"],
        [[name, *pair] for name, pair in figures.differences.items()],
    )
    print()
    table([f"at {SURE:.0f}, target 1", "loss", "gradient"], [[name, *pair] for name, pair in figures.far.items()])
    print()
    table(
        ["start", "loss", "test accuracy, %"],
        [[*key, float(np.median([100 * run.test[-1] for run in runs]))] for key, runs in curves.items()],
    )
    draw(figures, options.out / "losses.png")
    print(sentence(figures))
    return figures


if __name__ == "__main__":
    main()
