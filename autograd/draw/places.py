"""From rows to coordinates: where each box, frame and arrow of a layered layout is drawn.

``page_layout.js`` does the same in a browser, where frames open and close: what changes here changes there.

In its row, a node wants to stand below, or above, those that it is linked with. The places nearest to what all of
a row's nodes want, in the sense of least squares and with the distances kept, are an isotonic regression, which
pooling adjacent violators finds in one pass (Ayer, Brunk, Ewing, Reid and Silverman, An Empirical Distribution
Function for Sampling with Incomplete Information, Annals of Mathematical Statistics 26 (4), 1955).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from .layout import Level

__all__ = ["Drawing", "Way", "placed"]

_GAPS = {"box": 12.0, "group": 14.0, "via": 6.0, "in": 12.0, "out": 12.0}
"""Half of what lies between a node and its neighbour in a row."""
_ROW_GAP, _PORT_GAP = 34.0, 12.0
_FRAME, _TITLE = 12.0, 28.0
_SWEEPS, _WORK = 24, 120_000
"""Places are improved that often, or in a large level only until about this many nodes were moved."""
_SPREAD = 18.0
"""Between the arrows that end at one box."""
_ASIDE, _LANES = 8.0, 6
"""Between arrows that go back, and how many side by side."""


class Way(NamedTuple):
    """A piece of an arrow: straight ``out`` of where it starts, then a curve, then straight ``into`` where it ends.

    Attributes:
        source: the id of the box that the arrow comes from.
        start, out, into, end: points.
        tail, head: the ids of the boxes where it starts and ends, if it does.
        loose: goes back, or across what is in its way.
        aside: of one that goes back, beside all that stands in its way: the points between which it is straight.
    """

    source: str
    start: tuple[float, float]
    out: tuple[float, float]
    into: tuple[float, float]
    end: tuple[float, float]
    tail: str = ""
    head: str = ""
    loose: bool = False
    aside: tuple[tuple[float, float], tuple[float, float]] | None = None


class Drawing(NamedTuple):
    """Coordinates.

    Attributes:
        width, height: of the whole.
        boxes, frames: left, top, width and height of boxes and groups, by their ids.
        ways: the arrows, in pieces.
    """

    width: float
    height: float
    boxes: dict[str, tuple[float, float, float, float]]
    frames: dict[str, tuple[float, float, float, float]]
    ways: list[Way]


def placed(
    found: Mapping[str, Level],
    sizes: Mapping[str, tuple[float, float]],
    titles: Mapping[str, float],
    direction: str,
    row_gap: float = 0.0,
) -> Drawing:
    """The coordinates of all that the rows hold.

    Args:
        found: what ``levels`` found.
        sizes: the width and height of each box, by its id.
        titles: the width of each frame's title, by the group's id.
        direction: "TB", "LR", "BT" or "RL".
        row_gap: the least room between rows, if texts beside arrows need more than the usual.
    """
    turned, flipped = direction in ("LR", "RL"), direction in ("BT", "RL")
    spans = {box: (h, w) if turned else (w, h) for box, (w, h) in sizes.items()}
    inside: dict[str, _Inside] = {}
    for group, level in reversed(list(found.items())):
        inside[group] = within = _Inside(level, spans, inside, max(row_gap, _ROW_GAP))
        if group:
            if turned:
                within.stretch(titles[group])
                spans[group] = (within.across + _TITLE + _FRAME, within.along + 2 * _FRAME)
            else:
                across = max(within.across, titles[group])
                spans[group] = (across + 2 * _FRAME, within.along + _TITLE + _FRAME)
    return _Plan(inside, turned, flipped).drawing()


class _Inside:
    """A level's nodes, at their places in it: ``c`` across the direction of the arrows, ``a`` along it."""

    def __init__(
        self, level: Level, spans: Mapping[str, tuple[float, float]], inside: Mapping[str, _Inside], row_gap: float
    ) -> None:
        self.level = level
        self.row_gap = row_gap
        self.starts: list[float] = []
        self.ends: list[float] = []
        self.along = 0.0
        self.ports = {(node.kind, node.id): n for n, node in enumerate(level.nodes) if node.kind in ("in", "out")}
        self.spans = [spans[node.id] if node.kind in ("box", "group") else (0.0, 0.0) for node in level.nodes]
        self.row = [0] * len(level.nodes)
        for number, row in enumerate(level.rows):
            for node in row:
                self.row[node] = number
        links = [
            (link.upper, link.lower, self._port(inside, link.upper, "out", link.source),
             self._port(inside, link.lower, "in", link.source), link.weight)
            for link in level.links
        ]  # fmt: skip
        self.c = self._across(links)
        low = min((c - span[0] / 2 for c, span in zip(self.c, self.spans, strict=True)), default=0.0)
        self.c = [c - low for c in self.c]
        self.across = max((c + span[0] / 2 for c, span in zip(self.c, self.spans, strict=True)), default=0.0)
        self.aside: dict[str, float] = {}
        for tail, head, source in level.loose:
            if self.row[head] <= self.row[tail]:
                self.aside.setdefault(source, self.across + (1 + len(self.aside) % _LANES) * _ASIDE)
        self.across = max([self.across, *self.aside.values()])
        self._along(links)

    def stretch(self, along: float) -> None:
        """Be at least this long, with what leaves the level at its far edge."""
        self.along = max(self.along, along)
        if any(self.level.nodes[n].kind == "out" for n in self.level.rows[-1]):
            self.starts[-1] = self.ends[-1] = self.along

    def _port(self, inside: Mapping[str, _Inside], node: int, kind: str, source: str) -> float:
        """How far from the middle of a node its end of a link is."""
        if self.level.nodes[node].kind != "group":
            return 0.0
        group = inside[self.level.nodes[node].id]
        return group.c[group.ports[kind, source]] - group.across / 2

    def _across(self, links: Sequence[tuple[int, int, float, float, int]]) -> list[float]:
        above: list[list[tuple[int, float, int]]] = [[] for _ in self.level.nodes]
        below: list[list[tuple[int, float, int]]] = [[] for _ in self.level.nodes]
        for upper, lower, start, end, weight in links:
            above[lower].append((upper, start - end, weight))
            below[upper].append((lower, end - start, weight))
        c = [0.0] * len(self.level.nodes)
        half = [_GAPS[node.kind] + span[0] / 2 for node, span in zip(self.level.nodes, self.spans, strict=True)]
        for row in self.level.rows:
            for n, place in zip(row, _apart([0.0] * len(row), [1.0] * len(row), [half[n] for n in row]), strict=True):
                c[n] = place
        both = [up + down for up, down in zip(above, below, strict=True)]
        sweeps = min(_SWEEPS, 4 + _WORK // max(1, len(c)))
        for sweep in range(sweeps):
            # first from row to row, which carries far; then between both neighbours, which balances
            near = both if sweep >= sweeps // 4 else (above, below)[sweep % 2]
            for row in self.level.rows if sweep % 2 == 0 else reversed(self.level.rows):
                wanted, weights = [], []
                for n in row:
                    others = near[n] or both[n]
                    total = sum([weight for _, _, weight in others])
                    place = sum([(c[o] + shift) * w for o, shift, w in others]) / total if total else c[n]
                    wanted.append(place)
                    weights.append(total or 0.01)
                for n, place in zip(row, _apart(wanted, weights, [half[n] for n in row]), strict=True):
                    c[n] = place
        self._straighten(c, half)
        return c

    def _straighten(self, c: list[float], half: list[float]) -> None:
        """Let long arrows pass as many rows as they can in a straight line, between what stands there."""
        nodes = self.level.nodes
        following = {
            link.upper: link.lower
            for link in self.level.links
            if nodes[link.upper].kind == nodes[link.lower].kind == "via"
        }
        room = {}
        for row in self.level.rows:
            for left, via, right in zip([None, *row[:-1]], row, [*row[1:], None], strict=True):
                if nodes[via].kind == "via":
                    room[via] = left, right
        for first in sorted(following.keys() - {*following.values()}):
            run: list[int] = []
            low, high = -inf, inf
            n: int | None = first
            while n is not None:
                left, right = room[n]
                least = -inf if left is None else c[left] + half[left] + half[n]
                most = inf if right is None else c[right] - half[right] - half[n]
                if run and max(low, least) > min(high, most):
                    _align(c, run, low, high)
                    run, low, high = [], -inf, inf
                run.append(n)
                low, high = max(low, least), min(high, most)
                n = following.get(n)
            _align(c, run, low, high)

    def _along(self, links: Sequence[tuple[int, int, float, float, int]]) -> None:
        """Find where the rows start and end: the further arrows go across, the more room is between two rows."""
        far = [0.0] * len(self.level.rows)
        for upper, lower, start, end, _ in links:
            above = self.row[upper]
            far[above] = max(far[above], abs(self.c[upper] + start - self.c[lower] - end))
        for number, nodes in enumerate(self.level.rows):
            if number:
                port = self.level.nodes[self.level.rows[number - 1][0]].kind == "in"
                port = port or self.level.nodes[nodes[0]].kind == "out"
                self.along += (_PORT_GAP if port else self.row_gap) + min(60.0, far[number - 1] / 10)
            self.starts.append(self.along)
            self.along += max(self.spans[n][1] for n in nodes)
            self.ends.append(self.along)


def _apart(wanted: list[float], weights: list[float], half: list[float]) -> list[float]:
    """The places nearest to those wanted at which neighbours are as far apart as their halves say."""
    shifts, shift = [], 0.0
    for number, size in enumerate(half):
        shift += size + half[number - 1] if number else 0.0
        shifts.append(shift)
    blocks: list[tuple[float, float, int]] = []
    for want, weight, shift in zip(wanted, weights, shifts, strict=True):
        mean, total, count = want - shift, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, heavy, more = blocks.pop()
            mean = (mean * total + before * heavy) / (total + heavy)
            total, count = total + heavy, count + more
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + shift for mean, shift in zip(means, shifts, strict=True)]


