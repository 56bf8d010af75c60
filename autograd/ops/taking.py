"""Taking elements: along a dimension, by position, by mask; and finding positions.

All of it is ``getitem`` with an index made from the arguments. Indices are bounded as in PyTorch: ``take``,
``take_along_dim`` and square brackets count negative ones from the end, the others refuse them.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, new_tensor, unwrap
from .._protocols import numpy_function
from ..engine.failures import explained
from ..engine.foreign import as_array, bare
from ..errors import BoundsError, DtypeError, NotDifferentiableError, ShapeError
from ..samples import case, reals
from ._indices import from_start
from .axes import MANY, along, nonzero_indices, take_lines
from .indexing import getitem
from .lines import are_many_lines
from .repetition import broadcast_to
from .shapes import also_named, dims_of, normalized_dim, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- taking along a dimension ---------------------------------------------------------------------------------------


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), dim=0, start=1, length=2), case(x=reals(shape=(3, 2)), dim=-1, start=-1, length=1),
])  # fmt: skip
def narrow(x: Any, dim: int, start: Any, length: int) -> Tensor:
    """The ``length`` slices from ``start`` on along ``dim``: a view.

    Raises: BoundsError if they go beyond the end.
    """
    shape = shape_of(x)
    place, first = normalized_dim(dim, len(shape)), operator.index(start)
    begin = first + shape[place] if first < 0 else first
    if length < 0 or not 0 <= begin <= shape[place] - length:
        raise BoundsError(f"narrow: start {first} and length {length} do not fit into dimension {dim} of shape {shape}")
    return getitem(x, along(place, slice(begin, begin + length)))


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), dim=0, index=1), case(x=reals(shape=(3, 2)), dim=-1, index=-1),
])  # fmt: skip
def select(x: Any, dim: int, index: Any) -> Tensor:
    """The slice number ``index`` along ``dim``, without that dimension: a view.

    Raises: IndexError.
    """
    return getitem(x, along(normalized_dim(dim, len(shape_of(x))), operator.index(index)))


def as_index(name: str, index: Any, size: int | None = None) -> Any:
    """An argument ``index`` as an array of integers, none of them outside ``range(size)``.

    Raises: DtypeError; BoundsError.
    """
    index = as_array(unwrap(index))
    if index.dtype.kind not in "iu" and index.size:
        raise DtypeError(f"{name}: an index must be of an integer dtype, got {index.dtype}")
    seen = bare(index)
    if size is not None and seen.size and not _within(seen, size):
        wrong = seen[(seen < 0) | (seen >= size)][0]
        raise BoundsError(f"{name}: index {wrong} is out of bounds for a dimension of size {size}")
    return index.astype(np.intp, copy=False)


def _within(index: Any, size: int) -> bool:
    """Whether no element is outside ``range(size)``."""
    if index.dtype == np.int64 and index.flags.c_contiguous:  # a negative one is seen as a very large one
        return bool(index.view(np.uint64).max() < size)
    return bool(index.min() >= 0 and index.max() < size)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), dim=0, index=np.array([2, 0, 2])),
    case(x=reals(shape=(3, 2)), dim=-1, index=np.array([1])),
    case(x=reals(shape=(3,)), dim=0, index=np.array(1)),
])  # fmt: skip
def index_select(x: Any, dim: int, index: Any) -> Tensor:
    """The slices along ``dim`` that the integers in ``index`` (1-d) name, in that order; a copy.

    Raises: IndexError.
    """
    shape = shape_of(x) or (1,)
    place = normalized_dim(dim, len(shape))
    index = as_index("index_select", index, shape[place])
    if index.ndim > 1:
        raise ShapeError(f"index_select: expected an index of one dimension, got shape {index.shape}")
    if not len(shape_of(x)):
        return getitem(reshape(x, (1,)), index.reshape(()))
    return getitem(x, along(place, np.atleast_1d(index)))


def gather_index(name: str, shape: tuple[int, ...], dim: int, index: Any, negative: bool = False) -> Any:
    """The index tuple that selects ``index`` along ``dim``, and in other dimensions the same place as in ``index``.

    Raises: ShapeError; IndexError.
    """
    place = normalized_dim(dim, len(shape))
    if negative and index.size >= MANY and type(unwrap(index)) is np.ndarray:
        index, negative = as_index(name, index), False
        if index.min() < 0:
            index = from_start(index, shape[place])
    index = as_index(name, index, None if negative else shape[place])
    if not index.ndim:
        index = index.reshape(1)
    fits = index.ndim == len(shape) and all(
        i == place or m <= n for i, (m, n) in enumerate(zip(index.shape, shape, strict=True))
    )
    if not fits:
        raise ShapeError(
            f"{name}: an index of shape {index.shape} does not fit a tensor of shape {shape}: it must have as many "
            f"dimensions and be nowhere larger, except along dim {dim}"
        )
    rank = index.ndim
    grid = [np.arange(n).reshape((1,) * i + (n,) + (1,) * (rank - i - 1)) for i, n in enumerate(index.shape)]
    return (*grid[:place], index, *grid[place + 1 :])


def _taken_along(x: Any, places: tuple[Any, ...], dim: int) -> Any:
    dim = normalized_dim(dim, len(places))
    return take_lines(x, places[dim], dim) if are_many_lines(x, places[dim], dim) else getitem(x, places)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), dim=0, index=np.array([[2, 0], [2, 1]])),
    case(x=reals(shape=(3, 2)), dim=-1, index=np.array([[0], [1]])),
    case(x=reals(shape=(3,)), dim=0, index=np.array([1, 1])),
])  # fmt: skip
def gather(x: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """The elements of ``x`` at the positions that ``index`` gives along ``dim``.

    For a matrix: ``out[i][j] = x[index[i][j]][j]`` for ``dim=0``, ``x[i][index[i][j]]`` for ``dim=1``.

    Shape: that of ``index``, which has as many dimensions as ``x`` and is nowhere larger, except along ``dim``.

    Raises: ShapeError; IndexError (negative indices too).

    >>> from autograd import gather, tensor
    >>> gather(tensor([[1.0, 2.0], [3.0, 4.0]]), 1, tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    if not len(shape_of(x)):
        return reshape(gather(reshape(x, (1,)), dim, np.reshape(unwrap(index), -1)), shape_of(unwrap(index)))
    if 0 in shape_of(index):  # which may be of any shape
        normalized_dim(dim, len(shape_of(x)))
        return reshape(getitem(reshape(x, -1), slice(0)), shape_of(index))
    return _taken_along(x, gather_index("gather", shape_of(x), dim, index), dim)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), indices=np.array([[2, 0], [-1, 1]]), dim=0),
    case(x=reals(shape=(3, 2)), indices=np.array([[0]]), dim=1),
    case(x=reals(shape=(3, 2)), indices=np.array([5, 0, 5])),
])  # fmt: skip
def take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Tensor:
    """As ``gather``, but ``indices`` broadcasts against ``x`` outside ``dim`` (None: both are flattened).

    Raises: ShapeError; IndexError.
    """
    indices = as_array(unwrap(indices))
    if dim is None:
        return getitem(reshape(x, -1), as_index("take_along_dim", indices).reshape(-1))
    shape = shape_of(x)
    place = normalized_dim(dim, len(shape))
    if indices.ndim != len(shape):
        raise ShapeError(f"take_along_dim: indices of shape {indices.shape} and shape {shape} differ in rank")
    common = np.broadcast_shapes(
        (*shape[:place], 1, *shape[place + 1 :]), (*indices.shape[:place], 1, *indices.shape[place + 1 :])
    )
    indices = np.broadcast_to(indices, (*common[:place], indices.shape[place], *common[place + 1 :]))
    x = broadcast_to(x, (*common[:place], shape[place], *common[place + 1 :]))
    return _taken_along(x, gather_index("take_along_dim", shape_of(x), place, indices, negative=True), place)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(3, 2)), index=np.array([[5, 0], [-1, 5]])), case(x=reals(shape=(3,)), index=np.array(1)),
])  # fmt: skip
def take(x: Any, index: Any) -> Tensor:
    """The elements of ``x``, counted as if it had one dimension, that ``index`` names (negative ones from the end).

    Raises: IndexError.
    """
    return getitem(reshape(x, -1), as_index("take", index))


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2, 3)), mask=np.array([[True, False, True], [False, False, True]])),
    case(x=reals(shape=(2, 3)), mask=np.array([True, False, True])),
    case(x=reals(shape=(3,)), mask=np.array([[True], [False]])),
])  # fmt: skip
def masked_select(x: Any, mask: Any) -> Tensor:
    """The elements where ``mask`` is True, in one dimension; both broadcast together."""
    mask = as_mask("masked_select", mask)
    shape = np.broadcast_shapes(shape_of(x), mask.shape)
    return reshape(getitem(broadcast_to(x, shape), np.broadcast_to(mask, shape)), -1)


