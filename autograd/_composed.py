"""``composed``: a function that calls ops takes the spellings of arguments that they take, and explains its errors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._op_function import OpFunction, P, R
from ._signatures import ALIASES, PLAIN, asks, checked_of, required, with_bools
from .engine.failures import RAW, check_setting, explain_composed
from .samples import as_cases

__all__ = ["COMPOSED", "NUMPY", "composed"]

COMPOSED: dict[str, Callable[..., Any]] = {}
"""Every function that is composed of ops and has samples of its own, by name."""
NUMPY: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For each NumPy function and ufunc the function that computes it on Tensors."""


def composed(
    *numpy: Callable[..., Any], samples: Any = None, inputs: tuple[str, ...] | None = None
) -> Callable[[Callable[P, R]], OpFunction[P, R]]:
    """Mark a function that is composed of ops: it accepts ``op``'s second spellings of its arguments.

    Args:
        numpy: the NumPy functions that it is, with their arguments in the same places.
        samples: where to test it, as for ``op``.
        inputs: its differentiable inputs (default: the parameters without default).
    """

    def define(function: Callable[P, R]) -> OpFunction[P, R]:
        params = asks(function)
        second = {alias: name for name, alias in ALIASES.items() if name in params and alias not in params}
        checked = tuple([(params.index(name), name, PLAIN[kind]) for name, kind in checked_of(function).items()])
        first = min([place for place, _, _ in checked], default=len(params))
        is_plain = frozenset(second).isdisjoint

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs and not is_plain(kwargs):
                kwargs = {second.get(name, name): value for name, value in kwargs.items()}
            try:
                return function(*args, **kwargs)
            except RAW as error:
                explain_composed(function, args, kwargs, error)
                raise

        @functools.wraps(function)
        def checking(*args: Any, **kwargs: Any) -> Any:
            if kwargs and not is_plain(kwargs):
                kwargs = {second.get(name, name): value for name, value in with_bools(kwargs).items()}
            count = len(args)
            if kwargs or count > first:
                for place, name, plain in checked:
                    if place < count:
                        value = args[place]
                    elif name in kwargs:
                        value = kwargs[name]
                    else:
                        continue
                    if value.__class__ not in plain:
                        check_setting(function.__name__, name, value, plain)
            try:
                return function(*args, **kwargs)
            except RAW as error:
                explain_composed(function, args, kwargs, error)
                raise

        if checked:
            call = checking
        call.kernel = call  # type: ignore[attr-defined]
        call.inputs = inputs or required(function)  # type: ignore[attr-defined]
        call.cases = as_cases(samples, call.inputs)  # type: ignore[attr-defined]
        if samples is not None and function.__module__.startswith("autograd.ops."):
            COMPOSED[function.__name__] = call
        for identity in numpy:
            NUMPY[identity] = call
        return call  # type: ignore[return-value]

    return define
