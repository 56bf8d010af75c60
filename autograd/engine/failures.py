"""Turns an exception of NumPy in an op's forward into one that says what came, what was expected, what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, BoundsError, DtypeError, LinAlgError, NotDifferentiableError, ShapeError
from .modes import local

__all__ = ["INTERNAL", "describe", "explain", "explain_composed", "operand_error", "rescue", "without_rules"]


def describe(value: Any) -> str:
    """A value in a message: shape and dtype of an array, else its repr."""
    if isinstance(value, (list, tuple)) and any(hasattr(item, "shape") for item in value):
        return "[" + ", ".join(describe(item) for item in value) + "]"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}{list(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def rescue(op: Any, error: Exception, values: Sequence[Any]) -> Any:
    """What to do about ``error``, which the forward of ``op`` raised for ``values``: another way to its result.

    Raises:
        Exception: the explained error, unless a transform whose arrays are among the values knows such a way.
    """
    if local.levels:
        found = local.levels[-1].rescue(op, error, values)
        if found is not NotImplemented:
            return found
    better = explain(op, error, values)
    if op.trusted:
        raise better from None
    if better is error:
        raise error  # the user wants to see the line of the forward
    raise better from error


def without_rules(op: Any) -> Exception:
    """The error to raise where a gradient arrives at an op that has no derivative."""
    name = str(op.name).removesuffix("_parts")  # an op behind the function of that name
    return NotDifferentiableError(
        f"{name}: its results have no derivative, so the gradient would be lost here; .detach() its input, or its "
        "result, if none is to flow through it"
    )


def explain(op: Any, error: Exception, values: Sequence[Any]) -> Exception:
    """The error to raise instead of ``error``, which the forward of ``op`` raised for ``values``, in params' order."""
    if isinstance(error, (ShapeError, DtypeError, NotDifferentiableError)):
        return error
    given = zip(op.params, values, strict=False)
    named = ", ".join(f"{name}={describe(value)}" for name, value in given if name not in INTERNAL)
    arrays = [value for value in values if isinstance(value, (np.ndarray, np.generic))]
    if isinstance(error, AttributeError):
        found = _misplaced(op.name, zip(op.params, values, strict=False), error)
        if found is not None:
            return found
    if isinstance(error, MemoryError):
        return MemoryError(f"{op.name}({named}): {error}. {_broadcast_hint(arrays)}".strip())
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{op.name}({named}): {error}")
    if isinstance(error, ValueError) and len(arrays) >= 2 and any(word in str(error) for word in _SHAPE_TROUBLE):
        hint = _matmul_hint(arrays) if op.name in _PRODUCTS else _shape_hint(arrays)
        if hint:
            return ShapeError(f"{op.name}({named}): {hint}")
    if isinstance(error, TypeError):
        required = [p.name for p in op.signature.parameters.values() if p.default is p.empty]
        left_out = [name for name, value in zip(op.params, values, strict=False) if value is None and name in required]
        if left_out:
            return TypeError(_missing(op, left_out[0]))
        return DtypeError(f"{op.name}({named}): {error}")
    if isinstance(error, np.exceptions.AxisError):
        return BoundsError(f"{op.name}({named}): {error}")
    if isinstance(error, ValueError):
        about_shapes = any(word in str(error) for word in _SHAPE_WORDS)
        return (ShapeError if about_shapes else ArgumentError)(f"{op.name}({named}): {error}")
    if isinstance(error, IndexError):
        return BoundsError(f"{op.name}({named}): {error}")
    if isinstance(error, OverflowError):
        return OverflowError(f"{op.name}({named}): {error}")
    error.add_note(f"(in the forward of op {op.name}({named}))")
    return error


INTERNAL = {"memo"}
"""Parameters in which ops keep intermediate results, of which users know nothing."""
_SHAPE_TROUBLE = ("broadcast", "mismatch", "aligned", "enough dimensions")
"""How NumPy's messages about shapes can be told from others."""
_SHAPE_WORDS = ("shape", "broadcast", "dimension", "axis", "axes", "size", "squeeze", "stack", "split", "concatenate")
_PRODUCTS = {"matmul", "mm", "bmm", "mv", "dot", "addmm"}


