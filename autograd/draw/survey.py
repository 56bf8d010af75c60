"""Makes the boxes and arrows of a picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import dtypes
from ..engine.nodes import Handle, Leaf, Pick, source_of
from .boxes import NEXT, Arrow, Box, Group, counted
from .calls import Call, Constant, output_name, type_lines
from .contents import Contents
from .events import Event, origins_of_cut
from .modules import Scope
from .plan import Plan
from .values import line_text, shape_text

__all__ = ["Survey"]

_HIDDEN = "hidden"
"""The key of what arrows come from whose true origin is not drawn."""
_FAR = (1_000_000_000, 8, 4, 2)
"""How many layers an arrow may span. Layout time grows with the layers that arrows span in all."""
_MAX_SPAN = 500
"""More layers than this, in all and beyond one for each arrow, are too much; then the next of ``_FAR`` is tried."""
_MAX_ARROWS = 4
"""Arrows drawn for each node allowed; of further ones an op has only a common one."""


class Survey:
    """Makes boxes and arrows of the newest units of a plan.

    Where arrows would have to cross many layers, as from a weight that is used in each of hundreds of steps, the box
    that they come from is drawn again near to where they go: otherwise it is the layout that would take hours.
    """

    def __init__(
        self,
        outputs: list[tuple[str, Handle]],
        ends: list[Any],
        ops: list[Any],
        leaves: dict[Any, None],
        plan: Plan,
        contents: Contents,
        max_nodes: int,
    ) -> None:
        self.outputs, self.ends, self.ops, self.leaves = outputs, ends, ops, leaves
        self.plan, self.contents, self.names = plan, contents, contents.names
        self.constants: dict[Any, Constant] = {}  # holds the arrays, so that an id stays theirs
        self.max_nodes = max_nodes
        self.inputs: dict[Any, list[tuple[Any, str]]] = {}
        self.admitted: set[Any] = set()
        self.hidden_ops = 0
        self.depths: dict[Any, int] = {}
        self.far = _FAR[0]
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self.groups: dict[Scope, Group] = {}
        self.originals: dict[Any, int] = {}
        self.copies: dict[tuple[Any, int], str] = {}
        self.referred: set[int] = set()

    def draw(self) -> None:
        """Make the boxes and arrows: the newest units are chosen, then drawn from the oldest to the newest."""
        units = self._choose()
        self._measure(units)
        for unit in units:
            self._draw_unit(unit)
            self._draw_incoming(unit)
        for (tail_unit, head_unit), shape in self.plan.returns.items():
            if tail_unit in self.originals and head_unit in self.originals:
                tail, head = (self.boxes[self.originals[unit]].id for unit in (tail_unit, head_unit))
                self.arrows.append(Arrow(tail, head, NEXT, f"{shape_text(shape)} to the next of the equal blocks"))
        for (title, tensor), end in zip(self.outputs, self.ends, strict=True):
            tail, label, tip = self._origin(end, title, self.depths.get(self._key(end), 0), None)
            dtype = tensor._data.dtype
            head = self._box("output", title, [] if dtype == dtypes.default.dtype else [str(dtype)])
            self.boxes[-1] = self.contents.of_output(self.boxes[-1], tensor, end)
            self.arrows.append(Arrow(tail, head, label, tip))
        for number in self.referred:
            self.boxes[number] = self.boxes[number]._replace(title=f"{self.boxes[number].title} #{number}")

    def unreached(self) -> list[str]:
        """The given names of leaves and results that do not lead to the output."""
        reached = {*self.ops, *self.leaves}
        places = self.names.given.items()
        return [
            name
            for place, names in places
            if not isinstance(place, (int, Event)) and source_of(place) not in reached
            for name in names
        ]

    # ---- what is drawn, and where ----------------------------------------------------------------------------

    def _key(self, source: Any) -> Any:
        """What tells sources apart: an array is one constant wherever it enters; else the unit."""
        if isinstance(source, Constant):
            return source if source.value is source.origin is None else source.origin or id(source.value)
        return self.plan.unit(source)

    def _sources(self, unit: Any) -> list[tuple[Any, str]]:
        """Where the inputs of a unit come from, and what the ops call them; of a folded module those from outside."""
        held = self.inputs.get(unit)
        if held is not None:
            return held
        if type(unit) is not Scope:
            self.inputs[unit] = self._sources_of(Call(unit))
            return self.inputs[unit]
        found: dict[Any, tuple[Any, str]] = {}
        for call in map(Call, self.plan.units[unit]):
            named = any(type(source) is Leaf and source in self.names.given for source, _ in call.sources)
            for source, name in self._sources_of(call):
                if isinstance(source, Constant) and self._is_inner(source, unit, named):
                    continue
                key = self._key(source)
                if key is not unit:
                    found.setdefault((key, source.index if type(source) is Pick else 0), (source, name))
        self.inputs[unit] = list(found.values())
        return self.inputs[unit]

    def _is_inner(self, constant: Constant, unit: Any, named: bool) -> bool:
        """Whether a folded module made a constant itself, or nothing tells it from what it made, such as a mask."""
        origin = constant.origin
        if origin is None:
            return not named or constant.value is None
        inside = self.plan.entered(unit, origin)[-1:] == [unit] or origin.kind == "plain"
        return inside and not origins_of_cut(origin)[0]

    def _sources_of(self, call: Call) -> list[tuple[Any, str]]:
        event = self.plan.event(call.node)
        if event is None:
            return call.sources
        constants = [(c, name) for name, c in event.constants if c.shape or c.origin.kind != "data"]
        return [*[pair for pair in call.sources if type(pair[0]) is not Constant], *constants]

    def _choose(self) -> list[Any]:
        """The newest units for which there is room, oldest first; they and their inputs are admitted."""
        for end in self.ends:
            if isinstance(end, (Leaf, Constant)):
                self._admit(end)
        chosen = []
        for unit in reversed(self.plan.units):
            if not self._admit_key(unit):
                break
            chosen.append(unit)
            for source, _ in self._sources(unit):
                if isinstance(source, (Leaf, Constant)):
                    self._admit(source)
        drawn = {*chosen}
        if len(chosen) < len(self.plan.units):
            self.hidden_ops = sum(self.plan.unit(node) not in drawn for node in self.ops)
        return chosen[::-1]

    def _admit(self, source: Any) -> bool:
        key = self._key(source)
        if isinstance(source, Constant):
            self.constants[key] = source
        return self._admit_key(key)

    def _admit_key(self, key: Any) -> bool:
        """Whether it is to be drawn: as long as there is room."""
        if len(self.admitted) < self.max_nodes:
            self.admitted.add(key)
        return key in self.admitted

    def _measure(self, units: list[Any]) -> None:
        """Find each unit's layer, and how far arrows may go."""
        links = []
        for unit in units:
            keys = {self._key(source): None for source, _ in self._sources(unit)}
            above = [self.depths[key] for key in keys if key in self.depths]
            self.depths[unit] = depth = 1 + max(above, default=0)
            links.extend([(key if key in self.admitted else _HIDDEN, depth) for key in keys])
        for self.far in _FAR:
            first: dict[tuple[Any, int], int] = {}
            span = 0
            for key, depth in links:
                home = self.depths.get(key)
                if home is None or depth - home > self.far:
                    home = first.setdefault((key, depth // self.far), depth) - 1
                span += abs(depth - home) - 1
            if span <= _MAX_SPAN:
                break

    # ---- boxes and arrows ------------------------------------------------------------------------------------

    def _box(self, kind: str, title: str, lines: Iterable[str] = (), tooltip: str = "", again: bool = False) -> str:
        self.boxes.append(Box(f"n{len(self.boxes)}", kind, title, tuple(lines), tooltip, again))
        return self.boxes[-1].id

    def _put(self, scopes: Iterable[Scope]) -> None:
        """Place the newest box in the groups of the scopes around it."""
        ids = []
        for scope in scopes:
            if scope not in self.groups:
                self.groups[scope] = self.contents.group(f"g{len(self.groups)}", scope)
            ids.append(self.groups[scope].id)
        self.boxes[-1] = self.boxes[-1]._replace(group=tuple(ids))

    def _draw_unit(self, unit: Any) -> None:
        """The box of an op, or of a folded module, unless an arrow has called for it already."""
        if unit in self.originals:
            return
        for source, _ in self._sources(unit):  # inputs come first
            if isinstance(source, (Leaf, Constant)) and self._key(source) in self.admitted:
                self._origin(source, "", self.depths[unit], unit)
        self.originals[unit] = len(self.boxes)
        if type(unit) is Scope:
            self._box("module", self.contents.title(unit))
        else:
            call = Call(unit)
            event, name = self.plan.event(unit), self.names.of(unit)
            facts = call.facts() if event is None else event.facts
            title = f"{name} = {unit.op.name}" if name else str(unit.op.name)
            self._box("op", title, facts, call.summary())
        self._put(self.plan.around(unit))
        self.boxes[-1] = self.contents.of_unit(self.boxes[-1], unit)

    def _draw_incoming(self, unit: Any) -> None:
        depth = self.depths[unit]
        incoming: dict[tuple[str, str], list[str]] = {}
        extras = [(source, "") for source in self.plan.extras.get(unit, ())]
        for number, (source, name) in enumerate([*(own := self._sources(unit)), *extras]):
            if len(incoming) + len(self.arrows) >= _MAX_ARROWS * self.max_nodes:
                source = Constant(shape=source.shape)  # stands for what is not drawn
            if self._key(source) is unit:
                continue
            tail, label, tip = self._origin(source, name, depth, unit)
            if number < len(own) or (tail, label) not in incoming:
                incoming.setdefault((tail, label), []).append(tip)
        head = self.boxes[self.originals[unit]].id
        for (tail, label), tips in incoming.items():
            if len(tips) <= 2:
                self.arrows.extend(Arrow(tail, head, label, tip) for tip in tips)
            else:  # a list of thousands of tensors is one arrow
                times = f"{len(tips):,} of {label}" if label else f"{len(tips):,} times"
                self.arrows.append(Arrow(tail, head, times, f"{tips[0]} and {len(tips) - 1:,} more"))

    def _origin(self, source: Any, name: str, depth: int, unit: Any) -> tuple[str, str, str]:
        """The id of the box where an arrow to layer ``depth`` starts (drawn now if need be), its label and tooltip."""
        key = self._key(source)
        if key not in self.admitted:
            key = _HIDDEN
        label = shape = shape_text(source.shape)
        tip = f"{name}: {shape}" if name and shape else name or shape
        if type(source) is Pick and type(key) is not Scope and type(unit) is not Scope:  # inside, which is too much
            label = f"{self.names.of(source) or output_name(source)}: {shape}"
        elif key is not _HIDDEN and isinstance(source, (Leaf, Constant)) and type(key) is not Scope:
            label = ""  # its box says the shape
        home = self.depths.get(key)
        if home is not None and depth - home <= self.far:
            self._draw_unit(key)
            return self.boxes[self.originals[key]].id, label, tip
        place = (key, depth // self.far)
        if place not in self.copies:
            self.copies[place] = (
                self._draw_again(key, unit) if key in self.originals else self._draw_input(key, source, unit)
            )
        return self.copies[place], label, tip

    def _draw_input(self, key: Any, source: Any, unit: Any) -> str:
        """The box of what no drawn op computes, for the first time."""
        if isinstance(source, Constant) and key is not _HIDDEN and source.origin is not None:
            ends, reason = origins_of_cut(source.origin)
            if ends:
                return self._draw_cut(key, source, unit, ends, reason)
        self.originals[key] = len(self.boxes)
        if key is _HIDDEN:
            inputs = sum(self.plan.unit(item) not in self.admitted for item in self.leaves)
            inputs += sum(item not in self.admitted for item in self.constants)
            facts = [counted(n, kind) for n, kind in ((self.hidden_ops, "ops"), (inputs, "inputs")) if n]
            lines = [facts[0].replace(" ", " more "), *[f"and {fact}" for fact in facts[1:]]] if facts else []
            return self._box("hidden", " ".join(["\u2026", *lines[:1]]), lines[1:])
        name = self.names.of(key)
        if isinstance(source, Constant):
            self._box("constant", name or "constant", type_lines(source))
            around = [] if unit is None or name else self.plan.entered(unit, source.origin)
        else:
            named = key in self.names.given
            kind = "parameter" if named else "input"
            self._box(kind, name or ("input" if self.names.given else "leaf"), type_lines(source))
            event = self.plan.event(key)
            around = self.plan.around(key)
            if not named and unit is not None and around:
                around = self.plan.entered(unit, event)
        self._put(scope for scope in around if not scope.folded)
        self.boxes[-1] = self.contents.of_input(self.boxes[-1], source)
        return self.boxes[-1].id

    def _draw_cut(self, key: Any, source: Any, unit: Any, ends: list[Any], reason: str) -> str:
        """The box of what was computed from drawn ops, but lets no gradient pass."""
        origin, places = source.origin, self.contents.places
        tails = []
        for end in ends[-4:]:
            place = self.plan.unit(places[end]) if end in places else None
            if place in self.originals and place is not unit:
                tails.append(self.boxes[self.originals[place]].id)
        self.originals[key] = len(self.boxes)
        head = self._box("op", *self.contents.cut_text(origin, reason, type_lines(source)))
        line = (("line", line_text(origin.line)),) if origin.line and origin.kind == "plain" else ()
        self.boxes[-1] = self.boxes[-1]._replace(marks=("cut",), facts=line, value=source.summary)
        if unit is not None and type(unit) is not Scope:
            self._put(self.plan.around(unit))
        self.arrows.extend(Arrow(tail, head, "no gradient") for tail in dict.fromkeys(tails))
        return head

    def _draw_again(self, key: Any, unit: Any) -> str:
        """A second box for what is drawn already; a number tells which it is, where there is no name."""
        number = self.originals[key]
        original = self.boxes[number]
        if key is _HIDDEN:
            return self._box("hidden", "\u2026", again=True)
        if original.kind in ("op", "module") or self.names.of(key) is None:
            self.referred.add(number)
            self._box(original.kind, f"{original.title} #{number}", tooltip=original.tooltip, again=True)
        else:
            self._box(original.kind, original.title, original.lines, original.tooltip, again=True)
        if unit is not None and original.group:
            self._put(self.plan.around(unit))
        return self.boxes[-1].id
