"""Softmax and its relatives as modules."""

from __future__ import annotations

from autograd import ShapeError, Tensor

from . import functional as F
from .module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class _AlongDim(Module):
    """A function along a dimension.

    Args:
        dim: the dimension; None, which is deprecated, for 0 or 1 by the number of dimensions.
    """

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """Exponentials along a dimension, divided by their sum: scores become probabilities.

    Args:
        dim: the dimension.

    ``CrossEntropyLoss`` takes the scores themselves, without this.

    >>> import autograd, nn
    >>> nn.Softmax(dim=1)(autograd.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The probabilities."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """The logarithm of ``Softmax``, computed stably.

    Args:
        dim: the dimension.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The logarithms of the probabilities."""
        return F.log_softmax(input, self.dim)


class Softmin(_AlongDim):
    """``Softmax`` of minus the input.

    Args:
        dim: the dimension.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The probabilities."""
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """``Softmax`` over the channels of images: (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """The probabilities. Raises: ShapeError."""
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected (N, C, H, W) or (C, H, W), got shape {tuple(input.shape)}")
        return F.softmax(input, -3)
