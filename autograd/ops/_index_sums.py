"""Adding at an index that may select an element several times, in the way that is fastest for its form and size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._blocks import BLOCK, in_blocks
from ._foreign import foreign
from ._indices import (
    blocks_apart,
    from_start,
    has_no_repeats,
    ints_first,
    is_integer_array,
    is_lone,
    names_elements,
    positions,
    put,
)
from .axes import MANY, place_along

__all__ = ["sums_at", "weighted_rows_added"]


def sums_at(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` to which ``x`` is added at ``index``, in which there are arrays; see ``scatter_index``."""
    if has_no_repeats(index):
        out = _zeros(shape, x, index)
        put(out, index, x)
        return out
    if x.size < (_FEW_ELEMENTS if names_elements(index, shape) else _FEW) and ints_first(index, len(shape)) is None:
        out = _zeros(shape, x, index)
        np.add.at(out, index, x)
        return out
    rows, width = is_integer_array(index), math.prod(shape[1:])
    if rows and width > 1 and x.size >= _MANY and isinstance(x, np.ndarray) and x.dtype.kind in "fc":
        return _rows_added(x, index, shape)
    if rows and len(shape) == 1 and type(x) is np.ndarray and index.size > BLOCK and x.shape == index.shape:
        return _elements_added(x, index, shape[0])
    if type(index) is tuple and type(x) is np.ndarray and is_lone(index):
        return _slices_added(x, len(index) - 1, index[-1], shape)
    if rows:
        flat = positions(index, shape[:1])
        if len(shape) > 1:
            flat = np.reshape(flat, (-1, 1)) * width + np.arange(width)
    else:
        flat = positions(index, shape)
        if x.shape != flat.shape:
            x = np.broadcast_to(x, flat.shape)
    out = np.zeros(math.prod(shape), x.dtype, like=np.asanyarray(x))
    np.add.at(out, np.reshape(flat, -1), np.reshape(x, -1))
    return np.reshape(out, shape)


def _zeros(shape: tuple[int, ...], x: Any, index: Any) -> Any:
    """Zeros of the dtype of ``x``, and of a class that sees what is written at ``index``: NumPy asks no part of it."""
    if type(x) is np.ndarray:
        for part in index if type(index) is tuple else (index,):
            if type(part) is not np.ndarray and isinstance(part, np.ndarray):
                return np.zeros(shape, x.dtype, like=part)
    return np.zeros(shape, x.dtype, like=np.asanyarray(x))


_FEW = 2048
"""Below this number of elements, ``np.add.at`` with the index as it is beats computing positions in one dimension."""
_FEW_ELEMENTS = 512
"""The same where the index has an array for each dimension, so that positions are soon found."""
_MANY = 8192
"""From this many elements on, a sparse matrix product adds rows faster than ``np.add.at`` (10 times for 100,000)."""
_SHORT = 64
"""So few columns are added by a matrix product."""
_LONG = 4096
"""Slices of so many elements are added one by one."""


@foreign
def _rows_added(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Rows of ``x`` added at an integer array, as the product of a sparse matrix of ones with ``x``."""
    places = from_start(index, shape[0]).reshape(-1)
    ones = np.ones(places.size, x.dtype)
    return weighted_rows_added(x.reshape(places.size, -1), ones, places, shape[0]).reshape(shape)


@foreign
def weighted_rows_added(rows: Any, weights: Any, places: Any, size: int) -> Any:
    """Rows, times weights, added at places, as a sparse matrix's product: as many of each row, one after the other."""
    from scipy.sparse import csc_matrix

    # Filled by hand: made of its parts, it would check every index.
    sparse = csc_matrix((size, len(rows)), dtype=weights.dtype)
    sparse.data, sparse.indices = weights, places
    sparse.indptr = np.arange(len(rows) + 1) * (places.size // max(len(rows), 1))
    return sparse @ rows


def _elements_added(x: Any, index: Any, size: int) -> Any:
    """Elements added at many integers."""
    index, x = index.reshape(-1), x.reshape(-1)
    out = np.zeros(size, x.dtype)
    if blocks_apart(index, size):
        in_blocks(index, lambda: lambda block: np.add.at(out, index[block], x[block]), rows=BLOCK)
    else:
        np.add.at(out, index, x)
    return out


def _columns_added(lines: Any, places: Any, size: int) -> Any:
    """Columns added at ``places``, as a matrix product; None where a sum is not finite, which spoils its neighbours."""
    ones = np.zeros((places.size, size), lines.dtype)
    ones[np.arange(places.size), places] = 1
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.matmul(lines, ones)
    return sums if np.isfinite(sums).all() else None


def _slices_added(x: Any, dim: int, index: Any, shape: tuple[int, ...]) -> Any:
    """Slices along ``dim`` added at an integer array."""
    places = from_start(index, shape[dim]).reshape(-1)
    inner = math.prod(shape[dim + 1 :])
    if inner == 1 and x.size >= MANY:
        lines = x.reshape(-1, places.size)
        if 0 < places.size <= _SHORT >= shape[dim] and x.dtype.char in "fd":
            sums = _columns_added(lines, places, shape[dim])
            if sums is not None:
                return sums.reshape(shape)
        across = np.broadcast_to(places, lines.shape)
        return place_along.op.forward(lines, across, (len(lines), shape[dim]), 1, True, True).reshape(shape)
    if x.size >= _LONG * places.size:
        steps, out = x.reshape(-1, places.size, inner), np.zeros(shape, x.dtype)
        lines = out.reshape(-1, shape[dim], inner)
        for number, place in enumerate(places.tolist()):
            lines[:, place] += steps[:, number]
        return out
    places = (places[:, None] * inner + np.arange(inner)).reshape(-1)
    out = np.zeros((math.prod(shape[:dim]), shape[dim] * inner), x.dtype)
    x = x.reshape(len(out), places.size)

    def work(block: slice) -> None:
        part = out[block]
        flat = np.arange(len(part))[:, None] * part.shape[1] + places
        np.add.at(part.reshape(-1), flat.reshape(-1), x[block].reshape(-1))

    in_blocks(x, lambda: work)
    return out.reshape(shape)
