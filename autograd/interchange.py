"""Copies and pickles of Tensors, and their exchange with NumPy and, through DLPack, with other libraries."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from .engine.foreign import ForeignArray
from .engine.modes import local
from .engine.nodes import Handle, Leaf, array_of, new_tensor
from .errors import ArgumentError, GradientError

if TYPE_CHECKING:
    from ._tensor import Tensor

__all__ = ["from_dlpack"]


def numpy(self: Any, *, force: bool = False) -> np.ndarray[Any, Any]:
    """The array, sharing memory.

    Args:
        force: detach first.

    Raises:
        GradientError: the tensor requires grad (and neither ``force`` nor ``no_grad``).
    """
    if self._node is not None and local.grad and not force:
        raise GradientError(
            f"numpy: this tensor (shape {self.shape}) requires grad, and an array cannot record: use .detach().numpy()"
        )
    return array_of(self)


def to_array(self: Any, dtype: Any = None, copy: bool | None = None) -> Any:
    """What ``numpy.asarray`` makes of a Tensor. Raises: GradientError if a graph would be lost."""
    if self._node is not None and local.grad:
        raise GradientError(
            f"a tensor that requires grad (shape {self.shape}) is not turned into an array silently: its graph would "
            "be lost. Use .detach().numpy(), or an op of autograd"
        )
    array = array_of(self)
    if isinstance(array, ForeignArray):
        return array.__array__(dtype, copy)  # which raises, and says why
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ArgumentError(f"a tensor of {array.dtype} cannot become an array of {dtype} without a copy")
        return array.astype(dtype)
    return array.copy() if copy else array


def to_dlpack(self: Any, **kwargs: Any) -> Any:
    """DLPack: the memory for another library, which must not need the graph."""
    return self.numpy().__dlpack__(**kwargs)


def dlpack_device(self: Any) -> tuple[int, int]:
    """DLPack: the CPU."""
    return array_of(self).__dlpack_device__()


def from_dlpack(source: Any) -> Tensor:
    """A Tensor that shares the memory of any object that speaks DLPack (an array, a PyTorch or JAX array)."""
    array = source.numpy() if isinstance(source, Handle) else source  # type: ignore[attr-defined]
    # an array as it is: of the one that DLPack makes nobody knows whose memory it has
    return new_tensor(array if type(array) is np.ndarray else np.from_dlpack(array))


def shallow_copy(self: Any) -> Any:
    """``copy.copy``: another handle on the same memory; of a leaf a leaf, of another Tensor at the same node."""
    copied = object.__new__(type(self))
    copied._data = array_of(self)
    copied._node = None
    copied._grad = self._grad
    copied._view = self._view
    if type(self._node) is Leaf:
        copied.requires_grad_()
    else:
        copied._node = self._node
    _copy_attributes(self, copied)
    return copied


def deep_copy(self: Any, memo: dict[int, Any]) -> Any:
    """``copy.deepcopy``: data, requires_grad and grad, never the graph.

    Raises:
        GradientError: the tensor is not a leaf.
    """
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise GradientError(
            f"deepcopy: only leaves can be copied deeply, this tensor of shape {self.shape} was made by "
            f"'{self._node.name()}'; copy x.detach(), or keep x.clone()"
        )
    foreign = isinstance(self._data, ForeignArray)
    data = self._data.copy() if foreign else np.array(self._data, subok=True)
    copied = _rebuild(type(self), data, self.requires_grad, None, {})
    memo[id(self)] = copied
    if self._grad is not None:
        copied._grad = deep_copy(self._grad, memo) if self._grad.is_leaf else new_tensor(np.array(self._grad._data))
    if getattr(self, "__dict__", None):
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return copied


def reduce(self: Any) -> tuple[Any, ...]:
    """Pickle: data, requires_grad and grad, never the graph: what it loads is a leaf."""
    grad = None if self._grad is None else np.asarray(self._grad._data)
    attributes = dict(getattr(self, "__dict__", {}))
    return _rebuild, (type(self), np.asarray(self._data), self._node is not None, grad, attributes)


def _rebuild(kind: Any, data: Any, requires_grad: bool, grad: Any, attributes: dict[str, Any]) -> Any:
    made = object.__new__(kind)
    made._data = np.asarray(data) if isinstance(data, np.generic) else data
    made._node = made._grad = made._view = None
    if requires_grad:
        made.requires_grad_()
    if grad is not None:
        made._grad = new_tensor(grad)
    if attributes:
        made.__dict__.update(attributes)
    return made


def _copy_attributes(source: Handle, target: Handle) -> None:
    if getattr(source, "__dict__", None):
        target.__dict__.update(source.__dict__)
