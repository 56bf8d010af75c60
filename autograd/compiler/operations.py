"""Operations: what a recorded call means to a kernel, if it is one that a kernel can do."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .numbers import Number
from .values import Instruction, Value

__all__ = ["COLUMN", "ELEMENTWISE", "FULL", "ROW", "SCALAR", "Domain", "Operation", "domain_of", "operation"]

FULL, ROW, COLUMN, SCALAR = "full", "row", "column", "scalar"

ELEMENTWISE: dict[Any, str] = {
    np.add: "{0} + {1}", np.subtract: "{0} - {1}", np.multiply: "{0} * {1}", np.divide: "{0} / {1}",
    np.negative: "-{0}", np.positive: "{0}", np.absolute: "abs({0})", np.square: "{0} * {0}",
    np.reciprocal: "{one} / {0}", np.sqrt: "sqrt({0})", np.maximum: "maximum({0}, {1})",
    np.minimum: "minimum({0}, {1})", np.exp: "exp{bits}({0})", np.expm1: "expm1{bits}({0})",
    np.log: "log{bits}({0})", np.log1p: "log1p{bits}({0})", np.tanh: "tanh{bits}({0})", np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}", np.less: "{0} < {1}", np.less_equal: "{0} <= {1}", np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}", np.logical_and: "{0} & {1}", np.logical_or: "{0} | {1}", np.logical_not: "not {0}",
    np.isnan: "{0} != {0}", np.copysign: "copysign({0}, {1})", np.where: "{1} if {0} else {2}",
}  # fmt: skip
"""Functions of single elements, and how a kernel says them."""
_BOOLEAN = {np.logical_and, np.logical_or, np.logical_not}
_TRANSCENDENT = {np.exp, np.expm1, np.log, np.log1p, np.tanh, np.sqrt, np.copysign, np.reciprocal, np.divide}
_KINDS = ("float32", "float64", "bool", "int32", "int64")
_LONGEST = 1 << 16
"""Longer rows are summed by NumPy, pair by pair."""


class Domain(NamedTuple):
    """The rows and columns of a kernel's whole arrays; one row if they are only ever taken element by element."""

    rows: int
    columns: int


class Operation:
    """A call as a kernel does it.

    Attributes:
        item: the instruction.
        kind: ``"map"``, or for reductions what they reduce: ``"rows"`` to numbers, ``"columns"``, or the ``"total"``.
        text: how it is said: of a map with ``{0}``, ``{1}``, ...; else ``add``, ``maximum`` or ``minimum``.
        operands: a level and a Value, Number or plain number each; those of a reduction are multiplied.
        kinds: the dtypes to which operands are converted; made: that in which the result is computed.
        level: of the result; result: where it goes.
    """

    __slots__ = ("item", "kind", "kinds", "level", "made", "operands", "result", "text")

    def __init__(self, item: Instruction, kind: str, text: str, operands: list[tuple[str, Any]], level: str) -> None:
        self.item = item
        self.kind = kind
        self.text = text
        self.operands = operands
        self.level = level
        self.result: Value = item.result
        self.made = self.result.dtype
        self.kinds = [self.made] * len(operands)

    def is_large(self) -> bool:
        """Whether it goes through whole arrays."""
        return FULL in (self.level, *(level for level, _ in self.operands))


