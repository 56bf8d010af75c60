"""Maxima of windows that begin at random places, so that the size shrinks by any factor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed
from .._operands import unwrap
from ..errors import ArgumentError, ShapeError
from ..generator import source
from ..samples import case, reals
from .extremes import max as largest
from .shapes import shape_of
from .windows import per_dimension

if TYPE_CHECKING:
    from .._tensor import Tensor

__all__ = ["fractional_max_pool2d", "fractional_max_pool3d"]


def _starts(sample: Any, n: int, count: int, size: int) -> Any:
    """Where ``count`` windows of ``size`` in ``n`` places begin, for each number between 0 and 1 in ``sample``."""
    if count == 1:
        return np.zeros_like(np.expand_dims(sample, -1), np.int64) + (n - size)
    u, step = np.expand_dims(sample, -1), sample.dtype.type(n - size) / sample.dtype.type(count - 1)
    number = np.arange(count)
    begun = np.trunc((number.astype(sample.dtype) + u) * step) - np.trunc(u * step)
    return np.where(number == count - 1, n - size, begun.astype(np.int64))


def _places(samples: Any, sizes: tuple[int, ...], counts: tuple[int, ...], size: tuple[int, ...]) -> Any:
    """The numbers in a plane of ``sizes`` of what is in each window: (N, C, windows, elements)."""
    rank = len(sizes)
    found: Any = 0
    for axis in range(rank):
        # PyTorch's samples of images are for the width first, those of volumes for the depth
        sample = samples[..., rank - 1 - axis if rank == 2 else axis]
        inside = np.expand_dims(_starts(sample, sizes[axis], counts[axis], size[axis]), -1) + np.arange(size[axis])
        shape = [1] * 2 * rank
        shape[axis], shape[rank + axis] = counts[axis], size[axis]
        found = found * sizes[axis] + np.reshape(inside, (*tuple(samples.shape)[:2], *shape))
    return np.reshape(found, (*tuple(samples.shape)[:2], math.prod(counts), math.prod(size)))


def _counts(name: str, rank: int, sizes: tuple[int, ...], output_size: Any, output_ratio: Any) -> tuple[int, ...]:
    """How many windows there are along each dimension.

    Raises: ValueError unless exactly one of both is given.
    """
    if (output_size is None) is (output_ratio is None):
        raise ArgumentError(
            f"{name}: either output_size or output_ratio is needed, got {output_size!r} and {output_ratio!r}"
        )
    if output_size is not None:
        return per_dimension(name, "output_size", output_size, rank, 1)
    ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * rank
    if len(ratios) != rank or not all(0 < ratio < 1 for ratio in ratios):
        raise ArgumentError(f"{name}: output_ratio is one or {rank} numbers between 0 and 1, got {output_ratio!r}")
    return tuple([int(n * ratio) for n, ratio in zip(sizes, ratios, strict=True)])


def _pooled(
    name: str, rank: int, x: Any, kernel_size: Any, output_size: Any, output_ratio: Any, both: bool, samples: Any
) -> Any:
    shape = tuple(shape_of(x))
    if len(shape) not in (rank + 1, rank + 2):
        raise ShapeError(f"{name}: expected (N, C, ...) or (C, ...) with {rank} spatial dimensions, got shape {shape}")
    size, sizes = per_dimension(name, "kernel_size", kernel_size, rank, 1), shape[-rank:]
    counts = _counts(name, rank, sizes, output_size, output_ratio)
    if any(count < 1 or count + k - 1 > n for count, k, n in zip(counts, size, sizes, strict=True)):
        raise ShapeError(f"{name}: {counts} windows of size {size} do not fit into {sizes} elements")
    lead = (1, *shape)[-rank - 2 : -rank]
    if samples is None:
        samples = source(None).uniform((*lead, rank), x.dtype if x.dtype.kind == "f" else np.dtype(np.float32))
    elif tuple(shape_of(samples)) != (*lead, rank):
        raise ShapeError(f"{name}: expected _random_samples of shape {(*lead, rank)}, got {tuple(shape_of(samples))}")
    places = _places(unwrap(samples), sizes, counts, size)
    planes = np.reshape(x, (*lead, math.prod(sizes)))
    windows = np.take_along_axis(planes, np.reshape(places, (*lead, math.prod(counts) * math.prod(size))), -1)
    values, which = largest(np.reshape(windows, tuple(places.shape)), -1)
    result = np.reshape(values, (*shape[:-rank], *counts))
    if not both:
        return result
    found = np.take_along_axis(places, np.expand_dims(unwrap(which), -1), -1)
    return result, type(result)(np.reshape(found, (*shape[:-rank], *counts)))


_U = np.array([[[0.3, 0.8], [0.0, 0.5]]])


@composed(inputs=("input",), samples=[
    case(input=reals(shape=(1, 2, 5, 4)), kernel_size=2, output_size=(3, 2), _random_samples=_U),
    case(input=reals(shape=(2, 4, 5)), kernel_size=(1, 2), output_ratio=0.7, _random_samples=_U),
])  # fmt: skip
def fractional_max_pool2d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Tensor:
    """The largest elements of windows that begin at random places, about evenly apart.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: of the windows, one number or one for each of both dimensions, as the next two.
        output_size: how many windows there are;
        output_ratio: or that as a fraction of the size, between 0 and 1.
        return_indices: also return where each element lies: its number in its plane.
        _random_samples: (N, C, 2) numbers between 0 and 1 in place of random ones: for the width, for the height.

    Raises: ShapeError; ValueError unless one of size and ratio is given.

    Source: B. Graham, "Fractional max-pooling" (2014).
    """
    name = "fractional_max_pool2d"
    return _pooled(name, 2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@composed(inputs=("input",), samples=[
    case(input=reals(shape=(1, 1, 3, 3, 4)), kernel_size=2, output_size=(2, 1, 2),
         _random_samples=np.array([[[0.3, 0.8, 0.6]]])),
])  # fmt: skip
def fractional_max_pool3d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Tensor:
    """``fractional_max_pool2d`` of volumes, (N, C, D, H, W) or (C, D, H, W).

    The numbers in ``_random_samples`` are for depth, height and width.
    """
    name = "fractional_max_pool3d"
    return _pooled(name, 3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
