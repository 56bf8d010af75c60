"""A picture of a program: its calls as boxes, in their parts, with arrows along which values go."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..draw.boxes import Arrow, Box, Group
from ..draw.picture import Graph
from ..draw.values import shape_text
from .emit import Emitter
from .program import values_of
from .values import Check, Value

__all__ = ["picture"]


def picture(emitter: Emitter, direction: str = "TB") -> Graph:
    """The picture: parameters and arguments first, then the calls by part, then results and what stays."""
    return _Painter(emitter).graph(direction)


class _Painter:
    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self._boxes: list[Box] = []
        self._arrows: dict[Arrow, None] = {}
        self._homes: dict[Value, str] = {}
        self._writers: dict[Any, str] = {}
        self._groups: dict[str, Group] = {}
        self._counts: Counter[str] = Counter()

    def graph(self, direction: str) -> Graph:
        for item in self._emitter.program.items:
            if isinstance(item, Check):
                continue
            sources = [self._source(value) for value in item.reads()]
            group = self._groups.setdefault(item.section, Group(f"g{len(self._groups)}", item.section, ""))
            made = item.makes()
            shown = item.target or (made[0] if made else None)
            facts = (("line", item.line),) if item.line else ()
            id = self._box("op", item.name, shown, facts, (group.id,))
            for source in dict.fromkeys(sources):
                self._arrows[Arrow(source, id)] = None
            self._homes.update(dict.fromkeys(made, id))
            if item.target is not None:
                self._writers[item.target.storage] = id
                self._homes[item.target] = id
        self._ends()
        return Graph(
            self._boxes,
            self._arrows,
            direction,
            {"ops": self._counts["op"], "leaves": self._counts["parameter"] + self._counts["input"],
             "constants": self._counts["constant"], "outputs": self._counts["output"]},
            groups=self._groups.values(),
        )  # fmt: skip

    def _ends(self) -> None:
        """The boxes of results, and of what is left at places."""
        program = self._emitter.program
        ends = [("result", program.results)]
        ends += [(effect.place.name, effect.tree) for effect in program.effects]
        for name, tree in ends:
            values = values_of(tree)
            if values:
                id = self._box("output", name, values[0] if len(values) == 1 else None, (), ())
                for value in values:
                    self._arrows[Arrow(self._source(value), id)] = None

    def _source(self, value: Value) -> str:
        """The id of the box that a value comes from."""
        home = self._homes.get(value) or self._writers.get(value.storage)
        if home is None:
            kind = {"input": "input", "state": "parameter"}.get(value.storage.kind, "constant")
            home = self._box(kind, value.name or "constant", value, (), ())
        self._homes[value] = home
        return home

    def _box(self, kind: str, title: str, value: Value | None, facts: Any, group: tuple[str, ...]) -> str:
        self._counts[kind] += 1
        id = f"n{len(self._boxes)}"
        lines = () if value is None else (f"{shape_text(value.shape)}, {value.dtype}",)
        self._boxes.append(Box(id, kind, title, lines, group=group, facts=facts, tooltip=dict(facts).get("line", "")))
        return id
