"""What tells the usual call of a transform, for which there is a short way: one array or number, on which alone depends
what the function returns. What surrounds a small function's derivative would otherwise take longer than that itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.modes import local, status
from ..engine.nodes import Handle, Leaf
from ..engine.order import by_rank
from ..engine.views import node_of

__all__ = ["closed", "is_usual"]

_NUMBERS = frozenset({float, np.float64, np.float32})


def is_usual(value: Any) -> bool:
    """Whether it is an array of floating numbers, or a number, and nothing is done beside derivatives."""
    if status.special and (not local.grad or local.observers):
        return False
    kind = type(value)
    return kind in _NUMBERS or (kind is np.ndarray and value.dtype.kind == "f")


def closed(result: Any, leaf: Any, since: int) -> list[Any]:
    """The graph that leads to a result, newest first, if it has no leaf but this, no older node and no hook."""
    if not isinstance(result, Handle) or leaf.hooks is not None:
        return []
    root = result._node if result._view is None else node_of(result)
    if root is None or root is leaf:
        return []
    order: list[Any] = []
    seen = {leaf, None}
    stack = [root]
    while stack:
        node = stack.pop()
        if type(node) is Leaf or node.rank < since or node.hooks is not None:
            return []
        order.append(node)
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    if len(order) > 1:
        order.sort(key=by_rank, reverse=True)
    return order
