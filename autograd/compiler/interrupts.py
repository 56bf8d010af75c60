"""What must be done though the user interrupts it: an interrupt may come after any call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["surely"]

T = TypeVar("T")


def surely(work: Callable[[], T]) -> T:
    """Do some work in spite of an interrupt: it is begun anew, and the interrupt is raised after it."""
    try:
        return work()
    except KeyboardInterrupt:
        surely(work)
        raise
