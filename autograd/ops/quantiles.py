"""Quantiles, medians and modes: what is in the middle of the order, what is most frequent.

PyTorch's median of an even number of elements is the lower of the two in the middle (NumPy's, ``np.median(t)``, is
their mean). NaN in a line makes its median and quantiles NaN, but for the functions named ``nan...``.
"""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from .._protocols import numpy_function
from ..engine.foreign import as_array, bare, everywhere
from ..errors import ArgumentError, DtypeError, NotDifferentiableError, ShapeError
from ..samples import case, reals
from .axes import axes_of, kept, line_axis, picked, tangents_at
from .extremes import tied
from .reductions import numpy_axes
from .shapes import reshape
from .sorting import located, order, sort

if TYPE_CHECKING:
    from .._tensor import Tensor

_ALONG = [
    case(x=reals(shape=(2, 4)), dim=1),
    case(x=reals(shape=(3, 2)), dim=0, keepdim=True),
    case(x=reals(shape=(1,)), dim=-1),
    case(x=reals(shape=()), dim=0),
]
_ALL = [case(x=reals(shape=(2, 3))), case(x=reals(shape=(5,))), case(x=reals(shape=()))]


# ---- median ---------------------------------------------------------------------------------------------------------


@op(x=lambda g, x, out: tied(g, out, x, None, False), samples=_ALL)
def median_of_all(x: Any) -> Any:
    """The lower median of all elements, NaN if there is one; the gradient is divided evenly among equal ones."""
    return _middle(np.reshape(x, -1))


@op(x=lambda g, x, out: tied(g, out, x, None, False), samples=_ALL)
def nanmedian_of_all(x: Any) -> Any:
    """The lower median of all elements that are not NaN; the gradient is divided evenly among equal ones."""
    flat = np.reshape(x, -1)
    return _middle(flat[flat == flat])


def _middle(flat: Any) -> Any:
    """The lower median of a line: NaN of nothing and of NaN, which partition puts last."""
    if not flat.size:
        return np.full((), float("nan"), flat.dtype)
    largest = np.maximum.reduce(flat)  # which is NaN if there is one
    place = (len(flat) - 1) // 2
    return np.where(largest != largest, largest, np.partition(flat, place)[place])


def _line(name: str, x: Any, dim: int) -> tuple[Any, int]:
    line, axis = line_axis(x, dim)
    if line.shape[axis] == 0 and 0 not in np.delete(line.shape, axis):
        raise ShapeError(f"{name}: dimension {dim} of an input of shape {x.shape} is empty")
    return line, axis


