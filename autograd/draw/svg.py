"""SVG without Graphviz: the same boxes and arrows, at the places that our own layout finds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .boxes import Arrow, Box, merged
from .layout import levels
from .looks import CUT_ARROW, frame_title, look_of
from .places import Way, placed
from .text import legible, text_width

__all__ = ["svg_text"]

_FONT = "Helvetica,Arial,sans-serif"
_INK, _MUTED, _LINE = "#1F2933", "#5A6572", "#7B8794"
_SIZE, _LABEL_SIZE = 11.0, 9.0
_LINE_HEIGHT, _LABEL_HEIGHT = 14.0, 10.0
_MARGIN = 16.0
_CORNER = 8.0
_TURN = 12.0
"""How far an arrow that turns round goes on first."""
_BESIDE_START = {"TB": (4, 11, "start"), "BT": (4, -5, "start"), "LR": (4, -4, "start"), "RL": (-4, -4, "end")}
_BESIDE_END = {"TB": (5, -9, "start"), "BT": (5, 15, "start"), "LR": (-9, -4, "end"), "RL": (9, -4, "start")}
"""Where the text beside an arrow stands."""
_LEAST_CAPTION = 60
"""A line of the caption may have this many characters, even if the picture is narrow."""
_TIP = (
    '<marker id="{}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0.8 L8,4 L0,7.2 z" fill="{}"/></marker>'
)
_HEAD = f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{{width:.0f}}" height="{{height:.0f}}" \
viewBox="0 0 {{width:.0f}} {{height:.0f}}" font-family="{_FONT}" font-size="{_SIZE:g}" text-anchor="middle">
<title>{{title}}</title>
<defs>{"".join(_TIP.format(name, colour) for name, colour in (("tip", _LINE), ("cut", CUT_ARROW["color"])))}</defs>
<rect width="100%" height="100%" fill="white"/>
<g transform="translate({_MARGIN:g},{_MARGIN:g})">"""


def svg_text(graph: Any, title: str) -> str:
    """A ``Graph`` as SVG. Its size in pixels is that on a screen."""
    direction, arrows = graph.direction, merged(graph.arrows)
    turned = direction in ("LR", "RL")
    labels = {arrow.tail: text_width(legible(arrow.label, 30), _LABEL_SIZE) for arrow in arrows if arrow.label}
    looks = {box.id: look_of(box, graph.heat is not None) for box in graph.boxes}
    sizes = {}
    for box in graph.boxes:
        width, height = _size(box, looks[box.id])
        # below or above a box, what is written to the right of the arrow needs half of the box's width
        sizes[box.id] = (width if turned else max(width, 2 * labels.get(box.id, 0.0) + 12), height)
    gap = max(labels.values(), default=0.0) + 18 if turned else 0.0
    known = {group.id: frame_title(group) for group in graph.groups}
    names = {id: known.get(id, legible(id)) for box in graph.boxes for id in box.group}
    titles = {id: text_width(name, _SIZE) + 8 for id, name in names.items()}
    drawing = placed(levels(graph.boxes, arrows), sizes, titles, direction, gap)
    caption = textwrap.wrap(legible(graph.caption, 400), max(_LEAST_CAPTION, int(drawing.width / _SIZE * 2)))
    width = max([drawing.width, *[text_width(line, _SIZE) for line in caption]]) + 2 * _MARGIN
    height = drawing.height + _LINE_HEIGHT * len(caption) + 2 * _MARGIN
    lines = [_HEAD.format(width=width, height=height, title=_escaped(title))]
    for group, (x, y, w, h) in drawing.frames.items():
        lines.append(
            f'<g class="frame"><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="8" '
            f'fill="#7B8794" fill-opacity="0.06" stroke="#B8C1CB"/><text x="{x + 10:.1f}" y="{y + 17:.1f}" '
            f'text-anchor="start" fill="{_MUTED}">{_escaped(names[group])}</text></g>'
        )
    boxes = {box.id: box for box in graph.boxes}
    lines += [_way(way, boxes, direction) for way in drawing.ways]
    lines += [_shape(box, looks[box.id], drawing.boxes[box.id]) for box in graph.boxes]
    lines += _labels(arrows, drawing.ways, direction)
    lines += [
        f'<text x="0" y="{drawing.height + _LINE_HEIGHT * number:.1f}" text-anchor="start" fill="{_MUTED}">'
        f"{_escaped(line)}</text>"
        for number, line in enumerate(caption, 1)
    ]
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _size(box: Box, look: Mapping[str, str]) -> tuple[float, float]:
    width = max(text_width(line, _SIZE) for line in _lines(box)) + 20
    if look["shape"] == "ellipse":
        width *= 1.2
    return max(width, 44.0), _LINE_HEIGHT * len(_lines(box)) + 10


def _lines(box: Box) -> list[str]:
    return [legible(line) for line in (box.title, *box.lines)]


