"""SciPy's functions, which take arrays by their memory: seen by what watches NumPy's calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..engine.foreign import first_foreign

__all__ = ["foreign"]


def foreign(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let array types that watch NumPy's calls (NEP 18), as recording arrays do, see those of ``function`` too."""

    @wraps(function)
    def call(*args: Any) -> Any:
        for arg in args:
            if type(arg) is not np.ndarray and isinstance(arg, np.ndarray):
                if first_foreign(*args) is not None:  # which does not know the function: its calls are seen, if it can
                    break
                return arg.__array_function__(call, (type(arg),), args, {})
        return function(*args)

    return call
