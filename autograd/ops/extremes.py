"""Extremes: the largest and smallest elements, and where they are.

PyTorch's order: NaN is an extreme. Nothing has no extreme: a BoundsError.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function
from ..engine.nodes import Handle
from ..errors import BoundsError
from ..samples import case, reals
from . import arithmetic, selection
from .axes import axes_of, axis_of, count, kept, line_axis, place_along, reduced_partly, restore
from .reductions import REDUCED, as_reduce, numpy_axes


def tied(g: Any, out: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient of an extreme or a median, divided evenly among the elements that equal it (NaN equals NaN)."""
    shape = np.shape(x)
    out = restore(out, shape, dim, keepdim)
    hit = np.logical_or(x == out, np.logical_and(x != x, out != out))
    number = np.sum(hit, axis=axes_of(dim, len(shape)), keepdims=True)
    share = (np.reshape(g, kept(shape, dim)) / number).astype(g.dtype)
    return np.where(hit, share, 0)


def extreme(ufunc: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """A reduction by ``np.maximum`` or ``np.minimum``."""
    x = np.asanyarray(x)
    if not x.ndim:
        axes_of(dim, 0)
        dim = None
    if not x.size:
        require_elements(x, dim)
    return ufunc.reduce(x, axis_of(dim), None, None, keepdim)


def require_elements(x: Any, dim: Any) -> None:
    """Raise BoundsError if there is nothing to choose from along ``dim``."""
    if not count(x.shape, dim):
        raise BoundsError(f"a tensor of shape {x.shape} has no elements along dim {dim} of which one could be chosen")


@op(x=lambda g, out, x, dim, keepdim: tied(g, out, x, dim, keepdim), jvp="reduction", samples=REDUCED)
def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Largest elements; NaN if there is one. The gradient is divided evenly among equal ones.

    Raises: ShapeError for the largest of nothing.
    """
    return extreme(np.maximum, x, dim, keepdim)


@op(x=lambda g, out, x, dim, keepdim: tied(g, out, x, dim, keepdim), jvp="reduction", samples=REDUCED)
def amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Smallest elements; NaN if there is one. The gradient is divided evenly among equal ones.

    Raises: ShapeError for the smallest of nothing.
    """
    return extreme(np.minimum, x, dim, keepdim)


_ALONG = [
    case(x=reals(shape=(2, 3)), dim=0),
    case(x=reals(shape=(2, 3, 2)), dim=-2, keepdim=True),
    case(x=reals(shape=(1,)), dim=0),
    case(x=reals(shape=()), dim=-1),
    case(x=reals(shape=(2, 0)), dim=0),
]


def picked(g_values: Any, indices: Any, x_shape: tuple[int, ...], dim: int, keepdim: bool) -> Any:
    """The gradient of a selected element goes to its place."""
    return place_along.kernel(g_values, indices, x_shape, dim, keepdim)


def _extreme_along(ufunc: Any, position: Any, x: Any, dim: int, keepdim: bool) -> Any:
    x = np.asanyarray(x)
    _, dim = line_axis(x, dim)
    if not x.ndim:
        return np.array(x, subok=True), np.zeros((), np.int64, like=x)
    if not x.size:
        require_elements(x, dim)
    return np.asanyarray(ufunc.reduce(x, dim, None, None, keepdim)), np.asanyarray(
        position(x, dim, None, keepdims=keepdim)
    )


@op(
    x=lambda g_values, indices, x_shape, dim, keepdim: picked(g_values, indices, x_shape, dim, keepdim),
    outputs=("values", "indices"),
    samples=_ALONG,
)
def max_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    """Largest elements along a dimension, and where they are (the first of equal ones)."""
    return _extreme_along(np.maximum, np.argmax, x, dim, keepdim)


@op(
    x=lambda g_values, indices, x_shape, dim, keepdim: picked(g_values, indices, x_shape, dim, keepdim),
    outputs=("values", "indices"),
    samples=_ALONG,
)
def min_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    """Smallest elements along a dimension, and where they are (the first of equal ones)."""
    return _extreme_along(np.minimum, np.argmin, x, dim, keepdim)


def _is_array(value: Any) -> bool:
    return isinstance(value, (Handle, np.ndarray, np.floating, list))


@composed(samples=[case(x=reals(shape=(2, 3)))])
def max(x: Any, dim: Any = None, keepdim: bool = False, *, y: Any = None) -> Any:
    """Largest of all elements ``max(x)``, along a dimension ``max(x, dim)``, or of two arrays ``max(x, y)``.

    Returns:
        ``max(x)``: a 0-d Tensor; the gradient is divided evenly among equal elements.
        ``max(x, dim)``: the pair ``(values, indices)``; the gradient goes to the index (the first of equal elements).
        ``max(x, y)``: as ``maximum``.
    """
    if y is not None or _is_array(dim):
        return selection.maximum(x, dim if y is None else y)
    return amax(x) if dim is None else max_along(x, dim, keepdim)


@composed(samples=[case(x=reals(shape=(2, 3)))])
def min(x: Any, dim: Any = None, keepdim: bool = False, *, y: Any = None) -> Any:
    """Smallest of all elements ``min(x)``, along a dimension ``min(x, dim)``, or of two arrays ``min(x, y)``.

    Returns:
        ``min(x)``: a 0-d Tensor; the gradient is divided evenly among equal elements.
        ``min(x, dim)``: the pair ``(values, indices)``; the gradient goes to the index (the first of equal elements).
        ``min(x, y)``: as ``minimum``.
    """
    if y is not None or _is_array(dim):
        return selection.minimum(x, dim if y is None else y)
    return amin(x) if dim is None else min_along(x, dim, keepdim)


aminmax_result = namedtuple("aminmax_result", ("min", "max"))


@composed(samples=_ALONG)
def aminmax(x: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Smallest and largest elements, as the pair ``(min, max)``."""
    return aminmax_result(amin(x, dim, keepdim), amax(x, dim, keepdim))


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


@numpy_function(np.max, np.amax)
def _numpy_max(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is not None or where is not True:
        return reduced_partly(_numpy_max, np.maximum, None, a, initial, where, axis=axis, keepdims=keepdims)
    return amax(*numpy_axes(a, axis, keepdims))


@numpy_function(np.min, np.amin)
def _numpy_min(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is not None or where is not True:
        return reduced_partly(_numpy_min, np.minimum, None, a, initial, where, axis=axis, keepdims=keepdims)
    return amin(*numpy_axes(a, axis, keepdims))


@numpy_function(np.ptp)
def _numpy_ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return arithmetic.sub(_numpy_max(a, axis, keepdims=keepdims), _numpy_min(a, axis, keepdims=keepdims))


as_reduce(np.maximum, _numpy_max)
as_reduce(np.minimum, _numpy_min)
