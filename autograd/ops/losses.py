"""Loss functions: one number from predictions and targets.

Of every loss here: ``reduction`` is ``"mean"``, ``"sum"``, or ``"none"`` for the losses of the single elements.
An input of shape (n,) with a target of shape (n, 1) is almost always a mistake, and raises.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .._op import op
from ..errors import ShapeError
from ..samples import case, reals
from .activations import soft_maximum, softplus
from .axes import accumulation_dtype
from .exponential import sigmoid

# ---- what losses share -----------------------------------------------------------------------------------------------


def reduced(losses: Any, reduction: str) -> Any:
    """The losses, their sum or their mean."""
    if reduction == "none":
        return losses
    dtype = losses.dtype
    total = np.add.reduce(losses, None, accumulation_dtype(dtype))
    if reduction == "mean":
        total = total / losses.size if losses.size else dtype.type(math.nan)
    elif reduction != "sum":
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return total.astype(dtype, copy=False)


def each(g: Any, reduction: str, *shapes: tuple[int, ...]) -> Any:
    """The gradient that reaches each single loss; ``shapes`` are those of the inputs, which broadcast."""
    return g / max(math.prod(np.broadcast_shapes(*shapes)), 1) if reduction == "mean" else g


def check_pair(name: str, x: Any, target: Any) -> None:
    """Look at the shapes of an input and its target, if they differ.

    Raises:
        ShapeError: they do not broadcast, or only together to something larger than both.
    """
    a, b = x.shape, target.shape
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise ShapeError(f"{name}: the input has shape {a}, but the target {b}; they should be equal") from None
    if math.prod(shape) > max(x.size, target.size):
        if x.size == target.size:
            fix = f"target.reshape({', '.join(map(str, a))})"
            if len(a) == len(b) + 1 and a[-1] == 1:
                fix = f"input.squeeze(-1), or {fix}"
            elif len(b) == len(a) + 1 and b[-1] == 1:
                fix = f"target.squeeze(-1), or {fix}"
        else:
            fix = "the same shape for both"
        raise ShapeError(
            f"{name}: the input has shape {a} and the target {b}: together they would broadcast to {shape}, and each "
            f"prediction would be compared with every target. Use {fix}"
        )
    warnings.warn(
        f"{name}: the target's shape {b} differs from the input's {a}; it is broadcast, which may give wrong results. "
        "Use the same shape for both",
        stacklevel=4,
    )


_ANY = reals()


def _pairs(x: Any = _ANY, target: Any = _ANY, **arguments: Any) -> list[Any]:
    """Samples of a loss between an input and a target."""

    def at(domain: Any, shape: tuple[int, ...]) -> Any:
        return reals(domain.low, domain.high, shape=shape, avoid=domain.avoid, make=domain.make)

    return [
        case(x=at(x, shape), target=at(target, shape), reduction=reduction, **arguments)
        for shape, reduction in (((2, 3), "mean"), ((2, 3), "sum"), ((3,), "none"), ((), "mean"))
    ]


# ---- regression ------------------------------------------------------------------------------------------------------


@op(
    x=lambda g, x, target, reduction: each(g, reduction, x.shape, target.shape) * 2 * (x - target),
    target=lambda g, x, target, reduction: each(g, reduction, x.shape, target.shape) * 2 * (target - x),
    promote="float",
    samples=_pairs(),
)
def mse_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The square of the difference. Raises: ShapeError."""
    if x.shape != target.shape:
        check_pair("mse_loss", x, target)
    difference = x - target
    return reduced(np.square(difference), reduction)


def _sign(d: Any) -> Any:
    """The sign, conjugate as the rules of real outputs are."""
    return np.conj(np.sign(d)) if d.dtype.kind == "c" else np.sign(d)


def _apart() -> dict[str, Any]:
    """Inputs and targets whose differences stay away from 0, 1 and -1."""
    return {"x": reals(1.2, 3), "target": reals(-3, -1.2)}


@op(
    x=lambda g, x, target, reduction: each(g, reduction, x.shape, target.shape) * _sign(x - target),
    target=lambda g, x, target, reduction: each(g, reduction, x.shape, target.shape) * _sign(target - x),
    promote="float",
    samples=_pairs(**_apart()) + _pairs(x=reals(-3, -1), target=reals(1, 3)),
)
def l1_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The magnitude of the difference; its gradient at 0 is 0. Raises: ShapeError."""
    if x.shape != target.shape:
        check_pair("l1_loss", x, target)
    return reduced(np.abs(x - target), reduction)


def _smooth_slope(d: Any, beta: float) -> Any:
    return np.sign(d) if beta == 0 else np.clip(d / beta, -1, 1)


_CLOSE = {"x": reals(0.1, 0.4), "target": reals(-0.4, -0.1)}


@op(
    x=lambda g, x, target, reduction, beta: each(g, reduction, x.shape, target.shape) * _smooth_slope(x - target, beta),
    target=lambda g, x, target, reduction, beta: (
        each(g, reduction, x.shape, target.shape) * _smooth_slope(target - x, beta)
    ),
    promote="float",
    samples=_pairs(**_apart()) + _pairs(**_CLOSE) + _pairs(**_apart(), beta=0.0) + _pairs(**_CLOSE, beta=2.0),
)
def smooth_l1_loss(x: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Half the square of the difference by ``beta`` up to that, from there its magnitude less ``beta / 2``.

    Raises: ShapeError; ValueError for a negative ``beta``.
    """
    if x.shape != target.shape:
        check_pair("smooth_l1_loss", x, target)
    if beta < 0:
        raise ValueError(f"beta must not be negative, got {beta}")
    d = np.abs(x - target)
    if beta != 0:
        d = np.where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta)
    return reduced(d, reduction)


