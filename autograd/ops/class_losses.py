"""Losses between scores of classes and the right class: cross-entropy and negative log-likelihood.

Shape, of every op here: scores (N, C, ...) or (C,), with the classes in dimension 1 (0); targets are class numbers
(N, ...) or (), or, for ``cross_entropy``, probabilities of the scores' shape.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import composed, op
from ..engine.nodes import Handle
from ..errors import DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic, reductions
from .axes import accumulation_dtype
from .embeddings import check_range
from .neural import exponentials, log_softmax, softmax


def _class_dim(shape: tuple[int, ...]) -> int:
    return 1 if len(shape) > 1 else 0


def _by_rows(scores: Any) -> Any:
    """Scores as a matrix with a row for each target."""
    return (
        scores
        if scores.ndim == 2
        else np.reshape(np.moveaxis(scores, _class_dim(scores.shape), -1), (-1, scores.shape[_class_dim(scores.shape)]))
    )


def _from_rows(rows: Any, shape: tuple[int, ...]) -> Any:
    """What ``_by_rows`` undoes."""
    if len(shape) == 2:
        return rows
    dim = _class_dim(shape)
    return np.moveaxis(np.reshape(rows, (*shape[:dim], *shape[dim + 1 :], shape[dim])), -1, dim)


def _check(name: str, x: Any, target: Any, weight: Any, reduction: str) -> None:
    shape = tuple(x.shape)
    if not shape:
        raise ShapeError(f"{name}: the input must have a dimension of classes, got shape ()")
    dim = _class_dim(shape)
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
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _reading(target: Any, weight: Any, ignore_index: int, classes: int, dtype: Any, name: str) -> tuple[Any, Any]:
    """Class numbers that can be used as an index, and the weight of each target; None if all are 1.

    Raises:
        IndexError: a class number is out of range.
    """
    target = target.reshape(-1)
    if target.dtype.kind not in "iu":
        raise DtypeError(f"{name}: class numbers must be integers, got {target.dtype}; convert with .long()")
    plain = type(target) is np.ndarray and target.dtype.itemsize == 8 and not 0 <= ignore_index < classes
    if plain and (
        not target.size or int(np.maximum.reduce(target.view(np.uint64))) < classes
    ):  # negative ones are huge
        return target, None if weight is None else np.take(weight, target).astype(dtype, copy=False)
    valid = target != ignore_index
    target = np.where(valid, target, 0)
    check_range("", "class", target, classes)
    weights = valid.astype(dtype)
    return target, weights if weight is None else weights * np.take(weight, target).astype(dtype, copy=False)


def _combined(losses: Any, weights: Any, reduction: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """The losses of all targets, which are weighted already, reduced."""
    if reduction == "none":
        dim = _class_dim(shape)
        return np.reshape(losses, (*shape[:dim], *shape[dim + 1 :])).astype(dtype, copy=False)
    total = np.add.reduce(losses)
    if reduction == "mean":
        count = len(losses)
        total = total / count if weights is None and count else _mean(total, _norm(weights, count))
    return total.astype(dtype, copy=False)


@np.errstate(divide="ignore", invalid="ignore")  # no targets: the mean is NaN, as in PyTorch
def _mean(total: Any, count: Any) -> Any:
    return total / total.dtype.type(count)


def _norm(weights: Any, count: int) -> Any:
    """What a mean divides by."""
    return count if weights is None else np.add.reduce(weights)


@np.errstate(divide="ignore")
def _share(weights: Any, count: int, reduction: str, dtype: Any) -> Any:
    """The factor with which each loss enters the result; 0 if none does."""
    if reduction != "mean":
        return dtype.type(1)
    norm = _norm(weights, count)
    if weights is None:
        return dtype.type(1 / norm if norm else 0)
    return np.where(norm == 0, 0, 1 / norm)


_TARGETS: list[dict[str, Any]] = [
    {"x": reals(shape=(3, 4)), "target": np.array([1, 3, 1])},
    {"x": reals(shape=(3, 4)), "target": np.array([1, 3, 1]), "reduction": "sum"},
    {"x": reals(shape=(3, 4)), "target": np.array([1, -100, 0]), "reduction": "none"},
    {"x": reals(shape=(3, 2)), "target": np.array([1, 0, 1]), "ignore_index": 0},
    {"x": reals(shape=(3, 2)), "target": np.array([1, 0, -100]), "weight": np.array([0.5, 2.0])},
    {"x": reals(shape=(2, 3, 2)), "target": np.array([[1, 2], [0, 1]]), "weight": np.array([0.5, 2.0, 1.0])},
    {"x": reals(shape=(2, 3, 2)), "target": np.array([[1, 2], [0, 1]]), "reduction": "none"},
    {"x": reals(shape=(4,)), "target": np.array(2)},
]
_SMOOTH = [{**arguments, "label_smoothing": 0.2} for arguments in _TARGETS]

# ---- cross-entropy ---------------------------------------------------------------------------------------------------


def _spread(g: Any, x_shape: tuple[int, ...], reduction: str) -> Any:
    return np.expand_dims(g, _class_dim(x_shape)) if reduction == "none" else g


def _cross_entropy_rule(
    g: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    slope = cross_entropy_slope.kernel(x, target, weight, ignore_index, reduction, label_smoothing)
    return _spread(g, x.shape, reduction) * slope


def _slope_rule(
    g: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    """The slope is ``c * softmax(x)`` less what does not depend on ``x``, with a constant ``c`` for each target."""
    dim = _class_dim(x.shape)
    share = g * _total_weight(x.shape, x.dtype, target, weight, ignore_index, reduction, label_smoothing)
    p = softmax.kernel(x, dim)
    return p * (share - np.add.reduce(share * p, dim, keepdims=True))


def _total_weight(
    shape: tuple[int, ...],
    dtype: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """For each target the sum of the weights of all log-probabilities in the loss; it broadcasts to the scores."""
    dim = _class_dim(shape)
    classes = shape[dim]
    _, weights = _reading(target, weight, ignore_index, classes, dtype, "cross_entropy")
    count = max(math.prod(shape) // max(classes, 1), 0)
    found = np.ones(count, dtype) if weights is None else weights
    scale = _share(weights, count, reduction, dtype)
    if label_smoothing:
        valid = 1 if ignore_index is None else (np.reshape(target, -1) != ignore_index).astype(dtype)
        spread = 1 if weight is None else float(np.add.reduce(weight)) / classes
        found = found * (1 - label_smoothing) + valid * (label_smoothing * spread)
    found = found * scale
    return np.expand_dims(np.reshape(found, (*shape[:dim], *shape[dim + 1 :])), dim)


@op(x=_slope_rule, constants=("target", "weight"), samples=[case(**arguments) for arguments in (*_TARGETS, *_SMOOTH)])
def cross_entropy_slope(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The derivative of ``cross_entropy`` by the scores; of each target's own loss, if ``reduction`` is "none"."""
    dim = _class_dim(x.shape)
    classes = x.shape[dim]
    wide = accumulation_dtype(x.dtype) or x.dtype
    _, p = exponentials(_by_rows(x.astype(wide, copy=False)), 1)
    total = np.add.reduce(p, 1, keepdims=True)
    index, weights = _reading(target, weight, ignore_index, classes, wide, "cross_entropy")
    rows = np.arange(len(index))
    if weights is None and not label_smoothing:
        count = max(len(index), 1) if reduction == "mean" else 1
        total *= count
        p /= total
        p[rows, index] -= 1 / count
    else:
        p /= total
        total = _total_weight(x.shape, wide, target, weight, ignore_index, reduction, label_smoothing)
        p *= np.reshape(total, (-1, 1))
        scale = _share(weights, len(index), reduction, wide)
        own = scale if weights is None else weights * scale
        p[rows, index] -= own * wide.type(1 - label_smoothing)
        if label_smoothing:
            valid = np.reshape(np.reshape(target, -1) != ignore_index, (-1, 1))
            each = valid * (scale * wide.type(label_smoothing / classes))
            p -= each if weight is None else each * weight.astype(wide, copy=False)
    return _from_rows(p, x.shape).astype(x.dtype, copy=False)


