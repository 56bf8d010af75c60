"""Adaptive pooling layers: as many windows as are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Tensor

from . import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]  # fmt: skip

OutputSize = int | Sequence[int | None] | None
"""A number, or one for each dimension; None keeps the input's size."""


class _AdaptiveAvgPool(Module):
    """The settings of adaptive average pooling."""

    def __init__(self, output_size: OutputSize) -> None:
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The number of windows."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(Module):
    """The settings of adaptive max pooling."""

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        """The number of windows."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of ``output_size`` windows, as equal as possible, that cover the input.

    Args:
        output_size: a number, or one for each dimension; None there keeps the input's size.

    Shape: input (N, C, length) or (C, length), output (N, C, output_size) or (C, output_size).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of ``output_size`` windows over height and width.

    Args: as for ``AdaptiveAvgPool1d``.

    Shape: input (N, C, H, W) or (C, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of ``output_size`` windows over depth, height and width.

    Args: as for ``AdaptiveAvgPool1d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of ``output_size`` windows, as equal as possible, that cover the input.

    Args:
        output_size: a number, or one for each dimension; None there keeps the input's size.
        return_indices: return the elements and their places.

    Shape: input (N, C, length) or (C, length), output (N, C, output_size) or (C, output_size).
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of ``output_size`` windows over height and width.

    Args: as for ``AdaptiveMaxPool1d``.

    Shape: input (N, C, H, W) or (C, H, W).
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest elements of ``output_size`` windows over depth, height and width.

    Args: as for ``AdaptiveMaxPool1d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W).
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
