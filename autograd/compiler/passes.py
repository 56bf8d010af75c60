"""Passes: each makes a program shorter or faster, and none changes what it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .again import compute_again
from .cheaper import drop_views, reduce_in_segments, spread_operands, use_dot, use_square, widen_masks
from .direct import make_directly, write_directly
from .factors import match_products
from .layouts import lay_out_columns
from .numbers import Number
from .ordering import check_early, free_early, make_late
from .program import Program, may_overlap, reads_of
from .runs import join_runs, join_sums
from .sharing import share_products
from .values import Check, Instruction, Storage, Value, extent, leaves_in, lie_alike

__all__ = ["OTHERWISE_IN_KERNELS", "PASSES", "remove_dead", "run_passes"]


def fold_constants(program: Program) -> None:
    """What is computed of constants alone is computed once, unless it is given away: its result is a constant too."""
    kept: list[Any] = []
    given = {value.storage for value in program.given()}
    for item in program.items:
        if not isinstance(item, Instruction) or not _is_known(item, given):
            kept.append(item)
            continue
        for made in item.makes():
            made.storage.kind = "constant"
            made.source = None
            if made.scalar:
                made.array = made.array[()]
    program.items = kept


def _is_known(item: Instruction, given: set[Storage]) -> bool:
    """Whether an instruction computes the same at each call, of constants alone, and for the program alone."""
    if item.target is not None or not _is_pure(item) or any(v.storage.kind != "constant" for v in item.reads()):
        return False
    if any(v.storage.written or v.storage in given for v in item.makes()):
        return False
    return not any(type(leaf) is Number for leaf in leaves_in((item.args, item.kwargs)))


def remove_copies(program: Program) -> None:
    """A copy is not made if neither it nor what it is a copy of is written afterwards, nor one onto itself.

    Nor is one of what nothing else needs afterwards: it may be written in the place of the copy.
    """
    program.items = [item for item in program.items if not _is_onto_itself(item)]
    written = program.written()
    last = {value.storage: i for i, item in enumerate(program.items) for value in reads_of(item)}
    given = {value.storage for value in program.given()}
    swaps: dict[Value, Value] = {}
    homes: dict[Storage, Storage] = {}
    for i, item in enumerate(program.items):
        if not isinstance(item, Instruction) or item.target is not None or not isinstance(item.outs, Value):
            continue
        source, made = _copied(item), item.outs.storage
        if source is None or source.array.strides != item.outs.array.strides:
            continue
        source = swaps.get(source, source)
        home = homes.get(source.storage, source.storage)  # it may have been cut from a copy that is left out
        if any(at > i for at in written.get(home, ())):
            continue
        if made.written and (home.kind != "fresh" or home in given or last[home] > i):
            continue
        if made in given and (home.kind != "fresh" or home in given):
            continue
        swaps[item.outs], homes[made] = source, home
        until = last.get(made, i)
        passed = (storage for storage, ats in written.items() if any(i < at < until for at in ats))
        program.reorders |= may_overlap(passed, [home])
        last[home] = max(last.get(home, i), until)
        home.written |= made.written
        written.setdefault(home, []).extend(written.pop(made, ()))
        if made in given:
            given.add(home)
    program.replace(swaps)


def use_scalars(program: Program) -> None:
    """A constant that was broadcast from one number is that number again, where the other operand has the shape."""
    for item in program.instructions():
        made = item.result
        if not isinstance(item.function, np.ufunc) or not isinstance(made, Value) or len(item.args) != 2:
            continue
        if item.function.signature is not None:  # matmul
            continue
        for i, arg in enumerate(item.args):
            other = item.args[1 - i]
            if type(arg) is not Value or type(other) is not Value or other.shape != made.shape:
                continue
            if arg.storage.kind == "constant" and arg.array.size and not any(arg.array.strides):
                number = arg.array[(*(0,) * arg.array.ndim, ...)]
                scalar = Value(Storage("constant", number), number)
                item.args = (scalar, other) if i == 0 else (other, scalar)


def _is_onto_itself(item: Any) -> bool:
    """Whether an item assigns a part of an array to the same part, as Python does at the end of ``x[i:j] += y``."""
    if not isinstance(item, Instruction) or item.name != "__setitem__" or type(item.args[2]) is not Value:
        return False
    array, index, value = item.args
    plain = all(x is None or type(x) is int or x is Ellipsis for x in leaves_in(index))
    if type(array) is not Value or not plain:
        return False
    if value.storage is not array.storage or not extent(array) is array is not value is extent(value):
        return False
    return lie_alike(array.array[index], value.array)


def _times_one(item: Instruction) -> Value | None:
    """What an instruction multiplies by one."""
    if item.function is not np.multiply or len(item.args) != 2 or not isinstance(item.outs, Value):
        return None
    for one, source in (item.args, item.args[::-1]):
        is_one = type(one) is Value and one.storage.kind == "constant" and not one.shape and one.array == 1
        if is_one and type(source) is Value and (source.dtype, source.shape) == (item.outs.dtype, item.outs.shape):
            # of NumPy's scalar broadcast_to and its kind make an array, of an array a view: one is not the other
            return source if source.scalar is item.outs.scalar else None
    return None


def _copied(item: Instruction) -> Value | None:
    """What an instruction makes a plain copy of."""
    source = _times_one(item)
    if source is not None:
        return source
    if item.name not in ("copy", "array", "astype", "positive") or not item.args or type(item.args[0]) is not Value:
        return None
    source = item.args[0]
    made: Value = item.outs
    whole = item.kind == "call" and source.dtype == made.dtype and source.shape == made.shape
    whole = whole and source.scalar is made.scalar
    return source if whole and made.storage is not source.storage else None


class _Seen:
    """Calls by what they compute: those with equal keys compute the same."""

    def __init__(self) -> None:
        self.swaps: dict[Value, Value] = {}
        self._written: list[Storage] = []
        self._writes: dict[Storage, list[Any]] = {}
        self._known: dict[Any, tuple[Instruction, int]] = {}
        self._numbers = True

    def write(self, target: Value) -> None:
        """From now on what lies there is something else."""
        self._written.append(target.storage)
        self._writes.setdefault(target.storage, []).append(extent(target).array)

    def know(self, item: Instruction) -> None:
        """From now on an instruction stands for those that compute the same."""
        self._known[self.key(item)] = item, len(self._written)

    def forget(self, item: Instruction) -> None:
        """From now on nothing stands for an instruction."""
        del self._known[self.key(item)]

    def before(self, item: Instruction) -> tuple[Instruction | None, bool]:
        """What computed the same as an instruction, and whether that may depend on where arguments lie."""
        first, at = self._known.get(self.key(item), (None, 0))
        past = item.kind == "call" and may_overlap(self._written[at:], [value.storage for value in item.reads()])
        return first, past

    def key(self, item: Any) -> Any:
        """The key of an instruction, or of something among its arguments."""
        if type(item) is Instruction:
            self._numbers = item.kind != "view"  # a view is the same, whatever lies there
            return item.name, self.key(item.args), self.key(item.kwargs)
        if type(item) is Number:
            return self._key_of_number(item)
        if type(item) is Value:
            while item in self.swaps:
                item = self.swaps[item]
            writes = self._writes.get(item.storage, ()) if self._numbers else ()
            within = extent(item).array if writes else None
            return ("value", id(item), sum([np.may_share_memory(within, array) for array in writes]))
        if isinstance(item, slice):
            return ("slice", self.key(item.start), self.key(item.stop), self.key(item.step))
        if isinstance(item, list):
            return ("list", tuple([self.key(x) for x in item]))
        if isinstance(item, tuple):
            return tuple([self.key(x) for x in item])
        if isinstance(item, dict):
            return tuple([(name, self.key(x)) for name, x in item.items()])
        return (type(item), repr(item)) if isinstance(item, (int, float, complex, str, np.generic)) else id(item)

    def _key_of_number(self, number: Number) -> Any:
        """Two are the same if they are computed alike, not if they are equal in the call that was recorded."""
        if number.place is not None:
            return "number", number.place[0].identity(), number.place[1]
        before, self._numbers = self._numbers, True
        parts = self.key(number.parts)
        self._numbers = before
        return "number", number.text, parts


def share_equal(program: Program) -> None:
    """What was computed before of the same values is not computed again."""
    seen = _Seen()
    given = {value.storage for value in program.given()}
    for item in program.instructions():
        if item.target is not None:
            seen.write(item.target)
            continue
        makes = item.makes()
        if not _is_pure(item) or (any(v.storage.written or v.storage in given for v in makes) and item.kind == "call"):
            continue
        first, past = seen.before(item)
        if first is None:
            seen.know(item)
        else:
            seen.swaps.update(zip(makes, first.makes(), strict=True))
            program.reorders |= past
    program.replace(seen.swaps)


def take_over(program: Program) -> None:
    """What was computed before of the same values, and is not needed any more, is what would be computed again.

    That may be written into or given away, other than what ``share_equal`` shares.
    """
    seen = _Seen()
    last = {value: i for i, item in enumerate(program.items) for value in reads_of(item)}
    kept = {value.storage for value in (*program.given(), *_views(program))} | set(program.written())
    again: set[Instruction] = set()
    for i, item in enumerate(program.items):
        if not isinstance(item, Instruction):
            continue
        made = item.outs
        if item.target is not None:
            seen.write(item.target)
        elif isinstance(made, Value) and item.kind == "call" and made.storage.kind == "fresh" and _is_pure(item):
            first, past = seen.before(item)
            if first is not None and last[first.outs] < i and first.outs.array.strides == made.array.strides:
                seen.forget(item)
                seen.swaps[first.outs] = made
                first.outs, made.source = made, first
                program.reorders |= past
                again.add(item)
            elif made.storage not in kept and made in last:
                seen.know(item)
    program.items = [item for item in program.items if item not in again]
    program.replace(seen.swaps)


def _views(program: Program) -> Iterator[Value]:
    """The values that views have made."""
    for item in program.instructions():
        if item.kind == "view":
            yield from item.makes()


def remove_dead(program: Program) -> None:
    """What nobody uses is not computed."""
    given = program.given()
    values = set(given)
    storages = {value.storage for value in given}
    kept: list[Any] = []
    for item in reversed(program.items):
        if isinstance(item, Check):
            live = True
        elif item.target is not None:
            live = item.target.is_given or item.target.storage in storages
        elif item.kind == "view":
            live = any(made in values for made in item.makes())
        else:
            live = any(made.storage in storages for made in item.makes()) or not _is_pure(item)
        if live:
            kept.append(item)
            reads = reads_of(item)
            values.update(reads)
            storages.update([value.storage for value in reads])
    program.items = kept[::-1]


def simplify_calls(program: Program) -> None:
    """NumPy's functions that go through Python are called by what they come to: ``sum`` is ``add.reduce``.

    Of an array that is only to be like another the shape is known.
    """
    for item in program.instructions():
        reduce = _REDUCTIONS.get(item.function)
        if reduce is not None and set(item.kwargs) <= _BY_NAME and len(item.args) <= 2:
            axis = item.args[1] if len(item.args) == 2 else item.kwargs.get("axis")
            rest = {name: value for name, value in item.kwargs.items() if name != "axis"}
            item.function, item.name = reduce
            item.args, item.kwargs = (item.args[0],), {"axis": axis, **rest}
        plain = _LIKE.get(item.function)
        if plain is not None and type(item.args[0]) is Value and item.outs.array.flags.c_contiguous:
            item.function, item.name = plain, plain.__name__
            item.args, item.kwargs = (item.outs.shape, item.outs.dtype), {}


_LIKE: dict[Any, Any] = {np.empty_like: np.empty, np.zeros_like: np.zeros, np.ones_like: np.ones}
_BY_NAME = {"axis", "keepdims", "dtype", "initial"}
"""What both take."""
_REDUCTIONS: dict[Any, Any] = {
    np.sum: (np.add.reduce, "add.reduce"),
    np.prod: (np.multiply.reduce, "multiply.reduce"),
    np.max: (np.maximum.reduce, "maximum.reduce"),
    np.amax: (np.maximum.reduce, "maximum.reduce"),
    np.min: (np.minimum.reduce, "minimum.reduce"),
    np.amin: (np.minimum.reduce, "minimum.reduce"),
}


def _is_pure(item: Instruction) -> bool:
    return item.stream is None


PASSES: dict[str, Callable[[Program], None]] = {
    "simplify_calls": simplify_calls,
    "fold_constants": fold_constants,
    "use_scalars": use_scalars,
    "remove_copies": remove_copies,
    "make_directly": make_directly,
    "share_equal": share_equal,
    "match_products": match_products,
    "write_directly": write_directly,
    "remove_dead": remove_dead,
    "take_over": take_over,
    "check_early": check_early,
    "drop_views": drop_views,
    "use_dot": use_dot,
    "use_square": use_square,
    "reduce_in_segments": reduce_in_segments,
    "widen_masks": widen_masks,
    "spread_operands": spread_operands,
    "make_late": make_late,
    "free_early": free_early,
    "join_sums": join_sums,
    "join_runs": join_runs,
    "compute_again": compute_again,
    "share_products": share_products,
    "lay_out_columns": lay_out_columns,
}
"""All passes by name, in the order in which they run."""

OTHERWISE_IN_KERNELS = {
    "compute_again", "join_runs", "join_sums", "lay_out_columns", "reduce_in_segments", "share_products",
    "spread_operands", "widen_masks",
}  # fmt: skip
"""Passes whose work kernels do in a better way."""


def run_passes(program: Program, chosen: Any = None) -> None:
    """Run the passes (all, or those named)."""
    for name, run in PASSES.items():
        if chosen is None or name in chosen:
            run(program)
