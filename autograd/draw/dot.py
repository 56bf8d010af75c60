"""Graphviz's DOT language: how a picture is written in it, and how it looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .boxes import NEXT, Box, Group
from .text import legible

__all__ = ["BOXES", "dot_text"]

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

# Tints and borders of the Okabe-Ito palette, which colour-blind readers can tell apart; the shapes differ as well.
BOXES = {
    "op": {"shape": "box", "style": "rounded,filled", "fillcolor": "#F1F3F5", "color": "#7B8794"},
    "parameter": {"shape": "box", "style": "filled", "fillcolor": "#D9EBF7", "color": "#0072B2"},
    "input": {"shape": "ellipse", "style": "filled", "fillcolor": "#FDF1D6", "color": "#C98A00", "margin": "0.06,0.03"},
    "constant": {"shape": "box", "style": "dashed", "color": "#9AA5B1", "fontcolor": "#5A6572", "fontsize": "10"},
    "output": {"shape": "box", "style": "rounded,filled", "fillcolor": "#D8F0E6", "color": "#009E73", "penwidth": "2"},
    "module": {"shape": "box3d", "style": "filled", "fillcolor": "#E9EDF2", "color": "#52606D"},
    "hidden": {"shape": "box", "style": "rounded,dashed", "color": "#7B8794", "fontcolor": "#5A6572"},
}
_MARKS = {
    "nan": {"color": "#C4001A", "fillcolor": "#FFE3E3", "fontcolor": "#8F0013", "penwidth": "2.5"},
    "cut": {"shape": "octagon", "style": "dashed", "color": "#8A4B00", "fontcolor": "#8A4B00", "fontsize": "10"},
}
_ARROWS = {
    "constant": {"style": "dashed", "color": "#9AA5B1"},
    "hidden": {"style": "dashed"},
}
_BACK_ARROW = {"constraint": "false", "style": "dashed", "color": "#52606D"}
_STRAIGHT = ("4", "40")
"""How straight the flow from op to op is kept: downwards, and to the side, where it would run through titles."""
_CUT_ARROW = {"style": "dotted", "color": "#8A4B00", "fontcolor": "#8A4B00"}
_HEAT = ("#FFF7EC", "#FEE1BA", "#FDC38D", "#FC8D59", "#E34A33", "#B30000")
"""From pale to dark, also in print without colour."""
_LONGEST = 80
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
            given |= _CUT_ARROW
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
    given = {"label": label, "tooltip": tip, "class": " ".join((box.kind, *box.marks)), **BOXES[box.kind]}
    if heat:
        given |= _heated(box.heat)
    for mark in box.marks:
        given |= _MARKS[mark]
    if box.again:
        given["style"] += ",dashed"
    return given


def _heated(heat: float | None) -> dict[str, str]:
    """White where nothing is known."""
    if heat is None:
        return {"fillcolor": "white"}
    step = min(int(heat * len(_HEAT)), len(_HEAT) - 1)
    return {"fillcolor": _HEAT[step], "fontcolor": "white" if step >= len(_HEAT) - 2 else "#1F2933"}


def _cluster(group: Group, level: int) -> dict[str, str]:
    """How a group looks: its title is ``path: Class``."""
    facts = dict(group.facts)
    until = f" \u2026 {facts['until'].rpartition('.')[2]}" if "until" in facts else ""
    title = ": ".join(filter(None, (_escaped(group.path + until), _escaped(group.kind))))
    if "backward" in facts:
        title += ", backward"
    if "call" in facts:
        title += f" (call {facts['call']})"
    if group.times > 1:
        title += f"{'  ' if title else ''}\u00d7{group.times:,}"
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
