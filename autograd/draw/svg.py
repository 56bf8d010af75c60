"""SVG without Graphviz: the same boxes and arrows, at the places that our own layout finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .boxes import Arrow, Box, Group
from .dot import BOXES
from .layout import levels
from .places import Way, placed
from .text import legible, text_width

__all__ = ["svg_text"]

_FONT = "Helvetica,Arial,sans-serif"
_INK, _MUTED, _LINE, _BAD = "#1F2933", "#5A6572", "#7B8794", "#C1121F"
_SIZE, _LABEL_SIZE = 11.0, 9.0
_LINE_HEIGHT = 14.0
_MARGIN = 16.0
_BESIDE_START = {"TB": (4, 11, "start"), "BT": (4, -5, "start"), "LR": (4, -4, "start"), "RL": (-4, -4, "end")}
_BESIDE_END = {"TB": (5, -9, "start"), "BT": (5, 15, "start"), "LR": (-9, -4, "end"), "RL": (9, -4, "start")}
"""Where the text beside an arrow stands."""
_HEAD = f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{{width:.0f}}" height="{{height:.0f}}" \
viewBox="0 0 {{width:.0f}} {{height:.0f}}" font-family="{_FONT}" font-size="{_SIZE:g}" text-anchor="middle">
<title>{{title}}</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0,0.8 L8,4 L0,7.2 z" fill="{_LINE}"/></marker></defs>
<rect width="100%" height="100%" fill="white"/>
<g transform="translate({_MARGIN:g},{_MARGIN:g})">"""


def svg_text(
    boxes: Sequence[Box], arrows: Sequence[Arrow], groups: Mapping[str, Group], direction: str, title: str
) -> str:
    """A picture as SVG. Its size in pixels is that on a screen."""
    turned = direction in ("LR", "RL")
    labels = {arrow.tail: text_width(legible(arrow.label, 30), _LABEL_SIZE) for arrow in arrows if arrow.label}
    sizes = {}
    for box in boxes:
        width, height = _size(box)
        # below or above a box, what is written to the right of the arrow needs half of the box's width
        sizes[box.id] = (width if turned else max(width, 2 * labels.get(box.id, 0.0) + 12), height)
    gap = max(labels.values(), default=0.0) + 18 if turned else 0.0
    heads = {box.id: box for box in boxes}
    titles = {group: text_width(_frame_title(group, groups), _SIZE) + 8 for box in boxes for group in box.group}
    drawing = placed(levels(boxes, arrows), sizes, titles, direction, gap)
    width, height = drawing.width + 2 * _MARGIN, drawing.height + 2 * _MARGIN
    lines = [_HEAD.format(width=width, height=height, title=_escaped(title))]
    for group, (x, y, w, h) in drawing.frames.items():
        lines.append(
            f'<g class="frame"><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="8" '
            f'fill="#7B8794" fill-opacity="0.06" stroke="#B8C1CB"/><text x="{x + 10:.1f}" y="{y + 17:.1f}" '
            f'text-anchor="start" fill="{_MUTED}">{_escaped(_frame_title(group, groups))}</text></g>'
        )
    lines += [_way(way, heads, direction) for way in drawing.ways]
    lines += [_shape(box, drawing.boxes[box.id]) for box in boxes]
    lines += _labels(arrows, drawing.ways, direction)
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _frame_title(group: str, groups: Mapping[str, Group]) -> str:
    found = groups.get(group) or Group(group, group, "")
    text = ": ".join([part for part in (found.path, found.kind) if part])
    return legible(f"{text} (\u00d7{found.times})" if found.times > 1 else text, 60)


def _size(box: Box) -> tuple[float, float]:
    width = max(text_width(line, _SIZE) for line in _lines(box)) + 20
    if BOXES.get(box.kind, BOXES["op"])["shape"] == "ellipse":
        width *= 1.2
    return max(width, 44.0), _LINE_HEIGHT * len(_lines(box)) + 10


def _lines(box: Box) -> list[str]:
    return [legible(line) for line in (box.title, *box.lines)]


