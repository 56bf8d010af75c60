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
from numpy.lib.array_utils import normalize_axis_tuple

from ._op import NUMPY, new_tensor
from ._signatures import ALIASES, with_bools
from .engine.nodes import Handle
from .errors import DtypeError, NotDifferentiableError

__all__ = [
    "array_function",
    "array_ufunc",
    "by_place",
    "newer",
    "numpy_function",
    "of_arrays",
    "other_names",
    "out_by_name",
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


def of_arrays(function: Callable[..., Any], count: int | None = 2) -> Callable[..., Any]:
    """``function`` as NumPy calls it: its first two arguments (``count``; None: all) may also be numbers and lists."""

    @functools.wraps(function, updated=())
    def own(*args: Any, **kwargs: Any) -> Any:
        made = [arg if arg is None or hasattr(arg, "dtype") else np.asarray(arg) for arg in args[:count]]
        return function(*made, *args[len(made) :], **kwargs)

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
    """The arguments, with those given by a name of ``others`` put where they stand, and ``keepdims=1`` as True."""
    kwargs = with_bools(kwargs)
    for name, place in others.items():
        if name in kwargs and place == len(args):
            args = [*args, kwargs[name]]
            kwargs = {other: value for other, value in kwargs.items() if other != name}
    return args, kwargs


@functools.cache
def _names_from_out(function: Callable[..., Any]) -> tuple[int, list[str]]:
    """Where ``out`` stands among the arguments of a function of NumPy's, and the names from there on, if any."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return (2, ["out"]) if function is np.dot else (0, [])  # which has no signature before NumPy 2.4
    names = [name for name, parameter in parameters.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    place = names.index("out") if "out" in names else 0
    return place, names[place:] if place else []


def out_by_name(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The arguments, with an ``out`` that stands among them, and what follows it, given by name."""
    place, names = _names_from_out(function)
    if not names or place >= len(args):
        return args, kwargs
    given = dict(zip(names, args[place:], strict=False))
    if given["out"] is None:
        del given["out"]
    return args[:place], {**kwargs, **given}


_LISTS = frozenset({list, tuple})


def _has_float(value: Sequence[Any]) -> bool:
    """Whether a list stands for an array of fractions: one of ints may be a shape, or axes."""
    return any(_has_float(item) if type(item) in _LISTS else isinstance(item, (float, complex)) for item in value)


def with_arrays(value: Any) -> Any:
    """An argument as it is to NumPy: numbers in a list are in double precision."""
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


def _plain(args: Sequence[Any]) -> Sequence[Any]:
    """``with_arrays`` of all arguments."""
    for arg in args:
        if type(arg) in _LISTS and with_arrays(arg) is not arg:
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
    inputs = tuple(_plain(inputs))
    dtype = kwargs.pop("dtype", None)
    if dtype is not None:
        inputs, dtype = _in_loop(ufunc, method, inputs, np.dtype(dtype))
    if out is not None:
        (target,) = out if isinstance(out, tuple) else (out,)
        if "where" in kwargs and method == "__call__" and ufunc.signature is None:
            return _write_some(function, target, kwargs.pop("where"), inputs, kwargs, ufunc.__name__)
    result = function(*inputs, **kwargs)
    if dtype is not None:
        result = tuple([r.astype(dtype) for r in result]) if isinstance(result, tuple) else result.astype(dtype)
    return result if out is None else _write_out(target, result, ufunc.__name__)


def _in_loop(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], dtype: np.dtype[Any]
) -> tuple[tuple[Any, ...], Any]:
    """The inputs in the dtype in which NumPy computes when it is given ``dtype=``, and the result's.

    Raises: TypeError, as NumPy does, where there is no such loop.
    """
    if method in ("reduce", "accumulate"):
        given: list[Any] = [None, inputs[0].dtype, None]
        loop = ufunc.resolve_dtypes(tuple(given), signature=(dtype, None, None), casting="unsafe", reduction=True)[1:]
        return (_cast(inputs[0], loop[0]), *inputs[1:]), loop[-1]
    given = [type(x) if type(x) in (int, float, complex) else _array_or_handle(x).dtype for x in inputs]
    signature = (*[None] * ufunc.nin, *[dtype] * ufunc.nout)
    loop = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), signature=signature)
    return tuple([_cast(x, wanted) for x, wanted in zip(inputs, loop, strict=False)]), loop[-1]


def _array_or_handle(x: Any) -> Any:
    return x if hasattr(x, "dtype") else np.asarray(x)


def _cast(x: Any, dtype: np.dtype[Any]) -> Any:
    x = _array_or_handle(x)
    return x if x.dtype == dtype else x.astype(dtype)


def _write_some(
    function: Callable[..., Any], target: Any, where: Any, inputs: Sequence[Any], kwargs: Any, name: str
) -> Any:
    """Write a ufunc's result where ``where=`` says so; elsewhere nothing is computed, and ``target`` stays."""
    place = np.broadcast_to(where._data if isinstance(where, Handle) else where, target.shape)
    some = [np.broadcast_to(x, target.shape)[place] if np.ndim(x) else x for x in inputs]
    result = function(*some, **kwargs)
    _require_room(target, result, name)
    target[place] = result if isinstance(target, Handle) else _without_graph(result, name)
    return target


def _apart(x: Any, y: Any) -> tuple[Any, Any]:
    """The operands of ``ufunc.outer`` as those of the ufunc: the first has the second's dimensions, too, of size 1."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return np.reshape(x, (*x.shape, *(1,) * np.ndim(y))), y


def _write_out(target: Any, result: Any, name: str) -> Any:
    """Write a result into the array or Tensor given as ``out=``."""
    _require_room(target, result, name)
    if isinstance(target, Handle):
        return target.copy_(result)  # type: ignore[attr-defined]
    target[...] = _without_graph(result, name)
    return target


def _require_room(target: Any, result: Any, name: str) -> None:
    """Raise DtypeError if fractions were to be written as integers, say, which NumPy refuses, too."""
    if not np.can_cast(result.dtype, target.dtype, "same_kind"):
        raise DtypeError(
            f"numpy.{name}: the result is {result.dtype}, which does not go into an out= of {target.dtype}"
        )


def _without_graph(result: Any, name: str) -> Any:
    """The array of a result that is written into an array, where its graph would be lost: it must have none."""
    if result._node is not None:
        raise NotDifferentiableError(
            f"numpy.{name}: the result requires grad and cannot be written into an array (out=, or array += tensor), "
            "which would lose its graph: make the array a Tensor, or .detach() the other operand"
        )
    return result._data


def array_function(self: Any, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
    """NEP 18: a NumPy function was called with a Tensor among its arguments."""
    found = NUMPY.get(function)
    if found is None:
        raise _refusal(_full_name(function))
    if len(args) > 2:
        args, kwargs = out_by_name(function, args, kwargs)
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
def _size(a: Any, axis: Any = None) -> int:
    axes = range(len(a.shape)) if axis is None else normalize_axis_tuple(axis, len(a.shape))
    return math.prod([a.shape[i] for i in axes])


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
