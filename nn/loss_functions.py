"""The losses of ``nn.functional``: ``autograd.ops`` with PyTorch's arguments in PyTorch's order.

Of every loss: ``reduction`` is "mean", "sum" or "none"; ``size_average`` and ``reduce`` are older ways to say the same,
and win over it where they are given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.engine.callsite import warn
from autograd.ops import class_losses, ctc, losses, margin_losses, probability_losses
from autograd.ops.shapes import reshape

if TYPE_CHECKING:
    from autograd import Tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy", "ctc_loss",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss",
    "reduction_of", "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, also where it is said by the older ``size_average`` and ``reduce``.

    Raises: TypeError for a text in their place.
    """
    if size_average is None and reduce is None:
        return reduction
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if isinstance(value, str):
            raise TypeError(f"{name} must be True, False or None, got {value!r}; use reduction={value!r}")
    found = "none" if reduce is False else "sum" if size_average is False else "mean"
    warn(f"size_average and reduce are deprecated; use reduction={found!r}", DeprecationWarning)
    return found


# ---- regression ------------------------------------------------------------------------------------------------------


def _regression(loss: Any, input: Any, target: Any, reduction: str, weight: Any, **settings: Any) -> Any:
    if weight is None:
        return loss(input, target, reduction=reduction, **settings)
    losses.check_reduction(loss.__name__, reduction)
    return losses.weighted(loss(input, target, reduction="none", **settings), weight, reduction=reduction)


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """The square of the difference.

    Args:
        input, target: of one shape.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
        weight: a factor for each element; the mean is then divided by the sum of the weights.

    Raises: ShapeError, ValueError.
    """
    if weight is None and size_average is None and reduce is None:
        return losses.mse_loss(input, target, reduction=reduction)
    return _regression(losses.mse_loss, input, target, reduction_of(size_average, reduce, reduction), weight)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """The magnitude of the difference; arguments as for ``mse_loss``."""
    return _regression(losses.l1_loss, input, target, reduction_of(size_average, reduce, reduction), weight)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Half the square of the difference by ``beta`` up to that, from there its magnitude less ``beta / 2``."""
    return losses.smooth_l1_loss(input, target, reduction=reduction_of(size_average, reduce, reduction), beta=beta)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """Half the square of the difference up to ``delta``, from there ``delta`` times (its magnitude less ``delta / 2``).

    A ``weight`` is a factor for each element; unlike that of ``mse_loss`` it does not enter what a mean divides by.
    """
    if weight is None or reduction != "mean":
        return _regression(losses.huber_loss, input, target, reduction, weight, delta=delta)
    return losses.weighted(
        losses.huber_loss(input, target, reduction="none", delta=delta), weight, reduction="none"
    ).mean()


# ---- probabilities ---------------------------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``-(target * log(input) + (1 - target) * log(1 - input))``, with the logarithms not below -100.

    A ``weight`` is a factor for each loss (it broadcasts).

    Raises: ShapeError; ValueError if an input is not a probability.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return probability_losses.binary_cross_entropy(input, target, weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """``binary_cross_entropy`` of ``sigmoid(input)``, exact for logits of any size.

    Args:
        input: logits.
        target: probabilities, of the same shape.
        weight: a factor for each loss (it broadcasts).
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
        pos_weight: a factor for the losses of positive targets (it broadcasts).

    Raises: ShapeError.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return probability_losses.binary_cross_entropy_with_logits(
        input, target, weight, reduction=reduction, pos_weight=pos_weight
    )


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``binary_cross_entropy_with_logits``, of each example the mean over its classes (the last dimension)."""
    reduction = reduction_of(size_average, reduce, reduction)
    return probability_losses.multilabel_soft_margin_loss(input, target, weight, reduction=reduction)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """``target * (log(target) - input)``: the divergence of Kullback and Leibler.

    Args:
        input: logarithms of probabilities.
        target: probabilities, or (``log_target``) their logarithms.
        size_average, reduce, reduction: "mean", "sum", "none" or "batchmean", the mathematical definition: the sum
            divided by the size of dimension 0.
        log_target: which.

    Raises: ShapeError.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return probability_losses.kl_div(input, target, reduction=reduction, log_target=log_target)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of counts under a Poisson distribution, without its constant.

    Args:
        input: the logarithm of the rate, or (not ``log_input``) the rate.
        target: counts.
        log_input: which.
        full: add Stirling's approximation of the constant, where the target exceeds 1.
        reduction: "mean", "sum" or "none".
        size_average, reduce: older ways to say the reduction.
        eps: added to a rate before its logarithm.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return probability_losses.poisson_nll_loss(input, target, log_input, full, eps, reduction=reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Minus the log-likelihood of ``target`` under normal distributions of mean ``input`` and variance ``var``.

    Args:
        input, target: of one shape.
        var: of that shape, of that shape without (or with 1 as) the last dimension, or a number; not negative.
        full: add the constant ``log(2 pi) / 2``.
        eps: smaller variances count as this.
        reduction: "mean", "sum" or "none".

    Raises: ShapeError; ValueError for a negative variance.
    """
    return probability_losses.gaussian_nll_loss(input, target, var, full, eps, reduction=reduction)


# ---- classes ---------------------------------------------------------------------------------------------------------


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The negative logarithm of the probability that ``softmax(input)`` gives the right class.

    Args:
        input: scores (C), (N, C) or (N, C, d1, ...).
        target: class numbers, of that shape without C; or floating probabilities, of that shape.
        weight: a factor for each class.
        size_average, reduce, reduction: "mean", "sum" or "none"; a mean is weighted, over the targets that count.
        ignore_index: targets of this number do not count.
        label_smoothing: this share of each target is spread evenly over all classes.

    Raises: IndexError, ShapeError, DtypeError, ValueError.
    """
    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, reduction)
    return class_losses.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the element of the right class, where ``input`` are log-probabilities.

    The arguments are those of ``cross_entropy``.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return class_losses.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-probability of label sequences that are not aligned to the input.

    Args:
        log_probs: (T, N, C) or (T, C), of ``log_softmax``.
        targets: (N, S), or all one after the other; without blanks.
        input_lengths, target_lengths: of each example.
        blank: the number of the class that means no label.
        reduction: "mean" (each loss divided by its target's length first), "sum" or "none".
        zero_infinity: losses of inputs too short for their targets, which are infinite, count as 0.

    Raises: ShapeError, DtypeError, IndexError, ValueError.
    """
    return ctc.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, reduction=reduction, zero_infinity=zero_infinity
    )


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes of ``max(0, margin - input[target] + input[other])**p``.

    Shape: input (N, C), (C) or (), target (N), (1) or () of class numbers, weight (C), taken for the right class.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    scores = input if np.ndim(input) else reshape(input, (1,))
    loss = margin_losses.multi_margin_loss(scores, target, p, margin, weight, reduction=reduction)
    return reshape(loss, (1,)) if reduction == "none" and loss.ndim < np.ndim(target) else loss


def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """The sum of ``max(0, 1 - input[label] + input[other])`` over labels and other classes, divided by the classes.

    The target, of the input's shape, has the labels of each example first, then -1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if not np.ndim(input):
        input, target = reshape(input, (1,)), reshape(target, (1,))
    return margin_losses.multilabel_margin_loss(input, target, reduction=reduction)


# ---- margins ---------------------------------------------------------------------------------------------------------


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """``log(1 + exp(-target * input))``; targets are 1 and -1."""
    return margin_losses.soft_margin_loss(input, target, reduction=reduction_of(size_average, reduce, reduction))


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input``, a distance, where the target is 1, and ``max(0, margin - input)`` where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    return margin_losses.hinge_embedding_loss(input, target, margin, reduction=reduction)


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, -target * (input1 - input2) + margin)``: 0 where the right one is larger by the margin."""
    reduction = reduction_of(size_average, reduce, reduction)
    return margin_losses.margin_ranking_loss(input1, input2, target, margin, reduction=reduction)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``1 - cos(input1, input2)`` where the target is 1, ``max(0, cos(input1, input2) - margin)`` where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    return margin_losses.cosine_embedding_loss(input1, input2, target, margin, reduction=reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the distance of ``pairwise_distance``.

    ``swap`` measures the negative from the positive, where that is nearer. Shape: (N, D) or (D).
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return margin_losses.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=reduction)


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
    """``triplet_margin_loss`` with a distance of one's own (default: ``pairwise_distance``)."""
    return margin_losses.triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance_function, margin=margin, swap=swap, reduction=reduction
    )
