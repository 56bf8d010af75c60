"""One recording of a function, and the program that comes of it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.modes import local
from ..engine.nodes import Handle, next_rank
from ..engine.quiet import quietly, silence
from .accelerated import KernelEmitter, in_the_order_of, names_kept
from .backup import Backup
from .creators import creators_watched
from .emit import Emitter
from .graded import Graded, clean_graph, outputs_of
from .guards import PLAIN, Guards
from .history import History
from .interrupts import pass_on_interrupt, surely
from .left import Left
from .numbers import Number
from .passes import OTHERWISE_IN_KERNELS, PASSES, run_passes
from .places import LIBRARIES, first_imported
from .program import Program, calls_back, forget, reads_of
from .reach import Reach
from .recording import Tape
from .tails import code_of
from .trees import Effect, Slot, tree_of
from .trial import Samples, Trial
from .values import UnrecordableError, Value

__all__ = ["Options", "Session", "Version"]


class Options:
    """How a function is compiled: the arguments of ``compile``."""

    def __init__(
        self, fullgraph: bool, dynamic: bool, reuse_outputs: bool, passes: Any, verify: bool, backend: str = "numpy"
    ) -> None:
        self.fullgraph = fullgraph
        self.dynamic = dynamic
        self.reuse_outputs = reuse_outputs
        self.passes = passes
        self.verify = verify
        self.backend = backend
        if backend == "numba":
            self.passes = set(PASSES if passes is None else passes) - OTHERWISE_IN_KERNELS

    def without(self, names: Sequence[str]) -> Options:
        """The same, but for some passes."""
        chosen = set(PASSES if self.passes is None else self.passes) - set(names)
        return Options(self.fullgraph, self.dynamic, self.reuse_outputs, chosen, self.verify, self.backend)


class Version:
    """A program with its guards, or guards alone for a signature that has no program.

    Attributes:
        run: the function of ``args, kwargs`` that tests and calls the program.
        emitter: what wrote the program, or None.
        trial: what compares its first run with the function; None once it is trusted.
        calls_back: whether the program may call something of the user's.
    """

    def __init__(self, run: Callable[[Any, Any], Any], space: dict[str, Any], emitter: Any) -> None:
        self.run = run
        self.emitter = emitter
        self.backward: Any = None
        self.trial: Trial | None = None
        self.calls_back = True
        self._space = space

    def set_step(self, step: Callable[..., Any]) -> None:
        """What the guards call if the program holds."""
        self._space["step"] = step
        self._space["_call"] = quietly if self.calls_back or self.trial is not None else silence()

    def forked(self) -> None:
        """In the child of a fork the parent's other threads seem to be in the program still."""
        if "step" in self._space:
            self.set_step(self._space["step"])

    def trust(self) -> None:
        """Run the program alone from now on."""
        self.trial = None
        self.set_step(self.step)

    def refuse(self) -> None:
        """Run the function as it is, for this signature."""
        self.trial = None
        self.emitter = None
        self.set_step(lambda *values: PLAIN)

    step: Callable[..., Any]


