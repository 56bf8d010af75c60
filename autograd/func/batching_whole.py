"""Rules for whole ops on batched arrays, where one call for all examples is much faster than one for each."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.foreign import ForeignArray
from ..ops import indexing
from .batching import BatchedArray, Level, Unsuited
from .batching_indices import read
from .batching_ops import forward, operation

__all__: list[str] = []

# ---- indexing ----------------------------------------------------------------------------------------------------------


@operation("getitem")
def _getitem(level: Level, op: Any, x: Any, index: Any) -> Any:
    if level.owns(x):
        raise Unsuited
    if level.owns(index):
        return read(level, x, index)
    return indexing._at(BatchedArray(level.lift(x), level), index)


@operation("with_item")
def _with_item(level: Level, op: Any, x: Any, y: Any, index: Any) -> Any:
    out = BatchedArray(np.copy(level.lift(x)), level)
    indexing._put(out, index, y)
    return out


@operation("scatter_index")
def _scatter_index(level: Level, op: Any, x: Any, index: Any, shape: Any) -> Any:
    own = level.owns(index)
    value = level.lift(x)
    if (own or isinstance(index, np.ndarray)) and index.dtype.kind in "iu" and index.ndim:
        places = np.where(level.lift(index) < 0, level.lift(index) + shape[0], level.lift(index))
        places = places + np.arange(level.size).reshape(-1, *(1,) * index.ndim) * shape[0]  # rows of all examples
        made = forward(op, value, places, (level.size * shape[0], *shape[1:]))
        return level.wrap(np.reshape(made, (level.size, *shape)))
    if indexing._has_no_repeats(index) or indexing._is_basic(index):
        out = BatchedArray(np.zeros((level.size, *shape), value.dtype), level)
        indexing._put(out, index, x)
        return out
    if isinstance(value, ForeignArray):
        raise Unsuited
    total = np.arange(level.size * int(np.prod(shape, dtype=int))).reshape(level.size, *shape)
    places = indexing._at(BatchedArray(total, level), index).value
    added = forward(op, np.ravel(np.broadcast_to(value, places.shape)), np.ravel(places), (total.size,))
    return level.wrap(np.reshape(added, (level.size, *shape)))


# ---- convolutions ------------------------------------------------------------------------------------------------------


def _into(level: Level, x: Any, axis: int) -> Any:
    """All examples of ``x``, side by side along its axis ``axis``."""
    value = np.moveaxis(level.lift(x), 0, axis)
    return np.reshape(value, (*value.shape[:axis], -1, *value.shape[axis + 2 :]))


def _out_of(level: Level, made: Any, axis: int) -> Any:
    """What ``_into`` does, undone."""
    apart = np.reshape(made, (*made.shape[:axis], level.size, -1, *made.shape[axis + 1 :]))
    return level.wrap(np.moveaxis(apart, axis, 0))


@operation("convolution", "transposed_convolution")
def _convolution(level: Level, op: Any, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    *settings, groups = settings  # type: ignore[assignment]
    if not level.size:
        raise Unsuited
    if level.owns(bias) and not level.owns(weight):
        made = np.expand_dims(bias, tuple(range(1, x.ndim - 1)))
        return _convolution(level, op, x, weight, None, *settings, groups) + made if level.owns(x) else (
            forward(op, x, weight, None, *settings, groups) + made
        )
    if not level.owns(weight):  # more images
        return _out_of(level, forward(op, _into(level, x, 0), weight, bias, *settings, groups), 0)
    if bias is not None:
        bias = _into(level, bias, 0)
    if not level.owns(x) and groups == 1 and op.name == "convolution":  # more output channels
        return _out_of(level, forward(op, x, _into(level, weight, 0), bias, *settings, groups), 1)
    made = forward(op, _into(level, x, 1), _into(level, weight, 0), bias, *settings, groups * level.size)
    return _out_of(level, made, 1)


@operation("convolution_weight")
def _convolution_weight(level: Level, op: Any, x: Any, y: Any, *settings: Any) -> Any:
    *settings, groups = settings  # type: ignore[assignment]
    if not level.size:
        raise Unsuited
    if not level.owns(x) and groups == 1:
        return _out_of(level, forward(op, x, _into(level, y, 1), *settings, groups), 0)
    made = forward(op, _into(level, x, 1), _into(level, y, 1), *settings, groups * level.size)
    return _out_of(level, made, 0)
