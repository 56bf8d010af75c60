"""``compile``: records a function once, and from then on runs the program instead, while it holds."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar, overload

import numpy as np

from ..engine.callsite import warn
from ..engine.modes import local
from ..engine.nodes import Handle
from .creators import creators_watched
from .emit import DEVIATED, Emitter
from .guards import MISSED, Guards
from .numbers import Number
from .passes import run_passes
from .program import Program
from .reach import Effect, Reach, tree_of
from .recording import Tape, UnrecordableError

__all__ = ["CompileError", "Compiled", "compile"]

F = TypeVar("F", bound=Callable[..., Any])
MAX_RECORDINGS = 16
"""More recordings of one function than this are a sign that something in it changes at every call."""


class CompileError(RuntimeError):
    """A function that must be compiled whole (``fullgraph=True``) cannot be."""


class Compiled:
    """A function that runs as a program of NumPy calls.

    Attributes:
        source: the program that ran last, as Python text.
        recordings: how often the function was recorded.
    """

    def __init__(
        self, function: Callable[..., Any], fullgraph: bool, dynamic: bool, reuse_outputs: bool, passes: Any
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self._fullgraph = fullgraph
        self._dynamic = dynamic
        self._reuse_outputs = reuse_outputs
        self._passes = passes
        self._volatile: set[Any] = set()
        self._versions: list[_Version] = []
        self._lock = threading.Lock()
        self._given_up: str | None = None
        self._reason: str | None = None
        self.recordings = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._given_up is not None or not self._lock.acquire(blocking=False):
            return self.function(*args, **kwargs)
        try:
            for version in self._versions:
                result = version.run(args, kwargs)
                if result is MISSED or result is DEVIATED:
                    continue
                if version is not self._versions[0]:
                    self._versions.remove(version)
                    self._versions.insert(0, version)
                return result
            if self.recordings >= MAX_RECORDINGS:
                self._give_up(self._reason or "something in it differs at every call")
                return self.function(*args, **kwargs)
            return self._record(args, kwargs)
        finally:
            self._lock.release()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"<compiled {name}: {len(self._versions)} programs, recorded {self.recordings} times>"

    @property
    def source(self) -> str:
        """The program that ran last, as Python text; before the first there is none."""
        return self._versions[0].emitter.source if self._versions else ""

    def _give_up(self, reason: str) -> None:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        if self._fullgraph:
            raise CompileError(f"compile: {name} cannot be compiled whole: {reason}")
        self._given_up = reason
        warn(f"compile: {name} runs as it is, uncompiled: {reason}")

    # ---- recording ---------------------------------------------------------------------------------------------------

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the function for real, on recording arrays, and make a program of what it did."""
        self.recordings += 1
        tape = Tape()
        reach = Reach(self.function, self._volatile)
        guards = Guards(self.function, args, kwargs, reach, tape, self._volatile)
        if guards.refusal is not None:
            self._give_up(guards.refusal)
            return self.function(*args, **kwargs)
        before = local.grad
        reach.enter(tape)
        trees: Any = None
        effects: list[Effect] | None = None
        finished = False
        made: dict[int, Any] = {}
        try:
            with creators_watched(tape):
                result = self.function(*guards.args, **guards.kwargs)
            finished = True
            try:
                trees = tree_of(result, tape, guards.known, "the result", made)
            except UnrecordableError as error:
                tape.escapes.append(str(error))
        finally:
            changes = reach.leave()
            if finished:
                effects = self._effects(changes, tape, guards, reach, made)
            reach.clean(changes)
            tape.open = False
        result = guards.returned(result)
        self._reason = tape.unsure
        if tape.escapes:
            self._give_up(tape.escapes[0])
        elif effects is not None and tape.unsure is None and local.grad is before:
            self._make(tape, effects, trees, guards)
        return result

    def _effects(
        self, changes: Any, tape: Tape, guards: Any, reach: Reach, made: dict[int, Any]
    ) -> list[Effect] | None:
        """What the function left where; None if the next recording will know more."""
        effects = []
        again = reach.grown() is not None
        for place, old, new in changes:
            if self._is_new_state(place, old, new):
                again = True
                continue
            again |= self._mark(place, old, new, ())
            try:
                effects.append(Effect(place, tree_of(new, tape, guards.known, place.name, made)))
            except UnrecordableError as error:
                tape.escapes.append(f"{place.name} was changed: {error}")
        return None if again else effects

    def _is_new_state(self, place: Any, old: Any, new: Any) -> bool:
        """Whether something was put into a container for good, as an optimizer's state is at its first step."""
        return place.key != "_grad" and not isinstance(new, (Handle, np.ndarray, Number, tuple)) and not _is_plain(new)

    def _mark(self, place: Any, old: Any, new: Any, path: tuple[int, ...]) -> bool:
        """Note the numbers and arrays that change from call to call; whether there are any that were not known."""
        if type(old) is tuple and type(new) is tuple and len(old) == len(new):
            return any(self._mark(place, a, b, (*path, i)) for i, (a, b) in enumerate(zip(old, new, strict=True)))
        if type(old) in (int, float) and type(new) in (int, float) and old != new:
            self._volatile.add((place.identity(), path))
            return True
        return False

    def _make(self, tape: Tape, effects: list[Effect], trees: Any, guards: Any) -> None:
        program = Program(tape, effects, trees)
        run_passes(program, self._passes)
        name = getattr(self.function, "__name__", type(self.function).__name__)
        emitter = Emitter(program, name, guards.inputs(program), self._reuse_outputs)
        step = emitter.build()
        self._versions.insert(0, _Version(emitter, guards.write(step, emitter)))


