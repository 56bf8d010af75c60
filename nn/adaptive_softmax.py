"""A softmax over very many classes, of which most are rare."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from autograd import ArgumentError, BoundsError, ShapeError, Tensor, cat, tensor, where

from . import functional as F
from .containers import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["ASMOutput", "AdaptiveLogSoftmaxWithLoss"]


class ASMOutput(NamedTuple):
    """What ``AdaptiveLogSoftmaxWithLoss`` returns: each target's log probability, and minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log probabilities of given classes out of very many, and the mean loss.

    The classes, numbered by how frequent they are, are cut into clusters. The head scores the frequent ones, and each
    cluster of rarer ones as a whole; only for rows with a target in a cluster its classes are scored, from fewer
    features.

    Args:
        in_features: the length of a row.
        n_classes: how many classes there are.
        cutoffs: with which classes clusters begin: increasing numbers from 1 to ``n_classes - 1``.
        div_value: the i-th cluster is scored from ``in_features / div_value ** i`` features.
        head_bias: whether the head has a bias.
        device: ``'cpu'``.
        dtype: of the parameters.

    Shape: input (N, in_features) or (in_features); target (N) or (), integers; output as target, loss ().

    Raises: ValueError for other cutoffs; in a call ShapeError, and IndexError for a target that is no class.

    Source: E. Grave et al., "Efficient softmax approximation for GPUs" (2017).

    >>> import autograd, nn
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(64, 1000, cutoffs=[10, 100])
    >>> output, loss = layer(autograd.randn(4, 64), autograd.tensor([3, 0, 50, 999]))
    >>> output.shape, loss.shape, layer.log_prob(autograd.randn(4, 64)).shape
    ((4,), (), (4, 1000))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        bounds = [0, *cutoffs, n_classes]
        if not len(cutoffs) or any(a >= b for a, b in pairwise(bounds)) or any(int(c) != c for c in bounds):
            raise ArgumentError(
                "AdaptiveLogSoftmaxWithLoss: cutoffs are one or more increasing integers from 1 to n_classes - 1, "
                f"got {cutoffs!r} for {n_classes} classes"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [int(c) for c in bounds[1:]]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList(
            Sequential(
                Linear(in_features, int(in_features // div_value ** (i + 1)), False, device, dtype),
                Linear(int(in_features // div_value ** (i + 1)), last - first, False, device, dtype),
            )
            for i, (first, last) in enumerate(pairwise(self.cutoffs))
        )

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for layer in (self.head, *[layer for pair in self.tail for layer in pair]):
            layer.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> ASMOutput:
        """The log probability of each target, and minus their mean."""
        if target.ndim > 1 or input.ndim != target.ndim + 1 or tuple(input.shape[:-1]) != tuple(target.shape):
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: expected input (N, {self.in_features}) and target (N), or "
                f"({self.in_features}) and (), got {tuple(input.shape)} and {tuple(target.shape)}"
            )
        if not target.ndim:
            output, loss = self.forward(input.unsqueeze(0), target.unsqueeze(0))
            return ASMOutput(output.squeeze(0), loss)
        if target.numel() and not bool(((target >= 0) & (target < self.n_classes)).all()):
            raise BoundsError(
                f"AdaptiveLogSoftmaxWithLoss: targets are classes from 0 to {self.n_classes - 1}, got values from "
                f"{target.min().item()} to {target.max().item()}"
            )
        cluster = (target.unsqueeze(1) >= tensor(self.cutoffs)).sum(1)  # 0: the shortlist
        place = where(cluster == 0, target, self.shortlist_size - 1 + cluster)
        output = F.log_softmax(self.head(input), 1).gather(1, place.unsqueeze(1)).squeeze(1)
        for i, layers in enumerate(self.tail, start=1):
            rows = (cluster == i).nonzero().squeeze(1)
            if rows.numel():
                within = (target[rows] - self.cutoffs[i - 1]).unsqueeze(1)
                found = F.log_softmax(layers(input[rows]), 1).gather(1, within).squeeze(1)
                output = output.index_add(0, rows, found)
        return ASMOutput(output, -output.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log probabilities (N, n_classes) of all classes."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, layers in enumerate(self.tail, start=self.shortlist_size):
            parts.append(F.log_softmax(layers(input), 1) + head[:, i : i + 1])
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class (N) of each row; all are scored only where the head chooses a cluster."""
        chosen = self.head(input).argmax(1)
        rest = (chosen >= self.shortlist_size).nonzero().squeeze(1)
        return chosen.index_put((rest,), self.log_prob(input[rest]).argmax(1)) if rest.numel() else chosen

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, n_classes={self.n_classes}, cutoffs={self.cutoffs[:-1]}"
