"""Distinct values: of all elements, or of slices along a dimension; the first of every run of equal ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from .._operands import unwrap
from .._protocols import numpy_function
from ..samples import case, integers


def _chosen(values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    return [values, *[inverse] * return_inverse, *[counts] * return_counts]


_FEW = 1 << 10
"""This few elements are sorted as fast as counted."""


def _are_dense(x: Any) -> bool:
    """Whether ``x`` has many integers, of a range that is smaller than their number: these need not be sorted."""
    return type(x) is np.ndarray and x.dtype.kind in "iu" and x.size > _FEW and int(x.max()) - int(x.min()) < x.size


def _of_dense(x: Any, return_inverse: bool, return_counts: bool) -> list[Any]:
    """``unique_parts`` by marking, in the range of ``x``, what occurs."""
    low = x.min()
    places = (x.astype(np.int64) - low.astype(np.int64)).reshape(-1)
    if return_counts:
        counts: Any = np.bincount(places)
        occurs = counts > 0
    else:
        counts = occurs = np.zeros(int(places.max()) + 1, np.bool_)
        occurs[places] = True
    distinct = np.flatnonzero(occurs)
    inverse = (np.cumsum(occurs) - 1)[places].reshape(x.shape) if return_inverse else None
    values = distinct.astype(x.dtype) + low
    return _chosen(values, inverse, counts[distinct], return_inverse, return_counts)


@op(outputs="many", samples=[
    case(x=integers(0, 3, shape=(6,)), return_inverse=True, return_counts=True),
    case(x=integers(0, 1, shape=(4, 2)), dim=0, return_counts=True),
    case(x=integers(0, 1, shape=(2, 3))),
])  # fmt: skip
def unique_parts(x: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The distinct elements (slices along ``dim``) in ascending order, as the list of what is asked for."""
    if dim is None and _are_dense(x):
        return _of_dense(x, return_inverse, return_counts)
    if dim is None and not return_inverse and not return_counts:
        line = np.sort(np.reshape(x, -1))
        return [line[np.append(True, line[1:] != line[:-1])] if line.size else line]
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = np.reshape(inverse, np.shape(x) if dim is None else (-1,))
    return _chosen(values, inverse, counts, return_inverse, return_counts)


@op(outputs="many", samples=[
    case(x=integers(0, 2, shape=(6,)), return_inverse=True, return_counts=True),
    case(x=integers(0, 1, shape=(2, 4)), dim=-1, return_inverse=True),
    case(x=integers(0, 1, shape=(0,))),
])  # fmt: skip
def unique_consecutive_parts(
    x: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first of every run of equal elements (slices along ``dim``), as the list of what is asked for."""
    x = np.asanyarray(x)
    line = np.reshape(x, -1) if dim is None else np.moveaxis(x, dim, 0)
    n = len(line)
    starts = np.ones(n, np.bool_, like=x)
    if n > 1:
        differs = line[1:] != line[:-1]
        starts[1:] = differs if dim is None else np.reshape(differs, (n - 1, -1)).any(1)
    values = line[starts] if dim is None else np.moveaxis(line[starts], 0, dim)
    inverse = counts = None
    if return_inverse:
        inverse = np.reshape(np.cumsum(starts) - 1, x.shape if dim is None else (-1,))
    if return_counts:
        counts = np.diff(np.append(np.flatnonzero(starts), n))
    return _chosen(values, inverse, counts, return_inverse, return_counts)


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct elements in ascending order, or the distinct slices along ``dim``. NaN are all distinct.

    Returns:
        The values; with ``return_inverse`` or ``return_counts`` a tuple with, also, where each element is among
        the values, and how often each value occurs.

    >>> import autograd
    >>> autograd.unique(autograd.tensor([2, 1, 2]), return_counts=True)
    (tensor([1, 2]), tensor([1, 2]))
    """
    parts = unique_parts(input, return_inverse, return_counts, dim)
    return tuple(parts) if len(parts) > 1 else parts[0]


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first element (or slice along ``dim``) of every run of equal ones; further returns as for ``unique``."""
    parts = unique_consecutive_parts(input, return_inverse, return_counts, dim)
    return tuple(parts) if len(parts) > 1 else parts[0]


@numpy_function(np.unique)
def _numpy_unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    if return_index:
        raise TypeError("numpy.unique on a Tensor: return_index is not supported; use t.detach().numpy()")
    parts: Any = unique_parts(ar, return_inverse, return_counts, axis)
    if axis is None and equal_nan and ar.dtype.kind in "fc":
        parts = _with_one_nan(list(parts), return_inverse, return_counts)
    return tuple(parts) if len(parts) > 1 else parts[0]


def _with_one_nan(parts: list[Any], inverse: bool, counts: bool) -> list[Any]:
    """What was asked for, with all NaN, which are last, as one value."""
    missing = int(np.count_nonzero(np.isnan(unwrap(parts[0]))))
    if missing < 2:
        return parts
    parts[0] = parts[0][: 1 - missing]
    if inverse:
        parts[1] = np.minimum(parts[1], len(parts[0]) - 1)
    if counts:
        parts[-1] = np.concatenate([parts[-1][:-missing], np.sum(parts[-1][-missing:], keepdims=True)])
    return parts
