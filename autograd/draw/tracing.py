"""Follows gradients through what was recorded: where their way was cut, where they became zero, NaN or infinite."""

from __future__ import annotations

from typing import Any

from .boxes import counted
from .events import Event
from .values import number_text

__all__ = ["births", "cuts", "kills", "reached", "site"]

_SHOWN = 3


def site(event: Event | None, node: Any = None) -> str:
    """Which op, and where: ``op 'relu' (model.py:12 in forward)``."""
    if event is None or not event.name:
        name = getattr(getattr(node, "source", node), "op", None)
        return "an op" if name is None else f"op '{name.name}'"
    return f"op '{event.name}' ({event.line})" if event.line else f"op '{event.name}'"


def _between(root: Event, leaf: Event, passing: bool) -> list[Event]:
    """The events on the ways from ``root`` back to ``leaf``, newest first; only those that gradients take if asked."""
    found = {root.serial: root}
    queue = [root]
    for event in queue:
        for item, passes in event.inputs:
            if (passes or not passing) and item.serial not in found:
                found[item.serial] = item
                queue.append(item)
    on_way = {leaf.serial}
    for serial in sorted(found):
        event = found[serial]
        if any(item.serial in on_way and (passes or not passing) for item, passes in event.inputs):
            on_way.add(serial)
    return [found[serial] for serial in sorted(on_way & found.keys(), reverse=True)]


def reached(root: Event, leaf: Event | None) -> tuple[bool, bool]:
    """Whether gradients come from ``root`` to ``leaf``, and whether data went from there to here."""
    if leaf is None:
        return False, False
    return bool(_between(root, leaf, True)), bool(_between(root, leaf, False))


def cuts(root: Event, leaf: Event) -> list[str]:
    """Sentences about the places at which the ways from ``root`` to ``leaf`` are cut, from the leaf on."""
    on_way = _between(root, leaf, False)
    serials = {event.serial for event in on_way}
    found: dict[str, None] = {}
    for event in reversed(on_way):
        for item, passes in event.inputs:
            if item.serial in serials and not passes and (item.kind in ("node", "leaf") or item is leaf):
                found[_cut(event, item)] = None
    return [*found][:_SHOWN]


def _cut(event: Event, item: Event) -> str:
    if event.cut == "integer":
        return f"It ends at {site(event)}, which gives integers or truth values: these have no gradient."
    if event.cut == "no_grad":
        return f"It ends at {site(event)}, which ran under no_grad."
    what = f"what {site(item)} computed" if item.kind == "node" else "the tensor itself"
    if any(
        constant.origin is item and constant.dtype is not None and constant.dtype.kind not in "fcV"
        for _, constant in event.constants
    ):
        return f"It ends before {site(event)}, where {what} went in as integers: these have no gradient."
    return f"It ends before {site(event)}, where {what} went in detached: through .detach(), .data or .numpy()."


def kills(root: Event, leaf: Event) -> list[str]:
    """Sentences about the first ops, seen from ``root``, at which the gradient became zero."""
    if root.gradients and all(part is None or not (part.norm or part.bad) for part in root.gradients):
        return ["It was zero already where backward began."]
    on_way = _between(root, leaf, True)
    serials = {event.serial for event in on_way}
    found: dict[str, None] = {}
    for event in on_way:
        for item, _ in event.inputs:
            if item.serial in serials and item.serial in event.killed:
                found[f"It ends at {site(event)}: {_killer(event, item)}."] = None
    if not found:
        return ["No single op made it zero: what comes to it on several ways adds up to nothing."]
    more = [f"So it does at {len(found) - _SHOWN} more."] if len(found) > _SHOWN else []
    return [*found][:_SHOWN] + more


_STEPS = {"round", "floor", "ceil", "trunc", "sign", "sgn", "heaviside", "floor_divide"}
_RECTIFIERS = {"relu", "relu6", "threshold"}
_FLAT = {
    "hardtanh",
    "hardsigmoid",
    "clamp",
    "clamp_between",
    "clip",
    "softshrink",
    "hardshrink",
    "tanhshrink",
    "sigmoid",
    "tanh",
}


def _killer(event: Event, item: Event) -> str:
    """What it is about an op that its derivative is zero."""
    value = item.values[0] if len(item.values) == 1 else None
    others = [c.summary for _, c in event.constants] + [
        other.values[0] for other, _ in event.inputs if other is not item and len(other.values) == 1
    ]
    if event.name in _RECTIFIERS:
        shown = f" ({number_text(value.low, 3)} to {number_text(value.high, 3)})" if value is not None else ""
        return f"its input was nowhere positive{shown}"
    if event.name in ("mul", "matmul", "linear", "where", "keep") and any(
        other is not None and other.high == other.low == 0 and not other.bad for other in others
    ):
        return "what it multiplies with is zero everywhere: a mask, dropout, or a zero tensor"
    if event.name in _STEPS:
        return "it is a step function, whose derivative is zero"
    if event.name in _FLAT:
        return "its input lies wholly where it is flat"
    return "its derivative is zero wherever a gradient came to it"


def births(root: Event, leaf: Event) -> list[str]:
    """Sentences about the ops at which a NaN or infinity was born: in forward, else in backward on the way."""
    found = {root.serial: root}
    queue = [root]
    for event in queue:
        for item, _ in event.inputs:
            if item.serial not in found:
                found[item.serial] = item
                queue.append(item)
    forward = [found[serial] for serial in sorted(found) if found[serial].born]
    if forward:
        return [
            f"Forward, {site(event)} made {event.born} of numbers that were not{_cause(event, event.born)}."
            for event in forward[:2]
        ]
    on_way = sorted(_between(root, leaf, True), key=lambda event: event.step)
    backward = [event for event in on_way if event.born_backward]
    if not backward:
        return [_entry([found[serial] for serial in sorted(found)], root)]
    return [
        f"Backward, the derivative of {site(event)} made {event.born_backward} of a gradient that was not"
        f"{_cause(event, '')}."
        for event in backward[:2]
    ]


def _entry(events: list[Event], root: Event) -> str:
    """A sentence about where a NaN or infinity that no op made came in; ``events`` are those that lead to ``root``."""
    for event in events:
        given = [(repr(name), constant.summary) for name, constant in event.constants]
        leaves = [item.values[0] for item, _ in event.inputs if item.kind == "leaf" and len(item.values) == 1]
        given += [(f"a leaf of shape {values.shape}", values) for values in leaves if values is not None]
        for what, values in given:
            if values is not None and values.bad:
                numbers = counted(values.bad, "numbers")
                return f"It came from outside, at {site(event)}: {what} had {numbers} NaN or infinite when it went in."
        if event.had:
            return f"It came from outside, at {site(event)}, to which a number went in that was {event.had}."
    return "It came from outside: the gradient that backward began with had it."


def _cause(event: Event, born: str) -> str:
    """A guess from the op and its input."""
    values = [item.values[0] for item, _ in event.inputs if len(item.values) == 1]
    values += [c.summary for _, c in event.constants]
    zeros = any(value is not None and value.low <= 0 <= value.high for value in values)
    if event.name in ("log", "log2", "log10") and zeros:
        return ": it had a zero or less to take the logarithm of"
    if event.name in ("sqrt", "pow", "norm", "rsqrt") and zeros and not born:
        return ": its slope at 0 is infinite"
    if event.name in ("div", "reciprocal") and zeros:
        return ": it divided by zero"
    return ": 0 times infinity, say" if event.name in ("mul", "where", "keep") and not born else ""
