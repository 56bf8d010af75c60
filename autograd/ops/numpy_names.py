"""NumPy's functions that are others of its own in other words: without NaN, and those that came with 2.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._operands import unwrap
from .._protocols import newer, numpy_function
from ..errors import ArgumentError, ShapeError
from .joining import unbind
from .products import vecdot
from .shapes import shape_of

__all__: list[str] = []


@numpy_function(np.nancumsum)
def _nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    return np.cumsum(np.where(np.isnan(unwrap(a)), 0, a), axis, dtype)


@numpy_function(np.nancumprod)
def _nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    return np.cumprod(np.where(np.isnan(unwrap(a)), 1, a), axis, dtype)


def _cumulative(function: Callable[..., Any], start: int) -> Callable[..., Any]:
    def own(
        x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
    ) -> Any:
        shape = shape_of(x)
        if axis is None and len(shape) != 1:
            raise ArgumentError(f"{function.__name__}: give the axis along which to add up an array of shape {shape}")
        axis = 0 if axis is None else axis
        found = function(x, axis, dtype)
        if not include_initial:
            return found
        rim = [1 if i == axis % len(shape) else size for i, size in enumerate(shape)]
        return np.concatenate([np.full(rim, start, found.dtype), found], axis)

    return own


numpy_function(*newer("cumulative_sum"))(_cumulative(np.cumsum, 0))
numpy_function(*newer("cumulative_prod"))(_cumulative(np.cumprod, 1))


@numpy_function(np.vecdot, np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    if axis != -1:  # which NumPy counts in each of the two, before they are broadcast
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    if shape_of(x1)[-1:] != shape_of(x2)[-1:]:
        raise ShapeError(f"vecdot: vectors of {shape_of(x1)[-1:]} and {shape_of(x2)[-1:]} elements have no dot product")
    return vecdot(x1, x2)


@numpy_function(*newer("matvec"))
def _matvec(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, np.expand_dims(x2, -1))[..., 0]


@numpy_function(*newer("vecmat"))
def _vecmat(x1: Any, x2: Any, /) -> Any:
    return np.matmul(np.expand_dims(np.conjugate(x1), -2), x2)[..., 0, :]


@numpy_function(*newer("unstack"))
def _unstack(x: Any, /, *, axis: int = 0) -> Any:
    return tuple(unbind(x, axis))