def as_mask(name: str, mask: Any) -> Any:
    """An argument ``mask`` as an array of bools.

    Raises: DtypeError.
    """
    mask = as_array(unwrap(mask))
    if mask.dtype != np.bool_:
        raise DtypeError(f"{name}: a mask must be of dtype bool, got {mask.dtype}: compare, or use .bool()")
    return mask


# ---- positions ------------------------------------------------------------------------------------------------------


@also_named(input="x")
@explained
def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not 0: one row for each; or a tuple with one tensor for each dimension."""
    if as_tuple:
        return tuple([new_tensor(indices) for indices in nonzero_indices(np.atleast_1d(unwrap(x)))])
    return argwhere(x)


@also_named(input="x")
@explained
def argwhere(x: Any) -> Tensor:
    """The positions of the elements that are not 0, one row for each."""
    x = as_array(unwrap(x))
    if not x.ndim or (isinstance(x, np.ndarray) and type(x) is not np.ndarray):
        return new_tensor(np.argwhere(x))
    return new_tensor(np.transpose(nonzero_indices(x)))


@explained
def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Positions counted in one dimension as positions in a tensor of ``shape``: one tensor for each dimension.

    Raises: IndexError.
    """
    try:
        found = np.unravel_index(as_index("unravel_index", indices), dims_of(shape))
    except ValueError as error:
        raise BoundsError(f"unravel_index: {error}") from None
    return tuple([new_tensor(as_array(item)) for item in found])


# ---- NumPy's spellings ----------------------------------------------------------------------------------------------


@numpy_function(np.take)
def _take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    if mode != "raise":
        raise NotDifferentiableError("numpy.take on a Tensor raises for an index out of bounds: bring it in range")
    if axis is None:
        return take(a, indices)
    return getitem(a, along(normalized_dim(axis, len(shape_of(a))), as_index("take", indices)))


@numpy_function(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    return take_along_dim(arr, indices, axis)


@numpy_function(np.nonzero)
def _nonzero(a: Any) -> Any:
    return nonzero(a, as_tuple=True)


@numpy_function(np.flatnonzero)
def _flatnonzero(a: Any) -> Any:
    return new_tensor(nonzero_indices(np.ravel(unwrap(a)))[0])


numpy_function(np.argwhere)(argwhere)
numpy_function(np.unravel_index)(unravel_index)
