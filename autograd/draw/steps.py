"""What happens, step by step: forward from the inputs to the output, then backward from the output to the inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .boxes import Arrow, Box, Values
from .text import legible

__all__ = ["Step", "steps"]

_MOST_NAMES = 6


class Step(NamedTuple):
    """One step.

    Attributes:
        phase: "forward" or "backward".
        boxes: the ids of the boxes whose value or gradient is there now.
        text: a sentence that says what happens.
    """

    phase: str
    boxes: tuple[str, ...]
    text: str


def steps(boxes: Sequence[Box], arrows: Iterable[Arrow]) -> list[Step]:
    """The steps that the boxes recorded. If they recorded none, they are taken in their order, and back."""
    tails: dict[str, list[Arrow]] = {}
    heads: dict[str, list[Arrow]] = {}
    for arrow in arrows:
        tails.setdefault(arrow.head, []).append(arrow)
        heads.setdefault(arrow.tail, []).append(arrow)
    known = {box.id: box for box in boxes}
    forward = [[(box.id, _computed(box, tails, heads, known)) for box in step] for step in _forward(boxes)]
    swept = _backward(boxes)
    senders = {box.id: box for step in swept for box in step}
    backward = [[(box.id, _arrived(box, heads, senders)) for box in step] for step in swept]
    return [*_told("forward", forward), *_told("backward", backward)]


def _told(phase: str, order: list[list[tuple[str, str]]]) -> Iterator[Step]:
    for number, together in enumerate(order, 1):
        text = "; ".join([said for _, said in together[:_MOST_NAMES]])
        if len(together) > _MOST_NAMES:
            text += f"; and {len(together) - _MOST_NAMES:,} more"
        yield Step(phase, tuple(id for id, _ in together), f"{phase} {number:,} of {len(order):,}: {text}")


def _forward(boxes: Sequence[Box]) -> list[list[Box]]:
    if any(box.forward is not None for box in boxes):
        return _by_number([(box.forward, box) for box in boxes])
    return [[box] for box in boxes if box.kind != "hidden" and not box.again]


def _backward(boxes: Sequence[Box]) -> list[list[Box]]:
    recorded = any(box.value is not None or box.backward is not None for box in boxes)
    if recorded:
        return _by_number([(box.backward, box) for box in boxes])
    return [[box] for box in reversed(boxes) if box.kind not in ("hidden", "constant") and not box.again]


def _by_number(numbered: Iterable[tuple[int | None, Box]]) -> list[list[Box]]:
    together: dict[int, list[Box]] = {}
    for number, box in numbered:
        if number is not None:
            together.setdefault(number, []).append(box)
    return [together[number] for number in sorted(together)]


def _computed(box: Box, tails: dict[str, list[Arrow]], heads: dict[str, list[Arrow]], known: dict[str, Box]) -> str:
    """``mul(x, w) = [2.0, -1.0]``."""
    if box.value is not None:
        result = f" = {_text(box.value)}"
    else:
        shape = next((arrow.label for arrow in heads.get(box.id, ()) if arrow.label), "")
        if box.kind in ("parameter", "input", "constant"):
            shape = box.lines[0] if box.lines else shape
        result = ", a scalar" if shape == "scalar" else f", of shape {legible(shape)}" if shape else ""
    if box.kind == "output":
        return f"the result is {_name(box)}{result}"
    if box.kind in ("parameter", "input", "constant"):
        return f"{_name(box)} is given{result.replace(' =', ':', 1) if box.value is not None else result}"
    arguments = [_name(known[arrow.tail]) for arrow in tails.get(box.id, ())]
    arguments += [part for line in box.lines for part in line.split(", ") if " = " in part]
    if len(arguments) > _MOST_NAMES:
        arguments = [*arguments[: _MOST_NAMES - 1], "\u2026"]
    name, _, op = box.title.rpartition(" = ")
    call = f"{legible(op, 40)}({', '.join(arguments)})"
    return f"{legible(name, 40)} = {call}{result}" if name else f"{call}{result}"


def _arrived(box: Box, heads: dict[str, list[Arrow]], senders: dict[str, Box]) -> str:
    """``the gradient of w arrives from mul: [0.5, 1.0]``."""
    gradient = f": {_text(box.gradient)}" if box.gradient is not None else ""
    users = [senders[arrow.head] for arrow in heads.get(box.id, ()) if arrow.head in senders]
    if not users:
        return f"it starts at {_name(box)}, whose gradient with respect to itself is {gradient[2:] or '1'}"
    names = list(dict.fromkeys(_name(user) for user in users))
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    sent = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    if len(users) > 1:
        sent = f"the sum of what {sent} sends {len(users)} times" if len(names) == 1 else f"the sum of what {sent} send"
        return f"the gradient of {_what(box)} arrives, {sent}{gradient}"
    return f"the gradient of {_what(box)} arrives from {sent}{gradient}"


def _what(box: Box) -> str:
    return f"{_name(box)}'s result" if box.kind in ("op", "module") and " = " not in box.title else _name(box)


def _name(box: Box) -> str:
    """What a box is called in a sentence: a result by the name that it was given, if it was."""
    return legible(box.title.split(" = ")[0] if box.kind == "op" else box.title, 40)


def _text(values: Values) -> str:
    return legible(" ".join(values.text.split()), 100)
