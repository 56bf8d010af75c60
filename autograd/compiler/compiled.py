"""What ``compile`` makes of a function: it is recorded once, and from then on the program runs while it holds."""

from __future__ import annotations

import copy
import functools
import inspect
import os
import sys
import threading
import types
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..engine import quiet
from ..engine.callsite import warn
from ..engine.modes import local, status
from ..errors import CompileError
from .emit import DEVIATED
from .explaining import Explanation, explain
from .exporting import export
from .guards import MISSED, PLAIN, parameter_names
from .history import History
from .picturing import picture
from .session import Options, Session, Version
from .tails import cut, handed_on
from .trees import shapes_in
from .wording import for_users

__all__ = ["Compiled"]

MAX_RECORDINGS = 16
"""More recordings of one function than this are a sign that something in it changes at every call."""
MAX_PROGRAMS = 64
"""Programs for different shapes that are kept at most, with ``dynamic``: those that ran last."""


class _Busy(threading.local):
    """Whether this thread records, or compares a program with its function: then functions run as they are."""

    depth = 0


_busy = _Busy()
_working: list[None] = []
"""As long as the depths of all threads together: empty as a rule, which is asked faster than a thread's own depth."""
_recording = threading.RLock()
_alive: weakref.WeakSet[Compiled] = weakref.WeakSet()


