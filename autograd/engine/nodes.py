"""The graph: nodes, leaves and the light handle that a Tensor is.

Nodes, not Tensors, form the graph. A node points to its parents only, so there are no reference cycles and
an abandoned graph is freed at once, by reference counting alone.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import MutationError
from .foreign import ForeignArray
from .modes import Mode
from .mutation import clock, mutated_since
from .observing import tell_replaced

__all__ = [
    "RELEASED",
    "RUNNING",
    "Handle",
    "Leaf",
    "Node",
    "NodeOp",
    "Packed",
    "Pick",
    "array_of",
    "hand_out",
    "make_node",
    "new_tensor",
    "next_rank",
    "own_leaf",
    "source_of",
]

next_rank = itertools.count(1).__next__
"""Ranks grow as nodes are made: a node's rank is higher than those of all its ancestors."""


class _Released:
    """What stands in ``Node.saved`` after backward has released the arrays."""

    def __repr__(self) -> str:
        return "<released>"


RELEASED = _Released()

RUNNING = "running"
"""In the notes of leaves that transforms made: a list that is empty once the transformed function has returned. Nobody
is left to differentiate with respect to such a leaf; one of a function that still runs belongs to an outer transform.
"""


class Node:
    """One recorded call of an op.

    Attributes:
        op: the ``Op`` that was called.
        parents: for each differentiable input its Node, Leaf or Pick; None where no gradient is needed.
        saved: what the op's rules asked for, in the order of ``op.saved_names``.
        rank: its place in the order of creation.
        time: the mutation clock when it was made.
        shape, dtype: of the output (tuples of them if the op has several outputs).
        hooks: functions of the output's gradient, or None.
        note: None, or a dict with what modes and pictures know about the node (source line, module, name).
    """

    __slots__ = ("dtype", "hooks", "note", "op", "parents", "rank", "saved", "shape", "time")

    op: Any
    parents: tuple[Any, ...]
    saved: Any
    rank: int
    time: int
    shape: Any
    dtype: Any
    hooks: dict[object, Any] | None
    note: dict[str, Any] | None

    def name(self) -> str:
        """The op's name."""
        return str(self.op.name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The parents with the number of their output, as in PyTorch."""
        return tuple((parent.source, parent.index) if type(parent) is Pick else (parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.op.name}>"


class NodeOp:
    """What the engine asks of the op of a node. ``autograd.op`` makes the usual ones; others state what differs.

    Attributes:
        name: in messages and pictures.
        outputs: None for a single one; else a node's gradient is a list.
        elaborate: more than a call of ``backward`` is to be done at such a node.
        always_revive: ``backward`` takes what ``revive`` returns, and not what the node saved.
        fills_absent: outputs that no gradient reached have zeros for one.
        saves_arrays: what its nodes saved is released by backward; None if only where there are arrays among it.
        tied: its slopes depend on its inputs by jumps only; with ``create_graph`` they require grad all the same.
        push: ``push(node, saved, parents, tangents, record)`` returns the tangent of a node's output (of several, their
            list; None if it does not move) from those of its parents that are in ``tangents``; None: ``engine.push``
            makes it of ``backward``.
        has_jvp: forward mode is written by the user: it is called even where hooks or observers make others transpose.
        inputs, constants, lists, params, saved_names, numpy: as for an ``Op``.
    """

    name: str
    outputs: Any = None
    elaborate: bool = False
    always_revive: bool = False
    fills_absent: bool = True
    saves_arrays: bool | None = False
    tied: bool = False
    push: Any = None
    has_jvp: bool = False
    inputs: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    saved_names: tuple[str, ...] = ()
    numpy: tuple[Any, ...] = ()

    def revive(self, node: Node, create_graph: bool) -> Any:
        """What ``backward`` works with: the saved values; connected to the graph if ``create_graph``."""
        return node.saved

    def saved_arrays(self, node: Node) -> Iterable[tuple[str, Any]]:
        """The arrays that ``node`` saved, with their names: they must not have been overwritten."""
        return ()

    def renew(self, node: Node, name: str) -> bool:
        """Whether what ``node`` saved as ``name``, which was overwritten, could be computed anew: now it is intact."""
        return False

    def backward(self, node: Node, g: Any, saved: Any, parents: Any, grads: dict[Any, Any]) -> None:
        """Add to ``grads`` the gradients of the ``parents`` that are not None, where ``g`` is the node's own."""
        raise NotImplementedError(f"{type(self).__name__} needs a method backward")


class _PickOp(NodeOp):
    """What stands for an op at a Pick."""

    name = "pick"
    elaborate = True


class Pick:
    """One output of a node that has several: gradients pass through it into their place."""

    __slots__ = ("dtype", "hooks", "index", "note", "rank", "shape", "source")

    op = _PickOp()

    def __init__(self, source: Node, index: int) -> None:
        self.source = source
        self.index = index
        self.rank = next_rank()
        self.shape = source.shape[index]
        self.dtype = source.dtype[index]
        self.hooks: dict[object, Any] | None = None
        self.note: dict[str, Any] | None = None

    @property
    def parents(self) -> tuple[Node, ...]:
        """The node that has this output."""
        return (self.source,)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The parents of the node that has this output."""
        return self.source.next_functions

    def name(self) -> str:
        """The op's name."""
        return self.source.name()

    def __repr__(self) -> str:
        return f"<{self.source.op.name}[{self.index}]>"


