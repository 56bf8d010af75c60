"""Losses as modules; each is the function of the same name in ``nn.functional``."""

from __future__ import annotations

from autograd import Tensor

from . import functional as F
from .module import Module
from .parameter import Buffer

__all__ = ["CrossEntropyLoss", "MSELoss", "NLLLoss"]


class _Loss(Module):
    """A loss with a reduction: "mean", "sum" or "none"."""

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{type(self).__name__}: reduction is 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """Softmax cross entropy between scores and classes.

    Args:
        weight: a factor for each class.
        ignore_index: the target that does not count.
        reduction: "mean", "sum" or "none".
        label_smoothing: how much of each target is spread over all classes.

    Shape: input (C), (N, C) or (N, C, d1, ...); target without C, of class numbers, or with C, of probabilities.
    """

    weight: Buffer | None

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.cross_entropy(
            x,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """Minus the log-probability of the target class; the input holds log-probabilities.

    Args:
        weight, ignore_index, reduction: as for ``CrossEntropyLoss``.
    """

    weight: Buffer | None

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index = ignore_index

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.nll_loss(x, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class MSELoss(_Loss):
    """Squared error.

    Args:
        reduction: "mean", "sum" or "none".
    """

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.mse_loss(x, target, reduction=self.reduction)
