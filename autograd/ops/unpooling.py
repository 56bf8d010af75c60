"""Planes: elements taken from, added to or placed in the last dimensions, by their numbers there; max unpooling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op, unwrap
from ..engine.foreign import as_array, bare
from ..errors import ArgumentError, BoundsError, DtypeError, ShapeError
from ..samples import case, reals
from .axes import wide_dtype
from .shapes import integer, shape_of
from .windows import per_dimension

if TYPE_CHECKING:
    from .._tensor import Tensor

__all__ = ["add_in_planes", "max_unpool1d", "max_unpool2d", "max_unpool3d", "place_in_planes", "take_in_planes"]


def _flat_places(index: Any, sizes: tuple[int, ...]) -> Any:
    """Numbers in planes of ``sizes`` as numbers in the array of all planes."""
    planes = math.prod(index.shape[: index.ndim - len(sizes)])
    rows = np.reshape(index, (planes, math.prod(index.shape[index.ndim - len(sizes) :])))
    return np.reshape(rows + np.reshape(np.arange(planes) * math.prod(sizes), (-1, 1)), -1)


_INDEX = np.array([[[0, 3], [3, 5]]])
_APART = np.array([[[4, 3], [0, 5]]])


@op(
    x=lambda g, index, sizes: take_in_planes.kernel(g, index, len(sizes)),
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(1, 2, 2)), index=_INDEX, sizes=(2, 3)),
        case(x=reals(shape=(2, 2)), index=_INDEX[0], sizes=(6,)),
    ],
)  # fmt: skip
def add_in_planes(x: Any, index: Any, sizes: tuple[int, ...]) -> Any:
    """Zeros with last dimensions ``sizes``, with the elements of ``x`` added at the numbers ``index``."""
    out = np.zeros(math.prod(index.shape[: index.ndim - len(sizes)]) * math.prod(sizes),
                   wide_dtype(x.dtype), like=x)  # fmt: skip
    np.add.at(out, _flat_places(index, sizes), np.reshape(x, -1))
    return np.reshape(out, (*index.shape[: index.ndim - len(sizes)], *sizes)).astype(x.dtype, copy=False)


@op(
    x=lambda g, index, x_shape, rank: add_in_planes.kernel(g, index, x_shape[len(x_shape) - rank :]),
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(1, 2, 3)), index=_INDEX, rank=2), case(x=reals(shape=(2, 6)), index=_INDEX[0], rank=1),
    ],
)  # fmt: skip
def take_in_planes(x: Any, index: Any, rank: int) -> Any:
    """Of each plane, which are the last ``rank`` dimensions, the elements with the numbers ``index``."""
    places = _flat_places(index, x.shape[x.ndim - rank :])
    return np.reshape(np.take(np.reshape(x, -1), places), index.shape)


@op(
    x=lambda g, index, sizes: take_in_planes.kernel(g, index, len(sizes)),
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(1, 2, 2)), index=_APART, sizes=(2, 3)),
        case(x=reals(shape=(2, 2)), index=_APART[0], sizes=(6,)),
    ],
)  # fmt: skip
def place_in_planes(x: Any, index: Any, sizes: tuple[int, ...]) -> Any:
    """Zeros with last dimensions ``sizes``, with the elements of ``x`` at the numbers ``index``, which differ."""
    out = np.zeros(math.prod(index.shape[: index.ndim - len(sizes)]) * math.prod(sizes), x.dtype, like=x)
    out[_flat_places(index, sizes)] = np.reshape(x, -1)
    return np.reshape(out, (*index.shape[: index.ndim - len(sizes)], *sizes))


# ---- max unpooling ---------------------------------------------------------------------------------------------------


def _unpooled(
    name: str, rank: int, x: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Any:
    size = per_dimension(name, "kernel_size", kernel_size, rank, 1)
    given = stride is not None and not (isinstance(stride, (tuple, list)) and not stride)
    steps = per_dimension(name, "stride", stride, rank, 1) if given else size
    around = per_dimension(name, "padding", padding, rank, 0)
    shape, index = shape_of(x), as_array(unwrap(indices))
    if len(shape) not in (rank + 1, rank + 2):
        raise ShapeError(f"{name}: expected an input of {rank + 1} or {rank + 2} dimensions, got shape {shape}")
    if index.dtype.kind not in "iu":
        raise DtypeError(f"{name}: indices must be integers, got {index.dtype}")
    if index.shape != shape:
        raise ShapeError(f"{name}: indices of shape {index.shape} for an input of shape {shape}; they must be equal")
    usual = tuple([(n - 1) * s - 2 * p + k for n, k, s, p in zip(shape[-rank:], size, steps, around, strict=True)])
    sizes = usual
    if output_size is not None:
        sizes = tuple([integer(n, "a size") for n in output_size])
        if len(sizes) == rank + 2:
            sizes = sizes[2:]
        if len(sizes) != rank:
            raise ArgumentError(
                f"{name}: output_size must have {rank} or {rank + 2} elements, got {tuple(output_size)}"
            )
        if any(not n - s < wanted < n + s for n, s, wanted in zip(usual, steps, sizes, strict=True)):
            raise ArgumentError(f"{name}: output_size {sizes} differs by a stride {steps} or more from {usual}")
    seen = bare(index)
    if seen.size and not (seen.min() >= 0 and seen.max() < math.prod(sizes)):
        wrong = seen[(seen < 0) | (seen >= math.prod(sizes))][0]
        raise BoundsError(f"{name}: index {wrong} is outside the output, of size {sizes}")
    return place_in_planes(x, index, sizes)


@composed(
    inputs=("input",),
    samples=[
        case(input=reals(shape=(1, 2, 2)), indices=np.array([[[1, 2], [0, 3]]]), kernel_size=2),
        case(input=reals(shape=(1, 2)), indices=np.array([[1, 4]]), kernel_size=2, output_size=(5,)),
    ],
)
def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros, with the elements of ``input`` where ``max_pool1d(..., return_indices=True)`` found them.

    Args:
        input: (N, C, length), or (C, length) without batch.
        indices: of the same shape, as ``max_pool1d`` returned them.
        kernel_size, stride, padding: as for ``max_pool1d``.
        output_size: chooses among the sizes that the stride makes possible.

    Raises: ShapeError, ValueError, IndexError.
    """
    return _unpooled("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


@composed(
    inputs=("input",),
    samples=[case(input=reals(shape=(1, 2, 1, 2)), indices=np.array([[[[1, 2]], [[4, 3]]]]), kernel_size=2)],
)
def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """``max_unpool1d`` over height and width."""
    return _unpooled("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


@composed(
    inputs=("input",),
    samples=[case(input=reals(shape=(1, 1, 1, 2)), indices=np.array([[[[1, 12]]]]), kernel_size=2)],
)
def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """``max_unpool1d`` over depth, height and width."""
    return _unpooled("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)
