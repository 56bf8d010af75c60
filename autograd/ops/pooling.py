"""Max pooling: the largest element of each window, where it lies, and how to go back.

Windows lie over the last dimensions. Of equal elements the first counts, in the order of memory; of NaNs the last, as
in PyTorch. The largest are found along one dimension after the other; which one it was is only asked in backward.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._op import composed, op
from ..dtypes import extremes
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from .geometry import Geometry
from .pooled_lines import spread_along_lines
from .selection import keep
from .shapes import shape_of
from .unpooling import add_in_planes, take_in_planes
from .windows import per_dimension

# ---- windows ---------------------------------------------------------------------------------------------------------


def pool_places(
    name: str,
    rank: int,
    shape: tuple[int, ...],
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """How many places the windows have, and how far they reach over the edges: before and after.

    Raises: ShapeError, ValueError if such a pooling is impossible.
    """
    if len(shape) not in (rank + 1, rank + 2):
        sizes = ("length", "height, width", "depth, height, width")[rank - 1]
        raise ShapeError(f"{name}: expected an input (batch, channels, {sizes}) or without batch, got shape {shape}")
    if 0 in shape[-rank - 1 :]:
        raise ShapeError(f"{name}: the input, of shape {shape}, is empty; only the batch may be")
    counts, edges = [], []
    for n, k, s, p, d in zip(shape[-rank:], size, stride, padding, dilation, strict=True):
        span = d * (k - 1) + 1
        if 2 * p > span:
            raise ArgumentError(
                f"{name}: padding may be at most half of what the window spans, got padding {tuple(padding)}, "
                f"kernel_size {tuple(size)}, dilation {tuple(dilation)}"
            )
        count = (n + 2 * p - span + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:  # a window must not begin in the padding behind the end
            count -= 1
        if count < 1:
            raise ShapeError(f"{name}: a window that spans {span} does not fit into the input, of shape {shape}")
        counts.append(count)
        edges.append((p, max((count - 1) * s + span - n - p, 0)))
    return tuple(counts), tuple(edges)


def framed(x: Any, edges: Sequence[tuple[int, int]], fill: Any, dtype: Any = None) -> Any:
    """``x`` with edges of ``fill``; itself if there are none."""
    dtype = x.dtype if dtype is None else dtype
    if not any(map(any, edges)):
        return x.astype(dtype, copy=False)
    lead, sizes = x.shape[: x.ndim - len(edges)], x.shape[x.ndim - len(edges) :]
    frame = np.full(
        (*lead, *[n + low + high for n, (low, high) in zip(sizes, edges, strict=True)]), fill, dtype, like=x
    )
    unframed(frame, sizes, edges)[...] = x
    return frame


def unframed(frame: Any, sizes: Sequence[int], edges: Sequence[tuple[int, int]]) -> Any:
    """What ``framed`` put edges around."""
    if not any(map(any, edges)):
        return frame
    inside: Any = (..., *[slice(low, low + n) for n, (low, _) in zip(sizes, edges, strict=True)])
    return frame[inside]


def slabs(
    counts: Sequence[int], size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """For each element of the window, in the order of memory, where in the array it lies for all places."""
    ends = [(n - 1) * s + 1 for n, s in zip(counts, stride, strict=True)]
    for at in itertools.product(*[range(k) for k in size]):
        yield (
            ...,
            *[slice(i * d, i * d + e, s) for i, d, e, s in zip(at, dilation, ends, stride, strict=True)],
        )


def reduce_windows(combine: Any, x: Any, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """``combine`` (a ufunc) over each window, one dimension after the other: those with the longest runs first."""
    rank = len(size)
    if tuple(size) == x.shape[x.ndim - rank :] and max(dilation) == 1:  # one window
        return combine.reduce(x, tuple(range(x.ndim - rank, x.ndim)), keepdims=True)
    fresh = False
    for axis, (k, s, d) in enumerate(zip(size, stride, dilation, strict=True), start=x.ndim - rank):
        count = (x.shape[axis] - d * (k - 1) - 1) // s + 1
        lead = (slice(None),) * axis
        parts = [x[(*lead, slice(i * d, i * d + (count - 1) * s + 1, s))] for i in range(k)]
        if k == 1:
            x = parts[0]
            continue
        fresh = True
        x = combine(parts[0], parts[1])
        for part in parts[2:]:
            combine(x, part, out=x)
    return x if fresh else x.copy()


def overlap(size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> bool:
    """Whether an element may belong to two windows."""
    return any(d * (k - 1) >= s for k, s, d in zip(size, stride, dilation, strict=True))


# ---- maxima ----------------------------------------------------------------------------------------------------------

_PAIRS: dict[str, Any] = {"size": (2,), "stride": (2,), "padding": ((0, 0),), "dilation": (1,)}
_EDGED: dict[str, Any] = {"size": (3,), "stride": (1,), "padding": ((1, 1),), "dilation": (1,)}
_BLOCKS: dict[str, Any] = {"size": (2, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 2)}
_SOURCE = np.array([[3.0, 1.0, 2.0, 5.0, 4.0]])
_PLANE = np.array([[[3.0, 1.0, 2.0, 5.0], [4.0, 7.0, 6.0, 0.0], [8.0, 9.0, -1.0, -2.0]]])


@op(
    x=lambda g, x, out, size, stride, padding, dilation: spread_maxima.kernel(
        g, x, out, size, stride, padding, dilation
    ),
    jvp=lambda t_x, x, out, size, stride, padding, dilation: pick_maxima.kernel(
        t_x, x, out, size, stride, padding, dilation
    ),
    tied=True,
    samples=[
        case(x=reals(shape=(2, 5)), **_PAIRS), case(x=reals(shape=(1, 5)), **_EDGED),
        case(x=reals(shape=(1, 3, 4)), **_BLOCKS), case(x=reals(shape=(0, 5)), **_PAIRS),
    ],
)  # fmt: skip
def max_pool(
    x: Any,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> Any:
    """The largest element of each window over the last dimensions; ``padding``, before and after, is never chosen."""
    return reduce_windows(np.maximum, framed(x, padding, extremes(x.dtype)[0]), size, stride, dilation)


def _claims(source: Any, values: Any, size: Any, stride: Any, dilation: Any) -> Iterator[tuple[Any, Any]]:
    """For each element of the window: where it lies, and at which places it is the one that was chosen."""
    taken: Any = None
    for slab in slabs(values.shape[values.ndim - len(size) :], size, stride, dilation):
        mask = source[slab] == values
        if taken is None:
            taken = mask
        else:
            mask = mask > taken
            taken = taken | mask
        yield slab, mask


def _has_nan(values: Any) -> bool:
    """Whether there is a NaN."""
    return isinstance(values, np.ndarray) and bool(np.isnan(values).any())


@op(
    x=lambda g, source, values, size, stride, padding, dilation: pick_maxima.kernel(
        g, source, values, size, stride, padding, dilation
    ),
    constants=("source", "values"),
    jvp="linear",
    samples=[
        case(x=reals(shape=(1, 2)), source=_SOURCE, values=np.array([[3.0, 5.0]]), **_PAIRS),
        case(x=reals(shape=(1, 5)), source=_SOURCE, values=np.array([[3.0, 3.0, 5.0, 5.0, 5.0]]), **_EDGED),
        case(x=reals(shape=(1, 2, 3)), source=_PLANE, values=np.array([[[3.0, 5.0, 2.0], [8.0, 9.0, 6.0]]]), **_BLOCKS),
    ],
)
def spread_maxima(x: Any, source: Any, values: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Zeros, with each element of ``x`` added where ``max_pool`` of ``source``, which gave ``values``, found one."""
    sizes = source.shape[source.ndim - len(size) :]
    if _has_nan(values):
        _, index = _maxima(source, size, stride, padding, dilation)
        return add_in_planes.op.forward(x, index, tuple(sizes))
    shared = overlap(size, stride, dilation)
    if not shared and not any(map(any, padding)) and isinstance(x, np.ndarray) and isinstance(source, np.ndarray):
        return _spread_apart(x, source, values, size, stride, dilation)
    found = spread_along_lines(x, source, values, Geometry(tuple(stride), tuple(padding), tuple(dilation)), size)
    if found is not None:
        return found
    frame = framed(source, padding, math.nan)  # a NaN is equal to nothing
    out = np.zeros(frame.shape, x.dtype, like=x)
    for slab, mask in _claims(frame, values, size, stride, dilation):
        if shared:
            out[slab] += keep.op.forward(x, mask)
        else:
            out[slab] = keep.op.forward(x, mask)
    return unframed(out, sizes, padding)


