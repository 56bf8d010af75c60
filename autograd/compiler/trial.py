"""The trial: a program is trusted only after one of its runs was compared with the function itself.

A recording sees NumPy calls. What a function computes in C code that left NumPy's protocols, draws from a clock or
takes from an iterator would be a constant of the program. So at the next call with the same signature both run: the
program, whose effects are put back, and then the function, whose results count.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import clock
from ..engine.ownership import owner_of
from ..engine.sweep import sweep
from ..errors import GradientError
from .backup import arrays_in, now
from .comparing import Copy, array_difference, difference, frozen
from .graded import ProgramOp
from .interrupts import surely
from .places import Place
from .program import Program, numbers_of, reads_of
from .reach import Reach
from .trees import Given, is_record
from .values import Value

__all__ = ["Samples", "Trial"]

PATIENCE = 100
"""After as many calls arrays in reach that were always the same are taken to be constants."""


class Samples:
    """Of the arrays that a function is given, and of those in its reach: what tells whether they are others later."""

    def __init__(self, reach: Reach, arguments: Any) -> None:
        self.arguments = [sample(array) for array in arrays_in(arguments)]
        arrays = {id(v): v for _, v in reach.places if isinstance(v, np.ndarray) and v.dtype.kind in "biufc"}
        self.states = [(array, sample(array)) for array in arrays.values()]


class _Outcome(NamedTuple):
    """What a run of the program gave and left, as frozen trees.

    Attributes:
        results: what it returned; parents: what these are differentiated by; gradients: theirs.
        places, arrays, draws: what a stage looked like.
    """

    results: Any
    parents: list[Any]
    gradients: Any
    places: list[Any]
    arrays: list[Any]
    draws: list[Any]


class _Stage:
    """What a program may change: some arrays, places, and the random generators among its arguments."""

    def __init__(self, arrays: list[Any], places: list[Place], values: tuple[Any, ...]) -> None:
        self.arrays, self._places, self._values = arrays, places, values
        self.identities = {place.identity() for place in places}
        self._generators = [value.bit_generator for value in values if isinstance(value, np.random.Generator)]
        self._before = self._arrays_and_draws()
        self._kept = [now(place) for place in places]

    def _arrays_and_draws(self) -> tuple[list[Any], list[Any]]:
        return [array.copy() for array in self.arrays], [generator.state for generator in self._generators]

    def again(self) -> _Stage:
        """The same arrays, places and generators as they are now."""
        return _Stage(self.arrays, self._places, self._values)

    def outcome(self, ran: Any) -> _Outcome:
        """What the program, which returned this, gave and left."""
        results = frozen(ran)
        parents, gradients = _own_gradients(results)
        return _Outcome(
            results, parents, gradients, [frozen(now(place)) for place in self._places], *self._arrays_and_draws()
        )

    def put_back(self) -> None:
        """Make everything what it was before the program ran."""
        for place, value in zip(self._places, self._kept, strict=True):
            if now(place) is not value:
                place.set(value)
        arrays, states = self._before
        for array, values in zip(self.arrays, arrays, strict=True):
            array[...] = values
        for generator, state in zip(self._generators, states, strict=True):
            generator.state = state

    def differences(
        self, left: _Outcome, shaken: _Outcome, owners: set[int], digits: str, of_array: Callable[..., str | None]
    ) -> Iterator[str | None]:
        """In what each of these, as the program left it, differs from what it is now; None if it does not."""
        for place, ran, other in zip(self._places, left.places, shaken.places, strict=True):
            yield difference(place.name, ran, now(place), owners, digits, other)
        for ran, array, other in zip(left.arrays, self.arrays, shaken.arrays, strict=True):
            yield of_array(ran, array, other)
        for generator, state in zip(self._generators, left.draws, strict=True):
            yield None if generator.state == state else "the state of a random generator"


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
        self._adds_by_blocks = parts[0].emitter.adds_by_blocks
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
        """Run the program, put back what it changed, and run the function; what they differ in is the ``verdict``."""
        self.done = False
        given = [value for value in values if isinstance(value, np.ndarray)]
        stage = _Stage(self._states(given), self._places_of_effects(values), values)
        kept = [(place, now(place)) for place, _ in self._places]
        unwritten = [(place.name, array, _sum(array)) for place, array in self._others(stage.arrays)]
        failure = ran = None
        try:
            try:
                ran = self._step(*values)
                if getattr(ran, "__class__", None) is object:  # the program deviated: it has put all back
                    return ran
            except Exception as error:  # noqa: BLE001 (whatever it is, the function decides)
                failure = error
            left = stage.outcome(ran)
        finally:
            surely(stage.put_back)
        true = self.function()
        self.done = True
        if failure is not None:
            self.verdict = f"the program raised {type(failure).__name__}: {failure}"
        elif sizes := [c for c, size in self._containers if len(c) != size]:
            self.verdict = f"a {type(sizes[0]).__name__} grew or shrank"
        else:
            others = [array for _, array, _ in unwritten]
            owners = {id(owner_of(array)) for array in [*stage.arrays, *given, *others]}
            found = [f"{name} was written" for name, array, old in unwritten if _sum(array) != old]
            known = stage.identities
            found += [f"{p.name} changed" for p, v in kept if p.identity() not in known and not _same(now(p), v)]
            self.verdict = found[0] if found else self._off(stage, left, left, true, owners)
            if self.verdict is not None and not found and not self._adds_by_blocks:
                shaken = self._shaken(values, stage, [*given, *others])
                self.verdict = self._off(stage, left, shaken or left, true, owners)
        return true

    def _off(self, stage: _Stage, left: _Outcome, shaken: _Outcome, true: Any, owners: set[int]) -> str | None:
        """In what the program's outcome differs from the function's, which has just run; None if it does not.

        What numbers that cancel leave is rounding. How much that is ``shaken`` tells, another outcome.
        """
        found = difference("the result", left.results, true, owners, self._digits, shaken.results)
        found = found or next(filter(None, stage.differences(left, shaken, owners, self._digits, self._of_state)), None)
        nodes = [tensor._node for tensor in _counterparts(left.results, true)]
        gradients = _gradients(nodes, left.parents)
        return found or difference("the gradient", left.gradients, gradients, set(), shaken=shaken.gradients)

    @property
    def rounding(self) -> list[str]:
        """The passes by which last digits may differ from the function's, that have done something."""
        return [name for part in self._parts for name in part.emitter.rounding]

    def _shaken(self, values: tuple[Any, ...], stage: _Stage, others: list[Any]) -> _Outcome | None:
        """The program's outcome if the arrays that it begins with are rounded otherwise; None if it has none.

        All becomes again what the function left.
        """
        after = stage.again()
        arrays = {id(array): array for array in (*stage.arrays, *others) if array.flags.writeable}
        floats = [array for array in arrays.values() if array.dtype.kind in "fc"]
        copies = [array.copy() for array in floats]

        def put_back() -> None:
            for array, copy in zip(floats, copies, strict=True):
                array[...] = copy
            after.put_back()

        try:
            stage.put_back()
            _shake(floats)
            ran = self._step(*values)
            return None if getattr(ran, "__class__", None) is object else stage.outcome(ran)
        except Exception:  # noqa: BLE001 (then nothing is known of rounding)
            return None
        finally:
            surely(put_back)

    def _places_of_effects(self, values: tuple[Any, ...]) -> list[Place]:
        """Where the program leaves what; in arguments of this call, which are the last of ``values``."""
        given = self._parts[0].emitter.given
        arguments = {argument.text: values[i - len(given)] for i, argument in enumerate(given)}
        return [
            Place(p.kind, arguments[p.container.text], p.key, p.name) if type(p.container) is Given else p
            for p in self._effects
        ]

    def _of_state(self, ran: Any, true: Any, shaken: Any) -> str | None:
        found = array_difference("what it writes in place", ran, true, shaken)
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


