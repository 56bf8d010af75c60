"""The program: what was recorded, as a list that passes work on, and what it takes and gives."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .numbers import Number
from .places import LIBRARIES, package
from .recording import Tape
from .signatures import METHODS
from .trees import Effect, TensorOf
from .values import Check, Instruction, Storage, Value, address, collect, leaves_in, map_tree, shifted

__all__ = ["Part", "Program", "calls_back", "forget", "may_overlap", "numbers_of", "reads_of", "values_of"]


_OF_C = (np.ufunc, types.BuiltinFunctionType, *METHODS)
"""Classes of functions that are no Python code."""


class Part:
    """A stretch of a tape: all of it, or what was written down between two moments.

    Args:
        tape: the tape.
        start, stop: moments, as ``moment`` tells them.
    """

    def __init__(self, tape: Tape, start: Any = (0, 0, 0), stop: Any = (None, None, None)) -> None:
        self.first = start[0]
        self.instructions = tape.instructions[start[0] : stop[0]]
        self.prelude = tape.prelude[start[1] : stop[1]]
        self.checks = tape.checks[start[2] : stop[2]]

    @staticmethod
    def moment(tape: Tape) -> tuple[int, int, int]:
        """How much is written down now."""
        return len(tape.instructions), len(tape.prelude), len(tape.checks)


def _mapped(tree: Any, leaf: Any, made: dict[int, Any]) -> Any:
    """``map_tree``, but that a container which stands in several places is one in all."""
    if not isinstance(tree, (tuple, list, dict)):
        return leaf(tree)
    if id(tree) not in made:
        kind = type(tree)
        if isinstance(tree, dict):
            made[id(tree)] = kind([(key, _mapped(item, leaf, made)) for key, item in tree.items()])
        else:
            items = [_mapped(item, leaf, made) for item in tree]
            made[id(tree)] = kind._make(items) if hasattr(kind, "_make") else kind(items)
    return made[id(tree)]


class Program:
    """Instructions and checks in order, the effects that stay and the results.

    Attributes:
        items: Instructions and Checks.
        effects: what is left where.
        results: the tree that the function returned.
        graded: of outputs that require grad: their Values, those that backward needs, and the arguments among the
            Tensors to differentiate by; attach: the function that makes Tensors of them, or None; freed: whether a
            backward inside of the function has released their graph.
        reorders: whether something is read later or earlier than in the record, past a write into what an argument may
            lie in.
        blocked_sums: whether sums over all rows of large arrays may be added up block by block.
        matches: whether a product stands for others of the same factors, multiplied in another order.
        without_blas_threads: whether each product is computed by the thread that asks for it.
    """

    def __init__(self, tape: Tape, effects: list[Effect], results: Any, part: Part | None = None) -> None:
        part = part or Part(tape)
        self.items: list[Instruction | Check] = []
        checks = iter([*part.checks, None])
        check = next(checks)
        self.items += part.prelude
        for i, instruction in enumerate([*part.instructions, None], part.first):
            while check is not None and check.after <= i:
                self.items.append(check)
                check = next(checks)
            if instruction is not None:
                self.items.append(instruction)
        self.effects = effects
        self.results = results
        self.reorders = False
        self.blocked_sums = False
        self.matches = False
        self.without_blas_threads = False
        self.graded: Any = ((), (), ())
        self.attach: Any = None
        self.freed = False

    def instructions(self) -> Iterator[Instruction]:
        """The instructions, without the checks."""
        return (item for item in self.items if isinstance(item, Instruction))

    def given(self) -> list[Value]:
        """The values that live on after the program: results and effects."""
        return [*values_of(self.results), *self.lasting()]

    def lasting(self) -> list[Value]:
        """The values that later calls, or a backward, may need."""
        return values_of([self.graded, *[effect.tree for effect in self.effects]])

    def replace(self, values: dict[Value, Value]) -> None:
        """Use other values in the place of some, everywhere."""

        def leaf(item: Any) -> Any:
            if type(item) is Value:
                while item in values:
                    item = values[item]
            elif type(item) is TensorOf:
                item.value = leaf(item.value)  # one Tensor in several places stays one
            elif type(item) is Number and item.parts:
                item.parts = tuple([leaf(part) for part in item.parts])
            return item

        if values:
            for item in self.items:
                if isinstance(item, Check):
                    item.parts = map_tree(item.parts, leaf)
                else:
                    item.args, item.kwargs = map_tree(item.args, leaf), map_tree(item.kwargs, leaf)
                    item.target = leaf(item.target)
            again: dict[int, Any] = {}  # one object in several places stays one
            for effect in self.effects:
                effect.tree = again.setdefault(id(effect.tree), map_tree(effect.tree, leaf))
            self.results = _mapped(self.results, leaf, {})
            self.graded = map_tree(self.graded, leaf)
            self._move(values)

    def _move(self, values: dict[Value, Value]) -> None:
        """What was cut from values that others stand for now lies where these do; they themselves are not made."""
        self.items = [
            item
            for item in self.items
            if isinstance(item, Check) or not item.makes() or any(made not in values for made in item.makes())
        ]
        moved: dict[Storage, tuple[Storage, int]] = {}

        def home(storage: Storage) -> tuple[Storage, int]:
            by = 0
            while storage in moved:
                storage, further = moved[storage]
                by += further
            return storage, by

        for old, new in values.items():  # a value comes before its views, which may be swapped the other way round
            place, by = home(new.storage)
            if old.storage not in moved and place is not old.storage:
                moved[old.storage] = place, by + address(new.array) - address(old.array)
        for item in self.instructions():
            for made in item.makes():
                if made.storage in moved:
                    made.storage, by = home(made.storage)
                    made.array = shifted(made.array, by, made.storage.array)

    def written(self) -> dict[Storage, list[int]]:
        """For each storage that is written into the numbers of the items that do."""
        found: dict[Storage, list[int]] = {}
        for i, item in enumerate(self.items):
            if isinstance(item, Instruction) and item.target is not None:
                found.setdefault(item.target.storage, []).append(i)
        return found


def calls_back(program: Program) -> bool:
    """Whether something of the user's may be called while it runs: a function, or what objects in arrays define."""
    for item in program.instructions():
        if not isinstance(item.function, _OF_C) and package(item.function) not in LIBRARIES:
            return True
        if any(callable(leaf) and not isinstance(leaf, type) for leaf in leaves_in((item.args, item.kwargs))):
            return True
        if any(value.dtype.kind == "O" for value in (*item.reads(), *item.makes())):
            return True
    return False


