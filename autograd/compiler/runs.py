"""Runs: elementwise calls on large arrays, one after the other, are done together on a block at a time.

What one call writes the next finds in the processor's cache; and the blocks are shared out over threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .program import Program, reads_of
from .values import Instruction, Value

__all__ = ["BLOCK", "LARGE", "Run", "grouped"]

BLOCK = 1 << 17
"""Elements in a block: a few arrays of so many fit into a core's cache."""
LARGE = 1 << 18
"""Smaller arrays are computed whole: handing over Python's lock would take longer than the work."""


class Run:
    """Elementwise instructions on arrays of one shape.

    Attributes:
        items: the instructions.
        inner: the values that only these use: each thread has scratch space for them, of one block.
    """

    def __init__(self, items: list[Instruction]) -> None:
        self.items = items
        self.inner: set[Value] = set()

    def outer(self) -> list[Value]:
        """The arrays that it reads or writes, other than its own scratch space, in order."""
        found: dict[Value, None] = {}
        for item in self.items:
            for value in (*item.reads(), *item.makes()):
                if value not in self.inner and value.shape:
                    found[value] = None
        return list(found)


def grouped(program: Program) -> Iterator[Any]:
    """The program's items, with runs of two or more instructions in their place."""
    items: list[Instruction] = []
    for item in [*program.items, None]:
        if items and (item is None or not _goes_on(items, item)):
            yield from _made(program, items)
            items = []
        if item is not None:
            if isinstance(item, Instruction) and is_elementwise(item):
                items.append(item)
            else:
                yield item


def _made(program: Program, items: list[Instruction]) -> list[Any]:
    if len(items) < 2:
        return list(items)
    run = Run(items)
    inside = {id(item) for item in items}
    given = {value.storage for value in program.given()}
    made = {item.outs for item in items if item.target is None}
    users: dict[Any, set[int]] = {}
    for item in program.items:
        for value in (*reads_of(item), *(item.makes() if isinstance(item, Instruction) else ())):
            users.setdefault(value.storage, set()).add(id(item))
    run.inner = {value for value in made if users[value.storage] <= inside and value.storage not in given}
    return [run]


def _goes_on(items: list[Instruction], item: Any) -> bool:
    """Whether an item can join those before it."""
    return isinstance(item, Instruction) and is_elementwise(item) and _shape(item) == _shape(items[0])


def _shape(item: Instruction) -> tuple[int, ...]:
    return (item.target or item.outs).shape


def is_elementwise(item: Instruction) -> bool:
    """Whether an instruction computes each element of a large array from the same elements of others."""
    made = item.target or item.outs
    if item.kind != "call" or not isinstance(made, Value) or made.array.size < LARGE:
        return False
    if item.function is np.where:
        if len(item.args) != 3 or item.kwargs:
            return False
    elif (
        not isinstance(item.function, np.ufunc)
        or item.function.signature is not None
        or item.function.nout != 1
        or not set(item.kwargs) <= {"out"}
    ):
        return False
    if item.target is None and (made.storage.array.nbytes != made.array.nbytes or made.storage.kind != "fresh"):
        return False
    for arg in (made, *item.args):
        if type(arg) is Value and arg.shape and (arg.shape != made.shape or not arg.array.flags.c_contiguous):
            return False
        if isinstance(arg, (tuple, list, dict)):
            return False
    return True