def _shape(box: Box, look: Mapping[str, str], place: tuple[float, float, float, float]) -> str:
    """A box with its text."""
    x, y, w, h = place
    lines = _lines(box)
    wide, _ = _size(box, look)  # its place may be wider, for the label below it
    left, right, below = x + (w - wide) / 2, x + (w + wide) / 2, y + h
    dashes = ' stroke-dasharray="4 3"' if "dashed" in look["style"] else ""
    fill = look.get("fillcolor", "white") if "filled" in look["style"] or box.marks else "white"
    paint = f'fill="{fill}" stroke="{look["color"]}" stroke-width="{look.get("penwidth", "1")}"{dashes}'
    if look["shape"] == "ellipse":
        drawn = f'<ellipse cx="{x + w / 2:.1f}" cy="{y + h / 2:.1f}" rx="{wide / 2:.1f}" ry="{h / 2:.1f}" {paint}/>'
    elif look["shape"] == "octagon":
        c = _CORNER
        drawn = (
            f'<path d="M{left + c:.1f},{y:.1f} H{right - c:.1f} L{right:.1f},{y + c:.1f} V{below - c:.1f} '
            f'L{right - c:.1f},{below:.1f} H{left + c:.1f} L{left:.1f},{below - c:.1f} V{y + c:.1f} z" {paint}/>'
        )
    else:
        corner = 6 if "rounded" in look["style"] else 0
        drawn = f'<rect x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{h:.1f}" rx="{corner}" {paint}/>'
    middle = y + h / 2 - _LINE_HEIGHT * (len(lines) - 1) / 2 + _SIZE * 0.36
    texts = "".join(
        f'<text x="{x + w / 2:.1f}" y="{middle + _LINE_HEIGHT * number:.1f}" fill="{look.get("fontcolor", _INK)}">'
        f"{_escaped(line)}</text>"
        for number, line in enumerate(lines)
    )
    facts = [f"{name}: {text}" for name, text in box.facts]
    tip = "\n".join([_escaped(legible(text, 240)) for text in (box.tooltip or box.title, *facts)])
    return f'<g class="node {box.kind}" id="{box.id}"><title>{tip}</title>{drawn}{texts}</g>'


def _way(way: Way, boxes: Mapping[str, Box], direction: str) -> str:
    dashes = ' stroke-dasharray="4 3"' if way.loose or boxes[way.source].kind in ("constant", "hidden") else ""
    tip, colour = "tip", _LINE
    if "cut" in boxes[way.source].marks or (way.head and "cut" in boxes[way.head].marks):
        dashes, tip, colour = ' stroke-dasharray="2 4"', "cut", CUT_ARROW["color"]
    end = f' marker-end="url(#{tip})"' if way.head else ""
    axis = 0 if direction in ("LR", "RL") else 1
    onward, along = 1 if direction in ("TB", "LR") else -1, way.into[axis] - way.out[axis]
    if way.aside:
        curves = [(way.out, onward * _TURN, onward * _TURN, way.aside[0])]
        curves.append((way.aside[1], -onward * _TURN, -onward * _TURN, way.into))
    else:  # a loose one leaves and arrives in the usual direction, so that one sees where
        bend = onward * (40 + min(60, abs(along) / 4)) if way.loose else along / 2
        curves = [(way.out, bend, -bend, way.into)]
    points = f"M{_point(way.start)}"
    last = way.start
    for first, leaving, arriving, second in curves:
        if _point(first) != _point(last):
            points += f" L{_point(first)}"
        points += f" C{_point(_moved(first, axis, leaving))} {_point(_moved(second, axis, arriving))} {_point(second)}"
        last = second
    if _point(way.end) != _point(way.into):  # a line without length, as it is written, would turn the arrow's tip
        points += f" L{_point(way.end)}"
    return f'<path d="{points}" fill="none" stroke="{colour}"{dashes}{end}/>'


def _moved(point: Sequence[float], axis: int, by: float) -> tuple[float, float]:
    return (point[0] + by, point[1]) if axis == 0 else (point[0], point[1] + by)


def _point(point: Sequence[float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _labels(arrows: Iterable[Arrow], ways: Iterable[Way], direction: str) -> Iterator[str]:
    """What arrows say, once where they start if it is the same on all from one box, else where they end."""
    said: dict[str, dict[str, str]] = {}
    for arrow in arrows:
        said.setdefault(arrow.tail, {})[arrow.head] = legible(arrow.label, 30)
    common = {tail: next(iter(labels.values())) for tail, labels in said.items() if len({*labels.values()}) == 1}
    done: set[tuple[str, str]] = set()
    arriving: dict[str, list[tuple[float, float, str]]] = {}
    for way in ways:
        same = way.source in common
        text, at = (common[way.source], way.tail) if same else (said[way.source].get(way.head, ""), way.head)
        if not text or not at or (way.source, at) in done:
            continue
        done.add((way.source, at))
        if same:
            yield _beside(*way.start, text, _BESIDE_START[direction])
        else:
            arriving.setdefault(at, []).append((*way.end, text))
    for ends in arriving.values():
        for end in _one_above_the_other(ends, direction):
            yield _beside(*end, _BESIDE_END[direction])


def _one_above_the_other(ends: list[tuple[float, float, str]], direction: str) -> Iterator[tuple[float, float, str]]:
    """The texts at the ends of arrows that arrive at one box, so that each can be read; once if they are the same."""
    away, further = (_LABEL_HEIGHT, max) if direction == "BT" else (-_LABEL_HEIGHT, min)
    ends = sorted(ends, key=lambda end: end[direction in ("LR", "RL")], reverse=True)
    if len({text for _, _, text in ends}) == 1:
        del ends[1:]
    level = ends[0][1] - away
    for x, y, text in ends:
        level = further(y, level + away)
        yield x, level, text


def _beside(x: float, y: float, text: str, place: tuple[float, float, str]) -> str:
    right, down, anchor = place
    return (
        f'<text x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="{anchor}" font-size="{_LABEL_SIZE:g}" '
        f'fill="{_MUTED}">{_escaped(text)}</text>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
