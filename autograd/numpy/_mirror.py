"""Functions of NumPy (and SciPy) for boxes too: on arrays they are NumPy's own, on boxes the op is called directly.

NumPy would find the op by its protocols as well; the direct way costs a quarter of that, and lists that contain boxes,
for which NumPy asks nobody, become arrays on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from .._protocols import by_place, other_names, out_by_name, with_arrays
from .._signatures import with_bools
from .._tensor import Tensor
from ..boxes import ArrayBox, boxed, promoted
from ..engine.foreign import ForeignArray
from ..engine.nodes import Handle
from ..ops.joining import stack as _stack

__all__ = ["TRACED", "array", "contains_box", "find", "mirrored", "names"]

_LISTS = frozenset(["column_stack", "concatenate", "dstack", "hstack", "multi_dot", "row_stack", "stack", "vstack"])
"""Functions whose first argument is a list of arrays, not a list that stands for one."""
_UFUNC_ATTRIBUTES = ("accumulate", "at", "identity", "nargs", "nin", "nout", "outer", "reduce", "reduceat", "types")


TRACED = (Handle, ForeignArray)
"""Boxes, Tensors, and the arrays of a function that ``vmap`` maps."""


def contains_box(value: Any, kinds: Any = Handle) -> bool:
    """Whether a value is a box or a Tensor (or of other ``kinds``), or a list that contains one at any depth."""
    if isinstance(value, kinds):
        return True
    if type(value) is list or type(value) is tuple:
        for item in value:
            if type(item) is ArrayBox or contains_box(item, kinds):
                return True
    return False


def array(a: Any) -> Any:
    """What ``numpy.array`` would make of nested lists that contain boxes: their elements joined by ``stack``.

    Raises: ShapeError if the elements differ in shape.
    """
    if isinstance(a, TRACED):
        return a
    if not contains_box(a, TRACED):
        return np.asarray(a)
    items = [array(item) for item in a]
    if not any(isinstance(item, Handle) for item in items):
        return np.stack(items)
    made = _stack(items)
    return boxed(made) if any(isinstance(item, ArrayBox) for item in items) else made


def _is_list(value: Any) -> bool:
    return type(value) is list or type(value) is tuple


def _with_arrays(value: Any) -> Any:
    """A list as the array that it stands for, if it contains boxes or floats; shapes and axes are left as they are."""
    return array(value) if _is_list(value) and contains_box(value) else with_arrays(value)


def _call(function: Callable[..., Any], op: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """``function`` called with lists or keywords, among which there may be boxes."""
    if not (any(map(contains_box, args)) or any(map(contains_box, kwargs.values()))):
        return function(*args, **kwargs)
    args, kwargs = by_place(other_names(function, op), *out_by_name(function, args, kwargs))
    args = [_with_arrays(arg) for arg in args]
    kwargs = {name: _with_arrays(value) for name, value in kwargs.items()}
    if "out" in kwargs or (isinstance(function, np.ufunc) and (kwargs or len(args) > function.nin)):
        return function(*args, **kwargs)  # NumPy's protocols know what to do with these
    result = op(*args, **kwargs)
    return boxed(result) if any(map(_is_or_has_box, args)) or any(map(_is_or_has_box, kwargs.values())) else result


def _is_or_has_box(value: Any) -> bool:
    return isinstance(value, ArrayBox) or (_is_list(value) and any(map(_is_or_has_box, value)))


def mirrored(function: Callable[..., Any], op: Callable[..., Any], arity: int | None = None) -> Callable[..., Any]:
    """``function`` of NumPy or SciPy, computed by ``op`` if there is a box among its arguments.

    Args:
        function: what is called with arrays only.
        op: what is called with the same arguments if one of them is a box or a Tensor.
        arity: 1 or 2, if it is a function of this many arrays and nothing else.
    """
    if arity is None and isinstance(function, np.ufunc):
        arity = function.nin if function.nout == 1 else None
    make = _joining if function.__name__ in _LISTS else {1: _unary, 2: _binary}.get(arity or 0, _any)
    call = make(function, op)
    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    call.__module__ = getattr(function, "__module__", None) or "numpy"
    call.__wrapped__ = function
    if isinstance(function, np.ufunc):
        for name in _UFUNC_ATTRIBUTES:
            setattr(call, name, getattr(function, name))
    return call


def _unary(function: Callable[..., Any], op: Callable[..., Any]) -> Any:
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or type(x) is list or type(x) is tuple:
            return _call(function, op, (x, *args), kwargs)
        if type(x) is not ArrayBox:
            return function(x) if not isinstance(x, Handle) else op(x)
        result = op(x)
        if type(result) is Tensor and result._node is not None:
            result.__class__ = ArrayBox
            return result
        return boxed(result)

    return call


def _binary(function: Callable[..., Any], op: Callable[..., Any]) -> Any:
    promotes = isinstance(function, np.ufunc) and function is not np.ldexp

    def call(x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or type(x) is list or type(x) is tuple or type(y) is list or type(y) is tuple:
            return _call(function, op, (x, y, *args), kwargs)
        if type(x) is ArrayBox:
            if type(y) is ArrayBox:
                alike = x._data.dtype is y._data.dtype
            else:
                alike = type(y) is float or getattr(y, "dtype", None) is x._data.dtype
        elif type(y) is ArrayBox:
            alike = type(x) is float or getattr(x, "dtype", None) is y._data.dtype
        else:
            return op(x, y) if isinstance(x, Handle) or isinstance(y, Handle) else function(x, y)
        if not alike and promotes:
            x, y = promoted((x, y))
        result = op(x, y)
        if type(result) is Tensor and result._node is not None:
            result.__class__ = ArrayBox
            return result
        return boxed(result)

    return call


def _joining(function: Callable[..., Any], op: Callable[..., Any]) -> Any:
    def call(arrays: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(arrays, (list, tuple)):
            if arrays is None:  # they were given by name, or not at all
                given, kwargs = by_place(other_names(function, op), args, kwargs)
                return call(*given, **kwargs) if given else function(**kwargs)
            if isinstance(arrays, np.ndarray):
                return function(arrays, *args, **kwargs)
            arrays = list(arrays)
        found = mixed = False
        for item in arrays:
            kind = type(item)
            if kind is ArrayBox:
                found = True
            elif kind is not np.ndarray:
                mixed = True
        if mixed:
            if not contains_box(arrays):
                return function(arrays, *args, **kwargs)
            arrays = [array(item) if _is_list(item) else item for item in arrays]
            found = any(isinstance(item, ArrayBox) for item in arrays)
        elif not found:
            return function(arrays, *args, **kwargs)
        result = op(arrays, *args, **kwargs)
        return boxed(result) if found else result

    return call


def _any(function: Callable[..., Any], op: Callable[..., Any]) -> Any:
    others = other_names(function, op)

    def call(*args: Any, **kwargs: Any) -> Any:
        found = False
        for arg in args:
            kind = type(arg)
            if kind is ArrayBox:
                found = True
            elif kind is list or kind is tuple:
                for item in arg:
                    if type(item) is not int:  # it may stand for an array
                        return _call(function, op, args, kwargs)
            elif isinstance(arg, Handle):
                return _call(function, op, args, kwargs)
        if not found:
            return _call(function, op, args, kwargs) if kwargs else function(*args)
        if len(args) > 2:
            args, kwargs = out_by_name(function, args, kwargs)  # type: ignore[assignment]
        if kwargs:
            if "out" in kwargs or "dtype" in kwargs or others or any(map(_is_list, kwargs.values())):
                return _call(function, op, args, kwargs)
            result = op(*args, **with_bools(kwargs))
        else:
            result = op(*args)
        if type(result) is Tensor and result._node is not None:
            result.__class__ = ArrayBox
            return result
        return boxed(result)

    return call


def find(
    name: str, original: ModuleType, ops: Mapping[Any, Callable[..., Any]], adapted: Mapping[str, Callable[..., Any]]
) -> Any:
    """What a mirror of the module ``original`` has under ``name``.

    Args:
        ops: for a function of ``original`` what computes it on boxes.
        adapted: by name, what is to be had in place of ``original``'s.

    Raises: AttributeError if ``original`` has no such name.
    """
    if name in adapted:
        return adapted[name]
    found = getattr(original, name)
    if name.startswith("_") or isinstance(found, (type, ModuleType)):
        return found
    try:
        op = ops.get(found)
    except TypeError:  # no function: something that cannot be hashed
        return found
    return found if op is None else mirrored(found, op)


def names(original: ModuleType, adapted: Mapping[str, Any]) -> list[str]:
    """The public names of a mirror of ``original``."""
    return sorted({name for name in dir(original) if not name.startswith("_")} | adapted.keys())
