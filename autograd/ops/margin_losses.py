"""Losses that ask for a margin: between right and wrong classes, similar and dissimilar examples.

As all losses: ``reduction`` is ``"mean"``, ``"sum"``, or ``"none"`` for the losses of the single elements. Exactly at
the margin there is no gradient, but for the losses on pairs, where it passes as it does at the bound of ``clamp``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op, unwrap
from ..engine.foreign import alike, as_array
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic
from .activations import soft_maximum
from .axes import accumulation_dtype, place_along
from .distances import cosine, pairwise_distance
from .embeddings import check_range
from .exponential import sigmoid
from .losses import check_pair, check_reduction, combined, each, pairs, reduced
from .selection import clamp, keep, minimum, where

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- of single numbers -----------------------------------------------------------------------------------------------


@op(
    x=lambda g, x, target, reduction: each(g, reduction, x.shape, target.shape) * -target * sigmoid.kernel(-x * target),
    target=lambda g, x, target, reduction: each(g, reduction, x.shape, target.shape) * -x * sigmoid.kernel(-x * target),
    promote="real",
    jvp="reduction",
    samples=pairs(),
)
def soft_margin_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    """``log(1 + exp(-target * x))``, without overflow; targets are 1 and -1. Raises: ShapeError."""
    if x.shape != target.shape:
        check_pair("soft_margin_loss", x, target)
    return reduced(soft_maximum(-x * target), reduction)


_SIGNS = np.array([[1, -1, 1], [-1, 1, -1]])


def _hinge_rule(g: Any, x: Any, target: Any, margin: float, reduction: str) -> Any:
    near = np.logical_and(target != 1, x <= margin)
    g = np.broadcast_to(each(g, reduction, x.shape, np.shape(target)), near.shape)
    return keep.kernel(g, np.not_equal(target, -1)) - keep.kernel(g, near)


@op(
    x=_hinge_rule,
    constants=("target",),
    promote="real",
    jvp="reduction",
    samples=[
        case(x=reals(shape=(2, 3), avoid=(1.0,)), target=_SIGNS),
        case(x=reals(shape=(2, 3), avoid=(0.5,)), target=_SIGNS, margin=0.5, reduction="sum"),
        case(x=reals(shape=(2, 3), avoid=(1.0,)), target=_SIGNS, reduction="none"),
    ],
)
def hinge_embedding_loss(x: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Any:
    """``x``, a distance, where the target is 1, and ``max(0, margin - x)`` where it is -1. Raises: ShapeError."""
    if x.shape != np.shape(target):
        check_pair("hinge_embedding_loss", x, target)
    losses = np.where(target != 1, np.maximum(margin - x, 0), 0) + np.where(target != -1, x, 0)
    return reduced(losses.astype(x.dtype, copy=False), reduction)


# ---- of pairs and triples --------------------------------------------------------------------------------------------


def _ranking_share(g: Any, x1: Any, x2: Any, target: Any, margin: float, reduction: str) -> Any:
    """The gradient that reaches the losses which are not 0."""
    share = each(g, reduction, x1.shape, x2.shape, target.shape)
    lacking = (x2 - x1) * target + margin >= 0
    return keep.kernel(np.broadcast_to(share, lacking.shape), lacking)


@op(
    x1=lambda g, x1, x2, target, margin, reduction: (
        _ranking_share(g, x1, x2, target, margin, reduction) * -target
    ),
    x2=lambda g, x1, x2, target, margin, reduction: _ranking_share(g, x1, x2, target, margin, reduction) * target,
    target=lambda g, x1, x2, target, margin, reduction: (
        _ranking_share(g, x1, x2, target, margin, reduction) * (x2 - x1)
    ),
    promote="real",
    jvp="reduction",
    samples=[
        case(x1=reals(0.5, 3, shape=(3,)), x2=reals(-3, -0.5, shape=(3,)), target=reals(-2, -1, shape=(3,))),
        case(x1=reals(0.5, 3, shape=(3,)), x2=reals(-3, -0.5, shape=(3,)), target=reals(1, 2, shape=(3,)), margin=0.5),
        case(
            x1=reals(0.5, 3, shape=(2, 2)), x2=reals(-3, -0.5, shape=(2, 2)), target=reals(-2, -1, shape=(2, 2)),
            margin=0.5, reduction="sum",
        ),
        case(x1=reals(0.5, 3, shape=()), x2=reals(-3, -1, shape=()), target=reals(-2, -1, shape=()), reduction="none"),
    ],
)  # fmt: skip
def margin_ranking_loss(x1: Any, x2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean") -> Any:
    """``max(0, -target * (x1 - x2) + margin)``: 0 where the right one is larger by the margin.

    Args:
        x1, x2: scores.
        target: 1 where ``x1`` should be the larger, -1 where ``x2`` should.
        margin: by how much.
        reduction: "mean", "sum" or "none".

    Raises: ShapeError.
    """
    if x1.shape != x2.shape:
        check_pair("margin_ranking_loss", x1, x2)
    if x1.shape != target.shape:
        check_pair("margin_ranking_loss", x1, target)
    return reduced(np.maximum((x2 - x1) * target + margin, 0), reduction)


_MATCHES = np.array([1, -1])


@composed(inputs=("x1", "x2"), samples=[
    case(x1=reals(shape=(2, 3)), x2=reals(shape=(2, 3)), target=_MATCHES, margin=-2.0),
    case(x1=reals(shape=(2, 3)), x2=reals(shape=(2, 3)), target=_MATCHES, margin=-2.0, reduction="sum"),
    case(x1=reals(shape=(3,)), x2=reals(shape=(3,)), target=np.array(1), reduction="none"),
])  # fmt: skip
def cosine_embedding_loss(x1: Any, x2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean") -> Tensor:
    """``1 - cos(x1, x2)`` where the target is 1, ``max(0, cos(x1, x2) - margin)`` where it is -1.

    Shape: ``(N, D), (N, D), (N)`` or ``(D), (D), ()``.

    Raises: ShapeError.
    """
    check_reduction("cosine_embedding_loss", reduction)
    target = as_array(unwrap(target))
    if len(x1.shape) != target.ndim + 1 or len(x2.shape) != target.ndim + 1 or target.ndim > 1:
        raise ShapeError(
            "cosine_embedding_loss: expected (N, D), (N, D), (N) or (D), (D), (), got "
            f"{tuple(x1.shape)}, {tuple(x2.shape)}, {target.shape}"
        )
    if tuple(x1.shape) != tuple(x2.shape):
        check_pair("cosine_embedding_loss", x1, x2)
    similarity = cosine(x1, x2, 1e-12)
    if target.shape != tuple(similarity.shape):
        check_pair("cosine_embedding_loss", similarity, target)
    alike = where(target == 1, arithmetic.rsub(similarity, 1), 0)
    losses = arithmetic.add(alike, where(target == -1, clamp(arithmetic.sub(similarity, margin), 0), 0))
    return combined(losses, reduction)


def _triplet(
    name: str,
    distance: Callable[[Any, Any], Any],
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float,
    swap: bool,
    reduction: str,
) -> Any:
    check_reduction(name, reduction)
    if margin <= 0:
        raise ArgumentError(f"{name}: margin must be greater than 0, got {margin}")
    found = [tuple(x.shape) for x in (anchor, positive, negative)]
    if len({len(shape) for shape in found}) != 1:
        raise ShapeError(f"{name}: anchor, positive and negative need as many dimensions as each other, got {found}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return combined(clamp(arithmetic.sub(arithmetic.add(near, margin), far), 0), reduction)


_TRIPLE = {
    "anchor": reals(0, 1, shape=(2, 3)),
    "positive": reals(1.5, 2, shape=(2, 3)),
    "negative": reals(-1, -0.5, shape=(2, 3)),
}


@composed(inputs=("anchor", "positive", "negative"), samples=[
    case(**_TRIPLE, margin=4.0), case(**_TRIPLE, margin=9.0, p=1.0, reduction="sum"),
    case(**_TRIPLE, margin=4.0, swap=True, reduction="none"),
])  # fmt: skip
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the distance of ``pairwise_distance``.

    Args:
        anchor, positive, negative: (N, D) or (D).
        margin: by how much the negative should be further away.
        p, eps: of the distance.
        swap: measure the negative from the positive, where that is nearer (V. Balntas et al., 2016).
        reduction: "mean", "sum" or "none".

    Raises: ShapeError; ValueError for a margin that is not positive.
    """

    def distance(a: Any, b: Any) -> Any:
        return pairwise_distance(a, b, p, eps)

    return _triplet("triplet_margin_loss", distance, anchor, positive, negative, margin, swap, reduction)


