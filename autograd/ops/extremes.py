"""Extremes: the largest and smallest elements, and where they are.

PyTorch's order: NaN is an extreme. Nothing has no extreme: a BoundsError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function
from ..engine.nodes import Handle
from ..engine.sums import sum_keepdims
from ..errors import BoundsError
from ..return_types import named_tuple
from ..samples import case, reals
from . import arithmetic, selection
from ._blocks import BLOCK
from ._extremes import beside, compares_faster, extreme_along, first_places, hits
from .axes import (
    axes_of,
    axis_of,
    count,
    kept,
    line_axis,
    picked,
    reduced_partly,
    restore,
    tangents_at,
    true_places,
)
from .reductions import REDUCED, as_reduce, numpy_axes
from .selection import keep

if TYPE_CHECKING:
    from .._tensor import Tensor


def _equals(source: Any, values: Any) -> Any:
    """Where numbers are equal; NaN equals NaN."""
    return np.logical_or(source == values, np.logical_and(source != source, values != values))


def _shared_out_rule(g: Any, values: Any, source: Any, dim: Any) -> Any:
    hit = _equals(source, values)
    axes = axes_of(dim, np.ndim(source))
    return np.sum(np.where(hit, g, 0), axis=axes, keepdims=True) / np.sum(hit, axis=axes, keepdims=True)


_TIED = np.array([[3.0, 1.0, 3.0], [2.0, 4.0, 5.0]])


@op(
    x=_shared_out_rule,
    constants=("values", "source"),
    samples=[
        case(x=reals(shape=(2, 1)), values=np.array([[3.0], [5.0]]), source=_TIED, dim=1),
        case(x=reals(shape=(1, 1)), values=np.array([[np.nan]]), source=np.array([[1.0, np.nan]])),
        case(x=reals(shape=()), values=np.array(2.0), source=np.array(2.0)),
    ],
)
def shared_out(x: Any, values: Any, source: Any, dim: Any = None) -> Any:
    """``x``, whose dimensions ``dim`` are 1, divided evenly among the elements of ``source`` that equal ``values``.

    Where each line of a large array has its value once, there is nothing to count and to divide by.
    """
    if type(source) is not np.ndarray or source.size <= BLOCK:
        hit = _equals(source, values)
        share = (x / np.sum(hit, axis=axes_of(dim, np.ndim(source)), keepdims=True)).astype(x.dtype)
        return np.where(hit, share, 0)
    hit = hits(source, values)
    if np.count_nonzero(hit) != np.size(values):
        counts = sum_keepdims(hit.astype(np.float32), axes_of(dim, source.ndim))
        x = (x / counts).astype(x.dtype)
    if np.size(x) > 1:
        return keep.op.forward(beside(x, source.shape), hit)
    out = np.zeros(source.shape, x.dtype)
    out.reshape(-1)[true_places(hit)] = np.reshape(x, ())
    return out


def tied(g: Any, out: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient of an extreme or a median, divided evenly among the elements that equal it (NaN equals NaN)."""
    shape = np.shape(x)
    return shared_out.kernel(np.reshape(g, kept(shape, dim)), restore(out, shape, dim, keepdim), x, dim)


def extreme(ufunc: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """A reduction by ``np.maximum`` or ``np.minimum``."""
    x = np.asanyarray(x)
    if not x.ndim:
        axes_of(dim, 0)
        dim = None
    if not x.size:
        require_elements(x, dim)
    axis = axis_of(dim)
    if isinstance(axis, int):
        return extreme_along(ufunc, x, axis, keepdim)
    return ufunc.reduce(x, axis, None, None, keepdim)


def require_elements(x: Any, dim: Any) -> None:
    """Raise BoundsError if there is nothing to choose from along ``dim``."""
    if not count(x.shape, dim):
        where = "" if dim is None else f" along dim {dim}"
        raise BoundsError(f"a tensor of shape {x.shape} has no elements{where} of which one could be chosen")


@op(x=tied, jvp="reduction", samples=REDUCED)
def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Largest elements; NaN if there is one. The gradient is divided evenly among equal ones.

    Raises: ShapeError for the largest of nothing.
    """
    return extreme(np.maximum, x, dim, keepdim)


@op(x=tied, jvp="reduction", samples=REDUCED)
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


def extreme_and_place(ufunc: Any, x: Any, dim: int) -> Any:
    """The extremes along ``dim`` of a large array, dimension kept, and where they are first.

    None where NumPy's ``argmax`` is as fast: in long lines, and where many elements are extremes.
    """
    dim %= x.ndim
    if not compares_faster(x, dim):
        return None
    values = extreme_along(ufunc, x, dim)
    places = first_places(hits(x, values), dim)
    return None if places is None else (values, places)


def _extreme_along(ufunc: Any, position: Any, x: Any, dim: int, keepdim: bool) -> Any:
    x = np.asanyarray(x)
    _, dim = line_axis(x, dim)
    if not x.ndim:
        return np.array(x, subok=True), np.zeros((), np.int64, like=x)
    if not x.size:
        require_elements(x, dim)
    found = extreme_and_place(ufunc, x, dim)
    if found is not None:
        return found if keepdim else tuple([np.squeeze(part, dim) for part in found])
    values, places = extreme_along(ufunc, x, dim, keepdim), position(x, dim, None, keepdims=keepdim)
    return np.asanyarray(values), np.asanyarray(places)


@op(
    x=picked,
    jvp=tangents_at,
    outputs=("values", "indices"),
    samples=_ALONG,
)
def max_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    """Largest elements along a dimension, and where they are (the first of equal ones)."""
    return _extreme_along(np.maximum, np.argmax, x, dim, keepdim)


@op(
    x=picked,
    jvp=tangents_at,
    outputs=("values", "indices"),
    samples=_ALONG,
)
def min_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    """Smallest elements along a dimension, and where they are (the first of equal ones)."""
    return _extreme_along(np.minimum, np.argmin, x, dim, keepdim)


def _is_array(value: Any) -> bool:
    return isinstance(value, (Handle, np.ndarray, np.floating, list))


@overload
def max(x: Any) -> Tensor: ...
@overload
def max(x: Any, dim: Any = None, keepdim: bool = False, *, y: Any = None, **spellings: Any) -> Any: ...
@composed(samples=[case(x=reals(shape=(2, 3)))])
def max(x: Any, dim: Any = None, keepdim: bool = False, *, y: Any = None) -> Any:
    """Largest of all elements ``max(x)``, along a dimension ``max(x, dim)``, or of two arrays ``max(x, y)``.

    Returns:
        ``max(x)``: a 0-d Tensor; the gradient is divided evenly among equal elements.
        ``max(x, dim)``: the pair ``(values, indices)``; the gradient goes to the index (the first of equal elements).
        ``max(x, y)``: as ``maximum``.

    >>> import autograd
    >>> x = autograd.tensor([[1.0, 5.0], [4.0, 2.0]])
    >>> x.max()
    tensor(5.)
    >>> values, indices = x.max(dim=1)
    >>> indices
    tensor([1, 0])
    """
    if y is not None or _is_array(dim):
        return selection.maximum(x, dim if y is None else y)
    return amax(x) if dim is None else max_along(x, dim, keepdim)


@overload
def min(x: Any) -> Tensor: ...
@overload
def min(x: Any, dim: Any = None, keepdim: bool = False, *, y: Any = None, **spellings: Any) -> Any: ...
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


@composed(samples=_ALONG)
def aminmax(x: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Smallest and largest elements, as the pair ``(min, max)``."""
    return named_tuple("aminmax", ("min", "max"))(amin(x, dim, keepdim), amax(x, dim, keepdim))


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
