"""The line of the user's program that is running: for warnings, messages of debug modes and pictures."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import numpy as np

from .modes import local

__all__ = ["HOME", "NUMPY", "is_ours", "line_if_debugging", "scipy_part", "user_line", "warn"]


def _around(function: Any, files: int) -> str:
    """The folder this many steps above a function, as code objects know it.

    In a program that was frozen, or compiled elsewhere, that is not where the modules say that they are.
    """
    path = str(function.__code__.co_filename)
    for _ in range(files):
        path = os.path.dirname(path)
    return path


HOME = _around(_around, 3)
"""The folder in which this library's packages lie."""
NUMPY = os.path.join(_around(np.iterable, 2), "")
"""The folder of NumPy, with what separates it from names."""
_OURS = tuple(os.path.join(HOME, package, "") for package in ("autograd", "nn", "optim"))
_SCIPY = f"{os.sep}scipy{os.sep}"


def scipy_part(filename: str) -> str:
    """What of SciPy the code of this file belongs to, such as ``linalg/_basic.py``; empty if it is no part of it."""
    _, found, part = (os.sep + filename).rpartition(_SCIPY)
    return part if found and not is_ours(filename) else ""


def is_ours(filename: str) -> bool:
    """Whether the code of this file belongs to this library."""
    return filename.startswith(_OURS) or filename.startswith("<autograd op ")


def _user_frame() -> tuple[Any, int]:
    """The innermost frame outside this library, None if there is none, and how many frames above this one it is."""
    frame: Any = sys._getframe(1)
    depth = 1
    while frame is not None:
        if not is_ours(frame.f_code.co_filename):
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
