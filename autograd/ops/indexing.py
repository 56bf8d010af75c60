"""Indexing, and item assignment.

Taking and scattering of every kind come down to three ops: ``getitem``, its transpose ``scatter_index``, and
``with_item``, which is item assignment as a function.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from .._inplace import check_writable, recorded_write
from .._op import composed, op, unwrap
from ..engine.foreign import ForeignArray, first_foreign
from ..engine.modes import local
from ..engine.nodes import array_of
from ..errors import DtypeError, ShapeError
from ..samples import case, reals
from ._blocks import BLOCK, in_blocks
from ._foreign import foreign
from .axes import MANY, place_along

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

# ---- indices --------------------------------------------------------------------------------------------------------


def _is_basic(index: Any) -> bool:
    """Whether ``index`` selects every element at most once by its form alone (ints, slices, None, Ellipsis)."""
    if type(index) is not tuple:
        return index is None or index is Ellipsis or isinstance(index, slice) or _is_int(index)
    return all(part is None or part is Ellipsis or isinstance(part, slice) or _is_int(part) for part in index)


def _is_int(part: Any) -> bool:
    if isinstance(part, (int, np.integer)):
        return not isinstance(part, bool)
    return isinstance(part, (np.ndarray, ForeignArray)) and part.ndim == 0 and part.dtype.kind in "iu"


def _is_flag(part: Any) -> bool:
    return isinstance(part, (bool, np.bool_)) or (_is_mask(part) and part.ndim == 0)


def _is_mask(part: Any) -> bool:
    return getattr(part, "dtype", None) == np.bool_


def _ints_first(index: Any) -> tuple[Any, Any] | None:
    """``index`` in two steps, first its ints and then the rest, if it mixes ints and arrays; else None.

    NumPy takes an int beside an array for an array too, which can move dimensions to the front: ``x[0, :, [1, 2]]``.
    PyTorch does not. A single bool is to both an array, of one element and for a new dimension.
    """
    if type(index) is not tuple:
        return None
    ints = arrays = False
    for part in index:
        kind = type(part)
        if kind is slice or part is None or part is Ellipsis:
            continue
        listed = isinstance(part, (list, np.ndarray, ForeignArray)) and np.ndim(part)
        if kind is not int and (listed or _is_flag(part)):
            arrays = True
        else:
            ints = True
    if not (ints and arrays):
        return None  # without ints NumPy does as PyTorch
    first: list[Any] = []
    rest: list[Any] = []
    for part in index:
        if _is_int(part):
            first.append(int(part))  # an array of no dimension would copy
            continue
        if _is_flag(part):
            first.append(None)
            rest.append(np.array([part], bool).reshape(1))
            continue
        rest.append(part)
        if part is Ellipsis:
            first.append(part)
        elif part is not None:
            part = np.asarray(part) if isinstance(part, list) else part
            first.extend([slice(None)] * (part.ndim if _is_mask(part) else 1))
    return tuple(first), tuple(rest)


def _positions(index: Any, shape: tuple[int, ...]) -> Any:
    """For each element of ``x[index]`` where it lies in ``x.ravel()``, for an ``x`` of ``shape``."""
    if _is_whole(index) and len(shape) == 1:
        return index if index.min(initial=0) >= 0 else np.where(index < 0, index + shape[0], index)
    if _names_elements(index, shape):
        return np.ravel_multi_index(index, shape, mode="wrap")
    parts = index if type(index) is tuple else (index,)
    like = next((part for part in parts if isinstance(part, np.ndarray)), None)
    return at(np.arange(math.prod(shape), like=like).reshape(shape), index)


def _names_elements(index: Any, shape: tuple[int, ...]) -> bool:
    """Whether an index has an array of integers for each dimension."""
    return type(index) is tuple and len(index) == len(shape) and all(map(_is_whole, index))


def _is_whole(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind in "iu"


def at(array: Any, index: Any) -> Any:
    """``array[index]``, with ints beside arrays applied first."""
    steps = _ints_first(index)
    return array[index] if steps is None else array[steps[0]][steps[1]]


def put(array: Any, index: Any, value: Any) -> None:
    """``array[index] = value``, with ints beside arrays applied first; ``value`` may have more dimensions of size 1."""
    try:
        _put(array, index, value)
    except (ValueError, TypeError):  # of an element, or of a mask, NumPy takes no more dimensions than it has
        shape = tuple(np.shape(value))
        lean = shape[next((i for i, n in enumerate(shape) if n != 1), len(shape)) :]
        if lean == shape:
            raise
        _put(array, index, np.reshape(value, lean))


def _put(array: Any, index: Any, value: Any) -> None:
    steps = _ints_first(index)
    if steps is None:
        if _is_whole(index) and index.size > BLOCK and array.ndim == 1 and type(array) is np.ndarray:
            _put_many(array, index, value)
        else:
            array[index] = value
    else:
        array[steps[0]][steps[1]] = value


def _lone(index: Any) -> tuple[int, Any] | None:
    """The array in a tuple of whole slices and one array of integers, and its dimension; None for another index."""
    last: Any = index[-1] if index else None
    if not (_is_whole(last) and last.ndim):
        return None
    for part in index[:-1]:
        if type(part) is not slice or part != _WHOLE:
            return None
    return len(index) - 1, last


_WHOLE = slice(None)


def _taken(x: Any, index: Any) -> Any:
    """``x.take(index, 0)``, of many indices."""
    out = np.empty((*index.shape, *x.shape[1:]), x.dtype)

    def work(block: slice) -> None:
        out[block] = x.take(index[block], 0)

    in_blocks(index, lambda: work)
    return out


def _put_many(line: Any, index: Any, value: Any) -> None:
    """``line[index] = value``, of many integers."""
    value = np.broadcast_to(value, index.shape)
    if not _apart(index.reshape(-1), len(line)):
        line[index] = value
        return

    def work(block: slice) -> None:
        line[index[block]] = value[block]

    in_blocks(index, lambda: work)


def everything(count: int) -> tuple[slice, ...]:
    """The index that leaves the first ``count`` dimensions as they are."""
    return (slice(None),) * count


# ---- the three ops --------------------------------------------------------------------------------------------------


@op(
    x=lambda g, index, x_shape: scatter_index.kernel(g, index, x_shape),
    view=True,
    constants=("index",),
    samples=[case(x=reals(shape=shape), index=index) for shape, index in _INDICES],
)
def getitem(x: Any, index: Any) -> Any:
    """``x[index]``, in every form: ints, slices, None, Ellipsis, masks, integer arrays, mixed.

    Basic indices give a view, the others a copy. Repeated indices accumulate in the gradient. Ints beside arrays are
    applied first, as in PyTorch: ``x[0, :, [1, 2]]`` is ``x[0][:, [1, 2]]``.

    Raises: IndexError.
    """
    if isinstance(index, np.ndarray):
        if index.dtype is dtypes.int64 and index.ndim and isinstance(x, np.ndarray) and x.ndim:
            many = index.size > BLOCK and type(index) is type(x) is np.ndarray
            return _taken(x, index) if many else x.take(index, 0)  # in a third of the time
        if not index.ndim and index.dtype.kind in "iu":
            index = int(index)  # a view, as by a number
    if type(index) is not tuple:
        out = x[index]
    elif index and type(index[-1]) is type(x) is np.ndarray and (lone := _lone(index)) and lone[1].dtype == np.int64:
        return x.take(lone[1], lone[0])
    else:
        out = at(x, index)
    if isinstance(out, np.generic):  # NumPy copies a single element: the Ellipsis makes it a view
        return x[(*index, ...) if type(index) is tuple else (index, ...)]
    return out


@op(
    x=lambda g, index: getitem.kernel(g, index),
    constants=("index",),
    samples=[case(x=reals(shape=at(np.empty(s), index).shape), index=index, shape=s) for s, index in _INDICES],
)
def scatter_index(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index``: the transpose of ``getitem``."""
    if _is_basic(index):
        out = np.zeros(shape, x.dtype, like=np.asanyarray(x))
        out[index] = x
        return out
    if isinstance(index, list):
        index = np.asarray(index)
    elif type(index) is tuple and len(index) == 1:
        index = index[0]
    if x.dtype == np.float16:
        return _added(x.astype(np.float32), index, shape).astype(np.float16)
    return _added(x, index, shape)


