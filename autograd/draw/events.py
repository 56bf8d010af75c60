"""What ``watch`` records: an ``Event`` for each call of an op, in the note of its node.

Events point to those of their inputs, also where no node does: an op that ran under ``no_grad`` or made integers has
an event and no node, so that it is known where a gradient's path was cut. They hold no node, and so make no cycle.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from ..engine.nodes import Pick
from .boxes import Values
from .calls import Constant
from .values import summarise

__all__ = ["Event", "Frame", "Record", "event_of", "origins_of_cut"]


_SCALARS = 10_000
_TRACED = 1000
"""This many ops without a node are followed to where they come from."""


class Frame(NamedTuple):
    """A call of a module.

    Attributes:
        path, kind: the module's name and class.
        call: which of its calls this is, from 1 on.
        backward: the ops are those of its recorded backward.
    """

    path: str
    kind: str
    call: int = 1
    backward: bool = False


class Event:
    """A call of an op, or a leaf or an array that entered, as it was seen.

    Attributes:
        record: the ``Record`` that it belongs to.
        serial: its place in the order of events.
        kind: "node" (an op that was recorded), "plain" (one that was not), "leaf", or "data" (an array that came in).
        name: of the op.
        frames: the calls of modules it ran in, outermost first.
        line: of the program.
        seconds, backward_seconds: since the end of the event before.
        inputs: the events of its inputs, with whether a gradient can pass from here to there.
        constants: the arrays among the inputs that have no node, with their names.
        facts: what is worth saying of its arguments.
        values: of each output.
        gradients: of each output, None before backward.
        step: the place in the order in which gradients were complete.
        cut: why no gradient passes: "no_grad" or "integer"; "" if it does.
        saved: the bytes that were saved for backward.
        born: what is wrong with its output and was not with its inputs: "NaN" or "inf", else "".
        had: what is wrong with its inputs where something is with its output, else "".
        born_backward: the same of its derivatives and the gradient that they were made of.
        killed: serials of inputs whose derivative was zero everywhere, from a gradient that was not.
    """

    __slots__ = (
        "backward_seconds", "born", "born_backward", "constants", "cut", "facts", "frames", "gradients", "had",
        "inputs", "killed", "kind", "line", "name", "record", "saved", "seconds", "serial", "step", "values",
    )  # fmt: skip

    def __init__(self, record: Record, kind: str, name: str, frames: tuple[Frame, ...]) -> None:
        self.record, self.serial, self.kind, self.name, self.frames = record, record.next(), kind, name, frames
        self.line = self.cut = self.born = self.born_backward = self.had = ""
        self.seconds = self.backward_seconds = 0.0
        self.inputs: tuple[tuple[Event, bool], ...] = ()
        self.constants: tuple[tuple[str, Constant], ...] = ()
        self.facts: tuple[str, ...] = ()
        self.values: tuple[Values | None, ...] = ()
        self.gradients: tuple[Values | None, ...] | None = None
        self.step = -1
        self.saved = 0
        self.killed: frozenset[int] = frozenset()


class Record:
    """What one ``watch`` has seen.

    Attributes:
        sweeps: how many backwards ran.
        root: where the last of them began.
        kept: whether values are summed up.
    """

    def __init__(self, kept: bool = True) -> None:
        self.kept = kept
        self.sweeps = 0
        self.root: Event | None = None
        self._events = 0
        self._arrays: dict[int, tuple[Any, Event]] = {}
        self._scalars: deque[int] = deque()

    def next(self) -> int:
        """The number of the next event."""
        self._events += 1
        return self._events

    def remember(self, array: Any, event: Event) -> None:
        """Note where an array came from, for as long as it lives."""
        key = id(array)
        if isinstance(array, np.ndarray):
            arrays = self._arrays
            self._arrays[key] = (weakref.ref(array, lambda _: arrays.pop(key, None)), event)
        elif isinstance(array, np.generic):
            self._arrays[key] = (lambda: array, event)
            self._scalars.append(key)
            if len(self._scalars) > _SCALARS:  # scalars cannot be watched dying, so they are kept a while
                self._arrays.pop(self._scalars.popleft(), None)

    def origin(self, array: Any) -> Event | None:
        """Where an array came from, or the one that it is a view of."""
        while array is not None:
            held = self._arrays.get(id(array))
            if held is not None and held[0]() is array:
                return held[1]
            array = array.base if isinstance(array, np.ndarray) else None
        return None

    def values_of(self, array: Any) -> Values | None:
        """An array in short, if values are to be kept."""
        return summarise(array) if self.kept and isinstance(array, (np.ndarray, np.generic)) else None


def event_of(node: Any) -> Event | None:
    """What was recorded of a Node, Pick or Leaf."""
    if type(node) is Pick:
        node = node.source
    note = getattr(node, "note", None)
    return None if note is None else note.get("watch")


def origins_of_cut(origin: Event) -> tuple[list[Event], str]:
    """Where a gradient's path to an array ends, and why: "detached", "no_grad" or "integer"; nothing for mere data.

    Args:
        origin: the event of an array that entered an op without a node.
    """
    if origin.kind in ("node", "leaf"):
        return [origin], "detached"
    ends: dict[int, Event] = {}
    reasons = []
    seen = {origin.serial}
    queue = [origin]
    for event in queue:
        for item, _ in event.inputs:
            if item.kind in ("node", "leaf"):
                ends[item.serial] = item
                reasons.append(event.cut or "detached")
            elif item.serial not in seen and len(seen) < _TRACED:
                seen.add(item.serial)
                queue.append(item)
    return [ends[serial] for serial in sorted(ends)], reasons[0] if reasons else ""