class Session:
    """Runs a function on recording arrays and makes a program of what it did.

    Attributes:
        result: what the function returned.
        version: the program, or None.
        escapes: why there can be none; unsure: why there is none yet.
        line: at which line of the function a number left the record; 0 if it is not known.
    """

    def __init__(self, function: Any, options: Options, history: History) -> None:
        self._function = function
        self._options = options
        self._history = history
        self._volatile = history.volatile
        self.version: Version | None = None
        self.escapes: list[str] = []
        self.unsure: str | None = None
        self.line = 0
        self.result: Any = None

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Record one call."""
        self._tape = Tape()
        try:
            self._run(args, kwargs)
        finally:
            self._tape.clear()  # the garbage collector does not see that an array keeps the one it is a view of
            for name in ("_tape", "_guards", "_reach", "_graded", "_effects", "_left", "_made", "_failure"):
                self.__dict__.pop(name, None)

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tape = self._tape
        tape.code = code_of(self._function)
        self._history.begin()
        guards = self._guards = Guards(self._function, args, kwargs, self._history)
        reach = self._reach = Reach(self._function, self._history, guards.objects)
        tape.is_own = self._history.is_own
        backup = Backup(reach, (args, kwargs))
        self._samples = Samples(reach, (args, kwargs))
        modes = local.grad, local.observers, local.pack
        modules = set(sys.modules)
        trees = self._call(first_rank := next_rank())
        if self._failure is not None:
            backup.restore()
            self._run_plainly(args, kwargs)
            return
        self._left.look_at_containers()
        self.result = guards.returned(self.result)
        seen = reach.looked_at(guards.returned)
        clean_graph(guards, first_rank)
        if tape.needed is not None and self._history.changed is not None:
            self._history.changed += f"; {tape.needed} needs the number itself"
        if seen:
            self.unsure = f"{seen} changes from call to call, and is looked at"
            return
        imported = first_imported(modules)
        if altered := reach.altered():
            tape.escapes.append(altered)
        if any(stream.rewound for stream in tape.streams):
            tape.escapes.append("a random generator is set back")
        if not self._settles() and tape.escapes:
            self._refuse(tape.escapes, tape.stops[0] if tape.stops else 0)
        elif (
            imported
            or self._effects is None
            or tape.unsure is not None
            or (local.grad, local.observers, local.pack) != modes
        ):
            self.unsure = tape.unsure or self._why or imported or "the modes of recording were changed"
            self.line = -tape.last_line if reach.grown() else 0
        else:
            self._make(self._effects, trees)

    def _call(self, first_rank: int) -> Any:
        """Call the function on recording arrays, and find what it left where.

        Returns: the tree of its result; None if it raised ``_failure``.
        """
        guards, reach, tape = self._guards, self._reach, self._tape
        self._made: dict[int, Any] = {}
        self._left = Left(guards, reach, tape, self._made, self._history)
        self._graded: Graded | None = None
        self._effects: list[Effect] | None = None
        self._entered = False
        self._failure: Exception | None = None
        finished = False
        try:
            guards.enter(reach, tape)
            reach.enter(tape, guards.streams)
            guards.take_renewed()
            before = [(made, made._data, made._node, made._grad) for made, _, _ in guards.given]
            tape.gradients = [(tensor, tensor._grad) for tensor in reach.tensors if tensor._grad is not None]
            self._entered = True
            guards.refuse_computed()
            with creators_watched(tape):
                self.result = self._function(*guards.args, **guards.kwargs)
            finished = True
            tensors = outputs_of(self.result, guards.known)
            with creators_watched(tape):
                trees = self._read_result(tensors, first_rank)
            self._left.look_at_arguments(before, bool(tensors))
            self._left.look_at_others(bool(tensors))
        except Exception as error:
            if finished:
                raise
            pass_on_interrupt(error)
            self._failure = error
            return None
        finally:
            try:
                changes = reach.leave()
                if finished:
                    self._effects = self._find_effects(changes)
                reach.clean(changes, guards.returned)
            except BaseException:
                surely(lambda: reach.clean(reach.leave()))
                raise
            finally:
                tape.running = False
        return trees

    _why: str | None = None

    def _settles(self) -> bool:
        """Whether numbers left the record only where an optimizer laid out its state anew, not at each call."""
        only = self._tape.escaped == {("update", True)}
        self._history.settles = self._effects is None and only and not self._history.settles
        return self._history.settles

    def _run_plainly(self, args: Any, kwargs: Any) -> None:
        """Call the function as it is, after it failed on recording arrays: was that its own fault?"""
        failure = f"{type(self._failure).__name__}: {self._failure}"
        self.result = self._function(*args, **kwargs)
        if not self._entered:
            self.escapes.append(f"it cannot be recorded with these arguments ({failure})")
        elif self._reach.looked_at() or self._history.settle():
            self.unsure = failure
        else:
            self._refuse([f"it cannot be recorded ({failure}){_line_of(self._failure)}"], 0)

    def _refuse(self, escapes: list[str], line: int) -> None:
        self.escapes, self.line = escapes, line
        self.version = Version(self._guards.write(None), self._guards.space, None)

    def _read_result(self, tensors: list[Any], first_rank: int) -> Any:
        """The tree of the result; the backward of what requires grad is recorded."""
        tape, guards = self._tape, self._guards
        self._made.update({id(tensor): (Slot(i), tensor) for i, tensor in enumerate(tensors)})
        try:
            trees = tree_of(self.result, tape, guards.known, "the result", self._made)
            if tensors and not tape.escapes:
                self._graded = Graded(tape, tensors, guards, first_rank)
            return trees
        except UnrecordableError as error:
            tape.escapes.append(str(error))
        except Exception as error:  # noqa: BLE001 (the function is done; its backward may never be asked for)
            tape.escapes.append(f"the backward of the result cannot be recorded ({type(error).__name__}: {error})")
        return None

    def _find_effects(self, changes: Any) -> list[Effect] | None:
        """What the function left where; None if the next recording will know more."""
        effects = [*self._left.effects]
        self._why = self._reach.grown()
        again = self._why is not None
        for place, old, new in changes:
            if self._is_list_of_numbers(place, old, new):
                again = True
                self._why = f"{place.name} is another list at each call"
            elif self._is_new_state(place, new):
                again = True
                self._why = f"{place.name} is another object at each call"
                continue
            if _is_reshaped(place, old, new):
                self._why = f"{place.name} requires grad, and is given another shape or dtype"
                if self._history.replaces(place):
                    self._tape.escapes.append(self._why)
                again = True  # once it may, as a lazy parameter is
            if self._mark(place, old, new, ()):
                again = True
                self._why = f"{place.name} is another at each call"
            try:
                effects.append(Effect(place, tree_of(new, self._tape, self._guards.known, place.name, self._made)))
            except UnrecordableError as error:
                self._tape.escapes.append(f"{place.name} was changed: {error}")
        return None if again else effects

    def _is_list_of_numbers(self, place: Any, old: Any, new: Any) -> bool:
        """Whether a place gets a new list of as many numbers, as a scheduler's rates are; note it the first time."""
        key = (place.identity(), "list")
        kinds = (int, float, Number)
        if type(old) is not list or type(new) is not list or len(old) != len(new) or key in self._volatile:
            return False
        if not all(type(item) in kinds for item in (*old, *new)):
            return False
        found = [key, *[(place.identity(), (i,)) for i in range(len(old))]]
        self._volatile.update(found)
        self._history.own.update(found)
        return True

    def _is_new_state(self, place: Any, new: Any) -> bool:
        """Whether something was put into a container for good, as an optimizer's state is at its first step."""
        if place.key == "_grad" or self._guards.known(new) is not None or (place.identity(), "list") in self._volatile:
            return False
        if isinstance(new, np.random.Generator):
            self._tape.escapes.append("a random generator is made or seeded inside of the function")
        kinds = (Handle, np.ndarray, Number, tuple, type(None), bool, int, float, complex, str, np.generic)
        return not isinstance(new, kinds)

    def _mark(self, place: Any, old: Any, new: Any, path: tuple[int, ...]) -> bool:
        """Note the numbers and arrays that change from call to call; whether there are any that were not known."""
        if type(old) is tuple and type(new) is tuple and len(old) == len(new):
            pairs = enumerate(zip(old, new, strict=True))
            found = [self._mark(place, a, b, (*path, i)) for i, (a, b) in pairs]  # all, not up to the first
            return any(found)
        if isinstance(new, Number):
            new = new.value
        numbers = type(old) in (int, float) and type(new) in (int, float) and old != new
        arrays = self._guards.known(new) is None
        if place.kind == "slot":
            arrays = place.key == "_data" and arrays and self._history.replaces(place)
        arrays = arrays and any(isinstance(old, kind) and isinstance(new, kind) for kind in (Handle, np.ndarray))
        known = (place.identity(), path) in self._volatile
        if (numbers or arrays) and not known:
            self._volatile.add((place.identity(), path))
            self._history.own.add((place.identity(), path))
            return True
        return False

    # ---- the program -------------------------------------------------------------------------------------------------

    def _make(self, effects: list[Effect], trees: Any) -> None:
        tape, guards, options, graded = self._tape, self._guards, self._options, self._graded
        program = Program(tape, effects, trees, graded.forward if graded is not None else None)
        name = getattr(self._function, "__name__", type(self._function).__name__)
        back = None
        if graded is not None:
            if not graded.freed:
                second, parameters = graded.backward(tape)
                run_passes(second, options.passes)
                back = _Emission(second, f"{name}_backward", parameters, False, options)
            saved = graded.saved if back is None else graded.needed_by(back.emitter)
            program.graded = (graded.outs, list(saved), list(graded.given))
            program.attach, program.freed = True, graded.freed
        run_passes(program, options.passes)
        _own_constants(program)
        if graded is not None:
            program.attach = graded.attach(name, back)
        made = _Emission(program, name, guards.inputs(program), options.reuse_outputs, options)
        version = self.version = Version(guards.write(made.emitter), guards.space, made.emitter)
        version.step, version.backward, version.calls_back = made.step, back, calls_back(program)
        if options.verify:
            parts = [made] if back is None else [made, back]
            version.trial = Trial(program, parts, self._reach, self._samples)
        version.set_step(version.trial or made.step)
        for emission in (made, back):
            if emission is not None:
                forget(emission.emitter.program)


