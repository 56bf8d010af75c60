"""A layered layout: in which row each box stands, and in which order.

Every group is laid out by itself, and stands in the one around it as a single item; so a frame never cuts through
another, and what is inside does not depend on what is outside. An arrow that leaves a group does so through a port
at the group's far edge, and one that enters, through a port at its near edge. A long arrow passes a row through a
node without size ("via"). Arrows from one box share their way as long as they can.

These are the steps of Sugiyama, Tagawa and Toda, Methods for Visual Understanding of Hierarchical System Structures,
IEEE Transactions on Systems, Man, and Cybernetics 11 (2), 1981: cycles are cut, rows found by the longest path, and
crossings reduced by sorting the rows, again and again, by the mean place of each node's neighbours.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from .boxes import Arrow, Box

__all__ = ["Level", "Link", "Node", "levels"]

_MOST_VIAS = 60_000
"""With more of them, the longest arrows are drawn across what stands in their way."""
_ROUNDS = 12
_SMALL = 4_000
"""Larger levels are sorted in fewer rounds."""


class Node(NamedTuple):
    """What stands in a row.

    Attributes:
        kind: "box", "group", "in" or "out" (a port), or "via" (a long arrow passes here).
        id: of the box or group; of ports and vias the box that the arrow comes from.
    """

    kind: str
    id: str


class Link(NamedTuple):
    """A piece of an arrow, from a node in one row to one in the next.

    Attributes:
        upper, lower: the nodes' numbers.
        source: the id of the box that the arrow comes from.
        weight: how much it matters that the piece is straight.
    """

    upper: int
    lower: int
    source: str
    weight: int


class Level(NamedTuple):
    """The inside of a group, or of the whole picture.

    Attributes:
        nodes: all of them; elsewhere they are called by their place here.
        rows: the nodes' numbers, row by row, each in order.
        links: the pieces of arrows between neighbouring rows.
        loose: arrows that go back, or too far for vias: the tail, the head, the id of the box that it comes from.
    """

    nodes: list[Node]
    rows: list[list[int]]
    links: list[Link]
    loose: list[tuple[int, int, str]]


def levels(boxes: Iterable[Box], arrows: Iterable[Arrow]) -> dict[str, Level]:
    """The rows inside every group, by its id, the outer before the inner; first the whole picture's, with the id ""."""
    boxes = list(boxes)
    chains = _chains(boxes)
    items: dict[str, dict[Node, int]] = {"": {}}
    for box in boxes:
        chain = chains[box.id]
        for outer, inner in pairwise(chain):
            items[outer].setdefault(Node("group", inner), len(items[outer]))
            items.setdefault(inner, {})
        items[chain[-1]].setdefault(Node("box", box.id), len(items[chain[-1]]))
    edges: dict[str, dict[tuple[int, int, str], None]] = {group: {} for group in items}
    for arrow in arrows:
        if arrow.tail != arrow.head:
            for group, upper, lower in _pieces(arrow, chains):
                known = items[group]
                tail, head = known.setdefault(upper, len(known)), known.setdefault(lower, len(known))
                edges[group][tail, head, arrow.tail] = None
    flowing = {box.id for box in boxes if box.kind in ("op", "module") and not box.again}
    return {group: _level(list(items[group]), list(edges[group]), flowing) for group in items}


def _chains(boxes: list[Box]) -> dict[str, tuple[str, ...]]:
    """The groups around each box, from the whole picture inwards. A group has one place, the first that is named."""
    places: dict[str, tuple[str, ...]] = {"": ("",)}
    found = {}
    for box in boxes:
        around = places[""]
        for group in box.group:
            around = places.setdefault(group, (*around, group))
        found[box.id] = around
    return found


def _pieces(arrow: Arrow, chains: dict[str, tuple[str, ...]]) -> Iterable[tuple[str, Node, Node]]:
    """The arrow's way out of the groups of its tail and into those of its head: a group, and two of its nodes."""
    tail, head = chains[arrow.tail], chains[arrow.head]
    common = 1
    while common < min(len(tail), len(head)) and tail[common] == head[common]:
        common += 1
    upper = Node("box", arrow.tail)
    for group in reversed(tail[common:]):
        yield group, upper, Node("out", arrow.tail)
        upper = Node("group", group)
    for outer, inner in pairwise(head[common - 1 :]):
        yield outer, upper, Node("group", inner)
        upper = Node("in", arrow.tail)
    yield head[-1], upper, Node("box", arrow.head)


