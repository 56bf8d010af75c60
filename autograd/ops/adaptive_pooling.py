"""Adaptive pooling: as many windows as are asked for, as equal as possible, that cover the input.

Where the sizes divide, it is ordinary pooling. Otherwise window ``i`` of ``n`` over ``m`` elements goes from
``i * m // n`` to ``ceil((i + 1) * m / n)``, so that windows may overlap and differ in length.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.foreign import require_plain
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from .averaging import average_pool
from .axes import wide_dtype
from .pooling import max_pool, max_pool_with_indices
from .shapes import integer, shape_of
from .unpooling import add_in_planes, take_in_planes

if TYPE_CHECKING:
    from .._tensor import Tensor

MOST = 64
"""So many windows are averaged by one matrix product."""
SOME = 1 << 10
"""Fewer elements are averaged window by window, as they are while a function is recorded."""
LARGEST = 1 << 18
"""With more elements its matrix is too large."""

# ---- windows ---------------------------------------------------------------------------------------------------------


def _bounds(size: int, count: int) -> list[tuple[int, int]]:
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _target(name: str, rank: int, x: Any, output_size: Any) -> tuple[int, ...]:
    """How many windows along each dimension.

    Raises: ShapeError, ValueError.
    """
    shape = shape_of(x)
    if len(shape) not in (rank + 1, rank + 2):
        sizes = ("length", "height, width", "depth, height, width")[rank - 1]
        raise ShapeError(f"{name}: expected an input (batch, channels, {sizes}) or without batch, got shape {shape}")
    if 0 in shape[1:]:
        raise ShapeError(f"{name}: the input, of shape {shape}, is empty; only its first dimension may be")
    if isinstance(output_size, (tuple, list)) and len(output_size) != 1:
        given = tuple(output_size)
    else:
        given = (output_size[0] if isinstance(output_size, (tuple, list)) else output_size,) * rank
    if len(given) != rank:
        raise ShapeError(f"{name}: output_size must be one number or {rank}, got {output_size}")
    each = zip(shape[-rank:], given, strict=True)
    counts = tuple([n if count is None else integer(count, "output_size") for n, count in each])
    if min(counts) < 0:
        raise ArgumentError(f"{name}: output_size must not be negative, got {output_size}")
    return counts


def _regular(sizes: Sequence[int], counts: Sequence[int]) -> tuple[int, ...] | None:
    """The size of the windows if all are of one size and do not overlap."""
    if all(count and not n % count for n, count in zip(sizes, counts, strict=True)):
        return tuple([n // count for n, count in zip(sizes, counts, strict=True)])
    return None


# ---- means -----------------------------------------------------------------------------------------------------------


@functools.lru_cache(16)
def _covered(sizes: tuple[int, ...], counts: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    """A matrix (elements of a plane, windows) with a 1 where one lies in the other, and how many lie in each."""
    covered, number = np.ones((1, 1), dtype), np.ones(1, dtype)
    for size, count in zip(sizes, counts, strict=True):
        bounds = np.array(_bounds(size, count))
        place = np.arange(size)[:, None]
        covered = np.kron(covered, ((place >= bounds[:, 0]) & (place < bounds[:, 1])).astype(dtype))
        number = np.kron(number, (bounds[:, 1] - bounds[:, 0]).astype(dtype))
    return covered, number


def _by_matrix(x: Any, sizes: tuple[int, ...], counts: tuple[int, ...], spreading: bool) -> Any:
    """``window_means`` of floating numbers, or if ``spreading`` ``spread_means``, as one matrix product.

    None where most of its products would be in vain, or one is not finite, which spoils others.
    """
    windows, plane = math.prod(counts), math.prod(sizes)
    if type(x) is not np.ndarray or x.size < SOME or not 0 < windows <= MOST or windows * plane > LARGEST:
        return None
    covered, number = _covered(sizes, counts, x.dtype)
    shape = (*x.shape[: x.ndim - len(counts)], *(sizes if spreading else counts))
    lines = np.reshape(x, (-1, windows if spreading else plane))
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.matmul(lines / number, covered.T) if spreading else np.matmul(lines, covered) / number
    return np.reshape(found, shape) if np.isfinite(found).all() else None


@op(
    x=lambda g, x_shape, counts: spread_means.kernel(g, x_shape[len(x_shape) - len(counts) :]),
    tied=True,
    jvp="linear",
    samples=[
        case(x=reals(shape=(2, 5)), counts=(3,)), case(x=reals(shape=(1, 3, 4)), counts=(2, 3)),
        case(x=reals(shape=(1, 2)), counts=(3,)), case(x=reals(shape=(0, 5)), counts=(3,)),
    ],
)  # fmt: skip
def window_means(x: Any, counts: tuple[int, ...]) -> Any:
    """The means of ``counts`` windows along each of the last dimensions."""
    require_plain(x)
    wide = wide_dtype(x.dtype)
    found = x.astype(wide, copy=False)
    means = _by_matrix(found, x.shape[x.ndim - len(counts) :], counts, False)
    if means is not None:
        return means.astype(x.dtype, copy=False)
    for axis, count in enumerate(counts, start=x.ndim - len(counts)):
        lead: Any = (slice(None),) * axis
        out = np.empty((*found.shape[:axis], count, *found.shape[axis + 1 :]), wide, like=x)
        for i, (first, last) in enumerate(_bounds(found.shape[axis], count)):
            window: Any = (*lead, slice(first, last))
            out[(*lead, i)] = np.add.reduce(found[window], axis) / wide.type(last - first)
        found = out
    return found.astype(x.dtype, copy=False)


@op(
    x=lambda g, x_shape, sizes: window_means.kernel(g, x_shape[len(x_shape) - len(sizes) :]),
    jvp="linear",
    samples=[
        case(x=reals(shape=(2, 3)), sizes=(5,)), case(x=reals(shape=(1, 2, 3)), sizes=(3, 4)),
        case(x=reals(shape=(1, 3)), sizes=(2,)),
    ],
)  # fmt: skip
def spread_means(x: Any, sizes: tuple[int, ...]) -> Any:
    """Zeros with last dimensions ``sizes``, to whose windows ``x``, divided by the size of each, is added."""
    require_plain(x)
    wide = wide_dtype(x.dtype)
    found = x.astype(wide, copy=False)
    spread = _by_matrix(found, tuple(sizes), x.shape[x.ndim - len(sizes) :], True)
    if spread is not None:
        return spread.astype(x.dtype, copy=False)
    for axis, size in enumerate(sizes, start=x.ndim - len(sizes)):
        lead = (slice(None),) * axis
        out = np.zeros((*found.shape[:axis], size, *found.shape[axis + 1 :]), wide, like=x)
        for i, (first, last) in enumerate(_bounds(size, found.shape[axis])):
            inside: Any = (*lead, slice(first, last))
            out[inside] += found[(*lead, slice(i, i + 1))] / wide.type(last - first)
        found = out
    return found.astype(x.dtype, copy=False)


def _averaged(name: str, rank: int, x: Any, output_size: Any) -> Any:
    counts = _target(name, rank, x, output_size)
    dtype = getattr(x, "dtype", None)  # lists hold floating numbers
    if dtype is not None and dtype.kind in "iub":
        raise DtypeError(f"{name}: expected floating numbers, got {dtype}; convert with .float()")
    size = _regular(shape_of(x)[-rank:], counts)
    if size is None:
        return window_means(x, counts)
    return average_pool(x, size, size, ((0, 0),) * rank, float(math.prod(size)))


_SIZES = ((5,), (3, 4), (2, 3, 2))


def _cases(rank: int) -> list[Any]:
    uneven = (3, 2, 1)[:rank]
    return [
        case(input=reals(shape=(1, 2, *_SIZES[rank - 1])), output_size=1),
        case(input=reals(shape=(1, *_SIZES[rank - 1])), output_size=uneven),
    ]


@composed(inputs=("input",), samples=_cases(1))
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` windows.

    Args:
        input: (N, C, length), or (C, length) without batch.
        output_size: a number, or one for each dimension; None there keeps the input's size.

    Shape: (N, C, output_size).

    Raises: ShapeError, ValueError; DtypeError for integers.
    """
    return _averaged("adaptive_avg_pool1d", 1, input, output_size)


