"""Resampling images (signals, volumes): to another size, and at the points of a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op, unwrap
from ..engine.foreign import as_array
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from . import arithmetic, reductions
from .axes import wide_dtype
from .casting import clone
from .contraction import einsum
from .gridded import sample_pixels
from .indexing import getitem
from .joining import stack
from .selection import keep
from .shapes import integer, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- one dimension: each place of the result is a weighted sum of a few places of the input -------------------------

_SPATIAL = {"linear": 1, "bilinear": 2, "bicubic": 2, "lanczos": 2, "trilinear": 3}
"""The modes that interpolate, and between how many dimensions."""
_NEAREST = ("nearest", "nearest-exact", "area")
"""The modes that take values or averages as they are, in any number of dimensions."""


def _near(s: Any, a: float) -> Any:
    """The cubic convolution kernel of R. Keys (1981) at distances up to 1."""
    return ((a + 2) * s - (a + 3)) * s * s + 1


def _far(s: Any, a: float) -> Any:
    """The cubic convolution kernel at distances from 1 to 2."""
    return ((a * s - 5 * a) * s + 8 * a) * s - 4 * a


def _cubic(t: Any) -> list[Any]:
    """The weights of the four neighbours at -1, 0, 1, 2 of a point at ``t``."""
    a = -0.75
    return [_far(t + 1, a), _near(t, a), _near(1 - t, a), _far(2 - t, a)]


_FILTERS: dict[str, tuple[int, Any]] = {
    "bilinear": (1, lambda s: 1 - s),
    "bicubic": (2, lambda s: np.where(s < 1, _near(s, -0.5), _far(s, -0.5))),
    "lanczos": (3, lambda s: np.sinc(s) * np.sinc(s / 3)),
}
"""For each mode with ``antialias`` how far its filter reaches, and the filter."""


def _filter_taps(n: int, size: int, mode: str, align_corners: bool, scale: float | None) -> tuple[Any, Any]:
    """The tables of ``_taps`` with a filter that widens as the image shrinks, so that every place counts."""
    step = n / size if scale is None else 1 / scale
    if align_corners:
        step = (n - 1) / (size - 1) if size > 1 else 0.0
    reach, weigh = _FILTERS[mode]
    wide = max(step, 1.0)
    center = step * (np.arange(size) + 0.5)
    first = np.maximum((center - reach * wide + 0.5).astype(np.int64), 0)
    last = np.minimum((center + reach * wide + 0.5).astype(np.int64), n)
    index = first + np.arange(int(np.max(last - first)))[:, None]
    apart = np.minimum(np.abs(index + 0.5 - center) / wide, reach)
    weights = np.where(index < last, weigh(apart), 0)
    return np.minimum(index, n - 1), weights / np.sum(weights, 0)


def _taps(n: int, size: int, mode: str, align_corners: bool, scale: float | None) -> tuple[Any, Any]:
    """From which places of ``n``, and with which weights, each of ``size`` places is made: two tables, a row a tap."""
    places = np.arange(size)
    step = n / size if scale is None else 1 / scale
    if mode in ("nearest", "nearest-exact"):
        offset = 0.5 if mode == "nearest-exact" else 0.0
        at32 = (places.astype(np.float32) + np.float32(offset)) * np.float32(step)  # rounding as PyTorch does
        source = at32.astype(np.int64)
        return np.minimum(source, n - 1)[None], np.ones((1, size))
    if mode == "area":
        first, last = places * n // size, -(-(places + 1) * n // size)
        taps = np.arange(int(np.max(last - first)))[:, None]
        return np.minimum(first + taps, n - 1), (first + taps < last) / (last - first)
    at: Any
    if align_corners:
        at = places * ((n - 1) / (size - 1) if size > 1 else 0.0)
    else:
        at = (places + 0.5) * step - 0.5
    if mode == "bicubic":
        low = np.floor(at).astype(np.int64)
        return np.clip(low + np.arange(-1, 3)[:, None], 0, n - 1), np.stack(_cubic(at - low))
    at = np.maximum(at, 0)
    low = np.minimum(at.astype(np.int64), n - 1)
    rest = np.minimum(at - low, 1)
    return np.stack([low, np.minimum(low + 1, n - 1)]), np.stack([1 - rest, rest])


def _transposed(index: Any, weights: Any, n: int) -> tuple[Any, Any]:
    """The tables of the transposed map, from the places of the result back to the ``n`` places of the input."""
    used = weights.reshape(-1) != 0
    into = np.broadcast_to(np.arange(index.shape[1]), index.shape).reshape(-1)[used]
    source, weight = index.reshape(-1)[used], weights.reshape(-1)[used]
    order = np.argsort(source, kind="stable")
    source, into, weight = source[order], into[order], weight[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)  # its number among those of its source
    count = int(rank.max(initial=-1)) + 1
    back, factors = np.zeros((count, n), np.int64), np.zeros((count, n))
    back[rank, source], factors[rank, source] = into, weight
    return back, factors


def _resample_rule(g: Any, x_shape: tuple[int, ...], tables: Any, dim: int) -> Any:
    index, weights = tables
    return resample.kernel(g, _transposed(index, weights, x_shape[dim]), dim)


_TABLES = (np.array([[0, 1, 1, 2], [1, 1, 2, 0]]), np.array([[0.5, 1.0, 0.25, 2.0], [0.5, 0.5, 0.75, 0.0]]))


@op(x=_resample_rule, jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), tables=_TABLES, dim=1), case(x=reals(shape=(3, 2)), tables=_TABLES, dim=0),
    case(x=reals(shape=(2, 3)), tables=(np.array([[1, 1, 0]]), np.ones((1, 3))), dim=1),
])  # fmt: skip
def resample(x: Any, tables: tuple[Any, Any], dim: int) -> Any:
    """Weighted sums of places along ``dim``: ``tables`` hold, with a row a tap, the places and their weights."""
    index, weights = tables
    dtype = wide_dtype(x.dtype)
    shape = (-1, *(1,) * (x.ndim - dim - 1))
    if len(index) == 1 and (weights == 1).all():
        return np.take(x, index[0], dim)
    if dtype.kind in "iub":
        raise TypeError(f"weighted sums of {dtype} are none; convert with .float()")
    out = np.zeros((*x.shape[:dim], index.shape[1], *x.shape[dim + 1 :]), dtype, like=x)
    for places, factors in zip(index, weights, strict=True):
        out += np.take(x, places, dim) * factors.astype(dtype).reshape(shape)
    return out.astype(x.dtype, copy=False)


# ---- to another size -------------------------------------------------------------------------------------------------


def _each(value: Any, rank: int, what: str, shape: tuple[int, ...]) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        return (value,) * rank
    if len(value) != rank:
        raise ShapeError(f"interpolate: {what} {tuple(value)} for the {rank} spatial dimensions of shape {shape}")
    return tuple(value)


_SIZES = [
    case(x=reals(shape=(1, 2, 3)), size=5), case(x=reals(shape=(1, 1, 5)), scale_factor=0.5, mode="nearest-exact"),
    case(x=reals(shape=(1, 2, 3)), size=5, mode="linear"),
    case(x=reals(shape=(1, 2, 3)), scale_factor=1.7, mode="linear", align_corners=True),
    case(x=reals(shape=(1, 1, 3, 4)), scale_factor=(2, 0.5), mode="bilinear"),
    case(x=reals(shape=(1, 1, 3, 4)), size=(5, 2), mode="bicubic"),
    case(x=reals(shape=(1, 1, 2, 2, 3)), size=(3, 1, 4), mode="trilinear"),
    case(x=reals(shape=(1, 1, 5, 2)), size=(2, 3), mode="bicubic", antialias=True),
    case(x=reals(shape=(1, 2, 5)), size=3, mode="area"), case(x=reals(shape=(1, 1, 3, 4)), size=(5, 2), mode="area"),
]  # fmt: skip


@composed(inputs=("x",), samples=_SIZES)
def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Signals, images or volumes (examples, channels, ...) brought to another size.

    Args:
        x: of 3, 4 or 5 dimensions.
        size: the new size, one number or one for each spatial dimension;
        scale_factor: or what to multiply the size by (rounded down).
        mode: ``"nearest"``, ``"nearest-exact"``, ``"linear"`` (3 dimensions), ``"bilinear"``, ``"bicubic"`` (4),
            ``"trilinear"`` (5), ``"area"``, and with ``antialias`` ``"lanczos"`` (4).
        align_corners: for the modes that interpolate, whether the outermost pixels' centers stay in place, not their
            outer edges.
        recompute_scale_factor: find the distance of the points from the sizes, not from ``scale_factor``.
        antialias: for ``"bilinear"``, ``"bicubic"`` and ``"lanczos"``: filter what a smaller image cannot show.

    Raises: ShapeError; ValueError for arguments that exclude each other.

    >>> import autograd
    >>> import nn.functional as F
    >>> F.interpolate(autograd.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    shape = tuple(shape_of(x))
    rank = len(shape) - 2
    _check_mode(shape, mode, align_corners, antialias)
    sizes, scales = _new_sizes(shape, size, scale_factor, recompute_scale_factor)
    taps = _filter_taps if antialias else _taps
    # As in PyTorch: where the size stays the same, these modes still follow the factor, and the others copy; an image
    # of exactly twice the size repeats each pixel, whatever the factor.
    by_factor = (mode in ("bicubic", "nearest-exact") and not antialias) or (mode == "nearest" and rank != 2)
    out = x
    for dim, (n, scale) in enumerate(zip(sizes, scales, strict=True), 2):
        if mode == "nearest" and rank == 2 and n == 2 * shape[dim]:
            scale = None
        if n != shape[dim] or (by_factor and scale not in (None, 1.0)):
            out = resample(out, taps(shape[dim], n, mode, bool(align_corners), scale), dim)
    return clone(x) if out is x else out


def _check_mode(shape: tuple[int, ...], mode: str, align_corners: bool | None, antialias: bool) -> None:
    """Raise ShapeError or ArgumentError for a mode that does not exist, or not for this shape and these options."""
    rank = len(shape) - 2
    if rank not in (1, 2, 3) or rank != _SPATIAL.get(mode, rank):
        raise ShapeError(f"interpolate: mode {mode!r} takes {_dimensions(mode)} dimensions, got shape {shape}")
    if mode not in _SPATIAL and mode not in _NEAREST:
        known = ", ".join([*_NEAREST, *_SPATIAL])
        raise ArgumentError(f"interpolate: mode must be one of {known}, got {mode!r}")
    if align_corners is not None and mode not in _SPATIAL:
        raise ArgumentError(f"interpolate: align_corners is for the modes {', '.join(_SPATIAL)}, not for {mode!r}")
    if antialias and mode not in _FILTERS:
        raise ArgumentError(f"interpolate: antialias is for the modes {', '.join(_FILTERS)}, not for {mode!r}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise ArgumentError("interpolate: mode 'lanczos' needs antialias=True, and no align_corners")


def _new_sizes(shape: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None) -> tuple[Any, Any]:
    """The new size of each spatial dimension, and the factors by which points lie apart (None: that of the sizes).

    Raises: ShapeError, ArgumentError.
    """
    rank = len(shape) - 2
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate: give either size or scale_factor")
    scales: tuple[Any, ...] = (None,) * rank
    if size is not None:
        if recompute:
            raise ArgumentError("interpolate: recompute_scale_factor makes no sense with size")
        sizes = tuple([integer(n, "a size") for n in _each(size, rank, "size", shape)])
    else:
        factors = tuple([float(f) for f in _each(scale_factor, rank, "scale_factor", shape)])
        sizes = tuple([math.floor(n * f) for n, f in zip(shape[2:], factors, strict=True)])
        if not recompute:
            scales = factors
    if min(*sizes, *shape[2:]) < 1:
        raise ShapeError(f"interpolate: sizes must be positive, got shape {shape} and the new size {sizes}")
    return sizes, scales


def _dimensions(mode: str) -> str:
    return str(_SPATIAL[mode] + 2) if mode in _SPATIAL else "3, 4 or 5"


# ---- at the points of a grid -----------------------------------------------------------------------------------------


def affine_grid(theta: Any, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points at which ``grid_sample`` samples images transformed by affine maps.

    Args:
        theta: for each image a matrix (2, 3), for each volume (3, 4).
        size: the shape of the resulting images, (examples, channels, height, width), or of the volumes.
        align_corners: whether -1 and 1 are the centers of the outermost pixels, not their outer edges.

    Returns: (examples, height, width, 2) or (examples, depth, height, width, 3), in coordinates from -1 to 1.

    Raises: ShapeError.

    Source: M. Jaderberg et al., Spatial Transformer Networks, 2015.
    """
    rank = len(size) - 2
    if rank not in (2, 3) or tuple(shape_of(theta)) != (size[0], rank, rank + 1):
        raise ShapeError(
            f"affine_grid: for images of shape {tuple(size)} theta must have shape {(size[0], rank, rank + 1)}, got "
            f"{tuple(shape_of(theta))}"
        )
    lines = []
    for n in size[2:]:
        ends = 1.0 if align_corners else (n - 1) / max(n, 1)
        lines.append(np.linspace(-ends, ends, n) if n > 1 else np.zeros(n))
    points = np.meshgrid(*lines, indexing="ij")
    base = np.stack([*points[::-1], np.ones(tuple(size[2:]))], -1).astype(theta.dtype)
    return einsum("...j,nij->n...i", base, theta)


