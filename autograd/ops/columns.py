"""The work of convolutions on plain arrays: windows are copied into columns, and matrix products do the rest.

What costs is moving memory, so columns are made a cache-sized piece at a time and never kept, in one of two layouts.
*Rows*: channels last; a window is one row, copied in runs of channels times the kernel's width. *Planes*: channels
first; a row belongs to one element of the kernel, copied in runs of the output's width: better for few channels.
Groups are one more dimension of a batched product. 16-bit floats are multiplied as float32. Where a plain array has
few channels in a group, there is a third way: see ``shifted``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.foreign import require_plain
from . import shifted
from .axes import wide_dtype
from .geometry import Geometry, padded, unpadded
from .windows import windows

__all__ = ["Geometry", "convolve", "spread", "weight_gradient"]

PIECE = 1 << 18
"""Elements of the columns that are made at a time."""
FEW = 32
"""With fewer elements in a run (channels times the kernel's width) columns are laid out in planes."""
LINE = 128
"""Along one dimension, planes are copied in runs of so many elements or more."""


class _Piece(NamedTuple):
    """Some images, and some places along the first dimension of their output."""

    images: slice
    places: slice


def _pieces(images: int, places: Sequence[int], depth: int) -> Iterator[_Piece]:
    """Cut the work so that columns of ``depth`` elements fit the cache."""
    elements = max(depth * math.prod(places), 1)
    if elements <= PIECE:
        count = max(-(-images * elements // PIECE), 1)
        at_once = max(-(-images // count), 1)
        for first in range(0, images, at_once):
            yield _Piece(slice(first, min(first + at_once, images)), slice(0, places[0]))
        return
    step = max(PIECE * places[0] // elements, 1)
    for image in range(images):
        for first in range(0, places[0], step):
            yield _Piece(slice(image, image + 1), slice(first, min(first + step, places[0])))


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _watched(x: Any, y: Any) -> Any:
    """The one of two arrays that others are to be made like."""
    return x if type(x) is not np.ndarray else y


def _left(sizes: Sequence[int], padding: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    """What negative padding leaves."""
    return tuple([slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(sizes, padding, strict=True)])


# ---- columns ---------------------------------------------------------------------------------------------------------


def _in_rows(channels: int, kernel: Sequence[int], places: Sequence[int], stride: Sequence[int]) -> bool:
    if len(kernel) == 1 and places[0] >= LINE and stride[0] == 1:
        return False
    return math.prod(kernel) > 1 and (channels * kernel[-1] >= FEW or math.prod(places) < 16)


def _rows(x: Any, kernel: tuple[int, ...], geometry: Geometry) -> Iterator[tuple[_Piece, Any]]:
    """The windows of (images, groups, channels, ...) as rows: (groups, images * places, kernel * channels)."""
    groups, channels, sizes = x.shape[1], x.shape[2], x.shape[3:]
    rank, places = len(sizes), geometry.places(sizes, kernel)
    depth, wide = math.prod(kernel) * channels, wide_dtype(x.dtype)
    last, first = (1, 0, *range(3, 3 + rank), 2), (0, 1, 2 + rank, *range(2, 2 + rank))
    inside = (slice(None), slice(None), *unpadded(sizes, geometry.padding))
    loaded: Any = slice(0, 0)
    shape: Any = None
    for piece in _pieces(x.shape[0], places, depth):
        count = _length(piece.images)
        if piece.images != loaded:
            if count != _length(loaded):
                frame = np.zeros((groups, count, *padded(sizes, geometry.padding), channels), wide, like=x)
                seen = windows.op.forward(np.transpose(frame, first), kernel, geometry.stride, geometry.dilation)
                seen = np.transpose(seen, (0, 1, *range(3, 3 + 2 * rank), 2))
            frame[inside] = np.transpose(x[piece.images], last)
            loaded = piece.images
        if shape != (groups, count, _length(piece.places), *places[1:], *kernel, channels):
            shape = (groups, count, _length(piece.places), *places[1:], *kernel, channels)
            columns = np.empty(shape, frame.dtype, like=x)
        columns[...] = seen[:, :, piece.places]
        yield piece, np.reshape(columns, (groups, math.prod(shape[1 : 2 + rank]), depth))


def _planes(x: Any, kernel: tuple[int, ...], geometry: Geometry) -> Iterator[tuple[_Piece, Any]]:
    """The windows of (images, groups, channels, ...) in planes: (images, groups, kernel * channels, places)."""
    groups, channels, sizes = x.shape[1], x.shape[2], x.shape[3:]
    rank, places = len(sizes), geometry.places(sizes, kernel)
    depth, wide = math.prod(kernel) * channels, wide_dtype(x.dtype)
    bare = x.dtype == wide and not any(map(any, geometry.padding))
    at = (slice(None),) * 3
    inside = (*at, *unpadded(sizes, geometry.padding))
    order = (0, 1, *range(3 + rank, 3 + 2 * rank), *range(2, 3 + rank))
    loaded: Any = slice(0, 0)
    shape: Any = None
    for piece in _pieces(x.shape[0], places, depth):
        count = _length(piece.images)
        if piece.images != loaded:
            if bare:
                frame = x[piece.images]
            elif count != _length(loaded):
                frame = np.zeros((count, groups, channels, *padded(sizes, geometry.padding)), wide, like=x)
            if bare or count != _length(loaded):
                seen = np.transpose(windows.op.forward(frame, kernel, geometry.stride, geometry.dilation), order)
            if not bare:
                frame[inside] = x[piece.images]
            loaded = piece.images
        part = seen[(*at, *(slice(None),) * rank, piece.places)]
        flat = (count, groups, depth, math.prod(part.shape[3 + rank :]))
        if math.prod(kernel) == 1:
            yield piece, np.reshape(part, flat)
            continue
        if shape != part.shape:
            shape = part.shape
            columns = np.empty(shape, frame.dtype, like=x)
        columns[...] = part
        yield piece, np.reshape(columns, flat)


def _channels_last(weight: Any) -> Any:
    """(groups, outputs, channels, kernel...) as (groups, outputs, kernel..., channels)."""
    return np.transpose(weight, (0, 1, *range(3, weight.ndim), 2))


# ---- the three products ----------------------------------------------------------------------------------------------


def _grouped(x: Any, groups: int) -> Any:
    """(images, channels, ...) as (images, groups, channels of one, ...)."""
    return np.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))


def _cut(x: Any, geometry: Geometry) -> tuple[Any, Geometry]:
    """Apply negative padding: what is left of ``x``, and the geometry on that."""
    if min(map(min, geometry.padding)) >= 0:
        return x, geometry
    return x[(slice(None), slice(None), *_left(x.shape[2:], geometry.padding))], _uncut(geometry)


def _uncut(geometry: Geometry) -> Geometry:
    return geometry._replace(padding=tuple([(max(low, 0), max(high, 0)) for low, high in geometry.padding]))


def _without_stride(
    g: Any, others: Sequence[Any], weights: Sequence[int], sizes: Sequence[int], geometry: Geometry, groups: int
) -> tuple[Any, Geometry]:
    """Of a convolution of single channels that skips every other place: ``g`` with zeros there, and no stride.

    They stay as they are where this does not pay; ``weights`` is the weight's shape, ``others`` are the other arrays.
    """
    if max(geometry.stride) != 2 or weights[:2] != (groups, 1) or type(g) is not np.ndarray:
        return g, geometry
    close = geometry._replace(stride=(1,) * len(sizes))
    places = close.places(sizes, weights[2:])
    apart = np.zeros((*g.shape[:2], *places), g.dtype)
    if not shifted.pays(apart, others, weights, close, groups):
        return g, geometry
    at: Any = (..., *[slice(0, (n - 1) * s + 1, s) for n, s in zip(g.shape[2:], geometry.stride, strict=True)])
    apart[at] = g
    return apart, close


def convolve(x: Any, weight: Any, bias: Any, geometry: Geometry, groups: int) -> Any:
    """The products of ``weight`` with all windows of ``x``.

    Shape: (images, channels, ...), (outputs, channels / groups, kernel...), (outputs) -> (images, outputs, places...)
    """
    require_plain(x, weight, bias)
    x, geometry = _cut(x, geometry)
    kernel, each = weight.shape[2:], weight.shape[0] // groups
    if x.size >= shifted.LEAST and shifted.pays(x, (weight, bias), weight.shape, geometry, groups):
        return shifted.convolve(x, weight, bias, geometry, groups)
    places = geometry.places(x.shape[2:], kernel)
    rest = math.prod(places[1:])
    wide, like = wide_dtype(x.dtype), _watched(x, weight)
    out = np.empty((x.shape[0], weight.shape[0], *places), x.dtype, like=like)
    split = np.reshape(out, (x.shape[0], groups, each, places[0], rest))
    images = _grouped(x, groups)
    weight = _channels_last(np.reshape(weight, (groups, each, *weight.shape[1:]))).astype(wide, copy=False)
    depth = math.prod(weight.shape[2:])
    if bias is not None:
        bias = np.reshape(bias, (groups, each, 1, 1))
    factor = np.reshape(weight, (groups, each, depth))
    if _in_rows(images.shape[2], kernel, places, geometry.stride):
        factor = np.reshape(np.swapaxes(factor, 1, 2).copy(), (groups, depth, each))
        for piece, columns in _rows(images, kernel, geometry):
            target = split[piece.images, :, :, piece.places]
            product = np.reshape(np.matmul(columns, factor), (groups, target.shape[0], target.shape[3], rest, each))
            target[...] = np.transpose(product, (1, 0, 4, 2, 3))
            if bias is not None:
                target += bias
        return out
    for piece, columns in _planes(images, kernel, geometry):
        target = split[piece.images, :, :, piece.places]
        flat = np.reshape(target, (*target.shape[:3], target.shape[3] * rest))
        if x.dtype == wide:
            np.matmul(factor, columns, out=flat)
        else:
            flat[...] = np.matmul(factor, columns)
        if bias is not None:
            target += bias
    return out


def weight_gradient(x: Any, g: Any, kernel: tuple[int, ...], geometry: Geometry, groups: int) -> Any:
    """The derivative of ``convolve`` with respect to its weight, times ``g``, which has the output's shape."""
    require_plain(x, g)
    x, geometry = _cut(x, geometry)
    channels, each = x.shape[1] // groups, g.shape[1] // groups
    if groups > 1:
        g, geometry = _without_stride(g, (x,), (g.shape[1], channels, *kernel), x.shape[2:], geometry, groups)
    if x.size >= shifted.LEAST and shifted.pays(x, (g,), (g.shape[1], channels, *kernel), geometry, groups):
        found = shifted.weight_gradient(x, g, kernel, geometry, groups)
        if found is not None:
            return found
    wide = wide_dtype(x.dtype)
    rest = math.prod(g.shape[3:])
    images = _grouped(x, groups)
    split = np.reshape(g, (g.shape[0], groups, each, g.shape[2], rest))
    depth = math.prod(kernel) * channels
    if _in_rows(channels, kernel, g.shape[2:], geometry.stride):
        total = np.zeros((groups, depth, each), wide, like=_watched(x, g))
        for piece, columns in _rows(images, kernel, geometry):
            part = np.transpose(split[piece.images, :, :, piece.places], (1, 0, 3, 4, 2))
            part = np.reshape(part.astype(wide, order="C"), (groups, columns.shape[1], each))
            total += np.matmul(np.swapaxes(columns, 1, 2), part)
        total = np.swapaxes(total, 1, 2)
    else:
        total = np.zeros((groups, each, depth), wide, like=_watched(x, g))
        for piece, columns in _planes(images, kernel, geometry):
            part = split[piece.images, :, :, piece.places].astype(wide, copy=False)
            part = np.reshape(part, (*part.shape[:3], part.shape[3] * rest))
            total += np.add.reduce(np.matmul(part, np.swapaxes(columns, 2, 3)), 0)
    total = np.moveaxis(np.reshape(total, (groups * each, *kernel, channels)), -1, 1)
    return total.astype(x.dtype, order="C", copy=False)


def spread(g: Any, weight: Any, bias: Any, sizes: tuple[int, ...], geometry: Geometry, groups: int) -> Any:
    """The derivative of ``convolve`` with respect to ``x``, times ``g``; plus ``bias``.

    ``x`` has the last dimensions ``sizes``.
    """
    require_plain(g, weight, bias)
    kernel, channels = weight.shape[2:], weight.shape[1]
    each = weight.shape[0] // groups
    if groups > 1:
        g, geometry = _without_stride(g, (weight, bias), weight.shape, sizes, geometry, groups)
    reach = [d * (k - 1) for k, d in zip(kernel, geometry.dilation, strict=True)]
    around = tuple([(r - low, r - high) for r, (low, high) in zip(reach, geometry.padding, strict=True)])
    turning = geometry._replace(padding=around)
    if max(geometry.stride) == 1 and (
        each <= channels
        or _in_rows(min(channels, each), kernel, sizes, geometry.stride)
        or (
            each <= 4 * channels
            and shifted.pays(g, (weight, bias), (groups * channels, each, *kernel), turning, groups)
        )
    ):
        turned = np.flip(np.reshape(weight, (groups, each, *weight.shape[1:])), tuple(range(3, 3 + len(kernel))))
        turned = np.reshape(np.swapaxes(turned, 1, 2), (groups * channels, each, *kernel))
        return convolve(g, turned, bias, turning, groups)
    if min(map(min, geometry.padding)) < 0:
        left = _left(sizes, geometry.padding)
        zeros = np.zeros((g.shape[0], groups * channels, *sizes), g.dtype, like=_watched(g, weight))
        inner = spread(g, weight, None, tuple(map(_length, left)), _uncut(geometry), groups)
        zeros[(slice(None), slice(None), *left)] = inner
        if bias is not None:
            zeros += np.reshape(bias, (-1, *(1,) * len(sizes)))
        return zeros
    wide, like = wide_dtype(g.dtype), _watched(g, weight)
    out = np.empty((g.shape[0], groups, channels, *sizes), g.dtype, like=like)
    places = g.shape[2:]
    inside = (slice(None),) * 3 + unpadded(sizes, geometry.padding)
    weight = _channels_last(np.reshape(weight, (groups, each, *weight.shape[1:]))).astype(wide, copy=False)
    depth = math.prod(weight.shape[2:])
    factor = np.swapaxes(np.reshape(weight, (groups, each, depth)), 1, 2)
    split = _grouped(g, groups)
    frame: Any = None
    for piece in _pieces(g.shape[0], places, depth):
        part = split[piece.images, :, :, piece.places].astype(wide, copy=False)
        at = part.shape[3:]
        part = np.matmul(factor, np.reshape(part, (*part.shape[:3], math.prod(at))))
        part = np.reshape(part, (len(part), groups, *kernel, channels, *at))
        if piece.places.start == 0:
            frame = np.zeros((len(part), groups, channels, *padded(sizes, geometry.padding)), wide, like=like)
        _add_windows(frame, part, kernel, at, geometry, piece.places.start)
        if piece.places.stop == places[0]:
            out[piece.images] = frame[inside]
    if not math.prod(places):
        out[...] = 0
    if bias is not None:
        out += np.reshape(bias, (groups, channels, *(1,) * len(sizes)))
    return np.reshape(out, (g.shape[0], groups * channels, *sizes))


def _add_windows(
    frame: Any, part: Any, kernel: Sequence[int], places: Sequence[int], geometry: Geometry, first: int
) -> None:
    """Add windows (images, groups, kernel..., channels, places...) to ``frame`` at their places from ``first`` on."""
    stride, dilation = geometry.stride, geometry.dilation
    start = (first * stride[0], *(0,) * (len(kernel) - 1))
    lead = (slice(None),) * 3
    by_place = math.prod(places) < math.prod(kernel)
    loop, loop_step, run, step = (places, stride, kernel, dilation) if by_place else (kernel, dilation, places, stride)
    for at in itertools.product(*[range(n) for n in loop]):
        corner = [b + i * s for b, i, s in zip(start, at, loop_step, strict=True)]
        into = (*lead, *[slice(c, c + (n - 1) * s + 1, s) for c, n, s in zip(corner, run, step, strict=True)])
        if by_place:
            frame[into] += np.moveaxis(part[(..., *at)], -1, 2)
        else:
            frame[into] += part[(slice(None), slice(None), *at)]
