"""Average pooling, and pooling by a norm.

A window's sum is taken along one dimension after the other, in a dtype fit to add up in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..errors import ArgumentError
from ..samples import case, reals
from . import arithmetic, powers
from .activations import relu
from .axes import accumulation_dtype, wide_dtype
from .pooling import framed, max_pooled, overlap, pool_places, pool_sizes, reduce_windows, slabs
from .shapes import integer, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- the op and its transpose ----------------------------------------------------------------------------------------

_PAIRS: dict[str, Any] = {"size": (2,), "stride": (2,), "padding": ((0, 0),), "divisor": 2.0}
_EDGED: dict[str, Any] = {"size": (3,), "stride": (2,), "padding": ((1, 1),), "divisor": np.array([2.0, 3.0, 2.0])}
_BLOCKS: dict[str, Any] = {"size": (2, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1)), "divisor": 3.0}


def _unit(size: Sequence[int]) -> tuple[int, ...]:
    return (1,) * len(size)


@op(
    x=lambda g, x_shape, size, stride, padding, divisor: spread_averages.kernel(
        g, x_shape[len(x_shape) - len(size) :], size, stride, padding, divisor
    ),
    tied=True,
    jvp="linear",
    samples=[
        case(x=reals(shape=(2, 5)), **_PAIRS), case(x=reals(shape=(1, 5)), **_EDGED),
        case(x=reals(shape=(1, 3, 4)), **_BLOCKS), case(x=reals(shape=(0, 5)), **_PAIRS),
    ],
)  # fmt: skip
def average_pool(
    x: Any, size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[tuple[int, int], ...], divisor: Any
) -> Any:
    """The sum of each window over the last dimensions, with zeros around, divided by ``divisor``, which broadcasts."""
    total = reduce_windows(np.add, framed(x, padding, 0, accumulation_dtype(x.dtype)), size, stride, _unit(size))
    if x.dtype.kind in "iu":
        divisor = np.asanyarray(divisor, total.dtype)
        return ((total - np.fmod(total, divisor)) // divisor).astype(x.dtype, copy=False)  # towards zero
    total /= np.asanyarray(divisor, total.dtype)
    return total.astype(x.dtype, copy=False)


@op(
    x=lambda g, size, stride, padding, divisor: average_pool.kernel(g, size, stride, padding, divisor),
    jvp="linear",
    samples=[
        case(x=reals(shape=(2, 2)), sizes=(5,), **_PAIRS), case(x=reals(shape=(1, 3)), sizes=(5,), **_EDGED),
        case(x=reals(shape=(1, 2, 4)), sizes=(3, 4), **_BLOCKS),
    ],
)  # fmt: skip
def spread_averages(x: Any, sizes: Any, size: Any, stride: Any, padding: Any, divisor: Any) -> Any:
    """Zeros with last dimensions ``sizes``, with ``x``, divided by ``divisor``, added to all of each window."""
    rank = len(size)
    wide = wide_dtype(x.dtype)
    part = x / np.asanyarray(divisor, wide)
    if tuple(size) == tuple(sizes) and not any(map(any, padding)):  # one window
        return np.broadcast_to(part, (*part.shape[: part.ndim - rank], *sizes)).astype(x.dtype, order="C")
    for axis in range(rank - 1, -1, -1):  # one dimension after the other: the shortest runs while there are fewest
        place = part.ndim - rank + axis
        low, high = padding[axis]
        shape = (*part.shape[:place], sizes[axis] + low + high, *part.shape[place + 1 :])
        out = np.zeros(shape, wide, like=x)
        lead = (slice(None),) * place
        shared = overlap((size[axis],), (stride[axis],), (1,))
        for slab in slabs((part.shape[place],), (size[axis],), (stride[axis],), (1,)):
            if shared:
                out[(*lead, slab[1])] += part
            else:
                out[(*lead, slab[1])] = part
        part = out[(*lead, slice(low, low + sizes[axis]))]
    return part.astype(x.dtype, order="C")


# ---- PyTorch's functions ---------------------------------------------------------------------------------------------


def _divisor(sizes: Any, counts: Any, size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    """What the sum of each window is divided by: how many elements it has, with the padding or without."""
    if not any(padding) and all((c - 1) * s + k <= n for n, c, k, s in zip(sizes, counts, size, stride, strict=True)):
        return float(math.prod(size))
    found: Any = 1.0
    rank = len(sizes)
    for axis, (n, c, k, s, p) in enumerate(zip(sizes, counts, size, stride, padding, strict=True)):
        first = np.arange(c) * s - p
        last = np.minimum(first + k, n + p)
        number = last - first if count_include_pad else np.minimum(last, n) - np.maximum(first, 0)
        found = found * np.reshape(number, (-1, *(1,) * (rank - axis - 1))).astype(np.float64)
    return found


def _averaged(
    name: str,
    rank: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    size, steps, around = pool_sizes(name, rank, kernel_size, stride, padding)
    shape = shape_of(x)
    counts, edges = pool_places(name, rank, shape, size, steps, around, _unit(size), ceil_mode)
    if divisor_override is not None and integer(divisor_override, "divisor_override") == 0:
        raise ArgumentError(f"{name}: divisor_override must not be 0")
    divisor: Any = divisor_override
    if divisor is None:
        divisor = _divisor(shape[-rank:], counts, size, steps, around, count_include_pad)
    return average_pool(x, size, steps, edges, divisor)


def _cases(rank: int) -> list[Any]:
    sizes = ((6,), (3, 4), (2, 2, 3))[rank - 1]
    return [
        case(input=reals(shape=(1, 2, *sizes)), kernel_size=2),
        case(input=reals(shape=(1, *sizes)), kernel_size=2, stride=1, padding=1, count_include_pad=False),
    ]


@composed(inputs=("input",), samples=_cases(1))
def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window.

    Args:
        input: (N, C, length), or (C, length) without batch.
        kernel_size: size of the windows; a number, or one for each dimension, as the next two.
        stride: from one window to the next; None means ``kernel_size``.
        padding: how far the windows reach over both ends, at most half of ``kernel_size``; zeros.
        ceil_mode: also take windows that reach over the end, if they begin before it.
        count_include_pad: whether zeros of the padding count.

    Shape: (N, C, (length + 2 * padding - kernel_size) // stride + 1).

    Raises: ShapeError, ValueError.
    """
    return _averaged("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@composed(inputs=("input",), samples=_cases(2))
def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window over height and width; arguments as for ``avg_pool1d``.

    ``divisor_override``: divide the sums by this instead of the number of elements.
    """
    arguments = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _averaged("avg_pool2d", 2, input, *arguments)


@composed(inputs=("input",), samples=_cases(3))
def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window over depth, height and width; arguments as for ``avg_pool2d``."""
    arguments = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _averaged("avg_pool3d", 3, input, *arguments)


# ---- pooling by a norm -----------------------------------------------------------------------------------------------


def _by_norm(name: str, rank: int, x: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    if not norm_type:
        raise ArgumentError(f"{name}: norm_type must not be 0: there is no mean of that order")
    if math.isinf(norm_type):  # the largest, or the smallest, magnitude
        side = math.copysign(1.0, norm_type)
        sizes = arithmetic.mul(arithmetic.abs(x), side)
        return arithmetic.mul(max_pooled(name, rank, sizes, kernel_size, stride, 0, 1, ceil_mode, False), side)
    size, _, _ = pool_sizes(name, rank, kernel_size, stride, 0)
    mean = _averaged(name, rank, powers.pow(x, norm_type), size, stride, 0, ceil_mode, True, None)
    positive = arithmetic.mul(arithmetic.sign(mean), relu(arithmetic.abs(mean)))
    return powers.pow(arithmetic.mul(positive, math.prod(size)), 1.0 / norm_type)


def _norm_cases(rank: int) -> list[Any]:
    sizes = ((6,), (3, 4), (2, 2, 3))[rank - 1]
    return [
        case(input=reals(0.2, 3, shape=(1, 2, *sizes)), norm_type=2.0, kernel_size=2),
        case(input=reals(0.2, 3, shape=(1, *sizes)), norm_type=1.0, kernel_size=2, stride=1),
    ]


@composed(inputs=("input",), samples=_norm_cases(1))
def lp_pool1d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-th root of the sum of the ``norm_type``-th powers of each window (not of magnitudes).

    Args:
        input: (N, C, length), or (C, length) without batch.
        norm_type: the power; infinity (or minus infinity) for the largest (smallest) magnitude.
        kernel_size, stride, ceil_mode: as for ``avg_pool1d``.

    Raises: ShapeError, ValueError.
    """
    return _by_norm("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


@composed(inputs=("input",), samples=_norm_cases(2))
def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """``lp_pool1d`` over height and width."""
    return _by_norm("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


@composed(inputs=("input",), samples=_norm_cases(3))
def lp_pool3d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """``lp_pool1d`` over depth, height and width."""
    return _by_norm("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)
