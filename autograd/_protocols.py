"""NumPy's protocols on Tensors: ``np.exp(t)``, ``array * t``, ``np.concatenate([t, u])`` are our ops.

A NumPy function without an op raises: a Tensor never turns into an array silently.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ._op import NUMPY, new_tensor
from ._writing import ALIASES
from .engine.nodes import Handle
from .errors import NotDifferentiableError

__all__ = [
    "array_function",
    "array_ufunc",
    "by_place",
    "newer",
    "numpy_function",
    "of_arrays",
    "other_names",
    "with_arrays",
]

F = TypeVar("F", bound=Callable[..., Any])


def numpy_function(*identities: Callable[..., Any]) -> Callable[[F], F]:
    """Mark a function that takes NumPy's arguments where ours differ: it answers for ``identities`` on Tensors."""

    def define(function: F) -> F:
        for identity in identities:
            NUMPY[identity] = function
        return function

    return define


def newer(*names: str) -> list[Callable[..., Any]]:
    """The functions of NumPy's of these names, but for those that came with a NumPy newer than this one."""
    return [getattr(np, name) for name in names if hasattr(np, name)]


def of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as NumPy calls it: its first two arguments may also be numbers and lists."""

    @functools.wraps(function, updated=())
    def own(*args: Any, **kwargs: Any) -> Any:
        made = [arg if arg is None or hasattr(arg, "dtype") else np.asarray(arg) for arg in args[:2]]
        return function(*made, *args[2:], **kwargs)

    return own


def _full_name(function: Any) -> str:
    """Where a function is found: ``numpy.fft.fft``; a ufunc that is not NumPy's says no more than its name."""
    name = str(getattr(function, "__name__", function))
    module = getattr(function, "__module__", None) or ("numpy" if getattr(np, name, None) is function else None)
    return f"{module}.{name}" if module else name


def _refusal(name: str) -> NotDifferentiableError:
    return NotDifferentiableError(
        f"{name} has no differentiable op in autograd, so it was not applied to a Tensor. If no gradient is to "
        f"flow through it, use {name}(t.detach().numpy()); else write it with autograd's ops, or define an op "
        "with autograd.op"
    )


@functools.cache
def other_names(function: Callable[..., Any], own: Callable[..., Any]) -> dict[str, int]:
    """NumPy's names of arguments that are called otherwise in ``own``, which stands for ``function``; their places."""
    try:
        theirs, ours = inspect.signature(function).parameters, inspect.signature(own).parameters
    except (TypeError, ValueError):  # NumPy's functions in C have none
        return {}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in ours.values()):
        return {}
    known = {*ours, *ALIASES.values(), "out"}
    return {
        name: place
        for place, (name, parameter) in enumerate(theirs.items())
        if name not in known and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }


