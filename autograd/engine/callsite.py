"""The line of the user's program that is running: for warnings, messages of debug modes and pictures."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from .modes import local

__all__ = ["line_if_debugging", "user_line", "warn"]

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OURS = tuple(os.path.join(os.path.dirname(_HERE), package) + os.sep for package in ("autograd", "nn", "optim"))


def _user_frame() -> tuple[Any, int]:
    """The innermost frame outside this library, None if there is none, and how many frames above this one it is."""
    frame: Any = sys._getframe(1)
    depth = 1
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_OURS) and not filename.startswith("<autograd op "):
            break
        frame, depth = frame.f_back, depth + 1
    return frame, depth


def user_line() -> str:
    """``file:line in function`` of the innermost frame outside this library."""
    frame, _ = _user_frame()
    return "unknown line" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's line, however many calls of this library lie between."""
    warnings.warn(message, category, stacklevel=_user_frame()[1])


def line_if_debugging() -> str | None:
    """The user's line if a debug mode is on in this thread, else None."""
    return user_line() if local.observers else None
