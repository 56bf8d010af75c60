"""The space in which a value and its gradients lie: zeros, ones, a basis, sums and products of its elements.

The values are numbers, arrays, and dicts, lists and tuples of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .engine.nodes import Handle
from .func.pytrees import flatten, map_leaves, unflatten

__all__ = ["VSpace", "vspace"]


class VSpace:
    """A vector space: what ``vspace(value)`` returns.

    Attributes:
        shape: of the array or, of a container, the same container of the spaces of its items.
        dtype: of the array.
        size: how many real numbers describe a value.
        iscomplex: whether the array is complex.
    """

    def __init__(self, value: Any) -> None:
        leaves, self._spec = flatten(value)
        arrays = [leaf._data if isinstance(leaf, Handle) else np.asarray(leaf) for leaf in leaves]
        for array, leaf in zip(arrays, leaves, strict=True):
            if array.dtype.kind not in "biufcV":
                raise TypeError(f"vspace: a value of type {type(leaf).__name__} lies in no vector space: {leaf!r}")
        self._kinds = [(array.shape, array.dtype) for array in arrays]
        self._alone = self._spec.kind is None

    @property
    def shape(self) -> Any:
        """The shape; of a container, the container of its items' spaces."""
        if self._alone:
            return self._kinds[0][0]
        return unflatten([VSpace(np.zeros(*kind)) for kind in self._kinds], self._spec)

    @property
    def dtype(self) -> Any:
        """The dtype of an array."""
        return self._kinds[0][1]

    @property
    def ndim(self) -> int:
        """The number of dimensions of an array."""
        return len(self._kinds[0][0])

    @property
    def iscomplex(self) -> bool:
        """Whether it is the space of a complex array."""
        return self._alone and self.dtype.kind == "c"

    @property
    def size(self) -> int:
        """How many real numbers describe a value."""
        return sum(math.prod(shape) * (1 + (dtype.kind == "c")) for shape, dtype in self._kinds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VSpace) and self._spec == other._spec and self._kinds == other._kinds

    def __hash__(self) -> int:
        return hash(tuple(shape for shape, _ in self._kinds))

    def __repr__(self) -> str:
        return f"VSpace({unflatten([f'{dtype} {shape}' for shape, dtype in self._kinds], self._spec)})"

    def _make(self, function: Callable[..., Any]) -> Any:
        return unflatten([function(shape, dtype) for shape, dtype in self._kinds], self._spec)

    def zeros(self) -> Any:
        """The value of zeros."""
        return self._make(np.zeros)

    def ones(self) -> Any:
        """The value of ones: ``1 + 1j`` where it is complex."""
        return self._make(lambda shape, dtype: np.full(shape, 1 + 1j if dtype.kind == "c" else 1, dtype))

    def randn(self) -> Any:
        """A value drawn from the standard normal distribution, by NumPy's global generator."""
        return self._make(_normal)

    def standard_basis(self) -> Iterator[Any]:
        """The values with a single one (and, where complex, a single ``1j``) in turn."""
        for place, (shape, dtype) in enumerate(self._kinds):
            for index in np.ndindex(*shape):
                for unit in (1.0, 1.0j) if dtype.kind == "c" else (1.0,):
                    leaves = [np.zeros(*kind) for kind in self._kinds]
                    leaves[place][index] = unit
                    yield unflatten(leaves, self._spec)

    def add(self, x: Any, y: Any) -> Any:
        """The sum of two values."""
        return map_leaves(lambda a, b: a + b, x, y)

    def mut_add(self, x: Any, y: Any) -> Any:
        """The sum of two values, the first of which may be None for zeros."""
        return y if x is None else self.add(x, y)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        """A value times a number."""
        return map_leaves(lambda leaf: leaf * a, x)

    def inner_prod(self, x: Any, y: Any) -> Any:
        """The real inner product of two values."""
        pairs = zip(flatten(x)[0], flatten(y)[0], strict=True)
        return sum(np.real(np.sum(np.conj(a) * b)) for a, b in pairs)

    def covector(self, x: Any) -> Any:
        """From a value to the gradient that means the same direction, and back: the conjugate."""
        return map_leaves(np.conj, x)


def _normal(shape: tuple[int, ...], dtype: Any) -> Any:
    drawn = np.random.randn(*shape)  # noqa: NPY002 (programs seed the global generator)
    return np.asarray(drawn + 1j * np.random.randn(*shape) if dtype.kind == "c" else drawn, dtype)  # noqa: NPY002


def vspace(value: Any) -> VSpace:
    """The space in which ``value`` lies: a number, an array or box, or a dict, list or tuple of these.

    Raises: TypeError if it is something else.

    >>> from autograd.vspaces import vspace
    >>> vspace({"w": [1.0, 2.0]}).zeros()
    {'w': [array(0.), array(0.)]}
    """
    return VSpace(value)
