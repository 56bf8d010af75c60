"""``ForeignArray``: array types that are no kind of ``np.ndarray``, but speak NumPy's protocols, inside of Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ForeignArray", "bare", "everywhere"]


class ForeignArray:
    """Base of such types: they have shape, ndim, size, dtype, astype, copy, indexing, and operators.

    Attributes:
        memory: the ``np.ndarray`` in which the elements lie.
    """

    __slots__ = ()
    memory: Any

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(f"{type(self).__name__} does not become an np.ndarray silently")


def bare(array: Any) -> Any:
    """The ``np.ndarray`` in which an array's elements lie: itself, unless it is of a foreign type."""
    return array.memory if isinstance(array, ForeignArray) else array


def everywhere(condition: Any) -> bool:
    """Whether an array of bools is true in every element, whatever kind of array it is."""
    return bool(np.all(bare(condition)))
