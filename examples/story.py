"""What the stories share: their options, the digits, the look of their charts, tables and paths in print."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from sklearn.model_selection import train_test_split

import autograd
from nn import data

matplotlib.use("Agg")
from matplotlib import pyplot as plt

__all__ = [
    "COLORS",
    "Images",
    "Progress",
    "at_least_one",
    "chart",
    "draw_losses",
    "load_images",
    "parser",
    "save",
    "table",
]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d")
"""The Okabe-Ito palette, whose colours colour-blind readers can tell apart."""


class Images(NamedTuple):
    """Images (N, pixels) between 0 and 1, and their digits (N,), for training and for testing: arrays, or Tensors."""

    train_x: Any
    train_y: Any
    test_x: Any
    test_y: Any

    def tensors(self, *shape: int) -> Images:
        """The same as Tensors, each image in this shape (default: one row)."""
        train_x, train_y, test_x, test_y = map(autograd.from_numpy, self)
        shape = shape or train_x.shape[1:]
        return Images(train_x.reshape(-1, *shape), train_y, test_x.reshape(-1, *shape), test_y)


class Progress(NamedTuple):
    """What was measured after an epoch."""

    train_loss: float
    test_loss: float
    test_accuracy: float


def parser(doc: str | None, *, mnist: bool = False) -> argparse.ArgumentParser:
    """A command line with the options of all stories: --seed, --fast, --out; and --mnist, if the story has digits."""
    made = argparse.ArgumentParser(
        prog=f"python -m examples.{Path(sys.argv[0]).stem}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--seed", type=int, default=0, help="of all that is random (0)")
    made.add_argument("--fast", action="store_true", help="a small run of seconds, to see that it works")
    made.add_argument("--out", type=_writable, default=Path("out"), help="the folder for pictures (out)")
    if mnist:
        made.add_argument(
            "--mnist", type=_existing, metavar="DIR", help="a folder with MNIST's IDX files, instead of digits"
        )
    return made


def at_least_one(text: str) -> int:
    """An option's value that must be a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _writable(text: str) -> Path:
    """A folder, made now: not only when all is computed does one learn that it cannot be."""
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"the folder {text!r} cannot be made: {error.strerror}") from None
    return Path(text)


def _existing(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return Path(text)


def load_images(seed: int, mnist: Path | None = None) -> Images:
    """The 1,797 digits of 8 x 8 pixels that come with scikit-learn, a quarter of them for testing; or MNIST.

    Args:
        seed: of the split of the digits (MNIST is split already).
        mnist: the folder with MNIST's four IDX files.
    """
    if mnist is not None:
        try:
            found = data.mnist(mnist)
        except FileNotFoundError as error:
            raise SystemExit(str(error)) from None
        train_x, test_x = (x.reshape(len(x), -1).astype(np.float32) / 255 for x in (found[0], found[2]))
        return Images(train_x, found.train_labels.astype(np.int64), test_x, found.test_labels.astype(np.int64))
    digits = data.bundled("digits")
    parts = train_test_split(digits.x / 16, digits.y, test_size=0.25, random_state=seed, stratify=digits.y)
    train_x, test_x, train_y, test_y = parts
    return Images(train_x, train_y, test_x, test_y)


def chart(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (4.5, 3.6), **more: Any) -> Any:
    """A figure and its axes (one, or an array of them), each of ``size`` inches, with a light grid."""
    width, height = size
    figure, axes = plt.subplots(rows, columns, figsize=(columns * width, rows * height), layout="constrained", **more)
    for one in np.ravel(axes):
        one.grid(alpha=0.3)
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def draw_losses(axes: Any, history: Sequence[Progress]) -> None:
    """Both losses against epochs."""
    epochs = np.arange(1, len(history) + 1)
    axes.plot(epochs, [progress.train_loss for progress in history], color=COLORS[0], label="training")
    axes.plot(epochs, [progress.test_loss for progress in history], color=COLORS[1], label="test")
    axes.set(xlabel="epoch", ylabel="cross entropy", yscale="log", title="Loss")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)


def save(figure: Any, path: Path) -> Path:
    """Write the figure as a PNG (the folder is made), print where it is, and forget it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(path)
    return path


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a head, numbers to the right; floats with four significant digits."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [all(isinstance(cell, (int, float)) for cell in column) for column in zip(*rows, strict=True)]
    for row in (list(head), ["-" * width for width in widths], *cells):
        fitted = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)]
        print("  ".join(fitted).rstrip())
