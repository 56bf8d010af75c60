"""What a record consists of: values and where they lie, instructions, and checks of what Python decided."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from .numbers import Number

__all__ = [
    "Check", "Instruction", "Storage", "UnrecordableError", "Value", "address", "apart", "collect", "leaves_in",
    "lie_alike", "map_tree", "shifted", "strided",
]  # fmt: skip


class UnrecordableError(Exception):
    """The function did something that a program of NumPy calls cannot do."""


class Storage:
    """A piece of memory that values lie in.

    Attributes:
        kind: ``"input"`` (an argument), ``"state"`` (memory that is there before and after), ``"constant"``,
            or ``"fresh"`` (made by a call).
        array: the array that owns the memory, kept so that no other gets its address.
        written: whether a call wrote into it after it was made.
        whole: for what is there before the call the value that it was first met as.
        own: whether it is a constant that a pass made, of nothing that was recorded.
    """

    __slots__ = ("array", "kind", "own", "whole", "written")

    def __init__(self, kind: str, array: Any) -> None:
        self.kind = kind
        self.array = array
        self.written = False
        self.whole: Any = None
        self.own = False

    @property
    def is_given(self) -> bool:
        """Whether it is there before the program, and may be another at the next call."""
        return self.kind in ("state", "input")


class Value:
    """An array of the record: what an argument, a state or a call's result is.

    Attributes:
        storage: where it lies.
        array: the array of the run that was recorded.
        source: the instruction that made it, None of an argument, a state or a constant.
        place: for an input or a state where it is found at each call.
        scalar: whether NumPy gave a scalar.
    """

    __slots__ = ("array", "name", "place", "scalar", "source", "storage")

    def __init__(self, storage: Storage, array: Any, source: Any = None, place: Any = None) -> None:
        self.storage = storage
        self.array = array
        self.source = source
        self.place = place
        self.name = ""
        self.scalar = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.array.shape

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return self.array.dtype

    @property
    def is_given(self) -> bool:
        """Whether it lies in memory that is there before the program, and may be another at the next call."""
        return self.storage.is_given

    def __repr__(self) -> str:
        return f"<{self.storage.kind} {self.dtype}{list(self.shape)} {self.name}>"


NONE: dict[str, Any] = {}
"""No arguments by name: most calls have none, and a dict of its own would be as large as the rest of the call."""


class Instruction:
    """One call: NumPy's function (or a method, or a random draw), with Values and Numbers among its arguments.

    Attributes:
        kind: ``"call"``, or ``"view"`` if the result shares memory with an argument.
        outs: the results, in the structure in which the function returns them; None of a call that only writes.
        stream: for a random draw where the generator is found; else None.
        target: the Value that it wrote into, by ``out=`` or in place; None if it made its results.
        line: the user's line that caused it; section: forward, backward or update.
    """

    __slots__ = ("args", "function", "kind", "kwargs", "line", "name", "outs", "section", "stream", "target")

    def __init__(
        self, kind: str, name: str, function: Callable[..., Any], args: Any, kwargs: Any, where: tuple[str, str]
    ) -> None:
        self.kind = kind
        self.name = name
        original: Callable[..., Any] = getattr(function, "original", function)
        self.function = original  # NumPy's own, where one is watched while something is recorded
        self.args = args
        self.kwargs = kwargs or NONE
        self.outs: Any = None
        self.target: Value | None = None
        self.stream: Any = None
        self.line, self.section = where

    @property
    def result(self) -> Any:
        """What it computes, wherever that is put: into its target, or else into what it makes."""
        return self.outs if self.target is None else self.target

    def reads(self) -> list[Value]:
        """The values that it takes, with those it overwrites."""
        found: list[Value] = []
        collect(self.args, found)
        if self.kwargs:
            collect(self.kwargs, found)
        return found

    def makes(self) -> list[Value]:
        """The values that it returns."""
        if type(self.outs) is Value:
            return [self.outs]
        found: list[Value] = []
        collect(self.outs, found)
        return found

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


class Check:
    """What Python decided by a number: the program holds only where it decides alike.

    Attributes:
        expected: the outcome; text, parts: the expression, as in ``Number``.
        after: how many instructions came before it.
        dropped: whether the function had dropped the gradients of the call before when it decided.
    """

    __slots__ = ("after", "dropped", "expected", "line", "parts", "text")

    def __init__(
        self, expected: bool, text: str, parts: tuple[Any, ...], after: int, line: str, dropped: bool = False
    ) -> None:
        self.expected = expected
        self.text = text
        self.parts = parts
        self.after = after
        self.line = line
        self.dropped = dropped


def map_tree(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """``leaf`` applied to everything inside nested tuples, lists, dicts and slices."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([map_tree(item, leaf) for item in value])
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return kind._make([map_tree(item, leaf) for item in value])
    if kind is dict or kind is OrderedDict:
        return kind([(key, map_tree(item, leaf)) for key, item in value.items()]) if value else value
    if kind is slice:
        return slice(map_tree(value.start, leaf), map_tree(value.stop, leaf), map_tree(value.step, leaf))
    return leaf(value)


