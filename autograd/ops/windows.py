"""Sliding windows: all places of a kernel on an array, as a view; and their overlapping sum, which undoes it.

Convolution and pooling are built on these two ops, each the transpose of the other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from .._op import composed, op
from .._protocols import numpy_function
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from .dimensions import movedim, permute
from .indexing import getitem
from .repetition import constant_pad_nd
from .shapes import integer, normalized_dim, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- the two ops ----------------------------------------------------------------------------------------------------


def _pairs(value: Any, rank: int) -> tuple[int, ...]:
    """One number for every dimension, or one for each: a tuple, a list, an array or a Tensor."""
    if isinstance(value, (tuple, list)):
        return tuple(value)
    return tuple(value.tolist()) if getattr(value, "ndim", 0) == 1 else (value,) * rank


def window_counts(
    name: str, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    """How many places a window has along each dimension.

    Raises: ShapeError if it does not fit at all.
    """
    if min(stride) < 1 or min(dilation) < 1 or min(kernel) < 0:
        raise ShapeError(f"{name}: window {kernel}, stride {stride} and dilation {dilation} must be positive")
    counts = []
    for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        span = d * (k - 1) + 1 if k else 0
        if span > n:
            raise ShapeError(f"{name}: a window that spans {span} elements does not fit into a dimension of size {n}")
        counts.append((n - span) // s + 1)
    return tuple(counts)


@op(
    x=lambda g, x_shape, size, stride, dilation: overlap_add.kernel(g, x_shape, size, stride, dilation),
    view="its windows overlap, so that several elements share one place in memory",
    jvp="linear",
    samples=[
        case(x=reals(shape=(5,)), size=2), case(x=reals(shape=(2, 5)), size=(2,), stride=2, dilation=2),
        case(x=reals(shape=(4, 4)), size=(2, 3)), case(x=reals(shape=(1, 4, 4)), size=(2, 2), stride=(2, 1)),
        case(x=reals(shape=(3,)), size=3),
    ],
)  # fmt: skip
def windows(x: Any, size: Any, stride: Any = 1, dilation: Any = 1) -> Any:
    """All windows over the last dimensions: a view that cannot be written to.

    Shape: (..., n1, n2, ...) becomes (..., places1, places2, ..., size1, size2, ...).

    Args:
        x: an array.
        size: of a window, along each of the last dimensions.
        stride: from one window to the next, one number or one for each dimension.
        dilation: from one element of a window to the next.

    Raises: ShapeError if a window does not fit.
    """
    size = _pairs(size, 1)
    rank = len(size)
    if rank > x.ndim:
        raise ShapeError(f"windows: windows of shape {size} do not fit an array of shape {x.shape}")
    stride, dilation = _pairs(stride, rank), _pairs(dilation, rank)
    front = x.ndim - rank
    counts = window_counts("windows", x.shape[front:], size, stride, dilation)
    if type(x) is np.ndarray:
        steps = x.strides[front:]
        apart = [step * s for step, s in zip(steps, stride, strict=True)]
        within = [step * d for step, d in zip(steps, dilation, strict=True)]
        return as_strided(x, (*x.shape[:front], *counts, *size), (*x.strides[:front], *apart, *within), writeable=False)
    # A recording array sees the NumPy function, not its memory.
    spans = tuple([d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)])
    every: Any = (..., *[slice(None, None, step) for step in (*stride, *dilation)])
    return sliding_window_view(x, spans, tuple(range(front, x.ndim)))[every]


@op(
    x=lambda g, size, stride, dilation: windows.kernel(g, size, stride, dilation),
    jvp="linear",
    samples=[
        case(x=reals(shape=(4, 2)), shape=(5,), size=2),
        case(x=reals(shape=(2, 2, 2)), shape=(2, 5), size=(2,), stride=2),
        case(x=reals(shape=(3, 2, 2, 3)), shape=(4, 4), size=(2, 3)),
        case(x=reals(shape=(1, 3)), shape=(5,), size=(3,), stride=1, dilation=2),
    ],
)  # fmt: skip
def overlap_add(x: Any, shape: Any, size: Any, stride: Any = 1, dilation: Any = 1) -> Any:
    """Zeros of ``shape`` with windows added at their places: the transpose of ``windows``.

    Raises: ShapeError.
    """
    size = _pairs(size, 1)
    rank = len(size)
    stride, dilation = _pairs(stride, rank), _pairs(dilation, rank)
    front = len(shape) - rank
    counts = window_counts("overlap_add", shape[front:], size, stride, dilation)
    if x.shape != (*shape[:front], *counts, *size):
        raise ShapeError(f"overlap_add: windows of shape {x.shape}, expected {(*shape[:front], *counts, *size)}")
    out = np.zeros(shape, np.float32 if x.dtype == np.float16 else x.dtype, like=x)
    # One addition for each element of a window or, if these are fewer, for each window.
    lead = (slice(None),) * front
    by_place = math.prod(counts) < math.prod(size)
    loop, loop_step, run, run_step = (counts, stride, size, dilation) if by_place else (size, dilation, counts, stride)
    if math.prod(run):
        for at in itertools.product(*[range(n) for n in loop]):
            first = [i * step for i, step in zip(at, loop_step, strict=True)]
            into = tuple([slice(f, f + (n - 1) * s + 1, s) for f, n, s in zip(first, run, run_step, strict=True)])
            out[lead + into] += x[(*lead, *at)] if by_place else x[(..., *at)]
    return out.astype(x.dtype, copy=False)


def per_dimension(name: str, what: str, value: Any, rank: int, least: int) -> tuple[int, ...]:
    """One number for every dimension, or one for each: a sequence, an array or a Tensor of integers.

    Raises: ShapeError if there are more or fewer; ValueError if one is less than ``least``; TypeError if one is none.
    """
    if type(value) is int:
        numbers = (value,) * rank
    else:
        several = isinstance(value, Sequence) or getattr(value, "ndim", 0) == 1
        numbers = (
            tuple([n if type(n) is int else integer(n, what) for n in value])
            if several
            else (integer(value, what),) * rank
        )
        if len(numbers) == 1:
            numbers *= rank
        if len(numbers) != rank:
            raise ShapeError(f"{name}: {what} must be one number or {rank}, one for each dimension, got {value}")
    if numbers and min(numbers) < least:
        raise ArgumentError(f"{name}: {what} must be at least {least}, got {value}")
    return numbers


def _planes(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> list[tuple[int, ...]]:
    """The settings of windows on images, for height and width.

    Raises: ShapeError, ValueError, TypeError.
    """
    given = (("kernel_size", kernel, 1), ("dilation", dilation, 1), ("padding", padding, 0), ("stride", stride, 1))
    return [per_dimension(name, what, value, 2, least) for what, value, least in given]


# ---- built on them --------------------------------------------------------------------------------------------------


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(5,)), dimension=0, size=2, step=1), case(x=reals(shape=(5, 2)), dimension=-2, size=3, step=2),
])  # fmt: skip
def unfold(x: Any, dimension: int, size: int, step: int) -> Tensor:
    """All slices of ``size`` along a dimension, ``step`` apart, laid out along a new last dimension: a view.

    Raises: ShapeError.

    >>> import autograd
    >>> autograd.arange(5).unfold(0, 3, 1)
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    if not len(shape_of(x)):
        normalized_dim(dimension, 1)
        return getitem(windows(reshape(x, (1,)), size, step), 0)
    place = normalized_dim(dimension, len(shape_of(x)))
    return movedim(windows(movedim(x, place, -1), size, step), -2, place)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(1, 2, 3, 3)), kernel_size=2),
    case(x=reals(shape=(2, 3, 3)), kernel_size=(2, 1), padding=(1, 0), stride=(2, 1), dilation=(2, 1)),
])  # fmt: skip
def im2col(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of images as columns: PyTorch's ``nn.functional.unfold``.

    Shape: (batch, channels, height, width) becomes (batch, channels * window, places); without batch too.

    Raises: ShapeError.
    """
    if len(shape_of(x)) not in (3, 4):
        raise ShapeError(f"unfold: expected (batch, channels, height, width) or without batch, got shape {shape_of(x)}")
    kernel, dilation, padding, stride = _planes("unfold", kernel_size, dilation, padding, stride)
    if any(padding):
        x = constant_pad_nd(x, (padding[1], padding[1], padding[0], padding[0]))
    seen = windows(x, kernel, stride, dilation)
    lead = len(shape_of(x)) - 2
    columns = permute(seen, (*range(lead), lead + 2, lead + 3, lead, lead + 1))
    shape = shape_of(columns)
    return reshape(columns, (*shape[: lead - 1], math.prod(shape[lead - 1 : lead + 2]), math.prod(shape[lead + 2 :])))


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(1, 4, 4)), output_size=3, kernel_size=2),
    case(x=reals(shape=(4, 6)), output_size=(3, 3), kernel_size=(2, 1), padding=(1, 0), stride=(2, 1), dilation=(2, 1)),
])  # fmt: skip
def col2im(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Columns added up into images where the windows overlap: PyTorch's ``nn.functional.fold``.

    Shape: (batch, channels * window, places) becomes (batch, channels, *output_size); without batch too.

    Raises: ShapeError.
    """
    kernel, dilation, padding, stride = _planes("fold", kernel_size, dilation, padding, stride)
    height, width = per_dimension("fold", "output_size", output_size, 2, 1)
    padded = (height + 2 * padding[0], width + 2 * padding[1])
    counts = window_counts("fold", padded, kernel, stride, dilation)
    shape = shape_of(x)
    if len(shape) not in (2, 3) or shape[-2] % math.prod(kernel) or shape[-1] != math.prod(counts):
        raise ShapeError(
            f"fold: expected columns of shape (batch, channels * {math.prod(kernel)}, {math.prod(counts)}), or without "
            f"batch, got {shape}"
        )
    lead = (*shape[:-2], shape[-2] // math.prod(kernel))
    rank = len(lead)
    seen = permute(reshape(x, (*lead, *kernel, *counts)), (*range(rank), rank + 2, rank + 3, rank, rank + 1))
    image = overlap_add(seen, (*lead, *padded), kernel, stride, dilation)
    inner = (slice(padding[0], padding[0] + height), slice(padding[1], padding[1] + width))
    return getitem(image, (..., *inner)) if any(padding) else image


@numpy_function(sliding_window_view)
def _sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    shape = _pairs(window_shape, 1)
    ndim = len(shape_of(x))
    places = [normalized_dim(dim, ndim) for dim in (range(ndim) if axis is None else _pairs(axis, 1))]
    if len(places) != len(shape) or len(set(places)) != len(places):
        raise ShapeError(f"sliding_window_view: a window of shape {shape} needs as many different axes, got {axis}")
    last = tuple(range(ndim - len(places), ndim))
    seen = windows(movedim(x, places, last), shape)
    order = list(range(ndim - len(places)))
    for place, dim in sorted(zip(places, last, strict=True)):
        order.insert(place, dim)
    return permute(seen, (*order, *range(ndim, ndim + len(places))))