def _shape_hint(arrays: Sequence[Any]) -> str | None:
    """Why these shapes do not broadcast and what may have been meant, or None if they do."""
    shapes = [array.shape for array in arrays]
    rank = max(map(len, shapes))
    for axis in range(-1, -rank - 1, -1):
        sizes = list(dict.fromkeys(shape[axis] for shape in shapes if len(shape) >= -axis and shape[axis] != 1))
        if len(sizes) > 1:
            first, second = shapes[0], shapes[1]
            text = (
                f"shapes {' and '.join(map(str, shapes))} do not broadcast: dimension {axis} (counted from the "
                f"end) is {' and '.join(map(str, sizes))}; sizes must be equal or 1"
            )
            return text + _alignment(first, second) if len(shapes) == 2 else text
    return None


def _alignment(first: tuple[int, ...], second: tuple[int, ...]) -> str:
    """How two shapes that do not broadcast may have been meant."""
    if len(first) == 2 and first[::-1] == second:
        return ". The second is the transpose of the first: did you mean y.T?"
    for name, short, long in (("x", first, second), ("y", second, first)):
        if len(short) == 1 < len(long) and short[0] == long[0]:
            return f". To align along the first dimension, use {name}.reshape({(*short, *(1,) * (len(long) - 1))})"
    return ""


def _matmul_hint(arrays: Sequence[Any]) -> str:
    """Why two shapes do not multiply as matrices, and the likely transpose."""
    a, b = arrays[0].shape, arrays[1].shape
    if not a or not b:
        return f"shapes {a} and {b}: a matrix product needs at least one dimension on each side; use * for numbers"
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] == inner:
        return f"the batch dimensions of {a} and {b} do not broadcast: {a[:-2]} and {b[:-2]}"
    text = f"shapes {a} and {b} do not multiply: the last dimension of the first is {a[-1]}, the "
    text += f"{'second to last' if len(b) > 1 else 'only'} dimension of the second is {inner}; they must be equal"
    if len(b) > 1 and b[-1] == a[-1]:
        text += ". Did you mean x @ y.mT (the second transposed)?"
    elif len(a) > 1 and a[-2] == inner:
        text += ". Did you mean x.mT @ y (the first transposed)?"
    return text


def _broadcast_hint(arrays: Sequence[Any]) -> str:
    if len(arrays) < 2:
        return ""
    try:
        shape = np.broadcast_shapes(*[array.shape for array in arrays])
    except ValueError:
        return ""
    size = math.prod(shape) * max((array.dtype.itemsize for array in arrays), default=1)
    return f"The inputs broadcast to {shape}, {size:,} bytes: is a dimension of size 1 in the wrong place?"


def operand_error(op: Any, name: str, value: Any) -> Exception:
    """The error for an argument that is not a Tensor, array or number."""
    if value is None:
        return TypeError(_missing(op, name, ", a Tensor, a NumPy array or a number"))
    return TypeError(
        f"{op.name}: '{name}' must be a Tensor, a NumPy array or a number, got {type(value).__name__} {describe(value)}"
    )


def explain_composed(name: str, given: Iterable[tuple[str, Any]], error: Exception) -> None:
    """Raise what explains ``error`` of a composed function, which was not raised by an op, as ops name themselves.

    Raises:
        BoundsError: of a dimension that is not there.
        TypeError: an argument was asked for its shape or dtype, and is no array.
    """
    if isinstance(error, np.exceptions.AxisError):
        raise BoundsError(f"{name}: {error}") from None
    if isinstance(error, AttributeError):
        better = _misplaced(name, given, error)
        if better is not None:
            raise better from None


def _misplaced(name: str, given: Iterable[tuple[str, Any]], error: AttributeError) -> TypeError | None:
    """The error for an argument that was asked for its shape or dtype and is no array; None if it was none of these."""
    for param, value in given:
        if value is error.obj and not hasattr(value, "shape"):
            text = f"{name}: '{param}' must be a Tensor or a NumPy array, got {type(value).__name__}"
            return TypeError(text if value is None else f"{text} {describe(value)}")
    return None


def _missing(op: Any, name: str, kind: str = "") -> str:
    """That an argument is missing, and which ones the op takes."""
    found = [p.replace(annotation=p.empty) for p in op.signature.parameters.values() if p.name not in INTERNAL]
    takes = ", ".join(map(str, found))
    return f"{op.name}() needs the argument '{name}'{kind}; it was left out or None. It takes ({takes})"
