"""Boxes looked at from outside: their values, and a trace of the ops that a function calls.

The names are those of HIPS autograd's ``tracer``. There a trace is what differentiation is built on; here it is built
on the engine's record, and costs nothing where nobody traces.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from .boxes import ArrayBox
from .engine.modes import Mode, local
from .engine.nodes import Handle, source_of
from .engine.observing import Observer
from .engine.views import node_of
from .extend import notrace_primitive, primitive, register_notrace
from .func.pytrees import flatten, unflatten

__all__ = ["Box", "Node", "getval", "isbox", "notrace_primitive", "primitive", "register_notrace", "trace"]

Box = ArrayBox
N = TypeVar("N", bound="Node")


def getval(x: Any) -> Any:
    """The array inside a box; anything else as it is. No gradient flows through it.

    >>> import autograd.numpy as np
    >>> from autograd import grad
    >>> from autograd.tracer import getval
    >>> float(grad(lambda x: x * getval(x))(3.0))
    3.0
    """
    return x._data if isinstance(x, Handle) else x


def isbox(x: Any) -> bool:
    """Whether ``x`` is a box: what stands for an array in a function that is being differentiated or traced."""
    return isinstance(x, Handle)


class Node:
    """What a trace makes of every op: subclass it, and keep in ``__init__`` what is of interest.

    Args:
        value: what the op returned, an array.
        fun: the op.
        args, kwargs: what it was called with, as arrays.
        parent_argnums, parents: which of ``args`` were traced, and the nodes that made them.
    """

    def __init__(
        self,
        value: Any,
        fun: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        parent_argnums: Sequence[int],
        parents: Sequence[Any],
    ) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__: a trace makes one node for every op")

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        """Called in place of ``__init__`` for the node of the input."""

    @classmethod
    def new_root(cls: type[N], *args: Any, **kwargs: Any) -> N:
        """The node of the input, from which a trace starts."""
        root = object.__new__(cls)
        root.initialize_root(*args, **kwargs)
        return root


class _Tracing(Observer):
    """Makes a Node for every op that was called with something traced."""

    def __init__(self, starts: Sequence[Any], root: Node) -> None:
        self.nodes: dict[Any, Node] = dict.fromkeys([start._node for start in starts], root)
        self.kind = type(root)

    def after_forward(self, op: Any, values: Sequence[Any], out: Any, node: Any) -> None:
        if node is None:
            return
        traced = [self.made_by(parent) for parent in node.parents]
        found = [(i, parent) for i, parent in enumerate(traced) if parent is not None]
        if not found:
            return
        places = _places(op, values)
        argnums = tuple(places[i] for i, _ in found)
        function = getattr(op, "call", op)
        args, kwargs = _given(op, values)
        made = self.kind(out, function, args, kwargs, argnums, tuple(parent for _, parent in found))
        self.nodes[node] = made

    def made_by(self, node: Any) -> Node | None:
        """The Node of the op of a ``node`` of the graph, or of the one that is picked from."""
        return self.nodes.get(source_of(node))


def _given(op: Any, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments by which an op is called with these values of all of its parameters; defaults go without saying."""
    signature = getattr(op, "signature", None)
    if signature is None:
        return tuple(values), {}
    args, kwargs = [], {}
    stated = 0
    for parameter, value in zip(signature.parameters.values(), values, strict=True):
        if parameter.kind is not parameter.KEYWORD_ONLY:
            args.append(value)
            stated = stated if value is parameter.default else len(args)
        elif value is not parameter.default:
            kwargs[parameter.name] = value
    return tuple(args[:stated]), kwargs


def _places(op: Any, values: Sequence[Any]) -> list[int]:
    """For each parent of an op's node the number of the argument that it came in."""
    given = getattr(op, "argnums", None)
    if given is not None:
        return list(given)
    places = []
    for name in op.inputs:
        place = op.params.index(name)
        places += [place] * (len(values[place]) if name in op.lists else 1)
    return places


def trace(start_node: Node, fun: Callable[..., Any], x: Any) -> tuple[Any, Any]:
    """Call ``fun(x)`` and make a node of ``start_node``'s class for every op on the way from the floats in ``x``.

    Returns:
        The value, and the node that made it: None, with a warning, if it does not depend on ``x``.
    """
    leaves, spec = flatten(x)
    starts = [ArrayBox(np.asarray(getval(leaf)), requires_grad=True) for leaf in leaves]
    tracing = _Tracing(starts, start_node)
    with Mode(grad=True, observers=(*local.observers, tracing)):
        end = fun(unflatten(starts, spec))
    node = tracing.made_by(node_of(end)) if isinstance(end, Handle) else None
    if node is None:
        warnings.warn("Output seems independent of input.", stacklevel=2)
    return getval(end), node
