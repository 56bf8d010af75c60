"""The hooks of Tensors: they see a gradient when it is complete, replace it or keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .engine.failures import describe
from .engine.foreign import ForeignArray
from .engine.modes import Mode
from .engine.nodes import Handle, Leaf, new_tensor
from .errors import GradientError

__all__ = ["gradient_hook", "hooks_of", "rest", "retain_hook", "waken"]


def hooks_of(node: Any) -> dict[object, Any]:
    """The hooks at a node, which has no dict of them until the first is added."""
    if node.hooks is None:
        node.hooks = {}
    hooks: dict[object, Any] = node.hooks
    return hooks


def _flip(g: Any, node: Any) -> Any:
    """A gradient between the sweep's convention (plain transposes) and the user's, which only leaves have."""
    return np.conj(g) if g.dtype.kind == "c" and type(node) is not Leaf else g


def _own(g: Any) -> Any:
    """A copy of a gradient, as an array."""
    return g.copy() if isinstance(g, ForeignArray) else np.array(g, subok=True)


def gradient_hook(hook: Callable[[Any], Any]) -> Callable[[Any, Any, bool], Any]:
    """A user's hook (Tensor to Tensor or None) as the sweep calls it."""

    def run(g: Any, node: Any, create_graph: bool) -> Any:
        given: Any = _flip(g, node)
        with Mode(grad=create_graph):
            # A copy: the hook may keep it or write to it, and the array may be the gradient of another tensor too.
            given = given.clone() if create_graph else new_tensor(_own(given))
            returned = hook(given)
        if returned is None:
            returned = given
        if not isinstance(returned, Handle) or returned._data.shape != g.shape or returned._data.dtype != g.dtype:
            what = describe(returned._data) if isinstance(returned, Handle) else type(returned).__name__
            raise GradientError(
                f"a gradient hook returned {what}; expected None or a Tensor like the gradient, {describe(g)}"
            )
        return _flip(returned if create_graph else returned._data, node)

    return run


def retain_hook(tensor_ref: Callable[[], Any]) -> Callable[[Any, Any, bool], Any]:
    """The hook of ``retain_grad``: returns what a Tensor that is not a leaf keeps of its gradient."""

    def run(g: Any, node: Any, create_graph: bool) -> Any:
        kept: Any = _flip(g, node)
        if isinstance(kept._data if create_graph else kept, ForeignArray):
            return None  # one for each example that is mapped over
        return kept.clone() if create_graph else new_tensor(_own(kept))

    run.keeps = tensor_ref  # type: ignore[attr-defined]
    return run


def rest(tensor: Any) -> None:
    """Take a Tensor out of the graph; a leaf, with its hooks, waits for ``waken``."""
    if type(tensor._node) is Leaf:
        tensor._resting = tensor._node
    tensor._node = None


def waken(tensor: Any) -> None:
    """Make a Tensor outside the graph a leaf, with the hooks that it had as one: the same leaf, unless it has changed.

    So graphs of before lead to it still, and a function that is compiled finds what it was recorded with.
    """
    leaf, data = getattr(tensor, "_resting", None), tensor._data
    if leaf is None:
        tensor._node = Leaf(tensor)
        return
    del tensor._resting
    if leaf.shape != data.shape or leaf.dtype is not data.dtype:
        leaf, before = Leaf(tensor), leaf
        leaf.hooks, leaf.after = before.hooks, before.after
    tensor._node = leaf
