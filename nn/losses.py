"""Losses as modules; each is the function of the same name in ``nn.functional``. Weights are buffers.

The losses that ask for a margin are in ``nn.margin_losses``.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

from autograd import ArgumentError, Tensor

from . import functional as F
from .loss_functions import reduction_of
from .module import Module
from .parameter import Buffer

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CrossEntropyLoss", "GaussianNLLLoss", "HuberLoss", "KLDivLoss",
    "L1Loss", "Loss", "MSELoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "WeightedLoss",
]  # fmt: skip


class Loss(Module):
    """A loss with a reduction.

    Args:
        size_average, reduce: older ways to say the reduction.
        reduction: "mean", "sum" or "none".
    """

    _reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        reduction = reduction_of(size_average, reduce, reduction)
        if reduction not in self._reductions:
            expected = f"{', '.join(map(repr, self._reductions[:-1]))} or {self._reductions[-1]!r}"
            raise ArgumentError(f"{type(self).__name__}: reduction must be {expected}, got {reduction!r}")
        self.reduction = reduction


def _buffer(weights: Any) -> Buffer:
    """Weights as a buffer, in their place in the graph if they have one."""
    return Buffer.of(weights) if isinstance(weights, Tensor) else Buffer(weights)


class WeightedLoss(Loss):
    """A loss with weights.

    Args:
        weight: a factor for each class or element, or None.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    weight: Buffer | None

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.weight = None if weight is None else _buffer(weight)


# ---- classes ---------------------------------------------------------------------------------------------------------


class CrossEntropyLoss(WeightedLoss):
    """Softmax cross entropy between scores and classes: the loss of classification.

    It takes scores (logits): the model must not end in a softmax.

    Args:
        weight: a factor for each class.
        ignore_index: targets of this number do not count.
        label_smoothing: this share of each target is spread evenly over all classes.
        reduction: "mean", "sum" or "none"; a mean is weighted, over the targets that count.
        size_average, reduce: older ways to say the reduction.

    Shape: input (C), (N, C) or (N, C, d1, ...); target without C, of class numbers, or with C, of probabilities.

    >>> import autograd, nn
    >>> scores = autograd.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    >>> nn.CrossEntropyLoss()(scores, autograd.tensor([0, 2]))
    tensor(0.2395)
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.cross_entropy(
            input, target, self.weight, None, self.ignore_index, None, self.reduction, self.label_smoothing
        )


class NLLLoss(WeightedLoss):
    """Minus the log-probability of the target class; the input holds log-probabilities.

    Args:
        weight, size_average, ignore_index, reduce, reduction: as for ``CrossEntropyLoss``.
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CTCLoss(Loss):
    """Minus the log-probability of label sequences that are not aligned to the input (A. Graves et al., 2006).

    Args:
        blank: the number of the class that means no label.
        reduction: "mean" (each loss divided by its target's length first), "sum" or "none".
        zero_infinity: infinite losses, of inputs too short for their targets, count as 0.

    Shape: log_probs (T, N, C) or (T, C); targets (N, S), or all one after the other; lengths (N).
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        """The loss."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


# ---- regression ------------------------------------------------------------------------------------------------------


class MSELoss(Loss):
    """Mean squared error.

    Args:
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.

    Shape: input and target of the same shape.

    >>> import autograd, nn
    >>> nn.MSELoss()(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """The magnitude of the error.

    Args:
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """Half the square of the error by ``beta`` up to that, from there its magnitude less ``beta / 2``.

    Args:
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
        beta: where the one form turns into the other.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """Half the square of the error up to ``delta``, from there ``delta`` times (its magnitude less ``delta / 2``).

    Args:
        reduction: "mean", "sum" or "none".
        delta: where the one form turns into the other.

    Raises: TypeError if ``delta`` is not a number.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not issubclass(type(delta), Real):
            raise TypeError(f"HuberLoss: delta must be a number, got {type(delta).__name__} {delta!r}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


# ---- probabilities ---------------------------------------------------------------------------------------------------


class BCELoss(WeightedLoss):
    """Cross entropy of two classes, from probabilities.

    Args:
        weight: a factor for each loss (it broadcasts).
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """Binary cross entropy of the sigmoid of the input, exact for logits of any size.

    Args:
        weight: a factor for each loss (it broadcasts).
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
        pos_weight: a factor for the losses of positive targets (it broadcasts).

    Shape: input and target of the same shape; targets from 0 to 1, floating.

    >>> import autograd, nn
    >>> nn.BCEWithLogitsLoss()(autograd.tensor([0.0, 2.0]), autograd.tensor([1.0, 1.0]))
    tensor(0.4100)
    """

    pos_weight: Buffer | None

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.pos_weight = None if pos_weight is None else _buffer(pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; input and target need the same shape."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(Loss):
    """The divergence of Kullback and Leibler of the input's distribution from the target's.

    Args:
        size_average, reduce, reduction: "mean", "sum", "none" or "batchmean", which is the mathematical definition.
        log_target: the target, as the input, holds log-probabilities.
    """

    _reductions = ("mean", "batchmean", "sum", "none")

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; the input holds log-probabilities."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(Loss):
    """Minus the log-likelihood of counts under a Poisson distribution.

    Args:
        log_input: the input is the logarithm of the rate, else the rate.
        full: add Stirling's approximation of the constant.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
        eps: added to a rate before its logarithm.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return F.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


class GaussianNLLLoss(Loss):
    """Minus the log-likelihood under normal distributions with given means and variances.

    Args:
        full: add the constant.
        eps: smaller variances count as this.
        reduction: "mean", "sum" or "none".
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Any) -> Tensor:
        """The loss; ``var`` is of the input's shape, or without (or with 1 as) its last dimension, or a number."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
