"""Results are computed where they belong, instead of being copied there."""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Program, reads_of
from .values import Instruction, Storage, Value, collect, extent, lie_alike

__all__ = ["make_directly", "write_directly"]


def make_directly(program: Program) -> None:
    """A call that writes all of an array that was made for it makes the array."""
    at = 0
    while at < len(program.items):
        item = program.items[at]
        if isinstance(item, Instruction) and item.function in (np.empty, np.zeros) and item.target is None:
            _make_directly(program, item, at)
        at += 1


def _make_directly(program: Program, allocation: Instruction, at: int) -> None:
    made: Value = allocation.outs
    storage, moved = made.storage, [at]
    if made.storage.kind != "fresh" or not made.array.size or not made.array.flags.c_contiguous:
        return
    for i, item in enumerate(program.items[at + 1 :], at + 1):
        if isinstance(item, Instruction) and item.kind == "view" and item.makes()[0].storage is storage:
            moved.append(i)
        elif storage in {value.storage for value in reads_of(item)}:
            break
    else:
        return
    if not isinstance(item, Instruction):
        return
    target = item.target
    if target is None or target.storage is not storage or not _same_place(target, made):
        return
    taken: list[Value] = []
    collect((item.args, {name: value for name, value in item.kwargs.items() if name != "out"}), taken)
    if any(value.storage is storage for value in taken) or not _makes_alike(item, made):
        return
    views = [program.items[n] for n in moved[1:]]
    item.kwargs = {name: value for name, value in item.kwargs.items() if name != "out"}
    item.target, item.outs, made.source = None, made, item
    kept = [other for n, other in enumerate(program.items[: i + 1]) if n not in moved]
    program.items = [*kept, *views, *program.items[i + 1 :]]
    if target is not made:
        program.replace({target: made})


def _makes_alike(item: Instruction, made: Value) -> bool:
    """Whether a call of its own accord makes an array of this dtype and of ordinary layout."""
    if not isinstance(item.function, np.ufunc) or item.function.nout != 1 or set(item.kwargs) != {"out"}:
        return False
    dtypes: list[Any] = []
    for arg in item.args:
        if type(arg) in (int, float):
            dtypes.append(type(arg))
        elif type(arg) is Value and (arg.array.flags.c_contiguous or arg.shape != made.shape):
            dtypes.append(arg.dtype)
        else:
            return False
    try:
        return bool(item.function.resolve_dtypes((*dtypes, None))[-1] == made.dtype)
    except TypeError:
        return False


def write_directly(program: Program) -> None:
    """A result that is only copied into another array is computed there."""
    given = {value.storage for value in program.given()}
    users: dict[Storage, int] = {}
    for item in program.items:
        for storage in {value.storage for value in reads_of(item)}:
            users[storage] = users.get(storage, 0) + 1
    kept: list[Any] = []
    for item in program.items:
        before: Any = kept[-1] if kept else None
        copied, target, view = _copied(item, before) if isinstance(item, Instruction) else (None, None, None)
        if copied is not None and _is_made_for(before, copied, target, users, given):
            before.kwargs = {**before.kwargs, "out": target}
            before.target, before.outs = target, None
            kept[-1:] = [before] if view is None else [view, before]
            continue
        kept.append(item)
    program.items = kept


def _copied(item: Instruction, before: Any) -> tuple[Value | None, Any, Any]:
    """What an instruction only copies, and where to; with what makes a view of that, if it is a part of an array."""
    if item.function is np.copyto and len(item.args) == 2 and not set(item.kwargs) - {"casting"}:
        return item.args[1], item.target, None
    if item.name != "__setitem__" or not isinstance(before, Instruction) or item.args[2] is not before.outs:
        return None, None, None
    whole, index, copied = item.args
    if type(copied) is not Value or not _is_plain(index):
        return None, None, None
    part = whole.array[index]
    if not isinstance(part, np.ndarray) or part.size < 2:  # one element is written faster by its index
        return None, None, None
    view = Instruction("view", "__getitem__", np.ndarray.__getitem__, (whole, index), {}, (item.line, item.section))
    view.outs = Value(whole.storage, part, view)
    return copied, view.outs, view


def _is_plain(index: Any) -> bool:
    """Whether an index cuts a view, the same at each call."""
    if isinstance(index, tuple):
        return all(_is_plain(one) for one in index)
    if isinstance(index, slice):
        return all(bound is None or type(bound) is int for bound in (index.start, index.stop, index.step))
    return index is None or index is Ellipsis or type(index) is int


def _is_made_for(before: Any, copied: Any, target: Any, users: dict[Storage, int], given: set[Storage]) -> bool:
    """Whether an instruction makes what the next one copies, and could as well write it there."""
    if not isinstance(before, Instruction) or before.target is not None or before.kind != "call" or target is None:
        return False
    made = before.outs
    if copied is not made:
        return False
    if not isinstance(before.function, np.ufunc) or before.function.nout != 1 or "out" in before.kwargs:
        return False
    if made.storage in given or users.get(made.storage) != 1 or made.storage.written:
        return False
    if made.dtype != target.dtype or made.shape != target.shape:
        return False
    over = [value for value in before.reads() if value.storage is target.storage]
    if before.function.signature is not None:
        return not over
    return all(_same_place(value, target) for value in over)


def _same_place(a: Value, b: Value) -> bool:
    return a is b or (extent(a) is a and extent(b) is b and lie_alike(a.array, b.array))
