"""Whether anybody else has an array: one that nobody else has is handed over, or written into, without a copy.

How often Python refers to an object says it, as ``use_count`` does in PyTorch. What ``sys.getrefcount`` adds for the
call itself depends on Python's version, so it is measured here.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np

__all__ = ["ALONE", "LARGE", "owner_of", "owns", "summed"]


def _alone() -> int:
    array = np.empty(0)
    return getrefcount(array)


ALONE = _alone()
"""What ``sys.getrefcount(a)`` says if the local variable ``a`` alone refers to an array: 2, but 1 where Python lends
the array to the call (since 3.14)."""

LARGE = 1 << 14
"""Elements from which on it pays to add where an array lies."""


def owner_of(array: Any) -> Any:
    """The array at the end of the chain of views, to which the memory belongs."""
    while (base := array.base) is not None:
        if not isinstance(base, np.ndarray):  # but what as_strided puts between, or a buffer of an array
            base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
            if not isinstance(base, np.ndarray):
                break
        array = base
    return array


def owns(g: Any) -> bool:
    """Whether an array that nobody else holds has its memory to itself: its own, or that of an array it reshapes.

    What is broadcast must not be written to, though it has no more elements than its base if that has one.
    """
    base = g.base
    if base is None:
        return True
    alone = type(base) is np.ndarray and base.base is None and base.size == g.size and getrefcount(base) == ALONE + 1
    return alone and g.flags.writeable


def _references(held: Any, d: Any) -> tuple[int, int]:
    return getrefcount(held), getrefcount(d)


def _in_a_sweep() -> tuple[int, int]:
    grads = {None: np.empty(0)}
    d = np.empty(0)
    held = grads.get(None)
    return _references(held, d)


_HELD, _FRESH = _in_a_sweep()


def summed(held: Any, d: Any) -> Any:
    """``held + d``, in the memory of one of them that nobody else has.

    Args:
        held: an array that is in a dict, and a variable of the caller.
        d: a large plain array, which is a variable of the caller.
    """
    if type(held) is np.ndarray and held.dtype is d.dtype and held.shape == d.shape:
        if getrefcount(held) == _HELD and held.base is None and held.flags.writeable:
            return np.add(held, d, out=held)
        if getrefcount(d) == _FRESH and d.base is None and d.flags.writeable:
            return np.add(held, d, out=d)
    return held + d
