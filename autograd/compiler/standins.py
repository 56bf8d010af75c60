"""What stands for things of the user's while a function is recorded: containers, Python's ``type``, ``math``."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.nodes import Handle
from .arrays import RecordingArray
from .numbers import Number, value_of
from .streams import Stream

__all__ = ["Globals", "TypeOf", "Unseen"]


class _Asked(type):
    """The class of ``TypeOf``: called with one thing it says of what class that is, else it is Python's ``type``."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return _class_of(args[0]) if len(args) == 1 and not kwargs else type(*args, **kwargs)

    def __instancecheck__(cls, thing: Any) -> bool:
        return isinstance(thing, type)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, type)


class TypeOf(metaclass=_Asked):
    """Stands for ``type`` in the user's modules: what records is of the class of that for which it stands."""


def _class_of(thing: Any) -> Any:
    kind = type(thing)
    if kind is RecordingArray:
        return thing.dtype.type if thing._scalar else np.ndarray
    if kind is Stream:
        return type(thing._stream)
    return thing.__class__ if kind is Number or kind is Unseen else kind


@functools.cache
def _following(function: Any) -> Any:
    """A function of ``math`` that writes down what it computes of Numbers, and does nothing else otherwise."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        tape = next((arg.tape for arg in args if type(arg) is Number), None)
        if tape is None or kwargs or not all(isinstance(arg, (int, float)) for arg in args):
            return function(*args, **kwargs)
        found = function(*map(value_of, args))
        places = ", ".join(f"{{{i}}}" for i in range(len(args)))
        text = f"_math.{function.__name__}({places})"
        if isinstance(found, bool):
            tape.check(found, text, args)
            return found
        return tape.number(found, text, args) if isinstance(found, (int, float)) else function(*args)

    return computed


class _Math:
    """Stands for the module ``math`` in the user's modules."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(math, name)
        return _following(found) if callable(found) else found


_MATH = _Math()


class Globals:
    """The global variables of the user's functions in whose places others stand while a function is recorded."""

    def __init__(self) -> None:
        self._held: list[tuple[dict[str, Any], str, tuple[Any, ...], Any]] = []

    def note(self, space: dict[str, Any], name: str) -> None:
        """See whether something is to stand for a variable, or for what is built in, while the function runs."""
        held = (space[name],) if name in space else ()
        if name == "type" and not held:
            self._held.append((space, name, held, TypeOf))
        elif held and held[0] is math:
            self._held.append((space, name, held, _MATH))
        elif held and isinstance(held[0], types.BuiltinFunctionType) and held[0].__self__ is math:
            self._held.append((space, name, held, _following(held[0])))

    def enter(self) -> None:
        """Put them there."""
        for space, name, _, made in self._held:
            space[name] = made

    def leave(self) -> None:
        """Put everything back."""
        for space, name, held, made in self._held:
            if space.get(name) is made and held:
                space[name] = held[0]
            elif space.get(name) is made:
                del space[name]


def _held(thing: Any, seen: set[int]) -> Iterator[tuple[Any, Any]]:
    """What is held in nested containers and dataclasses, and the arrays there, each with a copy."""
    if dataclasses.is_dataclass(thing) and hasattr(thing, "__dict__"):
        thing = vars(thing)
    elif isinstance(thing, Handle):
        thing = thing._data
    if not isinstance(thing, (list, tuple, dict, set, deque, np.ndarray)) or id(thing) in seen:
        return
    if isinstance(thing, RecordingArray):  # in reach in another way, too
        return
    seen.add(id(thing))
    if not isinstance(thing, tuple):
        yield thing, thing.copy()
    if isinstance(thing, (list, tuple, dict, deque)):
        for item in thing.values() if isinstance(thing, dict) else thing:
            yield from _held(item, seen)


def _using(name: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        args = tuple([arg.used() if type(arg) is Unseen else arg for arg in args])
        return getattr(self.used(), name)(*args)

    return method


class Unseen:
    """Stands for a container that changes from call to call, as long as the function does not look at it."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._used = False
        self._held: list[tuple[Any, Any]] = []

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` asks; it is the same at every call."""
        return type(self._container)

    def used(self) -> Any:
        """The container, which the function looks at."""
        if not self._used:
            self._used = True
            self._held = [*_held(self._container, set())]
        return self._container

    def restore(self) -> None:
        """Put back what it held when the function first looked at it, and what that held."""
        for thing, was in self._held:
            if isinstance(thing, np.ndarray):
                if thing.flags.writeable:
                    thing[...] = was
                continue
            thing.clear()
            (thing.extend if isinstance(thing, (list, deque)) else thing.update)(was)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.used(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_container", "_used", "_held"):
            object.__setattr__(self, name, value)
        else:
            setattr(self.used(), name, value)

    __add__ = _using("__add__")
    __and__ = _using("__and__")
    __contains__ = _using("__contains__")
    __delitem__ = _using("__delitem__")
    __eq__ = _using("__eq__")
    __format__ = _using("__format__")
    __ge__ = _using("__ge__")
    __getitem__ = _using("__getitem__")
    __gt__ = _using("__gt__")
    __hash__ = _using("__hash__")
    __iadd__ = _using("__iadd__")
    __iand__ = _using("__iand__")
    __imul__ = _using("__imul__")
    __ior__ = _using("__ior__")
    __isub__ = _using("__isub__")
    __iter__ = _using("__iter__")
    __ixor__ = _using("__ixor__")
    __le__ = _using("__le__")
    __len__ = _using("__len__")
    __lt__ = _using("__lt__")
    __mul__ = _using("__mul__")
    __ne__ = _using("__ne__")
    __or__ = _using("__or__")
    __radd__ = _using("__radd__")
    __rand__ = _using("__rand__")
    __reduce_ex__ = _using("__reduce_ex__")
    __repr__ = _using("__repr__")
    __reversed__ = _using("__reversed__")
    __rmul__ = _using("__rmul__")
    __ror__ = _using("__ror__")
    __rsub__ = _using("__rsub__")
    __rxor__ = _using("__rxor__")
    __setitem__ = _using("__setitem__")
    __str__ = _using("__str__")
    __sub__ = _using("__sub__")
    __xor__ = _using("__xor__")
