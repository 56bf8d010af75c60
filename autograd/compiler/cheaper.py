"""Passes that leave what is computed as it is, and call NumPy where it is faster: what an expert would write by hand.

NumPy's ways differ in cost for the same numbers. A ufunc of two whole arrays runs one vectorized loop; one that
broadcasts, or converts an operand, goes through an iterator, which costs more than a small array's arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Program
from .runs import LARGE
from .values import Instruction, Storage, Value, lie_alike, wanders

__all__ = ["drop_views", "reduce_in_segments", "spread_operands", "use_dot", "use_square", "widen_masks"]

SPREAD = 1 << 14
"""Up to so many elements a row or column is laid out over an array of its own before it is added to another."""
WIDENED = 1 << 15
"""Up to so many elements a mask is converted by a call of its own."""
NARROW = 128
"""Rows of up to so many numbers are reduced as segments of one line."""
_EXTREMES = (np.maximum, np.minimum, np.fmax, np.fmin)
_MATRICES = "fdFD"


def drop_views(program: Program) -> None:
    """A view that shows its array as it is, as ``reshape`` to the same shape does, is that array."""
    given = set(program.given())
    swaps: dict[Value, Value] = {}
    for item in program.instructions():
        source = item.args[0] if item.kind == "view" and item.args and not wanders(item) else None
        made = item.outs
        if type(source) is Value and type(made) is Value and made not in given and lie_alike(source.array, made.array):
            swaps[made] = source
    program.replace(swaps)


def use_dot(program: Program) -> None:
    """``matmul`` of two matrices, or a matrix and a vector, is ``dot``, which finds the way to BLAS faster."""
    for item in program.instructions():
        made = item.result
        if item.function is not np.matmul or type(made) is not Value or not set(item.kwargs) <= {"out"}:
            continue
        arrays = [made.array, *[arg.array for arg in item.args if type(arg) is Value]]
        if len(arrays) != 3 or any(array.dtype != made.dtype for array in arrays) or made.dtype.char not in _MATRICES:
            continue
        shapes = [array.shape for array in arrays]
        whole = all(array.flags.c_contiguous or array.flags.f_contiguous for array in arrays)
        if whole and made.array.flags.c_contiguous and all(s and len(s) < 3 and min(s) > 1 for s in shapes):
            item.function, item.name = np.dot, "dot"


def use_square(program: Program) -> None:
    """A product of an array with itself is its ``square``, which reads it once."""
    for item in program.instructions():
        if item.function is np.multiply and len(item.args) == 2 and type(item.args[0]) is Value:
            value, other = item.args
            if value is other and value.shape and value.dtype.kind == "f":
                item.function, item.name, item.args = np.square, "square", (value,)


def spread_operands(program: Program) -> None:
    """A row, column or number is laid out in full before a call on a small array, where that is faster."""
    known: dict[Any, Value] = {}
    kept: list[Any] = []
    for item in program.items:
        found = _spread(item, known) if isinstance(item, Instruction) else None
        if found is not None and isinstance(item, Instruction):
            at, full, lines = found
            kept += lines
            item.args = (full, item.args[1]) if at == 0 else (item.args[0], full)
        kept.append(item)
    program.items = kept


def _spread(item: Instruction, known: dict[Any, Value]) -> tuple[int, Value, list[Instruction]] | None:
    """Which operand is to be spread, what it becomes, and the instructions for that."""
    made = item.result
    if not _is_plain(item, made):
        return None
    for at, arg in enumerate(item.args):
        other = item.args[1 - at]
        if type(other) is not Value or (other.shape, other.dtype) != (made.shape, made.dtype):
            continue
        if not other.array.flags.c_contiguous:
            continue
        number = _number(arg, made.dtype)
        if number is not None:
            shape = _as_full(made) if item.function in _EXTREMES else None
            return None if shape is None else (at, _constant(number, shape, known, type(arg) is not Value), [])
        if type(arg) is Value and arg.shape and arg.shape != made.shape and made.array.size <= SPREAD:
            if arg.dtype != made.dtype:
                return None
            if arg.storage.kind == "constant":
                return at, _constant(arg.array, made.shape, known), []
            full, lines = _laid_out(arg, made, item)
            return at, full, lines
    return None


def _is_plain(item: Instruction, made: Any) -> bool:
    """Whether an instruction is a ufunc of two operands that writes a whole small array of floats."""
    function = item.function
    return (
        isinstance(function, np.ufunc)
        and (function.nin, function.nout, function.signature) == (2, 1, None)
        and set(item.kwargs) <= {"out", "order"}
        and type(made) is Value
        and len(made.shape) > 0
        and 1 < made.array.size < LARGE
        and made.dtype.kind == "f"
        and made.array.flags.c_contiguous
    )


def _number(arg: Any, dtype: Any) -> Any:
    """A constant number as an array of no dimensions; None if the operand is something else."""
    if type(arg) in (int, float):
        return np.array(arg, dtype)
    constant = type(arg) is Value and arg.storage.kind == "constant" and not arg.shape and arg.dtype == dtype
    return arg.array if constant else None


def _as_full(made: Value) -> tuple[int, ...] | None:
    """The shape in which a number is laid out beside an array: all of it, a row, or None where it stays a number."""
    if made.array.size <= WIDENED:
        return made.shape
    return made.shape[-1:] if made.shape[-1] >= 2 * NARROW else None


def _constant(array: Any, shape: tuple[int, ...], known: dict[Any, Value], own: bool = False) -> Value:
    key = array.tobytes(), array.shape, array.dtype, shape, own
    if key not in known:
        full = np.ascontiguousarray(np.broadcast_to(array, shape))
        known[key] = Value(Storage("constant", full), full)
        known[key].storage.own = own
    return known[key]


def _laid_out(value: Value, made: Value, item: Instruction) -> tuple[Value, list[Instruction]]:
    """An array of the shape and dtype of one, filled with (the broadcast numbers of) another, and how that is done."""
    where = item.line, item.section
    array = np.empty(made.shape, made.dtype)
    create = Instruction("call", "empty", np.empty, (made.shape, made.dtype), {}, where)
    full = create.outs = Value(Storage("fresh", array), array, create)
    full.storage.written = True
    fill = Instruction("call", "__setitem__", np.ndarray.__setitem__, (full, ..., value), {}, where)
    fill.target = full
    return full, [create, fill]


def widen_masks(program: Program) -> None:
    """A product of numbers with truth values is one of numbers: conversion on the way is slow."""
    kept: list[Any] = []
    for item in program.items:
        made = item.result if isinstance(item, Instruction) else None
        if (
            isinstance(item, Instruction)
            and item.function is np.multiply
            and type(made) is Value
            and set(item.kwargs) <= {"out", "order"}
            and 1 < made.array.size <= WIDENED
            and all(type(arg) is Value and arg.shape == made.shape for arg in item.args)
            and sorted(arg.dtype.kind == "b" for arg in item.args) == [False, True]
            and all(arg.dtype in (made.dtype, np.bool_) for arg in item.args)
        ):
            at = 0 if item.args[0].dtype.kind == "b" else 1
            full, lines = _laid_out(item.args[at], made, item)
            kept += lines
            item.args = (full, item.args[1]) if at == 0 else (item.args[0], full)
        kept.append(item)
    program.items = kept


def reduce_in_segments(program: Program) -> None:
    """The greatest or least of each of many short rows is found by ``reduceat`` on all of them in one line."""
    known: dict[Any, Value] = {}
    kept: list[Any] = []
    for item in program.items:
        if not isinstance(item, Instruction) or not _reduces_rows(item):
            kept.append(item)
            continue
        value, made = item.args[0], item.outs
        where = item.line, item.section
        size, width = value.array.size, value.shape[-1]
        line = Instruction("view", "reshape", np.ndarray.reshape, (value, -1), {}, where)
        line.outs = Value(value.storage, value.array.reshape(-1), line)
        starts = _constant(np.arange(0, size, width), (size // width,), known, True)
        item.function = np.maximum.reduceat if item.name == "maximum.reduce" else np.minimum.reduceat
        item.name += "at"
        item.args, item.kwargs = (line.outs, starts), {}
        kept += [line, item]
        if made.shape != (size // width,):
            item.outs = Value(made.storage, made.array.reshape(-1), item)
            back = Instruction("view", "reshape", np.ndarray.reshape, (item.outs, *made.shape), {}, where)
            back.outs, made.source = made, back
            kept.append(back)
    program.items = kept


def _reduces_rows(item: Instruction) -> bool:
    """Whether an instruction finds the greatest or least number of each short row of a whole array of floats."""
    if item.name not in ("maximum.reduce", "minimum.reduce") or item.target is not None or len(item.args) != 1:
        return False
    value, made = item.args[0], item.outs
    if type(value) is not Value or type(made) is not Value or not _takes_rows_alone(item):
        return False
    rank = len(value.shape)
    return (
        rank > 1
        and item.kwargs.get("axis") in (-1, rank - 1)
        and value.dtype.kind == "f"
        and value.array.flags.c_contiguous
        and made.array.flags.c_contiguous
        and made.dtype == value.dtype
        and 1 < value.shape[-1] <= NARROW
        and value.shape[-1] < value.array.size < LARGE
        and not made.storage.written
    )


def _takes_rows_alone(item: Instruction) -> bool:
    """Whether its arguments by name change nothing of what it finds in a row, as infinity to begin with does not."""
    rest = {name: value for name, value in item.kwargs.items() if name not in ("axis", "keepdims")}
    first, dtype = rest.pop("initial", None), rest.pop("dtype", None)
    least = -np.inf if item.name == "maximum.reduce" else np.inf
    return not rest and dtype is None and (first is None or (isinstance(first, np.floating | float) and first == least))
