"""Parameters and buffers: the Tensors that belong to a module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from autograd import ShapeError, Tensor, empty

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "filled",
    "is_lazy",
    "replacement",
    "roles",
    "vacate",
]


class Parameter(Tensor):
    """A Tensor that a module learns: found by ``Module.parameters``, and requiring grad unless told otherwise.

    Args:
        data: a Tensor (whose memory is shared), an array or numbers.
        requires_grad: whether it is learned.

    >>> from nn import Parameter
    >>> Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    def __init__(self, data: Any = (), requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A copy without the gradient, as PyTorch's: a copied model starts to collect its own."""
        copied = super().__deepcopy__(memo)
        copied.grad = None
        return copied

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A Tensor that belongs to a module's state but is not learned: running statistics, masks.

    Args:
        data: a Tensor, an array or numbers.
        persistent: whether it is part of ``state_dict``.
    """

    def __init__(self, data: Any = (), *, persistent: bool = True) -> None:
        super().__init__(data)
        self.persistent = persistent

    @staticmethod
    def of(tensor: Tensor, persistent: bool = True) -> Buffer:
        """A buffer that is ``tensor``: the same memory, the same place in the graph."""
        buffer: Buffer = Buffer.__new__(Buffer)
        buffer.become(tensor)
        buffer.persistent = persistent
        return buffer

    def become(self, tensor: Tensor) -> None:
        """Take the memory of ``tensor``, and its place in the graph."""
        self._data, self._node, self._grad, self._view = tensor._data, tensor._node, tensor._grad, tensor._view


class _NoElements(np.ndarray):
    """The array of a Tensor without a shape: to compute with it or to write to it raises, and does not do nothing."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise ShapeError(
            "a parameter or buffer of a lazy module has no elements before the first call of the module, which tells "
            "its shape: call the model once with an input"
        )

    __array_ufunc__ = __array_function__ = __setitem__ = fill = _refuse


class _Uninitialized(Tensor):
    """What a lazy module has in place of a Tensor whose shape its first input will tell."""

    becomes: ClassVar[type[Tensor]]

    @property
    def shape(self) -> tuple[int, ...]:
        """None yet. Raises: ShapeError."""
        raise ShapeError(f"{type(self).__name__}: its shape will be known after the first call of the lazy module")

    def detach(self) -> Tensor:
        """An empty Tensor of the dtype."""
        return empty(0, dtype=self.dtype)

    @property
    def data(self) -> Tensor:
        """An empty Tensor of the dtype; setting it sets the dtype."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self._data = np.empty(0, value.dtype).view(_NoElements)

    def materialize(self, shape: Sequence[int], dtype: Any = None) -> None:
        """Become a Parameter (or Buffer) of this shape, with values still to be set."""
        data = empty(tuple(shape), dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.becomes  # type: ignore[assignment]
        self.data = data

    def __reduce__(self) -> Any:
        return _uninitialized, (type(self), self.dtype, self.requires_grad, dict(self.__dict__))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _uninitialized(kind: type[Tensor], dtype: Any, requires_grad: bool, attributes: dict[str, Any]) -> Any:
    made: Any = kind(dtype=dtype)  # type: ignore[call-arg]
    made.__dict__.update(attributes)
    return made.requires_grad_(requires_grad)


def is_lazy(tensor: Any) -> bool:
    """Whether this is the parameter or buffer of a lazy module before its first call."""
    return isinstance(tensor, _Uninitialized)


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter of a lazy module before its first call.

    Args:
        requires_grad: whether it is learned.
        device, dtype: of the parameter that it becomes.
    """

    becomes = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(empty(0, device=device, dtype=dtype), requires_grad)
        self.data = self.detach()


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer of a lazy module before its first call.

    Args:
        persistent: whether it is part of ``state_dict``.
        device, dtype: of the buffer that it becomes.
    """

    becomes = Buffer

    def __init__(self, *, persistent: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(empty(0, device=device, dtype=dtype), persistent=persistent)
        self.data = self.detach()


def replacement(owner: Any, name: str, held: Any, value: Any, module: type) -> Any:
    """What is kept as the attribute ``name``, which now holds a Tensor or a module, if it is set to ``value``.

    Args:
        owner: the module that has the attribute.
        name: of the attribute.
        held, value: what it holds, and what it is set to: no Parameter, and not None.
        module: the class of modules.

    Raises:
        TypeError: a Parameter, buffer or child would be lost.
    """
    where = f"{type(owner).__name__}.{name}"
    if isinstance(held, Parameter):
        raise TypeError(
            f"{where} is a Parameter; set it to a Parameter or None, or overwrite its values under no_grad: "
            f"{name}.copy_(...)"
        )
    if isinstance(held, module) and not isinstance(value, module):
        raise TypeError(f"{where} is a module; set it to a Module or None, or delete it first")
    if isinstance(held, Buffer) and not isinstance(value, (Buffer, module)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{where} is a buffer; set it to a Tensor or None, or delete it first")
        return Buffer.of(value, held.persistent)
    return value


_VACANT = "_vacant"


def roles(module: Any) -> dict[str, Any]:
    """By the name of each attribute of a module what it counts as; what is None may be left out.

    That is the attribute itself, except inside ``functional_call``: what that has put in the places of parameters and
    buffers counts as these.
    """
    held: dict[str, Any] = module.__dict__
    stand_for = held.get("_stand_for")
    if stand_for is None:
        return held
    return {name: stand_for.get(name, value) for name, value in held.items() if value is not None}


def vacate(owner: Any, name: str, held: Any) -> None:
    """Note, before the attribute ``name`` is None, whether that is a Parameter's place or a buffer's."""
    if isinstance(held, (Parameter, Buffer)):
        kept = Parameter() if isinstance(held, Parameter) else Buffer(persistent=held.persistent)
        owner.__dict__[_VACANT] = {**owner.__dict__.get(_VACANT, {}), name: kept}


def filled(owner: Any, name: str, value: Any, module: type) -> Any:
    """What is kept as the attribute ``name``, which holds nothing, if it is set to ``value``; see ``replacement``."""
    vacant = owner.__dict__.get(_VACANT)
    if vacant is None or name not in vacant or name not in owner.__dict__:
        return value
    if value is None or isinstance(value, Parameter):
        return value
    return replacement(owner, name, vacant[name], value, module)
