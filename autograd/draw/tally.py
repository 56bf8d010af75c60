"""A graph that is too large to be drawn: how many ops of each kind there are, and what leads from which to which."""

from __future__ import annotations

from typing import Any

from ..engine.nodes import Leaf, Pick
from .boxes import Arrow, Box, counted
from .picture import Graph

__all__ = ["TOO_MANY", "tally"]

TOO_MANY = 200_000
"""From this many ops on, a graph is counted, not drawn."""
_KINDS = 40
_LINKS = 120


def tally(ops: list[Any], leaves: Any, outputs: int, direction: str) -> Graph:
    """The picture of the numbers: a box for each kind of op, an arrow from each to each that uses it."""
    numbers: dict[str, int] = {}
    links: dict[tuple[str, str], int] = {}
    for node in reversed(ops):
        name = node.op.name
        numbers[name] = numbers.get(name, 0) + 1
        for parent in node.parents:
            if parent is None:
                continue
            kind = type(parent)
            tail = "" if kind is Leaf else parent.source.op.name if kind is Pick else parent.op.name
            links[tail, name] = links.get((tail, name), 0) + 1
    shown = sorted(numbers, key=lambda name: (-numbers[name], name))[:_KINDS]
    boxes = [Box("n0", "input", counted(len(leaves), "leaves"))]
    ids = {"": "n0"}
    for name in [name for name in numbers if name in shown]:
        ids[name] = f"n{len(boxes)}"
        boxes.append(Box(ids[name], "module", f"{name} \u00d7{numbers[name]:,}"))
    if len(numbers) > len(shown):
        others = sum(numbers.values()) - sum(numbers[name] for name in shown)
        boxes.append(Box(f"n{len(boxes)}", "hidden", f"\u2026 {counted(others, 'ops')} of other kinds"))
    drawn = [(link, n) for link, n in links.items() if link[0] in ids and link[1] in ids]
    drawn = sorted(drawn, key=lambda pair: -pair[1])[:_LINKS]
    arrows = [Arrow(ids[tail], ids[head], f"{n:,}") for (tail, head), n in drawn]
    return Graph(
        boxes,
        arrows,
        direction,
        {"ops": len(ops), "leaves": len(leaves), "outputs": outputs},
        len(ops),
        caption=(
            f"{counted(len(ops), 'ops')} are too many to draw, so these are their numbers. Draw a smaller part: the "
            "graph of fewer steps or layers, or of a Tensor in the middle; or give depth=1, which folds modules."
        ),
    )
