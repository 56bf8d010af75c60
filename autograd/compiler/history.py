"""What the recordings of one function have shown: which of the things it depends on change from call to call."""

from __future__ import annotations

import weakref
from collections import OrderedDict, defaultdict, deque
from typing import Any

import numpy as np

from ..engine.nodes import Handle, Leaf
from .trees import is_record

__all__ = ["NUMBERS", "History"]

NUMBERS = (int, float, np.float64, np.float32, np.int64, np.int32)
"""The classes of numbers that can be arguments of a program."""

_CONTAINERS = (list, dict, set, deque, OrderedDict, defaultdict)


class History:
    """What is known of a function from its recordings.

    Attributes:
        volatile: the identities of places whose number or array changes, with the path inside of tuples: they become
            arguments of the program. With the path ``"list"`` a new list of numbers stands there at each call, with
            ``"unseen"`` a container that changes and that the function does not look at.
        own: those of them that the function changes itself.
        settled: those that changed, but cannot be arguments: each value has a program of its own.
        settles: whether the last recording was of a call in which an optimizer laid out its state anew.
        states: the dataclasses of arguments that the function changes: each object is one that it can reach.
        changed: in what this recording found things other than the last did.
    """

    def __init__(self) -> None:
        self.volatile: set[Any] = set()
        self.own: set[Any] = set()
        self.settled: set[Any] = set()
        self.settles = False
        self.states: set[type] = set()
        self.changed: str | None = None
        self._first: dict[Any, Any] = {}
        self._objects: dict[Any, weakref.ref[Any]] = {}
        self._facts: dict[str, Any] = {}
        self._now: dict[str, Any] = {}
        self._replaced: set[Any] = set()
        self._replaced_before: set[Any] = set()

    def begin(self) -> None:
        """A recording begins."""
        self._replaced, self._replaced_before = set(), self._replaced
        self._facts, self._now = self._now, {}
        self.changed = None

    def tell(self, name: str, value: Any) -> None:
        """Something has a name, and is what it is: for messages."""
        if name == "__class__":  # which functions of several classes have, each its own
            return
        fact = _fact(value)
        before = self._facts.get(name, fact)
        self._now.setdefault(name, fact)
        if before != fact and self.changed is None:
            self.changed = f"{name} was {before}, then {fact}"

    def note(self, key: Any, value: Any, path: tuple[int, ...] = ()) -> None:
        """See whether a number at a place, or in a tuple there, is another than it was first."""
        if type(value) in NUMBERS and value == value:
            first = self._first.setdefault((key, path, type(value)), value)
            if first != value or str(first) != str(value):
                self._add((key, path))
        elif type(value) is tuple:
            for i, item in enumerate(value):
                self.note(key, item, (*path, i))

    def note_object(self, place: Any, value: Any, path: tuple[int, ...] = ()) -> None:
        """See whether another Tensor or array is at a place (or in a tuple), or whether a container has changed."""
        key = place.identity()
        if isinstance(place.container, (Handle, Leaf)) or place.kind == "link":
            return
        record = is_record(value)
        if (type(value) in _CONTAINERS or record) and not path:
            what = id(value), 0 if record else len(value)
            if self._first.setdefault((key, "size"), what) != what:
                self._add((key, "unseen"))
            return
        if type(value) is tuple:
            for i, item in enumerate(value):
                self.note_object(place, item, (*path, i))
        tensor = isinstance(value, Handle) and type(value).__name__ == "Tensor" and value._node is None
        other = tensor or type(value) is np.ndarray
        if other and self._first.setdefault((key, path, "object"), id(value)) != id(value):
            self._add((key, path))

    def replaces(self, place: Any) -> bool:
        """Note that the function gave a Tensor another array; whether it did so in the recording before, too.

        Once is what an optimizer does that takes parameters into its buffer.
        """
        self._replaced.add(place.identity())
        return place.identity() in self._replaced_before

    def _add(self, key: Any) -> None:
        if key not in self.settled:
            self.volatile.add(key)

    def is_renewed(self, name: str, arg: Any) -> bool:
        """Whether an argument was another object of the same class before, as a batch is, and not a state."""
        first = self._objects.setdefault((name, type(arg)), weakref.ref(arg))
        return first() is not arg and type(arg) not in self.states

    def settle(self, keys: Any = None) -> bool:
        """Let these numbers (all that others than the function change) not be arguments; whether there were any."""
        found = self.volatile - self.own if keys is None else set(keys) & self.volatile
        self.volatile -= found
        self.settled |= found
        return bool(found)

    def is_own(self, place: Any) -> bool:
        """Whether the function itself changes the number at a place."""
        where, path = place
        return (where.identity(), path) in self.own


def _fact(value: Any) -> Any:
    """What can be told of something in a message, and compared."""
    if value is None or isinstance(value, (bool, int, float, complex, np.generic)):
        return repr(value)
    if isinstance(value, str):
        return repr(value[:40])
    array = value._data if isinstance(value, Handle) else value
    if isinstance(array, np.ndarray):
        layout = "" if array.flags.c_contiguous else f" with strides {array.strides}"
        return f"{type(value).__name__} of {array.dtype}{list(array.shape)}{layout}"
    if isinstance(value, (list, tuple, dict, set, frozenset, deque)):
        return f"{type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__} (at {id(value):#x})"
