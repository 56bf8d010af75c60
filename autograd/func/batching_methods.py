"""NumPy's methods and attributes of arrays, each as the function that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["NumpyMethods"]


def _of(function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function as a method."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__doc__ = f"``numpy.{function.__name__}`` of this array."
    return method


class NumpyMethods:
    """What an array that speaks NumPy's protocols has besides: it follows from them."""

    __slots__ = ()

    @property
    def T(self: Any) -> Any:
        """The array with its axes reversed."""
        return np.transpose(self)

    @property
    def mT(self: Any) -> Any:
        """The array with its last two axes swapped."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self: Any) -> Any:
        """The real part."""
        return np.real(self)

    @property
    def imag(self: Any) -> Any:
        """The imaginary part."""
        return np.imag(self)

    @property
    def flat(self: Any) -> Iterator[Any]:
        """The elements of one example, one by one."""
        return iter(self.reshape(-1))

    def reshape(self: Any, *shape: Any, order: Any = "C") -> Any:
        """The array in another shape."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self: Any, *axes: Any) -> Any:
        """The array with its axes permuted: NumPy's ``transpose``."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def flatten(self: Any, order: Any = "C") -> Any:
        """A copy with one axis."""
        return np.reshape(self, -1, order=order).copy()

    def fill(self: Any, value: Any) -> None:
        """Overwrite every element."""
        self[...] = value

    def sort(self: Any, axis: int = -1, kind: Any = None) -> None:
        """Sort in place."""
        self[...] = np.sort(self, axis, kind=kind)

    all = _of(np.all)
    any = _of(np.any)
    argmax = _of(np.argmax)
    argmin = _of(np.argmin)
    argpartition = _of(np.argpartition)
    argsort = _of(np.argsort)
    choose = _of(np.choose)
    clip = _of(np.clip)
    compress = _of(np.compress)
    conj = _of(np.conj)
    conjugate = _of(np.conj)
    cumprod = _of(np.cumprod)
    cumsum = _of(np.cumsum)
    diagonal = _of(np.diagonal)
    dot = _of(np.dot)
    max = _of(np.max)
    mean = _of(np.mean)
    min = _of(np.min)
    nonzero = _of(np.nonzero)
    prod = _of(np.prod)
    ravel = _of(np.ravel)
    repeat = _of(np.repeat)
    round = _of(np.round)
    searchsorted = _of(np.searchsorted)
    squeeze = _of(np.squeeze)
    std = _of(np.std)
    sum = _of(np.sum)
    swapaxes = _of(np.swapaxes)
    take = _of(np.take)
    trace = _of(np.trace)
    var = _of(np.var)