def _level(nodes: list[Node], edges: list[tuple[int, int, str]], flowing: set[str]) -> Level:
    ranks, backward = _ranks(nodes, edges)
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for number, rank in enumerate(ranks):
        rows[rank].append(number)
    loose = [edges[number] for number in sorted(backward)]
    trunks: dict[tuple[int, str], list[int]] = {}
    for number, (tail, head, source) in enumerate(edges):
        if number not in backward:
            trunks.setdefault((tail, source), []).append(head)
    links: list[Link] = []
    room = _MOST_VIAS
    for (tail, source), heads in sorted(
        trunks.items(), key=lambda item: max(ranks[h] for h in item[1]) - ranks[item[0][0]]
    ):
        heads.sort(key=ranks.__getitem__)
        room -= ranks[heads[-1]] - ranks[tail] - 1
        if room < 0:
            loose += [(tail, head, source) for head in heads]
            continue
        above, weight = tail, 4 if source in flowing else 1
        for head in heads:
            while ranks[above] < ranks[head] - 1:
                nodes.append(Node("via", source))
                ranks.append(ranks[above] + 1)
                rows[ranks[-1]].append(len(nodes) - 1)
                links.append(Link(above, len(nodes) - 1, source, weight * (2 if above == tail else 16)))
                above = len(nodes) - 1
            links.append(Link(above, head, source, weight * (1 if above == tail else 2)))
    return Level(nodes, _ordered(rows, links, len(nodes)), links, loose)


# ---- rows ----------------------------------------------------------------------------------------------------------


def _ranks(nodes: list[Node], edges: list[tuple[int, int, str]]) -> tuple[list[int], set[int]]:
    """The row of each node, and the numbers of the edges that would close a cycle."""
    after: list[list[tuple[int, int]]] = [[] for _ in nodes]
    for number, (tail, head, _) in enumerate(edges):
        after[tail].append((head, number))
    order, backward = _sorted(after)
    ranks = [0] * len(nodes)
    entered = [0] * len(nodes)
    below = 1 if any(node.kind == "in" for node in nodes) else 0
    for number in order:
        if nodes[number].kind != "in":
            ranks[number] = max(ranks[number], below)
        for head, edge in after[number]:
            if edge not in backward:
                ranks[head] = max(ranks[head], ranks[number] + 1)
                entered[head] += 1
    for number in reversed(order):  # a parameter stands near to where it is used
        heads = [ranks[head] for head, edge in after[number] if edge not in backward]
        if nodes[number].kind == "out":
            ranks[number] = max(ranks)
        elif heads and not entered[number] and nodes[number].kind != "in":
            ranks[number] = min(heads) - 1
    if any(node.kind == "out" for node in nodes):
        last = 1 + max((rank for rank, node in zip(ranks, nodes, strict=True) if node.kind != "out"), default=0)
        ranks = [last if node.kind == "out" else rank for rank, node in zip(ranks, nodes, strict=True)]
    used = {rank: place for place, rank in enumerate(sorted(set(ranks)))}
    return [used[rank] for rank in ranks], backward


def _sorted(after: list[list[tuple[int, int]]]) -> tuple[list[int], set[int]]:
    """The nodes, each after those with an edge to it; and the edges left out because they close a cycle."""
    new, open_, done = 0, 1, 2
    state = [new] * len(after)
    order: list[int] = []
    backward: set[int] = set()
    for start in range(len(after)):
        if state[start] != new:
            continue
        state[start] = open_
        stack = [(start, iter(after[start]))]
        while stack:
            number, rest = stack[-1]
            for head, edge in rest:
                if state[head] == open_:
                    backward.add(edge)
                elif state[head] == new:
                    state[head] = open_
                    stack.append((head, iter(after[head])))
                    break
            else:
                state[number] = done
                order.append(number)
                stack.pop()
    return order[::-1], backward


# ---- order in the rows ---------------------------------------------------------------------------------------------


def _ordered(rows: list[list[int]], links: list[Link], count: int) -> list[list[int]]:
    """The rows, sorted so that few links cross."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        above[link.lower].append(link.upper)
        below[link.upper].append(link.lower)
    place = [0] * count
    for row in rows:
        for number, node in enumerate(row):
            place[node] = number
    best, fewest, since = [list(row) for row in rows], _crossings(rows, below, place), 0
    for turn in range(_ROUNDS if count < _SMALL else 3):
        if not fewest or since == 4:
            break
        downward = turn % 2 == 0
        near = above if downward else below
        for row in rows if downward else reversed(rows):
            means = {n: sum([place[other] for other in near[n]]) / len(near[n]) if near[n] else place[n] for n in row}
            row.sort(key=means.__getitem__)
            for number, node in enumerate(row):
                place[node] = number
        crossings = _crossings(rows, below, place)
        since += 1
        if crossings < fewest:
            best, fewest, since = [list(row) for row in rows], crossings, 0
    return best


def _crossings(rows: list[list[int]], below: list[list[int]], place: list[int]) -> int:
    """How many pairs of links cross."""
    crossings = 0
    for row in rows:
        seen: list[int] = []
        for node in row:
            heads = [place[head] for head in below[node]]
            crossings += sum([len(seen) - bisect_right(seen, head) for head in heads])
            for head in heads:
                insort(seen, head)
    return crossings
