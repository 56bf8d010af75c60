"""Dropout."""

from __future__ import annotations

from autograd import Tensor

from . import functional as F
from .module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """Elements set to 0 with probability ``p`` in training, the others divided by ``1 - p``.

    Args:
        p: the probability.
        inplace: write the result over the input.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        self.p = p
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        """The input with elements dropped; the input itself outside training."""
        return F.dropout(x, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, inplace={self.inplace}"
