"""``compile``: which functions and objects can be compiled, and how."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, TypeVar, overload

from ..errors import ArgumentError
from .accelerated import check_available
from .compiled import Compiled
from .passes import PASSES
from .session import Options

__all__ = ["CompiledObject", "compile"]

F = TypeVar("F", bound=Callable[..., Any])

_MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
"""PyTorch's."""


class CompiledObject(Compiled):
    """A callable object, such as a model, whose calls run as programs; its attributes are those of the object."""

    function: Any
    _OWN = frozenset(
        ["function", "recordings", "_recorded", "_options", "_name", "_history", "_grew", "_versions", "_lock",
         "_given_up", "_reason", "_deviated", "_told", "_halves"]
    )  # fmt: skip

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` asks: a compiled model is a part of another as the model itself is, by the same names."""
        return type(self.function)

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return self.function.__dict__

    def __getattr__(self, name: str) -> Any:
        if name == "function":
            raise AttributeError(name)
        found = getattr(self.function, name)
        if isinstance(found, types.MethodType) and found.__self__ is self.function:
            return functools.partial(_through, found, self)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self.function, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.function, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self

    # ---- what Python looks up in the class: a compiled model may be a container -----------------------------------

    def __bool__(self) -> bool:
        return bool(self.function)

    def __len__(self) -> int:
        return len(self.function)

    def __iter__(self) -> Any:
        return iter(self.function)

    def __contains__(self, item: Any) -> bool:
        return item in self.function

    def __getitem__(self, key: Any) -> Any:
        return self.function[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.function[key] = value


def _through(method: Any, compiled: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a method of the object; where it returns the object, return the compiled one."""
    return compiled if (found := method(*args, **kwargs)) is compiled.function else found


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
    verify: bool = True,
    backend: str = "numpy",
    mode: str | None = None,
    disable: bool = False,
) -> Callable[[F], F]: ...
def compile(
    function: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool = False,
    reuse_outputs: bool = False,
    passes: Any = None,
    verify: bool = True,
    backend: str = "numpy",
    mode: str | None = None,
    disable: bool = False,
) -> Any:
    """Compile a function, such as a whole training step, or a model, into a straight program of NumPy calls.

    The first calls run the function as it is and write down every NumPy call. The next runs both, the function and the
    program, and compares them. Later ones run the program alone, into buffers that are made once: no Tensors, no graph,
    no Python of yours. It holds while the arguments have the same shapes and dtypes, and numbers, flags and objects
    that the function can reach are the same; else the function is recorded anew. Numbers that change from call to call
    (step counts, learning rates) become arguments. Where there can be no program the function runs as it is, and a
    warning says at which line; what stands before such a line at the end of a function is compiled nevertheless.

    Args:
        function: of Tensors, arrays and others, or a model. What it does besides computing (printing, writing files) is
            done only while it is recorded. Without it, a decorator.
        fullgraph: raise if there can be no program for all of it, instead of warning.
        dynamic: shapes differ from call to call: there may be as many programs as there are shapes, one for each (of
            the last 64, and none for all shapes). Without it 16 recordings in all are many enough for a warning.
        reuse_outputs: the arrays returned may be overwritten by the next call (which can be given them): saves making
            them. What the function keeps itself, such as gradients and state, is not overwritten.
        passes: names of the passes to run (default: all), see ``autograd.compiler.passes``.
        verify: compare the first run of each program with the function's.
        backend: ``"numba"`` makes compiled kernels of elementwise calls and reductions; it must be installed, and the
            first calls take longer.
        mode: for PyTorch's scripts (``"reduce-overhead"``, ``"max-autotune"``); programs are the same in each.
        disable: return the function as it is.

    Returns:
        A function of the same arguments, with ``source`` (the program's text), ``explain()``, ``export(path)`` and
        ``graph()``. Of a model it has the attributes too.

    Raises:
        CompileError: at a call, with ``fullgraph``; it names the line.
        TypeError: the function is a generator or a coroutine.

    >>> import autograd
    >>> @autograd.compile
    ... def f(x):
    ...     return (x * 2 + 1).tanh()
    >>> f(autograd.zeros(2))
    tensor([0.7616, 0.7616])
    >>> f(autograd.ones(2))
    tensor([0.9951, 0.9951])
    """
    if backend not in ("numpy", "numba"):
        raise ArgumentError(f"compile: backend must be 'numpy' or 'numba', got {backend!r}")
    if backend == "numba":
        check_available()
    if mode not in _MODES:
        known = ", ".join(map(str, _MODES[1:]))
        raise ArgumentError(f"compile: mode must be None or one of {known}; got {mode!r}")
    unknown = [name for name in passes or () if name not in PASSES]
    if unknown:
        raise ArgumentError(f"compile: there is no pass {unknown[0]!r}; expected some of {', '.join(PASSES)}")
    options = Options(fullgraph, dynamic, reuse_outputs, passes, verify, backend)
    if disable:
        return function if function is not None else lambda made: made
    if function is None:
        return lambda made: _compiled(made, options)
    return _compiled(function, options)


def _compiled(function: Any, options: Options) -> Compiled:
    if not callable(function):
        raise TypeError(f"compile: expected a function or a model, got {type(function).__name__}")
    for test in (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        if test(inspect.unwrap(function)):
            raise TypeError(
                "compile: a generator or coroutine stops in the middle, where a program cannot; compile the function "
                "that does the work of one turn"
            )
    if isinstance(function, Compiled):
        function = function.function
    plain = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial, type)
    return (Compiled if isinstance(function, plain) else CompiledObject)(function, options)
