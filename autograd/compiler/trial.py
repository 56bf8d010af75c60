"""The trial: a program is trusted only after one of its runs was compared with the function itself.

A recording sees NumPy calls. What a function computes in C code that left NumPy's protocols, draws from a clock or
takes from an iterator would be a constant of the program. So at the next call with the same signature both run: the
program, whose effects are put back, and then the function, whose results count.
"""

from __future__ import annotations

import collections
import copy
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.mutation import clock
from ..engine.nodes import Handle
from ..engine.ownership import owner_of
from ..engine.sweep import sweep
from ..errors import GradientError
from .graded import ProgramOp
from .interrupts import surely
from .places import Place
from .program import Program, numbers_of, reads_of
from .reach import Reach
from .trees import Given, is_record
from .values import Value

__all__ = ["Backup", "Samples", "Trial", "difference"]

_TOLERANCES = {"float16": 1e-2, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}
_MISSING = object()


PATIENCE = 100
"""After as many calls arrays in reach that were always the same are taken to be constants."""


class _Copy:
    """What a Tensor or array was, and whose memory it lies in."""

    def __init__(self, array: Any, tensor: Any) -> None:
        self.owner = id(owner_of(array))
        self.array = array.copy()
        self.tensor = tensor


def _frozen(tree: Any) -> Any:
    """A tree with copies in the places of arrays."""
    if isinstance(tree, Handle):
        return _Copy(np.asarray(tree._data), tree)
    if isinstance(tree, np.ndarray):
        return _Copy(tree, None)
    if isinstance(tree, (tuple, list)):
        return [_frozen(item) for item in tree]
    return {key: _frozen(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def difference(name: str, ran: Any, true: Any, owners: set[int], digits: str = "float64") -> str | None:
    """In what a frozen tree of the program differs from the function's; None if it does not.

    ``digits`` is the dtype of the arrays out of which Python's numbers were read.
    """
    if isinstance(true, (tuple, list)):
        if not isinstance(ran, list) or len(ran) != len(true):
            return f"{name}: another number of items"
        pairs = [(f"{name}[{i}]", a, b) for i, (a, b) in enumerate(zip(ran, true, strict=True))]
    elif isinstance(true, dict):
        if not isinstance(ran, dict) or list(ran) != list(true):
            return f"{name}: other keys"
        pairs = [(f"{name}[{key!r}]", ran[key], true[key]) for key in true]
    else:
        return _of_leaf(name, ran, true, owners, digits)
    return next((found for pair in pairs if (found := difference(*pair, owners, digits))), None)


def _of_leaf(name: str, ran: Any, true: Any, owners: set[int], digits: str) -> str | None:
    if not isinstance(true, (Handle, np.ndarray)):
        if isinstance(ran, _Copy) or type(ran) is not type(true):
            return f"{name} is {type(true).__name__}, and {type(ran).__name__} in the program"
        if isinstance(true, (float, complex, np.inexact)):
            dtype = digits if type(true) is float else None
            with np.errstate(over="ignore"):
                return array_difference(name, np.asarray(ran, dtype), np.asarray(true, dtype))
        return None if ran is true or ran == true else f"{name} is {true!r}, and {ran!r} in the program"
    if not isinstance(ran, _Copy) or (isinstance(true, Handle) and type(ran.tensor) is not type(true)):
        return f"{name} is {type(true).__name__}, and something else in the program"
    if isinstance(true, Handle) and (ran.tensor._node is None) is not (true._node is None):
        return f"whether {name} requires grad"
    array = np.asarray(true._data) if isinstance(true, Handle) else true
    owner = id(owner_of(array))
    if owner != ran.owner and (owner in owners or ran.owner in owners):
        return f"{name} shares memory with something else in the program"
    return array_difference(name, ran.array, array)


def array_difference(name: str, ran: Any, true: Any) -> str | None:
    """In what an array differs from what it should be, beyond rounding; None if it does not."""
    if ran.shape != true.shape or ran.dtype != true.dtype:
        return f"{name} has shape {true.shape} and dtype {true.dtype}, in the program {ran.shape} and {ran.dtype}"
    tolerance = _TOLERANCES.get(str(true.dtype))
    if tolerance is None or not true.size:
        equal = ran.tobytes() == true.tobytes() or bool(np.all((ran == true) | ((ran != ran) & (true != true))))
        return None if equal else f"{name} has other values"
    with np.errstate(all="ignore"):
        finite = np.isfinite(true)
        same = (ran == true) | (np.isnan(ran) & np.isnan(true)) if not finite.all() else finite
        if not np.where(finite, True, same).all() or not np.array_equal(np.isfinite(ran), finite):
            return f"{name} has other infinite or missing values"
        off = np.abs(np.where(finite, ran, 0) - np.where(finite, true, 0)).max()
        scale = np.abs(np.where(finite, true, 0)).max()
    if off <= tolerance * max(scale, np.finfo(true.dtype).tiny):
        return None
    return f"{name} differs by {off:.3g} (of at most {scale:.3g})"


class Backup:
    """What a function can reach, as it was before a call, for a call that fails.

    Args:
        reach: what the function can reach.
        arguments: of the call.
    """

    def __init__(self, reach: Reach, arguments: Any) -> None:
        self._reach = reach
        self._places = list(reach.places)
        self._contents = [(thing, copy.copy(thing)) for thing, _ in reach.containers]
        self._classes = [(thing, type(thing)) for thing in reach._keep]
        owners: dict[int, Any] = {}
        kept = [array for _, value in reach.places for array in _arrays_at(value)]
        for array in (*kept, *arrays_in(arguments)):
            if array.flags.writeable and array.dtype.kind in "biufc":
                owner = owner_of(array)
                owners.setdefault(id(owner), owner if owner.flags.writeable else array)
        self._arrays = [(array, array.copy()) for array in owners.values()]
        things = (*[value for _, value in reach.places], *_things_in(arguments))
        streams = {id(v): v for v in things if isinstance(v, np.random.Generator)}
        self._streams = [(stream.bit_generator, stream.bit_generator.state) for stream in streams.values()]

    def restore(self) -> None:
        """Put all back."""
        self._reach.put_back()
        for thing, kind in self._classes:
            if type(thing) is not kind:  # a lazy module became another
                thing.__class__ = kind
        for thing, was in self._contents:
            if len(thing) != len(was) and hasattr(thing, "clear"):
                thing.clear()
                (thing.extend if isinstance(thing, (list, collections.deque)) else thing.update)(was)
        for place, value in self._places:
            if _now(place) is not value and place.kind != "link":
                place.set(value)
        for array, values in self._arrays:
            array[...] = values
        for generator, state in self._streams:
            generator.state = state


def arrays_in(tree: Any) -> Iterator[Any]:
    """The arrays inside nested tuples, lists, dicts and dataclasses, those of Tensors too."""
    for thing in _things_in(tree):
        array = thing._data if isinstance(thing, Handle) else thing
        if isinstance(array, np.ndarray):
            yield array


def _things_in(tree: Any) -> Iterator[Any]:
    """What is inside nested tuples, lists, dicts and dataclasses."""
    if isinstance(tree, (tuple, list)):
        for item in tree:
            yield from _things_in(item)
    elif isinstance(tree, dict) or is_record(tree):
        yield from _things_in(list((tree if isinstance(tree, dict) else vars(tree)).values()))
    else:
        yield tree


def _arrays_at(value: Any) -> Iterator[Any]:
    """The arrays that a place keeps itself: what is in other containers has places of its own."""
    if isinstance(value, tuple):
        for item in value:
            yield from _arrays_at(item)
    elif isinstance(value, (Handle, np.ndarray)):
        yield from arrays_in(value)


class Samples:
    """Of the arrays that a function is given, and of those in its reach: what tells whether they are others later."""

    def __init__(self, reach: Reach, arguments: Any) -> None:
        self.arguments = [sample(array) for array in arrays_in(arguments)]
        arrays = {id(v): v for _, v in reach.places if isinstance(v, np.ndarray) and v.dtype.kind in "biufc"}
        self.states = [(array, sample(array)) for array in arrays.values()]


class Trial:
    """Takes the place of a program's ``step`` until one of its runs was compared with the function.

    Args:
        program: the program.
        parts: what runs it, and what runs its backward if it has one; told by ``compared`` when they are.
        reach: what the function can reach.
        first: samples of the arrays of the recorded call.

    A program with constants among its arrays can be one in which something was computed that the recording did not see,
    of arguments or of the state. So it stays on trial until each of these was another than when it was recorded. While
    they are the same, and nothing was overwritten, it runs alone.

    Attributes:
        function: to be called for comparison, arguments: of the call; set for each call.
        done: whether they were compared; verdict: in what they differ, or None.
        conclusive: whether no further comparison is needed.
        compares: whether the last run was compared, so that what the program changed was put back.
    """

    def __init__(self, program: Program, parts: list[Any], reach: Reach, first: Samples) -> None:
        self._step, self._parts = parts[0], parts
        self._seen: dict[int, int] = {}
        self._states_seen: list[tuple[Any, int]] = []
        self._last: list[int] | None = None
        self._time = -1
        self._calls = 0
        if _has_constants(program):
            self._seen = dict(enumerate(first.arguments))
            self._states_seen = first.states
        self._effects = [effect.place for effect in program.effects]
        self._digits = _digits(program)
        targets = [(item.target.storage, item.line) for item in program.instructions() if item.target is not None]
        self._lines = [(storage.array, line) for storage, line in targets if storage.is_given]
        self._roots = list({id(array): array for array, _ in self._lines}.values())
        self._places = [(place, None if place.key == "_grad" else value) for place, value in reach.places]
        self._containers = reach.containers
        self.function: Callable[[], Any] = lambda: None
        self.arguments: Any = ()
        self.verdict: str | None = None
        self.done = self.conclusive = self.compares = False

    def __call__(self, *values: Any) -> Any:
        """Run both; returns what the function returned."""
        arguments = list(arrays_in(self.arguments)) if self._seen else []
        samples = [sample(arguments[i]) for i in self._seen]
        time = clock.now
        if self._states_seen and time != self._time:
            samples += [sample(array) for array, _ in self._states_seen]
        else:
            samples += (self._last or [])[len(samples) :]
        self._calls += 1
        self.compares = False
        if self._last == samples:  # nothing that was not compared before
            self._time = time
            if self._calls > PATIENCE:
                self._states_seen, self._last = [], samples[: len(self._seen)]
                self.conclusive = not self._seen
            return self._step(*values)
        for part in self._parts:
            part.compared = True
        self.compares = True
        try:
            true = self._compare(values)
        finally:
            for part in self._parts:
                part.compared = False
        if self.done and self.verdict is None:
            self._time = time
            now = dict(zip(self._seen, samples, strict=False))
            pairs = list(zip(self._states_seen, samples[len(now) :], strict=True))
            self._seen = {i: was for i, was in self._seen.items() if now[i] == was}
            self._states_seen = [(array, was) for (array, was), new in pairs if new == was]
            self.conclusive = not self._seen and not self._states_seen
            self._last = [*self._seen.values(), *[was for _, was in self._states_seen]]
        return true

    def _compare(self, values: tuple[Any, ...]) -> Any:
        self.done = False
        given = [value for value in values if isinstance(value, np.ndarray)]
        states = self._states(given)
        places = self._places_of_effects(values)
        effects = {place.identity() for place in places}
        before = [(place, _now(place)) for place in (*[place for place, _ in self._places], *places)]
        copies = [array.copy() for array in states]
        streams = [value.bit_generator for value in values if isinstance(value, np.random.Generator)]
        draws = [(generator, generator.state) for generator in streams]
        others = {id(array): (place.name, array, _sum(array)) for place, array in self._others(states)}
        failure = ran = None

        def put_back() -> None:
            for place, value in before:
                if place.identity() in effects and _now(place) is not value:
                    place.set(value)
            for array, values_before in zip(states, copies, strict=True):
                array[...] = values_before
            for generator, state in draws:
                generator.state = state

        try:
            try:
                ran = self._step(*values)
                if getattr(ran, "__class__", None) is object:  # the program deviated: it has put all back
                    return ran
            except Exception as error:  # noqa: BLE001 (whatever it is, the function decides)
                failure = error
            results = _frozen(ran)
            gradients = _own_gradients(results)
            left = [_frozen(_now(place)) for place in places]
            wrote = [array.copy() for array in states]
            drew = [generator.state for generator, _ in draws]
        finally:
            surely(put_back)
        true = self.function()
        self.done = True
        owners = {id(owner_of(array)) for array in [*states, *given]} | {id(owner_of(a)) for _, a, _ in others.values()}
        if failure is not None:
            self.verdict = f"the program raised {type(failure).__name__}: {failure}"
        elif sizes := [c for c, size in self._containers if len(c) != size]:
            self.verdict = f"a {type(sizes[0]).__name__} grew or shrank"
        else:
            found = [difference("the result", results, true, owners, self._digits)]
            pairs = zip(places, left, strict=True)
            found += [difference(p.name, a, _now(p), owners, self._digits) for p, a in pairs]
            found += [self._of_state(a, b) for a, b in zip(wrote, states, strict=True)]
            found += ["the state of a random generator"] * any(
                g.state != s for (g, _), s in zip(draws, drew, strict=True)
            )
            found += [f"{name} was written" for name, array, old in others.values() if _sum(array) != old]
            found += [f"{p.name} changed" for p, v in before if p.identity() not in effects and not _same(_now(p), v)]
            found += [self._of_gradients(results, gradients, true)]
            self.verdict = next((text for text in found if text), None)
        return true

    def _places_of_effects(self, values: tuple[Any, ...]) -> list[Place]:
        """Where the program leaves what; in arguments of this call, which are the last of ``values``."""
        given = self._parts[0].emitter.given
        arguments = {argument.text: values[i - len(given)] for i, argument in enumerate(given)}
        return [
            Place(p.kind, arguments[p.container.text], p.key, p.name) if type(p.container) is Given else p
            for p in self._effects
        ]

    def _of_state(self, ran: Any, true: Any) -> str | None:
        found = array_difference("what it writes in place", ran, true)
        line = next((line for root, line in self._lines if root is owner_of(true)), "") if found else ""
        return f"{found} at {line}" if line else found

    def _states(self, given: list[Any]) -> list[Any]:
        """The arrays that the program may write: of those at places their owners, of arguments what was given."""
        found = {id(array): array for array in self._roots}
        for array in given:
            if array.flags.writeable and id(owner_of(array)) not in found:
                found[id(array)] = array
        arguments = {id(array) for array in given}
        return [array for array in found.values() if array.flags.writeable or id(array) in arguments]

    def _others(self, states: list[Any]) -> Iterator[tuple[Any, Any]]:
        known = {id(owner_of(array)) for array in states}
        for place, value in self._places:
            if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and id(owner_of(value)) not in known:
                yield place, value

    def _of_gradients(self, results: Any, own: tuple[list[Any], Any], true: Any) -> str | None:
        """Compare the gradients of outputs that require grad: of the program's, which are known, and the function's."""
        parents, found = own
        nodes = [tensor._node for tensor in _counterparts(results, true)]
        return difference("the gradient", found, _gradients(nodes, parents), set())


def _own_gradients(results: Any) -> tuple[list[Any], Any]:
    """What the outputs of a program are differentiated by, and their gradients.

    These are taken at once: the function's run writes again what was saved for them.
    """
    nodes = [output.tensor._node for output in _outputs(results)]
    made = {getattr(node, "source", node) for node in nodes}
    parents = [parent for node in made for parent in node.parents if parent is not None]
    return parents, _frozen(_gradients(nodes, parents))


def _outputs(copies: Any) -> Iterator[_Copy]:
    """The outputs of a program that require grad, among its results."""
    if isinstance(copies, _Copy):
        node = None if copies.tensor is None else copies.tensor._node
        if isinstance(getattr(getattr(node, "source", node), "op", None), ProgramOp):
            yield copies
    elif isinstance(copies, (list, dict)):
        for inner in copies.values() if isinstance(copies, dict) else copies:
            yield from _outputs(inner)


def _gradients(nodes: list[Any], parents: list[Any]) -> list[Any]:
    """The gradients of the sum of all elements at some nodes, or what went wrong."""
    if not (nodes and parents):
        return []  # by what the function made itself nothing can be differentiated later
    try:
        seeds = [np.ones(node.shape, node.dtype) for node in nodes]
        found = sweep(nodes, seeds, targets=parents, retain=True, ends=parents)  # hooks there are the user's
    except GradientError as error:
        return [type(error).__name__]
    return [found[parent] for parent in parents]


def _counterparts(copies: Any, true: Any) -> Iterator[Any]:
    """The function's Tensors in the places where the program's results, of which these are copies, require grad."""
    if isinstance(copies, _Copy):
        if copies.tensor is not None and copies.tensor._node is not None and copies.tensor is not true:
            yield true
    elif isinstance(copies, list) and isinstance(true, (list, tuple)):
        for a, b in zip(copies, true, strict=False):
            yield from _counterparts(a, b)
    elif isinstance(copies, dict) and isinstance(true, dict):
        for key in copies:
            if key in true:
                yield from _counterparts(copies[key], true[key])


def _now(place: Any) -> Any:
    try:
        return place.get()
    except (LookupError, ValueError, AttributeError):
        return _MISSING


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (bool, int, float, complex, str, tuple)) and bool(a == b))


def _has_constants(program: Program) -> bool:
    """Whether arrays of the recording are in the program, which may have come from anywhere."""
    values = [value for item in program.items for value in reads_of(item)]
    return any(v.storage.kind == "constant" and not v.storage.own for v in (*values, *program.given()))


def _digits(program: Program) -> str:
    """The narrowest floating dtype of the arrays out of which the numbers that a program gives were read."""
    numbers = numbers_of([program.results, *[effect.tree for effect in program.effects]])
    read = {str(part.dtype) for number in numbers for part in number.parts if type(part) is Value}
    return next((dtype for dtype in ("float16", "float32") if dtype in read), "float64")


def sample(array: Any) -> int:
    """A number that is another for another array, as good as surely, if many elements differ."""
    if not isinstance(array, np.ndarray):
        array = np.asarray(array)
    flat = array.reshape(-1, order="A") if array.flags.forc else array.flat
    return hash(flat[:: max(1, array.size // 512)].tobytes()) if array.size else 0


def _sum(array: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data) if array.size else 0