@composed(inputs=("anchor", "positive", "negative"), samples=[
    case(**_TRIPLE, margin=4.0), case(**_TRIPLE, margin=9.0, distance_function=pairwise_distance, swap=True),
])  # fmt: skip
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``triplet_margin_loss`` with a distance of one's own (default: ``pairwise_distance``).

    Raises: ShapeError; ValueError for a margin that is not positive.
    """
    distance = pairwise_distance if distance_function is None else distance_function
    name = "triplet_margin_with_distance_loss"
    return _triplet(name, distance, anchor, positive, negative, margin, swap, reduction)


# ---- of classes ------------------------------------------------------------------------------------------------------


def _check_classes(name: str, x: Any, target: Any, per_class: bool) -> None:
    """Look at the shapes of scores (N, C) or (C), and class numbers: one an example, or as many as classes."""
    if x.ndim not in (1, 2) or not x.shape[-1]:
        raise ShapeError(f"{name}: the input must have shape (N, C) or (C) with at least one class, got {x.shape}")
    expected = x.shape if per_class else x.shape[:-1]
    if target.shape != expected and not (not per_class and x.ndim == 1 and target.shape == (1,)):
        raise ShapeError(
            f"{name}: the input has shape {x.shape}, so the target must have {expected}, got {target.shape}"
        )


def _is_own(shape: tuple[int, ...], target: Any) -> Any:
    """Which scores are those of the right class."""
    return np.expand_dims(np.reshape(target, shape[:-1]), -1) == np.arange(shape[-1])


def _shortfall(x: Any, own: Any, margin: float) -> Any:
    """By how much the right class fails to exceed each other one by the margin; 0 for itself."""
    right = np.add.reduce(np.where(own, x, 0), -1, keepdims=True)
    return np.maximum(np.where(own, 0, x - right + margin), 0)


def _multi_margin_rule(g: Any, x: Any, target: Any, p: int, margin: float, weight: Any, reduction: str) -> Any:
    own = _is_own(x.shape, target)
    short = _shortfall(x, own, margin)
    share = each(g, reduction, x.shape[:-1]) * (1 / x.shape[-1])
    share = np.expand_dims(share, -1) if reduction == "none" else share
    slope = np.where(short > 0, share, 0) if p == 1 else short * (share * 2)
    if weight is not None:
        slope = slope * np.expand_dims(np.take(alike(weight, target), np.reshape(target, x.shape[:-1])), -1)
    return slope - np.where(own, np.add.reduce(slope, -1, keepdims=True), 0)


@op(
    x=_multi_margin_rule,
    constants=("target", "weight"),
    refused=("weight",),
    promote="real",
    samples=[
        case(x=reals(0, 0.7, shape=(2, 3)), target=np.array([2, 0])),
        case(x=reals(0, 0.7, shape=(2, 3)), target=np.array([2, 0]), p=2, weight=np.array([0.5, 1.0, 2.0])),
        case(x=reals(0, 0.7, shape=(2, 3)), target=np.array([2, 0]), p=2, reduction="none"),
        case(x=reals(0, 0.7, shape=(3,)), target=np.array(1), margin=2.0, reduction="sum"),
    ],
)
def multi_margin_loss(
    x: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
) -> Any:
    """The mean over the classes of ``max(0, margin - x[target] + x[other])**p``.

    Args:
        x: scores (N, C) or (C).
        target: class numbers (N) or ().
        p: 1 or 2.
        margin: by how much the right class should exceed the others.
        weight: a factor for each class, taken for the right one.
        reduction: "mean", "sum" or "none".

    Raises: IndexError, ShapeError, DtypeError; ValueError for another ``p``.
    """
    name = "multi_margin_loss"
    if p not in (1, 2):
        raise ArgumentError(f"{name}: p must be 1 or 2, got {p}")
    check_reduction(name, reduction)
    _check_classes(name, x, target, False)
    check_range(f"{name}: ", "class", target, x.shape[-1])
    short = _shortfall(x, _is_own(x.shape, target), margin)
    losses = np.add.reduce(short if p == 1 else short * short, -1, accumulation_dtype(x.dtype)) / x.shape[-1]
    if weight is not None:
        if np.shape(weight) != x.shape[-1:]:
            raise ShapeError(
                f"{name}: weight has shape {np.shape(weight)}; expected one for each class, {x.shape[-1:]}"
            )
        losses = losses * np.take(weight, np.reshape(target, x.shape[:-1]))
    return reduced(losses.astype(x.dtype, copy=False), reduction)


def _labels(x: Any, target: Any) -> tuple[Any, Any, Any]:
    """Of each example the labels before the first -1 (0 after), which those are, which classes are none."""
    listed = np.logical_and.accumulate(target >= 0, -1)
    most = int(listed.sum(-1).max()) if listed.size else 0
    listed, index = listed[..., :most], np.where(listed, target, 0)[..., :most]
    other = ~((np.expand_dims(index, -1) == np.arange(x.shape[-1])) & np.expand_dims(listed, -1)).any(-2)
    return index, listed, other


def _too_close(x: Any, index: Any, listed: Any, other: Any) -> Any:
    """For each label and each class that is none: 1 less the difference of their scores, where both count."""
    gap = np.expand_dims(x, -2) - np.expand_dims(np.take_along_axis(x, index, -1), -1) + 1
    return np.where(np.expand_dims(listed, -1) & np.expand_dims(other, -2), gap, 0)


def _multilabel_rule(g: Any, x: Any, target: Any, reduction: str) -> Any:
    share = each(g, reduction, x.shape[:-1]) / x.shape[-1]
    return (np.expand_dims(share, -1) if reduction == "none" else share) * multilabel_slope.kernel(x, target)


@op(constants=("target",), samples=[case(x=reals(0, 0.7, shape=(2, 3)), target=np.array([[2, 0, -1], [1, -1, 0]]))])
def multilabel_slope(x: Any, target: Any) -> Any:
    """For each score how many labels it is too close to, less how many classes are too close to it as a label."""
    index, listed, other = _labels(x, target)
    counts = (_too_close(x, index, listed, other) > 0).astype(x.dtype)
    own = place_along.op.forward(np.add.reduce(counts, -1), index, x.shape, x.ndim - 1, True, True)
    return np.add.reduce(counts, -2) - own


@op(
    x=_multilabel_rule,
    constants=("target",),
    promote="real",
    samples=[
        case(x=reals(0, 0.7, shape=(2, 3)), target=np.array([[2, 0, -1], [1, -1, 0]]), reduction=reduction)
        for reduction in ("mean", "sum", "none")
    ] + [case(x=reals(0, 0.7, shape=(3,)), target=np.array([1, -1, -1]))],
)  # fmt: skip
def multilabel_margin_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The sum of ``max(0, 1 - x[label] + x[other])`` over labels and other classes, divided by the number of classes.

    Args:
        x: scores (N, C) or (C).
        target: of the same shape: the labels of each example, then -1 (what follows does not count).
        reduction: "mean", "sum" or "none".

    Raises: IndexError, ShapeError, DtypeError.
    """
    name = "multilabel_margin_loss"
    check_reduction(name, reduction)
    _check_classes(name, x, target, True)
    if target.dtype.kind not in "iu":
        raise DtypeError(f"{name}: class numbers must be integers, got {target.dtype}; convert with .long()")
    check_range(f"{name}: ", "class", np.where(target == -1, 0, target), x.shape[-1])
    gaps = np.maximum(_too_close(x, *_labels(x, target)), 0)
    losses = np.add.reduce(gaps, (-1, -2), accumulation_dtype(x.dtype)) / x.shape[-1]
    return reduced(losses.astype(x.dtype, copy=False), reduction)
