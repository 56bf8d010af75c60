"""Tensors that a transformed function captured and wrote into: they keep the values, without the graph of a call that
is over. No gradient could flow there, but the graph would grow with every call that adds to the same Tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.modes import local
from ..engine.nodes import RUNNING, Handle, Leaf, new_tensor, source_of
from ..engine.views import node_of
from .pytrees import flatten, unflatten

__all__ = ["let_go"]


def let_go(entered: Sequence[Any], since: int, result: Any) -> Any:
    """Take Tensors that outlive a call out of its graph, if that leads to nothing else.

    Args:
        entered: weak references to those that were written into.
        since: the least rank of the call's nodes.
        result: what the function returned.

    Returns:
        The result, with other Tensors in place of those.
    """
    found = {}
    for reference in entered:
        tensor = reference()
        if tensor is None or tensor._node is None:
            continue
        if _is_over(tensor._node, since):
            found[id(tensor)] = tensor
        elif local.entered is not None:  # a call outside of this one is still running
            local.entered.append(reference)
    if not found:
        return result
    leaves, spec = flatten(result)
    kept = [_released(leaf, found) if isinstance(leaf, Handle) else leaf for leaf in leaves]
    for tensor in found.values():
        tensor._node = None
    return unflatten(kept, spec)


def _released(leaf: Any, found: Any) -> Any:
    view = leaf._view
    if id(leaf) in found or (view is not None and id(view.root) in found):
        return new_tensor(leaf._data, node_of(leaf))
    return leaf


def _is_over(node: Any, since: int) -> bool:
    """Whether a graph leads to nothing but what calls that are over were differentiated with respect to."""
    seen = {None}
    stack = [node]
    while stack:
        node = source_of(stack.pop())
        if node in seen:
            continue
        seen.add(node)
        if type(node) is Leaf:
            if node.note is None or node.note.get(RUNNING, True):
                return False
        elif node.rank < since:
            return False
        else:
            stack.extend(node.parents)
    return True
