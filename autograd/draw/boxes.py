"""What a picture consists of, as plain data: every way of writing one starts from this."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Arrow", "Box", "counted"]


class Box(NamedTuple):
    """A shape in the picture.

    Attributes:
        id: a counter, in the order of drawing.
        kind: "op", "parameter", "input", "constant", "output" or "hidden".
        title, lines: the text in it: the first line, and the others.
        tooltip: what a browser shows when the mouse rests there.
        again: a box of the same thing is drawn elsewhere.
    """

    id: str
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    tooltip: str = ""
    again: bool = False


class Arrow(NamedTuple):
    """An arrow from the box with the id ``tail`` to the one with the id ``head``."""

    tail: str
    head: str
    label: str = ""
    tooltip: str = ""


def counted(n: int, kind: str) -> str:
    """``1 op``, ``2 leaves``, ``9,500 ops``: a number and a plural noun."""
    singular = "leaf" if kind == "leaves" else kind[:-1]
    return f"{n:,} {singular if n == 1 else kind}"
