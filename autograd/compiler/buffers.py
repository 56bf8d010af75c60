"""Buffers: which calls can put their result into an array that is there already, and how that is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.many_products import large_product
from .values import Instruction, Value

__all__ = ["can_be_told", "empty_text", "filling", "is_copied"]

_TAKE_OUT = {
    np.matmul, np.dot, np.take, np.concatenate, np.stack, np.einsum, np.clip, np.cumsum, np.cumprod, np.mean, np.argmax,
    np.argmin, np.all, np.any, large_product,
}  # fmt: skip
"""Functions, besides ufuncs and their reductions, that can be told where to put their result."""

_COPIES = {"array", "ascontiguousarray", "astype", "copy"}
"""Functions and methods that can make a plain copy of an array."""


def can_be_told(item: Instruction) -> bool:
    """Whether a call takes ``out=``, and its result is a whole array of ordinary layout."""
    array = item.outs.array
    if not array.size or "out" in item.kwargs:
        return False
    if not array.ndim and not item.outs.storage.written:
        return False  # a scalar: NumPy makes it faster than it writes it
    if array.dtype.hasobject:  # bytes that others use as well must not be taken for objects
        return False
    function = item.function
    if function in (np.empty_like, np.empty) or filling(item) or is_copied(item):
        return _is_dense(array)
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        return _is_dense(array) and isinstance(function, np.ufunc) and function.signature is None and function.nout == 1
    if isinstance(function, np.ufunc):
        return function.nout == 1
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return item.name.endswith((".reduce", ".accumulate", ".reduceat"))
    if item.name in ("stream.random", "stream.standard_normal"):
        return array.dtype in (np.float32, np.float64)
    if function is np.mean and array.dtype == np.float16:
        return False  # it computes in float32, but not if it is told where to put the result
    return function in _TAKE_OUT


def filling(item: Instruction) -> tuple[Any, ...]:
    """The number that an array is made of by a call, so that a buffer can be filled with it; nothing of other calls."""
    if item.function not in (np.zeros, np.ones, np.full) or item.outs.dtype.kind not in "biufc":
        return ()
    if item.function is not np.full:
        return (int(item.function is np.ones),)
    value = item.args[1] if len(item.args) > 1 else item.kwargs["fill_value"]
    return (value,) if isinstance(value, (bool, int, float, complex, np.generic)) else ()


def is_copied(item: Instruction) -> bool:
    """Whether a call makes a copy, which can be assigned to a buffer."""
    if item.name not in _COPIES or not item.args or type(item.args[0]) is not Value:
        return False
    source, made = item.args[0], item.outs
    return source.shape == made.shape and source.dtype.kind in "biufc" and made.dtype.kind in "biufc"


def _is_dense(array: Any) -> bool:
    """Whether an array's elements fill its memory, in whatever order of the dimensions."""
    step = array.dtype.itemsize
    for stride, length in sorted(zip(array.strides, array.shape, strict=True)):
        if length != 1 and stride != step:
            return False
        step *= length
    return True


def empty_text(array: Any) -> str:
    """The expression that makes an array of this form."""
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        return f"ndarray({array.shape}, '{array.dtype}', strides={array.strides})"
    order = "" if array.flags.c_contiguous else ", 'F'"
    return f"empty({array.shape}, '{array.dtype}'{order})"
