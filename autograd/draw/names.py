"""What is drawn and what it is called: the outputs of a picture, and the names of Tensors and modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..engine.nodes import Handle
from ..engine.views import node_of
from ..errors import GradientError
from .events import Record

__all__ = ["Names", "outputs_of"]


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
        raise ValueError("graph: there is no Tensor in the collection of outputs")
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
        modules = params.named_modules() if hasattr(params, "named_modules") else ()
        self.kinds = {str(path): type(module).__name__ for path, module in modules}

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


def _named(params: Any) -> Iterator[tuple[str, Handle]]:
    """The names and Tensors in ``params``, in any of its forms."""
    expected = "graph: params must be a Module, a dict of names to Tensors, or pairs (name, Tensor)"
    pairs: Any = ()
    if hasattr(params, "named_parameters"):
        pairs = [*params.named_parameters(), *(params.named_buffers() if hasattr(params, "named_buffers") else ())]
    elif isinstance(params, Mapping):
        pairs = params.items()
    elif isinstance(params, Iterable) and not isinstance(params, (Handle, str)):
        pairs = params
    elif params is not None:
        raise TypeError(f"{expected}, got {type(params).__name__}")
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[1], Handle):
            what = pair[1] if isinstance(pair, tuple) and len(pair) == 2 else pair
            raise TypeError(f"{expected}; among them is a {type(what).__name__}")
        yield str(pair[0]), pair[1]
