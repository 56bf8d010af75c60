"""Extremes of large arrays along a dimension where NumPy's loops would be short: of few elements, or beside few lines.

NumPy calls an inner loop for each line of a few elements, or for each few elements that lie side by side, which takes
ten times as long as comparing them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .axes import axes_of

__all__ = ["LARGE", "equal_steps", "extreme_along", "has_few_steps", "has_short_lines", "places_by_steps"]

LARGE = 1 << 14
"""From so many elements on this pays."""
_SHORT = 64
"""Lines of at most so many elements are looked at column by column."""
_NARROW = 64
"""Beside at most so many other lines, pieces of these are laid side by side."""
_BROAD = 256
"""Beside so many lines, each step along them is a long call."""
_ROWS = 1 << 13
"""So many rows at a time, which the cache holds."""


def _is_large(x: Any) -> bool:
    return type(x) is np.ndarray and x.size >= LARGE and x.flags.c_contiguous


def has_short_lines(x: Any, dim: int) -> bool:
    """Whether a large plain array has many lines of few elements along ``dim``, its last."""
    return _is_large(x) and dim in (-1, x.ndim - 1) and 1 < x.shape[-1] <= _SHORT


def has_few_steps(x: Any, dim: int) -> bool:
    """Whether a large plain array has few elements along ``dim``: its last, or one beside many lines."""
    dim %= x.ndim
    return has_short_lines(x, dim) or (
        _is_large(x) and 1 < x.shape[dim] <= _SHORT and math.prod(x.shape[dim + 1 :]) >= _BROAD
    )


def extreme_along(ufunc: Any, x: Any, dim: int, keepdims: bool = True) -> Any:
    """``ufunc.reduce``, of ``np.maximum`` or ``np.minimum``, along ``dim``."""
    if x.size < LARGE or not _is_large(x):
        return ufunc.reduce(x, dim, None, None, keepdims)
    (dim,) = axes_of(dim, x.ndim)
    before, n, beside = x.shape[:dim], x.shape[dim], math.prod(x.shape[dim + 1 :])
    many = min(1024, n * beside // 32) // max(1, beside)
    if has_short_lines(x, dim):
        out = _of_short_lines(ufunc, x.reshape(-1, n))
    elif 1 < beside <= _NARROW and many > 1:
        out = _of_narrow_lines(ufunc, x.reshape(-1, n, beside), many)
    else:
        return ufunc.reduce(x, dim, None, None, keepdims)
    return out.reshape(*before, *(1,) * keepdims, *x.shape[dim + 1 :])


def _of_short_lines(ufunc: Any, rows: Any) -> Any:
    out = np.empty(len(rows), rows.dtype)
    for first in range(0, len(rows), _ROWS):
        columns, tops = rows[first : first + _ROWS].T, out[first : first + _ROWS]
        ufunc(columns[0], columns[1], out=tops)
        for column in columns[2:]:
            ufunc(tops, column, out=tops)
    return out


def _of_narrow_lines(ufunc: Any, x: Any, many: int) -> Any:
    """Along dimension 1 of three; so many steps at a time are laid side by side."""
    outer, n, beside = x.shape
    whole = n // many * many
    tops = ufunc.reduce(x[:, :whole].reshape(outer, -1, many * beside), 1)
    tops = ufunc.reduce(tops.reshape(outer, many, beside), 1)
    return tops if whole == n else ufunc(tops, ufunc.reduce(x[:, whole:], 1))


def equal_steps(x: Any, values: Any, dim: int) -> Any:
    """Where elements equal their line's of ``values`` along ``dim``, which comes first; NaN equals NaN."""
    steps, values = np.moveaxis(x, dim, 0), np.squeeze(values, dim)
    hits = np.empty(steps.shape, bool)
    lost = values != values
    some_lost = np.any(lost)
    for step, hit in zip(steps, hits, strict=True):
        np.equal(step, values, out=hit)
        if some_lost:
            hit |= lost & (step != step)
    return hits


def places_by_steps(x: Any, values: Any, dim: int) -> Any:
    """Where lines along ``dim``, of few elements, first have their extremes ``values``."""
    n = x.shape[dim]
    hits = equal_steps(x, values, dim)
    places = np.zeros(hits.shape[1:], np.uint8)
    for place, hit in enumerate(hits):
        np.maximum(places, hit.view(np.uint8) * np.uint8(n - place), out=places)
    return (n - places.astype(np.int64)).reshape(values.shape)