class _Emission:
    """A program as a function; called as an object, as that which is to be compared while it is ``compared``.

    With kernels sums are rounded otherwise, and a number that should be zero but for rounding, as the gradient of a
    bias before a normalization is, has no correct digit. So the comparison is with a program without kernels.

    Attributes:
        emitter: what wrote it.
        step: the function; plain: that which is compared, of the same arguments.
    """

    def __init__(self, program: Program, title: str, parameters: list[Value], reuse: bool, options: Options) -> None:
        kernels = options.backend == "numba"
        kind = KernelEmitter if kernels else Emitter
        plain = None
        if kernels and options.verify:
            with names_kept(program, parameters):
                plain = Emitter(program, title, parameters, reuse)
                first = plain.build()
        self.emitter = kind(program, title, parameters, reuse)
        self.step = self.plain = self.emitter.build()
        if plain is not None:
            self.plain = in_the_order_of(self.emitter, plain, first)
        self.compared = False

    def __call__(self, *values: Any) -> Any:
        return (self.plain if self.compared else self.step)(*values)


def _line_of(error: Any) -> str:
    """The innermost line of the user's in which an error was raised, as it ends a message."""
    frames = traceback.walk_tb(error.__traceback__)
    names = [(frame.f_globals.get("__name__") or "", frame.f_code.co_filename, line) for frame, line in frames]
    lines = [f" at {file}:{line}" for name, file, line in names if name.split(".")[0] not in LIBRARIES]
    return lines[-1] if lines else ""


def _is_reshaped(place: Any, old: Any, new: Any) -> bool:
    """Whether a Tensor that requires grad was given data of another shape or dtype."""
    if place.kind != "slot" or place.key != "_data" or place.container._node is None:
        return False
    return bool((old.shape, old.dtype) != (new.shape, new.dtype))


def _own_constants(program: Program) -> None:
    """Copy the constants that are returned: the arrays of the recording are in the user's hands."""
    given = {value.storage for value in program.given() if value.storage.kind == "constant"}
    values = {value for item in program.items for value in reads_of(item)} | set(program.given())
    for storage in given:
        for value in values:
            if value.storage is storage:
                value.array = value.array.copy()
        storage.array = None
