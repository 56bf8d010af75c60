"""Scores of classes as rows, class numbers as an index, and losses reduced: what losses over classes share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.foreign import alike
from ..errors import DtypeError, ShapeError
from .embeddings import check_range
from .losses import check_reduction

__all__ = [
    "by_rows", "check_targets", "class_dim", "combine", "counting", "from_rows", "read_targets", "share_of", "spread",
]  # fmt: skip


def class_dim(shape: tuple[int, ...]) -> int:
    """The dimension of the classes in scores of this shape."""
    return 1 if len(shape) > 1 else 0


def by_rows(scores: Any) -> Any:
    """Scores as a matrix with a row for each target."""
    return (
        scores
        if scores.ndim == 2
        else np.reshape(np.moveaxis(scores, class_dim(scores.shape), -1), (-1, scores.shape[class_dim(scores.shape)]))
    )


def from_rows(rows: Any, shape: tuple[int, ...]) -> Any:
    """What ``by_rows`` undoes."""
    if len(shape) == 2:
        return rows
    dim = class_dim(shape)
    return np.moveaxis(np.reshape(rows, (*shape[:dim], *shape[dim + 1 :], shape[dim])), -1, dim)


def check_targets(name: str, x: Any, target: Any, weight: Any, reduction: str) -> None:
    """Raise if class numbers, or weights of the classes, do not fit the scores ``x``.

    Raises: ShapeError, ValueError.
    """
    shape = x.shape
    if not shape:
        raise ShapeError(f"{name}: the input must have a dimension of classes, got shape ()")
    dim = class_dim(shape)
    expected = (*shape[:dim], *shape[dim + 1 :])
    if tuple(target.shape) != expected:
        text = f"{name}: the input has shape {shape}, so class numbers must have shape {expected}"
        text += f", got {tuple(target.shape)}"
        if tuple(target.shape) == shape and name == "cross_entropy":
            text += ". For probabilities of classes make the target floating: target.float()"
        elif math.prod(target.shape) == math.prod(expected):
            text += f". Use target.reshape{expected}"
        raise ShapeError(text)
    if weight is not None and tuple(weight.shape) != (shape[dim],):
        raise ShapeError(
            f"{name}: weight has shape {tuple(weight.shape)}; expected one for each of the {shape[dim]} classes"
        )
    check_reduction(name, reduction)


def read_targets(target: Any, weight: Any, ignore_index: int, classes: int, dtype: Any, name: str) -> tuple[Any, Any]:
    """Class numbers that can be used as an index, and the weight of each target; None if all are 1.

    Raises:
        IndexError: a class number is out of range.
    """
    target = target.reshape(-1)
    if target.dtype.kind not in "iu":
        raise DtypeError(f"{name}: class numbers must be integers, got {target.dtype}; convert with .long()")
    plain = isinstance(target, np.ndarray) and target.dtype.itemsize == 8 and not 0 <= ignore_index < classes
    if plain and _in_range(target, classes):
        return target, None if weight is None else np.take(weight, target).astype(dtype, copy=False)
    valid = target != ignore_index
    target = np.where(valid, target, 0)
    check_range("", "class", target, classes)
    weights = valid.astype(dtype)
    return target, weights if weight is None else weights * np.take(alike(weight, target), target).astype(
        dtype, copy=False
    )


def counting(losses: Any, target: Any, ignore_index: int) -> Any:
    """The losses of all targets, 0 where a target does not count: also where its scores are infinite or NaN."""
    return np.where(np.reshape(target, -1) == ignore_index, 0, losses)


def _in_range(target: Any, classes: int) -> bool:
    """Whether class numbers of 64 bits can all be used as an index."""
    if not target.size:
        return True
    unsigned = target.view(np.uint64)  # negative ones are huge
    return bool(unsigned[unsigned.argmax()] < classes)


def combine(losses: Any, weights: Any, reduction: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """The losses of all targets, which are weighted already, reduced."""
    if reduction == "none":
        dim = class_dim(shape)
        return np.reshape(losses, (*shape[:dim], *shape[dim + 1 :])).astype(dtype, copy=False)
    total = np.add.reduce(losses)
    if reduction == "mean":
        count = len(losses)
        total = total / count if weights is None and count else _mean(total, _norm(weights, count))
    return total if total.dtype is dtype else total.astype(dtype)


@np.errstate(divide="ignore", invalid="ignore")  # no targets: the mean is NaN, as in PyTorch
def _mean(total: Any, count: Any) -> Any:
    return total / count if isinstance(count, (np.ndarray, np.generic)) else total / total.dtype.type(count)


def _norm(weights: Any, count: int) -> Any:
    """What a mean divides by."""
    return count if weights is None else np.add.reduce(weights)


def share_of(weights: Any, count: int, reduction: str, dtype: Any) -> Any:
    """The factor with which each loss enters the result; 0 if none does."""
    if reduction != "mean":
        return dtype.type(1)
    norm = _norm(weights, count)
    if weights is None:
        return dtype.type(1 / norm if norm else 0)
    with np.errstate(divide="ignore"):
        return np.where(norm == 0, 0, 1 / norm)


def spread(g: Any, x_shape: tuple[int, ...]) -> Any:
    """The gradient of a loss, or of each target's own, so that it broadcasts to the scores."""
    return np.expand_dims(g, class_dim(x_shape)) if g.ndim else g
