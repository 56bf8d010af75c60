"""The line of the user's program that is running: for messages of debug modes and for pictures."""

from __future__ import annotations

import os
import sys
from typing import Any

from .modes import local

__all__ = ["line_if_debugging", "user_line"]

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OURS = tuple(os.path.join(os.path.dirname(_HERE), package) + os.sep for package in ("autograd", "nn", "optim"))


def user_line() -> str:
    """``file:line in function`` of the innermost frame outside this library."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_OURS) and not filename.startswith("<autograd op "):
            return f"{filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return "unknown line"


def line_if_debugging() -> str | None:
    """The user's line if a debug mode is on in this thread, else None."""
    return user_line() if local.observers else None