@op(
    x=picked,
    jvp=tangents_at,
    outputs=("values", "indices"),
    samples=_ALONG,
)
def median_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The lower median along a dimension, and where it is."""
    x = np.asanyarray(x)
    line, axis = _line("median", x, dim)
    place = (line.shape[axis] - 1) // 2
    middle, largest = np.take(np.partition(line, place, axis), [place], axis), np.max(line, axis, keepdims=True)
    return located(x, line, np.where(largest != largest, largest, middle), axis, keepdim)


@op(
    x=picked,
    jvp=tangents_at,
    outputs=("values", "indices"),
    samples=_ALONG,
)
def nanmedian_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The lower median of what is not NaN along a dimension, and where it is."""
    x = np.asanyarray(x)
    line, axis = _line("nanmedian", x, dim)
    present = np.count_nonzero(line == line, axis, keepdims=True)
    values = np.take_along_axis(np.sort(line, axis), np.maximum(present - 1, 0) // 2, axis)
    return located(x, line, values, axis, keepdim)


@composed(samples=_ALL)
def median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median of all elements, or along ``dim`` as the pair ``(values, indices)``.

    The gradient goes to the element at the index; without ``dim``, evenly to all elements equal to the median.
    """
    return median_of_all(x) if dim is None else median_along(x, dim, keepdim)


@composed(samples=_ALL)
def nanmedian(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """``median`` of the elements that are not NaN."""
    return nanmedian_of_all(x) if dim is None else nanmedian_along(x, dim, keepdim)


# ---- mode -----------------------------------------------------------------------------------------------------------


@op(
    x=picked,
    jvp=tangents_at,
    outputs=("values", "indices"),
    samples=[case(x=reals(shape=(2, 3))), case(x=reals(shape=(3, 2)), dim=0, keepdim=True), case(x=reals(shape=()))],
)
def mode(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along ``dim`` (the smallest of several), and where it is last."""
    x = np.asanyarray(x)
    line, axis = _line("mode", x, dim)
    places = np.moveaxis(order(line, axis), axis, -1)
    values = np.take_along_axis(np.moveaxis(line, axis, -1), places, -1)
    n = values.shape[-1]
    starts = np.zeros(values.shape, np.int64, like=values)
    starts[..., 1:] = np.where(values[..., 1:] != values[..., :-1], np.arange(1, n), 0)
    lengths = np.arange(n) - np.maximum.accumulate(starts, -1)
    ends = np.argmax(lengths, -1, keepdims=True)
    found = [np.moveaxis(np.take_along_axis(part, ends, -1), -1, axis) for part in (values, places)]
    return tuple(
        [
            np.reshape(part, x.shape and kept(x.shape, axis)) if keepdim or not x.ndim else np.squeeze(part, axis)
            for part in found
        ]
    )


# ---- quantiles ------------------------------------------------------------------------------------------------------

_QUANTILES = [
    case(x=reals(shape=(2, 3)), q=0.4),
    case(x=reals(shape=(2, 3)), q=np.array([0.1, 0.75]), dim=1),
    case(x=reals(shape=(4, 2)), q=np.array([0.0, 1.0, 0.3]), dim=0, keepdim=True),
    case(x=reals(shape=(4,)), q=0.3, interpolation="lower"),
    case(x=reals(shape=(4,)), q=0.3, interpolation="midpoint"),
    case(x=reals(shape=()), q=0.5),
]
_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, x: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip: bool) -> Any:
    if interpolation not in _INTERPOLATIONS:
        raise ArgumentError(f"{name}: interpolation must be one of {', '.join(_INTERPOLATIONS)}, got {interpolation!r}")
    if getattr(x, "dtype", dtypes.float32).kind in "biu" and interpolation in ("linear", "midpoint"):
        raise DtypeError(
            f"{name}: expected floating numbers, got {x.dtype}, between which there are none; use .float()"
        )
    shape = np.shape(x)
    data = as_array(getattr(q, "_data", q))
    if data.ndim > 1:
        raise ShapeError(f"{name}: q must be a number or have one dimension, got shape {data.shape}")
    if not everywhere((data >= 0) & (data <= 1)):
        raise ArgumentError(f"{name}: q must lie between 0 and 1, got {bare(data).tolist()}")
    lines: Any
    if dim is None or not shape:
        axes_of(dim, len(shape))
        lines = reshape(x, -1)
    else:
        lines = reshape(x, shape)
        lines = np.moveaxis(lines, index(dim), -1)
    n = np.shape(lines)[-1]
    if n == 0:
        raise ShapeError(f"{name}: the quantiles of nothing are undefined (input of shape {shape}, dim={dim})")
    values = sort(lines).values
    sorted_data = values._data
    if skip:
        last = np.maximum(np.count_nonzero(sorted_data == sorted_data, -1, keepdims=True) - 1, 0)
        ranks = data * last
    else:
        ranks = np.where(sorted_data[..., -1:] != sorted_data[..., -1:], n - 1, data * (n - 1))
        last = n - 1
    below, above = np.floor(ranks), np.ceil(ranks)
    if interpolation in ("linear", "midpoint"):
        weight = ranks - below if interpolation == "linear" else np.full_like(ranks, 0.5)
        start = np.where(weight < 0.5, below, above)  # the nearer one: so an infinity at the other end stays one
        step: Any = (weight - (start - below)).astype(values.dtype)
        if interpolation == "linear" and hasattr(q, "_node"):
            step = step + (q - q.detach()) * last  # 0, but for the gradient of q
        below, above = (np.take_along_axis(values, places.astype(np.int64), -1) for places in (below, above))
        with np.errstate(invalid="ignore"):
            out = np.take_along_axis(values, start.astype(np.int64), -1) + (above - below) * step
    else:
        places = {"lower": below, "higher": above, "nearest": np.rint(ranks)}[interpolation]
        out = np.take_along_axis(values, places.astype(np.int64), -1)
    if keepdim:
        reduced = kept(shape, dim)
    else:
        reduced = np.shape(lines)[:-1]
    return reshape(np.moveaxis(out, -1, 0), (*data.shape, *reduced))


