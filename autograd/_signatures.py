"""What can be read from a function: its name, and what its parameters are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["ALIASES", "PLAIN", "asks", "checked_of", "required", "title_of", "with_bools"]

ALIASES = {"dim": "axis", "keepdim": "keepdims", "correction": "ddof", "x": "input", "y": "other"}
"""Second spellings of arguments that every op accepts: NumPy's of PyTorch's names, and PyTorch's of x and y."""


def title_of(function: Any) -> str:
    """The name of a function, or of what is called like one."""
    while not hasattr(function, "__name__") and hasattr(function, "func"):  # functools.partial
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def asks(rule: Callable[..., Any]) -> tuple[str, ...]:
    """The parameter names of a rule or another function: what it uses."""
    code = _plain_code(rule)
    if code is not None:
        return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return required(rule) if isinstance(inspect.unwrap(rule), np.ufunc) else tuple(inspect.signature(rule).parameters)


def required(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters without default."""
    code = _plain_code(function)
    ufunc = inspect.unwrap(function) if code is None else None
    if isinstance(ufunc, np.ufunc):  # which has a signature since NumPy 2.4
        return ("x",) if ufunc.nin == 1 else tuple([f"x{i + 1}" for i in range(ufunc.nin)])
    if code is None:
        parameters = inspect.signature(function).parameters.values()
        return tuple(parameter.name for parameter in parameters if parameter.default is parameter.empty)
    plain: Any = function
    optional = {*code.co_varnames[code.co_argcount - len(plain.__defaults__ or ()) : code.co_argcount]}
    return tuple(name for name in asks(function) if name not in optional | {*(plain.__kwdefaults__ or ())})


PLAIN: dict[str, frozenset[type]] = {
    "bool": frozenset([bool]),
    "float": frozenset([float, int]),
    "bool | None": frozenset([bool, type(None)]),
    "float | None": frozenset([float, int, type(None)]),
}
"""The annotations of settings that are checked before anything is computed, and the classes that need no look."""


def with_bools(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, with NumPy's ``keepdims=1`` as True."""
    if type(kwargs.get("keepdims", False)) is not int:
        return kwargs
    return {**kwargs, "keepdims": bool(kwargs["keepdims"])}


def checked_of(function: Callable[..., Any]) -> dict[str, str]:
    """The parameters that are flags or numbers, as their annotations say: these."""
    given = getattr(function, "__annotations__", {}).items()
    kinds = {name: kind if isinstance(kind, str) else getattr(kind, "__name__", "") for name, kind in given}
    return {name: kind for name, kind in kinds.items() if kind in PLAIN and name != "return"}


def _plain_code(function: Callable[..., Any]) -> Any:
    """The code of a function whose parameters can be read from it: a tenth of a signature's time, felt at import."""
    code = getattr(function, "__code__", None)
    if (
        code is None
        or hasattr(function, "__self__")
        or hasattr(function, "__wrapped__")
        or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    ):
        return None
    return code
