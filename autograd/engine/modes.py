"""Modes of recording: which threads record a graph, and which extra work every op does meanwhile.

The hot path of an op asks one question, ``status.special``: is any mode active in any thread? Only if so
does it look at the modes of its own thread.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from ..errors import DtypeError
from .forks import held_at_forks

__all__ = [
    "AS_IT_IS",
    "Mode",
    "Switch",
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "local",
    "no_grad",
    "set_grad_enabled",
    "status",
]

F = TypeVar("F", bound=Callable[..., Any])


class _Status:
    """How many threads have a mode that differs from the default."""

    __slots__ = ("_lock", "special")

    def __init__(self) -> None:
        self.special = 0
        self._lock = held_at_forks(threading.RLock())

    def add(self, amount: int) -> None:
        with self._lock:
            self.special += amount


status = _Status()


class _Local(threading.local):
    """The modes of one thread."""

    grad = True
    inference = False
    observers: tuple[Any, ...] = ()
    """Objects that are told of every op as it runs and of every rule: see ``engine.observing``."""
    pack: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None
    """The innermost pair of saved-array hooks."""
    levels: tuple[Any, ...] = ()
    """The transforms that run a function on arrays of their own, outermost first: see ``func.batching``."""
    entered: list[Any] | None = None
    """While a transform runs a function: weak references to the Tensors that in-place operations put into the graph."""
    _counted = False

    def set(self, settings: dict[str, Any]) -> None:
        """Change modes of this thread, and count the thread as special or not."""
        for name, value in settings.items():
            setattr(self, name, value)
        special = not self.grad or bool(self.observers) or self.pack is not None or bool(self.levels)
        if special is not self._counted:
            self._counted = special
            status.add(1 if special else -1)


local = _Local()


class Mode:
    """A setting of this thread, as a context manager and as a decorator.

    A decorated generator function holds the setting only while its own body runs, so that the setting
    never leaks to whoever consumes it.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._saved: list[dict[str, Any]] = []

    def _fresh(self) -> Mode:
        return Mode(**self._settings)

    def __enter__(self) -> Any:
        self._saved.append({name: getattr(local, name) for name in self._settings})
        local.set(self._settings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        local.set(self._saved.pop())

    def __call__(self, function: F) -> F:
        if not callable(function):
            raise DtypeError(f"{type(self).__name__}: expected a function to decorate, got {type(function).__name__}")
        if isinstance(function, type):
            name = type(self).__name__
            raise DtypeError(
                f"{name}: expected a function or method to decorate, got the class {function.__name__}: it would be a "
                f"class no more, and only making its objects would be done in {name}; decorate its methods"
            )
        if inspect.isgeneratorfunction(function):
            return self._generator(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _generator(self, function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with self._fresh():
                generator = function(*args, **kwargs)
            resume, value = generator.send, None
            while True:
                try:
                    with self._fresh():
                        item = resume(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    value = yield item
                    resume = generator.send
                except GeneratorExit:
                    with self._fresh():
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 (the generator must see whatever its consumer throws in)
                    resume, value = generator.throw, error

        return wrapped  # type: ignore[return-value]


AS_IT_IS = contextlib.nullcontext()
"""The mode that changes nothing."""


class _BareDecorator(Mode):
    """A mode whose class can be a decorator itself, without brackets."""

    def __new__(cls, argument: Any = None, **settings: Any) -> Any:
        self = super().__new__(cls)
        if not callable(argument):
            return self
        cls.__init__(self)
        return self(argument)


class no_grad(_BareDecorator):
    """Record no graph in this thread: a context manager, and a decorator with or without brackets.

    >>> import autograd
    >>> w = autograd.ones(2, requires_grad=True)
    >>> with autograd.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        super().__init__(grad=False)


class enable_grad(_BareDecorator):
    """Record the graph again inside ``no_grad``: a context manager and a decorator.

    >>> import autograd
    >>> w = autograd.ones(2, requires_grad=True)
    >>> with autograd.no_grad(), autograd.enable_grad():
    ...     (w * 2).requires_grad
    True
    """

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        super().__init__(grad=True, inference=False)


class inference_mode(_BareDecorator):
    """As ``no_grad``; there is nothing more to switch off here, because versions cost nothing until a mutation.

    Args:
        mode: ``False`` records the graph even inside an outer ``inference_mode``.
    """

    def __init__(self, mode: Any = True) -> None:
        enabled = bool(mode)
        super().__init__(grad=not enabled, inference=enabled)


class Switch(Mode):
    """A mode that is on from when it is made: at once, or for a ``with`` block, or as a decorator."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._before: dict[str, Any] | None = {name: getattr(local, name) for name in settings}
        local.set(self._settings)

    def __enter__(self) -> Any:
        if self._before is None:
            return super().__enter__()
        self._saved.append(self._before)
        self._before = None
        return self

    def __call__(self, function: F) -> F:
        if self._before is not None:
            local.set(self._before)
            self._before = None
        return super().__call__(function)


class set_grad_enabled(Switch):
    """Switch recording on or off in this thread: at once, or for a ``with`` block, or as a decorator.

    Args:
        mode: whether to record.

    >>> import autograd
    >>> w = autograd.ones(2, requires_grad=True)
    >>> with autograd.set_grad_enabled(False):
    ...     (w * 2).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, (bool, np.bool_)):
            raise DtypeError(f"set_grad_enabled: mode must be True or False, got {mode!r}")
        super().__init__(grad=bool(mode))


def is_grad_enabled() -> bool:
    """Whether this thread records a graph."""
    return local.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside ``inference_mode``."""
    return local.inference
