"""Python's types for functions that are differentiated, under the names of HIPS autograd's ``builtins``.

There, lists and dicts in such a function have to be made by these; here Python's own are right, and are what these are.
"""

from __future__ import annotations

import builtins
from builtins import dict as dict  # noqa: A004 (Python's own, under this module's name too)
from builtins import list as list  # noqa: A004
from builtins import tuple as tuple  # noqa: A004
from typing import Any

from .tracer import getval

__all__ = ["dict", "isinstance", "list", "tuple", "type"]


def isinstance(x: Any, kind: Any) -> bool:
    """As Python's, of the array inside a box.

    >>> import numpy as np
    >>> from autograd import isinstance
    >>> from autograd.boxes import ArrayBox
    >>> isinstance(ArrayBox(np.ones(2), requires_grad=True), np.ndarray)
    True
    """
    return builtins.isinstance(x, kind) or builtins.isinstance(getval(x), kind)


def type(x: Any) -> Any:
    """As Python's, of the array inside a box."""
    return builtins.type(getval(x))
