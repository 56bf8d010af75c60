"""Repetition and padding: broadcasting, tiles, grids, frames."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, new_tensor, op, unwrap
from .._protocols import numpy_function, of_arrays
from ..engine.blocks import BLOCK, copy_all
from ..engine.failures import describe, explained
from ..engine.foreign import ForeignArray, alike
from ..engine.sweep import sum_to
from ..errors import ArgumentError, DtypeError, NotDifferentiableError, ShapeError
from ..samples import case, reals
from .axes import accumulation_dtype, along
from .casting import to
from .indexing import scatter_index
from .shapes import atleast_1d, dims_of, normalized_dim, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- repetition -----------------------------------------------------------------------------------------------------


@op(x=lambda g: g, view=True, jvp="linear", samples=[
    case(x=reals(shape=(3,)), size=(2, 3)), case(x=reals(shape=(2, 1)), size=(2, 3)),
    case(x=reals(shape=()), size=(2,)),
    case(x=reals(shape=(1, 3)), size=(2, -1)), case(x=reals(shape=(1,)), size=(0,)),
])  # fmt: skip
def broadcast_to(x: Any, size: Any) -> Any:
    """``x`` repeated along new or size-1 dimensions without copying; -1 keeps a size.

    The result shares places in memory between elements: it cannot be written to.

    Raises: ShapeError if ``x`` does not broadcast to the shape.

    >>> import autograd
    >>> autograd.broadcast_to(autograd.tensor([1, 2]), (3, 2)).shape
    (3, 2)
    """
    size = dims_of(size)
    if -1 in size:
        extra = len(size) - x.ndim
        if extra < 0 or -1 in size[:extra]:
            raise ShapeError(f"expand: size {size}: -1 stands for a size that {x.shape} has, not for a new one")
        size = tuple([x.shape[i - extra] if n == -1 else n for i, n in enumerate(size)])
    if size == x.shape:
        return x[...]
    try:
        return np.broadcast_to(x, size, subok=True)
    except ValueError:
        raise ShapeError(
            f"expand: shape {x.shape} does not broadcast to {size}: counted from the end, each size must be the one "
            "asked for, or 1, and dimensions can only be added in front"
        ) from None


def expand_as(x: Any, other: Any) -> Tensor:
    """``x`` repeated to the shape of ``other`` without copying."""
    return broadcast_to(x, shape_of(other))


@explained
def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The common shape of what is broadcast together, from the shapes (or the sizes of vectors) of its parts.

    Raises: ShapeError if they do not broadcast together.
    """
    full = [dims_of(shape) for shape in shapes]
    try:
        return np.broadcast_shapes(*full)
    except ValueError:
        raise ShapeError(
            f"broadcast_shapes: {', '.join(map(str, full))} do not broadcast together: sizes, from the last on, must "
            "be equal or 1"
        ) from None


@explained
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """The tensors repeated to their common shape without copying; they cannot be written to.

    Raises: ShapeError if they do not broadcast together.
    """
    shapes = [shape_of(x) for x in tensors]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"broadcast_tensors: shapes {', '.join(map(str, shapes))} do not broadcast together") from None
    return tuple([broadcast_to(x, shape) for x in tensors])


@explained
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """The coordinates of a grid over 1-d (or 0-d) tensors: the i-th result varies along dimension i.

    With ``indexing="xy"`` the first two dimensions are swapped.

    >>> import autograd
    >>> a, b = autograd.meshgrid(autograd.arange(2), autograd.arange(3), indexing="ij")
    >>> b
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    if any(len(shape_of(x)) > 1 for x in given):
        raise ShapeError(f"meshgrid: expected tensors of at most one dimension, got {[shape_of(x) for x in given]}")
    axes = [atleast_1d(x) for x in given]
    order = list(range(len(axes)))
    if indexing == "xy" and len(axes) > 1:
        order[:2] = [1, 0]
    shape = tuple([shape_of(axes[i])[0] for i in order])
    return tuple(
        [broadcast_to(reshape(x, [-1 if place == i else 1 for place in order]), shape) for i, x in enumerate(axes)]
    )


def _sum(g: Any, dim: Any) -> Any:
    return np.sum(g, axis=dim, dtype=accumulation_dtype(g.dtype))


def _tile_back(g: Any, x_shape: Any, dims: Any) -> Any:
    """The sum over all copies: each dimension is seen as (copies, size)."""
    dims = dims_of(dims)
    rank = max(len(dims), len(x_shape))
    dims = (1,) * (rank - len(dims)) + tuple(dims)
    sizes = (1,) * (rank - len(x_shape)) + tuple(x_shape)
    pairs = tuple(itertools.chain.from_iterable(zip(dims, sizes, strict=True)))
    return np.reshape(_sum(np.reshape(g, pairs), tuple(range(0, 2 * rank, 2))), x_shape)


@op(x=_tile_back, jvp="linear", samples=[
    case(x=reals(shape=(2,)), dims=3), case(x=reals(shape=(2, 3)), dims=(2,)), case(x=reals(shape=(2,)), dims=(2, 2)),
    case(x=reals(shape=()), dims=(2,)), case(x=reals(shape=(2, 1)), dims=(0, 2)),
    case(x=reals(shape=(0, 2)), dims=(2, 1)),
])  # fmt: skip
def tile(x: Any, dims: Any) -> Any:
    """``x`` repeated ``dims`` times along each dimension, a copy; missing counts and dimensions in front are 1."""
    return np.tile(x, dims)


@composed(inputs=("x",), samples=[case(x=reals(shape=(2,)), repeats=(2, 3)), case(x=reals(shape=()), repeats=(2,))])
def repeat(x: Any, repeats: Any) -> Tensor:
    """``x`` repeated along each dimension (new ones in front), a copy: PyTorch's ``repeat``, NumPy's is another.

    Raises: ShapeError if there are fewer counts than dimensions.

    >>> import autograd
    >>> autograd.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if len(dims_of(repeats)) < len(shape_of(x)):
        raise ShapeError(f"repeat: {repeats} counts fewer dimensions than shape {shape_of(x)} has: use tile")
    return tile(x, repeats)


