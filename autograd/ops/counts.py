"""How many elements there are of a value, or in an interval: histograms.

A count is not differentiable; a sum of weights is, with respect to the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import op
from .._protocols import numpy_function
from ..engine.failures import explained
from ..engine.nodes import Handle
from ..errors import ArgumentError, DtypeError, ShapeError
from ..return_types import named_tuple
from ..samples import case, integers, reals
from .axes import cast_input
from .casting import astype

if TYPE_CHECKING:
    from .._tensor import Tensor


@op(samples=[
    case(x=reals(shape=(7,)), bins=4, min=-2, max=2), case(x=reals(shape=(2, 3)), bins=3),
    case(x=reals(shape=(0,)), bins=2),
])  # fmt: skip
def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements fall into each of ``bins`` equal intervals from ``min`` to ``max`` (both 0: those of ``x``).

    Elements outside are not counted.

    Raises: ValueError for a range that is not finite or is upside down.
    """
    x = cast_input("histc", x, None)
    low, high = float(min), float(max)
    if low == high and x.size:
        low, high = np.min(x).item(), np.max(x).item()
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ArgumentError(f"histc: the range [{low}, {high}] must be finite, with min < max")
    inside = x[(x >= low) & (x <= high)].astype(np.float64)
    return np.histogram(inside, bins, (low, high))[0].astype(x.dtype)


