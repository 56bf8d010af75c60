"""Views: Tensors that share memory, and what an in-place operation on one means for the others.

A view remembers the tensor at the root of its family and how it is cut from it. An in-place operation on any
member gives the root a new node; the other members notice at their next use and renew their own.

A tensor whose shape is changed in place becomes a view of what it was (``reshape_inplace``), which goes on as a
tensor that nobody but its views knows.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..errors import MutationError
from .foreign import ForeignArray, bare
from .hooks import keeps_gradient
from .modes import local
from .mutation import mutated_since, stamp
from .nodes import RUNNING, Handle, Leaf, Node, NodeOp, array_of, make_node, new_tensor, source_of
from .sweep import add

__all__ = ["View", "check_writable", "current", "leave_graph", "node_of", "rebase", "reshape_inplace", "shares_memory"]


class View:
    """How a Tensor is cut from another one.

    Attributes:
        base: the Tensor it was cut from, which may be a view itself.
        root: the Tensor at the end of the chain.
        root_node: the root's node when this view's own node was made; another one now means it is stale.
        seen: the base's array: the base itself has another one if its shape was changed in place since.
        op, args, index: the view operation, its other arguments, and which of several outputs the view is.
        obstacle: why the view must not be written to while recording, or None.
    """

    __slots__ = ("args", "base", "index", "obstacle", "op", "root", "root_node", "seen")

    def __init__(
        self, base: Handle, op: Any, args: tuple[Any, ...], index: int | None = None, obstacle: str | None = None
    ) -> None:
        self.base = base
        self.root: Handle = base if base._view is None else base._view.root
        self.root_node = self.root._node
        self.seen = base._data
        self.op = op
        self.args = args
        self.index = index
        self.obstacle = obstacle

    def cut(self, base: Any) -> Any:
        """The view of another base: an array of an array, a Tensor of a Tensor."""
        return _cut(base, self.op, self.args, self.index)


class Reshaped(View):
    """How a Tensor is cut from what it was before its shape was changed in place."""

    __slots__ = ()


def leave_graph(tensor: Handle) -> None:
    """Take a Tensor out of the graph, and with it what it was before its shape was changed in place.

    Raises:
        MutationError: it is a view.
    """
    places = [tensor]
    while type(places[-1]._view) is Reshaped:
        places.append(places[-1]._view.base)
    if places[-1]._view is not None:
        raise MutationError("detach_: this tensor is a view, which cannot be detached in place; use detach()")
    for place in places:
        place._node = None
    for place in places[:-1]:
        place._view.root_node = None


def _base(view: View) -> Any:
    """The Tensor that a view was cut from, as it was then."""
    base = view.base
    while base._data is not view.seen:
        if type(base._view) is not Reshaped:  # its data was replaced
            return view.base
        base = base._view.base
    return base


def _root(view: View) -> Any:
    """The Tensor at the end of a view's chain, as it was before its shape was changed in place."""
    root = view.root
    while root._view is not None:
        root = root._view.root
    return root


def _cut(base: Any, op: Any, args: tuple[Any, ...], index: int | None) -> Any:
    made = op.kernel(base, *args)
    return made if index is None else made[index]


def shares_memory(out: Any, array: Any) -> bool:
    """Whether ``out``, just made from ``array`` by a view operation, is a view and not a copy."""
    if out is array:
        return True
    if not isinstance(out, np.ndarray):
        return isinstance(out, ForeignArray) and shares_memory(bare(out), bare(array))
    base = out.base
    if base is None:
        return False
    # The bounds, which take longer, are for views made by as_strided: their base is an object of its own.
    return base is array or base is array.base or np.may_share_memory(out, array)


def _chain(tensor: Handle) -> list[Handle]:
    """The views from the root's first descendant down to ``tensor``."""
    chain = []
    while tensor._view is not None:
        chain.append(tensor)
        tensor = _base(tensor._view)
    return chain[::-1]


