"""What a function can reach, as it was before a call, to be put back after one that failed."""

from __future__ import annotations

import collections
import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.nodes import Handle
from ..engine.ownership import owner_of
from .reach import Reach
from .trees import is_record

__all__ = ["Backup", "arrays_in", "now"]

_MISSING = object()


class Backup:
    """What a function can reach, as it was before a call, for a call that fails.

    Args:
        reach: what the function can reach.
        arguments: of the call.
    """

    def __init__(self, reach: Reach, arguments: Any) -> None:
        self._reach = reach
        self._places = list(reach.places)
        self._contents = [(thing, copy.copy(thing)) for thing, _ in reach.containers]
        self._classes = [(thing, type(thing)) for thing in reach._keep]
        owners: dict[int, Any] = {}
        kept = [array for _, value in reach.places for array in _arrays_at(value)]
        for array in (*kept, *arrays_in(arguments)):
            if array.flags.writeable and array.dtype.kind in "biufc":
                owner = owner_of(array)
                owners.setdefault(id(owner), owner if owner.flags.writeable else array)
        self._arrays = [(array, array.copy()) for array in owners.values()]
        things = (*[value for _, value in reach.places], *_things_in(arguments))
        streams = {id(v): v for v in things if isinstance(v, np.random.Generator)}
        self._streams = [(stream.bit_generator, stream.bit_generator.state) for stream in streams.values()]
        self._older = [(thing, _state_of(thing)) for thing in (random, np.random, *[thing for thing, _ in reach.steps])]

    def restore(self) -> None:
        """Put all back."""
        self._reach.put_back()
        for thing, kind in self._classes:
            if type(thing) is not kind:  # a lazy module became another
                thing.__class__ = kind
        for thing, was in self._contents:
            if len(thing) != len(was) and hasattr(thing, "clear"):
                thing.clear()
                (thing.extend if isinstance(thing, (list, collections.deque)) else thing.update)(was)
        for place, value in self._places:
            if now(place) is not value and place.kind != "link":
                place.set(value)
        for array, values in self._arrays:
            array[...] = values
        for generator, state in self._streams:
            generator.state = state
        for older, state in self._older:
            if state is not None:
                (older.setstate if hasattr(older, "setstate") else older.set_state)(state)


def _state_of(generator: Any) -> Any:
    """The state of an older random generator, or of those behind the functions of a module."""
    if isinstance(generator, random.SystemRandom):
        return None
    return generator.getstate() if hasattr(generator, "getstate") else generator.get_state()


def arrays_in(tree: Any) -> Iterator[Any]:
    """The arrays inside nested tuples, lists, dicts and dataclasses, those of Tensors too."""
    for thing in _things_in(tree):
        array = thing._data if isinstance(thing, Handle) else thing
        if isinstance(array, np.ndarray):
            yield array


def _things_in(tree: Any) -> Iterator[Any]:
    """What is inside nested tuples, lists, dicts and dataclasses."""
    if isinstance(tree, (tuple, list)):
        for item in tree:
            yield from _things_in(item)
    elif isinstance(tree, dict) or is_record(tree):
        yield from _things_in(list((tree if isinstance(tree, dict) else vars(tree)).values()))
    else:
        yield tree


def _arrays_at(value: Any) -> Iterator[Any]:
    """The arrays that a place keeps itself: what is in other containers has places of its own."""
    if isinstance(value, tuple):
        for item in value:
            yield from _arrays_at(item)
    elif isinstance(value, (Handle, np.ndarray)):
        yield from arrays_in(value)


def now(place: Any) -> Any:
    """What is at a place; ``_MISSING`` if there is none any more."""
    try:
        return place.get()
    except (LookupError, ValueError, AttributeError):
        return _MISSING
