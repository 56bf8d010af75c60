"""Indices in every form that square brackets take: what they select, and reading and writing plain arrays at them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.foreign import ForeignArray, first_foreign
from ._blocks import BLOCK, in_blocks

__all__ = [
    "as_indices", "at", "blocks_apart", "from_start", "has_no_repeats", "ints_first", "is_basic", "is_int",
    "is_integer_array", "is_lone", "last_ones", "names_elements", "positions", "put", "spanned", "take_across",
    "take_many", "with_ints",
]  # fmt: skip


# ---- what an index selects -------------------------------------------------------------------------------------------


def is_basic(index: Any) -> bool:
    """Whether ``index`` selects every element at most once by its form alone (ints, slices, None, Ellipsis)."""
    if type(index) is not tuple:
        return index is None or index is Ellipsis or isinstance(index, slice) or is_int(index)
    return all(part is None or part is Ellipsis or isinstance(part, slice) or is_int(part) for part in index)


def is_int(part: Any) -> bool:
    """Whether a part of an index is one integer, which takes a dimension away."""
    if isinstance(part, (int, np.integer)):
        return not isinstance(part, bool)
    return isinstance(part, (np.ndarray, ForeignArray)) and part.ndim == 0 and part.dtype.kind in "iu"


def _is_flag(part: Any) -> bool:
    return isinstance(part, (bool, np.bool_)) or (_is_mask(part) and part.ndim == 0)


def _is_mask(part: Any) -> bool:
    return getattr(part, "dtype", None) == np.bool_


def is_integer_array(part: Any) -> bool:
    """Whether a part of an index is an array of integers."""
    return isinstance(part, np.ndarray) and part.dtype.kind in "iu"


def has_no_repeats(index: Any) -> bool:
    """Whether no element can be selected twice: the arrays of ``index`` are masks."""
    arrays = (np.ndarray, ForeignArray)
    parts = index if type(index) is tuple else (index,)
    return all(_is_mask(part) if isinstance(part, arrays) and part.ndim else is_basic(part) for part in parts)


def ints_first(index: Any, ndim: int) -> tuple[Any, Any] | None:
    """An index of ``ndim`` dimensions in two steps, first its ints and then the rest, where PyTorch differs from NumPy.

    NumPy takes an int beside an array for an array too, which can move dimensions to the front: ``x[0, :, [1, 2]]``.
    So does an Ellipsis between arrays, even one that stands for no dimension. PyTorch does not. A single bool is to
    both an array, of one element and for a new dimension.
    """
    if type(index) is not tuple:
        return None
    ints = arrays = dots = apart = False
    for part in index:
        kind = type(part)
        if kind is slice or part is None:
            continue
        if part is Ellipsis:
            dots = arrays
            continue
        if kind is int or is_int(part):
            ints = True
        else:
            arrays = True
            apart = apart or dots
    void = apart and sum(map(spanned, index)) == ndim
    if not ((ints and arrays) or void):
        return None
    first: list[Any] = []
    rest: list[Any] = []
    for part in index:
        if is_int(part):
            first.append(part.item() if isinstance(part, np.ndarray) else _plain_int(part))
            continue
        if _is_flag(part):
            first.append(None)
            rest.append(np.array([part], bool).reshape(1))
            continue
        if part is not Ellipsis or not void:
            rest.append(part)
        first.extend([part] if part is Ellipsis else [slice(None)] * spanned(part))
    return tuple(first), tuple(rest)


def _plain_int(part: Any) -> Any:
    """An int; an array that has one for each example of a batch stays that."""
    return part if isinstance(part, ForeignArray) else int(part)


def spanned(part: Any) -> int:
    """How many dimensions a part of an index stands for, an Ellipsis aside."""
    if part is None or part is Ellipsis or _is_flag(part):
        return 0
    part = part if hasattr(part, "dtype") or isinstance(part, slice) else np.asarray(part)  # of a list, say
    return int(part.ndim) if _is_mask(part) else 1


def as_indices(index: Any) -> Any:
    """A list, tuple or range as the array of integers or bools that it is as an index; an empty one is of integers."""
    array = np.asarray(index)
    return array if array.size else array.astype(np.intp)


def with_ints(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index with ints for arrays of no dimensions, by which PyTorch takes a view, and NumPy would copy."""
    for part in index:
        if isinstance(part, np.ndarray) and not part.ndim and part.dtype.kind in "iu":
            return tuple([x.item() if isinstance(x, np.ndarray) and not x.ndim and is_int(x) else x for x in index])
    return index


