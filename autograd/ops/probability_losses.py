"""Losses between probabilities, or the parameters of a distribution, and what was observed.

As all losses: ``reduction`` is ``"mean"``, ``"sum"``, or ``"none"`` for the losses of the single elements.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op, unwrap
from ..engine.foreign import everywhere
from ..errors import ArgumentError, ShapeError
from ..samples import case, elementwise, reals
from . import arithmetic, reductions, shapes
from .activations import softplus
from .exponential import log1p_below_1, sigmoid
from .losses import check_pair, check_reduction, each, pairs, reduced

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- yes or no -------------------------------------------------------------------------------------------------------


def _weighed(losses: Any, weight: Any) -> Any:
    return losses if weight is None else losses * weight


def _check_weights(name: str, shape: tuple[int, ...], **weights: Any) -> None:
    """Raise ShapeError unless the weights broadcast to ``shape``."""
    for kind, weight in weights.items():
        if weight is not None and np.shape(weight) != shape:
            try:
                fits = np.broadcast_shapes(np.shape(weight), shape) == shape
            except ValueError:
                fits = False
            if not fits:
                raise ShapeError(f"{name}: {kind} has shape {np.shape(weight)}, which does not broadcast to {shape}")


def _check_probabilities(kind: str, values: Any, remedy: str) -> None:
    """Raise ValueError for one that is not from 0 to 1 (NaN is not)."""
    if isinstance(values, (np.ndarray, np.generic)) and values.size:
        low, high = np.minimum.reduce(values, None), np.maximum.reduce(values, None)  # in half the time of min
        if not (low >= 0 and high <= 1):
            raise ArgumentError(f"the {kind} must be probabilities, from 0 to 1, but it has {low} to {high}; {remedy}")


@op(
    x=lambda g, x, target, weight, reduction: (
        _weighed(each(g, reduction, x.shape, target.shape), weight) * (x - target) / np.maximum((1 - x) * x, 1e-12)
    ),
    target=lambda g, x, target, weight, reduction: (
        _weighed(each(g, reduction, x.shape, target.shape), weight) * (np.log1p(-x) - np.log(x))
    ),
    constants=("weight",),
    refused=("weight",),
    promote="real",
    jvp="reduction",
    samples=pairs(reals(0.05, 0.95), reals(0.05, 0.95))
    + [case(x=reals(0.1, 0.9, shape=(2, 2)), target=reals(0, 1, shape=(2, 2)), weight=np.array([0.5, 2.0]))],
)
def binary_cross_entropy(x: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """``-(target * log(x) + (1 - target) * log(1 - x))``, with the logarithms not below -100.

    Args:
        x: probabilities.
        target: probabilities.
        weight: a factor for each loss (it broadcasts).
        reduction: "mean", "sum" or "none".

    Raises: ShapeError; ValueError if an ``x`` or a target is not a probability.
    """
    if x.shape != target.shape:
        check_pair("binary_cross_entropy", x, target, strict=True)
    _check_weights("binary_cross_entropy", x.shape, weight=weight)
    _check_probabilities("input", x, "apply sigmoid, or use binary_cross_entropy_with_logits")
    _check_probabilities("target", target, "of two classes one is 0 and the other 1")
    with np.errstate(divide="ignore"):
        on, off = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return reduced(_weighed((target - 1) * off - target * on, weight).astype(x.dtype, copy=False), reduction)


def _logits_slope(x: Any, target: Any, pos_weight: Any) -> Any:
    if pos_weight is None:
        return sigmoid.kernel(x) - target
    return 1 - target - ((pos_weight - 1) * target + 1) * sigmoid.kernel(-x)


def _logits_target_slope(x: Any, pos_weight: Any) -> Any:
    return -x if pos_weight is None else (pos_weight - 1) * softplus.kernel(-x, 1.0, math.inf) - x


@op(
    x=lambda g, x, target, weight, pos_weight, reduction: (
        _weighed(each(g, reduction, x.shape, target.shape), weight) * _logits_slope(x, target, pos_weight)
    ),
    target=lambda g, x, target, weight, pos_weight, reduction: (
        _weighed(each(g, reduction, x.shape, target.shape), weight) * _logits_target_slope(x, pos_weight)
    ),
    constants=("weight", "pos_weight"),
    refused=("weight", "pos_weight"),
    promote="real",
    jvp="reduction",
    samples=pairs(target=reals(0, 1))
    + [
        case(
            x=reals(shape=(2, 2)),
            target=reals(0, 1, shape=(2, 2)),
            weight=np.array([0.5, 2.0]),
            pos_weight=np.array([3.0, 0.2]),
        ),
        case(x=reals(shape=(2, 2)), target=reals(0, 1, shape=(2, 2)), pos_weight=np.array([3.0, 0.2]), reduction="sum"),
    ],
)
def binary_cross_entropy_with_logits(
    x: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """``binary_cross_entropy`` of ``sigmoid(x)``, exact for logits of any size.

    Args:
        x: logits, any numbers.
        target: probabilities.
        weight: a factor for each loss (it broadcasts).
        reduction: "mean", "sum" or "none".
        pos_weight: a factor for the losses of positive targets (it broadcasts).

    Raises: ShapeError.
    """
    if x.shape != target.shape:
        check_pair("binary_cross_entropy_with_logits", x, target, strict=True)
    if weight is not None or pos_weight is not None:
        _check_weights("binary_cross_entropy_with_logits", x.shape, weight=weight, pos_weight=pos_weight)
    # Of a right and certain prediction the large term is exactly 0, and the small one remains.
    small = log1p_below_1(np.exp(-np.abs(x)))
    if pos_weight is None:
        losses = x * ((x > 0) - target) + small
    else:
        factor = (pos_weight - 1) * target + 1
        losses = (1 - target) * x + factor * np.maximum(-x, 0) + factor * small
    return reduced(_weighed(losses, weight).astype(x.dtype, copy=False), reduction)


@composed(inputs=("x", "target"), samples=[
    *[case(x=reals(shape=(2, 3)), target=reals(0, 1, shape=(2, 3)), reduction=r) for r in ("mean", "sum", "none")],
    case(x=reals(shape=(3,)), target=reals(0, 1, shape=(3,)), weight=np.array([0.5, 2.0, 1.0]), reduction="none"),
])  # fmt: skip
def multilabel_soft_margin_loss(x: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """``binary_cross_entropy_with_logits``, of each example the mean over its classes (the last dimension).

    Args:
        x: logits (..., C).
        target: 0 or 1 for each.
        weight: a factor for each class, differentiable too.
        reduction: "mean", "sum" or "none", over the examples.

    Raises: ShapeError.
    """
    check_reduction("multilabel_soft_margin_loss", reduction)
    if not len(x.shape):
        raise ShapeError("multilabel_soft_margin_loss: the input must have a dimension of classes, got shape ()")
    if tuple(x.shape) != tuple(target.shape):
        check_pair("multilabel_soft_margin_loss", x, target, strict=True)
    if weight is None and reduction == "mean":
        return binary_cross_entropy_with_logits(x, target)
    losses = binary_cross_entropy_with_logits(x, target, reduction="none")
    if weight is not None:
        _check_weights("multilabel_soft_margin_loss", tuple(x.shape), weight=weight)
        losses = arithmetic.mul(losses, weight)  # not the op's own weight, which has no gradient
    if reduction == "mean":
        return reductions.mean(losses)
    losses = reductions.mean(losses, -1)
    return losses if reduction == "none" else reductions.sum(losses)


# ---- divergence ------------------------------------------------------------------------------------------------------


def _kl_target_slope(x: Any, target: Any, log_target: bool) -> Any:
    if log_target:
        return np.exp(target) * (target - x + 1)
    return np.where(target == 0, 0, np.log(np.where(target == 0, 1, target)) + 1) - x


def _kl_each(g: Any, reduction: str, x: tuple[int, ...], target: tuple[int, ...]) -> Any:
    if reduction == "batchmean":
        g, reduction = g / max(x[0] if x else 1, 1), "sum"
    return each(g, reduction, x, target)


@op(
    x=lambda g, x_shape, target, reduction, log_target: (
        -_kl_each(g, reduction, x_shape, target.shape) * (np.exp(target) if log_target else target)
    ),
    target=lambda g, x, target, reduction, log_target: (
        _kl_each(g, reduction, x.shape, target.shape) * _kl_target_slope(x, target, log_target)
    ),
    promote="float",
    jvp="reduction",
    samples=pairs(target=reals(0.1, 1))
    + pairs(log_target=True)
    + [case(x=reals(shape=(2, 3)), target=reals(0.1, 1, shape=(2, 3)), reduction="batchmean")],
)
def kl_div(x: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """``target * (log(target) - x)``: the divergence of Kullback and Leibler, where ``x`` is a log-probability.

    Args:
        x: logarithms of probabilities.
        target: probabilities. Where one is 0 the loss is 0, and so is the gradient's part from its logarithm.
        reduction: also ``"batchmean"``, the sum divided by the size of dimension 0, which is the mathematical one.
        log_target: the target too is a log-probability.

    Raises: ShapeError.
    """
    if x.shape != target.shape:
        check_pair("kl_div", x, target)
    if log_target:
        losses = np.exp(target) * (target - x)
    else:
        losses = target * (np.log(np.where(target == 0, 1, target)) - x)
    if reduction == "batchmean":
        total = reduced(losses, "sum")
        if not x.ndim:
            return total
        return total / x.shape[0] if x.shape[0] else total * math.nan
    return reduced(losses, reduction)


# ---- parameters of a distribution ------------------------------------------------------------------------------------


def _poisson_slope(x: Any, target: Any, log_input: bool, eps: float) -> Any:
    return np.exp(x) - target if log_input else 1 - target / (x + eps)


def _poisson_target_slope(x: Any, target: Any, log_input: bool, full: bool, eps: float) -> Any:
    slope = -x if log_input else -np.log(x + eps)
    if full:
        large = np.where(target > 1, target, 1)
        slope = slope + np.where(target > 1, np.log(large) + 0.5 / large, 0)
    return slope


@op(
    x=lambda g, x, target, log_input, eps, reduction: (
        each(g, reduction, x.shape, target.shape) * _poisson_slope(x, target, log_input, eps)
    ),
    target=lambda g, x, target, log_input, full, eps, reduction: (
        each(g, reduction, x.shape, target.shape) * _poisson_target_slope(x, target, log_input, full, eps)
    ),
    promote="real",
    jvp="reduction",
    samples=pairs(target=reals(0, 4))
    + pairs(x=reals(0.2, 3), target=reals(0, 4), log_input=False)
    + pairs(target=reals(0.1, 4, avoid=(1.0,)), full=True),
)
def poisson_nll_loss(
    x: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, *, reduction: str = "mean"
) -> Any:
    """Minus the log-likelihood of counts under a Poisson distribution, without its constant.

    Args:
        x: the logarithm of the rate.
        target: counts.
        log_input: if False, ``x`` is the rate itself.
        full: add Stirling's approximation of the constant ``log(target!)``, where the target exceeds 1.
        eps: added to a rate before its logarithm.
        reduction: "mean", "sum" or "none".

    Raises: ShapeError.
    """
    if x.shape != target.shape:
        check_pair("poisson_nll_loss", x, target)
    losses = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    if full:
        large = np.where(target > 1, target, 1)
        stirling = large * np.log(large) - large + np.log(large * (2 * math.pi)) * 0.5
        losses = losses + np.where(target > 1, stirling, 0)
    return reduced(losses, reduction)


@op(x=lambda g: g, jvp="symmetric", samples=elementwise(x=reals(1, 3), low=0.5))
def raised(x: Any, low: float) -> Any:
    """``x``, raised to ``low`` where it is below; the gradient passes as if it were not."""
    return np.maximum(x, low)


def _gaussian_each(g: Any, reduction: str, x: Any, target: Any, var: Any) -> Any:
    return each(g, reduction, x.shape, target.shape, var.shape)


@op(
    x=lambda g, x, target, var, reduction: _gaussian_each(g, reduction, x, target, var) * (x - target) / var,
    target=lambda g, x, target, var, reduction: _gaussian_each(g, reduction, x, target, var) * (target - x) / var,
    var=lambda g, x, target, var, reduction: (
        _gaussian_each(g, reduction, x, target, var) * 0.5 * (1 - np.square(x - target) / var) / var
    ),
    promote="real",
    jvp="reduction",
    samples=[
        case(x=reals(shape=(2, 3)), target=reals(shape=(2, 3)), var=reals(0.5, 3, shape=shape), reduction=reduction)
        for shape, reduction in (((2, 3), "mean"), ((2, 1), "sum"), ((2, 3), "none"))
    ],
)
def gaussian_nll(x: Any, target: Any, var: Any, full: bool = False, *, reduction: str = "mean") -> Any:
    """``gaussian_nll_loss`` with variances that are known to be positive and to broadcast."""
    losses = (np.log(var) + np.square(x - target) / var) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


@composed(inputs=("x", "target", "var"), samples=[
    case(x=reals(shape=(2, 3)), target=reals(shape=(2, 3)), var=reals(0.5, 3, shape=(2,))),
    case(x=reals(shape=(2, 3)), target=reals(shape=(2, 3)), var=reals(0.5, 3, shape=(2, 1)), full=True),
    case(x=reals(shape=(2,)), target=reals(shape=(2,)), var=reals(0.5, 3, shape=(2,)), reduction="none"),
])  # fmt: skip
def gaussian_nll_loss(
    x: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, *, reduction: str = "mean"
) -> Tensor:
    """Minus the log-likelihood of ``target`` under normal distributions of mean ``x`` and variance ``var``.

    Args:
        x, target: of one shape.
        var: of that shape, of that shape without (or with 1 as) the last dimension, or a number; not negative.
        full: add the constant ``log(2 pi) / 2``.
        eps: smaller variances count as this; the gradient passes as if they did not.
        reduction: "mean", "sum" or "none".

    Raises: ShapeError; ValueError for a negative variance.
    """
    check_reduction("gaussian_nll_loss", reduction)
    if tuple(x.shape) != tuple(target.shape):
        check_pair("gaussian_nll_loss", x, target)
    if not hasattr(var, "shape"):
        var = np.asanyarray(var, x.dtype)
    elif tuple(var.shape) != tuple(x.shape):
        have, want = tuple(var.shape), tuple(x.shape)
        if have == want[:-1]:
            var = shapes.unsqueeze(var, -1)
        elif len(have) != len(want) or sum(n for n, m in zip(want, have, strict=True) if n != m and m != 1):
            raise ShapeError(
                f"gaussian_nll_loss: var has shape {have}; expected {want}, {(*want[:-1], 1)}, {want[:-1]} or a number"
            )
    if not everywhere(np.logical_not(unwrap(var) < 0)):
        raise ArgumentError(
            "gaussian_nll_loss: var has negative entries; a variance is at least 0 (apply exp or softplus)"
        )
    return gaussian_nll(x, target, raised(var, eps), full, reduction=reduction)
