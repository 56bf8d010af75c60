"""Products of the same factors, multiplied in another order, are computed once.

The derivative of ``c * x * x * x`` is ``g * (c * x * x)`` three times over, each time in an order of its own. These
differ by rounding alone, 2 ulp for three factors and 3 for four. Small arrays, which cost little, stay bit for bit what
they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Program, reads_of
from .runs import LARGE
from .values import Instruction, Storage, Value

__all__ = ["match_products"]

MOST = 6
"""Factors of a product, at most: more would round too often."""


def match_products(program: Program) -> None:
    """A large product is one that was computed before of the same factors, where both are added up."""
    factors: dict[Value, tuple[Any, ...]] = {}
    known: dict[Any, Value] = {}
    swaps: dict[Value, Value] = {}
    kept = {value.storage for value in program.given()} | set(program.written())
    users: dict[Value, list[Any]] = {}
    for item in program.items:
        for value in reads_of(item):
            users.setdefault(value, []).append(item)
    for item in program.instructions():
        made = item.result
        if not _is_product(item) or any(_storage(arg) in kept for arg in (made, *item.args)):
            continue
        found = tuple(sorted([factor for arg in item.args for factor in factors.get(arg, (_key(arg),))]))
        if len(found) > MOST:
            continue
        factors[made] = found
        first = known.setdefault(found, made)
        if first is not made and len(found) > 2 and _sums_with(first, users) & _sums_with(made, users):
            swaps[made] = first
    program.matches = bool(swaps)
    program.replace(swaps)


def _is_product(item: Instruction) -> bool:
    """Whether an instruction multiplies large arrays of one shape and dtype, or one by a constant number."""
    made = item.result
    if item.function is not np.multiply or len(item.args) != 2 or type(made) is not Value or item.kwargs:
        return False
    if item.target is not None or made.array.size < LARGE or made.dtype.char not in "fd":
        return False
    return all(_is_number(arg) or _is_like(arg, made) for arg in item.args)


def _is_number(arg: Any) -> bool:
    return type(arg) is float or (type(arg) is Value and not arg.shape and arg.storage.kind == "constant")


def _is_like(arg: Any, made: Value) -> bool:
    return type(arg) is Value and arg.shape == made.shape and arg.dtype == made.dtype


def _storage(arg: Any) -> Storage | None:
    return arg.storage if type(arg) is Value else None


def _key(arg: Any) -> tuple[str, Any]:
    """What a factor that is no product of others is known by; keys can be sorted."""
    return ("array", id(arg)) if not _is_number(arg) else ("number", float(arg.array if type(arg) is Value else arg))


def _sums_with(value: Value, users: dict[Value, list[Any]]) -> set[Value]:
    """The sums that a value is part of: where it overflows, so do they."""
    sums: set[Value] = set()
    waiting = [value]
    while waiting:
        for item in users.get(waiting.pop(), ()):
            made = item.result if isinstance(item, Instruction) and item.function in (np.add, np.subtract) else None
            if type(made) is Value and made not in sums:
                sums.add(made)
                waiting.append(made)
    return sums