def _reflected(x: Any, n: int, align_corners: bool) -> tuple[Any, Any]:
    """Coordinates reflected into the image: the sign and the offset that do it."""
    low, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
    if span <= 0:
        return np.zeros_like(x), np.zeros_like(x)
    sign = np.where(x < low, -1, 1).astype(x.dtype)
    flips = np.floor((x - low) * sign / span)
    odd = flips % 2 == 1
    # the distance from the edge is sign * (x - low) - flips * span; of an odd number of flips it counts from the other
    turned = np.where(odd, -sign, sign)
    return turned, np.where(odd, span * (flips + 1) + low, low - flips * span) - turned * low


def _bounded(x: Any, n: int, mode: str, align_corners: bool) -> tuple[Any, Any]:
    """The slope and the offset by which coordinates are brought into the image; the slope is 0 at its border."""
    slope, offset = np.ones_like(x), np.zeros_like(x)
    if mode == "reflection":
        slope, offset = _reflected(x, n, align_corners)
    if mode != "zeros":
        moved = x * slope + offset
        inside = (moved > 0) & (moved < n - 1)
        slope = np.where(inside, slope, 0)
        offset = np.where(inside, offset, np.clip(np.nan_to_num(moved), 0, n - 1))
    return slope.astype(x.dtype, copy=False), offset.astype(x.dtype, copy=False)