def _shape(box: Box, place: tuple[float, float, float, float]) -> str:
    """A box with its text, in the colours of DOT's."""
    x, y, w, h = place
    lines = _lines(box)
    wide, _ = _size(box)  # its place may be wider, for the label below it
    look = BOXES.get(box.kind, BOXES["op"])
    fill = look.get("fillcolor", "white")
    dashes = ' stroke-dasharray="4 3"' if box.again or "dashed" in look["style"] else ""
    if "nan" in box.marks:
        look = {**look, "color": _BAD, "penwidth": "3"}
    if "cut" in box.marks:
        dashes = ' stroke-dasharray="2 4"'
    paint = f'fill="{fill}" stroke="{look["color"]}" stroke-width="{look.get("penwidth", "1")}"{dashes}'
    if look["shape"] == "ellipse":
        drawn = f'<ellipse cx="{x + w / 2:.1f}" cy="{y + h / 2:.1f}" rx="{wide / 2:.1f}" ry="{h / 2:.1f}" {paint}/>'
    else:
        corner = 6 if "rounded" in look["style"] else 0
        place_text = f'x="{x + (w - wide) / 2:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{h:.1f}"'
        drawn = f'<rect {place_text} rx="{corner}" {paint}/>'
    middle = y + h / 2 - _LINE_HEIGHT * (len(lines) - 1) / 2 + _SIZE * 0.36
    texts = "".join(
        f'<text x="{x + w / 2:.1f}" y="{middle + _LINE_HEIGHT * number:.1f}" fill="{look.get("fontcolor", _INK)}">'
        f"{_escaped(line)}</text>"
        for number, line in enumerate(lines)
    )
    tip = _escaped(legible(box.tooltip or box.title, 240))
    return f'<g class="node {box.kind}" id="{box.id}"><title>{tip}</title>{drawn}{texts}</g>'


def _way(way: Way, heads: Mapping[str, Box], direction: str) -> str:
    dashes = ' stroke-dasharray="4 3"' if way.loose or heads[way.source].kind in ("constant", "hidden") else ""
    tip = ' marker-end="url(#tip)"' if way.head else ""
    axis = 0 if direction in ("LR", "RL") else 1
    bend, back = list(way.out), list(way.into)
    if way.loose:  # it may go back: so that one sees where it leaves and arrives, it does both in the usual direction
        far = (1 if direction in ("TB", "LR") else -1) * (40 + min(60, abs(way.into[axis] - way.out[axis]) / 4))
        bend[axis] += far
        back[axis] -= far
    else:
        bend[axis] = back[axis] = (way.out[axis] + way.into[axis]) / 2
    points = f"M{_point(way.start)}"
    if way.out != way.start:
        points += f" L{_point(way.out)}"
    points += f" C{_point(bend)} {_point(back)} {_point(way.into)}"
    if way.end != way.into:  # a line without length would turn the arrow's tip
        points += f" L{_point(way.end)}"
    return f'<path d="{points}" fill="none" stroke="{_LINE}"{dashes}{tip}/>'


def _point(point: Sequence[float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _labels(arrows: Iterable[Arrow], ways: Iterable[Way], direction: str) -> Iterator[str]:
    """What arrows say, once where they start if it is the same on all from one box, else where they end."""
    said: dict[str, dict[str, str]] = {}
    for arrow in arrows:
        said.setdefault(arrow.tail, {})[arrow.head] = legible(arrow.label, 30)
    common = {tail: next(iter(labels.values())) for tail, labels in said.items() if len({*labels.values()}) == 1}
    done: set[tuple[str, str]] = set()
    for way in ways:
        same = way.source in common
        text, at = (common[way.source], way.tail) if same else (said[way.source].get(way.head, ""), way.head)
        if not text or not at or (way.source, at) in done:
            continue
        done.add((way.source, at))
        x, y = way.start if same else way.end
        right, down, anchor = (_BESIDE_START if same else _BESIDE_END)[direction]
        place = f'x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="{anchor}"'
        yield f'<text {place} font-size="{_LABEL_SIZE:g}" fill="{_MUTED}">{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
