"""The graph inside of a mapped function, seen from outside: one node, whose backward is a sweep through that graph.

Arrays and Tensors enter by ``enter`` and leave by ``leave``. What the inner graph reaches outside of itself (mapped
arguments, Tensors that the function captured) are the parents of the node that stands for it. Gradients of captured
Tensors come one for each example, and are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._operands import unwrap
from ..engine.modes import Mode, local
from ..engine.nodes import Handle, Leaf, Node, NodeOp, Pick, array_of, make_node, new_tensor, source_of
from ..engine.sweep import add, conform, sweep
from ..engine.views import check_writable, node_of
from ..errors import MutationError
from .batching import BatchedArray, Level

__all__ = ["enter", "leave"]

_CAPTURED = -1
"""In place of the dimension of a mapped argument: a Tensor that is the same for all examples."""


class _Entry(NodeOp):
    """The op of a mapped argument inside: its node has no parents there, and saves its node outside and its dim."""

    name = "vmap_argument"

    def backward(self, node: Node, g: Any, saved: Any, parents: Any, grads: Any) -> None:
        """Nothing: here the gradient leaves."""


_ENTRY = _Entry()


class _Region(NamedTuple):
    """A graph inside of a mapped function.

    Attributes:
        roots: the nodes of its outputs; ``dims``: where the examples' axis lies in each of them outside.
        ends: the nodes where it ends: entries of arguments, and nodes and leaves outside.
        places: for each end the dim of the argument, or ``_CAPTURED``.
    """

    level: Level
    roots: list[Any]
    dims: list[int]
    ends: list[Any]
    places: list[int]


class _Mapped(NodeOp):
    """The op of the node that stands for a region."""

    name = "vmap"
    outputs = "many"
    elaborate = always_revive = True
    saves_arrays = True  # in the nodes of the region, which the inner sweep looks at
    fills_absent = False

    def revive(self, node: Node, create_graph: bool) -> Any:
        return node.saved, create_graph

    def backward(self, node: Node, g: Any, saved: Any, parents: tuple[Any, ...], grads: dict[Any, Any]) -> None:
        region, create_graph = saved
        wanted = [i for i, parent in enumerate(parents) if parent is not None]
        reached = [k for k, part in enumerate(g) if part is not None]
        with region.level:
            seeds = [_entered(region.level, _flipped(g[k]), region.dims[k], create_graph) for k in reached]
            found = sweep(
                [region.roots[k] for k in reached],
                seeds,
                targets=[region.ends[i] for i in wanted],
                retain=True,
                create_graph=create_graph,
                ends=set(region.ends),
            )
        arrived = [i for i in wanted if found[region.ends[i]] is not None]
        dims = [max(region.places[i], 0) for i in arrived]
        with Mode(grad=create_graph):
            gradients = leave(region.level, [found[region.ends[i]] for i in arrived], dims)
            for i, d in zip(arrived, gradients, strict=True):
                d = np.sum(d, axis=0) if region.places[i] == _CAPTURED else d
                add(grads, parents[i], conform(_flipped(d), parents[i], self))


_MAPPED = _Mapped()


def _flipped(g: Any) -> Any:
    """A gradient between the sweep's convention, plain transposes, and the one outside of sweeps."""
    return np.conj(g) if g.dtype.kind == "c" else g


def _entered(level: Level, g: Any, dim: int, create_graph: bool) -> Any:
    return enter(level, g, dim) if create_graph else BatchedArray(np.moveaxis(g, dim, 0), level)


def _tensor_like(item: Any, data: Any, node: Any = None) -> Any:
    """A Tensor of the class of ``item``, if that class differs from Tensor in its methods only (a box of NumPy's)."""
    made = new_tensor(data, node)
    kind = type(item)
    if kind is not type(made) and not kind.__dictoffset__:
        made.__class__ = kind
    return made


def enter(level: Level, item: Any, dim: int) -> Any:
    """A Tensor or array as the mapped function sees it: batched along its dimension ``dim``."""
    if not isinstance(item, Handle):
        return BatchedArray(np.moveaxis(item, dim, 0), level)
    value = np.moveaxis(array_of(item), dim, 0)
    place = node_of(item) if local.grad else None
    if place is None:
        return _tensor_like(item, BatchedArray(value, level))
    if isinstance(value, np.ndarray):
        try:
            check_writable(item, "vmap")
        except MutationError:
            value.flags.writeable = False
    batched = BatchedArray(value, level)
    return _tensor_like(item, batched, make_node(_ENTRY, (), (place, dim), batched))


def _walk(level: Level, roots: Sequence[Any]) -> list[Any]:
    """Where the graph inside of ``level`` that leads to ``roots`` ends, in the order in which it is met."""
    ends: dict[Any, None] = {}
    seen = set()
    stack = [root for root in roots if root is not None]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node) is Leaf:
            tensor = node.tensor()
            if tensor is not None and not level.owns(tensor._data):
                ends[node] = None
        elif not level.made(source_of(node)) or node.op is _ENTRY:
            ends[node] = None
        else:
            stack.extend(node.parents)
    return list(ends)


def leave(level: Level, items: Sequence[Any], dims: Sequence[int]) -> list[Any]:
    """Tensors and arrays of the mapped function as they are outside: all examples along the dimensions ``dims``."""
    arrays = [_outside(level, unwrap(item), dim) for item, dim in zip(items, dims, strict=True)]
    pairs = zip(items, arrays, strict=True)
    made = [_tensor_like(item, array) if isinstance(item, Handle) else array for item, array in pairs]
    tracked = [k for k, item in enumerate(items) if isinstance(item, Handle) and node_of(item) is not None]
    roots = [node_of(items[k]) for k in tracked]
    ends = _walk(level, roots) if tracked and local.grad else []
    if ends:
        outer = [end.saved[0] if _is_entry(end, level) else end for end in ends]
        places = [end.saved[1] if _is_entry(end, level) else _CAPTURED for end in ends]
        region = _Region(level, roots, [dims[k] for k in tracked], ends, places)
        node = make_node(_MAPPED, tuple(outer), region, [arrays[k] for k in tracked])
        for i, k in enumerate(tracked):
            made[k]._node = Pick(node, i)
        for observer in local.observers:
            observer.after_forward(_MAPPED, (), [arrays[k] for k in tracked], node)
    return made


def _is_entry(node: Any, level: Level) -> bool:
    return type(node) is Node and node.op is _ENTRY and level.made(node)


def _outside(level: Level, data: Any, dim: int) -> Any:
    if level.owns(data):
        return np.moveaxis(data.value, 0, dim)
    return np.copy(np.moveaxis(level.lift(data), 0, dim))
