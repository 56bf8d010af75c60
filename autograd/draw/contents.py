"""What boxes and groups say besides their names: values, gradients, bytes, times, and what went wrong where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..engine.hooks import keeps_gradient
from ..engine.nodes import Handle, Leaf, Node, Pick, source_of
from ..engine.views import node_of
from .boxes import Box, Group, Values, counted
from .calls import Call, Constant, saved_bytes
from .events import Event
from .modules import Scope
from .names import Names
from .plan import Plan
from .values import bytes_text, line_text, number_text, summarise, time_text

__all__ = ["Contents", "Wanted"]

_SMALL = 80
"""In pictures of this many boxes, values and gradients that were recorded are written out unasked."""
_PARTS = 4
DECADES = 4
"""Over how many powers of ten the colours of heat reach."""


class Wanted:
    """Which details are asked for: the arguments of ``graph`` of these names."""

    def __init__(self, values: bool | None, gradients: bool | None, saved: bool, time: bool, heat: str | None) -> None:
        self.values, self.gradients, self.saved, self.time, self.heat = values, gradients, saved, time, heat


class Contents:
    """Fills boxes and groups with what is known of their ops, leaves and modules.

    Attributes:
        names: what Tensors are called.
        places: the Node or Leaf of each event.
    """

    def __init__(self, plan: Plan, names: Names, outputs: list[tuple[str, Handle]], wanted: Wanted) -> None:
        self.plan, self.names, self.wanted = plan, names, wanted
        self.places: dict[Event, Any] = {}
        leaves = {parent for node in plan.homes for parent in node.parents if type(parent) is Leaf}
        for place in (*plan.homes, *leaves) if plan.records else ():
            if (event := plan.event(place)) is not None:
                self.places[event] = place
        self._forward: dict[str, float] = {}
        self._backward: dict[str, float] = {}
        self._amounts: dict[str, float] = {}
        self._several: dict[str, list[tuple[str, str]]] = {}
        self._inside: dict[Scope, list[Any]] = {}
        for node in plan.homes:
            unit = plan.unit(node)
            if type(unit) is Scope:
                self._inside.setdefault(unit, []).append(node)
        self._tensors: dict[Any, Any] = {}
        for _, tensor in (*outputs, *names.pairs):
            if (node := node_of(tensor)) is not None:
                self._tensors.setdefault(node, tensor)
        self._arrays = dict(_saved_results(plan)) if wanted.values else {}

    # ---- values ------------------------------------------------------------------------------------------------

    def _value(self, place: Any) -> Values | None:
        """What is known of an op's or leaf's value."""
        event = self.plan.event(place)
        if event is not None and len(event.values) == 1:
            return event.values[0]
        if not self.wanted.values:
            return None
        tensor = self._tensor(place)
        return summarise(tensor._data if tensor is not None else self._arrays.get(place, _NOTHING))

    def _gradient(self, place: Any) -> Values | None:
        event = self.plan.event(place)
        if event is not None and event.gradients is not None:
            return event.gradients[0] if len(event.gradients) == 1 else None
        grad = getattr(self._tensor(place), "_grad", None) if self.wanted.gradients else None
        return None if grad is None else summarise(grad._data)

    def _tensor(self, place: Any) -> Any:
        """The Tensor at a place, if it is known: a leaf, a named one, one that retains its gradient."""
        if type(place) is Leaf:
            return place.tensor()
        keeping = [hook.keeps() for hook in (place.hooks or {}).values() if keeps_gradient(hook)]
        return keeping[0] if keeping else self._tensors.get(place)

    # ---- boxes -------------------------------------------------------------------------------------------------

    def of_unit(self, box: Box, unit: Any) -> Box:
        """The box of an op or of a folded module, filled."""
        nodes = self._inside[unit] if type(unit) is Scope else [unit]
        last = max(nodes, key=lambda node: node.rank) if type(unit) is Scope else unit
        shown = self.plan.units[unit][-1] if type(unit) is Scope else unit
        events = [found for node in nodes if (found := self.plan.event(node)) is not None]
        event = self.plan.event(shown)
        value, gradient = self._value(shown), self._gradient(shown)
        self._forward[box.id] = last.rank
        if event is not None and event.gradients is not None:
            self._backward[box.id] = event.step
        self._weigh(box.id, shown, events)
        lines = box.lines
        if type(unit) is Scope:
            lines = _kinds(unit.items) if unit.frame is None else (counted(unit.count, "ops"), *_parameters(unit))
        first = [node for node in nodes if node not in self.plan.repeats.standin]
        facts = [*self._costs(first, [found for node in first if (found := self.plan.event(node)) is not None])]
        if len(events) == 1:
            if events[0].line:
                facts.append(("line", line_text(events[0].line)))
            self._several[box.id] = _parts(events[0], unit)
            facts += self._several[box.id]
        elif self.plan.inferred:
            facts.append(("module", "known by the names of its parameters"))
        born = _births(events)
        return box._replace(
            lines=lines, value=value, gradient=gradient, facts=(*facts, *born[:2]), marks=("nan",) if born else ()
        )

    def of_input(self, box: Box, source: Any) -> Box:
        """The box of a leaf or of data, filled."""
        self._forward[box.id] = 0
        if isinstance(source, Constant):
            if source.summary is not None or not self.wanted.values or source.value is None:
                return box._replace(value=source.summary)
            return box._replace(value=summarise(source.value))
        gradient, event = self._gradient(source), self.plan.event(source)
        if event is not None and event.gradients is not None:
            self._backward[box.id] = event.step
        self._weigh(box.id, source, [])
        return box._replace(value=self._value(source), gradient=gradient)

    def of_output(self, box: Box, tensor: Any, end: Any) -> Box:
        """The box of an output, filled: its gradient is where backward began."""
        self._forward[box.id] = math.inf
        node = source_of(end)
        event = None if isinstance(end, Constant) else self.plan.event(node)
        gradient = None
        if event is not None and event.gradients is not None and type(node) is Node:
            gradient = event.gradients[end.index if type(end) is Pick else 0]
            self._backward[box.id] = event.step - 0.5
        recorded = event is not None and event.record.kept
        return box._replace(
            value=summarise(tensor._data) if recorded or self.wanted.values else None, gradient=gradient
        )

    def cut_text(self, origin: Event, reason: str, types: list[str]) -> tuple[str, list[str]]:
        """The title and lines of a box that lets no gradient pass."""
        text = {"no_grad": "under no_grad", "integer": "integers have no gradient"}.get(reason, "no gradient passes")
        return (origin.name if origin.kind == "plain" else "detach"), [text, *types]

    def _weigh(self, id: str, place: Any, events: list[Event]) -> None:
        """Note what the box's heat depends on; a gradient that is NaN or infinite has none."""
        if self.wanted.heat == "time":
            if events:
                self._amounts[id] = sum(event.seconds + event.backward_seconds for event in events)
            return
        event = self.plan.event(place)
        parts = (event.gradients if event is not None else None) or (self._gradient(place),)
        norms = [part.norm for part in parts if part is not None and not part.bad]
        if norms:
            self._amounts[id] = math.hypot(*norms)

    def _costs(self, nodes: Iterable[Any], events: list[Event]) -> Iterator[tuple[str, str]]:
        """Bytes and times."""
        saved = sum(event.saved for event in events) if events else sum(map(saved_bytes, nodes))
        if saved:
            yield "saved", bytes_text(saved)
        if self.wanted.time and events:
            yield "time", time_text(sum(event.seconds for event in events))
            backward = [event.backward_seconds for event in events if event.gradients is not None]
            if backward:
                yield "backward", time_text(sum(backward))

    # ---- groups ------------------------------------------------------------------------------------------------

    def title(self, scope: Scope) -> str:
        """What a folded module is called."""
        frame = scope.frame
        if frame is None:
            return counted(scope.count, "ops") + ("" if scope.chain()[:-1] else " outside of modules")
        name = ": ".join(filter(None, (frame.path, frame.kind))) or "model"
        more = f" \u2026 {scope.last.rpartition('.')[2]}" if scope.last else ""
        times = f"  \u00d7{scope.times}" if scope.times > 1 else ""
        return f"{frame.path}{more}{': ' + frame.kind if frame.kind else ''}{times}" if more else f"{name}{times}"

    def group(self, id: str, scope: Scope) -> Group:
        """The group that stands for a scope."""
        frame = scope.frame
        if frame is None:
            return Group(id, "", "", scope.times)
        facts = [("ops", f"{scope.count:,}"), *[("parameters", text) for text in _parameters(scope)]]
        if frame.call > 1:
            facts.append(("call", str(frame.call)))
        if frame.backward:
            facts.append(("backward", "its recorded backward"))
        if scope.last:
            facts.append(("until", scope.last))
        if self.plan.inferred:
            facts.append(("module", "known by the names of its parameters"))
        return Group(id, frame.path, frame.kind, scope.times, tuple(facts))

    # ---- the whole ---------------------------------------------------------------------------------------------

    def finished(self, boxes: list[Box]) -> tuple[list[Box], str]:
        """The boxes with their steps, heat and lines, and what stands under the picture."""
        small = len(boxes) <= _SMALL
        values = small if self.wanted.values is None else self.wanted.values
        gradients = small if self.wanted.gradients is None else self.wanted.gradients
        forward, backward = _places(self._forward), _places(self._backward)
        heat, caption = _heat(self._amounts, self.wanted.heat)
        made = []
        for box in boxes:
            lines = [*box.lines]
            if values and box.value is not None:
                lines.append(f"value {box.value.text}")
            if gradients and box.gradient is not None:
                lines.append(f"grad {box.gradient.text}")
            for name, text in self._several.get(box.id, ()):
                if gradients if name.startswith("grad ") else values:
                    lines.append(f"{name} {text}")
            facts = dict(box.facts)
            if self.wanted.saved and "saved" in facts:
                lines.append(f"saves {facts['saved']}")
            if self.wanted.time and "time" in facts:
                lines.append(facts["time"] + (f", backward {facts['backward']}" if "backward" in facts else ""))
            if "nan" in box.marks:
                lines += [facts["born"], *([facts["at"]] if facts.get("at") else [])]
            made.append(
                box._replace(
                    lines=tuple(lines),
                    forward=forward.get(box.id),
                    backward=backward.get(box.id),
                    heat=heat.get(box.id),
                )
            )
        return made, caption


