"""Losses that ask for a margin, as modules; each is the function of the same name in ``nn.functional``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import ArgumentError, Tensor

from . import functional as F
from .distance import PairwiseDistance
from .losses import Loss, WeightedLoss

__all__ = [
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "SoftMarginLoss", "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]  # fmt: skip


class SoftMarginLoss(Loss):
    """``log(1 + exp(-target * input))``; targets are 1 and -1.

    Args:
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(Loss):
    """The input, a distance, where the target is 1, and ``max(0, margin - input)`` where it is -1.

    Args:
        margin: how far the dissimilar should be apart.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """``max(0, -target * (input1 - input2) + margin)``: 0 where the right one is larger by the margin.

    Args:
        margin: by how much.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """The loss; the target is 1 where ``input1`` should be the larger, else -1."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(Loss):
    """``1 - cos(input1, input2)`` where the target is 1, ``max(0, cos(input1, input2) - margin)`` where it is -1.

    Args:
        margin: which cosine the dissimilar may have.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class MultiMarginLoss(WeightedLoss):
    """The mean over the classes of ``max(0, margin - input[target] + input[other])**p``.

    Args:
        p: 1 or 2.
        margin: by how much the right class should exceed the others.
        weight: a factor for each class, taken for the right one.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.

    Raises:
        ValueError: another ``p``.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ArgumentError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; the input is (N, C) or (C), the target has class numbers."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """The sum of ``max(0, 1 - input[label] + input[other])`` over labels and other classes, divided by the classes.

    Args:
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; the target has the labels of each example first, then -1."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """``BCEWithLogitsLoss`` averaged over the classes (the last dimension) of each example.

    Args:
        weight: a factor for each class.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the distance of ``PairwiseDistance``.

    Args:
        margin: by how much the negative should be further away.
        p, eps: of the distance.
        swap: measure the negative from the positive, where that is nearer.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.

    Raises:
        ValueError: the margin is not positive.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ArgumentError(f"TripletMarginLoss: margin must be greater than 0, got {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """``TripletMarginLoss`` with a distance of one's own.

    Args:
        distance_function: of two Tensors (default: a ``PairwiseDistance``); a Module becomes a child of this one.
        margin: by how much the negative should be further away.
        swap: measure the negative from the positive, where that is nearer.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the margin is not positive.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ArgumentError(f"TripletMarginWithDistanceLoss: margin must be greater than 0, got {margin}")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