def _after_fork() -> None:
    """Another thread may have held a lock at the fork; that thread is not in the child."""
    global _recording
    _recording = threading.RLock()
    _working[:] = [None] * _busy.depth
    for compiled in _alive:
        object.__setattr__(compiled, "_lock", threading.RLock())
        for version in compiled._versions:
            version.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Compiled:
    """A function that runs as a program of NumPy calls. ``compile`` makes it.

    Attributes:
        function: the function itself.
        recordings: how often it was recorded.
    """

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        self.function = function
        if isinstance(function, types.FunctionType):
            functools.update_wrapper(self, function, updated=())
        self.recordings = 0
        self._recorded: Counter[Any] = Counter()
        self._options = options
        self._name = getattr(function, "__name__", type(function).__name__)
        self._history = History()
        self._grew = 0
        self._versions: list[Version] = []
        self._lock = threading.RLock()
        self._given_up: str | None = None
        self._reason: str | None = None
        self._deviated = False
        self._told: set[str] = set()
        self._halves: tuple[Compiled, Callable[..., Any]] | None = None
        _alive.add(self)

    @property
    def compiled_from(self) -> Any:
        """The function itself, for whoever looks for what a function can reach."""
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (_working and _busy.depth) or (
            status.special and (local.observers or local.pack is not None or local.levels)
        ):
            return self.function(*args, **kwargs)
        if self._halves is not None:
            head, tail = self._halves
            return tail(*head(*args, **kwargs))
        try:  # not `with`, between whose beginning and body an interrupt may come since Python 3.14
            self._lock.acquire()
            found = self._run(args, kwargs)
            if found is MISSED:
                found = self._record(args, kwargs)
        finally:
            try:  # noqa: SIM105 (a call of Python code might be interrupted before it begins)
                self._lock.release()
            except RuntimeError:  # interrupted while it waited for another thread
                pass
        return self.function(*args, **kwargs) if found is PLAIN else found

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method of an instance has programs of its own, and is kept among the instance's attributes."""
        if instance is None:
            return self
        bound = Compiled(types.MethodType(self.function, instance), self._options)
        kept = getattr(instance, "__dict__", None)
        if kept is not None and inspect.getattr_static(type(instance), self._name, None) is self:
            kept[self._name] = bound
        return bound

    def __repr__(self) -> str:
        made, times = len(self._programs()), self.recordings
        return f"<compiled {self._name}: {made} program{'s' * (made != 1)}, recorded {times} time{'s' * (times != 1)}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return type(self)(copy.deepcopy(self.function, memo), self._options)

    def __copy__(self) -> Any:
        return type(self)(self.function, self._options)

    def __reduce__(self) -> Any:
        """Pickled as the name under which it is found, or with its function; programs are recorded anew."""
        bound = self.function
        owner = getattr(bound, "__self__", None)
        if isinstance(inspect.getattr_static(type(owner), self._name, None), Compiled):
            return getattr, (owner, self._name)
        found: Any = sys.modules.get(getattr(self.function, "__module__", ""))
        name = getattr(self.function, "__qualname__", "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self and name else (type(self), (self.function, self._options))

    @property
    def source(self) -> str:
        """The program that ran last, as Python text; empty before the first."""
        version = self._shown(False)
        return version.emitter.source if version is not None else ""

    def explain(self) -> Explanation:
        """The calls of NumPy by part, bytes before and after buffers share memory, and the time of each part.

        The time is measured on copies of what the function can reach and on invented arguments.

        Raises:
            CompileError: there is no program.
        """
        return explain(self._shown().emitter, self.recordings, len(self._programs()))

    def export(self, path: Any) -> str:
        """Write the program that ran last as a module that needs NumPy alone, and its arrays into a file beside it.

        The module has one function, ``step``, of the function's arguments as arrays. It goes on from the present state:
        parameters, step counts and random generators. Of a function whose last lines run as they are it has the lines
        before these, and returns what they use; its docstring says what that is.

        Args:
            path: of the module, with the suffix ``.py``; the arrays go into the same name with ``.npz``.

        Returns:
            The path.

        Raises:
            CompileError: there is no program, or one that calls functions which NumPy does not have.
        """
        head = self
        while head._halves is not None:
            head = head._halves[0]
        return export(self._shown().emitter, path, parameter_names(self.function), handed_on(head.function))

    def graph(self, direction: str = "TB") -> Any:
        """A picture of the program that ran last, as ``autograd.graph`` makes them.

        Args:
            direction: where the arrows point: "TB", "LR", "BT" or "RL".

        Raises:
            CompileError: there is no program.
        """
        return picture(self._shown().emitter, direction)

    def _programs(self) -> list[Version]:
        if self._halves is not None:
            return self._halves[0]._programs()
        return [version for version in self._versions if version.emitter is not None]

    def _shown(self, required: bool = True) -> Any:
        """The program that ran last.

        Raises:
            CompileError: there is none.
        """
        programs = self._programs()
        if not programs and required:
            why = f" ({reason})" if (reason := self._given_up or self._reason) else ""
            raise CompileError(f"compile: {self._name} has no program yet; call it first{why}")
        return programs[0] if programs else None

    # ---- running -----------------------------------------------------------------------------------------------------

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the first program that holds; MISSED if none does."""
        versions, first = self._versions, True
        for version in versions:
            try:
                found = version.run(args, kwargs) if version.trial is None else self._try(version, args, kwargs)
            except BaseException as error:
                if version.emitter is None or version.emitter.broken_off(error, self._name, version.trial):
                    raise
                return PLAIN
            if found is MISSED or found is DEVIATED:
                first = False
                self._deviated = self._deviated or found is DEVIATED
                continue
            if not first and version in versions:
                versions.remove(version)
                versions.insert(0, version)
            return found
        return MISSED

    def _try(self, version: Version, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compare a program's run with the function's, if its guards hold; the function's counts."""
        global _working
        trial = version.trial
        assert trial is not None
        trial.function = lambda: self.function(*args, **kwargs)
        trial.arguments = args, kwargs
        settings = quiet.current()
        _busy.depth += 1  # without a call, as an interrupt may come after each
        _working += (None,)
        try:
            try:  # as in __call__
                _recording.acquire()  # what another thread records is not where it was
                found = version.run(args, kwargs)
            finally:
                try:  # noqa: SIM105
                    _recording.release()
                except RuntimeError:
                    pass
        except KeyboardInterrupt:  # as in _record
            quiet.end(settings)
            raise
        finally:
            del _working[-1]
            _busy.depth -= 1
            del trial.function
            trial.arguments = ()
        if trial.conclusive:
            version.trust()
        elif trial.verdict is not None and trial.rounding:
            self._options = self._options.without(trial.rounding)  # numbers that cancel: once more, as eager adds them
            self._versions.remove(version)
        elif trial.verdict is not None:
            version.refuse()
            self._tell(f"its program did not do the same as the function ({trial.verdict})")
        return found

    def _tell(self, reason: str) -> None:
        """Say once that there is no program.

        Raises:
            CompileError: with ``fullgraph``.
        """
        self._reason = reason = for_users(reason)
        if self._options.fullgraph:
            raise CompileError(f"compile: {self._name} cannot be compiled whole: {reason}")
        if reason not in self._told:
            self._told.add(reason)
            warn(f"compile: {self._name} runs as it is, uncompiled: {reason}")

    # ---- recording ---------------------------------------------------------------------------------------------------

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the function for real, on recording arrays, and make a program of what it did."""
        global _working
        try:  # as in __call__
            if not _recording.acquire(blocking=False):
                _recording.acquire()  # while another thread records, arrays are not where they were
                if (found := self._run(args, kwargs)) is not MISSED:
                    return found
            settings = quiet.current()
            _busy.depth += 1
            _working += (None,)
            try:
                session = self._recorded_call(args, kwargs)
            except KeyboardInterrupt:  # np.errstate may be interrupted between its setting and its body
                quiet.end(settings)
                raise
            finally:
                del _working[-1]
                _busy.depth -= 1
        finally:
            try:  # noqa: SIM105
                _recording.release()
            except RuntimeError:
                pass
        if session is None:
            return PLAIN
        otherwise = "what it decides by values turns out otherwise" if self._deviated else None
        self._reason = session.unsure or self._history.changed or otherwise or self._reason
        self._deviated = False
        if session.version is not None:
            self._grew = 0
            self._versions.insert(0, session.version)
            del self._versions[MAX_PROGRAMS:]
        if (session.escapes or session.unsure) and session.line and not self._options.fullgraph:
            self._cut(session.line, bool(session.escapes))
        if session.escapes and self._halves is None:
            self._tell(session.escapes[0])
        return session.result

    def _recorded_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Session | None:
        """Record one call; None if there were too many."""
        shapes = shapes_in([args, kwargs]) if self._options.dynamic else ()
        if self._recorded[shapes] >= MAX_RECORDINGS:
            if self._given_up is None:
                self._given_up = self._reason or "something that it depends on differs at every call"
                self._tell(f"recorded {self.recordings} times, this call would be one more: {self._given_up}")
            return None
        session = Session(self.function, self._options, self._history)
        session.run(args, kwargs)
        if session.version is not None or session.unsure is not None:  # else the arguments were no arrays of ours
            self._recorded[shapes] += 1
            self.recordings += 1
        return session

    def _cut(self, line: int, escaped: bool) -> None:
        """Compile what stands before a line, and run the rest as it is; for a line below zero, what stands behind it.

        Something has grown there. Where nothing else speaks against a program, it must do so again: an optimizer's
        state grows at the first step only. If nothing can be cut behind the line, it is for the rest too.
        """
        self._grew = self._grew + 1 if line < 0 else 0
        if self._grew == 1 and not escaped:
            return
        halves = cut(self.function, abs(line), after=line < 0)
        if halves is None and self._grew > 1:
            halves = cut(self.function, abs(line), after=False)
        if halves is not None:
            self._halves = Compiled(halves[0], self._options), halves[1]
            self._versions.clear()
