"""The order of calls: what may end the program comes first, what lets go of memory before what needs more.

And that not before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .numbers import Number
from .program import Program, may_overlap, reads_of
from .values import Check, Instruction, Storage, Value

__all__ = ["check_early", "free_early", "make_late"]

LARGE = 1 << 16
"""Bytes of an array that is worth a change of order."""


def check_early(program: Program) -> None:
    """What is decided by what is there before the call is tested before anything changes, and once.

    So nothing has to be put back when the program does not hold.
    """
    makers = {made: item for item in program.instructions() for made in item.makes()}
    written: set[Storage] = set()
    early: set[Any] = set()
    decided: set[Any] = set()
    again: set[Check] = set()
    changed = False
    for item in program.items:
        if isinstance(item, Instruction):
            if item.target is not None:
                written.add(item.target.storage)
                changed = changed or item.target.is_given
            changed = changed or item.stream is not None
        elif changed or not reads_of(item):
            needed = _needed(item, makers)
            values = [*reads_of(item), *[value for other in needed for value in other.reads()]]
            reads = {value.storage for value in values}
            if written.isdisjoint(reads) and not any(other.stream for other in needed):
                program.reorders |= may_overlap(written, reads)
                early.update(needed, [item])
                if _key(item) in decided:
                    again.add(item)
                decided.add(_key(item))
    kept = [item for item in program.items if item not in again]
    program.items = sorted(kept, key=lambda item: item not in early)


def _needed(check: Check, makers: dict[Value, Instruction]) -> set[Instruction]:
    """The instructions that compute what a check reads."""
    found: set[Instruction] = set()
    values = reads_of(check)
    while values:
        item = makers.get(values.pop())
        if item is not None and item not in found:
            found.add(item)
            values += item.reads()
    return found


def _key(item: Any) -> Any:
    """The same for checks that test the same."""
    if isinstance(item, Check):
        return item.expected, item.text, _key(item.parts)
    if type(item) is Number:
        place = item.place and (item.place[0].identity(), item.place[1])
        return place or (item.text, _key(item.parts))
    if type(item) is tuple:
        return tuple([_key(part) for part in item])
    return id(item) if type(item) is Value else (type(item), repr(item))


def free_early(program: Program) -> None:
    """A call that is the last to need a large array comes before those that make others, where nothing minds.

    So a layer's gradient for its weights, which needs its input, comes before that for its input.
    """
    size = _sizes(program)
    last = {value.storage: item for item in program.items for value in reads_of(item)}
    for item in _movable(program):
        ends = {value.storage for value in item.reads() if last[value.storage] is item}
        if sum(map(size, ends)) >= LARGE:
            program.reorders |= _move_up(program.items, item, ends, size)


def make_late(program: Program) -> None:
    """A large array is made where it is first needed, unless what it is made of would have to stay for that."""
    size = _sizes(program)
    for item in _movable(program)[::-1]:
        if sum(size(made.storage) for made in item.makes()) >= LARGE:
            program.reorders |= _move_down(program.items, item, size)


def _movable(program: Program) -> list[Instruction]:
    """The calls that only make something."""
    return [item for item in program.instructions() if item.kind == "call" and not item.target and not item.stream]


def _sizes(program: Program) -> Callable[[Storage], int]:
    """What tells the bytes that a storage takes up while it is in use: none if it is there before or stays."""
    given = {value.storage for value in program.given()}
    sizes = {
        made.storage: made.array.nbytes
        for item in program.instructions()
        for made in item.makes()
        if item.kind == "call" and made.storage not in given
    }
    return lambda storage: sizes.get(storage, 0)


def _move_up(items: list[Any], item: Instruction, ends: set[Storage], size: Callable[[Storage], int]) -> bool:
    """Put an item, with the views that it needs, before others that make something large.

    Args:
        ends: what it is the last to need.
        size: the bytes that a storage takes up while it is in use.

    Returns:
        Whether it was moved past a write into what it may read.
    """
    at = goal = next(i for i, other in enumerate(items) if other is item)
    moving, reads = {at}, set(item.reads())
    storages = {value.storage for value in reads}
    needs = max(LARGE, 1 + sum(size(made.storage) for made in item.makes()))
    for i in range(at - 1, -1, -1):
        other = items[i]
        if isinstance(other, Check) or (other.target is not None and other.target.storage in storages):
            break
        if reads.intersection(other.makes()):
            if other.kind != "view":
                break
            moving.add(i)
            reads.update(other.reads())
            continue
        if other.kind == "view":
            continue
        if any(made.storage in storages for made in other.makes()):
            break
        ends = ends - {value.storage for value in other.reads()}
        if sum(map(size, ends)) < needs:
            break
        if any(size(made.storage) >= LARGE for made in other.makes()):
            goal = i
    taken = [items[i] for i in range(goal, at + 1) if i in moving]
    passed = [items[i] for i in range(goal, at + 1) if i not in moving]
    items[goal : at + 1] = [*taken, *passed]
    return may_overlap(_written(passed), storages)


def _move_down(items: list[Any], item: Instruction, size: Callable[[Storage], int]) -> bool:
    """Put an item, with the views of what it makes, right before the first that needs them.

    Returns:
        Whether it was moved past a write into what it may read.
    """
    at = next(i for i, other in enumerate(items) if other is item)
    made, taken = {value.storage for value in item.makes()}, {value.storage for value in item.reads()}
    moving, used, end = [item], set(), at
    for end in range(at + 1, len(items)):
        other = items[end]
        reads = {value.storage for value in reads_of(other)}
        if isinstance(other, Instruction) and other.target is not None and other.target.storage in taken:
            break
        if reads & made:
            if not isinstance(other, Instruction) or other.kind != "view":
                break
            moving.append(other)
        else:
            used |= reads
    later = {value.storage for other in items[end:] for value in reads_of(other)}
    held = sum(size(storage) for storage in taken - later)
    freed = sum(size(storage) for storage in used - taken - later)
    over = isinstance(item.function, np.ufunc) and item.function.signature is None  # it may lie over what it takes
    if freed < LARGE or held + over > sum(map(size, made)):
        return False
    between = [other for other in items[at:end] if not any(other is one for one in moving)]
    items[at:end] = [*between, *moving]
    return may_overlap(_written(between), taken)


def _written(items: list[Any]) -> list[Storage]:
    """The storages that calls write into."""
    return [item.target.storage for item in items if isinstance(item, Instruction) and item.target is not None]