@op(inputs=("x", "weights"), weights=lambda g, x: g[x], samples=[
    case(x=integers(0, 4, shape=(6,)), weights=reals(shape=(6,))),
    case(x=integers(0, 2, shape=(3,)), weights=reals(shape=(3,)), minlength=5),
])  # fmt: skip
def bincount_(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """``bincount``, whose sums are in the weights' floating dtype.

    Raises: DtypeError if ``x`` does not hold integers.
    """
    if x.dtype.kind not in "biu":
        raise DtypeError(f"bincount: expected integers, got {x.dtype}")
    out = np.bincount(x, weights, minlength)
    return out.astype(weights.dtype) if weights is not None and weights.dtype.kind == "f" else out


@explained
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs in ``input``, or the sum of its ``weights``.

    The sums are in double precision unless the weights are in float32, and differentiable with respect to the weights.

    Raises: DtypeError if ``input`` does not hold integers.
    """
    if weights is not None and getattr(weights, "dtype", None) != np.float32:
        weights = astype(weights, np.float64) if isinstance(weights, Handle) else np.asarray(weights, np.float64)
    return bincount_(input, weights, minlength)


# ---- histograms with their edges -------------------------------------------------------------------------------------


def _equal_edges(name: str, x: Any, bins: int, bounds: Sequence[float] | None) -> Any:
    """The edges of ``bins`` equal intervals, from the smallest to the largest element where no bounds are given."""
    if bins < 1:
        raise ArgumentError(f"{name}: expected at least one bin, got {bins}")
    if bounds is None and x.size:
        low, high = np.min(x), np.max(x)
    else:
        low, high = np.array((0, 1) if bounds is None else bounds, x.dtype, like=x)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ArgumentError(f"{name}: the range [{low}, {high}] must be finite, with its lower end first")
    margin = np.where(low == high, 0.5, 0).astype(x.dtype)
    low, high = low - margin, high + margin
    step = (high - low) / bins
    left = np.arange(bins + 1, dtype=x.dtype)
    right = left[::-1]
    return np.where(left < right, low + step * left, high - step * right)  # from both ends, which so are exact


def _given_edges(name: str, x: Any, edges: Any) -> Any:
    edges = np.array(edges, x.dtype, like=x)
    if edges.ndim != 1 or edges.size < 2 or not (edges[1:] >= edges[:-1]).all():
        raise ArgumentError(f"{name}: bin edges must be a line of two or more ascending numbers, got {edges!r}")
    return edges


def _count(points: Any, edges: list[Any], weight: Any, density: bool) -> Any:
    """How many points (rows), or how much of their weight, fall into each cell; the last edges belong to the cells."""
    place: Any = 0
    inside: Any = True
    shape = tuple([len(line) - 1 for line in edges])
    for d, (line, n) in enumerate(zip(edges, shape, strict=True)):
        x = points[:, d]
        inside = inside & (x >= line[0]) & (x <= line[-1])
        place = place * n + np.where(x == line[-1], n - 1, np.searchsorted(line, x, "right") - 1)
    weight = 1.0 if weight is None else np.reshape(weight, -1).astype(np.float64)
    size = math.prod(shape)
    cells = np.bincount(np.where(inside, place, 0), np.where(inside, weight, 0), size)
    out: Any = np.reshape(cells[:size], shape)
    if density:
        total: Any = np.sum(out)
        for d, line in enumerate(edges):
            total = total * np.reshape(
                np.diff(line.astype(np.float64)), [-1 if d == e else 1 for e in range(len(edges))]
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            out = out / total
    return out.astype(points.dtype)


def _check_weight(name: str, weight: Any, shape: tuple[int, ...]) -> None:
    if weight is not None and np.shape(weight) != shape:
        raise ShapeError(f"{name}: expected a weight for each element, of shape {shape}, got {np.shape(weight)}")


@op(outputs=("hist", "bin_edges"), inputs=("x", "weight"), constants=("bins",), samples=[
    case(x=reals(shape=(7,)), bins=4, range=(-2, 2)), case(x=reals(shape=(2, 3)), bins=3, density=True),
    case(x=reals(shape=(5,)), bins=np.array([-3.0, 0.0, 1.0, 3.0]), weight=np.array([0.5, 1.0, 2.0, 0.0, 1.0])),
    case(x=reals(shape=(0,)), bins=2), case(x=reals(shape=()), bins=np.array([0.0, 1.0])),
])  # fmt: skip
def histogram(
    x: Any, bins: Any, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> Any:
    """How many elements fall into each interval, and the intervals' edges.

    Args:
        x: floating, of any shape. What lies outside, and NaN, is not counted.
        bins: the number of equal intervals, or their edges: an interval has its left edge, the last its right one too.
        range: where the equal intervals begin and end (default: with the smallest and the largest element).
        weight: what each element counts, instead of 1.
        density: divide such that the area of the histogram is 1.

    Raises: DtypeError for integers; ShapeError for a weight of another shape; ValueError for a range or edges that
        are not finite or not ascending.
    """
    x = cast_input("histogram", x, None)
    _check_weight("histogram", weight, x.shape)
    x = np.reshape(x, -1)  # of no dimension, it may be a NumPy scalar
    equal = np.ndim(bins) == 0
    edges = _equal_edges("histogram", x, int(bins), range) if equal else _given_edges("histogram", x, bins)
    return _count(np.expand_dims(x, 1), [edges], weight, density), edges


@op(outputs="many", inputs=("x", "weight"), constants=("bins",), samples=[
    case(x=reals(shape=(7, 2)), bins=[3, 2], range=[-3, 3, -2, 2]),
    case(x=reals(shape=(2, 3, 2)), bins=2, density=True),
    case(x=reals(shape=(3, 2)), bins=(np.array([-3.0, 0.0, 3.0]), np.array([-3.0, 3.0])), weight=np.arange(3.0)),
])  # fmt: skip
def histogramdd_parts(
    x: Any, bins: Any, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> Any:
    """The histogram of points, and the edges along each coordinate, in one list."""
    x = cast_input("histogramdd", x, None)
    if x.ndim < 2:
        raise ShapeError(f"histogramdd: expected points, (..., coordinates), got shape {x.shape}: use histogram")
    _check_weight("histogramdd", weight, x.shape[:-1])
    n = x.shape[-1]
    each = list(bins) if isinstance(bins, (list, tuple)) else [bins] * n
    if len(each) != n:
        raise ShapeError(f"histogramdd: {len(each)} bins for the {n} coordinates of points of shape {x.shape}")
    if range is not None and len(range) != 2 * n:
        raise ShapeError(f"histogramdd: range needs two numbers for each of {n} coordinates, got {len(range)}")
    points = np.reshape(x, (-1, n))
    edges = [
        _given_edges("histogramdd", x, bin)
        if np.ndim(bin)
        else _equal_edges("histogramdd", points[:, d], int(bin), None if range is None else range[2 * d : 2 * d + 2])
        for d, bin in enumerate(each)
    ]
    return [_count(points, edges, weight, density), *edges]


@explained
def histogramdd(
    input: Any, bins: Any, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> Any:
    """How many points fall into each cell of a grid, and the grid's edges along each coordinate.

    Args:
        input: points (..., n) of n coordinates, floating.
        bins: for each coordinate the number of equal intervals, or their edges; or one number for all.
        range: where the equal intervals begin and end: two numbers for each coordinate.
        weight: what each point counts, instead of 1, of shape (...).
        density: divide such that the integral of the histogram is 1.

    Returns:
        ``hist`` with n dimensions, and ``bin_edges``, a tuple of n Tensors.

    Raises: as ``histogram``.
    """
    hist, *edges = histogramdd_parts(input, bins, range, weight, density)
    return named_tuple("histogramdd", ("hist", "bin_edges"))(hist, tuple(edges))


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


@numpy_function(np.bincount)
def _numpy_bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    return bincount(x, weights, minlength)