@op(
    x=_cross_entropy_rule,
    constants=("target", "weight"),
    promote="float",
    samples=[case(**arguments) for arguments in (*_TARGETS, *_SMOOTH)],
)
def cross_entropy_(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """``cross_entropy`` with class numbers."""
    _check("cross_entropy", x, target, weight, reduction)
    dim = _class_dim(x.shape)
    wide = accumulation_dtype(x.dtype) or x.dtype
    shifted, powers = exponentials(_by_rows(x.astype(wide, copy=False)), 1)
    total = np.log(np.add.reduce(powers, 1))
    index, weights = _reading(target, weight, ignore_index, x.shape[dim], wide, "cross_entropy")
    losses = total - shifted[np.arange(len(index)), index]
    if weights is not None:
        losses *= weights
    if label_smoothing:
        valid = np.reshape(target, -1) != ignore_index
        logs = shifted - np.expand_dims(total, 1)
        spread = logs if weight is None else logs * weight.astype(wide, copy=False)
        losses = losses * (1 - label_smoothing) - np.add.reduce(spread, 1) * valid * (label_smoothing / logs.shape[1])
    return _combined(losses, weights, reduction, x.shape, x.dtype)


def _entropy_of_probabilities(x: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    """``cross_entropy`` with probabilities of classes."""
    shape = tuple(x.shape)
    dim = _class_dim(shape)
    logs = log_softmax(x, dim)
    if label_smoothing:
        target = arithmetic.add(arithmetic.mul(target, 1 - label_smoothing), label_smoothing / shape[dim])
    if weight is not None:
        logs = arithmetic.mul(logs, np.reshape(weight, (-1, *(1,) * (len(shape) - dim - 1))))
    losses = arithmetic.neg(reductions.sum(arithmetic.mul(logs, target), dim))
    if reduction == "none":
        return losses
    total = reductions.sum(losses)
    return total if reduction == "sum" else arithmetic.div(total, max(math.prod(shape) // max(shape[dim], 1), 1))


@composed()
def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The negative logarithm of the probability that ``softmax`` of the scores ``x`` gives the right class.

    Args:
        x: floating.
        target: class numbers, or probabilities of the classes (floating, of the shape of ``x``).
        weight: a factor for each class.
        ignore_index: targets of this number do not count.
        reduction: ``"mean"`` (weighted, over the targets that count), ``"sum"`` or ``"none"``.
        label_smoothing: this share of each target is spread evenly over all classes.

    Raises:
        IndexError: a class number is out of range.
        ShapeError, DtypeError, ValueError: the arguments do not fit.

    >>> import autograd
    >>> scores = autograd.tensor([[2.0, 1.0, 0.0]])
    >>> cross_entropy(scores, autograd.tensor([0]))
    tensor(0.4076)
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie between 0 and 1, got {label_smoothing}")
    if not hasattr(target, "dtype"):
        target = np.asarray(target)
    if target.dtype.kind in "iu":
        return cross_entropy_(x, target, weight, ignore_index, reduction, label_smoothing)
    if tuple(target.shape) != tuple(x.shape):
        raise ShapeError(
            f"cross_entropy: a floating target gives probabilities of classes and must have the input's shape "
            f"{tuple(x.shape)}, "
            f"got {target.dtype} of shape {tuple(target.shape)}; for class numbers convert it with .long()"
        )
    if weight is not None or reduction not in ("mean", "sum", "none") or not len(x.shape):
        dim = _class_dim(tuple(x.shape))
        _check("cross_entropy", x, np.empty((*x.shape[:dim], *x.shape[dim + 1 :])), weight, reduction)
    if weight is not None and isinstance(weight, Handle):
        weight = weight._data
    return _entropy_of_probabilities(x, target, weight, reduction, label_smoothing)


# ---- negative log-likelihood -----------------------------------------------------------------------------------------


def _nll_rule(g: Any, x_shape: tuple[int, ...], target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    return _spread(g, x_shape, reduction) * _nll_slope(g.dtype, x_shape, target, weight, ignore_index, reduction)


def _nll_slope(dtype: Any, shape: tuple[int, ...], target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    classes = shape[_class_dim(shape)]
    wide = accumulation_dtype(dtype) or dtype
    index, weights = _reading(target, weight, ignore_index, classes, wide, "nll_loss")
    rows = np.zeros((len(index), classes), wide, like=index)
    scale = _share(weights, len(index), reduction, wide)
    rows[np.arange(len(index)), index] = -scale if weights is None else weights * -scale
    return _from_rows(rows, shape)


@op(
    x=_nll_rule,
    constants=("target", "weight"),
    promote="float",
    samples=[case(**arguments) for arguments in _TARGETS],
)
def nll_loss(x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Minus the element of the right class, where ``x`` are log-probabilities (of ``log_softmax``).

    Args:
        x: floating.
        target: class numbers.
        weight: a factor for each class.
        ignore_index: targets of this number do not count.
        reduction: ``"mean"`` (weighted, over the targets that count), ``"sum"`` or ``"none"``.

    Raises: IndexError, ShapeError, DtypeError, ValueError.
    """
    _check("nll_loss", x, target, weight, reduction)
    wide = accumulation_dtype(x.dtype) or x.dtype
    index, weights = _reading(target, weight, ignore_index, x.shape[_class_dim(x.shape)], wide, "nll_loss")
    losses = -_by_rows(x)[np.arange(len(index)), index].astype(wide, copy=False)
    return _combined(losses if weights is None else losses * weights, weights, reduction, x.shape, x.dtype)