_NOTHING = np.empty(0, np.object_)


def _saved_results(plan: Plan) -> Iterator[tuple[Any, Any]]:
    """The results of ops that were saved for backward, by node."""
    for nodes in plan.units.values():
        for call in map(Call, nodes):
            if isinstance(out := call.saved.get("out"), (np.ndarray, np.generic)):
                yield call.node, out
            for source, name in call.sources:
                value = call.saved.get(name)
                if type(source) is Node and getattr(value, "shape", None) == source.shape:
                    yield source, value


def _parts(event: Event, node: Any) -> list[tuple[str, str]]:
    """Of an op with several outputs the values and gradients of each."""
    if len(event.values) < 2 or type(node) is not Node:
        return []
    outputs = node.op.outputs if isinstance(node.op.outputs, tuple) else range(len(event.values))
    gradients = event.gradients or (None,) * len(event.values)
    pairs = list(zip(outputs, event.values, gradients, strict=False))[:_PARTS]
    found = [(f"value {name}", value.text) for name, value, _ in pairs if value is not None]
    return found + [(f"grad {name}", gradient.text) for name, _, gradient in pairs if gradient is not None]


def _parameters(scope: Scope) -> tuple[str, ...]:
    """How many parameters a module has."""
    leaves = scope.leaves
    if not leaves:
        return ()
    return (f"{counted(len(leaves), 'parameters')}, {sum(math.prod(leaf.shape) for leaf in leaves):,} numbers",)


