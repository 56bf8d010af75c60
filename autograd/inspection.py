"""Questions about an object or a Tensor, as functions."""

from __future__ import annotations

from typing import Any

from ._tensor import Tensor

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "is_tensor", "numel"]


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float16, float32 or float64."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    Raises:
        ValueError: there is not exactly one element.
    """
    return input.is_nonzero()


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()
