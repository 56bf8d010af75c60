"""Convolutional layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autograd import ArgumentError, Tensor, empty
from autograd.devices import check_device
from autograd.engine.failures import explained
from autograd.ops.convolution import transposed_sizes
from autograd.ops.windows import per_dimension

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

Size = int | Sequence[int]
"""A number, or one for each dimension."""


class _Convolution(Module):
    """What all convolutional layers share: settings, parameters and their initialization."""

    _rank: int
    transposed = False
    output_padding: tuple[int, ...]
    padding: str | tuple[int, ...]
    bias: Parameter | None

    def _set_up(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: str | Size,
        dilation: Size,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
        output_padding: Size = 0,
    ) -> None:
        name, rank = type(self).__name__, self._rank
        check_device(device)
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{name}: in_channels {in_channels} and out_channels {out_channels} must be divisible by "
                f"groups {groups}, which must be positive"
            )
        modes = ("zeros",) if self.transposed else ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ArgumentError(f"{name}: padding_mode must be one of {modes}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, rank, 0)
        self.stride = per_dimension(name, "stride", stride, rank, 1)
        self.dilation = per_dimension(name, "dilation", dilation, rank, 1)
        if not isinstance(padding, str):
            self.padding = per_dimension(name, "padding", padding, rank, 0)
        elif padding not in ("same", "valid"):
            raise ArgumentError(f"{name}: padding must be numbers, 'same' or 'valid', got {padding!r}")
        elif padding == "same" and max(self.stride) > 1:
            raise ArgumentError(
                f"{name}: padding='same' needs a stride of 1, got {stride}; give the padding as numbers"
            )
        else:
            self.padding = padding
        self.output_padding = per_dimension(name, "output_padding", output_padding, rank, 0)
        self.groups = groups
        self.padding_mode = padding_mode
        ends = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty(*ends, *self.kernel_size, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
            init.uniform_(self.bias, -bound, bound)

    def _edges(self) -> list[tuple[int, int]]:
        """How much is padded before and after, in each dimension."""
        if self.padding == "valid":
            return [(0, 0)] * self._rank
        if isinstance(self.padding, str):
            reach = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
            return [(r // 2, r - r // 2) for r in reach]
        return [(n, n) for n in self.padding]

    def _padded(self, x: Tensor) -> tuple[Tensor, Any]:
        """The input padded as ``padding_mode`` says, and what is left to pad with zeros."""
        if self.padding_mode == "zeros":
            return x, self.padding
        edges = tuple([n for edge in reversed(self._edges()) for n in edge])
        if any(edges) and x.ndim in (self._rank + 1, self._rank + 2):
            x = F.pad(x, edges, self.padding_mode)
        return x, 0

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        usual = {
            "padding": (0,) * self._rank,
            "dilation": (1,) * self._rank,
            "output_padding": (0,) * self._rank,
            "groups": 1,
        }
        for name, value in usual.items():
            if getattr(self, name) != value:
                text += f", {name}={getattr(self, name)}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class _Conv(_Convolution):
    """The constructor of the layers that are not transposed."""

    @explained
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )


class Conv1d(_Conv):
    """Convolution along one dimension.

    Args:
        in_channels, out_channels: how many.
        kernel_size: a number, or one for each dimension, as the next three.
        stride: from one place of the kernel to the next.
        padding: on both sides; or ``"same"`` (the output has the input's size), ``"valid"`` (none).
        dilation: from one element of the kernel to the next.
        groups: into how many independent groups the channels are divided.
        bias: whether there is one.
        padding_mode: what is padded: "zeros", "reflect", "replicate" or "circular".
        device: ``'cpu'``.
        dtype: of the parameters.

    Shape: input (N, C, length) or (C, length); weight (outputs, C / groups, kernel), bias (outputs).

    Raises: ValueError, ShapeError.

    Both are initialized uniformly within 1 / sqrt(C / groups * kernel), as in PyTorch.
    """

    _rank = 1

    def forward(self, input: Tensor) -> Tensor:
        """The convolution."""
        x, padding = self._padded(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Convolution along height and width: of images.

    Args:
        in_channels, out_channels: how many.
        kernel_size: height and width of the kernel; a number stands for both, as in the next three.
        stride: from one place of the kernel to the next.
        padding: added on each side; or ``"same"`` (the output has the input's size), ``"valid"`` (none).
        dilation: from one element of the kernel to the next.
        groups: how many independent groups the channels are divided into; ``in_channels`` for a depthwise convolution.
        bias: whether there is one.
        padding_mode: what is padded: "zeros", "reflect", "replicate" or "circular".
        device: ``'cpu'``.
        dtype: of the parameters.

    Shape: input (N, C, H, W) or (C, H, W); output (N, outputs, H', W'), where
        ``H' = (H + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1``, and ``W'`` likewise;
        weight ``(outputs, C / groups, *kernel)``, bias (outputs).

    Raises: ValueError, ShapeError.

    >>> import autograd, nn
    >>> layer = nn.Conv2d(1, 8, kernel_size=3, padding=1)
    >>> layer(autograd.zeros(2, 1, 5, 5)).shape
    (2, 8, 5, 5)
    """

    _rank = 2

    def forward(self, input: Tensor) -> Tensor:
        """The convolution."""
        x, padding = self._padded(input)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """Convolution along depth, height and width.

    Args: as for ``Conv1d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W); weight ``(outputs, C / groups, *kernel)``, bias (outputs).
    """

    _rank = 3

    def forward(self, input: Tensor) -> Tensor:
        """The convolution."""
        x, padding = self._padded(input)
        return F.conv3d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


# ---- transposed ------------------------------------------------------------------------------------------------------


class _ConvTranspose(_Convolution):
    """The constructor of the transposed layers, and how much longer their output is made."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if isinstance(padding, str):
            raise ArgumentError(f"{type(self).__name__}: padding must be numbers, got {padding!r}")
        self._set_up(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device,
            dtype, output_padding,
        )  # fmt: skip

    def _more(self, x: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The output padding with which the output has the size asked for.

        Raises: ValueError if no output padding gives it.
        """
        if output_size is None:
            return self.output_padding
        name, rank = type(self).__name__, self._rank
        wanted = tuple(output_size)
        if len(wanted) == x.ndim:
            wanted = wanted[-rank:]
        if len(wanted) != rank or x.ndim < rank:
            raise ArgumentError(f"{name}: output_size must have {rank} or {x.ndim} elements, got {tuple(output_size)}")
        assert not isinstance(self.padding, str)
        least = transposed_sizes(
            x.shape[-rank:], self.kernel_size, self.stride, self.padding, (0,) * rank, self.dilation
        )
        most = tuple([n + s - 1 for n, s in zip(least, self.stride, strict=True)])
        if any(not low <= n <= high for low, n, high in zip(least, wanted, most, strict=True)):
            raise ArgumentError(f"{name}: output_size {wanted} is not possible here: from {least} to {most} is")
        return tuple([n - low for n, low in zip(wanted, least, strict=True)])


class ConvTranspose1d(_ConvTranspose):
    """The transpose of ``Conv1d``: each element times the kernel, added up at its place.

    Args:
        in_channels, out_channels: how many.
        kernel_size: a number, or one for each dimension, as the next four.
        stride: from the place of one element to that of the next.
        padding: how much is cut off the output on both sides.
        output_padding: by how much the output is longer at its end.
        groups: into how many independent groups the channels are divided.
        bias: whether there is one.
        dilation: from one element of the kernel to the next.
        padding_mode: "zeros".
        device: ``'cpu'``.
        dtype: of the parameters.

    Shape: input (N, C, length) or (C, length); weight (C, outputs / groups, kernel), bias (outputs).

    Raises: ValueError, ShapeError.
    """

    _rank = 1

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution; ``output_size`` chooses among the sizes that a stride makes possible."""
        more = self._more(input, output_size)
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """The transpose of ``Conv2d``.

    Args: as for ``ConvTranspose1d``.

    Shape: input (N, C, H, W) or (C, H, W); weight ``(C, outputs / groups, *kernel)``, bias (outputs).
    """

    _rank = 2

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution; ``output_size`` chooses among the sizes that a stride makes possible."""
        more = self._more(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )


class ConvTranspose3d(_ConvTranspose):
    """The transpose of ``Conv3d``.

    Args: as for ``ConvTranspose1d``.

    Shape: input (N, C, D, H, W) or (C, D, H, W); weight ``(C, outputs / groups, *kernel)``, bias (outputs).
    """

    _rank = 3

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution; ``output_size`` chooses among the sizes that a stride makes possible."""
        more = self._more(input, output_size)
        return F.conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
