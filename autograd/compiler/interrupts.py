"""What must be done though the user interrupts it: an interrupt may come after any call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["pass_on_interrupt", "surely"]

T = TypeVar("T")


def surely(work: Callable[[], T]) -> T:
    """Do some work in spite of an interrupt: it is begun anew, and the interrupt is raised after it."""
    try:
        return work()
    except KeyboardInterrupt:
        surely(work)
        raise


def pass_on_interrupt(error: Exception) -> None:
    """Raise the interrupt behind a SystemError, if there is one: Python makes that of one inside of C code."""
    if isinstance(error.__cause__, KeyboardInterrupt):
        raise error.__cause__