def domain_of(item: Instruction) -> Domain | None:
    """The rows and columns that an instruction works on, if a kernel could do it."""
    result = item.result
    if item.kind != "call" or not isinstance(result, Value):
        return None
    shapes = [result.shape, *[arg.shape for arg in item.args if type(arg) is Value]]
    shape = max(shapes, key=lambda shape: (math.prod(shape), len(shape)))
    size = math.prod(shape)
    if size < 2:
        return None
    flat = len(shape) < 2 or shape[-1] in (1, size)
    domain = Domain(1, size) if flat else Domain(size // shape[-1], shape[-1])
    return domain if operation(item, domain) is not None else None


def operation(item: Instruction, domain: Domain) -> Operation | None:
    """What an instruction means to a kernel of these rows and columns; None if it can't do it."""
    result = item.result
    if item.kind != "call" or item.stream is not None or not isinstance(result, Value) or not _is_plain(result):
        return None
    function = item.function
    if function in ELEMENTWISE:
        return _map(item, domain, result)
    if function in (np.vecdot, np.matmul, np.dot) and len(item.args) == 2 and not set(item.kwargs) - {"out"}:
        return _product(item, domain, result)
    if isinstance(getattr(function, "__self__", None), np.ufunc) and item.name.endswith(".reduce"):
        return _reduction(item, domain, result)
    if item.name in ("astype", "copy") and isinstance(item.args[0], Value) and item.target is None:
        level = _level(result.shape, domain)
        if level in (FULL, ROW) and item.args[0].shape == result.shape and _is_plain(item.args[0]):
            op = Operation(item, "map", "{0}", [(level, item.args[0])], level)
            op.kinds = [result.dtype]
            return op
    return None


def _is_plain(value: Value) -> bool:
    return value.dtype.name in _KINDS and value.dtype.isnative and bool(value.array.flags.c_contiguous)


def _level(shape: tuple[int, ...], domain: Domain) -> str | None:
    """What a result of this shape is: a whole array, or a number for each row."""
    size = math.prod(shape)
    if size == domain.rows * domain.columns and (domain.rows == 1 or (len(shape) > 1 and shape[-1] == domain.columns)):
        return FULL
    return ROW if size == domain.rows and domain.rows > 1 else None


def _beside(shape: tuple[int, ...], level: str, domain: Domain) -> str | None:
    """What an operand of this shape is, beside a result of that level."""
    size = math.prod(shape)
    if size == 1:
        return SCALAR
    if level == ROW:
        return ROW if size == domain.rows else None
    if size == domain.rows * domain.columns:
        return FULL
    if domain.rows == 1:
        return None
    if shape[-1] == 1:
        return ROW if size == domain.rows else None
    return COLUMN if size == domain.columns and shape[-1] == size else None


def _map(item: Instruction, domain: Domain, result: Value) -> Operation | None:
    level = _level(result.shape, domain)
    if level is None or set(item.kwargs) - {"out", "order"}:
        return None
    operands: list[tuple[str, Any]] = []
    for arg in item.args:
        if type(arg) is Value:
            found = _beside(arg.shape, level, domain)
            if found is None or not _is_plain(arg):
                return None
            operands.append((found, arg))
        elif type(arg) is Number or isinstance(arg, (bool, int, float, np.generic)):
            operands.append((SCALAR, arg))
        else:
            return None
    op = Operation(item, "map", ELEMENTWISE[item.function], operands, level)
    return op if _type(op) else None


def _type(op: Operation) -> bool:
    """Find the dtypes in which an elementwise operation computes; whether a kernel knows them."""
    function: Any = op.item.function
    kinds = [_strong(operand) for _, operand in op.operands]
    if function is np.where:
        if len(kinds) != 3 or kinds[0] != np.bool_:
            return False
        op.kinds = [kinds[0], op.result.dtype, op.result.dtype]
        return True
    try:
        *op.kinds, op.made = function.resolve_dtypes((*kinds, None))
    except TypeError:
        return False
    if function in _BOOLEAN and any(kind != np.bool_ for kind in kinds):
        return False  # NumPy takes numbers of two kinds for bools, too
    if function in _TRANSCENDENT and op.made.kind != "f":
        return False
    if op.made.kind == "b" and function in (np.add, np.multiply, np.maximum, np.minimum, np.absolute, np.positive):
        return False
    return all(kind.name in _KINDS for kind in (*op.kinds, op.made))


def _strong(operand: Any) -> Any:
    """The dtype of an operand, or the type of a Python number, which follows the others."""
    value = operand.value if type(operand) is Number else operand
    if isinstance(value, (Value, np.generic)):
        return value.dtype
    return type(value) if type(value) in (int, float) else np.dtype(bool)


def _product(item: Instruction, domain: Domain, result: Value) -> Operation | None:
    """A product of which a reduction is left: of rows, of a matrix with a vector, of a vector with a matrix."""
    a, b = item.args
    if type(a) is not Value or type(b) is not Value or domain.rows == 1 or domain.columns > _LONGEST:
        return None
    if not (_is_plain(a) and _is_plain(b) and a.dtype == b.dtype == result.dtype and result.dtype.kind == "f"):
        return None
    full, line, stand = (domain.rows, domain.columns), (domain.columns,), (domain.rows,)
    if item.function is np.vecdot:
        levels = _beside(a.shape, FULL, domain), _beside(b.shape, FULL, domain)
        if FULL not in levels or not set(levels) <= {FULL, COLUMN} or result.array.size != domain.rows:
            return None
        return Operation(item, "rows", "add", [(str(levels[0]), a), (str(levels[1]), b)], ROW)
    if _level(a.shape, domain) == FULL and b.shape in (line, (*line, 1)):
        return Operation(item, "rows", "add", [(FULL, a), (COLUMN, b)], ROW)
    if b.shape == full and a.shape in (stand, (1, *stand)):
        return Operation(item, "columns", "add", [(ROW, a), (FULL, b)], COLUMN)
    return None


_REDUCED = {np.add: "add", np.maximum: "maximum", np.minimum: "minimum"}


def _reduction(item: Instruction, domain: Domain, result: Value) -> Operation | None:
    function: Any = item.function
    text = _REDUCED.get(function.__self__)
    axis = item.args[1] if len(item.args) > 1 else item.kwargs.get("axis", 0)
    source = item.args[0]
    if (
        text is None
        or set(item.kwargs) - {"axis", "keepdims", "out", "dtype"}
        or len(item.args) > 2
        or type(source) is not Value
    ):
        return None
    if not _is_plain(source) or source.dtype != result.dtype or result.dtype.kind != "f":
        return None
    if item.kwargs.get("dtype") not in (None, result.dtype):
        return None
    if _level(source.shape, domain) != FULL:
        return None
    count = len(source.shape)
    axes = range(count) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(type(one) is int for one in axes):
        return None
    left = [length for i, length in enumerate(source.shape) if i not in {one % count for one in axes} and length != 1]
    if not left:
        return Operation(item, "total", text, [(FULL, source)], SCALAR) if text == "add" else None
    if domain.rows == 1:
        return None
    if {one % count for one in axes} == {count - 1} and domain.columns <= _LONGEST:
        return Operation(item, "rows", text, [(FULL, source)], ROW)
    if left == [domain.columns] and count - 1 not in {one % count for one in axes}:
        return Operation(item, "columns", text, [(FULL, source)], COLUMN) if text == "add" else None
    return None
