"""Elementwise functions of large arrays in blocks, and functions of lines."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.blocks import BLOCK, block_rows, copied, copy_all, get_num_threads, in_blocks, set_num_threads

__all__ = [
    "BLOCK", "block_rows", "blockwise", "copied", "copy_all", "get_num_threads", "in_blocks", "linewise", "pointwise",
    "set_num_threads",
]  # fmt: skip

_BROAD = 1 << 12
"""Beside so many lines along dimension 0, others are divided."""


def _divisible(arrays: tuple[Any, ...]) -> bool:
    """Whether they are large plain arrays of one shape, the first of single or double precision."""
    first = arrays[0]
    if type(first) is not np.ndarray or first.size <= BLOCK or first.dtype.char not in "fd":
        return False
    return all(type(array) is np.ndarray and array.shape == first.shape for array in arrays)


def _compute(function: Callable[..., Any], arrays: Any, out: Any, cheap: bool = False) -> None:
    def work(block: slice) -> None:
        function(*[array[block] for array in arrays], out=out[block])

    in_blocks(out, lambda: work, cheap=cheap)


def pointwise(function: Callable[..., Any], *arrays: Any, cheap: bool = False) -> Any:
    """``function(*arrays)``, which works elementwise and returns the dtype of the first array.

    Large plain arrays of one shape are computed in blocks, so that temporary arrays stay in the cache: the function
    must accept, as ``out``, where to write its result to. ``cheap`` as for ``in_blocks``.
    """
    if type(arrays[0]) is not np.ndarray or arrays[0].size <= BLOCK or not _divisible(arrays):
        return function(*arrays)
    out = np.empty(arrays[0].shape, arrays[0].dtype)
    into = out
    if all(array.flags.c_contiguous for array in arrays):
        arrays, into = tuple([array.reshape(-1) for array in arrays]), out.reshape(-1)
    _compute(function, arrays, into, cheap)
    return out


def blockwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of arrays and settings, elementwise with costly steps: plain large arrays are computed in blocks.

    It returns the dtype of its first argument. What is no plain array passes through, so that rules may be such.
    """

    @functools.wraps(function)
    def call(x: Any, *rest: Any) -> Any:
        if type(x) is not np.ndarray or x.size <= BLOCK:
            return function(x, *rest)
        arrays = (x, *[a for a in rest if getattr(a, "ndim", 0)])
        if not _divisible(arrays):
            return function(x, *rest)
        settings = rest[len(arrays) - 1 :]
        return pointwise(lambda *parts, out: np.copyto(out, function(*parts, *settings)), *arrays)

    return call


def linewise(function: Callable[..., Any], dim: int, *arrays: Any) -> Any:
    """``function(*arrays, dim=dim)``, as ``pointwise`` but with work on whole lines along ``dim``."""
    if not _divisible(arrays):
        return function(*arrays, dim=dim)
    first = not dim or dim + arrays[0].ndim == 0
    if first and math.prod(arrays[0].shape[1:]) < _BROAD:  # beside few lines a block would have short rows
        return function(*arrays, dim=dim)

    def beside(block: slice) -> None:
        function(*[array[:, block] for array in arrays], dim=0, out=out[:, block])

    out = np.empty(arrays[0].shape, arrays[0].dtype)
    if first:
        in_blocks(np.swapaxes(out, 0, 1), lambda: beside)
    else:
        _compute(functools.partial(function, dim=dim), arrays, out)
    return out
