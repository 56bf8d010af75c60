"""Which module each op belongs to: as it was recorded, or else as the names of the parameters tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..engine.nodes import Leaf, source_of
from .events import Frame, event_of
from .names import Names

__all__ = ["Scope", "arranged"]

_CONTAINERS = ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
"""Classes that are no step of a calculation."""


class Scope:
    """A call of a module in the graph, or (without a parent) the whole graph.

    Attributes:
        frame: the call; None of the whole, and of a pattern that repeats.
        parent: the scope around it.
        items: the ops and scopes in it, in the order of computation.
        depth: how many modules it lies in, the model itself not counted.
        times: how many alike stand one after the other, of which this one is shown.
        last: the path of the last of these.
        folded: it is drawn as one box.
        count, leaves: how many ops there are in it, in the first of several, and the leaves that they use.
    """

    __slots__ = ("count", "depth", "folded", "frame", "items", "last", "leaves", "parent", "times")

    def __init__(self, frame: Frame | None, parent: Scope | None) -> None:
        self.frame, self.parent = frame, parent
        self.items: list[Any] = []
        self.depth: int = 0 if parent is None else parent.depth + bool(frame is not None and frame.path)
        self.times = 1
        self.last = ""
        self.folded = False
        self.count = 0
        self.leaves: set[Any] = set()

    def chain(self) -> list[Scope]:
        """This scope and those around it but for the whole, outermost first."""
        found: list[Scope] = []
        scope = self
        while scope.parent is not None:
            found.append(scope)
            scope = scope.parent
        return found[::-1]

    def ops(self) -> Iterator[Any]:
        """All ops in it, in order within each scope."""
        stack: list[Any] = [self]
        while stack:
            item = stack.pop()
            if type(item) is Scope:
                stack.extend(reversed(item.items))
            else:
                yield item


def arranged(ops: Sequence[Any], names: Names) -> tuple[Scope, dict[Any, Scope], list[Scope], bool]:
    """The scopes of a graph.

    Args:
        ops: the nodes, newest first.
        names: of parameters, with the modules' classes.

    Returns:
        The whole, the scope of each op, all scopes (those around before those in them), and whether modules are only
        inferred from names.
    """
    recorded = any((event := event_of(node)) is not None and event.frames for node in ops)
    frames = _recorded(ops) if recorded else _inferred(ops, names)
    whole = Scope(None, None)
    scopes: dict[tuple[Frame, ...], Scope] = {(): whole}
    homes = {}
    for node in reversed(ops):
        scope = _scope_at(frames.get(node, ()), scopes)
        scope.items.append(node)
        homes[node] = scope
        scope.count += 1
        scope.leaves.update([parent for parent in node.parents if type(parent) is Leaf])
    for scope in reversed(scopes.values()):
        if scope.parent is not None:
            scope.parent.count += scope.count
            scope.parent.leaves |= scope.leaves
    return whole, homes, list(scopes.values()), not recorded and len(scopes) > 1


def _scope_at(path: tuple[Frame, ...], scopes: dict[tuple[Frame, ...], Scope]) -> Scope:
    """The scope of a chain of modules; it, and those around it, are made if they are not there yet."""
    if path not in scopes:
        around = _scope_at(path[:-1], scopes)
        scopes[path] = Scope(path[-1], around)
        around.items.append(scopes[path])
    return scopes[path]


def _recorded(ops: Sequence[Any]) -> dict[Any, tuple[Frame, ...]]:
    return {node: event.frames for node in ops if (event := event_of(node)) is not None}


def _inferred(ops: Sequence[Any], names: Names) -> dict[Any, tuple[Frame, ...]]:
    """From names: an op that uses a parameter belongs to its module, one between two of a module to this as well.

    "Between" is what uses one and is used by another of its ops, or what ran after one and before another while no
    other module did. What only joins results of a module that has just run, as a residual connection does, belongs to
    it too. What else stands before the first or after the last cannot be told, and stays outside.
    """
    steps = {place: _frames(given[0], names) for place, given in names.given.items() if type(place) is Leaf}
    if not any(steps.values()):
        return {}
    certain: dict[Any, tuple[Frame, ...]] = {}
    before: dict[Any, tuple[Frame, ...]] = {}
    for node in reversed(ops):
        own = above = None
        for parent in node.parents:
            parent = source_of(parent)
            if type(parent) is Leaf:
                if parent in steps:
                    own = _common(own, steps[parent])
            elif parent is not None:
                found = certain.get(parent, before.get(parent))
                above = above if found is None else _common(above, found)
        if own is not None:
            certain[node] = own
        elif above is not None:
            before[node] = above
    after: dict[Any, tuple[Frame, ...]] = {}
    frames = dict(certain)
    for node in ops:
        own = certain.get(node)
        below = after.get(node) if own is None else own
        if own is None and below is not None and node in before:
            frames[node] = _common(before[node], below)
        if below is not None:
            for parent in node.parents:
                parent = source_of(parent)
                if parent is not None and type(parent) is not Leaf:
                    after[parent] = _common(after.get(parent), below)
    _add_by_time(ops, certain, frames)
    return frames


def _add_by_time(
    ops: Sequence[Any], certain: dict[Any, tuple[Frame, ...]], frames: dict[Any, tuple[Frame, ...]]
) -> None:
    """Put ops into ``frames`` that ran amid a module, or right after it from its results alone."""
    order = [certain[node] for node in reversed(ops) if node in certain]
    spans: dict[tuple[Frame, ...], list[int]] = {}  # of each module the first and last place in order, and how many
    for i, path in enumerate(order):
        for end in range(1, len(path) + 1):
            span = spans.setdefault(path[:end], [i, i, 0])
            span[1:] = i, span[2] + 1
    whole = {path for path, (first, last, count) in spans.items() if last - first + 1 == count}
    outer = {path[:-1] for path in spans}
    done = 0
    for node in reversed(ops):
        if node in certain:
            done += 1
            continue
        last = order[done - 1] if done else ()
        found = _common(last, order[done]) if done < len(order) else ()
        sources = {source_of(parent) for parent in node.parents if parent is not None}
        if len(sources) > 1 and all(source in frames for source in sources):
            joined: tuple[Frame, ...] | None = None
            for source in sources:
                joined = _common(joined, frames[source])
            if joined in outer and last[: len(joined or ())] == joined and len(joined or ()) > len(found):
                found = joined or ()
        while found and found not in whole:
            found = found[:-1]
        held = frames.get(node, ())
        if len(found) > len(held) and found[: len(held)] == held:
            frames[node] = found


def _frames(name: str, names: Names) -> tuple[Frame, ...]:
    """The modules in a parameter's name, from the outermost: of ``layers.0.weight`` the model and ``layers.0``."""
    parts = name.split(".")[:-1]
    paths = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    frames = [Frame(path, names.kinds.get(path, "")) for path in paths if names.kinds.get(path) not in _CONTAINERS]
    return (Frame("", names.kinds[""]), *frames) if "" in names.kinds else tuple(frames)


def _common(a: tuple[Frame, ...] | None, b: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """What two chains of modules share, from the outermost."""
    if a is None or a == b:
        return b
    end = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        end += 1
    return a[:end]