def current(tensor: Handle) -> Any:
    """The node of a view, renewed if a member of its family was changed in place since it was made."""
    root = tensor._view.root
    if root._node is not tensor._view.root_node or root._view is not None:
        root = _root(tensor._view)
        if root._node is None and _is_as_it_was(tensor):
            return tensor._node
        for member in _chain(tensor):
            view = member._view
            if view.root_node is not root._node:
                recording = local.grad
                local.grad = True
                try:
                    move(member, view.cut(_base(view))._node)
                finally:
                    local.grad = recording
                view.root_node = root._node
    return tensor._node


def _is_as_it_was(view: Handle) -> bool:
    """Whether nobody wrote into a view since it was made: if its root left the graph, then by ``detach_``, alone."""
    node = source_of(view._node)
    return type(node) is Node and mutated_since(view._data, node.time) is None


def node_of(tensor: Handle) -> Any:
    """The tensor's place in the graph: Node, Pick, Leaf, or None."""
    return tensor._node if tensor._view is None else current(tensor)


def check_writable(tensor: Handle, name: str) -> None:
    """Raise unless ``tensor`` may be overwritten now by the in-place operation ``name``.

    Raises:
        MutationError: says which tensor, why not and what to do.
        TypeError: it is no Tensor.
    """
    try:
        array = tensor._data
    except AttributeError:
        kind = type(tensor).__name__
        raise TypeError(f"{name}: expected a Tensor to overwrite, got {kind}; make one with autograd.tensor") from None
    memory = bare(array)
    if isinstance(memory, np.ndarray) and not memory.flags.writeable:
        if array is not memory:
            raise MutationError(
                f"{name}: the tensor of shape {array.shape} is read-only: it was expanded, or it is an argument "
                "that is mapped over, and outside of the mapped function a leaf that requires grad: .clone() it first"
            )
        raise MutationError(
            f"{name}: the tensor of shape {array.shape} is read-only (it was expanded, so several elements share one "
            "place in memory, or it was made from a read-only array): .clone() it first"
        )
    if not local.grad:
        return
    root, leaf, obstacle = tensor, tensor._node, None
    if tensor._view is not None:  # any member between the tensor and the root may be a leaf, or forbid it
        root, chain = _root(tensor._view), _chain(tensor)
        leaf = next((member._node for member in (tensor, *chain, root) if type(member._node) is Leaf), None)
        obstacle = next((member._view.obstacle for member in chain[::-1] if member._view.obstacle is not None), None)
    if type(leaf) is Leaf:
        what = "a leaf" if leaf is tensor._node else "a view of a leaf"
        note = leaf.note or {}
        if RUNNING in note:
            raise MutationError(
                f"{name}: the tensor of shape {array.shape} is {what.replace('a leaf', 'an input')} of what is being "
                "differentiated, which must not be changed in place: .clone() it first"
            )
        label = note.get("name")
        raise MutationError(
            f"{name}: the tensor{f' {label!r}' if label else ''} of shape {array.shape} is {what} that requires grad, "
            "which must not be changed in place while recording: do it under `with autograd.no_grad():` (a parameter "
            "update), or out of place on a new name"
        )
    if obstacle is not None and (root._node or tensor._node) is not None:
        raise MutationError(f"{name}: {obstacle}: .clone() it first")


def move(tensor: Handle, node: Any) -> None:
    """Give a tensor a new place in the graph; what ``retain_grad`` put at the old one follows, other hooks stay."""
    old, tensor._node = tensor._node, node
    hooks = getattr(old, "hooks", None)
    if not hooks or node is None or type(old) is Leaf:
        return
    for key, hook in list(hooks.items()):
        if keeps_gradient(hook) and hook.keeps() is tensor:
            node.hooks = {**(node.hooks or {}), key: hooks.pop(key)}


