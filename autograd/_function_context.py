"""What the parts of a ``Function`` share: the context that its forward fills, and its backward and jvp read."""

from __future__ import annotations

import functools
from typing import Any

from ._tensor import Tensor
from .engine.modes import local
from .engine.nodes import Handle, Packed, Pick, new_tensor
from .engine.views import node_of

__all__ = ["FunctionCtx"]


class FunctionCtx:
    """What ``forward`` hands to ``backward`` and ``jvp``: any attribute, and arrays through ``save_for_backward`` and
    ``save_for_forward``.
    """

    # What only a Function with a ``jvp`` has in its instances.
    _to_push: tuple[Any, ...] = ()
    _forward: tuple[Any, tuple[Any, ...]] = ((), ())  # the arrays and places that jvp gets
    _pushing = False
    _inputs: tuple[Any, ...] = ()  # of arguments the shape, the dtype, whether it was overwritten
    _live: tuple[bool, ...] = ()  # which outputs have a derivative

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._to_save: tuple[Any, ...] = ()
        self._arrays: Any = ()
        self._places: tuple[Any, ...] = ()
        self._unpacked: tuple[Any, ...] | None = None
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True
        self._whole: tuple[int, ...] = ()  # which outputs are Tensors of integers or bools
        self._node: Any = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep Tensors (inputs, outputs or others) for backward, where ``saved_tensors`` gives them back."""
        self._to_save = _only_tensors("save_for_backward", tensors)

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep Tensors for ``jvp``, where ``saved_tensors`` gives them back."""
        self._to_push = _only_tensors("save_for_forward", tensors)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept, or in ``jvp`` what ``save_for_forward`` did, connected to the graph."""
        arrays, places = self._forward if self._pushing else (self._arrays, self._places)
        if isinstance(arrays, Packed):
            arrays = self._unpacked = arrays.unpack() if self._unpacked is None else self._unpacked
        return tuple(
            None if array is None else new_tensor(array, place(self._node) if callable(place) else place)
            for array, place in zip(arrays, places, strict=True)
        )

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declare the inputs that ``forward`` overwrote; they must be returned too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declare the outputs that have no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether zeros (default) or None stand for what is missing: to ``backward`` the gradients of outputs through
        which none came, to ``jvp`` the tangents of inputs that do not move.
        """
        self._materialize = bool(value)

    def _freeze(self, parents: dict[int, Any], outputs: list[Any]) -> None:
        """Replace the saved Tensors by arrays and places in the graph, which form no reference cycle."""
        arrays, self._places = _taken_apart(self._to_save, parents, outputs)
        self._arrays = arrays if local.pack is None or not arrays else Packed(arrays, local.pack)
        if self._to_push:
            self._forward = _taken_apart(self._to_push, parents, outputs)
        self._to_save = self._to_push = self._dirty = self._constant = ()


def _only_tensors(method: str, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    for tensor in tensors:
        if tensor is not None and not isinstance(tensor, Handle):
            raise TypeError(f"{method} keeps Tensors, got {type(tensor).__name__}; others can be attributes of ctx")
    return tensors


def _taken_apart(
    tensors: tuple[Any, ...], parents: dict[int, Any], outputs: list[Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The arrays of saved Tensors and their places in the graph: of an output a function of the node yet to be made."""
    places: list[Any] = []
    for tensor in tensors:
        index = next((i for i, out in enumerate(outputs) if out is tensor), None)
        if tensor is None:
            places.append(None)
        elif id(tensor) in parents or index is None:
            places.append(node_of(tensor))
        elif len(outputs) == 1:
            places.append(lambda node: node)
        else:
            places.append(functools.partial(Pick, index=index))
    return tuple([None if tensor is None else tensor._data for tensor in tensors]), tuple(places)
