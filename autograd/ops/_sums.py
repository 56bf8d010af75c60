"""The sum of an array over dimensions as PyTorch gives them, and what may go wrong with sums of squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.sums import SHORT, are_short_lines, is_tall, sum_many, sum_tall
from .axes import accumulation_dtype, axes_of, axis_of, first_of, restore

__all__ = ["add_reduce", "has_lost"]

_add: Any = np.add.reduce  # bound once, and free of stubs that do not know positional arguments, which are faster


def add_reduce(x: Any, dim: Any, keepdim: bool) -> Any:
    """The sum, 16-bit floats still in float32."""
    axis = axis_of(dim)
    if type(x) is np.ndarray:
        if x.size > SHORT and (x.dtype.char in "fdeF" or (x.dtype.char in "lq" and are_short_lines(x))):
            return sum_many(x, None if axis is None else axes_of(axis, x.ndim), keepdim)
    elif axis is not None and is_tall(x, axes := axes_of(axis, x.ndim)):
        return sum_tall(x, axes, keepdims=keepdim)
    if not x.ndim:
        axes_of(dim, 0)
        axis = None
    return _add(x, axis, accumulation_dtype(x.dtype), None, keepdim)


def has_lost(total: Any, x: Any, dim: Any, keepdim: bool) -> bool:
    """Whether a sum over ``dim`` of squared distances in float32 has overflowed, or lost digits as squares vanished.

    Of equal numbers, as ``x`` may have, it is 0 and right.
    """
    if not np.maximum.reduce(total, None, initial=0) < np.inf:
        return True
    small = total < 2.0**-80
    return bool(np.any(small) and np.any((x != first_of(x, dim)) & restore(small, x.shape, dim, keepdim)))
