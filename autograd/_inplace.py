"""In-place operations: ``add_`` and its kind, and item assignment.

An in-place operation is the out-of-place one, whose result is then written over the tensor: so it has the same
rules, and nothing has changed if it raises. Arrays that the new node saved of the old value are copied first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import can_cast
from .engine.callsite import line_if_debugging
from .engine.foreign import ForeignArray, bare
from .engine.modes import Mode, local
from .engine.nodes import Handle, Leaf, Packed, Pick, array_of, next_rank
from .engine.views import check_writable, node_of, rebase
from .errors import DtypeError, GradientError, ShapeError

if TYPE_CHECKING:
    from ._tensor import Tensor

__all__ = ["apply_", "check_writable", "inplace", "overwrite", "recorded_write"]


def inplace(function: Callable[..., Any], name: str = "") -> Callable[..., Tensor]:
    """The in-place form of an op: writes the result over its first argument and returns that.

    It is the method of Tensor called ``name`` (default: the function's, with an underscore).
    """
    name = name or function.__name__.rstrip("_") + "_"

    @functools.wraps(function)
    def write(x: Any, *args: Any, **kwargs: Any) -> Any:
        check_writable(x, name)
        before, pack = next_rank(), local.pack
        if pack is None:
            result = function(x, *args, **kwargs)
            return result if result is NotImplemented else overwrite(x, result, name, before)
        with Mode(pack=None):  # what is saved passes through pack when it no longer shares the tensor's memory
            result = function(x, *args, **kwargs)
        return result if result is NotImplemented else overwrite(x, result, name, before)

    write.__module__, write.__name__, write.__qualname__ = "autograd._tensor", name, f"Tensor.{name}"  # a method
    write.__doc__ = (
        f"In-place form of ``{function.__name__}``: overwrites the tensor and returns it.\n\n"
        "Raises ShapeError if the result is larger, DtypeError if it does not fit the dtype, MutationError if the "
        "tensor must not be overwritten now; the tensor is then unchanged."
    )
    return write


def overwrite(x: Any, result: Any, name: str, before: int = 0) -> Any:
    """Write ``result`` over ``x``, from which nodes of higher rank than ``before`` computed it, and take its place."""
    old, new = x._data, result._data
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
        _protect(node, old, before)
        node.dtype = old.dtype
    if isinstance(old, np.generic):
        if isinstance(new, ForeignArray):
            new.refuse(old)
        x._data = np.asanyarray(new, old.dtype)[()]
    else:
        np.copyto(old, new, casting="unsafe")
    rebase(x, node, line_if_debugging())
    return x


def recorded_write(x: Any, op: Any, inputs: tuple[Any, ...], values: tuple[Any, ...]) -> None:
    """Record that ``op`` of ``inputs`` was just computed into the memory of ``x``.

    Args:
        x: the Tensor that was written to.
        op: the record of the op.
        inputs: the differentiable inputs, Tensors or not; ``x`` is one.
        values: all arguments as arrays, in the order of the op's parameters.
    """
    node = None
    if values[0].dtype.kind in "fcV":  # no gradient flows into integers
        nodes = tuple([node_of(item) if isinstance(item, Handle) else None for item in inputs])
        node = op.record(values[0], nodes, values)._node
    rebase(x, node, line_if_debugging())


def _protect(node: Any, old: Any, before: int) -> None:
    """Copy what ``node``, and its ancestors younger than ``before``, saved of the memory that will be overwritten."""
    pending = [node]
    done = set()
    while pending:
        node = pending.pop()
        if type(node) is Pick:
            node = node.source
        if node is None or type(node) is Leaf or node.rank <= before or node in done:
            continue
        done.add(node)
        if type(node.saved) is tuple:
            node.saved = tuple([_copied(value, old) for value in node.saved])
            if local.pack is not None and node.op.saves_arrays is not False:
                node.saved = Packed(node.saved, local.pack)
                node.hooks = node.hooks or {}
        pending.extend(node.parents)


def _copied(value: Any, old: Any) -> Any:
    if isinstance(value, (np.ndarray, ForeignArray)):
        memory = bare(value)
        shared = np.may_share_memory(memory, bare(old)) or not memory.size  # what is empty never seems to share
        return value.copy() if shared else value
    if isinstance(value, list):
        return [_copied(item, old) for item in value]
    return value


def apply_(x: Any, function: Callable[[Any], Any]) -> Any:
    """Replace every element by what a Python function makes of it: slow, and not differentiable.

    Raises: GradientError if ``x`` requires grad.
    """
    if node_of(x) is not None:
        raise GradientError("apply_: no derivative of a Python function is known: use it on x.detach()")
    check_writable(x, "apply_")
    array = array_of(x)
    made = np.array([function(item) for item in np.ravel(array).tolist()]).astype(array.dtype)
    np.copyto(array, made.reshape(array.shape))
    rebase(x, None, line_if_debugging())
    return x
