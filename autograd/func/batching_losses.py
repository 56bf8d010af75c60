"""Rules for losses of class numbers: all examples are rows of one batch, whose losses are added up for each apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.foreign import alike
from .batching import Level, Unsuited
from .batching_ops import forward, operation

__all__: list[str] = []


def _shares(level: Level, target: Any, weight: Any, ignore_index: int, dtype: Any) -> Any:
    """What each target counts: 1, or the weight of its class; 0 if it is ignored."""
    targets = level.lift(target)
    counts = (targets != ignore_index).astype(dtype)
    if weight is None:
        return counts
    index = np.where(targets != ignore_index, targets, 0)
    if not level.owns(weight):
        return counts * np.take(alike(weight, index), index)
    flat = np.reshape(index, (level.size, -1))
    return counts * np.reshape(np.take_along_axis(weight.value, flat, 1), index.shape)


def _totals(level: Level, shares: Any) -> Any:
    return np.sum(np.reshape(shares, (level.size, -1)), axis=1)


def _rows(level: Level, x: Any, classes: bool) -> Any:
    """All examples' scores (``classes``) or targets, as those of one batch."""
    value = level.lift(x)
    if value.ndim == (2 if classes else 1):
        return value
    return np.reshape(value, (-1, *value.shape[2:]))


@operation("cross_entropy", "nll_loss")
def _class_loss(
    level: Level, op: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, *settings: Any
) -> Any:
    own = level.owns(weight)  # then it is multiplied with apart, which smoothing does not let
    if not x.ndim or not level.size or (own and settings and settings[0]):
        raise Unsuited
    if target.shape != (x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()):
        raise Unsuited
    rows, targets = _rows(level, x, True), _rows(level, target, False)
    settings = (*settings[:-1], None) if settings else ()  # without memo
    losses = forward(op, rows, targets, None if own else weight, ignore_index, "none", *settings)
    losses = np.reshape(losses, (level.size, *target.shape))
    if own:
        losses = losses * _shares(level, target, weight, ignore_index, losses.dtype)
    if reduction == "none":
        return level.wrap(losses)
    totals = _totals(level, losses)
    if reduction == "mean":
        with np.errstate(divide="ignore", invalid="ignore"):
            totals = totals / _totals(level, _shares(level, target, weight, ignore_index, totals.dtype))
    return level.wrap(totals.astype(x.dtype))


@operation("cross_entropy_backward")
def _cross_entropy_backward(
    level: Level, op: Any, x: Any, y: Any, target: Any, weight: Any, ignore_index: int, reduction: str,
    smoothing: float, memo: Any,
) -> Any:  # fmt: skip
    own = level.owns(weight)
    if not x.ndim or not level.size or (own and smoothing):
        raise Unsuited
    seeds = level.lift(y)
    if reduction == "mean":
        shares = _totals(level, _shares(level, target, weight, ignore_index, seeds.dtype))
        seeds = np.where(shares == 0, 0, seeds / np.where(shares == 0, 1, shares)).astype(y.dtype)
    if reduction != "none":
        seeds = np.broadcast_to(np.reshape(seeds, (level.size, *(1,) * target.ndim)), (level.size, *target.shape))
    rows, targets = _rows(level, x, True), _rows(level, target, False)
    if own:
        seeds, weight = seeds * _shares(level, target, weight, ignore_index, seeds.dtype), None
    seeds = np.reshape(seeds, targets.shape)
    made = forward(op, rows, seeds, targets, weight, ignore_index, "none", smoothing, None)
    return level.wrap(np.reshape(made, (level.size, *x.shape)))


@operation("multilabel_margin_loss")
def _multilabel_margin_loss(level: Level, op: Any, x: Any, target: Any, reduction: str) -> Any:
    losses = np.reshape(_of_rows(level, op, x, target, reduction="none"), (level.size, *x.shape[:-1]))
    if reduction == "none":
        return level.wrap(losses)
    chosen = np.sum if reduction == "sum" else np.mean
    return level.wrap(chosen(np.reshape(losses, (level.size, -1)), axis=1))


@operation("multilabel_slope")
def _multilabel_slope(level: Level, op: Any, x: Any, target: Any) -> Any:
    return level.wrap(np.reshape(_of_rows(level, op, x, target), (level.size, *x.shape)))


def _of_rows(level: Level, op: Any, x: Any, target: Any, **settings: Any) -> Any:
    """An op of scores and as many labels, for all examples' rows at once."""
    if x.ndim not in (1, 2) or 0 in x.shape or not level.size or target.shape != x.shape:
        raise Unsuited
    return forward(op, *[np.reshape(level.lift(item), (-1, x.shape[-1])) for item in (x, target)], *settings.values())
