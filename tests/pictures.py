"""Graphs made by hand, with all that a picture can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Graph, Tensor, graph
from autograd.draw.boxes import Arrow, Box, Group, Values

HOSTILE = (
    "</script><script>document.title='hacked'</script>",
    "<img src=x onerror=\"document.title='hacked'\">",
    "<!--<script>",
    "--> ]]> </style></title>",
    "<svg/onload=document.title='hacked'>",
    "\"><b>'`",
    "&lt;i&gt; &amp; &#60;",
    "javascript:document.title='hacked'",
    "back\\slash \\u003c ${document.title='hacked'}",
    "two\nlines",
    "two\u2028lines\u2029",
    "lone \ud800",
    "nul\0",
    "\u202eright to left",
    "__proto__",
    "",
)


def values(text: str, shape: str = "2", **more: Any) -> Values:
    """What a small array holds."""
    return Values(shape, "float32", text, **more)


def expression() -> Graph:
    """tanh(w * x), computed and swept back."""
    boxes = [
        Box("n0", "constant", "x", ("2",), value=values("[2.0, -1.0]"), forward=0),
        Box("n1", "parameter", "w", ("2",), "a weight", value=values("[0.5, 3.0]"), gradient=values("[0.4, -0.1]"),
            forward=1, backward=2, heat=1.0),
        Box("n2", "op", "mul", ("y = 3",), value=values("[1.0, -3.0]"), gradient=values("[0.2, 0.1]"), forward=2,
            backward=1, heat=0.5, facts=(("saved", "16 B"), ("line", "model.py:12"))),
        Box("n3", "op", "h = tanh", value=values("[0.76, -1.0]"), gradient=values("[1.0, 1.0]"), forward=3, backward=0),
        Box("n4", "output", "out", (), value=values("[0.76, -1.0]"), forward=4),
    ]  # fmt: skip
    arrows = [Arrow("n0", "n2"), Arrow("n1", "n2"), Arrow("n2", "n3", "2"), Arrow("n3", "n4", "2")]
    return Graph(boxes, arrows, "TB", {"ops": 2, "leaves": 1, "constants": 1, "outputs": 1})


def nothing_recorded() -> Graph:
    """2 tanh(x) twice, of which only names and shapes are known."""
    x = Tensor(np.ones((3, 4), np.float32), requires_grad=True)
    y = x.tanh() * 2.0
    return graph((y + y).sum(), {"x": x})


def network(blocks: int = 2, direction: str = "TB") -> Graph:
    """Blocks of two layers each, with a short cut around them."""
    boxes = [Box("n0", "constant", "images", ("8 \u00d7 4",))]
    arrows: list[Arrow] = []
    groups = {"g0": Group("g0", "", "Net")}
    big = values("mean 0, -1 to 1", "4 \u00d7 4", histogram=(1, 5, 9, 4, 1), low=-1.0, high=1.0, norm=3.0)

    def add(kind: str, title: str, group: tuple[str, ...], *tails: str) -> str:
        boxes.append(Box(f"n{len(boxes)}", kind, title, group=group, value=big, gradient=big))
        arrows.extend(Arrow(tail, boxes[-1].id, "8 \u00d7 4") for tail in tails)
        return boxes[-1].id

    h = "n0"
    for i in range(blocks):
        block, start = f"b{i}", h
        groups[block] = Group(block, f"blocks.{i}", "Block", 12 if i else 1, (("parameters", "40"),))
        for j in range(2):
            layer = f"l{i}.{j}"
            groups[layer] = Group(layer, f"blocks.{i}.fc{j}", "Linear")
            inside = ("g0", block, layer)
            weight = add("parameter", f"blocks.{i}.fc{j}.weight", inside)
            h = add("op", "linear", inside, h, weight)
        h = add("op", "add", ("g0", block), start, h)
    add("output", "logits", (), h)
    return Graph(boxes, arrows, direction, {"ops": 3 * blocks, "outputs": 1}, groups=groups.values())


def hostile() -> Graph:
    """Every text is as bad as it can be."""
    names = [*HOSTILE, "long " * 2000]
    boxes = [
        Box(f"n{i}", "parameter", name, (name,), name, group=(f"g{i}",), value=values(name),
            gradient=values(name, name), forward=i, backward=len(names) - i, facts=((name, name),))
        for i, name in enumerate(names)
    ]  # fmt: skip
    boxes.append(Box("end", "output", "out"))
    arrows = [Arrow(f"n{i}", "end", name, name) for i, name in enumerate(names)]
    groups = {f"g{i}": Group(f"g{i}", name, name, 2, ((name, name),)) for i, name in enumerate(names)}
    return Graph(boxes, arrows, "TB", {"leaves": len(names)}, unreached=names, groups=groups.values())


def tangle(count: int, arrows: int, reach: int, seed: int = 0) -> Graph:
    """Boxes with arrows to random earlier ones, at most ``reach`` before them."""
    import random

    dice = random.Random(seed)
    heads = [*range(1, count), *(dice.randrange(1, count) for _ in range(arrows - count + 1))]
    lines = [Arrow(f"n{max(0, head - dice.randint(1, reach))}", f"n{head}", "3 \u00d7 4") for head in heads]
    return Graph([Box(f"n{i}", "op", f"op {i}") for i in range(count)], lines, "TB", {"ops": count})


def back_and_forth() -> Graph:
    """A module that is used again and again, and something outside between: its arrows go back."""
    boxes, arrows = [Box("start", "input", "h0")], []
    for i in range(4):
        boxes += [Box(f"in{i}", "op", "cell", group=("g", "h")), Box(f"out{i}", "op", "dropout")]
        arrows += [Arrow("start" if not i else f"out{i - 1}", f"in{i}", "4"), Arrow(f"in{i}", f"out{i}", "4")]
    return Graph(boxes, arrows, "TB", {"ops": 8}, groups=[Group("g", "rnn", "RNN"), Group("h", "c", "Cell")])