def _own_gradients(results: Any) -> tuple[list[Any], Any]:
    """What the outputs of a program are differentiated by, and their gradients.

    These are taken at once: the function's run writes again what was saved for them.
    """
    nodes = [output.tensor._node for output in _outputs(results)]
    made = {getattr(node, "source", node) for node in nodes}
    parents = [parent for node in made for parent in node.parents if parent is not None]
    return parents, frozen(_gradients(nodes, parents))


def _outputs(copies: Any) -> Iterator[Copy]:
    """The outputs of a program that require grad, among its results."""
    if isinstance(copies, Copy):
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
    if is_record(true):
        true = vars(true)
    if isinstance(copies, Copy):
        if copies.tensor is not None and copies.tensor._node is not None and copies.tensor is not true:
            yield true
    elif isinstance(copies, list) and isinstance(true, (list, tuple)):
        for a, b in zip(copies, true, strict=False):
            yield from _counterparts(a, b)
    elif isinstance(copies, dict) and isinstance(true, dict):
        for key in copies:
            if key in true:
                yield from _counterparts(copies[key], true[key])


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


@np.errstate(all="ignore")  # infinity, and the largest numbers
def _shake(arrays: list[Any]) -> None:
    """Change some numbers of arrays by the last of their digits, up or down."""
    draws = np.random.default_rng(0)
    for array in arrays:
        array *= 1 + np.finfo(array.dtype).eps * draws.integers(-1, 2, array.shape).astype(array.dtype)


def sample(array: Any) -> int:
    """A number that is another for another array, as good as surely, if many elements differ."""
    flat = array.reshape(-1, order="A") if array.flags.forc else array.flat
    return hash(flat[:: max(1, array.size // 512)].tobytes()) if array.size else 0


def _sum(array: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data) if array.size else 0