def _kinds(nodes: list[Any]) -> tuple[str, ...]:
    """How many ops there are of each kind."""
    numbers: dict[str, int] = {}
    for node in nodes:
        numbers[node.op.name] = numbers.get(node.op.name, 0) + 1
    names = sorted(numbers, key=lambda name: (-numbers[name], name))
    text = ", ".join(f"{numbers[name]:,} {name}" for name in names[:4])
    return (f"{text} \u2026" if len(names) > 4 else text,)


def _births(events: list[Event]) -> list[tuple[str, str]]:
    """The first event among these at which a NaN or infinity was born, as pairs of a name and a text."""
    for event in sorted(events, key=lambda event: event.serial):
        for wrong, when in ((event.born, "forward"), (event.born_backward, "backward")):
            if wrong:
                return [("born", f"{wrong} born in {when}"), ("at", line_text(event.line))]
    return []


def _places(times: Mapping[str, float]) -> dict[str, int]:
    """Numbers 0, 1, 2, ... in the order of these times."""
    places = {time: number for number, time in enumerate(sorted(set(times.values())))}
    return {id: places[time] for id, time in times.items()}


def _heat(amounts: Mapping[str, float], kind: str | None) -> tuple[dict[str, float], str]:
    """From each amount to where it lies between the least and the greatest, by logarithms; and a legend.

    What lies further below the greatest than ``DECADES`` powers of ten counts as the least: one gradient that is zero
    but for rounding would make all others look alike.
    """
    positive = [amount for amount in amounts.values() if 0 < amount < math.inf]
    if not positive:
        return {}, ""
    high = max(positive)
    low = max(min(positive), high * 10.0**-DECADES)
    width = math.log(high / low) or 1.0
    heat = {
        id: 0.0
        if not amount > 0
        else round(math.log(min(max(amount, low), high) / low) / width if high > low else 1.0, 4)
        for id, amount in amounts.items()
    }
    if kind is None:
        return heat, ""
    texts = [time_text(x) if kind == "time" else number_text(x, 2) for x in (low, high)]
    what = "time of forward and backward" if kind == "time" else "norm of the gradient"
    if texts[0] == texts[1]:
        return heat, f"colour: {what}, {texts[1]} (dark)"
    return heat, f"colour: {what}, {texts[0]} (pale) to {texts[1]} (dark), logarithmic"
