"""Indexing, and item assignment.

Taking and scattering of every kind come down to three ops: ``getitem``, its transpose ``scatter_index``, and
``with_item``, which is item assignment as a function.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._inplace import check_writable, recorded_write
from .._op import composed, op, unwrap
from .._operands import without_graphs
from ..engine.foreign import ForeignArray, first_foreign
from ..engine.modes import local
from ..engine.nodes import array_of
from ..errors import BoundsError, DtypeError, ShapeError
from ..samples import case, reals
from ._blocks import BLOCK
from ._index_sums import sums_at
from ._indices import (
    as_indices,
    at,
    has_no_repeats,
    is_basic,
    is_integer_array,
    is_lone,
    last_ones,
    positions,
    put,
    take_across,
    take_many,
    with_ints,
)
from .selection import keep

if TYPE_CHECKING:
    from .._tensor import Tensor

_INDICES: list[tuple[tuple[int, ...], Any]] = [
    ((4,), 1),
    ((4,), slice(None, None, -2)),
    ((3, 4), (slice(1, None), slice(None, None, 2))),
    ((3, 4), (Ellipsis, None, 0)),
    ((3, 4), np.array([2, 0, 2])),
    ((3, 4), np.array([[2, 0], [-1, 2]])),
    ((3, 4), (np.array([0, 2, 0]), np.array([1, 3, 1]))),
    ((3, 4), (slice(None), np.array([0, -1, 0]))),
    ((2, 3, 4), (slice(None), np.array([0, 2]), slice(1, 3))),
    ((2, 3, 4), (1, slice(None), np.array([0, 2, 0]))),
    ((2, 3), np.array([[True, False, True], [False, True, True]])),
    ((3, 2), (np.array([True, False, True]), 1)),
    ((3, 2), (np.array([2, 0]), np.array(1))),
    ((2, 3), (np.array(1), np.array([True, False, True]))),
    ((3, 2), (1, True, slice(None))),
    ((0, 3), slice(None)),
    ((), (None, Ellipsis)),
]

# ---- the three ops --------------------------------------------------------------------------------------------------


@op(
    x=lambda g, index, x_shape: scatter_index.kernel(g, index, x_shape),
    view=True,
    constants=("index",),
    jvp="linear",
    samples=[case(x=reals(shape=shape), index=index) for shape, index in _INDICES],
)
def getitem(x: Any, index: Any) -> Any:
    """``x[index]``, in every form: ints, slices, None, Ellipsis, masks, integer arrays, mixed.

    Basic indices give a view, the others a copy. Repeated indices accumulate in the gradient. Ints beside arrays are
    applied first, as in PyTorch: ``x[0, :, [1, 2]]`` is ``x[0][:, [1, 2]]``.

    Raises: IndexError.
    """
    if type(index) is tuple:
        index = with_ints(index)
    elif isinstance(index, np.ndarray):
        if index.dtype is dtypes.int64 and index.ndim and isinstance(x, np.ndarray) and x.ndim:
            many = index.size > BLOCK and type(index) is type(x) is np.ndarray
            return take_many(x, index) if many else x.take(index, 0)  # in a third of the time
        if not index.ndim and index.dtype.kind in "iu":
            index = index.item()  # a view, as by a number
    if type(index) is not tuple:
        out = x[index]
    elif (
        index
        and isinstance(index[-1], np.ndarray)
        and isinstance(x, np.ndarray)
        and is_lone(index)
        and index[-1].dtype == np.int64
    ):
        return take_across(x, index[-1], len(index) - 1)
    else:
        out = at(x, index)
    if not out.ndim:  # NumPy copies a single element: an Ellipsis makes it a view
        if type(index) is not tuple:
            return out if index is Ellipsis else x[index, ...]
        for part in index:
            if part is Ellipsis:
                return out
        return x[(*index, ...)]
    return out


@op(
    x=lambda g, index: getitem.kernel(g, index),
    constants=("index",),
    jvp="linear",
    samples=[case(x=reals(shape=at(np.empty(s), index).shape), index=index, shape=s) for s, index in _INDICES],
)
def scatter_index(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index``: the transpose of ``getitem``."""
    if is_basic(index):
        out = np.zeros(shape, x.dtype, like=np.asanyarray(x))
        out[index] = x
        return out
    if isinstance(index, list):
        index = as_indices(index)
    elif type(index) is tuple and len(index) == 1:
        index = index[0] if hasattr(index[0], "dtype") else as_indices(index[0])
    if x.dtype == np.float16:
        return sums_at(x.astype(np.float32), index, shape).astype(np.float16)
    return sums_at(x, index, shape)


def _winners(index: Any, shape: tuple[int, ...]) -> Any:
    """Which of the values written at ``index`` stay, None for all: where an index is repeated, only the last."""
    if is_basic(index) or has_no_repeats(index):
        return None
    if first_foreign(index) is not None:
        places = getitem.kernel(np.arange(math.prod(shape)).reshape(shape), index)
        numbers = np.arange(places.size).reshape(places.shape)
        last = with_item.kernel(np.zeros(math.prod(shape), np.intp), numbers, places)
        return getitem.kernel(last, places) == numbers
    if is_integer_array(index) and len(shape) > 1:  # of whole rows
        stay = last_ones(positions(index, shape[:1]), shape[0])
        return None if stay is None else np.reshape(stay, stay.shape + (1,) * (len(shape) - 1))
    return last_ones(positions(as_indices(index) if isinstance(index, list) else index, shape), math.prod(shape))