_FEW, _NARROW = 8, 64
"""So few elements, or such short lines, are added by calls of their own: NumPy would call a loop for each group."""


def _repeat_back(g: Any, x_shape: Any, repeats: Any, dim: Any) -> Any:
    if dim is None:
        return np.reshape(_repeat_back(g, (math.prod(x_shape),), repeats, 0), x_shape)
    dim = normalized_dim(dim, len(x_shape))
    if np.size(repeats) == 1 and not isinstance(repeats, ForeignArray):
        count = int(np.reshape(repeats, ()))
        copies = np.reshape(g, (*x_shape[:dim], x_shape[dim], count, *x_shape[dim + 1 :]))
        beside = math.prod(x_shape[dim + 1 :])
        if beside > _NARROW or not 0 < count < _FEW or accumulation_dtype(g.dtype) is not None:
            return _sum(copies, dim + 1)
        return functools.reduce(np.add, [copies[along(dim + 1, i)] for i in range(count)])
    numbers = np.arange(x_shape[dim], like=repeats if isinstance(repeats, np.ndarray) else None)
    places = np.repeat(alike(numbers, repeats), repeats)
    return scatter_index.kernel(g, along(dim, places), x_shape)


@op(x=_repeat_back, constants=("repeats",), jvp="linear", samples=[
    case(x=reals(shape=(2, 2)), repeats=2), case(x=reals(shape=(2, 2)), repeats=2, dim=-1),
    case(x=reals(shape=(3, 2)), repeats=np.array([1, 0, 2]), dim=0),
    case(x=reals(shape=(3,)), repeats=np.array([2]), dim=0),
    case(x=reals(shape=(2,)), repeats=0), case(x=reals(shape=()), repeats=2),
])  # fmt: skip
def repeat_interleave_(x: Any, repeats: Any, dim: int | None = None) -> Any:
    """Each element (each slice along ``dim``) repeated in place, ``repeats`` times or each its own number of times."""
    return np.repeat(x, repeats, dim)


