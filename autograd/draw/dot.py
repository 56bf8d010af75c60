"""Graphviz's DOT language: how a picture is written in it, and how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .boxes import Arrow, Box
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

# Tints and borders of the Okabe-Ito palette, which colour-blind readers can tell apart; the shapes differ as well.
BOXES = {
    "op": {"shape": "box", "style": "rounded,filled", "fillcolor": "#F1F3F5", "color": "#7B8794"},
    "parameter": {"shape": "box", "style": "filled", "fillcolor": "#D9EBF7", "color": "#0072B2"},
    "input": {"shape": "ellipse", "style": "filled", "fillcolor": "#FDF1D6", "color": "#C98A00", "margin": "0.06,0.03"},
    "constant": {"shape": "box", "style": "dashed", "color": "#9AA5B1", "fontcolor": "#5A6572", "fontsize": "10"},
    "output": {"shape": "box", "style": "rounded,filled", "fillcolor": "#D8F0E6", "color": "#009E73", "penwidth": "2"},
    "hidden": {"shape": "box", "style": "rounded,dashed", "color": "#7B8794", "fontcolor": "#5A6572"},
}
_ARROWS = {
    "constant": {"style": "dashed", "color": "#9AA5B1"},
    "hidden": {"style": "dashed"},
}
_LONGEST_TOOLTIP = 240


def dot_text(boxes: Iterable[Box], arrows: Iterable[Arrow], direction: str, attributes: Mapping[str, str]) -> str:
    """A picture as DOT text, with further ``attributes`` of the whole."""
    tails = {}
    lines = [
        "digraph chainrule {",
        f"  graph [{_attributes({**_GRAPH, 'rankdir': direction, **attributes})}];",
        f"  node [{_attributes(_NODE)}];",
        f"  edge [{_attributes(_EDGE)}];",
    ]
    for box in boxes:
        tails[box.id] = box
        # the line break, a backslash sequence itself, stands between what is escaped
        label = "\\n".join(_escaped(line) for line in (box.title, *box.lines))
        tip = _tooltip(box.tooltip or box.title)
        given = {"label": label, "tooltip": tip, "class": box.kind, **BOXES[box.kind]}
        if box.again:
            given["style"] += ",dashed"
        lines.append(f"  {box.id} [{_attributes(given)}];")
    for arrow in arrows:
        given = {"label": f" {_escaped(arrow.label)} "} if arrow.label else {}
        if arrow.tooltip:
            given["tooltip"] = given["labeltooltip"] = _tooltip(arrow.tooltip)
        tail = tails[arrow.tail]
        given |= {"class": tail.kind, **_ARROWS.get(tail.kind, {})}
        if tail.kind == "op" and not tail.again:
            given["weight"] = "4"  # the flow from op to op is kept straight
        lines.append(f"  {arrow.tail} -> {arrow.head} [{_attributes(given)}];")
    return "\n".join([*lines, "}", ""])


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
