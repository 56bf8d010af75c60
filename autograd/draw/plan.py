"""What becomes a box: an op or, where modules are folded, a module; and to which box each place belongs."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from ..engine.nodes import Leaf, Pick, source_of
from .calls import Constant
from .events import Event, Record, event_of
from .folding import Repeats, boxes_drawn, depth_that_fits, fold_deeper, fold_loose
from .modules import Scope, arranged
from .names import Names

__all__ = ["Plan", "collected"]

_READABLE = 120
"""This many ops are drawn, besides their inputs, before modules are folded unasked."""
_SMALL = 60
"""In a graph of this many ops, fewer than ``_MANY`` equal blocks are not folded unasked."""
_MANY = 4


def collected(roots: Iterable[Any]) -> tuple[list[Any], dict[Any, None]]:
    """All Nodes that lead to ``roots``, newest first, and all Leaves."""
    seen: set[Any] = set()
    leaves: dict[Any, None] = {}
    stack = [root for root in roots if not isinstance(root, Constant)]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is Leaf:
            leaves[node] = None
            continue
        if kind is Pick:
            node = node.source
        if node not in seen:
            seen.add(node)
            stack.extend([parent for parent in node.parents if parent is not None])
    return sorted(seen, key=attrgetter("rank"), reverse=True), leaves


class Plan:
    """Which units a graph is drawn as. A unit is an op's node, or the ``Scope`` of a folded module.

    Attributes:
        units: for each unit the nodes in it that are shown, oldest first.
        extras: for each unit further sources: those of the equal blocks that it stands for.
        returns: from which unit to which something leads from one equal block to the next, with its shape.
        depth: at which modules are folded; None if they are not.
        inferred: modules are known by the names of parameters only.
        records: what was recorded of the graph.
    """

    def __init__(
        self, ops: list[Any], names: Names, max_nodes: int, depth: int | None = None, fold: bool | None = None
    ) -> None:
        whole, self.homes, scopes, self.inferred = arranged(ops, names)
        self.records: dict[Record, None] = {}
        for node in ops:
            if (event := event_of(node)) is not None:
                self.records[event.record] = None
        least = 2 if fold or len(ops) > _SMALL else _MANY
        self.repeats = Repeats(whole, scopes, self.homes, 0 if fold is False else least)
        limit = min(max_nodes, _READABLE)
        self.depth = depth_that_fits(self.homes, self.repeats, limit) if depth is None else depth
        if len(scopes) > 1 and boxes_drawn(self.homes, self.repeats, self.depth) > limit:
            fold_loose(whole, self.repeats.shown, self.homes)
            if depth is None:
                self.depth = depth_that_fits(self.homes, self.repeats, limit)
        if self.depth is not None:
            fold_deeper(self.repeats.shown, self.depth)
        self._boxed: dict[Scope, Scope | None] = {whole: None}
        for scope in self.repeats.shown:
            outer = self._boxed[scope.parent]  # type: ignore[index] # only the whole has none, and is not shown
            self._boxed[scope] = outer or (scope if scope.folded else None)
        self.units: dict[Any, list[Any]] = {}
        self.extras: dict[Any, list[Any]] = {}
        self.returns: dict[tuple[Any, Any], tuple[int, ...]] = {}
        self._leaf_standin: dict[Any, Any] = {}
        self._leaf_homes: dict[Any, list[Scope]] = {}
        self._leaf_units: dict[Any, Any] = {}
        self._first: dict[Scope, Any] = {}
        for node in reversed(ops):
            if node not in self.repeats.standin:
                self._add(node)
        for node in reversed(ops):
            if node in self.repeats.standin:
                self._add_hidden(node)

    def _add(self, node: Any) -> None:
        unit = self.unit(node)
        self.units.setdefault(unit, []).append(node)
        chain = self.homes[node].chain()
        for scope in chain:
            self._first.setdefault(scope, unit)
        for parent in node.parents:
            if type(parent) is Leaf:
                held = self._leaf_homes.get(parent)
                self._leaf_homes[parent] = chain if held is None else _shared(held, chain)
                if self._leaf_units.setdefault(parent, unit) is not unit:
                    self._leaf_units[parent] = None

    def _add_hidden(self, node: Any) -> None:
        """Note which leaves an op of an equal block has in common with the one shown, and what else leads to it."""
        shown = self.repeats.shown_op(node)
        series, block = next(reversed(self.repeats.runs[node].items()))
        for parent, other in zip(node.parents, shown.parents, strict=False):
            if type(parent) is Leaf:
                if parent not in self._leaf_homes and type(other) is Leaf:
                    self._leaf_standin.setdefault(parent, other)
            elif parent is not None:
                source = source_of(parent)
                before = self.repeats.runs.get(source, {}).get(series)
                if before is None:
                    self.extras.setdefault(self.unit(node), []).append(parent)
                elif before < block:
                    self.returns[self.unit(source), self.unit(node)] = parent.shape

    def unit(self, place: Any) -> Any:
        """The unit that a Node, Pick or Leaf is drawn in: of a Leaf itself, unless it belongs to one folded module."""
        if type(place) is Leaf:
            place = self._leaf_standin.get(place, place)
            unit = self._leaf_units.get(place)
            return unit if type(unit) is Scope else place
        node = self.repeats.shown_op(source_of(place))
        return self._boxed[self.homes[node]] or node

    def around(self, place: Any) -> list[Scope]:
        """The scopes around a unit, or around a Leaf that has a box of its own, outermost first."""
        if type(place) is Scope:
            return place.chain()[:-1]
        return self._leaf_homes.get(place, []) if type(place) is Leaf else self.homes[place].chain()

    def event(self, place: Any) -> Event | None:
        """What was recorded of a place in this graph; not what was recorded of a Leaf when it stood in another."""
        event = event_of(place)
        return event if event is not None and event.record in self.records else None

    def entered(self, unit: Any, event: Event | None) -> list[Scope]:
        """The scopes, of those around or at ``unit``, that an array was in when it was first seen.

        Where that was not recorded, what enters the first op of a module, which takes nothing computed, is its input.
        """
        chain = [*self.around(unit), *([unit] if type(unit) is Scope else [])]
        if event is None:
            del chain[-1:]
            while chain and self._first.get(chain[-1]) is unit and self._begins(unit):
                del chain[-1]
            return chain
        found: list[Scope] = []
        frames = iter(event.frames)
        for scope in chain:
            if scope.frame is not None and next(frames, None) != scope.frame:
                break
            found.append(scope)
        return found

    def _begins(self, unit: Any) -> bool:
        """Whether nothing that is computed leads to a unit."""
        sources = [parent for node in self.units[unit] for parent in node.parents if parent is not None]
        return all(type(source) is Leaf or self.unit(source) is unit for source in sources)


def _shared(a: list[Scope], b: list[Scope]) -> list[Scope]:
    end = 0
    for x, y in zip(a, b, strict=False):
        if x is not y:
            break
        end += 1
    return a[:end]