def _contiguous(x: Any) -> Any:
    return np.array(x, order="C", copy=None, subok=True) if isinstance(x, np.ndarray) else x


def _spread_apart(x: Any, source: Any, values: Any, size: Any, stride: Any, dilation: Any) -> Any:
    """``spread_maxima`` for windows apart from each other: each place is written once, by its bits (see ``keep``)."""
    tight = all(k == s and d == 1 for k, s, d in zip(size, stride, dilation, strict=True))
    counts = values.shape[values.ndim - len(size) :]
    tight = tight and all(c * k == n for c, k, n in zip(counts, size, source.shape[-len(size) :], strict=True))
    out = (np.empty if tight else np.zeros)(source.shape, x.dtype, like=x)
    bits = {2: np.int16, 4: np.int32, 8: np.int64}.get(x.dtype.itemsize)
    into, numbers = (out, x) if bits is None else (out.view(bits), _contiguous(x).view(bits))
    for slab, mask in _claims(source, values, size, stride, dilation):
        np.multiply(numbers, mask, out=into[slab])
    return out


@op(
    x=lambda g, source, values, size, stride, padding, dilation: spread_maxima.kernel(
        g, source, values, size, stride, padding, dilation
    ),
    constants=("source", "values"),
    jvp="linear",
    samples=[
        case(x=reals(shape=(1, 5)), source=_SOURCE, values=np.array([[3.0, 5.0]]), **_PAIRS),
        case(x=reals(shape=(1, 5)), source=_SOURCE, values=np.array([[3.0, 3.0, 5.0, 5.0, 5.0]]), **_EDGED),
        case(x=reals(shape=(1, 3, 4)), source=_PLANE, values=np.array([[[3.0, 5.0, 2.0], [8.0, 9.0, 6.0]]]), **_BLOCKS),
    ],
)
def pick_maxima(x: Any, source: Any, values: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """The elements of ``x`` that lie where ``max_pool`` of ``source``, which gave ``values``, found them."""
    if _has_nan(values):
        _, index = _maxima(source, size, stride, padding, dilation)
        return take_in_planes.op.forward(x, index, len(size))
    frame, x = framed(source, padding, math.nan), framed(x, padding, 0)
    out = np.zeros(values.shape, x.dtype, like=x)
    for slab, mask in _claims(frame, values, size, stride, dilation):
        out += keep.op.forward(_contiguous(x[slab]), mask)
    return out


# ---- with indices ----------------------------------------------------------------------------------------------------


def _maxima(x: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Any, Any]:
    """The largest element of each window, and its number in the plane of the last dimensions."""
    rank = len(size)
    sizes = x.shape[x.ndim - rank :]
    frame = framed(x, padding, extremes(x.dtype)[0])
    counts = tuple([
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(frame.shape[frame.ndim - rank :], size, stride, dilation, strict=True)
    ])  # fmt: skip
    elements = math.prod(size)
    kind: Any = np.uint8 if elements < 256 else np.int32
    values: Any = None
    for number, slab in enumerate(slabs(counts, size, stride, dilation)):
        part = frame[slab]
        if values is None:
            values = part.copy()
            which = np.zeros_like(values, dtype=kind)
            continue
        larger = part > values
        if x.dtype.kind == "f":
            larger |= np.isnan(part)
        which = np.maximum(which, larger * kind(number))  # numbers only grow
        values = np.maximum(values, part)
    index: Any = 0
    for axis in range(rank):
        s, d, low = stride[axis], dilation[axis], padding[axis][0]
        first = np.reshape(np.arange(counts[axis]) * s - low, (-1, *(1,) * (rank - axis - 1)))
        within = which // kind(math.prod(size[axis + 1 :])) % kind(size[axis])
        place = first + within * np.int64(d)
        if low:  # nothing but -inf: the first element that is not padding
            place = np.where(place < 0, place + -(place // d) * d, place)
        index = index * sizes[axis] + place
    return values, index


@op(
    x=lambda g_values, x_shape, indices, size: add_in_planes.kernel(
        g_values, indices, x_shape[len(x_shape) - len(size) :]
    ),
    jvp=lambda t_x, indices, size: (take_in_planes.kernel(t_x, indices, len(size)), None),
    outputs=("values", "indices"),
    tied=True,
    samples=[
        case(x=reals(shape=(2, 5)), **_PAIRS), case(x=reals(shape=(1, 5)), **_EDGED),
        case(x=reals(shape=(1, 3, 4)), **_BLOCKS), case(x=reals(shape=(0, 5)), **_PAIRS),
    ],
)  # fmt: skip
def max_pool_with_indices(
    x: Any,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> Any:
    """``max_pool``, and where each element lies: its number in the plane of the last dimensions."""
    return _maxima(x, size, stride, padding, dilation)


# ---- PyTorch's functions ---------------------------------------------------------------------------------------------


def pool_sizes(name: str, rank: int, kernel_size: Any, stride: Any, padding: Any) -> tuple[tuple[int, ...], ...]:
    """Size, stride (if None or empty, the size) and padding of a window, for each dimension."""
    size = per_dimension(name, "kernel_size", kernel_size, rank, 1)
    given = stride is not None and not (isinstance(stride, (tuple, list)) and not stride)
    steps = per_dimension(name, "stride", stride, rank, 1) if given else size
    return size, steps, per_dimension(name, "padding", padding, rank, 0)


def max_pooled(
    name: str,
    rank: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """What ``max_pool1d`` and its like return, for ``rank`` dimensions.

    Raises: ShapeError, ValueError, which begin with ``name``.
    """
    size, steps, around = pool_sizes(name, rank, kernel_size, stride, padding)
    apart = per_dimension(name, "dilation", dilation, rank, 1)
    _, edges = pool_places(name, rank, shape_of(x), size, steps, around, apart, ceil_mode)
    return (max_pool_with_indices if return_indices else max_pool)(x, size, steps, edges, apart)


def _cases(rank: int) -> list[Any]:
    sizes = ((6,), (3, 4), (2, 2, 3))[rank - 1]
    return [
        case(input=reals(shape=(1, 2, *sizes)), kernel_size=2),
        case(input=reals(shape=(1, *sizes)), kernel_size=2, stride=1, padding=1, ceil_mode=True),
    ]


@composed(inputs=("input",), samples=_cases(1))
def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window.

    Args:
        input: (N, C, length), or (C, length) without batch.
        kernel_size: size of the windows; a number, or one for each dimension, as the next three.
        stride: from one window to the next; None means ``kernel_size``.
        padding: how far the windows reach over both ends, at most half of ``kernel_size``.
        dilation: from one element of a window to the next.
        ceil_mode: also take windows that reach over the end, if they begin before it.
        return_indices: return the elements and their places in the input, both of the same shape.

    Shape: (N, C, (length + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1).

    Raises: ShapeError, ValueError.
    """
    arguments = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pooled("max_pool1d", 1, input, *arguments)


@composed(inputs=("input",), samples=_cases(2))
def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window over height and width; arguments as for ``max_pool1d``.

    Places are counted row by row: ``row * width + column``.
    """
    arguments = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pooled("max_pool2d", 2, input, *arguments)


@composed(inputs=("input",), samples=_cases(3))
def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window over depth, height and width; arguments as for ``max_pool1d``."""
    arguments = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pooled("max_pool3d", 3, input, *arguments)
