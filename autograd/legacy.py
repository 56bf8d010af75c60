"""Names from PyTorch's early days, so that old programs run: ``FloatTensor`` and its kind, and ``Variable``.

New programs say ``autograd.tensor(data, dtype=...)``, ``autograd.empty(shape, dtype=...)`` and ``x.dtype == ...``.
"""

from __future__ import annotations

from typing import Any

from . import dtypes
from ._tensor import Tensor
from .construction import of_sizes_or_data
from .devices import check_device
from .engine.nodes import array_of, new_tensor

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "Variable",
]  # fmt: skip


class _OfDtype(type):
    """The class of ``FloatTensor`` and its kind: calling one makes a Tensor of its dtype, which is its instance."""

    dtype: Any

    def __instancecheck__(cls, thing: Any) -> bool:
        return isinstance(thing, Tensor) and thing.dtype == cls.dtype

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        check_device(device)
        made: Tensor = of_sizes_or_data(cls.__name__, cls.dtype, data)
        return made


class _AnyTensor(type):
    """The class of ``Variable``, of which every Tensor is an instance."""

    def __instancecheck__(cls, thing: Any) -> bool:
        return isinstance(thing, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: expected a Tensor, got {type(data).__name__}; use autograd.tensor")
        made: Tensor = new_tensor(array_of(data))
        return made.requires_grad_(requires_grad)


class Variable(metaclass=_AnyTensor):
    """A Tensor outside the graph that shares the memory of another (legacy: Tensors have been Variables since 2018).

    Args:
        data: a Tensor.
        requires_grad: record the operations on it.
    """


class FloatTensor(metaclass=_OfDtype):
    """A Tensor of float32 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.float32


class DoubleTensor(metaclass=_OfDtype):
    """A Tensor of float64 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.float64


class HalfTensor(metaclass=_OfDtype):
    """A Tensor of float16 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.float16


class ByteTensor(metaclass=_OfDtype):
    """A Tensor of uint8 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.uint8


class CharTensor(metaclass=_OfDtype):
    """A Tensor of int8 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.int8


class ShortTensor(metaclass=_OfDtype):
    """A Tensor of int16 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.int16


class IntTensor(metaclass=_OfDtype):
    """A Tensor of int32 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.int32


class LongTensor(metaclass=_OfDtype):
    """A Tensor of int64 from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.int64


class BoolTensor(metaclass=_OfDtype):
    """A Tensor of bool from a list, an array or sizes (legacy: use ``autograd.tensor``, ``autograd.empty``)."""

    dtype = dtypes.bool_