def _written(g: Any, index: Any, x_shape: Any, y_shape: Any) -> Any:
    """What reached the result of the values written at ``index``; they may have had more dimensions of size 1."""
    mask = index[0] if type(index) is tuple and len(index) == 1 else index
    if isinstance(mask, ForeignArray) and mask.dtype == np.bool_ and not y_shape:
        # a mask of its own for each example selects as many numbers in each, of which only the sum has a shape
        return np.where(np.reshape(mask, mask.shape + (1,) * (len(x_shape) - mask.ndim)), g, 0)
    part = getitem.kernel(g, index)
    stay = _winners(index, x_shape)
    if stay is not None:
        part = keep.kernel(part, stay)
    extra = len(y_shape) - len(part.shape)
    return part if extra <= 0 else np.reshape(part, (1,) * extra + part.shape)


@op(
    x=lambda g, index: with_item.kernel(g, 0.0, index),
    y=_written,
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=shape), y=reals(shape=at(np.empty(shape), index).shape), index=index)
        for shape, index in _INDICES
    ],
)
def with_item(x: Any, y: Any, index: Any) -> Any:
    """A copy of ``x`` in which ``x[index] = y`` was done (``y`` broadcasts to the place)."""
    # a plain array takes the type of what is written into it, which may be one that records
    out = np.array(x, like=y) if type(x) is np.ndarray and isinstance(y, np.ndarray) else np.array(x, subok=True)
    put(out, index, y)
    return out


# ---- in place -------------------------------------------------------------------------------------------------------


def setitem(x: Any, index: Any, value: Any) -> None:
    """``x[index] = value``, recorded: gradients flow to ``value``, and to ``x`` outside the index.

    Raises: IndexError; DtypeError if ``value`` is not a number of this dtype; ShapeError if it does not broadcast to
    the place; MutationError if ``x`` must not be overwritten now. ``x`` is then unchanged.
    """
    check_writable(x, "item assignment")
    index = unwrap(index)
    array = array_of(x)
    source = without_graphs("item assignment", "value", value) if type(value) in (list, tuple) else unwrap(value)
    if source is None or isinstance(source, (str, bytes)):
        raise DtypeError(f"item assignment: expected a Tensor, an array or a number, got {source!r}")
    if type(source) is int:
        source = dtypes.stored(source, array.dtype)
    if local.levels and not isinstance(array, ForeignArray):
        foreign = first_foreign(index, source)
        if foreign is not None:
            foreign.refuse(array)
    try:
        put(array, index, source)
    except (IndexError, ValueError, TypeError) as error:
        raise _better(error, array, index, source) from None
    recorded_write(x, with_item.op, (x, value), (array, source, index))


def _better(error: Exception, array: Any, index: Any, source: Any) -> Exception:
    """The error of an item assignment that NumPy refused: because of the index, if reading there fails too."""
    try:
        place = at(array, index)
    except (IndexError, ValueError, TypeError) as wrong:
        kind = DtypeError if isinstance(wrong, TypeError) else BoundsError
        what = "" if isinstance(wrong, IndexError) else "the index is wrong: "
        return kind(f"item assignment to a tensor of shape {array.shape}: {what}{wrong}")
    if isinstance(error, TypeError) and not np.ndim(source):
        return DtypeError(f"item assignment: {source!r} cannot be written into a tensor of {array.dtype}: {error}")
    return ShapeError(
        f"item assignment: a value of shape {np.shape(source)} does not broadcast to the place x[index] of shape "
        f"{place.shape} ({error})"
    )


@composed(inputs=("x",), samples=[case(x=reals(shape=(2, 3)), value=0.5), case(x=reals(shape=()), value=2)])
def fill(x: Any, value: Any) -> Tensor:
    """A tensor of the shape and dtype of ``x`` full of ``value``, a number or a 0-d tensor."""
    if np.ndim(value):
        raise ShapeError(f"fill: expected a number or a 0-d tensor, got shape {np.shape(value)}")
    return with_item(x, dtypes.stored(value, x.dtype), ...)


def fill_(x: Any, value: Any) -> Tensor:
    """Overwrite every element with ``value``, a number or a 0-d tensor, to which the gradient flows."""
    if np.ndim(value):
        raise ShapeError(f"fill_: expected a number or a 0-d tensor, got shape {np.shape(value)}: use copy_")
    setitem(x, Ellipsis, value)
    return x


def fill_diagonal_(x: Any, fill_value: Any, wrap: bool = False) -> Tensor:
    """Overwrite the elements whose indices are all equal with ``fill_value``, a number or a 0-d tensor.

    Args:
        x: a matrix; or more dimensions, all of the same size.
        fill_value: the gradient flows to it.
        wrap: in a matrix that is taller than wide, begin again below: there is a row without one in between.

    Raises: ShapeError for another shape.
    """
    sizes = tuple(x.shape)
    if len(sizes) < 2 or (len(sizes) > 2 and len(set(sizes)) > 1):
        raise ShapeError(
            f"fill_diagonal_: expected a matrix, or more dimensions that are all of the same size, got shape {sizes}"
        )
    if np.ndim(fill_value):
        raise ShapeError(f"fill_diagonal_: expected a number or a 0-d tensor, got shape {np.shape(fill_value)}")
    places: Any = (np.arange(min(sizes)),) * len(sizes)
    if wrap and len(sizes) == 2:
        places = np.unravel_index(np.arange(0, sizes[0] * sizes[1], sizes[1] + 1), sizes)
        places = tuple([index[: sizes[1] if sizes[0] <= sizes[1] else None] for index in places])
    setitem(x, places, fill_value)
    return x


def zero_(x: Any) -> Tensor:
    """Overwrite every element with 0."""
    setitem(x, Ellipsis, 0)
    return x
