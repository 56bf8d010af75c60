"""Modules with the names of SciPy's, in which some functions are ours where boxes are among their arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from ..boxes import boxed
from ..engine.foreign import first_foreign
from ..engine.nodes import Handle
from ..engine.views import node_of
from ..errors import NotDifferentiableError
from ..numpy._mirror import mirrored

__all__ = ["constant", "mirror"]


def mirror(
    path: str, own: Mapping[str, Callable[..., Any]], place: dict[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a module that mirrors one of SciPy's, or a distribution in one.

    Args:
        path: of the original: ``"scipy.special"``, ``"scipy.stats.norm"``.
        own: by name, what computes a function of it on boxes.
        place: the module's namespace, in which what was found is kept.
    """

    def original() -> Any:
        parent, _, last = path.rpartition(".")
        return getattr(import_module(parent), last)

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"the mirror of {path} has no {name}")
        found = getattr(original(), name)
        if name in own:
            found = mirrored(_by_batches(found, own[name]), own[name])
        place[name] = found
        return found

    def names() -> list[str]:
        return sorted({name for name in dir(original()) if not name.startswith("_")} | own.keys())

    return find, names


def _by_batches(function: Callable[..., Any], op: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of SciPy, which does not ask arrays of other types, as NumPy does: ``op`` computes it on these."""
    if isinstance(function, np.ufunc):
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if first_foreign(*args, *kwargs.values()) is None:
            return function(*args, **kwargs)
        return boxed(op(*args, **kwargs))

    return call


def constant(function: str, name: str, value: Any) -> Any:
    """``value`` as an array, for an argument by which there is no derivative.

    Raises: NotDifferentiableError if it is differentiated.
    """
    if not isinstance(value, Handle):
        return value
    if node_of(value) is not None:
        raise NotDifferentiableError(
            f"{function}: the derivative with respect to {name} has no closed form and is not computed; if no gradient "
            f"is to flow through it, use autograd.tracer.getval({name})"
        )
    return value._data
