"""Layers that rearrange elements."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from . import functional as F
from .module import Module

__all__ = ["ChannelShuffle", "Flatten", "PixelShuffle", "PixelUnshuffle", "Unflatten"]


class Flatten(Module):
    """Joins dimensions into one; by default all but the first, which counts the examples.

    Args:
        start_dim, end_dim: the first and the last of them.

    >>> import autograd, nn
    >>> nn.Flatten()(autograd.zeros(32, 16, 4, 4)).shape
    (32, 256)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """``x.flatten(start_dim, end_dim)``."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Parts a dimension into several.

    Args:
        dim: the dimension.
        unflattened_size: the sizes of the new ones; one may be -1.

    Raises: TypeError unless the sizes are a tuple or list of integers.

    >>> import autograd, nn
    >>> nn.Unflatten(1, (1, 8, 8))(autograd.zeros(2, 64)).shape
    (2, 1, 8, 8)
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        if not isinstance(unflattened_size, (tuple, list)) or not all(isinstance(n, int) for n in unflattened_size):
            raise TypeError(f"Unflatten: unflattened_size must be a tuple of integers, got {unflattened_size!r}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """``x.unflatten(dim, unflattened_size)``."""
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """The dimension and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class PixelShuffle(Module):
    """Enlarges images by moving channels to new pixels: (..., C r r, H, W) becomes (..., C, H r, W r).

    Args:
        upscale_factor: ``r``.

    Source: W. Shi et al., Real-Time Single Image and Video Super-Resolution, 2016.

    >>> import autograd, nn
    >>> nn.PixelShuffle(2)(autograd.zeros(1, 4, 3, 3)).shape
    (1, 1, 6, 6)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """``input`` enlarged."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Makes images smaller by moving pixels to new channels: what undoes ``PixelShuffle``.

    Args:
        downscale_factor: by which height and width are divided.
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """``input`` made smaller."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deals the channels of (examples, channels, ...) out anew, so that those of a group come to stand apart.

    Args:
        groups: into how many groups the channels are divided.

    Source: X. Zhang et al., ShuffleNet, 2018.
    """

    def __init__(self, groups: int) -> None:
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with its channels in another order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return f"groups={self.groups}"
