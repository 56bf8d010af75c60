"""Row by row: which instructions compute each row of their result from the same rows of what they take.

A row is what stands at one place along dimension 0. Elementwise calls are of this kind, with operands that are
broadcast too, and reductions over other dimensions than the first. Sums over all rows are added up block by block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from .values import Instruction, Value, address, extent

__all__ = ["Rows", "is_flat", "is_whole", "only_names", "rows_of", "together"]


class Rows(NamedTuple):
    """How an instruction works row by row.

    Attributes:
        cut: what it takes and makes of which each row belongs to one of its rows.
        whole: the other arrays that it takes, all of them for every row.
        total: for what goes over all rows the function that adds up what the blocks give.
    """

    cut: tuple[Value, ...]
    whole: tuple[Value, ...]
    total: Any = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.cut[0].shape[0])

    @property
    def size(self) -> int:
        """The elements of the largest array that is cut."""
        return max(int(value.array.size) for value in self.cut)


def rows_of(item: Instruction) -> Rows | None:
    """How an instruction works row by row; None if it does not."""
    made = item.result
    if item.kind != "call" or not isinstance(made, Value) or not made.array.size:
        return None
    if item.target is None and not is_whole(made):
        return None
    kind = _kind_of(item)
    found = kind(item, made) if kind else None
    if found is None:
        return None
    cut, whole, total = found
    cut = cut if total else [made, *cut]
    if not all(value.shape and value.shape[0] == cut[0].shape[0] for value in cut):
        return None
    others = [value for value in item.reads() if value not in cut and value is not made]
    return Rows(tuple(cut), tuple(dict.fromkeys([*whole, *others])), total)


def is_whole(made: Value) -> bool:
    """Whether a result is an array of its own, of ordinary layout."""
    storage = made.storage
    return storage.kind == "fresh" and storage.array.nbytes == made.array.nbytes and made.array.flags.c_contiguous


def _kind_of(item: Instruction) -> Any:
    function, names = item.function, set(item.kwargs) - {"out"}
    if function is np.einsum:
        return _einsum if not names else None
    if any(isinstance(arg, (tuple, list, dict, np.ndarray)) for arg in item.args):
        return None
    if function is np.where:
        return _broadcast if len(item.args) == 3 and not names else None
    if function is np.vecdot or function is np.matmul or function is np.dot:
        return (_vecdot if function is np.vecdot else _weighted) if not names else None
    if isinstance(function, np.ufunc):
        return _broadcast if function.signature is None and function.nout == 1 and not names else None
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc) and item.name.endswith(".reduce") and len(item.args) == 1:
        return _reduction if names <= {"axis", "keepdims", "dtype", "initial"} else None
    return None


def _broadcast(item: Instruction, made: Value) -> Any:
    arrays = [arg for arg in item.args if type(arg) is Value and arg.shape]
    cut = [arg for arg in arrays if len(arg.shape) == len(made.shape) and arg.shape[0] == made.shape[0]]
    return cut, [arg for arg in arrays if arg not in cut], None


def _vecdot(item: Instruction, made: Value) -> Any:
    a, b = item.args
    if type(a) is not Value or type(b) is not Value or max(len(a.shape), len(b.shape)) != 2:
        return None
    return [arg for arg in (a, b) if len(arg.shape) == 2], [arg for arg in (a, b) if len(arg.shape) == 1], None


def _weighted(item: Instruction, made: Value) -> Any:
    """A sum of all rows, each with a weight."""
    a, b = item.args
    fits = type(a) is Value and type(b) is Value and (len(a.shape), len(b.shape)) == (1, 2)
    return ([b, a], [], np.add.reduce) if fits and made.dtype.kind in "fc" else None


def _einsum(item: Instruction, made: Value) -> Any:
    """A sum of products of rows."""
    fits = item.args[0] == "ij,ij->j" and len(item.args) == 3 and made.dtype.kind in "fc"
    return (list(item.args[1:]), [], np.add.reduce) if fits else None


_TOTALS: dict[Any, str] = {
    np.add: "fc",
    np.maximum: "fiub",
    np.minimum: "fiub",
    np.logical_or: "b",
    np.logical_and: "b",
}
"""Of what the results of blocks can be put together by the same function, and the kinds of dtypes it holds for."""


def _reduction(item: Instruction, made: Value) -> Any:
    (array,) = item.args
    axis = item.kwargs.get("axis", 0)
    if type(array) is not Value or not array.shape:
        return None
    axes = range(len(array.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if any(type(a) is not int for a in axes):
        return None
    if all(a % len(array.shape) for a in axes):
        return [array], [], None
    owner = getattr(item.function, "__self__", None)
    if "initial" in item.kwargs:  # which each block would begin with
        return None
    if array.dtype == made.dtype and made.dtype.kind in _TOTALS.get(owner, "") and made.dtype != np.float16:
        return [array], [], item.function
    return None


def is_flat(item: Instruction) -> bool:
    """Whether an instruction computes each element from the same elements of other arrays, all in ordinary layout."""
    made = item.result
    if item.name.endswith(".reduce") and item.kwargs.get("axis", 0) is None:
        made = item.args[0]
    elif not (isinstance(item.function, np.ufunc) or item.function is np.where) or item.function in _NOT_FLAT:
        return False
    arrays = [value for value in (made, *item.args) if type(value) is Value and value.shape]
    return all(value.shape == made.shape and value.array.flags.c_contiguous for value in arrays)


_NOT_FLAT = {np.vecdot, np.matmul}


_ALLOCATIONS = {np.empty, np.zeros, np.ones, np.empty_like, np.zeros_like, np.ones_like}


def only_names(item: Any) -> bool:
    """Whether an instruction moves no number: it makes a view, or an array whose numbers nothing decides."""
    return isinstance(item, Instruction) and (item.kind == "view" or item.function in _ALLOCATIONS)


def together(values: Iterable[Value], by_element: bool) -> bool:
    """Whether views of one memory can be cut into rows together: no two rows of different number share bytes.

    If each element is a row, they must be the same or lie apart.
    """
    views = dict.fromkeys(values)
    if len(views) > 1 and any(extent(view) is not view for view in views):
        return False
    spans = [_Span(view.array) for view in views]
    return all(a.fits(b, by_element) for i, a in enumerate(spans) for b in spans[:i])


class _Span:
    """Where an array's first row and all its rows lie in memory."""

    def __init__(self, array: Any) -> None:
        self.step = array.strides[0]
        self.first = address(array)
        inner = sum((n - 1) * stride for n, stride in zip(array.shape[1:], array.strides[1:], strict=True))
        self.row = self.first + inner + array.itemsize
        self.end = self.row + (array.shape[0] - 1) * self.step
        self.plain = min(array.strides) >= 0

    def fits(self, other: _Span, by_element: bool) -> bool:
        if not (self.plain and other.plain):
            return False
        if self.end <= other.first or other.end <= self.first:
            return True
        if by_element:
            return (self.first, self.end, self.step) == (other.first, other.end, other.step)
        one = max(self.row, other.row) - min(self.first, other.first)
        return self.step == other.step and one <= self.step
