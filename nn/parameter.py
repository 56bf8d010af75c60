"""Parameters and buffers: the Tensors that belong to a module."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

__all__ = ["Buffer", "Parameter"]


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
        buffer._data, buffer._node, buffer._grad, buffer._view = tensor._data, tensor._node, tensor._grad, tensor._view
        buffer.persistent = persistent
        return buffer