@composed(inputs=("input",), samples=_cases(2))
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` windows over height and width; arguments as for ``adaptive_avg_pool1d``."""
    return _averaged("adaptive_avg_pool2d", 2, input, output_size)


@composed(inputs=("input",), samples=_cases(3))
def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` windows over depth, height and width; arguments as for ``adaptive_avg_pool1d``."""
    return _averaged("adaptive_avg_pool3d", 3, input, output_size)


# ---- maxima ----------------------------------------------------------------------------------------------------------


@op(
    x=lambda g_values, x_shape, indices, counts: add_in_planes.kernel(
        g_values, indices, x_shape[len(x_shape) - len(counts) :]
    ),
    jvp=lambda t_x, indices, counts: (take_in_planes.kernel(t_x, indices, len(counts)), None),
    outputs=("values", "indices"),
    tied=True,
    samples=[
        case(x=reals(shape=(2, 5)), counts=(3,)), case(x=reals(shape=(1, 3, 4)), counts=(2, 3)),
        case(x=reals(shape=(1, 2)), counts=(3,)), case(x=reals(shape=(0, 5)), counts=(3,)),
    ],
)  # fmt: skip
def window_maxima(x: Any, counts: tuple[int, ...]) -> Any:
    """The largest elements of ``counts`` windows along each of the last dimensions, and their numbers in the plane."""
    rank = len(counts)
    sizes = x.shape[x.ndim - rank :]
    shape = (*x.shape[: x.ndim - rank], *counts)
    inside = _members(sizes, tuple(counts))
    windows, longest = inside.shape
    planes = np.reshape(x, (*shape[: x.ndim - rank], math.prod(sizes)))
    seen = np.reshape(np.take(planes, np.reshape(inside, -1), -1), (*planes.shape[:-1], windows, longest))
    best = np.expand_dims(np.argmax(seen, -1), -1)
    values = np.take_along_axis(seen, best, -1)
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and np.isnan(values).any():  # of NaNs the last
        nan = np.isnan(seen)
        last = longest - 1 - np.argmax(nan[..., ::-1], -1)
        best = np.where(np.isnan(values), np.expand_dims(last, -1), best)
    indices = np.take_along_axis(np.broadcast_to(inside, seen.shape), best, -1)
    return np.reshape(values, shape), np.reshape(indices, shape)


@functools.lru_cache(16)
def _members(sizes: tuple[int, ...], counts: tuple[int, ...]) -> Any:
    """The numbers in the plane of each window's elements, a row a window: its last one is repeated if it is shorter."""
    numbers = np.reshape(np.arange(math.prod(sizes)), sizes)
    rows = []
    for corner in np.ndindex(*counts):
        window = [_bounds(n, count)[i] for n, count, i in zip(sizes, counts, corner, strict=True)]
        rows.append(numbers[tuple([slice(first, last) for first, last in window])].reshape(-1))
    longest = max([len(row) for row in rows], default=1)
    return np.array([np.pad(row, (0, longest - len(row)), "edge") for row in rows], np.int64).reshape(-1, longest)