@composed(inputs=("x",), samples=_QUANTILES)
def quantile(x: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """The ``q``-quantiles, 0 <= q <= 1, of all elements or along ``dim``.

    Args:
        x: floating numbers.
        q: a number, or several in one dimension: the first of the result. Differentiable, too.
        dim: the dimension, None for all elements.
        keepdim: keep it with size 1.
        interpolation: between two elements: linear, lower, higher, midpoint or nearest.

    >>> import autograd
    >>> autograd.quantile(autograd.tensor([1.0, 2.0, 3.0, 4.0]), 0.5)
    tensor(2.5000)
    """
    return _quantile("quantile", x, q, dim, keepdim, interpolation, False)


@composed(inputs=("x",), samples=_QUANTILES)
def nanquantile(
    x: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """``quantile`` of the elements that are not NaN."""
    return _quantile("nanquantile", x, q, dim, keepdim, interpolation, True)


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


def _numpy_quantiles(quantiles: Any, whole: int = 1) -> Any:
    """A quantile function with NumPy's arguments, several axes among them; ``q`` is a part of ``whole``."""

    def function(
        a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: str = "linear",
        keepdims: bool = False, *, weights: None = None,
    ) -> Any:  # fmt: skip
        if weights is not None:
            raise NotDifferentiableError(f"numpy.{quantiles.__name__}: there is no derivative with weights=")
        a = a if hasattr(a, "dtype") else np.asarray(a)
        if a.dtype.kind == "c":
            raise DtypeError(
                f"{quantiles.__name__}: complex numbers have no order; take those of their .abs() or .real"
            )
        if a.dtype.kind in "biu" and method in ("linear", "midpoint"):  # which lie between the integers
            a = a.astype(dtypes.float64)
        return _over_axes(quantiles, a, q if whole == 1 else np.true_divide(q, whole), axis, keepdims, method)

    return function


def _over_axes(quantiles: Any, a: Any, q: Any, axis: Any, keepdims: bool, method: str) -> Any:
    a, axis, keepdims = numpy_axes(a, axis, keepdims)
    if isinstance(axis, tuple):
        shape = np.shape(a)
        axes = axes_of(axis, len(shape))
        rest = [d for d in range(len(shape)) if d not in axes]
        lines = reshape(np.transpose(a, (*rest, *axes)), (*[shape[d] for d in rest], -1))
        found = quantiles(lines, q, -1, interpolation=method)
        return reshape(found, (*np.shape(q), *kept(shape, axis))) if keepdims else found
    return quantiles(a, q, axis, keepdims, interpolation=method)


numpy_function(np.quantile)(_numpy_quantiles(quantile))
numpy_function(np.nanquantile)(_numpy_quantiles(nanquantile))
numpy_function(np.percentile)(_numpy_quantiles(quantile, 100))
numpy_function(np.nanpercentile)(_numpy_quantiles(nanquantile, 100))


def _numpy_medians(quantiles: Any) -> Any:
    """A median with NumPy's arguments: the mean of the two in the middle, which may both be infinite."""
    numpys = _numpy_quantiles(quantiles)

    def function(
        a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
    ) -> Any:
        shape = np.shape(a)
        count = math.prod([shape[d] for d in axes_of(axis, len(shape))])
        if not count:
            return np.mean(a, axis=axis, keepdims=keepdims)
        if a.dtype.kind in "biu":
            a = a.astype(dtypes.float64)
        if quantiles is nanquantile:
            ends = [numpys(a, 0.5, axis, keepdims=keepdims, method=way) for way in ("lower", "higher")]
        elif count % 2:
            return numpys(a, 0.5, axis, keepdims=keepdims, method="nearest")
        else:
            places = np.array([count / 2 - 1, count / 2]) / (count - 1)
            ends = numpys(a, places, axis, keepdims=keepdims, method="nearest")
        return (ends[0] + ends[1]) / 2

    return function


numpy_function(np.median)(_numpy_medians(quantile))
numpy_function(np.nanmedian)(_numpy_medians(nanquantile))
