"""How boxes and frames look, in Graphviz's words: its pictures and those that we draw ourselves look alike."""

from __future__ import annotations

from .boxes import Box, Group
from .text import legible

__all__ = ["CUT_ARROW", "frame_title", "look_of"]

# Tints and borders of the Okabe-Ito palette, which colour-blind readers can tell apart; the shapes differ as well.
_BOXES = {
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
CUT_ARROW = {"style": "dotted", "color": "#8A4B00", "fontcolor": "#8A4B00"}
_HEAT = ("#FFF7EC", "#FEE1BA", "#FDC38D", "#FC8D59", "#E34A33", "#B30000")
"""From pale to dark, also in print without colour."""


def look_of(box: Box, heat: bool) -> dict[str, str]:
    """Graphviz's attributes of a box, without its text; with ``heat`` it is coloured by it."""
    look = dict(_BOXES[box.kind])
    if heat:
        look |= _heated(box.heat)
    for mark in box.marks:
        look |= _MARKS[mark]
    if box.again:
        look["style"] += ",dashed"
    return look


def _heated(heat: float | None) -> dict[str, str]:
    """White where nothing is known."""
    if heat is None:
        return {"fillcolor": "white"}
    step = min(int(heat * len(_HEAT)), len(_HEAT) - 1)
    return {"fillcolor": _HEAT[step], "fontcolor": "white" if step >= len(_HEAT) - 2 else "#1F2933"}


def frame_title(group: Group) -> str:
    """What stands in the corner of a module's frame: ``path: Class``."""
    facts = dict(group.facts)
    until = f" \u2026 {facts['until'].rpartition('.')[2]}" if "until" in facts else ""
    title = ": ".join(filter(None, (legible(group.path + until), legible(group.kind))))
    if "backward" in facts:
        title += ", backward"
    if "call" in facts:
        title += f" (call {facts['call']})"
    if group.times > 1:
        title += f"{'  ' if title else ''}\u00d7{group.times:,}"
    return title