def _largest(name: str, rank: int, x: Any, output_size: Any, return_indices: bool) -> Any:
    counts = _target(name, rank, x, output_size)
    size = _regular(shape_of(x)[-rank:], counts)
    if size is not None:
        pool = max_pool_with_indices if return_indices else max_pool
        return pool(x, size, size, ((0, 0),) * rank, (1,) * rank)
    found = window_maxima(x, counts)
    return found if return_indices else found.values


@composed(inputs=("input",), samples=_cases(1))
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of ``output_size`` windows.

    Args:
        input: (N, C, length), or (C, length) without batch.
        output_size: a number, or one for each dimension; None there keeps the input's size.
        return_indices: return the elements and their places in the input, both of the same shape.

    Shape: (N, C, output_size).

    Raises: ShapeError, ValueError.
    """
    return _largest("adaptive_max_pool1d", 1, input, output_size, return_indices)


@composed(inputs=("input",), samples=_cases(2))
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of windows over height and width; arguments as for ``adaptive_max_pool1d``."""
    return _largest("adaptive_max_pool2d", 2, input, output_size, return_indices)


@composed(inputs=("input",), samples=_cases(3))
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of windows over depth, height and width; arguments as for ``adaptive_max_pool1d``."""
    return _largest("adaptive_max_pool3d", 3, input, output_size, return_indices)
