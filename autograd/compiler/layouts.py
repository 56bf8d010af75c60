"""Activations that lie column by column.

Where a batch has few rows and a layer many weights, ``x @ w.T`` takes a fifth less time if its result is written by
columns: BLAS then packs the rows of ``w`` as they lie. What is computed of such a result elementwise takes the same
layout, and so do the gradients that come back to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.many_products import large_product
from .program import Program, reads_of
from .runs import LARGE
from .values import Instruction, Storage, Value, address

__all__ = ["lay_out_columns"]

ROWS = 32
"""Rows of such a result, at least: columns of fewer make what is elementwise slow."""


def lay_out_columns(program: Program) -> None:
    """Results of large products with transposed matrices lie by columns, with all that is computed of them alike.

    The last digits of products may be others, as ``share_products`` says, where this pass is at work too.
    """
    if not program.without_blas_threads:
        return
    users: dict[Storage, list[Any]] = {}
    for item in program.items:
        made = item.makes() if isinstance(item, Instruction) else []
        for storage in {value.storage: None for value in (*reads_of(item), *made)}:
            users.setdefault(storage, []).append(item)
    kept = {value.storage for value in program.given()}
    turned: set[Storage] = set()
    for item in program.instructions():
        if item.function is large_product and _gains(item) and item.outs.storage not in turned:
            family = _Family(item.outs, users, kept)
            if family.is_free:
                family.turn()
                turned |= set(family.whole)


def _gains(item: Instruction) -> bool:
    """Whether a product has few rows and many columns, and a second matrix that is transposed."""
    rows, columns = item.outs.shape
    return ROWS <= rows <= columns // 2 and item.args[1].array.flags.f_contiguous


class _Family:
    """Arrays of the shape of one that are to have the same layout, for each call on them takes or makes several.

    Attributes:
        whole: for each storage the value that is all of it.
        is_free: whether they can be turned: nothing but products, elementwise calls and transposes works with them.
    """

    def __init__(self, first: Value, users: dict[Storage, list[Any]], kept: set[Storage]) -> None:
        self.whole: dict[Storage, Value] = {}
        self._shape = first.shape
        self._views: list[Instruction] = []
        self._products: list[Instruction] = []
        self._waiting = [first.storage]
        while self._waiting:
            storage = self._waiting.pop()
            if storage not in self.whole and (storage in kept or not self._takes(storage, users[storage])):
                self.is_free = False
                return
        self.is_free = True

    def _takes(self, storage: Storage, users: list[Any]) -> bool:
        """Let a storage join with what works on it, if it can."""
        made = [value for item in users if isinstance(item, Instruction) for value in item.makes()]
        whole = next((value for value in made if value.storage is storage), None)
        if storage.kind != "fresh" or whole is None or whole.shape != self._shape or whole.array.size >= LARGE:
            return False
        if not whole.array.flags.c_contiguous or address(whole.array) != address(storage.array):
            return False
        self.whole[storage] = whole
        return all(isinstance(item, Instruction) and self._can_work(item) for item in users)

    def _can_work(self, item: Instruction) -> bool:
        """Whether a call works with arrays in either layout."""
        if item.kind == "view":
            self._views.append(item)
            return _is_turned(item)
        if item.function in (np.dot, np.matmul, large_product):
            self._products.append(item)
            return item.target is None and not item.kwargs and max(value.array.ndim for value in item.reads()) == 2
        if not isinstance(item.function, np.ufunc) or item.function.signature or not set(item.kwargs) <= {"out"}:
            return False
        size = self._shape[0] * self._shape[1]
        values = [*item.reads(), *item.makes()]
        self._waiting += [value.storage for value in values if value.array.size == size]
        return all(value.array.ndim <= 2 and value.array.size <= size for value in values)

    def turn(self) -> None:
        """Give all the other layout."""
        for storage, value in self.whole.items():
            value.array = storage.array = np.asfortranarray(value.array)
        for item in self._views:
            item.outs.array = _cut(item, item.args[0].array)
        for item in self._products:
            if item.function is np.dot and item.outs.storage in self.whole:
                item.function, item.name = np.matmul, "matmul"  # which writes results of any layout


def _is_turned(item: Instruction) -> bool:
    """Whether a view of an array in the other layout is the same numbers, in the other layout."""
    array, made = item.args[0].array, item.outs
    if type(made) is not Value or any(type(value) is Value for value in item.args[1:]):
        return False
    if array.ndim != 2 or made.array.size != array.size or made.array.ndim != 2:
        return False
    other = _cut(item, np.asfortranarray(array) if array.flags.c_contiguous else np.ascontiguousarray(array))
    kept = (other.flags.c_contiguous, other.flags.f_contiguous)
    return other.shape == made.shape and kept == (made.array.flags.f_contiguous, made.array.flags.c_contiguous)


def _cut(item: Instruction, array: Any) -> Any:
    return item.function(array, *item.args[1:], **item.kwargs)
