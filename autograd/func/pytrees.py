"""Pytrees: arrays and Tensors inside nested dicts, lists, tuples and named tuples, taken apart and put together again.

A tree's leaves are everything that is not a container; None is a container without leaves. Dicts keep their order.

>>> from autograd.func.pytrees import flatten, map_leaves, unflatten
>>> leaves, spec = flatten({"w": [1, 2], "b": (3, None)})
>>> leaves
[1, 2, 3]
>>> unflatten(["one", "two", "three"], spec)
{'w': ['one', 'two'], 'b': ('three', None)}
>>> map_leaves(lambda x: x + 1, (1, [2]))
(2, [3])
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import ArgumentError

__all__ = ["LEAF", "ONE", "Misfit", "Spec", "flatten", "map_arrays", "map_leaves", "spread", "unflatten"]


class Spec:
    """The structure of a tree without its leaves.

    Attributes:
        kind: the container's class, or None for a leaf.
        context: what is needed to make the container again beside its children: a dict's keys, say.
        children: the structures of what it contains.
        count: how many leaves there are in all.
    """

    __slots__ = ("children", "context", "count", "kind")

    def __init__(self, kind: Any, context: Any, children: tuple[Spec, ...]) -> None:
        self.kind = kind
        self.context = context
        self.children = children
        self.count: int = 1 if kind is None else sum([child.count for child in children])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Spec):
            return NotImplemented
        mine, theirs = (self.kind, self.context, self.children), (other.kind, other.context, other.children)
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.kind, self.count, len(self.children)))

    def __repr__(self) -> str:
        return repr(unflatten([_Star()] * self.count, self))


class _Star:
    """How a leaf is written in the repr of a structure."""

    def __repr__(self) -> str:
        return "*"


LEAF = Spec(None, None, ())
"""The structure of a leaf by itself."""
_NONE = Spec(type(None), None, ())
ONE = Spec(tuple, None, (LEAF,))
"""The structure of the arguments of most functions."""
_CONTAINERS = frozenset([tuple, list, dict, OrderedDict, defaultdict, deque, type(None)])


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves of a tree, from left to right, and its structure."""
    if type(tree) is tuple and len(tree) == 1 and type(tree[0]) not in _CONTAINERS and not isinstance(tree[0], tuple):
        return [tree[0]], ONE
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Spec:
    kind = type(tree)
    if tree is None:
        return _NONE
    if kind is tuple or kind is list or kind is deque or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        context = tree.maxlen if kind is deque else None
        return Spec(kind, context, tuple([_flatten(item, leaves) for item in tree]))
    if kind is dict or kind is OrderedDict or kind is defaultdict:
        context = (tuple(tree), tree.default_factory if kind is defaultdict else None)
        return Spec(kind, context, tuple([_flatten(item, leaves) for item in tree.values()]))
    leaves.append(tree)
    return LEAF


def unflatten(leaves: Sequence[Any], spec: Spec) -> Any:
    """The tree of this structure with these leaves.

    Raises:
        ValueError: there are more or fewer leaves than the structure has.
    """
    if len(leaves) != spec.count:
        raise ArgumentError(f"unflatten: the structure {spec} has {spec.count} leaves, got {len(leaves)}")
    if spec is LEAF:
        return leaves[0]
    return (leaves[0],) if spec is ONE else _build(spec, iter(leaves))


def _build(spec: Spec, leaves: Iterator[Any]) -> Any:
    kind = spec.kind
    if kind is None:
        return next(leaves)
    if kind is type(None):
        return None
    children = [_build(child, leaves) for child in spec.children]
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if kind is deque:
        return deque(children, spec.context)
    if hasattr(kind, "_fields"):
        return kind(*children)
    keys, factory = spec.context
    pairs = zip(keys, children, strict=True)
    return defaultdict(factory, pairs) if kind is defaultdict else kind(pairs)


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree of what ``function`` makes of each leaf, and of those at the same place in ``others``.

    Raises:
        ValueError: the others have another structure.
    """
    leaves, spec = flatten(tree)
    columns = [leaves]
    for other in others:
        found, other_spec = flatten(other)
        if other_spec != spec:
            raise ArgumentError(f"map_leaves: expected trees of one structure, got {spec} and {other_spec}")
        columns.append(found)
    return unflatten([function(*row) for row in zip(*columns, strict=True)], spec)


def map_arrays(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """``leaf`` of everything inside nested tuples, lists, dicts and slices."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([map_arrays(item, leaf) for item in value])
    if kind is dict:
        return {key: map_arrays(item, leaf) for key, item in value.items()}
    if kind is slice:
        return slice(map_arrays(value.start, leaf), map_arrays(value.stop, leaf), map_arrays(value.step, leaf))
    return leaf(value)


class Misfit(Exception):
    """Dims of another structure than what they are for."""


def spread(dims: Any, tree: Any) -> Iterator[Any]:
    """For each leaf of ``tree`` its dim, where an int or None stands for all leaves below.

    Raises:
        Misfit: the structures differ.
    """
    if dims is None or (isinstance(dims, int) and not isinstance(dims, bool)):
        yield from [dims] * len(flatten(tree)[0])
    elif isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        for key, item in tree.items():
            yield from spread(dims[key], item)
    elif isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        for one, item in zip(dims, tree, strict=True):
            yield from spread(one, item)
    else:
        raise Misfit
