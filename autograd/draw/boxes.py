"""What a picture consists of, as plain data: every way of writing one starts from this."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["NEXT", "Arrow", "Box", "Group", "Values", "counted", "merged"]


class Values(NamedTuple):
    """What an array holds, in short.

    Attributes:
        shape, dtype: of the array, as text: "3 \u00d7 4", "float32".
        text: a small array written out; else the mean and the range.
        histogram: how many elements lie in each of equal bins from ``low`` to ``high`` (empty of small arrays).
        low, high: the least and the greatest finite element.
        norm: the Euclidean norm of the finite elements.
        bad: how many elements are NaN or infinite.
    """

    shape: str
    dtype: str
    text: str
    histogram: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0
    norm: float = 0.0
    bad: int = 0


class Box(NamedTuple):
    """A shape in the picture.

    Attributes:
        id: a counter, in the order of drawing.
        kind: "op", "parameter", "input", "constant", "output", "module" (ops folded into one box) or "hidden".
        title, lines: the text in it: the first line, and the others.
        tooltip: what a browser shows when the mouse rests there.
        again: a box of the same thing is drawn elsewhere.
        group: the ids of the groups it lies in, outermost first.
        value, gradient: what it holds, and what backward brought, if they were recorded.
        forward, backward: when it was computed and when its gradient was complete, as numbers 0, 1, 2, ... of steps.
        facts: further pairs of a name and a text: ("saved", "2 kB"), ("time", "12 \u00b5s"), ("line", "model.py:12").
        marks: what stands out: "nan" (a NaN or infinity was born here), "cut" (no gradient passes).
        heat: from 0 to 1, how its gradient's norm compares; None if not recorded.
    """

    id: str
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    tooltip: str = ""
    again: bool = False
    group: tuple[str, ...] = ()
    value: Values | None = None
    gradient: Values | None = None
    forward: int | None = None
    backward: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()
    heat: float | None = None


class Group(NamedTuple):
    """A module around boxes and other groups.

    Attributes:
        id: a counter.
        path: the module's name: "encoder.layers.0".
        kind: its class.
        times: how many alike stand one after the other, of which this one is drawn.
        facts: further pairs of a name and a text: ("parameters", "1,234").
    """

    id: str
    path: str
    kind: str
    times: int = 1
    facts: tuple[tuple[str, str], ...] = ()


NEXT = "next"
"""The label of an arrow that leads back, from one of several equal blocks to the next."""


class Arrow(NamedTuple):
    """An arrow from the box with the id ``tail`` to the one with the id ``head``, mostly a later one."""

    tail: str
    head: str
    label: str = ""
    tooltip: str = ""


def merged(arrows: Iterable[Arrow]) -> list[Arrow]:
    """Those with the same ends as one that says what each of them says, or how many they are.

    >>> from autograd.draw.boxes import Arrow, merged
    >>> arrows = [Arrow("a", "b", "[0]: 2"), Arrow("a", "b", "[1]: 2"), Arrow("b", "c", "2"), Arrow("b", "c", "2")]
    >>> [arrow.label for arrow in merged(arrows)]
    ['[0]: 2, [1]: 2', '2, twice']
    """
    found: dict[tuple[str, str], list[Arrow]] = {}
    for arrow in arrows:
        found.setdefault((arrow.tail, arrow.head), []).append(arrow)
    return [same[0] if len(same) == 1 else _one(same) for same in found.values()]


def _one(arrows: list[Arrow]) -> Arrow:
    tips = ", ".join(dict.fromkeys([arrow.tooltip for arrow in arrows if arrow.tooltip]))
    labels = [label for label in dict.fromkeys([arrow.label for arrow in arrows]) if label]
    if len(labels) < 2:
        labels.append("twice" if len(arrows) == 2 else f"{len(arrows)} times")
    return arrows[0]._replace(label=", ".join(labels), tooltip=tips)


def counted(n: int, kind: str) -> str:
    """``1 op``, ``2 leaves``, ``9,500 ops``: a number and a plural noun."""
    singular = "leaf" if kind == "leaves" else kind[:-1]
    return f"{n:,} {singular if n == 1 else kind}"
