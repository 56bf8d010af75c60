"""What is drawn and what it is called: the outputs of a picture, and the names of Tensors and modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..engine.nodes import Handle
from ..engine.views import node_of
from ..errors import ArgumentError, GradientError
from .events import Record

__all__ = ["Names", "outputs_of"]

_EXPECTED = "graph: params must be a Module, a dict of names to Tensors or Modules, or pairs of a name and one of these"


def outputs_of(tensors: Any) -> list[tuple[str, Handle]]:
    """The outputs with their names.

    Raises:
        TypeError, ValueError: there is something else than Tensors, or nothing.
        GradientError: none of them requires grad.
    """
    if isinstance(tensors, Handle):
        outputs = [("output", tensors)]
    elif isinstance(tensors, Mapping):
        outputs = [(str(name), tensor) for name, tensor in tensors.items()]
    elif isinstance(tensors, Iterable) and not isinstance(tensors, (str, bytes)):
        outputs = [(f"output {i}", tensor) for i, tensor in enumerate(tensors, 1)]
    else:
        raise TypeError(f"graph: expected a Tensor, a sequence or a dict of Tensors, got {type(tensors).__name__}")
    for name, tensor in outputs:
        if not isinstance(tensor, Handle):
            raise TypeError(f"graph: {name!r} must be a Tensor, got {type(tensor).__name__}")
    if not outputs:
        raise ArgumentError("graph: there is no Tensor in the collection of outputs")
    if all(node_of(tensor) is None for _, tensor in outputs):
        what = f"the tensor of shape {outputs[0][1]._data.shape} does" if len(outputs) == 1 else "the tensors do"
        raise GradientError(
            f"graph: {what} not require grad, so there is no graph to draw. What is computed from a tensor with "
            "requires_grad=True is recorded, but not under no_grad, and not beyond detach()"
        )
    return outputs


class Names:
    """What the user calls Tensors: found by their place in the graph, those without one by their array.

    Attributes:
        given: the names by Node, Pick, Leaf, or the id of an array.
        kinds: the class of each module by its path, as far as they are known.
    """

    def __init__(self, params: Any) -> None:
        self.pairs = list(_named(params))  # keeps the arrays alive, so that an id stays theirs
        self.given: dict[Any, list[str]] = {}
        for name, tensor in self.pairs:
            self.given.setdefault(_place(tensor), []).append(name)
        self.kinds = {
            _joined(name, str(path)): type(module).__name__
            for name, thing in _pairs(params)
            if hasattr(thing, "named_modules")
            for path, module in thing.named_modules()
        }

    def recognise(self, record: Record) -> None:
        """Give the names of arrays to the events that were recorded of them."""
        for name, tensor in self.pairs:
            origin = record.origin(tensor._data) if node_of(tensor) is None else None
            if origin is not None and name not in self.given.setdefault(origin, []):
                self.given[origin].append(name)

    def of(self, place: Any) -> str | None:
        """The name of a Node, Pick, Leaf or Event, or of the array with this id."""
        names = self.given.get(place)
        if names is None:
            name = (getattr(place, "note", None) or {}).get("name")
            return None if name is None else str(name)
        return " = ".join(names)


def _place(tensor: Handle) -> Any:
    node = node_of(tensor)
    return id(tensor._data) if node is None else node


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _pairs(params: Any) -> list[tuple[str, Any]]:
    """``params`` in any of its forms, as names and Modules or Tensors; a Module by itself has the name ""."""
    if hasattr(params, "named_parameters"):
        return [("", params)]
    if isinstance(params, Mapping):
        return [(str(name), thing) for name, thing in params.items()]
    pairs = []
    if isinstance(params, Iterable) and not isinstance(params, (Handle, str)):
        for pair in params:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError(f"{_EXPECTED}; got one of type {type(pair).__name__}")
            pairs.append((str(pair[0]), pair[1]))
    elif params is not None:
        raise TypeError(f"{_EXPECTED}, got {type(params).__name__}")
    return pairs


def _named(params: Any) -> Iterator[tuple[str, Handle]]:
    """The names and Tensors in ``params``: a Module's parameters and buffers have its name in front of their own."""
    for name, thing in _pairs(params):
        if isinstance(thing, Handle):
            yield name, thing
        elif hasattr(thing, "named_parameters"):
            buffers = thing.named_buffers() if hasattr(thing, "named_buffers") else ()
            for own, tensor in (*thing.named_parameters(), *buffers):
                yield _joined(name, str(own)), tensor
        else:
            raise TypeError(f"{_EXPECTED}; got one of type {type(thing).__name__}")