@composed(np.repeat, inputs=("x",))
def repeat_interleave(
    x: Any = None, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (each slice along ``dim``) repeated in place, ``repeats`` times or each its own number of times.

    Of ``repeats`` alone, ``repeat_interleave(repeats)``: the numbers 0, 1, ..., each repeated that many times.

    Raises: ShapeError if ``output_size`` is given and wrong; ValueError for a negative number.

    >>> import autograd
    >>> autograd.repeat_interleave(autograd.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    if x is None or repeats is None:
        counts = np.asanyarray(unwrap(repeats if x is None else x))
        if counts.ndim != 1 or counts.dtype.kind not in "iu":
            raise ShapeError(
                f"repeat_interleave: expected a vector of integers, got {counts.dtype} of shape {counts.shape}"
            )
        return new_tensor(np.repeat(np.arange(counts.size, like=counts), counts))
    counts = unwrap(repeats)
    if np.asanyarray(counts if hasattr(counts, "dtype") else np.array(counts)).dtype.kind not in "iub":
        raise DtypeError(f"repeat_interleave: repeats must be integers, got {describe(repeats)}")
    out = repeat_interleave_(x, repeats, dim)
    if output_size is not None and output_size != out.shape[0 if dim is None else dim]:
        raise ShapeError(f"repeat_interleave: the output has shape {tuple(out.shape)}, output_size is {output_size}")
    return out


@explained
def sum_to_size(x: Any, size: Any) -> Tensor:
    """``x`` summed over the dimensions along which ``size`` would have been broadcast to its shape.

    Integers and bools are added up in int64, as ``sum`` does.

    Raises: ShapeError.
    """
    size = tuple(dims_of(size))
    if size != shape_of(x) and x.dtype.kind in "biu":
        x = to(x, dtypes.int64)
    try:
        return sum_to(x, size)
    except ValueError:
        raise ShapeError(f"sum_to_size: {size} does not broadcast to the shape {shape_of(x)}") from None


# ---- padding --------------------------------------------------------------------------------------------------------


@op(
    x=lambda g, pad: constant_pad_nd.kernel(g, tuple([-n for n in pad])),
    jvp=lambda t_x, pad: constant_pad_nd.kernel(t_x, pad), samples=[
    case(x=reals(shape=(2, 3)), pad=(1, 2)), case(x=reals(shape=(2, 3)), pad=(1, 0, 0, 2), value=0.5),
    case(x=reals(shape=(2, 3)), pad=(-1, 1)), case(x=reals(shape=(0,)), pad=(1, 1)),
])  # fmt: skip
def constant_pad_nd(x: Any, pad: Sequence[int], value: float = 0) -> Any:
    """``x`` in a frame of ``value``.

    Args:
        x: an array.
        pad: how many to add before and after the last dimension, then those of the last but one, and so on; negative
            numbers cut off instead.
        value: what to pad with.

    Raises: ShapeError.
    """
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(f"constant_pad_nd: pad {tuple(pad)} must be pairs, at most one for each size in {x.shape}")
    free = x.ndim - len(pad) // 2
    before = [0] * free + list(pad[-2::-2])
    after = [0] * free + list(pad[-1::-2])
    shape = [n + low + high for n, low, high in zip(x.shape, before, after, strict=True)]
    left = [n + min(low, 0) + min(high, 0) for n, low, high in zip(x.shape, before, after, strict=True)]
    if min(left, default=0) < 0:
        raise ShapeError(f"constant_pad_nd: pad {tuple(pad)} cuts more than there is off shape {x.shape}")
    if not pad:
        return np.array(x, subok=True)
    out = np.full(shape, value or 0, x.dtype, like=x)
    inner = tuple([slice(max(low, 0), n - max(high, 0)) for low, high, n in zip(before, after, shape, strict=True)])
    outer = tuple([slice(max(-low, 0), n - max(-high, 0)) for low, high, n in zip(before, after, x.shape, strict=True)])
    if x.size > BLOCK and type(out) is type(x) is np.ndarray and inner:
        copy_all([(out[inner], x[outer])])
    else:
        out[inner] = x[outer]
    return out


# ---- NumPy's spellings ----------------------------------------------------------------------------------------------


@numpy_function(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    if min(np.atleast_1d(shape), default=0) < 0:  # which PyTorch gives a meaning
        raise ShapeError(f"broadcast_to: sizes must not be negative, got shape {shape}")
    return broadcast_to(array, shape.tolist() if isinstance(shape, np.ndarray) else shape)


@numpy_function(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    return tile(A, tuple(reps) if np.ndim(reps) else reps)


@numpy_function(np.meshgrid)
@functools.partial(of_arrays, count=None)
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if sparse:
        raise NotDifferentiableError("numpy.meshgrid on Tensors gives the full grid only: leave out sparse=True")
    return meshgrid(*xi, indexing=indexing)


@numpy_function(np.broadcast_arrays)
@functools.partial(of_arrays, count=None)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    return broadcast_tensors(*args)


_PADS_BY_PLACE = ("edge", "reflect", "symmetric", "wrap")


@numpy_function(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **settings: Any) -> Any:
    shape = shape_of(array)
    if isinstance(pad_width, dict):
        each = {axis % len(shape): width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(each.get(i, 0), 2) for i in range(len(shape))]
    widths = np.broadcast_to(pad_width, (len(shape), 2)).tolist()
    if mode == "constant":
        return _pad_with(array, widths, settings.get("constant_values", 0))
    if mode not in _PADS_BY_PLACE or settings.get("reflect_type", "even") != "even":
        raise NotDifferentiableError(
            f"numpy.pad: there is no derivative for mode={mode!r} with the settings {settings}; there is for "
            f"{', '.join(map(repr, ('constant', *_PADS_BY_PLACE)))}, with reflect_type='even'"
        )
    for axis, (before, after) in enumerate(widths):
        if before or after:
            array = np.take(array, np.pad(np.arange(shape[axis]), (before, after), mode), axis)
    return array


def _pad_with(array: Any, widths: Sequence[Sequence[int]], values: Any) -> Any:
    """Padded with one constant, or with one for each side of an axis: corners have that of the last axis."""
    if not np.ndim(values):
        return constant_pad_nd(array, tuple(itertools.chain.from_iterable(widths[::-1])), values)
    for i, (sides, width) in enumerate(zip(np.broadcast_to(values, (len(widths), 2)), widths, strict=True)):
        for side in (0, 1):
            pad = [0] * (2 * (len(widths) - i))
            pad[-2 + side] = width[side]
            array = constant_pad_nd(array, tuple(pad), sides[side].item())
    return array