def is_lone(index: tuple[Any, ...]) -> bool:
    """Whether an index consists of whole slices and, at its end, one array of integers."""
    last: Any = index[-1] if index else None
    if not (is_integer_array(last) and last.ndim):
        return False
    for part in index[:-1]:  # noqa: SIM110 (quicker than all() of a generator)
        if type(part) is not slice or part != _WHOLE:
            return False
    return True


_WHOLE = slice(None)


def from_start(index: Any, size: int) -> Any:
    """Indices of a dimension of ``size``, negative ones too, as such that count from its start."""
    return np.where(index < 0, index + size, index)


def positions(index: Any, shape: tuple[int, ...]) -> Any:
    """For each element of ``x[index]`` where it lies in ``x.ravel()``, for an ``x`` of ``shape``."""
    if is_integer_array(index) and len(shape) == 1:
        return index if index.min(initial=0) >= 0 else from_start(index, shape[0])
    if names_elements(index, shape):
        return np.ravel_multi_index(index, shape, mode="wrap")
    parts = index if type(index) is tuple else (index,)
    like = next((part for part in parts if isinstance(part, np.ndarray)), None)
    return at(np.arange(math.prod(shape), like=like).reshape(shape), index)


def names_elements(index: Any, shape: tuple[int, ...]) -> bool:
    """Whether an index has an array of integers for each dimension."""
    return type(index) is tuple and len(index) == len(shape) and all(map(is_integer_array, index))


def _come_again(places: Any, size: int) -> bool:
    """Whether some of the places below ``size`` come more than once: often the first of many show it."""
    written = np.zeros(size, np.bool_, like=places)
    if len(places) > BLOCK:
        some = len(places) // 16
        written[places[:some]] = True
        if np.count_nonzero(written) < some:
            return True
    written[places] = True
    return bool(np.count_nonzero(written) < len(places))


def last_ones(places: Any, size: int) -> Any:
    """Which of some places below ``size`` come for the last time; None if each comes once."""
    if not _come_again(places.reshape(-1), size):
        return None
    numbers = np.arange(places.size, dtype=np.int32 if places.size < 1 << 31 else np.int64).reshape(places.shape)
    last = np.empty(size, numbers.dtype, like=places)
    last[places] = numbers
    return last[places] == numbers


# ---- reading and writing ---------------------------------------------------------------------------------------------


def at(array: Any, index: Any) -> Any:
    """``array[index]``, with ints beside arrays applied first."""
    steps = ints_first(index, array.ndim)
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
    steps = ints_first(index, array.ndim)
    if steps is None:
        if is_integer_array(index) and index.size > BLOCK and array.ndim == 1 and type(array) is np.ndarray:
            _put_many(array, index, value)
        else:
            array[index] = value
        return
    place = array[steps[0]]
    place[steps[1]] = value
    if first_foreign(steps[0]) is not None:  # ints that differ between examples take no view
        array[steps[0]] = place


def take_many(x: Any, index: Any) -> Any:
    """``x.take(index, 0)``, of many indices."""
    out = np.empty((*index.shape, *x.shape[1:]), x.dtype)

    def work(block: slice) -> None:
        out[block] = x.take(index[block], 0)

    in_blocks(index, lambda: work, BLOCK)
    return out


def take_across(x: Any, index: Any, dim: int) -> Any:
    """``x.take(index, dim)``; much of it in blocks of rows."""
    shape = (*x.shape[:dim], *index.shape, *x.shape[dim + 1 :])
    if not dim or type(x) is not np.ndarray or math.prod(shape) <= BLOCK:
        return x.take(index, dim)
    if index.min() < -x.shape[dim] or index.max() >= x.shape[dim]:
        return x.take(index, dim)  # which says what is wrong
    index, out = from_start(index, x.shape[dim]), np.empty(shape, x.dtype)

    def work(block: slice) -> None:
        x[block].take(index, dim, out[block], "clip")  # not to check it all again

    in_blocks(out, lambda: work, BLOCK)
    return out


def _put_many(line: Any, index: Any, value: Any) -> None:
    """``line[index] = value``, of many integers."""
    index, value = index.reshape(-1), np.broadcast_to(value, index.shape).reshape(-1)
    if not blocks_apart(index, len(line)):
        line[index] = value
        return

    def work(block: slice) -> None:
        line[index[block]] = value[block]

    in_blocks(index, lambda: work, rows=BLOCK)


def blocks_apart(index: Any, size: int) -> bool:
    """Whether threads can share a line of integers in ``range(size)``: each BLOCK of them names places of its own."""
    starts = np.arange(0, index.size, BLOCK)
    least, most = np.minimum.reduceat(index, starts), np.maximum.reduceat(index, starts)
    return bool(least.min() >= 0 and most.max() < size and np.all(most[:-1] < least[1:]))
