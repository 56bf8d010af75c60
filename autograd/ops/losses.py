"""Losses of regression, and what all losses share: checking of shapes, reduction.

Of every loss here: ``reduction`` is ``"mean"``, ``"sum"``, or ``"none"`` for the losses of the single elements.
An input of shape (n,) with a target of shape (n, 1) is almost always a mistake, and raises.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import composed, op
from ..engine.callsite import warn
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from . import arithmetic, reductions
from .axes import accumulation_dtype

# ---- what losses share -----------------------------------------------------------------------------------------------


def check_reduction(name: str, reduction: str) -> None:
    """Raise ValueError unless it is "mean", "sum" or "none"."""
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def reduced(losses: Any, reduction: str) -> Any:
    """The losses, their sum or their mean (nan if there are none).

    Raises: ValueError for another reduction.
    """
    if reduction == "none":
        return losses
    dtype = losses.dtype
    total = np.add.reduce(losses, None, accumulation_dtype(dtype))
    if reduction == "mean":
        total = total / losses.size if losses.size else dtype.type(math.nan)
    elif reduction != "sum":
        raise ArgumentError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return total.astype(dtype, copy=False)


def combined(losses: Any, reduction: str) -> Any:
    """``reduced`` of a Tensor."""
    if reduction == "none":
        return losses
    return reductions.sum(losses) if reduction == "sum" else reductions.mean(losses)


def each(g: Any, reduction: str, *shapes: tuple[int, ...]) -> Any:
    """The gradient that reaches each single loss; ``shapes`` are those of the inputs, which broadcast."""
    if reduction == "none":
        return g
    if shapes.count(shapes[0]) == len(shapes):
        return g / max(math.prod(shapes[0]), 1) if reduction == "mean" else g
    shape = np.broadcast_shapes(*shapes)  # a rule that names only the smaller input must give the larger one its shape
    return np.broadcast_to(g / max(math.prod(shape), 1) if reduction == "mean" else g, shape)


def check_pair(name: str, x: Any, target: Any, strict: bool = False) -> None:
    """Look at the shapes of an input and its target, if they differ.

    Raises:
        ShapeError: they do not broadcast, or only together to something larger than both, or it is ``strict``.
    """
    a, b = np.shape(x), np.shape(target)
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise ShapeError(f"{name}: the input has shape {a}, but the target {b}; they should be equal") from None
    if strict or math.prod(shape) > max(math.prod(a), math.prod(b)):
        if math.prod(a) == math.prod(b):
            fix = f"target.reshape({', '.join(map(str, a))})"
            if len(a) == len(b) + 1 and a[-1] == 1:
                fix = f"input.squeeze(-1), or {fix}"
            elif len(b) == len(a) + 1 and b[-1] == 1:
                fix = f"target.squeeze(-1), or {fix}"
        else:
            fix = "the same shape for both"
        raise ShapeError(
            f"{name}: the input has shape {a} and the target {b}; they should be equal. Use {fix}"
            if math.prod(shape) <= max(math.prod(a), math.prod(b))
            else f"{name}: the input has shape {a} and the target {b}: together they would broadcast to {shape}, and "
            f"each prediction would be compared with every target. Use {fix}"
        )
    warn(
        f"{name}: the target's shape {b} differs from the input's {a}; it is broadcast, which may give wrong results. "
        "Use the same shape for both",
    )


_ANY = reals()


def pairs(x: Any = _ANY, target: Any = _ANY, **arguments: Any) -> list[Any]:
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
    jvp="reduction",
    samples=pairs(),
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
    jvp="reduction",
    samples=pairs(**_apart()) + pairs(x=reals(-3, -1), target=reals(1, 3)),
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
    promote="real",
    jvp="reduction",
    samples=pairs(**_apart()) + pairs(**_CLOSE) + pairs(**_apart(), beta=0.0) + pairs(**_CLOSE, beta=2.0),
)
def smooth_l1_loss(x: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Half the square of the difference by ``beta`` up to that, from there its magnitude less ``beta / 2``.

    Raises: ShapeError; ValueError for a negative ``beta``.
    """
    if x.shape != target.shape:
        check_pair("smooth_l1_loss", x, target)
    if beta < 0:
        raise ArgumentError(f"beta must not be negative, got {beta}")
    d = np.abs(x - target)
    if beta != 0:
        near = np.minimum(d, beta)
        d = (d - near * 0.5) * (near * (1 / beta))
    return reduced(d, reduction)


@op(
    x=lambda g, x, target, reduction, delta: (
        each(g, reduction, x.shape, target.shape) * np.clip(x - target, -delta, delta)
    ),
    target=lambda g, x, target, reduction, delta: (
        each(g, reduction, x.shape, target.shape) * np.clip(target - x, -delta, delta)
    ),
    promote="real",
    jvp="reduction",
    samples=pairs(**_apart()) + pairs(**_CLOSE) + pairs(**_CLOSE, delta=2.0),
)
def huber_loss(x: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the square of the difference up to ``delta``, from there ``delta`` times (its magnitude less ``delta / 2``).

    Raises: ShapeError; ValueError if ``delta`` is not positive.
    """
    if x.shape != target.shape:
        check_pair("huber_loss", x, target)
    if not delta > 0:
        raise ArgumentError(f"delta must be positive, got {delta}")
    d = np.abs(x - target)
    near = np.minimum(d, delta)
    return reduced((d - near * 0.5) * near, reduction)


@composed(inputs=("x", "weight"), samples=[
    case(x=reals(shape=(2, 3)), weight=reals(0.5, 2, shape=(2, 3)), reduction=reduction)
    for reduction in ("mean", "sum", "none")
])  # fmt: skip
def weighted(x: Any, weight: Any, *, reduction: str = "mean") -> Any:
    """Losses, each with a weight, reduced; their mean is divided by the sum of the weights.

    Raises: ShapeError; ValueError for an unknown reduction.
    """
    check_reduction("weighted", reduction)
    if tuple(x.shape) != tuple(weight.shape):
        raise ShapeError(
            f"weights have shape {tuple(weight.shape)}, but there are losses of shape {tuple(x.shape)}; they should "
            f"be equal. Use weight.expand({', '.join(map(str, x.shape))})"
        )
    losses = arithmetic.mul(x, weight)
    if reduction == "none":
        return losses
    total = reductions.sum(losses)
    return total if reduction == "sum" else arithmetic.div(total, reductions.sum(weight))
