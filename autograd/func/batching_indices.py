"""Indexing of batched arrays: reading and writing at places that are the same for all examples, or that are batched.

An index of one example becomes one of all examples. What is subtle is where the axis of the examples comes to lie:
NumPy puts the axes of index arrays to the front if they are separated by slices.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..engine.foreign import ForeignArray, alike, first_foreign
from ..errors import ShapeError
from ..ops._indices import as_indices
from .batching import BatchedArray, Level, Unsuited, rank_of, rule, shifted
from .batching_errors import dynamic

__all__ = ["read", "write"]


class _Place(NamedTuple):
    """An index of all examples at once.

    Attributes:
        where: what to index with.
        ndim: the number of dimensions of the place in one example.
        moves: of the axes that come out, which go where: from, to; so that the examples' axis is first.
    """

    where: tuple[Any, ...]
    ndim: int
    moves: tuple[Any, Any] | None


def _is_mask(part: Any) -> bool:
    return isinstance(part, (bool, np.bool_)) or (hasattr(part, "dtype") and part.dtype == np.bool_)


def _is_plain(part: Any) -> bool:
    return part is None or part is Ellipsis or type(part) is slice


def _parts(index: Any, ndim: int) -> list[Any]:
    """The index as a list with a slice for every axis that is not named; an Ellipsis for no axis stays between arrays.

    Raises:
        IndexError: there are more indices than axes, or two Ellipses.
    """
    parts = list(index) if type(index) is tuple else [index]
    parts = [as_indices(part) if isinstance(part, (list, tuple)) else part for part in parts]
    if sum([part is Ellipsis for part in parts]) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum(rank_of(part) if _is_mask(part) else 1 for part in parts if part is not None and part is not Ellipsis)
    if used > ndim:
        raise IndexError(f"too many indices for array: array is {ndim}-dimensional, but {used} were indexed")
    rest: list[Any] = [slice(None)] * (ndim - used)
    for i, part in enumerate(parts):
        if part is Ellipsis:
            if not rest and not (all(map(_is_plain, parts[:i])) or all(map(_is_plain, parts[i:]))):
                rest = [part]
            return parts[:i] + rest + parts[i + 1 :]
    return parts + rest


def _place(level: Level, x: Any, index: Any) -> _Place:
    """The index of all examples that means ``index`` for each; ``x`` need not be batched if ``index`` is."""
    own = level.owns(x)
    if own and type(index) is slice and x.ndim and not any(map(level.owns, (index.start, index.stop, index.step))):
        return _Place((slice(None), index), x.ndim, None)
    parts = _parts(index, x.ndim)
    if any(level.owns(part) and _is_mask(part) for part in parts):
        raise dynamic("x[mask], with a mask that differs between examples,")
    if any(type(item) is slice and any(map(level.owns, (item.start, item.stop, item.step))) for item in parts):
        raise dynamic("x[a:b], with bounds that differ between examples,")
    plain = [_is_plain(part) for part in parts]
    kept = sum([part is None or type(part) is slice for part in parts])
    batched = any(map(level.owns, parts))
    arrays = [part for part, simple in zip(parts, plain, strict=True) if not simple]
    if not batched and all(isinstance(part, (int, np.integer)) and not _is_mask(part) for part in arrays):
        return _Place((slice(None), *parts), kept, None)
    rank = max([1 if _is_mask(part) else rank_of(part) for part in arrays], default=0)
    spots = [i for i, simple in enumerate(plain) if not simple]
    joined = spots[-1] - spots[0] == len(spots) - 1
    before = spots[0] if joined else 0  # where the arrays' axes shall lie in the result for one example
    ndim = kept + rank
    if not batched:  # the examples' axis is first, unless the arrays' axes jump over it
        return _Place((slice(None), *parts), ndim, None if joined else (rank, 0))
    full = [level.aligned(part, rank) if level.owns(part) else part for part in parts]
    if not own:  # the arrays' axes, of which the examples' is the first, come out where those of one example would
        return _Place(tuple(full), ndim, (before, 0) if before else None)
    lead = np.arange(level.size).reshape(-1, *(1,) * rank)
    inside = tuple(range(1, rank + 1))
    moves = (inside, tuple([before + i for i in inside])) if before and rank else None
    return _Place((lead, *full), ndim, moves)


@rule(BatchedArray.__getitem__)
def read(level: Level, x: Any, index: Any) -> Any:
    """``x[index]``, where one of both is batched or both are."""
    try:
        if type(index) is int and level.owns(x) and x.ndim:
            return BatchedArray(x.value[:, index], level)
        if type(x) is np.ndarray and type(index) is BatchedArray and index.dtype.kind in "iu" and x.ndim:
            return level.wrap(np.take(x, index.value, 0))
        place = _place(level, x, index)
        whole = alike(x.value if level.owns(x) else x, first_foreign(*place.where))
        found = _seen(whole, *place.where)[place.where]
    except IndexError:
        _try_each(level, lambda given: given[0][given[1]], (x, index))
        raise
    return level.wrap(found if place.moves is None else np.moveaxis(found, *place.moves))


def _try_each(level: Level, function: Callable[[Any], Any], values: Any) -> None:
    """Call what failed for all examples at once for one after the other, so that the error speaks of one."""
    for i in range(level.size):
        function(level.example(values, i))


@rule(BatchedArray.__setitem__)
def write(level: Level, x: Any, index: Any, value: Any) -> None:
    """``x[index] = value`` for a batched ``x``."""
    mask = index[0] if type(index) is tuple and len(index) == 1 else index
    if level.owns(mask) and _is_mask(mask):
        _write_masked(level, x, mask, value)
        return
    place = _place(level, x, index)
    value = value if isinstance(value, ForeignArray) else np.asarray(value)
    extra = max(value.ndim - place.ndim, 0)
    if extra and any(n != 1 for n in value.shape[:extra]):
        raise ShapeError(f"a value of shape {value.shape} has more dimensions than the {place.ndim} of its place")
    value = value[(0,) * extra] if extra else value
    if level.owns(value):
        given = level.aligned(value, place.ndim)
    else:
        given = np.reshape(value, (*(1,) * (place.ndim + 1 - value.ndim), *value.shape))
    if place.moves is not None:
        given = np.moveaxis(given, place.moves[1], place.moves[0])
    x.value = _seen(x.value, given, *place.where)
    try:
        x.value[place.where] = given
    except (IndexError, ValueError):
        _try_each(level, lambda given: operator.setitem(given[0].copy(), *given[1:]), (x, index, value))
        raise


def _seen(array: Any, *others: Any) -> Any:
    """A plain array as one of the type of what is written into it, or indexes it, which may be one that records."""
    if type(array) is np.ndarray:
        for other in others:
            if type(other) is not np.ndarray and isinstance(other, np.ndarray):
                return np.asarray(array, like=other)
    return array


def _write_masked(level: Level, x: Any, mask: Any, value: Any) -> None:
    """``x[mask] = value`` with a mask of its own for each example."""
    if rank_of(value):
        raise dynamic("x[mask] = values, with a mask that differs between examples and more than one value,")
    whole = np.reshape(mask.value, (*mask.value.shape, *(1,) * (x.ndim - mask.ndim)))
    np.copyto(x.value, level.aligned(value, x.ndim), casting="unsafe", where=whole)


# ---- NumPy's functions that index ------------------------------------------------------------------------------------


@rule(np.take)
def _take(level: Level, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    if out is not None or mode != "raise":
        raise Unsuited
    if axis is None:
        a, axis = np.ravel(a), 0
    indices = indices if hasattr(indices, "shape") else np.asarray(indices)
    if not level.owns(indices):
        return level.wrap(np.take(a.value, indices, shifted(axis, a.ndim)))
    axis = shifted(axis, a.ndim) - 1
    if not level.owns(a):
        return level.wrap(np.moveaxis(np.take(alike(a, indices.value), indices.value, axis), axis, 0))
    return read(level, a if hasattr(a, "shape") else np.asarray(a), (*(slice(None),) * axis, indices))


@rule(np.take_along_axis)
def _take_along_axis(level: Level, arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    rank = max(rank_of(arr), rank_of(indices))
    return level.wrap(np.take_along_axis(level.lift(arr), level.lift(indices), shifted(axis, rank)))


@rule(np.put_along_axis)
def _put_along_axis(level: Level, arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if axis is None or not level.owns(arr):
        raise Unsuited
    given = level.aligned(values, arr.ndim)
    np.put_along_axis(arr.value, level.lift(indices), given, shifted(axis, arr.ndim))


@rule(np.copyto)
def _copyto(level: Level, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if not level.owns(dst) or rank_of(src) > dst.ndim:
        raise Unsuited
    chosen = level.aligned(where, dst.ndim) if where is not True else True
    np.copyto(dst.value, level.aligned(src, dst.ndim), casting=casting, where=chosen)
