"""The mutation clock: a saved array that was overwritten is never differentiated silently.

Every in-place operation advances one global clock and stamps the memory that it wrote. A node remembers
the clock's time at which it was made, so backward has nothing to compare unless something was mutated
since; then it asks for each saved array whether its memory bears a later stamp.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .foreign import ForeignArray, bare
from .forks import held_at_forks
from .ownership import owner_of

__all__ = ["clock", "mutated_since", "stamp", "stamper", "untouched"]

MAX_RANGES = 64
"""More written byte ranges of one buffer than this are merged into one."""


class _Clock:
    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


clock = _Clock()
_lock = held_at_forks(threading.RLock())


class _Stamps:
    """When which bytes of one buffer were written, and (in debug mode) by which line.

    Attributes:
        latest: when any of it was written last.
        whole: when all of it was, and by which line; ranges: the same of parts of it, also of writes before that.
    """

    __slots__ = ("latest", "owner", "ranges", "whole")

    def __init__(self, owner: weakref.ref[Any]) -> None:
        self.owner = owner
        self.latest = 0
        self.whole: tuple[int, str | None] = 0, None
        self.ranges: dict[tuple[int, int], tuple[int, str | None]] = {}

    def write(self, span: tuple[int, int] | None, time: int, line: str | None) -> None:
        self.latest = time
        if span is None or len(self.ranges) >= MAX_RANGES:
            self.whole, self.ranges = (time, line), {}
        else:
            self.ranges[span] = (time, line)

    def later_than(self, time: int, span: tuple[int, int] | None) -> str | None:
        if self.whole[0] > time:
            return self.whole[1] or ""
        for written, (when, line) in list(self.ranges.items()):  # another thread may write meanwhile
            if when > time and (span is None or (written[0] < span[1] and span[0] < written[1])):
                return line or ""
        return None


_stamps: dict[int, _Stamps] = {}


def _span(array: Any, owner: Any) -> tuple[int, int] | None:
    """The bytes that ``array`` covers; None for all of its owner's."""
    if array is owner:
        return None
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


def stamp(array: Any, line: str | None = None) -> None:
    """Note that ``array``'s memory was written just now (``line``: by which line of the user's program)."""
    array = bare(array)
    owner = owner_of(array)
    with _lock:
        clock.now = now = clock.now + 1
        record = _stamps_of(owner)
        record.write(_span(array, owner), now, line)


def stamper(owners: tuple[Any, ...]) -> Callable[[], None]:
    """A function that does ``stamp`` for the same arrays at each call; they own their memory, and are kept."""
    with _lock:
        records = [_stamps_of(owner) for owner in owners]

    def stamp_all(owners: tuple[Any, ...] = owners) -> None:  # which keeps them
        with _lock:
            clock.now = now = clock.now + 1
            whole = now, None
            for record in records:
                record.latest, record.whole = now, whole

    return stamp_all


def _stamps_of(owner: Any) -> _Stamps:
    """The stamps of a buffer, whose id may have been another's before."""
    key = id(owner)
    record = _stamps.get(key)
    if record is None or record.owner() is not owner:
        record = _stamps[key] = _Stamps(weakref.ref(owner, functools.partial(_forget, key)))
    return record


def _forget(key: int, ref: weakref.ref[Any]) -> None:
    record = _stamps.get(key)
    if record is not None and record.owner is ref:
        _stamps.pop(key, None)


def mutated_since(array: Any, time: int) -> str | None:
    """None if ``array``'s memory was not written after ``time``; else the writing line, or '' if not known."""
    array = bare(array)
    if not isinstance(array, np.ndarray):
        return None
    owner = owner_of(array)
    record = _stamps.get(id(owner))
    if record is None:
        return None
    return record.later_than(time, _span(array, owner))


def untouched(values: Any, time: int) -> bool:
    """Whether surely nothing among ``values`` was written after ``time``: a fast answer for the usual case."""
    for value in values:
        if type(value) is np.ndarray:
            owner: Any = value
            while isinstance(base := owner.base, np.ndarray):
                owner = base
            if base is not None:
                owner = owner_of(owner)
            record = _stamps.get(id(owner))
            if record is not None and record.latest > time:
                return False
        elif isinstance(value, (list, tuple)):
            if not untouched(value, time):
                return False
        elif isinstance(value, (np.ndarray, ForeignArray)):
            return False  # of another type: not surely
    return True
