"""Forks beside threads: in the child there are no others, but what they held at that moment stays held."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["held_at_forks"]


def held_at_forks(lock: Any) -> Any:
    """``lock``, for which a fork waits until nobody has it: the child finds it free, and what it guards complete.

    The lock is to be held for short times only. A thread that holds one may ask for those made before it.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