class _Version:
    """A program with its guards."""

    def __init__(self, emitter: Emitter, run: Callable[[Any, Any], Any]) -> None:
        self.emitter = emitter
        self.run = run


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, str, np.generic))


@overload
def compile(function: F) -> F: ...
@overload
def compile(
    function: None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool = False,
    reuse_outputs: bool = False,
    passes: Any = None,
) -> Callable[[F], F]: ...
def compile(
    function: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool = False,
    reuse_outputs: bool = False,
    passes: Any = None,
) -> Any:
    """Compile a function, such as a whole training step, into a straight program of NumPy calls.

    The first calls run the function as it is and write down every NumPy call. Later ones run these calls alone, into
    buffers that are made once: no Tensors, no graph, no Python of yours. The program holds while the arguments have
    the same shapes and dtypes, and numbers, flags and objects that the function can reach are the same; else the
    function is recorded anew. Numbers that change from call to call (step counts, learning rates) become arguments.

    Args:
        function: of Tensors and arrays. What it does besides computing (printing, appending to lists) is done only
            while it is recorded. Without it, a decorator.
        fullgraph: raise if there can be no program, instead of running the function as it is.
        dynamic: for PyTorch's sake; only False.
        reuse_outputs: the arrays returned may be overwritten by the next call: saves making them.
        passes: names of the passes to run (default: all), see ``autograd.compiler.passes``.

    Returns:
        A function of the same arguments, with ``source``, the program's text.

    Raises:
        CompileError: with ``fullgraph``, and says at which line.

    >>> import autograd
    >>> @autograd.compile
    ... def f(x):
    ...     return (x * 2 + 1).tanh()
    >>> f(autograd.zeros(2))
    tensor([0.7616, 0.7616])
    >>> f(autograd.ones(2))
    tensor([0.9951, 0.9951])
    """
    if dynamic:
        raise NotImplementedError("compile: dynamic=True is not supported; each signature gets a program of its own")
    if function is None:
        return lambda made: Compiled(made, fullgraph, dynamic, reuse_outputs, passes)
    if not callable(function):
        raise TypeError(f"compile: expected a function, got {type(function).__name__}")
    return Compiled(function, fullgraph, dynamic, reuse_outputs, passes)