def by_place(
    others: Mapping[str, int], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The arguments, with those that were given by a name of ``others`` put where they stand."""
    for name, place in others.items():
        if name in kwargs and place == len(args):
            args = [*args, kwargs[name]]
            kwargs = {other: value for other, value in kwargs.items() if other != name}
    return args, kwargs


_LISTS = frozenset({list, tuple})


def _has_float(value: Sequence[Any]) -> bool:
    """Whether a list stands for an array of fractions: one of ints may be a shape, or axes."""
    return any(_has_float(item) if type(item) in _LISTS else isinstance(item, (float, complex)) for item in value)


def with_arrays(value: Any) -> Any:
    """An argument as it is to NumPy: numbers in a list and ``dtype=float`` are in double precision."""
    if value is float or value is complex:
        return np.dtype(value)
    if type(value) not in _LISTS:
        return value
    for item in value:
        if type(item) is not int:
            break
    else:
        return value
    if any(isinstance(item, Handle) for item in value):
        return [np.asarray(item) if type(item) in _LISTS else item for item in value]
    return np.asarray(value) if _has_float(value) else value


_TOLD_APART = _LISTS | {type}


def _plain(args: Sequence[Any]) -> Sequence[Any]:
    """``with_arrays`` of all arguments."""
    for arg in args:
        if type(arg) in _TOLD_APART and with_arrays(arg) is not arg:
            return [with_arrays(arg) for arg in args]
    return args


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
    """NEP 13: a ufunc was called with a Tensor among its inputs or outputs."""
    function = NUMPY.get(ufunc) if method in ("__call__", "outer") else _METHODS.get((ufunc, method))
    if method == "outer" and len(inputs) == 2:
        inputs = _apart(*inputs)
    if function is None:
        name = _full_name(ufunc)
        raise _refusal(name if method == "__call__" else f"{name}.{method}")
    kwargs = {name: value for name, value in kwargs.items() if not (name == "where" and value is True)}
    dtype = kwargs.pop("dtype", None)
    result = function(*_plain(inputs), **kwargs)
    if dtype is not None:
        result = result.astype(np.dtype(dtype))
    if out is None:
        return result
    (target,) = out if isinstance(out, tuple) else (out,)
    return _write_out(target, result, ufunc.__name__)


def _apart(x: Any, y: Any) -> tuple[Any, Any]:
    """The operands of ``ufunc.outer`` as those of the ufunc: the first has the second's dimensions, too, of size 1."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return np.reshape(x, (*x.shape, *(1,) * np.ndim(y))), y


def _write_out(target: Any, result: Any, name: str) -> Any:
    """Write a result into the array or Tensor given as ``out=``."""
    if isinstance(target, Handle):
        return target.copy_(result)  # type: ignore[attr-defined]
    if result._node is not None:
        raise NotDifferentiableError(
            f"numpy.{name}: the result requires grad and cannot be written into an array (out=, or array += tensor), "
            "which would lose its graph: make the array a Tensor, or .detach() the other operand"
        )
    target[...] = result._data
    return target


def array_function(self: Any, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
    """NEP 18: a NumPy function was called with a Tensor among its arguments."""
    found = NUMPY.get(function)
    if found is None:
        raise _refusal(_full_name(function))
    out = kwargs.pop("out", None)
    if kwargs:
        args, kwargs = by_place(other_names(function, found), args, kwargs)
        kwargs = {name: with_arrays(value) for name, value in kwargs.items()}
    result = found(*_plain(args), **kwargs)
    return result if out is None else _write_out(out, result, function.__name__)


def _like(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(a: Any, *args: Any, **kwargs: Any) -> Any:
        return new_tensor(make(a._data if isinstance(a, Handle) else a, *args, **kwargs))

    return made


for _make in (np.zeros_like, np.ones_like, np.empty_like, np.full_like):
    NUMPY[_make] = _like(_make)


@numpy_function(np.shape)
def _shape(a: Any) -> tuple[int, ...]:
    return tuple(a.shape)


@numpy_function(np.ndim)
def _ndim(a: Any) -> int:
    return len(a.shape)


@numpy_function(np.size)
def _size(a: Any, axis: int | None = None) -> int:
    return math.prod(a.shape) if axis is None else int(a.shape[axis])


@numpy_function(np.zeros)
def _zeros(shape: Any, dtype: Any = None) -> Any:
    return new_tensor(np.zeros(shape, dtype or np.float64))


@numpy_function(np.ones)
def _ones(shape: Any, dtype: Any = None) -> Any:
    return new_tensor(np.ones(shape, dtype or np.float64))


@numpy_function(np.iscomplexobj)
def _iscomplexobj(x: Any) -> bool:
    return bool(x.dtype.kind == "c")


_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}
"""For ufunc methods (``np.add.reduce``) what computes them on Tensors."""


def ufunc_method(ufunc: np.ufunc, method: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark the function that computes ``ufunc.method`` with NumPy's arguments."""

    def define(function: Callable[..., Any]) -> Callable[..., Any]:
        _METHODS[ufunc, method] = function
        return function

    return define