def _places(steps: Sequence[Any], sizes: Sequence[int]) -> Any:
    """The numbers of the pixels (examples, taps, points) at whole coordinates, of which each dimension has some.

    Outside, it is the number of all pixels.
    """
    place: Any = 0
    inside: Any = True
    rank = len(sizes)
    for d, (whole, n) in enumerate(zip(steps, sizes, strict=True)):
        whole = np.expand_dims(whole, (*range(1, 1 + d), *range(2 + d, 1 + rank)))
        within = (whole >= 0) & (whole < n)
        inside = inside & within
        place = place * n + np.where(within, whole, 0).astype(np.int64)
    place = np.where(inside, place, math.prod(sizes))
    return np.reshape(place, (place.shape[0], math.prod(place.shape[1:-1]), place.shape[-1]))


def _products(weights: Sequence[Any], points: int) -> Any:
    """The weights (examples, taps, points) of all pixels, of those of each dimension."""
    total = weights[0]
    for factor in weights[1:]:
        examples, taps, _ = shape_of(total)
        each = shape_of(factor)[1]
        total = arithmetic.mul(
            reshape(total, (examples, taps, 1, points)), reshape(factor, (examples, 1, each, points))
        )
        total = reshape(total, (examples, taps * each, points))
    return total


@composed(
    inputs=("x", "grid"),
    samples=[
        case(x=reals(shape=(1, 2, 2, 3)), grid=reals(-1.3, 1.3, shape=(1, 2, 1, 2), avoid=(0.0,)), padding_mode=mode,
             align_corners=align, mode=kind)
        for mode, align, kind in (
            ("zeros", False, "bilinear"), ("border", True, "bilinear"), ("reflection", False, "bilinear"),
            ("zeros", False, "bicubic"),
        )
    ]
    + [case(x=reals(shape=(1, 1, 2, 2, 2)), grid=reals(-0.9, 0.9, shape=(1, 1, 1, 2, 3), avoid=(0.0,)))],
)  # fmt: skip
def grid_sample(
    x: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """The pixels of images at the points of a grid.

    Args:
        x: images (examples, channels, height, width), or volumes.
        grid: for each example points (..., 2) as (across, down), or (..., 3), from -1 at one edge to 1 at the other.
        mode: ``"bilinear"`` (for volumes trilinear), ``"nearest"``, or ``"bicubic"`` for images.
        padding_mode: what lies outside: ``"zeros"``; ``"border"``, the nearest pixel; ``"reflection"``.
        align_corners: whether -1 and 1 are the centers of the outermost pixels, not their outer edges.

    Raises: ShapeError; ValueError for another mode.

    Source: M. Jaderberg et al., Spatial Transformer Networks, 2015.
    """
    shape, points = tuple(shape_of(x)), tuple(shape_of(grid))
    rank = len(shape) - 2
    if rank not in (2, 3) or len(points) != len(shape) or points[-1] != rank or points[0] != shape[0]:
        raise ShapeError(
            "grid_sample: images (examples, channels, height, width) need a grid (examples, height, width, 2), volumes "
            f"one (examples, depth, height, width, 3); got shapes {shape} and {points}"
        )
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and rank == 3):
        raise ArgumentError(
            f"grid_sample: mode must be 'bilinear', 'nearest' or (4 dimensions) 'bicubic', got {mode!r}"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ArgumentError(
            f"grid_sample: padding_mode must be 'zeros', 'border' or 'reflection', got {padding_mode!r}"
        )
    sizes = shape[2:]
    if 0 in sizes:
        raise ShapeError(f"grid_sample: there are no pixels in images of shape {shape}")
    align = bool(align_corners)
    pixels = reshape(x, (*shape[:2], math.prod(sizes)))
    steps: list[Any] = []  # for each dimension the whole coordinates beside the point, and weights
    count = math.prod(points[1:-1])
    flat = reshape(grid, (points[0], count, rank))
    with np.errstate(invalid="ignore"):
        for d, n in enumerate(sizes):
            at = getitem(flat, (..., rank - 1 - d))
            at = arithmetic.mul(arithmetic.add(at, 1), (n - 1) / 2 if align else n / 2)
            if not align:
                at = arithmetic.sub(at, 0.5)
            if mode != "bicubic":
                slope, offset = _bounded(as_array(unwrap(at)), n, padding_mode, align)
                at = arithmetic.add(arithmetic.mul(at, slope), offset)
            steps.append(_neighbours(at, n, mode, padding_mode, align))
        place = _places([whole for whole, _ in steps], sizes)
        if mode == "nearest":
            weights = np.ones_like(place, dtype=pixels.dtype)
        else:
            weights = _products([weight for _, weight in steps], count)
        total = sample_pixels(pixels, weights, place)
        if mode == "nearest":  # constant but for its jumps: the grid has the gradient 0
            still = reductions.sum(keep(flat, np.zeros(1, bool)), -1)
            total = arithmetic.add(total, reshape(still, (points[0], 1, count)))
    return reshape(total, (*shape[:2], *points[1:-1]))


def _neighbours(at: Any, n: int, mode: str, padding_mode: str, align: bool) -> tuple[Any, Any]:
    """The whole coordinates (examples, some, points) beside the points, and the weights with which they count."""
    found = as_array(unwrap(at))
    if mode == "nearest":
        return np.expand_dims(np.rint(found), 1), None
    low = np.floor(found)
    rest = arithmetic.sub(at, low)
    if mode == "bilinear":
        return np.stack([low, low + 1], 1), stack([arithmetic.sub(1, rest), rest], 1)
    beside = []
    for step in range(-1, 3):
        slope, offset = _bounded(low + step, n, padding_mode, align)
        beside.append((low + step) * slope + offset)
    return np.stack(beside, 1), stack(_cubic(rest), 1)
