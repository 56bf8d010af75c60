"""Rules for whole ops on batched arrays, where one call for all examples is much faster than one for each.

They call the op itself on plain arrays that hold all examples, so that it works as it does outside of ``vmap``.
"""

from __future__ import annotations

import math
import re
import string
from typing import Any

import numpy as np

from ..engine.foreign import ForeignArray, alike, first_foreign
from ..ops import sorting, standardization
from ..ops._indices import at, from_start, has_no_repeats, put
from .batching import BatchedArray, Level, Unsuited, rank_of, rule, shifted
from .batching_indices import read
from .batching_ops import forward, operation
from .pytrees import map_arrays

__all__: list[str] = []

# ---- families --------------------------------------------------------------------------------------------------------

_SEVERAL = frozenset({
    "all", "amax", "amin", "any", "centred", "count_nonzero", "logsumexp", "norm", "std", "var",
})  # fmt: skip
"""Ops along one or more dimensions, None for all."""
_FLAT = frozenset({"argmax", "argmin"})
"""Ops along one dimension, None for all as one."""


def _named(op: Any, values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(op.params, values, strict=True))


@operation(
    *_SEVERAL, *_FLAT, "argsort", "kthvalue", "log_softmax", "max_along", "median_along", "min_along", "mode",
    "nanmedian_along", "recurrence", "resample", "softmax", "softmax_backward", "sort", "topk",
)  # fmt: skip
def _along(level: Level, op: Any, *values: Any) -> Any:
    """Ops along a dimension: the next one of all examples."""
    named = _named(op, values)
    dim, ndim = named["dim"], named[op.inputs[0]].ndim
    if not ndim:
        raise Unsuited
    for name in op.inputs:
        named[name] = level.lift(named[name])
    if isinstance(dim, (tuple, list)) or (dim is None and op.name in _SEVERAL):
        if dim is not None and not len(dim):
            raise Unsuited
        named["dim"] = tuple(range(1, ndim + 1)) if dim is None else tuple([shifted(n, ndim) for n in dim])
    elif dim is None:
        if op.name not in _FLAT or named["keepdim"]:
            raise Unsuited
        named[op.inputs[0]], named["dim"] = np.reshape(named[op.inputs[0]], (level.size, -1)), 1
    else:
        named["dim"] = shifted(dim, ndim)
    return level.wrap(forward(op, *named.values()))


@operation("place_along")
def _place_along(level: Level, op: Any, x: Any, index: Any, shape: Any, dim: int, keepdim: bool, repeated: bool) -> Any:
    if not shape:
        raise Unsuited
    size, where = (level.size, *shape), shifted(dim, len(shape))
    return level.wrap(forward(op, level.lift(x), level.lift(index), size, where, keepdim, repeated))


@operation(
    "attend", "clone", "cofactor", "cofactor_change", "complex", "conj", "euclidean_distances", "in_order",
    "indefinite_info", "lu", "masked_fill", "matrix_exp", "matrix_exp_along", "over_gaps", "pivots_of_rows", "polar",
    "polygamma", "rows_of_pivots", "singular_info", "solve_triangular", "spread_means", "view_as_complex",
    "view_as_real", "window_means",
)  # fmt: skip
def _leading(level: Level, op: Any, *values: Any) -> Any:
    """Ops that work on each element, or on the last dimensions, and take any number of dimensions before."""
    named = _named(op, values)
    given = [name for name in (*op.inputs, *op.constants) if named[name] is not None]
    rank = max(rank_of(named[name]) for name in given)
    first = op.inputs[0]  # on it depends every output
    named[first] = BatchedArray(level.lift(named[first]), level)
    for name in given:
        named[name] = level.aligned(named[name], rank)
    return level.wrap(forward(op, *named.values()))


@operation(
    "average_pool", "max_pool", "max_pool_with_indices", "pick_maxima", "sample_pixels", "spread_averages",
    "spread_maxima", "spread_pixels", "weigh_pixels",
)  # fmt: skip
def _folded(level: Level, op: Any, *values: Any) -> Any:
    """Ops on a batch of images: the images of all examples are one larger batch."""
    if not level.size:
        raise Unsuited
    named = _named(op, values)
    for name in {*op.inputs, *op.constants, "x", "source", "values"} & named.keys():
        value = level.lift(named[name])
        named[name] = np.reshape(value, (-1, *value.shape[2:]))
    made = forward(op, *named.values())
    apart = [np.reshape(m, (level.size, -1, *m.shape[1:])) for m in (made if op.outputs is not None else [made])]
    return level.wrap(apart if op.outputs is not None else apart[0])


