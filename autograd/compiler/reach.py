"""What a function can reach, replaced while it is recorded, and put back.

Before a function is recorded, every array in its reach is replaced, where it is kept, by a recording array of the
same memory; afterwards all is put back. What stands elsewhere then is what the function changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..engine.nodes import Handle, array_of
from .arrays import RecordingArray
from .creators import stand_ins
from .history import NUMBERS, History
from .places import Place
from .recording import Tape
from .standins import Unseen
from .streams import Stream, state_of
from .trees import maker_like, mend, plain
from .values import Value
from .walking import ARRAYS, Walk

__all__ = ["Reach"]


class Reach(Walk):
    """Everything in the reach of a function, found at once; replaced by ``enter``, put back by ``leave``.

    Args: as Walk's. Numbers in places that change from call to call become Numbers, arrays and Tensors inputs.

    Attributes:
        graphs: the Tensors in reach, with what stood for each in the graph.
        renewed: what stands for Tensors that are others at each call, and these, with where they are.
    """

    def __init__(self, function: Any, history: History, objects: Sequence[tuple[Any, str]] = ()) -> None:
        self._made: dict[int, Any] = {}
        self._given: list[RecordingArray] = []
        self.renewed: list[tuple[Any, Any, Place, Any]] = []
        self._first: dict[int, Place] = {}
        self._entered: list[tuple[Place, Any, Any]] = []
        self._unseen: list[tuple[Place, Unseen]] = []
        super().__init__(function, history, objects)
        self.graphs = [(tensor, tensor._node) for tensor in self.tensors]

    def standing_for(self, array: Any, tape: Tape) -> RecordingArray:
        """What will stand for an array in reach: it is an argument, too."""
        return self._made.setdefault(id(array), tape.enter(array, "state"))

    def enter(self, tape: Tape, streams: dict[int, Stream]) -> None:
        """Replace arrays by recording arrays, numbers that change by Numbers, what makes or draws them by stand-ins."""
        self._tape, self._made = tape, {**self._made, **stand_ins(), **streams}
        self._globals.enter()
        for place, value in self.places:
            made = self._convert(value, place, ())
            self._entered.append((place, value, made))
            if made is not value:
                place.set(made)

    def _convert(self, value: Any, place: Place, path: tuple[int, ...]) -> Any:
        if id(value) in self._made:
            return self._made[id(value)]
        made = value
        if type(value) in ARRAYS:
            if value.dtype.kind in "biufc":
                kind = "input" if (place.identity(), path) in self.volatile else "state"
                made = self._enter(value, kind, (place, path))
        elif type(value) is tuple:
            items = tuple([self._convert(item, place, (*path, i)) for i, item in enumerate(value)])
            if any(a is not b for a, b in zip(items, value, strict=True)):
                made = items
                if self.varies(value, place, path):
                    self._first[id(value)] = place
        elif (place.identity(), "unseen") in self.volatile:
            made = Unseen(value)
            self._unseen.append((place, made))
            return made
        elif type(value) is list and (place.identity(), "list") in self.volatile:
            made = [self._convert(item, place, (i,)) for i, item in enumerate(value)]
        elif isinstance(value, Handle) and (place.key == "_grad" or (place.identity(), path) in self.volatile):
            # another Tensor at each call, as gradients are: not looked for by what it is, but by where it stands
            made = maker_like(value)(self._enter(array_of(value), "input", (place, (*path, "_data"))))
            if place.key != "_grad":
                self.renewed.append((made, value, place, path))
        elif isinstance(value, np.random.Generator):
            made = Stream(self._tape, value, place)
        elif type(value) in NUMBERS and (place.identity(), path) in self.volatile:
            number = self._tape.number(value, "", ())
            number.place = (place, path)
            return number
        if made is not value:
            self._made[id(value)] = made
            self._keep.append(value)
        return made

    def inputs(self) -> Iterator[tuple[Any, Value]]:
        """The arrays that are another at each call, and where they stand (a place and the way on from there)."""
        for given in self._given:
            value = given._value
            if value is not None and value.storage.kind == "input" and value.place is not None:
                yield value.place, value

    def _enter(self, array: Any, kind: str, place: Any) -> RecordingArray:
        made = self._tape.enter(array, kind, place)
        self._given.append(made)
        return made

    def shared(self, value: Any) -> Place | None:
        """The first place where this tuple stands, if something in it changes from call to call."""
        return self._first.get(id(value))

    def varies(self, item: Any, place: Place, path: tuple[int, ...]) -> bool:
        """Whether something at a place, or in a tuple there, is another from call to call."""
        if not {(place.identity(), key) for key in (path, "list", "unseen")}.isdisjoint(self.volatile):
            return True
        return type(item) is tuple and any(self.varies(x, place, (*path, i)) for i, x in enumerate(item))

    def leave(self) -> list[tuple[Place, Any, Any]]:
        """Put everything back; returns what the function changed: where, from what, to what (still recording)."""
        changes = []
        self._globals.leave()
        for place, value, made in self._entered:
            try:
                now = place.get()
            except (KeyError, ValueError, IndexError):
                changes.append((place, value, _GONE))
                continue
            if now is made:
                if made is not value:
                    place.set(value)
            else:
                changes.append((place, value, now))
        return changes

    def clean(self, changes: list[tuple[Place, Any, Any]], restored: Any = plain) -> None:
        """Leave no recording arrays in what the function changed, as ``restored`` makes of what stands there."""
        for place, _, now in changes:
            if now is not _GONE:
                place.set(restored(now))
        lost = {id(place.container) for place, _, now in changes if now is _GONE}
        lost |= {id(thing) for thing, was in self.sets if thing != was}
        for container, size in self.containers:
            if len(container) != size or id(container) in lost:
                mend(container, restored)

    def looked_at(self, restored: Any = plain) -> str | None:
        """The name of a container that the function looked at though it changes from call to call: it no longer may."""
        found = [place for place, made in self._unseen if made._used]
        self.history.settle([(place.identity(), "unseen") for place in found])
        for place in found:
            mend(place.get(), restored)
        return found[0].name if found else None

    def put_back(self) -> None:
        """Undo what the function did to such containers."""
        for _, made in self._unseen:
            made.restore()

    def altered(self) -> str | None:
        """What the function changed that no program could change."""
        holds = [eval(text.format("thing"), {"thing": thing}) == was for thing, text, was in self.contents]
        changed = [thing for (thing, _, _), same in zip(self.contents, holds, strict=True) if not same]
        changed += [thing for thing, was in self.steps if state_of(thing) != was]
        changed += [thing for thing, was in self.sets if len(thing) == len(was) and thing != was]
        self.contents = [item for item, same in zip(self.contents, holds, strict=True) if same]
        if changed:
            return f"a {type(changed[0]).__name__} is changed, by no call of NumPy"
        return None

    def grown(self) -> str | None:
        """What has grown: which container has more or fewer entries than before, or in which slot something stands."""
        for container, size in self.containers:
            if len(container) != size:
                name = next((place.name for place, value in self.places if value is container), "")
                kind = f"a {type(container).__name__}"
                return f"{f'{name}, {kind},' if name else kind} that had {size} entries has {len(container)}"
        return next((f"{place.name} is set" for place in self.unset if hasattr(place.container, place.key)), None)


_GONE = object()
