"""Graphviz's DOT language: how a picture is written in it, and how it looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .boxes import NEXT, Box, Group
from .looks import CUT_ARROW, frame_title, look_of
from .text import legible

__all__ = ["dot_text"]

_FONT = "Helvetica,Arial,sans-serif"
_GRAPH = {"charset": "UTF-8", "bgcolor": "white", "fontname": _FONT, "nodesep": "0.3", "ranksep": "0.3", "pad": "0.15"}
_NODE = {
    "fontname": _FONT,
    "fontsize": "11",
    "fontcolor": "#1F2933",
    "height": "0.32",
    "width": "0.6",
    "margin": "0.13,0.06",
}
_EDGE = {"fontname": _FONT, "fontsize": "9", "fontcolor": "#5A6572", "color": "#7B8794", "arrowsize": "0.6"}
_CAPTION = {"labelloc": "b", "labeljust": "l", "fontsize": "10", "fontcolor": "#5A6572"}
_CLUSTER = {
    "style": "rounded,filled",
    "color": "#B8C2CC",
    "fontsize": "10",
    "fontcolor": "#3E4C59",
    "labelloc": "t",
    "labeljust": "l",
    "penwidth": "1",
}
_CLUSTER_FILLS = ("#FAFBFC", "#F3F5F8")
"""By turns, so that one can see which module lies in which."""

_ARROWS = {
    "constant": {"style": "dashed", "color": "#9AA5B1"},
    "hidden": {"style": "dashed"},
}
_BACK_ARROW = {"constraint": "false", "style": "dashed", "color": "#52606D"}
_STRAIGHT = ("4", "40")
"""How straight the flow from op to op is kept: downwards, and to the side, where it would run through titles."""
_LONGEST_TOOLTIP = 400


def dot_text(graph: Any, attributes: Mapping[str, str]) -> str:
    """A ``Graph`` as DOT text, with further ``attributes`` of the whole."""
    whole = {**_GRAPH, "rankdir": graph.direction}
    if _is_tangled(graph):
        whole["newrank"] = "true"  # else dot, which ranks each cluster by itself, loses arrows ("trouble in init_rank")
    if graph.caption:
        whole |= {**_CAPTION, "label": _escaped(graph.caption, _LONGEST_TOOLTIP)}
    lines = [
        "digraph chainrule {",
        f"  graph [{_attributes({**whole, **attributes})}];",
        f"  node [{_attributes(_NODE)}];",
        f"  edge [{_attributes(_EDGE)}];",
        *_grouped(graph),
    ]
    boxes = {box.id: box for box in graph.boxes}
    straight = _STRAIGHT[graph.direction in ("LR", "RL")]
    for arrow in graph.arrows:
        given = {"label": f" {_escaped(arrow.label)} "} if arrow.label else {}
        if arrow.tooltip:
            given["tooltip"] = given["labeltooltip"] = _tooltip(arrow.tooltip)
        tail = boxes[arrow.tail]
        given |= {"class": tail.kind, **_ARROWS.get(tail.kind, {})}
        if arrow.label == NEXT:
            given |= _BACK_ARROW
        elif "cut" in boxes[arrow.head].marks or "cut" in tail.marks:
            given |= CUT_ARROW
        elif tail.kind in ("op", "module") and not tail.again:
            given["weight"] = straight
        lines.append(f"  {arrow.tail} -> {arrow.head} [{_attributes(given)}];")
    if graph.groups:
        lines += [f"  {tail} -> {head} [style=invis];" for tail, head in _below(graph, boxes)]
    return "\n".join([*lines, "}", ""])


def _is_tangled(graph: Any) -> bool:
    """Whether arrows lead in a circle, between boxes or between groups taken as one."""
    groups = {box.id: box.group for box in graph.boxes}
    for level in range(max(map(len, groups.values()), default=0) + 1):
        place = {id: group[:level] if level and len(group) >= level else id for id, group in groups.items()}
        heads: dict[Any, set[Any]] = {}
        for arrow in graph.arrows:
            if arrow.label != NEXT and place[arrow.tail] != place[arrow.head]:
                heads.setdefault(place[arrow.tail], set()).add(place[arrow.head])
        waiting = Counter(head for found in heads.values() for head in found)
        free = [tail for tail in heads if not waiting[tail]]
        while free:
            for head in heads.pop(free.pop(), ()):
                waiting[head] -= 1
                if not waiting[head]:
                    free.append(head)
        if heads:
            return True
    return False


def _below(graph: Any, boxes: Mapping[str, Box]) -> dict[tuple[str, str], None]:
    """Pairs of boxes of which the second is to stand below the first: the parameters of a module below its input.

    Else they would stand beside the module before, and the modules side by side instead of one below the other.
    """
    into: dict[str, list[str]] = {}
    for arrow in graph.arrows:
        if arrow.label == NEXT:
            continue
        into.setdefault(arrow.head, []).append(arrow.tail)
    found: dict[tuple[str, str], None] = {}
    for head, tails in into.items():
        group = boxes[head].group
        outside = [tail for tail in tails if boxes[tail].group != group]
        for tail in tails:
            if group and boxes[tail].group == group and tail not in into:
                found.update({(above, tail): None for above in outside})
    return found


def _grouped(graph: Any) -> Iterator[str]:
    """The lines of the boxes, those of a group inside its cluster."""
    groups = {group.id: group for group in graph.groups}
    children: dict[tuple[str, ...], dict[Any, None]] = {(): {}}
    for box in graph.boxes:
        for end in range(len(box.group)):
            if box.group[: end + 1] not in children:
                children[box.group[:end]][box.group[: end + 1]] = None
                children[box.group[: end + 1]] = {}
        children[box.group][box] = None
    stack: list[Any] = [*reversed(children[()])]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Box):
            yield f"{'  ' * (len(item.group) + 1)}{item.id} [{_attributes(_box(item, graph.heat is not None))}];"
        else:
            indent = "  " * len(item)
            yield f"{indent}subgraph cluster_{item[-1]} {{"
            yield f"{indent}  graph [{_attributes(_cluster(groups[item[-1]], len(item)))}];"
            stack += [f"{indent}}}", *reversed(children[item])]


def _box(box: Box, heat: bool) -> dict[str, str]:
    # the line break, a backslash sequence itself, stands between what is escaped
    label = "\\n".join(_escaped(line) for line in (box.title, *box.lines))
    tip = "\\n".join(map(_tooltip, (box.tooltip or box.title, *[f"{name}: {text}" for name, text in box.facts])))
    return {"label": label, "tooltip": tip, "class": " ".join((box.kind, *box.marks)), **look_of(box, heat)}


def _cluster(group: Group, level: int) -> dict[str, str]:
    """How a group looks."""
    title = _escaped(frame_title(group), _LONGEST_TOOLTIP)
    texts = [": ".join(filter(None, (group.path, group.kind))), *[f"{name}: {text}" for name, text in group.facts]]
    tip = "\\n".join(map(_tooltip, texts))
    given = {**_CLUSTER, "label": title, "tooltip": tip, "fillcolor": _CLUSTER_FILLS[level % 2], "class": "module"}
    return given if group.times == 1 else {**given, "penwidth": "2.5", "color": "#7B8794"}


def _attributes(attributes: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in attributes.items())


def _escaped(text: str, longest: int = 80) -> str:
    """Any text as it stands between quotes in DOT, to draw as this text.

    Graphviz reads backslash sequences and HTML entities there.
    """
    return legible(text, longest).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def _tooltip(text: str) -> str:
    # Graphviz expands \N and its kind in tooltips twice, so no escape protects a backslash there
    return _escaped(text.replace("\\", "\u29f5"), _LONGEST_TOOLTIP)
