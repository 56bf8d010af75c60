"""Questions about an object or a Tensor, as functions."""

from __future__ import annotations

from typing import Any

from ._tensor import Tensor

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "is_tensor", "numel"]


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor."""
    return isinstance(obj, Tensor)


def _tensor(name: str, input: Any) -> Tensor:
    """What was asked about.

    Raises: TypeError if it is no Tensor.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(input).__name__}; make one with autograd.tensor")
    return input


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float16, float32 or float64."""
    return _tensor("is_floating_point", input).is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return _tensor("is_complex", input).is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    Raises:
        ValueError: there is not exactly one element.
    """
    return _tensor("is_nonzero", input).is_nonzero()


def numel(input: Tensor) -> int:
    """The number of elements."""
    return _tensor("numel", input).numel()