def reads_of(item: Instruction | Check) -> list[Value]:
    """The values that an instruction or a check takes."""
    if isinstance(item, Instruction):
        return item.reads()
    found: list[Value] = []
    collect(item.parts, found)
    return found


def values_of(tree: Any) -> list[Value]:
    """The values of a tree of results or effects, with those that its Numbers are computed from."""
    found: list[Value] = []

    def leaf(item: Any) -> None:
        if type(item) is TensorOf:
            found.append(item.value)
        else:
            collect(item, found)

    map_tree(tree, leaf)
    return found


def may_overlap(writes: Iterable[Storage], reads: Iterable[Storage]) -> bool:
    """Whether arguments may be such that one of some storages lies in one of others, though it is another."""
    there = [storage for storage in reads if storage.is_given]
    return any("input" in (a.kind, b.kind) and a is not b for b in there for a in writes if a.is_given)


def numbers_of(trees: Iterable[Any]) -> Iterator[Number]:
    """All Numbers in trees of arguments or results, with those that they are computed from, these first."""
    seen: set[int] = set()
    found: list[Number] = []

    def visit(item: Any) -> None:
        if type(item) is Number and id(item) not in seen:
            seen.add(id(item))
            for part in item.parts:
                visit(part)
            found.append(item)

    for tree in trees:
        map_tree(tree, visit)
    return iter(found)


# ---- what is left of the arrays of a recording ----------------------------------------------------------------------


class _Form:
    """What is left of an array of the recording: its form. Arrays of one form share it."""

    __slots__ = ("dtype", "flags", "nbytes", "ndim", "shape", "size", "strides")

    def __init__(self, array: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(array, name))
        self.flags = _flags(array.flags.c_contiguous, array.flags.f_contiguous)  # an array's own keep it alive


@functools.cache
def _flags(c_contiguous: bool, f_contiguous: bool) -> Any:
    return types.SimpleNamespace(c_contiguous=c_contiguous, f_contiguous=f_contiguous)


def forget(program: Program) -> None:
    """Let go of the arrays of the recording that the program does not use."""
    values: set[Value] = set(program.given())
    for item in program.instructions():
        values.update(item.reads(), item.makes())
    forms: dict[Any, _Form] = {}
    for value in values:
        if value.storage.kind in ("input", "fresh"):
            array = value.array
            value.array = forms.setdefault((array.shape, array.strides, array.dtype.str), _Form(array))
            if value.storage.kind == "fresh" or value.place is None:
                value.storage.array = None
