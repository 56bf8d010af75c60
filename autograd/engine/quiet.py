"""Silence: NumPy's warnings of overflow and the like are off between ``begin`` and ``end``.

``np.errstate`` takes ten times as long: it makes its setting anew each time, and a small backward takes microseconds.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["begin", "current", "end", "quiet", "quietly", "silence"]

F = TypeVar("F", bound=Callable[..., Any])

current: Callable[[], Any]
"""What this thread is warned of."""
begin: Callable[[], Any]
"""Silence this thread's warnings."""
end: Callable[[Any], Any]
"""Let them be as they were: what ``current`` returned. An interrupt may come after any call, also after ``begin``."""

try:  # what np.errstate does, but for making the same setting anew each time
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    current = _extobj_contextvar.get
    begin = functools.partial(_extobj_contextvar.set, _make_extobj(all="ignore"))
    end = _extobj_contextvar.set
except (ImportError, TypeError):  # what there is without NumPy's own parts
    current = np.geterr
    begin = functools.partial(np.seterr, all="ignore")

    def end(before: Any) -> None:
        """The same."""
        np.seterr(**before)


def quiet(function: F) -> F:
    """``function`` with the warnings off while it runs."""

    @functools.wraps(function)
    def silenced(*args: Any) -> Any:
        before = current()
        try:
            begin()
            return function(*args)
        finally:
            end(before)

    return silenced  # type: ignore[return-value]


def quietly(function: Callable[..., Any], *args: Any) -> Any:
    """What ``function`` returns for these arguments, with the warnings off while it runs."""
    before = current()
    try:
        begin()
        return function(*args)
    finally:
        end(before)


def silence() -> Callable[..., Any]:
    """A faster ``quietly``, for functions that call nothing of the user's: they run in a context without variables.

    It must not be called while it runs, neither by another thread. Whatever interrupts it, the warnings are on again.
    """
    context = contextvars.Context()
    context.run(begin)
    return context.run