def _added(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """``scatter_index`` for an index with arrays."""
    if has_no_repeats(index):
        out = np.zeros(shape, x.dtype, like=np.asanyarray(x))
        put(out, index, x)
        return out
    if x.size < (_FEW_ELEMENTS if _names_elements(index, shape) else _FEW) and _ints_first(index) is None:
        out = np.zeros(shape, x.dtype, like=np.asanyarray(x))
        np.add.at(out, index, x)
        return out
    whole = math.prod(shape[1:])
    if _is_whole(index) and whole > 1 and x.size >= _MANY and isinstance(x, np.ndarray) and x.dtype.kind in "fc":
        return _rows_added(x, index, shape)
    if _is_whole(index) and len(shape) == 1 and type(x) is np.ndarray and index.size > BLOCK and x.shape == index.shape:
        return _elements_added(x, index, shape[0])
    if type(index) is tuple and type(x) is np.ndarray and (lone := _lone(index)) is not None:
        return _slices_added(x, *lone, shape)
    if _is_whole(index):
        flat = index if index.min(initial=0) >= 0 else np.where(index < 0, index + shape[0], index)
        if len(shape) > 1:
            flat = np.reshape(flat, (-1, 1)) * whole + np.arange(whole)
    else:
        flat = _positions(index, shape)
        if x.shape != flat.shape:
            x = np.broadcast_to(x, flat.shape)
    out = np.zeros(math.prod(shape), x.dtype, like=np.asanyarray(x))
    np.add.at(out, np.reshape(flat, -1), np.reshape(x, -1))
    return np.reshape(out, shape)


_FEW = 2048
"""Below this number of elements, ``np.add.at`` with the index as it is beats computing positions in one dimension."""
_FEW_ELEMENTS = 512
"""The same where the index has an array for each dimension, so that positions are soon found."""
_MANY = 8192
"""From this many elements on, a sparse matrix product adds rows faster than ``np.add.at`` (10 times for 100,000)."""


@foreign
def _rows_added(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Rows of ``x`` added at an integer array, as the product of a sparse matrix of ones with ``x``."""
    from scipy.sparse import csc_matrix

    places = np.where(index < 0, index + shape[0], index).reshape(-1)
    ones = np.ones(places.size, x.dtype)
    sparse = csc_matrix((ones, places, np.arange(places.size + 1)), shape=(shape[0], places.size))
    return (sparse @ x.reshape(places.size, -1)).reshape(shape)


def _apart(index: Any, size: int) -> bool:
    """Whether blocks of a line of integers in ``range(size)`` name different places, so that threads can share them."""
    starts = np.arange(0, index.size, BLOCK)
    least, most = np.minimum.reduceat(index, starts), np.maximum.reduceat(index, starts)
    return bool(least.min() >= 0 and most.max() < size and np.all(most[:-1] < least[1:]))


def _elements_added(x: Any, index: Any, size: int) -> Any:
    """Elements added at many integers."""
    index, x = index.reshape(-1), x.reshape(-1)
    out = np.zeros(size, x.dtype)
    if _apart(index, size):
        in_blocks(index, lambda: lambda block: np.add.at(out, index[block], x[block]))
    else:
        np.add.at(out, index, x)
    return out


def _slices_added(x: Any, dim: int, index: Any, shape: tuple[int, ...]) -> Any:
    """Slices along ``dim`` added at an integer array."""
    places = np.where(index < 0, index + shape[dim], index).reshape(-1)
    inner = math.prod(shape[dim + 1 :])
    if inner == 1 and x.size >= MANY:
        lines = x.reshape(-1, places.size)
        across = np.broadcast_to(places, lines.shape)
        return place_along.op.forward(lines, across, (len(lines), shape[dim]), 1, True, True).reshape(shape)
    places = (places[:, None] * inner + np.arange(inner)).reshape(-1)
    out = np.zeros((math.prod(shape[:dim]), shape[dim] * inner), x.dtype)
    x = x.reshape(len(out), places.size)

    def work(block: slice) -> None:
        part = out[block]
        flat = np.arange(len(part))[:, None] * part.shape[1] + places
        np.add.at(part.reshape(-1), flat.reshape(-1), x[block].reshape(-1))

    in_blocks(x, lambda: work)
    return out.reshape(shape)


def has_no_repeats(index: Any) -> bool:
    """Whether no element can be selected twice: the arrays of ``index`` are masks."""
    arrays = (np.ndarray, ForeignArray)
    parts = index if type(index) is tuple else (index,)
    return all(_is_mask(part) if isinstance(part, arrays) and part.ndim else _is_basic(part) for part in parts)


def _winners(index: Any, shape: tuple[int, ...]) -> Any:
    """Which of the values written at ``index`` stay, None for all: where an index is repeated, only the last."""
    if _is_basic(index) or has_no_repeats(index):
        return None
    if first_foreign(index) is not None:
        places = getitem.kernel(np.arange(math.prod(shape)).reshape(shape), index)
        numbers = np.arange(places.size).reshape(places.shape)
        last = with_item.kernel(np.zeros(math.prod(shape), np.intp), numbers, places)
        return getitem.kernel(last, places) == numbers
    places = _positions(np.asarray(index) if isinstance(index, list) else index, shape)
    written = np.zeros(math.prod(shape), np.bool_, like=places)
    written[places] = True
    if np.count_nonzero(written) == places.size:
        return None
    numbers = np.arange(places.size).reshape(places.shape)
    last = np.empty(math.prod(shape), np.intp, like=places)
    last[places] = numbers
    return last[places] == numbers


def _written(g: Any, index: Any, x_shape: Any, y_shape: Any) -> Any:
    """What reached the result of the values written at ``index``; they may have had more dimensions of size 1."""
    part = getitem.kernel(g, index)
    stay = _winners(index, x_shape)
    if stay is not None:
        part = np.where(stay, part, 0)
    extra = len(y_shape) - len(part.shape)
    return part if extra <= 0 else np.reshape(part, (1,) * extra + part.shape)


@op(
    x=lambda g, index: with_item.kernel(g, 0.0, index),
    y=lambda g, index, x_shape, y_shape: _written(g, index, x_shape, y_shape),
    constants=("index",),
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

    Raises: IndexError; DtypeError if ``value`` is no number of this dtype; ShapeError if it does not broadcast to the
    place; MutationError if ``x`` must not be overwritten now. ``x`` is then unchanged.
    """
    check_writable(x, "item assignment")
    index = unwrap(index)
    array, source = array_of(x), unwrap(value)
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
    except (ValueError, TypeError) as error:
        if isinstance(error, TypeError) and not np.ndim(source):
            raise
        raise ShapeError(
            f"item assignment: a value of shape {np.shape(source)} does not broadcast to the place x[index] of shape "
            f"{at(array, index).shape} ({error})"
        ) from None
    recorded_write(x, with_item.op, (x, value), (array, source, index))


@composed(inputs=("x",), samples=[case(x=reals(shape=(2, 3)), value=0.5), case(x=reals(shape=()), value=2)])
def fill(x: Any, value: Any) -> Any:
    """A tensor of the shape and dtype of ``x`` full of ``value``, a number or a 0-d tensor."""
    if np.ndim(value):
        raise ShapeError(f"fill: expected a number or a 0-d tensor, got shape {np.shape(value)}")
    return with_item(x, dtypes.stored(value, x.dtype), ...)


def fill_(x: Any, value: Any) -> Any:
    """Overwrite every element with ``value``, a number or a 0-d tensor, to which the gradient flows."""
    if np.ndim(value):
        raise ShapeError(f"fill_: expected a number or a 0-d tensor, got shape {np.shape(value)}: use copy_")
    setitem(x, Ellipsis, value)
    return x


def zero_(x: Any) -> Any:
    """Overwrite every element with 0."""
    setitem(x, Ellipsis, 0)
    return x
