"""Which threads record, or compare a program with its function: functions that are compiled run as they are there."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["busy", "working"]

working: list[bool] = []
"""As long as the depths of all threads together: empty as a rule, which is asked faster than a thread's own depth."""


class _Busy(threading.local):
    """How deep this thread is in work, which stands in ``with busy``."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1
        working.append(True)

    def __exit__(self, *error: Any) -> None:
        working.pop()
        self.depth -= 1

    def forked(self) -> None:
        """In the child there is this thread alone."""
        working[:] = [True] * self.depth


busy = _Busy()
