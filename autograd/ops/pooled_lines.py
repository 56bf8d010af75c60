"""The gradient of max pooling with a stride of 1 on many planes: padded ones are read as lines, as for convolutions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.blocks import in_blocks
from .geometry import Geometry, Lines

__all__ = ["spread_along_lines"]

_BLOCK = 1 << 16
"""Elements at a time, which the cache holds with the arrays beside them."""
_BITS: dict[str, Any] = {"f": np.int32, "d": np.int64}


def spread_along_lines(x: Any, source: Any, values: Any, geometry: Geometry, size: Any) -> Any:
    """``spread_maxima`` with a stride of 1.

    None unless there are many elements, in plain arrays of single or double precision.
    """
    if len(size) < 2 or max(geometry.stride) > 1 or not all(type(array) is np.ndarray for array in (x, source, values)):
        return None
    if source.size < _BLOCK or x.dtype.char not in _BITS:
        return None
    rank = len(size)
    out = np.empty(source.shape, x.dtype)
    planes: list[Any] = [np.reshape(a, (-1, *a.shape[a.ndim - rank :])) for a in (x, source, values, out)]
    lines = Lines(source.shape[source.ndim - rank :], size, geometry)

    def work(block: slice) -> None:
        _spread(lines, *[array[block] for array in planes])

    in_blocks(planes[1], lambda: work, _BLOCK)
    return out


def _spread(lines: Lines, x: Any, source: Any, values: Any, out: Any) -> None:
    """``spread_maxima`` of some planes, into ``out``."""
    bits = _BITS[x.dtype.char]
    frame, found, slopes = [
        np.full((len(x), *shape), fill, array.dtype)
        for shape, fill, array in ((lines.padded, math.nan, source), (lines.rows, math.nan, values), (lines.rows, 0, x))
    ]
    frame[lines.inside], found[lines.seen], slopes[lines.seen] = source, values, x
    line = np.reshape(frame, (len(x), -1))
    found, slopes = [np.reshape(array, (len(x), -1))[:, : lines.used] for array in (found, slopes.view(bits))]
    total = np.zeros((len(x), *lines.padded), x.dtype)
    sums = np.reshape(total, (len(x), -1))
    taken, mask = np.zeros((2, *found.shape), bool)
    part = np.empty(found.shape, bits)
    for shift in lines.shifts:
        np.equal(line[:, shift : shift + lines.used], found, out=mask)
        np.greater(mask, taken, out=mask)
        np.logical_or(taken, mask, out=taken)
        np.multiply(slopes, mask, out=part)  # by their bits: see ``keep``
        into = sums[:, shift : shift + lines.used]
        np.add(into, part.view(x.dtype), out=into)
    out[...] = total[lines.inside]