@op(
    x=lambda g, x, target, reduction, delta: (
        each(g, reduction, x.shape, target.shape) * np.clip(x - target, -delta, delta)
    ),
    target=lambda g, x, target, reduction, delta: (
        each(g, reduction, x.shape, target.shape) * np.clip(target - x, -delta, delta)
    ),
    promote="float",
    samples=_pairs(**_apart()) + _pairs(**_CLOSE) + _pairs(**_CLOSE, delta=2.0),
)
def huber_loss(x: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the square of the difference up to ``delta``, from there ``delta`` times (its magnitude less ``delta / 2``).

    Raises: ShapeError; ValueError if ``delta`` is not positive.
    """
    if x.shape != target.shape:
        check_pair("huber_loss", x, target)
    if delta <= 0:
        raise ValueError(f"delta must be positive, got {delta}")
    d = np.abs(x - target)
    return reduced(np.where(d <= delta, d * d * 0.5, (d - 0.5 * delta) * delta), reduction)


# ---- probabilities ---------------------------------------------------------------------------------------------------


def _weighed(losses: Any, weight: Any) -> Any:
    return losses if weight is None else losses * weight


@op(
    x=lambda g, x, target, weight, reduction: (
        _weighed(each(g, reduction, x.shape, target.shape), weight) * (x - target) / np.maximum((1 - x) * x, 1e-12)
    ),
    target=lambda g, x, target, weight, reduction: (
        _weighed(each(g, reduction, x.shape, target.shape), weight)
        * (np.maximum(np.log1p(-x), -100) - np.maximum(np.log(x), -100))
    ),
    constants=("weight",),
    promote="float",
    samples=_pairs(reals(0.05, 0.95), reals(0.05, 0.95))
    + [case(x=reals(0.1, 0.9, shape=(2, 2)), target=reals(0, 1, shape=(2, 2)), weight=np.array([0.5, 2.0]))],
)
def binary_cross_entropy(x: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """``-(target * log(x) + (1 - target) * log(1 - x))``, with the logarithms not below -100.

    Args:
        x: probabilities.
        target: probabilities.
        weight: a factor for each loss (it broadcasts).
        reduction: "mean", "sum" or "none".

    Raises: ShapeError; ValueError if an ``x`` is no probability.
    """
    if x.shape != target.shape:
        check_pair("binary_cross_entropy", x, target)
    if type(x) is np.ndarray and x.size and (x.min() < 0 or x.max() > 1):
        raise ValueError(
            f"the input must be probabilities, from 0 to 1, but it has {x.min()} to {x.max()}; "
            "apply sigmoid, or use binary_cross_entropy_with_logits"
        )
    with np.errstate(divide="ignore"):
        on, off = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return reduced(_weighed((target - 1) * off - target * on, weight), reduction)


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
    promote="float",
    samples=_pairs(target=reals(0, 1))
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
        check_pair("binary_cross_entropy_with_logits", x, target)
    if pos_weight is None:
        losses = soft_maximum(x) - x * target
    else:
        losses = (1 - target) * x + ((pos_weight - 1) * target + 1) * soft_maximum(-x)
    return reduced(_weighed(losses, weight).astype(x.dtype, copy=False), reduction)


def _kl_target_slope(x: Any, target: Any, log_target: bool) -> Any:
    if log_target:
        return np.exp(target) * (target - x + 1)
    return np.where(target == 0, 0, np.log(np.where(target == 0, 1, target)) + 1) - x


def _kl_each(g: Any, reduction: str, x: tuple[int, ...], target: tuple[int, ...]) -> Any:
    return g / max(x[0] if x else 1, 1) if reduction == "batchmean" else each(g, reduction, x, target)


@op(
    x=lambda g, x_shape, target, reduction, log_target: (
        -_kl_each(g, reduction, x_shape, target.shape) * (np.exp(target) if log_target else target)
    ),
    target=lambda g, x, target, reduction, log_target: (
        _kl_each(g, reduction, x.shape, target.shape) * _kl_target_slope(x, target, log_target)
    ),
    promote="float",
    samples=_pairs(target=reals(0.1, 1))
    + _pairs(log_target=True)
    + [case(x=reals(shape=(2, 3)), target=reals(0.1, 1, shape=(2, 3)), reduction="batchmean")],
)
def kl_div(x: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """``target * (log(target) - x)``: the divergence of Kullback and Leibler, where ``x`` is a log-probability.

    Args:
        x: logarithms of probabilities.
        target: probabilities.
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
        return reduced(losses, "sum") / (x.shape[0] if x.ndim else 1)
    return reduced(losses, reduction)
