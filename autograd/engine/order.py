"""Which nodes lead to what is differentiated, in the order in which the sweep visits them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import Any

from .nodes import Leaf

__all__ = ["are_all", "by_rank", "collect", "collect_to", "leaves_of", "needed_for", "oldest"]

by_rank = attrgetter("rank")


def collect(roots: Sequence[Any], since: int = 0) -> list[Any]:
    """All Nodes and Picks that lead to ``roots``, newest first: each before its ancestors.

    Args:
        since: those of a lower rank are left out.
    """
    order: list[Any] = []
    stack = [root for root in roots if type(root) is not Leaf and root.rank >= since]
    push = stack.append
    while len(stack) == 1:  # a chain: there is but one way on
        node = stack.pop()
        order.append(node)
        above = None
        for parent in node.parents:
            if parent is not None and parent is not above and type(parent) is not Leaf and parent.rank >= since:
                above = parent
                push(parent)
    if not stack:
        return order
    seen: set[Any] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        order.append(node)
        for parent in node.parents:
            if parent is not None and type(parent) is not Leaf and parent.rank >= since:
                push(parent)
    order.sort(key=by_rank, reverse=True)
    return order


def leaves_of(order: list[Any]) -> set[Any]:
    """The leaves among the parents of these nodes."""
    return {parent for node in order for parent in node.parents if type(parent) is Leaf}


def collect_to(roots: Sequence[Any], ends: Collection[Any]) -> list[Any]:
    """``collect``, but for ``ends`` and what leads to the roots through them only."""
    order: dict[Any, None] = {}
    stack = [root for root in roots if type(root) is not Leaf and root not in ends]
    while stack:
        node = stack.pop()
        if node not in order:
            order[node] = None
            stack.extend(p for p in node.parents if p is not None and type(p) is not Leaf and p not in ends)
    return sorted(order, key=by_rank, reverse=True)


def are_all(targets: dict[Any, Any], order: list[Any]) -> bool:
    """Whether the targets are leaves, and all of them that there are."""
    return targets.keys() >= leaves_of(order) and targets.keys().isdisjoint(order)


def oldest(targets: Iterable[Any]) -> int:
    """The lowest rank of any target, 0 of leaves: nothing with a lower one depends on them."""
    lowest = 0
    for target in targets:
        if type(target) is Leaf:
            return 0
        lowest = min(lowest, target.rank) if lowest else target.rank
    return lowest


def needed_for(targets: dict[Any, Any], order: list[Any]) -> set[Any]:
    """The targets, and of the nodes in ``order`` those that have a target among their ancestors."""
    needed = set(targets)
    for node in reversed(order):
        for parent in node.parents:
            if parent in needed:
                needed.add(node)
                break
    return needed
