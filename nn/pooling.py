"""Pooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import ArgumentError, Tensor
from autograd.engine.failures import explained
from autograd.ops.windows import per_dimension

from . import functional as F
from .module import Module

__all__ = [
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d", "LPPool1d", "LPPool2d",
    "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]  # fmt: skip

Size = int | Sequence[int]
"""A number, or one for each dimension."""


# ---- maxima ----------------------------------------------------------------------------------------------------------


class _MaxPool(Module):
    """The settings of max pooling."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _pooled(self, pool: Any, input: Tensor) -> Any:
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest element of each window.

    Args:
        kernel_size: size of the windows; a number, or one for each dimension, as the next three.
        stride: from one window to the next; None means ``kernel_size``.
        padding: how far the windows reach over both ends, at most half of ``kernel_size``.
        dilation: from one element of a window to the next.
        return_indices: return the elements and their places, which ``MaxUnpool1d`` takes.
        ceil_mode: also take windows that reach over the end, if they begin before it.

    Shape: input (N, C, length) or (C, length).
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements; with ``return_indices`` and their places."""
        return self._pooled(F.max_pool1d, input)


class MaxPool2d(_MaxPool):
    """The largest element of each window over height and width.

    Args:
        kernel_size: height and width of the windows; a number stands for both, as in the next three.
        stride: from one window to the next; None means ``kernel_size``.
        padding: how far the windows reach over each edge, at most half of ``kernel_size``.
        dilation: from one element of a window to the next.
        return_indices: return the elements and their places, which ``MaxUnpool2d`` takes.
        ceil_mode: also take windows that reach over the edge, if they begin before it.

    Shape: input (N, C, H, W) or (C, H, W); output (N, C, H', W').

    >>> import autograd, nn
    >>> nn.MaxPool2d(2)(autograd.zeros(1, 16, 8, 8)).shape
    (1, 16, 4, 4)
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements; with ``return_indices`` and their places."""
        return self._pooled(F.max_pool2d, input)


class MaxPool3d(_MaxPool):
    """The largest element of each window over depth, height and width.

    Args: as for ``MaxPool1d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W).
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements; with ``return_indices`` and their places."""
        return self._pooled(F.max_pool3d, input)


class _FractionalMaxPool(Module):
    """The settings of fractional max pooling."""

    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        if (output_size is None) is (output_ratio is None):
            raise ArgumentError(
                f"{type(self).__name__}: either output_size or output_ratio is needed, got {output_size!r} and "
                f"{output_ratio!r}"
            )
        self.kernel_size = kernel_size
        self.output_size = output_size
        self.output_ratio = output_ratio
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)

    def _pooled(self, pool: Any, input: Tensor) -> Any:
        return pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, output_size={self.output_size}, output_ratio={self.output_ratio}"


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest elements of windows that begin at random places, so that the size shrinks by any factor.

    Args:
        kernel_size: height and width of the windows; a number stands for both, as in the next two.
        output_size: how many windows there are along height and width;
        output_ratio: or that as a fraction of the size, between 0 and 1.
        return_indices: return the elements and their places.
        _random_samples: numbers (N, C, 2) between 0 and 1 in place of random ones.

    Shape: input (N, C, H, W) or (C, H, W); output (N, C, H', W').

    Raises: ValueError unless one of size and ratio is given.

    >>> import autograd, nn
    >>> nn.FractionalMaxPool2d(2, output_ratio=0.7)(autograd.zeros(1, 16, 10, 10)).shape
    (1, 16, 7, 7)
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements; with ``return_indices`` and their places."""
        return self._pooled(F.fractional_max_pool2d, input)


class FractionalMaxPool3d(_FractionalMaxPool):
    """``FractionalMaxPool2d`` of volumes.

    Args: as there, for depth, height and width.

    Shape: input (N, C, D, H, W) or (C, D, H, W).
    """

    def forward(self, input: Tensor) -> Any:
        """The largest elements; with ``return_indices`` and their places."""
        return self._pooled(F.fractional_max_pool3d, input)


class _MaxUnpool(Module):
    """The settings of max unpooling."""

    _rank: int

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        name, rank = type(self).__name__, self._rank
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, rank, 1)
        self.stride = per_dimension(name, "stride", kernel_size if stride is None else stride, rank, 1)
        self.padding = per_dimension(name, "padding", padding, rank, 0)

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros, with the elements of the input where ``MaxPool1d(..., return_indices=True)`` found them.

    Args:
        kernel_size, stride, padding: as for ``MaxPool1d``.

    Shape: input and indices (N, C, length) or (C, length).
    """

    _rank = 1

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The larger array; ``output_size`` chooses among the sizes that the stride makes possible."""
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """Zeros, with the elements of the input where ``MaxPool2d(..., return_indices=True)`` found them.

    Args: as for ``MaxUnpool1d``.

    Shape: input and indices (N, C, H, W) or (C, H, W).
    """

    _rank = 2

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The larger array; ``output_size`` chooses among the sizes that the stride makes possible."""
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpool):
    """Zeros, with the elements of the input where ``MaxPool3d(..., return_indices=True)`` found them.

    Args: as for ``MaxUnpool1d``.

    Shape: input and indices (N, C, D, H, W) or (C, D, H, W).
    """

    _rank = 3

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The larger array; ``output_size`` chooses among the sizes that the stride makes possible."""
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


# ---- means -----------------------------------------------------------------------------------------------------------


class AvgPool1d(Module):
    """The mean of each window.

    Args:
        kernel_size: size of the windows.
        stride: from one window to the next; None means ``kernel_size``.
        padding: how far the windows reach over both ends, at most half of ``kernel_size``; zeros.
        ceil_mode: also take windows that reach over the end, if they begin before it.
        count_include_pad: whether zeros of the padding count.

    Shape: input (N, C, length) or (C, length).
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        name = type(self).__name__
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, 1, 1)
        self.stride = per_dimension(name, "stride", kernel_size if stride is None else stride, 1, 1)
        self.padding = per_dimension(name, "padding", padding, 1, 0)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    """The settings of average pooling over several dimensions."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def _pooled(self, pool: Any, input: Tensor) -> Any:
        return pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The mean of each window over height and width.

    Args:
        kernel_size: size of the windows; a number, or one for each dimension, as the next two.
        stride: from one window to the next; None means ``kernel_size``.
        padding: how far the windows reach over both ends, at most half of ``kernel_size``; zeros.
        ceil_mode: also take windows that reach over the end, if they begin before it.
        count_include_pad: whether zeros of the padding count.
        divisor_override: divide the sums by this instead of the number of elements.

    Shape: input (N, C, H, W) or (C, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return self._pooled(F.avg_pool2d, input)


class AvgPool3d(_AvgPool):
    """The mean of each window over depth, height and width.

    Args: as for ``AvgPool2d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return self._pooled(F.avg_pool3d, input)


# ---- norms -----------------------------------------------------------------------------------------------------------


class _LPPool(Module):
    """The settings of pooling by a norm."""

    @explained
    def __init__(
        self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
    ) -> None:
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The ``norm_type``-th root of the sum of the ``norm_type``-th powers of each window (not of magnitudes).

    Args:
        norm_type: the power.
        kernel_size, stride, ceil_mode: as for ``AvgPool1d``.

    Shape: input (N, C, length) or (C, length).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        return F.lp_pool1d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """What ``LPPool1d`` is, over height and width.

    Args: as for ``LPPool1d``.

    Shape: input (N, C, H, W) or (C, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        return F.lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(_LPPool):
    """What ``LPPool1d`` is, over depth, height and width.

    Args: as for ``LPPool1d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        return F.lp_pool3d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
