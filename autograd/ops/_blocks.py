"""Elementwise functions of large arrays in blocks, and functions of lines."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._signatures import asks
from ..engine.blocks import BLOCK, block_rows, copied, copy_all, get_num_threads, in_blocks, set_num_threads

__all__ = [
    "BLOCK", "HEAVY", "SOME", "block_rows", "blockwise", "clipped", "copied", "copy_all", "get_num_threads",
    "in_blocks", "linewise", "own", "pointwise", "set_num_threads", "zeros_for",
]  # fmt: skip

_BROAD = 1 << 12
"""Beside so many lines along dimension 0, others are divided."""

HEAVY = 1 << 15
"""Elements in a block of work that takes tens of nanoseconds for each, as SciPy's functions do."""


SOME = 1 << 12
"""From this size on it pays to lay out a number in full."""


def _divisible(arrays: Any) -> bool:
    """Whether they are large plain arrays of one shape, the first of single or double precision."""
    first = arrays[0]
    if type(first) is not np.ndarray or first.dtype.char not in "fd":
        return False
    return all(type(array) is np.ndarray and array.shape == first.shape for array in arrays)


def _as_lines(arrays: list[Any]) -> list[Any]:
    """Arrays of one shape as lines, their elements as they stand in memory.

    If they do not stand in one order, they are turned such that those of the last do, which has no gaps.
    """
    if all(array.flags.c_contiguous for array in arrays):
        return [array.reshape(-1) for array in arrays]
    last = arrays[-1]
    order = sorted(range(last.ndim), key=lambda axis: -last.strides[axis])
    turned = [array.transpose(order) for array in arrays]
    if all(array.flags.c_contiguous for array in turned):
        return [array.reshape(-1) for array in turned]
    return turned


def _compute(
    function: Callable[..., Any], arrays: Any, out: Any, block: int | None = None, cheap: bool = False
) -> None:
    def work(rows: slice) -> None:
        function(*[array[rows] for array in arrays], out=out[rows])

    in_blocks(out, lambda: work, block, cheap=cheap)


def pointwise(function: Callable[..., Any], *arrays: Any, cheap: bool = False, block: int | None = None) -> Any:
    """``function(*arrays)``, which works elementwise and returns the dtype of the first array.

    Large plain arrays of one shape are computed in blocks, so that temporary arrays stay in the cache: the function
    must accept, as ``out``, where to write its result to. ``cheap`` and ``block`` as for ``in_blocks``.
    """
    if type(arrays[0]) is not np.ndarray or arrays[0].size <= (block or BLOCK) or not _divisible(arrays):
        return function(*arrays)
    first = arrays[0]
    out = np.empty(first.shape, first.dtype) if 0 in first.strides else np.empty_like(first)
    *parts, into = _as_lines([*arrays, out])
    _compute(function, parts, into, block, cheap)
    return out


def blockwise(
    function: Callable[..., Any] | None = None, *, cheap: bool = False, block: int | None = None
) -> Callable[..., Any]:
    """``function`` of arrays and settings, elementwise in several steps: plain large arrays are computed in blocks.

    It returns the dtype of its first argument. What is no plain array passes through, so that rules may be such.
    A function with a parameter ``into`` is given an array to write its result to. ``cheap`` and ``block`` as for
    ``in_blocks``.
    """
    if function is None:
        return functools.partial(blockwise, cheap=cheap, block=block)
    compute: Any = function
    writes = "into" in asks(function)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        x = args[0]
        if type(x) is not _ndarray or x.size <= (block or BLOCK):
            return compute(*args)
        return _divided(compute, args, writes, cheap, block)

    if writes:  # which is between the function and this: a rule must not seem to ask for it
        plain = inspect.signature(function)
        named = [parameter for name, parameter in plain.parameters.items() if name != "into"]
        call.__signature__ = plain.replace(parameters=named)  # type: ignore[attr-defined]
    return call


_ndarray = np.ndarray


@functools.cache
def _many_zeros(dtype: Any, size: int) -> Any:
    """A block of zeros: with them NumPy compares an array in a third of the time that it takes with one number."""
    zeros = np.zeros(size, dtype)
    zeros.flags.writeable = False
    return zeros


def zeros_for(x: Any) -> Any:
    """0, or zeros like ``x``, whichever NumPy compares ``x`` with in less time."""
    if type(x) is not np.ndarray or not SOME <= x.size <= BLOCK:
        return 0
    return _many_zeros(x.dtype, BLOCK)[: x.size].reshape(x.shape)


def own(x: Any) -> Any:
    """Where a result may be written over a new array of the caller's: there, if it is a plain one and not empty."""
    return x if type(x) is np.ndarray and x.size else None


def clipped(x: Any, low: Any, high: Any) -> Any:
    """``x`` brought between two bounds, of which one may be None: between numbers, ``np.clip`` is the fastest."""
    numbers = not (getattr(low, "ndim", 0) or getattr(high, "ndim", 0))
    if numbers and type(x) is np.ndarray and x.size >= SOME and x.dtype.char in "fd":
        return np.clip(x, -math.inf if low is None else low, math.inf if high is None else high)
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _divided(compute: Callable[..., Any], args: tuple[Any, ...], writes: bool, cheap: bool, block: int | None) -> Any:
    """``compute(*args)`` in blocks; with ``writes`` it takes, as ``into``, where to write its result to."""
    places = [at for at, arg in enumerate(args) if getattr(arg, "ndim", 0)]
    arrays = [args[at] for at in places]
    if any(getattr(array, "shape", None) != args[0].shape for array in arrays):
        if not all(type(array) is np.ndarray for array in arrays):
            return compute(*args)
        arrays = list(np.broadcast_arrays(*arrays))
    if not _divisible(arrays):
        return compute(*args)

    def work(*parts: Any, out: Any) -> Any:
        given = list(args)
        for at, part in zip(places, parts, strict=True):
            given[at] = part.copy() if 0 in part.strides else part  # NumPy takes repeated numbers one by one
        return compute(*given, into=out) if writes else np.copyto(out, compute(*given))

    return pointwise(work, *arrays, cheap=cheap, block=block)


def linewise(function: Callable[..., Any], columns: Callable[..., Any], dim: int, *arrays: Any) -> Any:
    """``function(*arrays, dim=dim)``, as ``pointwise`` but with work on whole lines along ``dim``.

    ``columns(*arrays)`` works on matrices along dimension 0, where a block of columns would have short rows.
    """
    if arrays[0].size <= BLOCK or not _divisible(arrays):
        return function(*arrays, dim=dim)
    shape, first = arrays[0].shape, not dim or dim + arrays[0].ndim == 0
    if first and math.prod(shape[1:]) < _BROAD:
        if len(shape) == 1 or not all(array.flags.c_contiguous for array in arrays):
            return function(*arrays, dim=dim)
        return columns(*[array.reshape(shape[0], -1) for array in arrays]).reshape(shape)

    def beside(block: slice) -> None:
        function(*[array[:, block] for array in arrays], dim=0, out=out[:, block])

    out = np.empty(arrays[0].shape, arrays[0].dtype)
    if first:
        in_blocks(np.swapaxes(out, 0, 1), lambda: beside)
    else:
        _compute(functools.partial(function, dim=dim), arrays, out)
    return out
