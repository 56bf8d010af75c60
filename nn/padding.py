"""Padding layers, for one, two or three last dimensions."""

from __future__ import annotations

from typing import Any

from autograd import ArgumentError, ShapeError, Tensor

from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """Adds elements before and after the last dimensions.

    Args:
        padding: how many, everywhere; or how many before and after the last dimension, then the last but one, ...
    """

    _rank: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        self.padding = (padding,) * (2 * self._rank) if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 2 * self._rank:
            raise ArgumentError(
                f"{type(self).__name__}: padding is a number or {2 * self._rank} numbers, got {padding}"
            )

    def forward(self, input: Tensor) -> Tensor:
        """``input`` padded."""
        if input.ndim not in (self._rank + 1, self._rank + 2):
            raise ShapeError(
                f"{type(self).__name__}: expected {self._rank + 1} or {self._rank + 2} dimensions, got shape "
                f"{tuple(input.shape)}"
            )
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The numbers."""
        return str(self.padding)


class _ConstantPad(_Pad):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """``input`` padded."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The numbers and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The numbers."""
        return str(self.padding)


class ConstantPad1d(_ConstantPad):
    """Pads with a constant, along the last dimension.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
        value: the constant.
    """

    _rank = 1


class ConstantPad2d(_ConstantPad):
    """Pads with a constant, along the last two dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
        value: the constant.
    """

    _rank = 2


class ConstantPad3d(_ConstantPad):
    """Pads with a constant, along the last three dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
        value: the constant.
    """

    _rank = 3


class ZeroPad1d(_ZeroPad):
    """Pads with zeros, along the last dimension.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 1


class ZeroPad2d(_ZeroPad):
    """Pads with zeros, along the last two dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 2


class ZeroPad3d(_ZeroPad):
    """Pads with zeros, along the last three dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 3


class ReflectionPad1d(_Pad):
    """Pads with the input mirrored at its edges, along the last dimension.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """Pads with the input mirrored at its edges, along the last two dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """Pads with the input mirrored at its edges, along the last three dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """Pads with the elements at the edges repeated, along the last dimension.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """Pads with the elements at the edges repeated, along the last two dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """Pads with the elements at the edges repeated, along the last three dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """Pads with elements from the other side, along the last dimension.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """Pads with elements from the other side, along the last two dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """Pads with elements from the other side, along the last three dimensions.

    Args:
        padding: how many, everywhere; or a tuple: before and after the last dimension, then the last but one, ...
    """

    _rank = 3
    _mode = "circular"