def _align(c: list[float], run: list[int], low: float, high: float) -> None:
    middle = min(max(sum([c[n] for n in run]) / len(run), low), high)
    for n in run:
        c[n] = middle


def _landing(ends: list[tuple[float, int]], spans: list[tuple[float, float]]) -> dict[tuple[float, int], float]:
    """How far from a box's middle arrows end, by where they come from and the box: side by side, without crossing."""
    arriving: dict[int, set[float]] = {}
    for start, head in ends:
        arriving.setdefault(head, set()).add(start)
    found = {}
    for head, starts in arriving.items():
        step = min(_SPREAD, 0.6 * spans[head][0] / len(starts))
        for number, start in enumerate(sorted(starts)):
            found[start, head] = (number - (len(starts) - 1) / 2) * step
    return found


class _Plan:
    """Puts the levels into one another."""

    def __init__(self, inside: dict[str, _Inside], turned: bool, flipped: bool) -> None:
        self.inside = inside
        self.turned = turned
        whole = inside[""]
        self.length = whole.along if flipped else 0.0
        self.width, self.height = (whole.along, whole.across) if turned else (whole.across, whole.along)
        self.pad_c = _TITLE if turned else _FRAME
        self.pad_a, self.pad_z = (_FRAME, _FRAME) if turned else (_FRAME, _TITLE) if flipped else (_TITLE, _FRAME)
        self.boxes: dict[str, tuple[float, float, float, float]] = {}
        self.frames: dict[str, tuple[float, float, float, float]] = {}
        self.ways: list[Way] = []

    def drawing(self) -> Drawing:
        corners = {"": (0.0, 0.0)}
        for group in reversed(self.inside):
            self._place(group, *corners[group], corners)
        return Drawing(self.width, self.height, self.boxes, self.frames, self.ways)

    def _point(self, c: float, a: float) -> tuple[float, float]:
        a = self.length - a if self.length else a
        return (a, c) if self.turned else (c, a)

    def _place(self, group: str, c0: float, a0: float, corners: dict[str, tuple[float, float]]) -> None:
        """Place what a group holds, whose inside starts at (c0, a0)."""
        within = self.inside[group]
        extents: list[tuple[float, float]] = []
        for n, node in enumerate(within.level.nodes):
            row = within.row[n]
            start, end = within.starts[row] + a0, within.ends[row] + a0
            if node.kind in ("box", "group"):
                across, along = within.spans[n]
                start += (end - start - along) / 2
                end = start + along
                (x, y), (u, v) = (
                    self._point(c0 + within.c[n] - across / 2, start),
                    self._point(c0 + within.c[n] + across / 2, end),
                )
                found = self.boxes if node.kind == "box" else self.frames
                found[node.id] = (min(x, u), min(y, v), abs(u - x), abs(v - y))
                if node.kind == "group":
                    spare = across - self.inside[node.id].across - (_TITLE + _FRAME if self.turned else 2 * _FRAME)
                    corners[node.id] = (c0 + within.c[n] - across / 2 + self.pad_c + spare / 2, start + self.pad_a)
            elif node.kind == "in":
                start -= self.pad_a
            elif node.kind == "out":
                end += self.pad_z
            extents.append((start, end))
        self._draw_links(within, c0, a0, extents, corners)

    def _draw_links(
        self,
        within: _Inside,
        c0: float,
        a0: float,
        extents: list[tuple[float, float]],
        corners: dict[str, tuple[float, float]],
    ) -> None:
        nodes = within.level.nodes

        def across(n: int, kind: str, source: str) -> float:
            if nodes[n].kind != "group":
                return c0 + within.c[n]
            group = self.inside[nodes[n].id]
            return corners[nodes[n].id][0] + group.c[group.ports[kind, source]]

        pieces = [(link.upper, link.lower, link.source, False) for link in within.level.links]
        pieces += [(tail, head, source, True) for tail, head, source in within.level.loose]
        ends = [(across(up, "out", source), low) for up, low, source, _ in pieces if nodes[low].kind == "box"]
        landing = _landing(ends, within.spans)
        for upper, lower, source, loose in pieces:
            c = across(upper, "out", source)
            d = across(lower, "in", source) + landing.get((c, lower), 0.0)
            first, last = extents[upper], extents[lower]
            start = first[0] if nodes[upper].kind in ("via", "in") else first[1]
            out, into = within.ends[within.row[upper]] + a0, within.starts[within.row[lower]] + a0
            lane = within.aside.get(source) if loose and within.row[lower] <= within.row[upper] else None
            aside = None if lane is None else (self._point(c0 + lane, out), self._point(c0 + lane, into))
            if loose and not aside:
                out, into = first[1], last[0]
            end = last[1] if nodes[lower].kind == "out" else last[0]
            tail = nodes[upper].id if nodes[upper].kind == "box" else ""
            head = nodes[lower].id if nodes[lower].kind == "box" else ""
            points = self._point(c, start), self._point(c, out), self._point(d, into), self._point(d, end)
            self.ways.append(Way(source, *points, tail, head, loose, aside))