@operation("nanmedian_of_all")
def _nanmedian_of_all(level: Level, op: Any, x: Any) -> Any:
    """As a line of each example in order, with what is no number behind."""
    lines = np.sort(np.reshape(x.value, (level.size, -1)), axis=1)
    if not lines.size:
        raise Unsuited
    known = np.count_nonzero(lines == lines, axis=1)  # 0: the first is no number
    return level.wrap(np.take_along_axis(lines, np.expand_dims(np.maximum(known - 1, 0) // 2, 1), 1)[:, 0])


@operation("multiply_labels")
def _multiply_labels(level: Level, op: Any, x: Any, y: Any, spec: str) -> Any:
    """The examples are one more dimension, with a letter of its own."""
    own = next(letter for letter in string.ascii_letters if letter not in spec)
    mine, theirs, target = re.split(",|->", spec)
    words = [own + word if level.owns(item) else word for item, word in ((x, mine), (y, theirs))]
    values = [item.value if level.owns(item) else item for item in (x, y)]
    return level.wrap(forward(op, *values, f"{','.join(words)}->{own}{target}"))


# ---- indexing --------------------------------------------------------------------------------------------------------


@operation("getitem")
def _getitem(level: Level, op: Any, x: Any, index: Any) -> Any:
    if level.owns(index) and not level.owns(x):
        return read(level, x, index)
    return at(BatchedArray(level.lift(x), level), index)


@operation("with_item")
def _with_item(level: Level, op: Any, x: Any, y: Any, index: Any) -> Any:
    inside = map_arrays((y, index), lambda item: item.value if level.owns(item) else item)
    out = BatchedArray(np.copy(alike(level.lift(x), first_foreign(*inside))), level)
    put(out, index, y)
    return out


@operation("scatter_index")
def _scatter_index(level: Level, op: Any, x: Any, index: Any, shape: Any) -> Any:
    value = level.lift(x)
    if isinstance(index, (np.ndarray, ForeignArray)) and index.dtype.kind in "iu" and index.ndim:
        places = level.lift(index)
        places = from_start(places, shape[0])
        places = places + np.arange(level.size).reshape(-1, *(1,) * index.ndim) * shape[0]  # rows of all examples
        made = forward(op, value, places, (level.size * shape[0], *shape[1:]))
        return level.wrap(np.reshape(made, (level.size, *shape)))
    if has_no_repeats(index):
        out = BatchedArray(np.zeros((level.size, *shape), value.dtype, like=value), level)
        put(out, index, x)
        return out
    if isinstance(value, ForeignArray):
        raise Unsuited
    every = np.arange(level.size * math.prod(shape)).reshape(level.size, *shape)
    places = at(BatchedArray(every, level), index).value
    added = forward(op, np.ravel(np.broadcast_to(value, places.shape)), np.ravel(places), (every.size,))
    return level.wrap(np.reshape(added, (level.size, *shape)))


@operation("scatter_extreme")
def _scatter_extreme(level: Level, op: Any, x: Any, src: Any, index: Any, largest: bool) -> Any:
    if not level.size:
        raise Unsuited
    value, source = level.lift(x), level.lift(src)
    every = np.arange(value.size).reshape(value.shape)
    places = np.broadcast_to(at(BatchedArray(every, level), index).value, source.shape)
    made = forward(op, np.ravel(value), np.ravel(source), (np.ravel(places),), largest)
    return level.wrap(np.reshape(made, value.shape))


@operation("diagonal_scatter")
def _diagonal_scatter(level: Level, op: Any, x: Any, src: Any, offset: int, dim1: int, dim2: int) -> Any:
    first, second = shifted(dim1, x.ndim), shifted(dim2, x.ndim)
    source = level.lift(src)
    if source.ndim == 1:  # a number for the whole diagonal
        shape = np.diagonal(level.lift(x), offset, first, second).shape
        source = np.broadcast_to(np.reshape(source, (level.size, *(1,) * (len(shape) - 1))), shape)
    return level.wrap(forward(op, level.lift(x), source, offset, first, second))


@operation("searchsorted")
def _searchsorted(level: Level, op: Any, sequence: Any, values: Any, *settings: Any) -> Any:
    *settings, sorter = settings  # type: ignore[assignment]
    if sequence.ndim == 1 and not level.owns(sequence) and not level.owns(sorter):
        return level.wrap(forward(op, sequence, values.value, *settings, sorter))
    sorter = None if sorter is None else level.lift(sorter)
    lines = level.lift(values)
    shape = lines.shape
    lines = np.reshape(lines, (level.size, -1)) if sequence.ndim == 1 else lines  # a sequence for any values
    return level.wrap(np.reshape(forward(op, level.lift(sequence), lines, *settings, sorter), shape))


@rule(np.searchsorted)
def _search(level: Level, a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    if not level.owns(a) and not level.owns(sorter):
        return level.wrap(np.searchsorted(a, v.value, side, sorter))
    return _searchsorted(level, sorting.searchsorted.op, a, np.asarray(v, like=a), False, False, side, sorter)


@operation("histc")
def _histc(level: Level, op: Any, x: Any, bins: int, low: float, high: float) -> Any:
    value = level.lift(x)
    if isinstance(value, ForeignArray) or not value.size or value.dtype.kind != "f":
        raise Unsuited
    lines = np.reshape(value, (level.size, -1)).astype(np.float64)
    first, last = (lines.min(1), lines.max(1)) if low == high else np.full((2, level.size), [[low], [high]], float)
    apart = first != last
    first, last = np.where(apart, first, first - 1), np.where(apart, last, last + 1)
    if not (np.isfinite(first).all() and np.isfinite(last).all() and (first < last).all()):
        raise Unsuited
    edges = np.linspace(first, last, bins + 1, axis=1)
    places = sorting.searchsorted.op.forward(edges, lines, right=True) - 1
    places = np.minimum(places, bins - 1) + np.arange(level.size)[:, None] * bins  # the last edge belongs to its bin
    counts = np.bincount(places[(lines >= first[:, None]) & (lines <= last[:, None])], minlength=level.size * bins)
    return level.wrap(np.reshape(counts, (level.size, bins)).astype(x.dtype))


@operation("embedding")
def _embedding(level: Level, op: Any, x: Any, weight: Any, *settings: Any) -> Any:
    if level.owns(weight):
        raise Unsuited
    return level.wrap(forward(op, x.value, weight, *settings))


@operation("add_rows")
def _add_rows(level: Level, op: Any, x: Any, index: Any, rows: int, padding_idx: Any) -> Any:
    if not level.size:
        raise Unsuited
    places = level.lift(index) + np.arange(level.size).reshape(-1, *(1,) * index.ndim) * rows  # rows of all examples
    made = np.reshape(forward(op, level.lift(x), places, level.size * rows, None), (level.size, rows, -1))
    if padding_idx is not None:
        made[:, padding_idx] = 0
    return level.wrap(made)


# ---- convolutions ----------------------------------------------------------------------------------------------------


def _into(level: Level, x: Any, axis: int) -> Any:
    """All examples of ``x``, side by side along its axis ``axis``."""
    value = np.moveaxis(level.lift(x), 0, axis)
    return np.reshape(value, (*value.shape[:axis], -1, *value.shape[axis + 2 :]))


def _out_of(level: Level, made: Any, axis: int) -> Any:
    """What ``_into`` does, undone."""
    apart = np.reshape(made, (*made.shape[:axis], level.size, -1, *made.shape[axis + 1 :]))
    return level.wrap(np.moveaxis(apart, axis, 0))


def _convolved(level: Level, op: Any, x: Any, weight: Any, settings: tuple[Any, ...], groups: int) -> Any:
    if not level.owns(weight):  # more images
        return _out_of(level, forward(op, _into(level, x, 0), weight, None, *settings, groups), 0)
    if not level.owns(x) and groups == 1 and op.name == "convolution":  # more output channels
        return _out_of(level, forward(op, x, _into(level, weight, 0), None, *settings, groups), 1)
    made = forward(op, _into(level, x, 1), _into(level, weight, 0), None, *settings, groups * level.size)
    return _out_of(level, made, 1)


@operation("convolution", "transposed_convolution")
def _convolution(level: Level, op: Any, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    *settings, groups = settings  # type: ignore[assignment]
    if not level.size or 0 in x.shape or 0 in weight.shape:
        raise Unsuited
    if level.owns(x) or level.owns(weight):
        made = _convolved(level, op, x, weight, tuple(settings), groups)
    else:
        made = forward(op, x, weight, None, *settings, groups)
    return made if bias is None else made + np.expand_dims(bias, tuple(range(1, x.ndim - 1)))


@operation("convolution_weight")
def _convolution_weight(level: Level, op: Any, x: Any, y: Any, *settings: Any) -> Any:
    *settings, groups = settings  # type: ignore[assignment]
    if not level.size or 0 in x.shape or 0 in y.shape:
        raise Unsuited
    if not level.owns(x) and groups == 1:
        return _out_of(level, forward(op, x, _into(level, y, 1), *settings, groups), 0)
    made = forward(op, _into(level, x, 1), _into(level, y, 1), *settings, groups * level.size)
    return _out_of(level, made, 0)


# ---- normalization ---------------------------------------------------------------------------------------------------


def _standardized(level: Level, op: Any, x: Any, *settings: Any) -> Any:
    return level.wrap(forward(op, level.lift(x), None, None, *settings, None))


@operation("layer_norm")
def _layer_norm(level: Level, op: Any, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    *settings, _ = settings  # type: ignore[assignment]
    if not level.owns(weight) and not level.owns(bias):
        return level.wrap(forward(op, level.lift(x), weight, bias, *settings, None))
    made = _standardized(level, op, x, *settings) if level.owns(x) else forward(op, x, None, None, *settings, None)
    made = made if weight is None else made * weight
    return (made if bias is None else made + bias).astype(x.dtype)


@operation("batch_norm")
def _batch_norm(level: Level, op: Any, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    if level.owns(x):
        raise Unsuited
    made = forward(op, x, None, None, *settings)  # whose statistics are the same for all examples
    return _scaled(made, weight, bias, x)


def _scaled(made: Any, weight: Any, bias: Any, x: Any) -> Any:
    for value, combine in ((weight, np.multiply), (bias, np.add)):
        made = made if value is None else combine(made, np.reshape(value, (-1, *(1,) * (x.ndim - 2))))
    return made.astype(x.dtype)


@operation("group_norm")
def _group_norm(level: Level, op: Any, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    *settings, _ = settings  # type: ignore[assignment]
    if not level.size or 0 in x.shape:
        raise Unsuited
    if not level.owns(weight) and not level.owns(bias):
        return _out_of(level, forward(op, _into(level, x, 0), weight, bias, *settings, None), 0)
    return _scaled(_grouped(level, x, *settings), weight, bias, x)


def _grouped(level: Level, x: Any, *settings: Any) -> Any:
    """``group_norm`` without weight and bias."""
    op, one, zero = standardization.group_norm_.op, np.ones(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    if level.owns(x):
        return _group_norm(level, op, x, one, zero, *settings, None)
    return forward(op, x, one, zero, *settings, None)


@operation("group_norm_backward")
def _group_norm_backward(level: Level, op: Any, x: Any, y: Any, weight: Any, *settings: Any) -> Any:
    *settings, _ = settings  # type: ignore[assignment]
    if not level.size or 0 in x.shape:
        raise Unsuited
    one = np.ones(x.shape[1], x.dtype)
    dx = forward(op, _into(level, x, 0), _into(level, _scaled(y, weight, None, y), 0), one, *settings, None)[0]
    lead, unit = (0, *range(2, x.ndim)), _grouped(level, x, *settings)
    whole = BatchedArray(level.lift(y), level)
    return _out_of(level, dx, 0), np.sum(whole * unit, axis=lead), np.sum(whole, axis=lead)


@operation("layer_norm_backward")
def _layer_norm_backward(level: Level, op: Any, x: Any, y: Any, weight: Any, rank: int, *settings: Any) -> Any:
    eps, centered, _ = settings
    lead = tuple(range(x.ndim - rank))
    scaled = y if weight is None else (y * weight).astype(y.dtype)
    dx, *none = forward(op, level.lift(x), level.lift(scaled), None, rank, eps, centered, None)
    if weight is None:
        return (level.wrap(dx), *none)
    normal = BatchedArray(_normal(level, x, rank, eps, centered), level)
    return level.wrap(dx), np.sum(y * normal, axis=lead), np.sum(y + np.zeros_like(normal), axis=lead)


def _normal(level: Level, x: Any, rank: int, eps: float, centered: bool) -> Any:
    return forward(standardization.layer_norm_.op, level.lift(x), None, None, rank, eps, centered, None)