def rebase(tensor: Handle, node: Any, line: str | None) -> None:
    """Note that ``tensor``'s memory was just overwritten, by the call that ``node`` records (None: no record)."""
    memory = bare(tensor._data)
    if isinstance(memory, np.ndarray):  # a NumPy scalar was replaced, not overwritten
        stamp(memory, line)
    if not local.grad:
        return
    view = tensor._view
    if view is None:
        if node is not None or tensor._node is not None:
            _enter(tensor)
            move(tensor, node)
        return
    root = _root(view)
    if node is None and root._node is None:
        return
    views = [member._view for member in _chain(tensor)]
    # Not the views themselves: they hold the root, which gets the node that holds this.
    cuts = [(view.op, view.args, view.index) for view in views]
    _enter(root)
    move(root, make_node(_PART_WRITTEN, (root._node, node), (_Part(cuts, root._data),), root._data))


def _enter(tensor: Handle) -> None:
    """Tell a transform that is running of a Tensor that is about to get a place in the graph."""
    if local.entered is not None and tensor._node is None:
        local.entered.append(weakref.ref(tensor))


def _references(tensor: Handle) -> int:
    return sys.getrefcount(tensor._data)


_OWN = _references(new_tensor(np.zeros(1)))
"""How often an array is referred to that one tensor alone has: a view of that tensor would refer to it, too."""


R = TypeVar("R")


def reshape_inplace(function: Callable[..., R]) -> Callable[..., R]:
    """The in-place form of a view operation: the tensor takes the shape of the result, in the memory it has."""
    name = function.__name__ + "_"

    @functools.wraps(function)
    def change(x: Any, *args: Any, **kwargs: Any) -> Any:
        array_of(x)
        alone = x._view is None and x._node is None and _references(x) <= _OWN
        old = new_tensor(x._data, node_of(x))
        if type(old._node) is Leaf:
            raise MutationError(
                f"{name}: the tensor of shape {x.shape} is a leaf that requires grad, and its gradient has its shape: "
                f"use x = x.{function.__name__}(...), or change the shape before requires_grad_()"
            )
        old._view = x._view
        recording = local.grad
        local.grad = True  # nothing is computed, so there is nothing to leave out
        try:
            made: Any = function(old, *args, **kwargs)
        finally:
            local.grad = recording
        view = made._view
        x._view = None if alone or view is None else Reshaped(old, view.op, view.args, view.index, view.obstacle)
        x._data = made._data
        move(x, made._node)
        return x

    change.__name__ = change.__qualname__ = name
    change.__doc__ = (
        f"In-place form of ``{function.__name__}``: changes the tensor's shape and returns it.\n\n"
        "Raises MutationError for a leaf that requires grad; the tensor is then unchanged."
    )
    return change


class _Part:
    """Which part of a root was overwritten through a view."""

    def __init__(self, cuts: list[tuple[Any, tuple[Any, ...], int | None]], root: Any) -> None:
        self.cuts = cuts
        self.shape, self.strides = root.shape, root.strides

    def of(self, array: Any) -> Any:
        for cut in self.cuts:
            array = _cut(array, *cut)
        return array

    def mask(self) -> Any:
        # Laid out as the root was: where its part is a view of it, a part of another layout may be a copy.
        order = sorted(range(len(self.shape)), key=lambda dim: -abs(self.strides[dim]))
        mask = np.zeros([self.shape[dim] for dim in order], np.bool_).transpose(np.argsort(order))
        self.of(mask)[...] = True
        return mask


class _PartWritten(NodeOp):
    """The op of a root after a write through a view: the old root outside the part, the written value in it."""

    name = "part_written"

    def backward(self, node: Any, g: Any, saved: Any, parents: Any, grads: dict[Any, Any]) -> None:
        (part,) = saved
        root, written = parents
        if root is not None:
            add(grads, root, np.where(part.mask(), 0, g))
        if written is not None:
            add(grads, written, part.of(g))


_PART_WRITTEN = _PartWritten()
