"""In-place operations: ``add_`` and its kind, and item assignment.

An in-place operation is the out-of-place one, whose result is then written over the tensor: so it has the same
rules, and nothing has changed if it raises. Arrays that the new node saved of the old value are copied first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .dtypes import can_cast
from .engine.callsite import line_if_debugging
from .engine.nodes import Handle, array_of
from .engine.views import check_writable, node_of, rebase
from .errors import DtypeError, ShapeError

__all__ = ["check_writable", "inplace", "overwrite", "recorded_write"]


def inplace(function: Callable[..., Any]) -> Callable[..., Any]:
    """The in-place form of an op: writes the result over its first argument and returns that."""
    name = function.__name__.rstrip("_") + "_"

    @functools.wraps(function)
    def write(x: Any, *args: Any, **kwargs: Any) -> Any:
        check_writable(x, name)
        return overwrite(x, function(x, *args, **kwargs), name)

    write.__name__ = write.__qualname__ = name
    write.__doc__ = (
        f"In-place form of ``{function.__name__}``: overwrites the tensor and returns it.\n\n"
        "Raises ShapeError if the result is larger, DtypeError if it does not fit the dtype, MutationError if the "
        "tensor must not be overwritten now; the tensor is then unchanged."
    )
    return write


def overwrite(x: Any, result: Any, name: str) -> Any:
    """Write ``result``, just computed from ``x``, over ``x`` and take over its place in the graph."""
    old, new = array_of(x), result._data
    if new.shape != old.shape:
        raise ShapeError(
            f"{name}: the result has shape {new.shape}, but it is to be written into a tensor of shape {old.shape}; "
            f"an in-place operation cannot enlarge its tensor: use x = x.{name.rstrip('_')}(...)"
        )
    if new.dtype != old.dtype and not can_cast(new.dtype, old.dtype):
        raise DtypeError(
            f"{name}: the result is {new.dtype}, which cannot be written into a tensor of dtype {old.dtype}; "
            f"use x = x.{name.rstrip('_')}(...), or x.to(...) first"
        )
    node = result._node
    if node is not None:
        node = _protect(node, old)
    np.copyto(old, new, casting="unsafe")
    rebase(x, node, line_if_debugging())
    return x


def recorded_write(x: Any, op: Any, inputs: tuple[Any, ...], values: tuple[Any, ...]) -> None:
    """Record that ``op`` of ``inputs`` was just computed into the memory of ``x``.

    Args:
        inputs: the differentiable inputs, Tensors or not; ``x`` is one.
        values: all arguments as arrays, in the order of the op's parameters.
    """
    nodes = tuple([node_of(item) if isinstance(item, Handle) else None for item in inputs])
    rebase(x, op.record(values[0], nodes, values)._node, line_if_debugging())


def _protect(node: Any, old: Any) -> Any:
    """Copy what ``node`` saved of the memory that will be overwritten, and give its gradient the memory's dtype."""
    if isinstance(getattr(node, "saved", None), tuple):
        node.saved = tuple([_copied(value, old) for value in node.saved])
        node.dtype = old.dtype
    return node


def _copied(value: Any, old: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy() if np.may_share_memory(value, old) else value
    if isinstance(value, list):
        return [_copied(item, old) for item in value]
    return value
