"""Joining and splitting along a dimension.

The parts of ``split``, ``chunk`` and ``unbind`` are views. As in PyTorch they cannot be written to while recording:
several outputs of one operation share one memory.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import MANY, composed, op, unwrap
from .._protocols import numpy_function
from ..engine.blocks import BLOCK, copy_all
from ..engine.failures import explained
from ..errors import DtypeError, ShapeError
from ..samples import case, reals
from .axes import along
from .indexing import getitem
from .repetition import meshgrid
from .shapes import also_named, atleast_1d, atleast_2d, atleast_3d, integer, normalized_dim, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- joining --------------------------------------------------------------------------------------------------------


def _something(tensors: Sequence[Any]) -> Sequence[Any]:
    """Without those of shape (0,) among others of another rank, which ``cat`` leaves out as PyTorch does."""
    if any(x.ndim == 0 for x in tensors):
        raise ShapeError("cat: a 0-d tensor cannot be concatenated: use stack, or reshape(1) first")
    return [x for x in tensors if x.shape != (0,)] if any(x.ndim != 1 for x in tensors) else tensors


def _cat_back(g: Any, tensors_shape: Any, dim: int, needs: Any) -> list[Any]:
    rank = max(map(len, tensors_shape))
    sizes = [0 if len(shape) != rank else shape[dim] for shape in tensors_shape]
    parts = split_with_sizes.kernel(g, sizes, dim)
    return [
        None if not need else part if len(shape) == rank else np.reshape(part, shape)
        for part, shape, need in zip(parts, tensors_shape, needs, strict=True)
    ]


def _stack_back(g: Any, dim: int, needs: Any) -> list[Any]:
    return [part if need else None for part, need in zip(unbind.kernel(g, dim), needs, strict=True)]


@op(lists=("tensors",), promote="common", tensors=_cat_back, jvp="linear", samples=[
    case(tensors=[reals(shape=(2, 3)), reals(shape=(1, 3))]),
    case(tensors=[reals(shape=(2, 1)), reals(shape=(2, 0)), reals(shape=(2, 2))], dim=-1),
    case(tensors=[reals(shape=(3,))]), case(tensors=[reals(shape=(0,)), reals(shape=(2, 2))]),
])  # fmt: skip
def cat(tensors: Any, dim: int = 0) -> Any:
    """The tensors joined along the existing dimension ``dim``; they agree in all other sizes.

    Raises: ShapeError.

    >>> from autograd import cat, tensor
    >>> cat([tensor([[1, 2]]), tensor([[3, 4], [5, 6]])])
    tensor([[1, 2],
            [3, 4],
            [5, 6]])
    """
    rank = tensors[0].ndim if tensors else 1
    for x in tensors:
        if x.ndim != rank or rank == 0:
            tensors = _something(tensors)
            break
    return _joined(tensors, dim) if tensors and tensors[0].size > BLOCK else np.concatenate(tensors, dim)


def _joined(arrays: Sequence[Any], dim: int) -> Any:
    """``np.concatenate`` of large arrays."""
    rank = arrays[0].ndim
    place = operator.index(dim) % rank
    rest = {(*x.shape[:place], *x.shape[place + 1 :]) for x in arrays}
    if len(rest) > 1 or not -rank <= dim < rank or any(type(x) is not np.ndarray for x in arrays):
        return np.concatenate(arrays, dim)
    ends = list(itertools.accumulate([x.shape[place] for x in arrays]))
    out = np.empty((*arrays[0].shape[:place], ends[-1], *arrays[0].shape[place + 1 :]), arrays[0].dtype)
    parts = [out[along(place, slice(end - x.shape[place], end))] for x, end in zip(arrays, ends, strict=True)]
    copy_all(list(zip(parts, arrays, strict=True)))
    return out


@op(lists=("tensors",), promote="common", tensors=_stack_back, jvp="linear", samples=[
    case(tensors=[reals(shape=(2, 3)), reals(shape=(2, 3))]),
    case(tensors=[reals(shape=(2,)), reals(shape=(2,)), reals(shape=(2,))], dim=-1),
    case(tensors=[reals(shape=()), reals(shape=())]),
])  # fmt: skip
def stack(tensors: Any, dim: int = 0) -> Any:
    """The tensors, all of one shape, joined along a new dimension ``dim``.

    Raises: ShapeError.

    >>> from autograd import stack, tensor
    >>> stack([tensor([1, 2]), tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    if tensors and tensors[0].size > BLOCK and len({x.shape for x in tensors}) == 1:
        return _joined([np.expand_dims(x, dim) for x in tensors], dim)
    return np.stack(tensors, dim)


@composed(samples=[
    case(tensors=[reals(shape=(2, 3)), reals(shape=(2, 1))]), case(tensors=[reals(shape=()), reals(shape=(2,))]),
])  # fmt: skip
def hstack(tensors: Any) -> Tensor:
    """The tensors side by side: along the second dimension, or the first if they have only one."""
    tensors = atleast_1d(list(tensors))
    return cat(tensors, 0 if tensors and len(shape_of(tensors[0])) == 1 else 1)


@composed(samples=[
    case(tensors=[reals(shape=(2, 3)), reals(shape=(3,))]), case(tensors=[reals(shape=()), reals(shape=())]),
])  # fmt: skip
def vstack(tensors: Any) -> Tensor:
    """The tensors on top of each other, vectors as rows."""
    return cat(atleast_2d(list(tensors)), 0)


@composed(np.dstack, samples=[
    case(tensors=[reals(shape=(2,)), reals(shape=(2,))]), case(tensors=[reals(shape=(2, 1)), reals(shape=(2, 1))]),
])  # fmt: skip
def dstack(tensors: Any) -> Tensor:
    """The tensors one behind the other, along the third dimension."""
    return cat(atleast_3d(list(tensors)), 2)


@composed(np.column_stack, samples=[
    case(tensors=[reals(shape=(2,)), reals(shape=(2, 2))]), case(tensors=[reals(shape=()), reals(shape=())]),
])  # fmt: skip
def column_stack(tensors: Any) -> Tensor:
    """The tensors side by side, vectors as columns."""
    return cat([reshape(x, (-1, 1)) if len(shape_of(x)) < 2 else x for x in tensors], 1)


def _corners(shapes: Any) -> list[tuple[slice, slice]]:
    """Where the blocks of these shapes lie in the matrix that they form along its diagonal."""
    rows = itertools.accumulate([shape[0] for shape in shapes], initial=0)
    columns = itertools.accumulate([shape[1] for shape in shapes], initial=0)
    return [
        (slice(*row), slice(*column))
        for row, column in zip(itertools.pairwise(rows), itertools.pairwise(columns), strict=True)
    ]


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (2 - len(shape)) + tuple(shape)


def _blocks_back(g: Any, tensors_shape: Any, needs: Any) -> list[Any]:
    corners = _corners([_as_matrix(shape) for shape in tensors_shape])
    return [
        np.reshape(g[corner], shape) if need else None
        for corner, shape, need in zip(corners, tensors_shape, needs, strict=True)
    ]


@op(lists=("tensors",), promote="common", tensors=_blocks_back, jvp="linear", samples=[
    case(tensors=[reals(shape=(2, 1)), reals(shape=(2,)), reals(shape=())]),
    case(tensors=[reals(shape=(2, 0)), reals(shape=(1, 1))]),
])  # fmt: skip
def join_blocks(tensors: Any) -> Any:
    """A matrix with the given matrices along its diagonal, 0 elsewhere."""
    blocks = [np.reshape(x, _as_matrix(x.shape)) for x in tensors]
    shape = (sum([len(block) for block in blocks]), sum([block.shape[1] for block in blocks]))
    out = np.zeros(shape, blocks[0].dtype, like=blocks[0])
    for block, corner in zip(blocks, _corners([block.shape for block in blocks]), strict=True):
        out[corner] = block
    return out


@explained
def block_diag(*tensors: Any) -> Tensor:
    """A matrix with the given ones along its diagonal and 0 elsewhere; vectors and 0-d tensors count as one row.

    Raises: ShapeError for more than two dimensions.
    """
    if any(len(shape_of(x)) > 2 for x in tensors):
        raise ShapeError(f"block_diag: expected at most two dimensions, got {[shape_of(x) for x in tensors]}")
    return join_blocks(tensors or (np.zeros((1, 0), dtypes.or_default(None)),))


@explained
def cartesian_prod(*tensors: Any) -> Tensor:
    """All combinations of one element from each vector, one in each row, in lexicographic order."""
    if any(len(shape_of(x)) != 1 for x in tensors):
        raise ShapeError(f"cartesian_prod: expected vectors, got shapes {[shape_of(x) for x in tensors]}")
    return tensors[0] if len(tensors) == 1 else stack([reshape(x, -1) for x in meshgrid(*tensors)], 1)


@also_named(input="x")
@explained
def combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of ``r`` elements of a vector, one in each row, in the order of ``itertools.combinations``."""
    if len(shape_of(x)) != 1 or r < 0:
        raise ShapeError(f"combinations: expected a vector and r >= 0, got shape {shape_of(x)} and r={r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(shape_of(x)[0]), r)), np.intp)
    return getitem(x, rows.reshape(-1, r) if r else rows.reshape(0))


# ---- splitting ------------------------------------------------------------------------------------------------------

_PART = "this is one of the views that one call of '{}' returned; their memory is shared by several outputs"


@op(x=lambda g, dim: np.concatenate(g, dim), outputs=MANY, view=_PART.format("split"), jvp="linear", samples=[
    case(x=reals(shape=(4, 2)), split_sizes=[1, 3]), case(x=reals(shape=(2, 3)), split_sizes=[2, 0, 1], dim=-1),
])  # fmt: skip
def split_with_sizes(x: Any, split_sizes: Sequence[int], dim: int = 0) -> Any:
    """``x`` cut along ``dim`` into views of the given sizes, which add up to its size there.

    Raises: ShapeError.
    """
    dim = normalized_dim(dim, x.ndim)
    if sum(split_sizes) != x.shape[dim]:
        raise ShapeError(
            f"split_with_sizes: the sizes {list(split_sizes)} add up to {sum(split_sizes)}, but dimension {dim} of "
            f"shape {x.shape} has size {x.shape[dim]}"
        )
    ends = list(itertools.accumulate(split_sizes, initial=0))
    before = (slice(None),) * dim  # once, not for each part
    return [x[(*before, slice(start, end))] for start, end in itertools.pairwise(ends)]


@op(x=lambda g, dim: np.stack(g, dim), outputs=MANY, view=_PART.format("unbind"), jvp="linear", samples=[
    case(x=reals(shape=(3, 2))), case(x=reals(shape=(2, 3)), dim=-1), case(x=reals(shape=(2,))),
])  # fmt: skip
def unbind(x: Any, dim: int = 0) -> Any:
    """The slices of ``x`` along ``dim``, without that dimension: views.

    >>> import autograd
    >>> autograd.unbind(autograd.tensor([[1, 2], [3, 4]]), dim=1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    dim = normalized_dim(dim, x.ndim)
    before = (slice(None),) * dim
    return [x[(*before, i, ...)] for i in range(x.shape[dim])]


_by_sections = also_named(
    sections="indices_or_sections", indices="indices_or_sections", tensor_indices_or_sections="indices_or_sections"
)


@also_named(split_size_or_sections="split_size", tensor="x")
@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), split_size=2), case(x=reals(shape=(2, 3)), split_size=[1, 2], dim=-1),
])  # fmt: skip
def split(x: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """``x`` cut along ``dim`` into views of ``split_size`` slices each (but for the last), or of the sizes in a list.

    Raises: ShapeError.

    >>> import autograd
    >>> autograd.split(autograd.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if isinstance(split_size, (tuple, list)):
        return split_with_sizes(x, split_size, dim)
    shape = shape_of(x)
    size = shape[normalized_dim(dim, len(shape))]
    if type(split_size) is not int:
        split_size = integer(split_size, "split_size")
    if split_size < 0 or (split_size == 0 and size):
        raise ShapeError(f"split: a split_size of {split_size} does not divide dimension {dim} of shape {shape}")
    whole, rest = divmod(size, split_size or 1)
    return split_with_sizes(x, [split_size] * whole + [rest] * (rest > 0 or size == 0), dim)


@composed(inputs=("x",), samples=[case(x=reals(shape=(5, 2)), chunks=3), case(x=reals(shape=(2, 3)), chunks=2, dim=-1)])
def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``x`` cut along ``dim`` into ``chunks`` views of equal size, but for the last; fewer if that comes out even.

    >>> import autograd
    >>> [part.shape for part in autograd.chunk(autograd.zeros(7, 2), 3)]
    [(3, 2), (3, 2), (1, 2)]
    """
    chunks = integer(chunks, "chunks")
    if chunks < 1:
        raise ShapeError(f"chunk: expected at least one chunk, got {chunks}")
    size = shape_of(x)[normalized_dim(dim, len(shape_of(x)))]
    return split(x, -(-size // chunks), dim) if size else split_with_sizes(x, [0] * chunks, dim)


@_by_sections
@composed(inputs=("x",), samples=[
    case(x=reals(shape=(5, 2)), indices_or_sections=3), case(x=reals(shape=(2, 3)), indices_or_sections=(1,), dim=-1),
])  # fmt: skip
def tensor_split(x: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """``x`` cut along ``dim`` into this many views of nearly equal size, or in front of the given places."""
    place = normalized_dim(dim, len(shape_of(x)))
    size = shape_of(x)[place]
    cuts = unwrap(indices_or_sections)
    if np.ndim(cuts) == 0:
        sections = integer(cuts, "the number of sections")
        if sections < 1:
            raise ShapeError(f"tensor_split: expected at least one section, got {sections}")
        each, more = divmod(size, sections)
        cuts = [i * each + min(i, more) for i in range(1, sections)]
    bounds = itertools.pairwise([0, *[integer(cut, "a place to cut") for cut in cuts], size])
    return tuple([getitem(x, along(place, slice(start, end))) for start, end in bounds])


def _evenly(name: str, x: Any, indices_or_sections: Any, dim: int, rank: int) -> Any:
    """``tensor_split`` of an input of at least ``rank`` dimensions; a number of sections must divide the size."""
    shape = shape_of(x)
    if len(shape) < rank:
        raise ShapeError(f"{name}: expected at least {rank} dimension(s), got shape {shape}")
    if np.ndim(unwrap(indices_or_sections)) == 0:
        sections = integer(unwrap(indices_or_sections), "the number of sections")
        if sections < 1 or shape[dim] % sections:
            raise ShapeError(f"{name}: {sections} sections do not divide dimension {dim} of shape {shape} evenly")
    return tensor_split(x, indices_or_sections, dim)


@_by_sections
@composed(np.hsplit, inputs=("x",), samples=[case(x=reals(shape=(2, 4)), indices_or_sections=2)])
def hsplit(x: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """``x`` cut along its second dimension (the first, if it has only one) into equal views, or at the given places."""
    return _evenly("hsplit", x, indices_or_sections, 1 if len(shape_of(x)) > 1 else 0, 1)


@_by_sections
@composed(np.vsplit, inputs=("x",), samples=[case(x=reals(shape=(4, 2)), indices_or_sections=(1, 3))])
def vsplit(x: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """``x`` cut along its first dimension into equal views, or at the given places."""
    return _evenly("vsplit", x, indices_or_sections, 0, 2)


@_by_sections
@composed(np.dsplit, inputs=("x",), samples=[case(x=reals(shape=(1, 2, 4)), indices_or_sections=2)])
def dsplit(x: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """``x`` cut along its third dimension into equal views, or at the given places."""
    return _evenly("dsplit", x, indices_or_sections, 2, 3)


# ---- NumPy's spellings ----------------------------------------------------------------------------------------------


def _converted(arrays: Any, dtype: Any, casting: Any) -> Any:
    """The arrays in the dtype that ``numpy.concatenate`` was asked for. Raises: DtypeError if the rule forbids it."""
    arrays = [array if hasattr(array, "dtype") else np.asarray(array) for array in arrays]
    for array in arrays:
        if not np.can_cast(array.dtype, dtype, casting):
            raise DtypeError(f"cannot cast from {array.dtype} to {np.dtype(dtype)} according to the rule {casting!r}")
    return [array.astype(np.dtype(dtype)) for array in arrays]


@numpy_function(np.concatenate)
def _concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    if dtype is not None:
        arrays = _converted(arrays, dtype, casting)
    if axis is None:
        arrays, axis = [reshape(array, -1) for array in arrays], 0
    return cat(list(arrays), axis)


@numpy_function(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    rows = [item if len(shape_of(item)) > 1 else np.atleast_2d(item) for item in tup]
    return _concatenate(rows, 0, dtype=dtype, casting=casting)


@numpy_function(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    rows = [item if shape_of(item) else np.atleast_1d(item) for item in tup]
    return _concatenate(rows, 0 if rows and len(shape_of(rows[0])) == 1 else 1, dtype=dtype, casting=casting)


@numpy_function(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@numpy_function(np.stack)
def _stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    return stack(list(arrays) if dtype is None else _converted(arrays, dtype, casting), axis)


@numpy_function(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return _evenly("split", ary, indices_or_sections, normalized_dim(axis, len(shape_of(ary))), 1)


@numpy_function(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return tensor_split(ary, indices_or_sections, axis)