def leaves_in(tree: Any) -> list[Any]:
    """Everything inside nested tuples, lists, dicts and slices."""
    found: list[Any] = []
    map_tree(tree, found.append)
    return found


def collect(tree: Any, found: list[Value]) -> None:
    """Put the Values of a tree, and those that its Numbers are computed from, into a list."""
    kind = type(tree)
    if kind is Value:
        found.append(tree)
    elif kind is tuple or kind is list or isinstance(tree, tuple):
        for item in tree:
            collect(item, found)
    elif kind is dict or kind is OrderedDict:
        for item in tree.values():
            collect(item, found)
    elif kind is Number:
        collect(tree.parts, found)
    elif kind is slice:
        collect((tree.start, tree.stop, tree.step), found)


def wanders(view: Instruction) -> bool:
    """Whether it depends on values, as of an index, where a view lies."""
    return bool(varying(view))


def varying(view: Instruction) -> list[Any]:
    """The Numbers and values by which it is decided where a view lies."""
    return [leaf for leaf in leaves_in((view.args[1:], view.kwargs)) if type(leaf) in (Number, Value)]


def extent(value: Value) -> Value:
    """The value in which one lies, wherever an index that varies puts it: itself, if it is always at one place."""
    found, source = value, value.source
    while source is not None and source.kind == "view":
        base = next((read for read in source.reads() if read.storage is value.storage), None)
        if base is None:
            break
        if wanders(source):
            found = base
        source = base.source
    return found


def apart(array: Any, others: tuple[Any, ...]) -> Any:
    """The array, or a copy of the same layout if it may lie in one of the others."""
    if not any(np.may_share_memory(array, other) for other in others):
        return array
    low, high = byte_bounds(array)
    offset = address(array) - low
    made = np.ndarray(array.shape, array.dtype, np.empty(high - low, "uint8"), offset, array.strides)
    made[...] = array
    return made


def strided(array: Any, shape: tuple[int, ...], dtype: Any, offset: int, strides: tuple[int, ...]) -> Any:
    """The view of an array's memory with these strides."""
    return np.ndarray(shape, dtype, array, offset, strides)


def strides_in(array: Any, owner: Any) -> tuple[Any, ...]:
    """What ``strided`` needs to cut an array from the one that owns its memory."""
    return array.shape, array.dtype, address(array) - address(owner), array.strides


def shifted(array: Any, by: int, owner: Any) -> Any:
    """The array so many bytes further, if that is in the memory of another; else itself."""
    if owner is None or array.dtype.hasobject or not (owner.flags.c_contiguous or owner.flags.f_contiguous):
        return array
    (low, high), (first, last) = (byte_bounds(each) for each in (array, owner))
    if not first <= low + by <= high + by <= last:
        return array
    room = owner if owner.flags.c_contiguous else owner.T
    return strided(room, array.shape, array.dtype, address(array) + by - address(owner), array.strides)


def address(array: Any) -> int:
    """Where an array's first element lies."""
    return int(array.__array_interface__["data"][0])


def lie_alike(a: Any, b: Any) -> bool:
    """Whether two arrays are the same elements of the same memory."""
    return address(a) == address(b) and a.shape == b.shape and a.strides == b.strides and a.dtype == b.dtype


def same_numbers(a: Any, b: Any) -> bool:
    """Whether two arrays have the same numbers; nan is one too."""
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def within(array: Any, whole: Any) -> bool:
    """Whether all of an array's elements lie in the memory of another."""
    (low, high), (first, last) = (byte_bounds(each) for each in (array, whole))
    return bool(first <= low and high <= last)
