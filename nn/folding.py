"""Images as columns of their windows, and back."""

from __future__ import annotations

from collections.abc import Sequence

from autograd import Tensor

from . import functional as F
from .module import Module

__all__ = ["Fold", "Unfold"]

Size = int | Sequence[int]
"""A number, or one for each dimension."""


class Unfold(Module):
    """The windows of images as columns.

    Args:
        kernel_size: size of the windows; a number, or height and width, as all of these.
        dilation: from one element of a window to the next.
        padding: zeros on both sides.
        stride: from one window to the next.

    Shape: (N, C, H, W) becomes (N, C * window, places); without batch too.
    """

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None:
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """The columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Columns added up into images where their windows overlap.

    Args:
        output_size: height and width of the images.
        kernel_size, dilation, padding, stride: as for ``Unfold``.

    Shape: (N, C * window, places) becomes ``(N, C, *output_size)``; without batch too.
    """

    def __init__(
        self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """The images."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