def source_of(place: Any) -> Any:
    """The Node behind a Pick; anything else itself."""
    return place.source if type(place) is Pick else place


def _is_number(value: Any) -> bool:
    """Whether a saved value is an array of numbers, or the NumPy scalar that stands for a 0-d one.

    A 0-d array that cannot be written is a Python number of the user's: while ``compile`` records, it remains one.
    """
    if isinstance(value, np.ndarray):
        return value.ndim > 0 or bool(value.flags.writeable)
    return isinstance(value, ForeignArray) or (isinstance(value, np.generic) and value.dtype.kind in "fc")


class Packed:
    """Saved values that passed through the pack function of ``saved_tensors_hooks``.

    The unpack function may compute an array of a foreign type anew, in another run of its transform: ``kind``.
    """

    __slots__ = ("_hook", "_items")

    def __init__(self, saved: Sequence[Any], hooks: tuple[Any, Any]) -> None:
        pack, self._hook = hooks
        before = clock.now
        with Mode(grad=False):
            self._items = [
                (True, pack(new_tensor(value)), value.kind if isinstance(value, ForeignArray) else None)
                if _is_number(value)
                else (False, value, None)
                for value in saved
            ]
        if clock.now != before and any(
            _is_number(value) and mutated_since(value, before) is not None for value in saved
        ):
            raise MutationError(
                "saved_tensors_hooks: pack_hook overwrote the Tensor that it was given, which is not its own: "
                ".clone() it first"
            )

    def _unpack(self, packed: Any, kind: Any) -> Any:
        found = self._hook(packed)
        if not isinstance(found, Handle):
            raise TypeError(f"saved_tensors_hooks: unpack_hook returned {type(found).__name__}, expected a Tensor")
        data = found._data
        return data if kind is None else data.of_kind(kind)

    def unpack(self) -> tuple[Any, ...]:
        """The values, through the unpack function."""
        return tuple([self._unpack(*item[1:]) if item[0] else item[1] for item in self._items])


class Leaf:
    """Where a gradient ends: stands in the graph for a Tensor that the user made and that requires grad."""

    __slots__ = ("after", "dtype", "hooks", "note", "shape", "tensor")

    def __init__(self, tensor: Handle) -> None:
        self.tensor = weakref.ref(tensor)
        self.shape = tensor._data.shape
        self.dtype = tensor._data.dtype
        self.hooks: dict[object, Any] | None = None
        self.after: dict[object, Any] | None = None
        self.note: dict[str, Any] | None = None

    @property
    def variable(self) -> Handle | None:
        """The Tensor itself, or None if it is gone."""
        return self.tensor()

    @property
    def parents(self) -> tuple[()]:
        """None: a leaf was not computed."""
        return ()

    @property
    def next_functions(self) -> tuple[()]:
        """None: a leaf was not computed."""
        return ()

    def name(self) -> str:
        """``leaf``."""
        return "leaf"

    def __repr__(self) -> str:
        return f"<leaf {self.shape}>"


class Handle:
    """What every op knows of a Tensor.

    Attributes:
        _data: the array; of a 0-d result it may be the NumPy scalar that NumPy returned.
        _node: the Node or Pick that made it, its Leaf, or None if it needs no gradient.
        _grad: the accumulated gradient, a Tensor or None.
        _view: None, or of which other Tensor it is a view (see ``engine.views``).
        _resting: set only where a leaf requires no grad for a while: its Leaf.
    """

    __slots__ = ("__weakref__", "_data", "_grad", "_node", "_resting", "_view")

    _data: Any
    _node: Any
    _grad: Any
    _view: Any
    _resting: Any


def array_of(tensor: Handle) -> Any:
    """The tensor's array as a buffer that can be shared: a NumPy scalar is replaced by a 0-d array first."""
    data = tensor._data
    if isinstance(data, np.generic):
        data = tensor._data = tell_replaced(data, np.asarray(data))
    return data


class _TensorClass:
    """The class of Tensors that operations return."""

    chosen: type[Handle] = Handle


def hand_out(tensor_class: type[Handle]) -> None:
    """Set the class of Tensors that operations return."""
    _TensorClass.chosen = tensor_class


def new_tensor(data: Any, node: Any = None) -> Any:
    """A Tensor around ``data``, an array or NumPy scalar, taken as it is, at ``node`` of the graph."""
    result = object.__new__(_TensorClass.chosen)
    result._data = data
    result._node = node
    result._grad = result._view = None
    return result


def own_leaf(data: Any) -> Any:
    """A Tensor that requires grad, for a computation of its own: nobody else can differentiate with respect to it."""
    made = new_tensor(data)
    made._node = leaf = Leaf(made)
    leaf.note = {RUNNING: ()}
    return made


def make_node(op: Any, parents: tuple[Any, ...], saved: Any, out: Any) -> Node:
    """Record a call: the plain form of what the functions written by ``autograd._writing`` do inline."""
    node = Node()
    node.op = op
    node.parents = parents
    node.saved = saved
    node.rank = next_rank()
    node.time = clock.now
    if op.outputs is None:
        node.shape, node.dtype = out.shape, out.dtype
    else:
        node.shape = tuple(item.shape for item in out)
        node.dtype = tuple(item.dtype for item in out)
    node.hooks = None
    node.note = None
    return node
