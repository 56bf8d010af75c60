"""Takes what records out of the things that a function made: its result, and what it left elsewhere."""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.nodes import Handle
from .arrays import RecordingArray
from .numbers import Number
from .places import LIBRARIES, package
from .standins import Unseen
from .streams import State, Stream
from .trees import mend, plain

__all__ = ["Mending"]

_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, types.ModuleType, np.generic, np.ndarray, np.dtype)
"""What leads on to nothing that could record."""


class Mending:
    """Called with a thing it returns the same without recording arrays; what can be changed is mended in place.

    Args:
        swaps: by id what stands for an argument, and that argument, which is put in its place.
        known: whether a thing was there before the call: what the function changed in it is found otherwise.
        met: gets the Tensors that may have a graph.
    """

    def __init__(self, swaps: dict[int, Any], known: Callable[[Any], bool], met: list[Any]) -> None:
        self._swaps = swaps
        self._known = known
        self._met = met
        self._done: dict[int, tuple[Any, Any]] = {}

    def __call__(self, thing: Any) -> Any:
        if id(thing) in self._swaps:
            return self._swaps[id(thing)]
        if isinstance(thing, Handle):
            self._met += [tensor for tensor in (thing, thing._grad) if tensor is not None]
            return plain(thing)
        if type(thing) in (RecordingArray, Number, State, Stream, Unseen):
            return plain(thing)
        if isinstance(thing, _ATOMS):
            return thing
        if id(thing) not in self._done:
            self._done[id(thing)] = thing, thing  # it may lead to itself
            self._done[id(thing)] = self._mended(thing), thing
        return self._done[id(thing)][0]

    def _mended(self, thing: Any) -> Any:
        if isinstance(thing, tuple):
            return self._tuple(thing)
        if isinstance(thing, frozenset):
            return self._same_or(thing, frozenset)
        if isinstance(thing, (list, deque, dict, set)):
            mend(thing, self)
        if not self._known(thing):
            self._inside(thing)
        if isinstance(thing, types.MethodType) and (owner := self(thing.__self__)) is not thing.__self__:
            return types.MethodType(thing.__func__, owner)
        return thing

    def _same_or(self, thing: Any, kind: Any) -> Any:
        """The thing, or what ``kind`` makes of the mended items, if any of them is another."""
        items = [self(item) for item in thing]
        return kind(items) if any(a is not b for a, b in zip(items, thing, strict=True)) else thing

    def _tuple(self, thing: Any) -> Any:
        items = self._same_or(thing, list)
        if items is thing:
            return thing
        made = tuple.__new__(type(thing), items)
        if hasattr(thing, "__dict__"):
            made.__dict__.update(thing.__dict__)
        return made

    def _inside(self, thing: Any) -> None:
        """Mend the attributes of an object, and what a function or exception holds."""
        if isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, functools.partial):
            was = thing.func, thing.args, thing.keywords
            held = tuple([self(item) for item in was])
            if any(a is not b for a, b in zip(held, was, strict=True)):
                thing.__setstate__((*held, thing.__dict__ or None))  # type: ignore[attr-defined]
        elif isinstance(thing, types.BuiltinMethodType):
            self(thing.__self__)
        elif isinstance(thing, BaseException):
            thing.args = self(thing.args)
        attributes = getattr(thing, "__dict__", None)
        if type(attributes) is dict:
            self(attributes)
        for slot in _slots(type(thing)):
            value = getattr(thing, slot, None)
            if (made := self(value)) is not value:
                object.__setattr__(thing, slot, made)

    def _function(self, function: Any) -> None:
        if package(function) in LIBRARIES:
            return
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # an empty one
                continue
            if (made := self(value)) is not value:
                cell.cell_contents = made
        function.__defaults__ = self(function.__defaults__)


def _slots(kind: type) -> Iterator[str]:
    for one in kind.__mro__[:-1]:
        if package(one) not in LIBRARIES:
            slots = one.__dict__.get("__slots__", ())
            named = (slots,) if isinstance(slots, str) else tuple(slots)
            yield from [f"_{one.__name__.lstrip('_')}{x}" if x.startswith("__") else x for x in named]
