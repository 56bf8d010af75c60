"""``ForeignArray``: array types that are no kind of ``np.ndarray``, but speak NumPy's protocols, inside of Tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

__all__ = ["ForeignArray", "alike", "as_array", "bare", "everywhere", "first_foreign", "like_of", "require_plain"]


class ForeignArray:
    """Base of such types: they have shape, ndim, size, dtype, astype, copy, indexing, and operators.

    Attributes:
        memory: the ``np.ndarray`` in which the elements lie.
        kind: what, beside its elements, an array of the type is made of; ``of_kind`` gives one with another.
    """

    __slots__ = ()
    memory: Any
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def refuse(self, target: Any) -> NoReturn:
        """Raise, because this array, or what it indexes, cannot be written into ``target``."""
        raise TypeError(f"{type(self).__name__} cannot be written into {type(target).__name__}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(f"{type(self).__name__} does not become an np.ndarray silently")


def alike(array: Any, other: Any) -> Any:
    """``array``, of the foreign type of ``other`` if that is of one: NumPy asks only some arguments for their type."""
    return np.asarray(array, like=other) if isinstance(other, ForeignArray) else array


def bare(array: Any) -> Any:
    """The ``np.ndarray`` in which an array's elements lie: itself, unless it is of a foreign type."""
    return array.memory if isinstance(array, ForeignArray) else array


def as_array(value: Any) -> Any:
    """A value as an array, which one of a foreign type is already, and one that wants to know what NumPy does to it."""
    watches = isinstance(value, np.ndarray) and type(value).__array_function__ is not np.ndarray.__array_function__
    return value if watches or isinstance(value, ForeignArray) else np.asarray(value)


def everywhere(condition: Any) -> bool:
    """Whether an array of bools is true in every element, whatever kind of array it is."""
    return bool(np.all(bare(condition)))


def first_foreign(*values: Any) -> Any:
    """The first array of a foreign type inside nested tuples and lists, or None."""
    for value in values:
        found = first_foreign(*value) if type(value) in (tuple, list) else value
        if isinstance(found, ForeignArray):
            return found
    return None


def require_plain(*arrays: Any) -> None:
    """Raise TypeError for an array of a foreign type: it has a faster way than the calls of NumPy that would follow."""
    for array in arrays:
        if isinstance(array, ForeignArray):
            raise TypeError(f"expected an np.ndarray, got {type(array).__name__}")


def like_of(values: Iterable[Any]) -> Any:
    """One among the arrays, and arrays of Tensors, that records what is done with it: so must a new array; or None."""
    for value in values:
        array = bare(getattr(value, "_data", value))
        if type(array) is not np.ndarray and isinstance(array, np.ndarray):
            return array
    return None
