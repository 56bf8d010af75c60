"""Computing again: a large array that a few cheap calls make of what is there anyway is not kept for backward."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .program import Program, may_overlap, reads_of
from .runs import Run, grouped
from .values import Check, Instruction, Storage, Value, extent, map_tree, wanders

__all__ = ["compute_again"]

LARGE = 1 << 17
"""Bytes of an array that is worth it, if it is a part of the memory in use that is worth it."""
SHARE = 64
"""That part is at least one in so many."""
CALLS = 4
"""Calls that make an array again, at most."""
_CHEAP = {
    np.add, np.subtract, np.multiply, np.negative, np.square, np.absolute, np.maximum, np.minimum, np.positive,
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
}  # fmt: skip


def compute_again(program: Program) -> None:
    """What is not needed for a time in which most memory is, and made by a few cheap calls, is made twice.

    So the results of normalizations, which a layer's gradient for its weights needs, are computed again from the
    normalizations' arguments, which these keep for their own gradients. The calls are the same, and their results too.
    """
    done: set[Storage] = set()
    while (gap := _Uses(program).widest(done)) is not None:
        done |= {gap.storage, _make_again(program, gap)}


class _Gap(NamedTuple):
    """A time in which nobody needs an array.

    Attributes:
        storage: where it lies; calls: the numbers of the items that make it.
        before, after: the numbers of the items that need it last before, and first after.
    """

    storage: Storage
    calls: list[int]
    before: int
    after: int


class _Uses:
    """When a program reads and writes what, by the numbers of its items."""

    def __init__(self, program: Program) -> None:
        self._items = program.items
        self._given = {value.storage for value in program.given()}
        runs = [run for run in grouped(program) if isinstance(run, Run)]
        self._scratch = {value.storage for run in runs for value in run.inner}  # of which there is only a block
        self._reads: dict[Storage, list[int]] = defaultdict(list)
        self._writes: dict[Storage, list[int]] = defaultdict(list)
        for i, item in enumerate(program.items):
            if isinstance(item, Check) or item.kind == "call":
                for storage in {value.storage for value in reads_of(item)}:
                    self._reads[storage].append(i)
                for storage in _written(item):
                    self._writes[storage].append(i)

    def widest(self, done: set[Storage]) -> _Gap | None:
        """The time around the peak in which an array is not needed that can be made again: of that which saves most."""
        uncounted = self._given | self._scratch
        spans = {
            storage: (first, max(writes[-1], *self._reads[storage][-1:], first))
            for storage, writes in self._writes.items()
            if storage.kind == "fresh" and storage not in uncounted and (first := writes[0]) >= 0
        }
        changes = [0] * (len(self._items) + 1)
        for storage, (first, last) in spans.items():
            changes[first] += storage.array.nbytes
            changes[last + 1] -= storage.array.nbytes
        memory = np.cumsum(changes)
        peak = int(memory.argmax())
        least = max(LARGE, memory[peak] // SHARE)
        large = (one for one, (first, last) in spans.items() if first < peak < last and one.array.nbytes >= least)
        gaps = [gap for storage in large if storage not in done and (gap := self._gap(storage, peak))]
        return max(gaps, key=lambda gap: gap.storage.array.nbytes / len(gap.calls), default=None)

    def _gap(self, storage: Storage, peak: int) -> _Gap | None:
        calls, reads = self._writes[storage], self._reads[storage]
        if len(calls) > CALLS or not all(_is_cheap(self._items[i], storage) for i in calls):
            return None
        made = calls[-1]
        later = [i for i in reads if i > made]
        gap = next(((a, b) for a, b in pairwise([made, *later]) if a < peak < b), None)
        if gap is None or not all(self._are_there(self._items[i], i, gap[1], storage) for i in calls):
            return None
        users = [value for i in later if i >= gap[1] for value in reads_of(self._items[i]) if value.storage is storage]
        return _Gap(storage, calls, *gap) if all(map(_is_plain, users)) else None

    def _are_there(self, item: Any, start: int, end: int, storage: Storage) -> bool:
        """Whether what an instruction reads, besides the array that it makes, is there until an item, and the same."""
        for value in item.reads():
            one = value.storage
            if one is storage:
                continue
            if one.kind == "fresh" and one not in self._given and self._reads[one][-1] < end:
                return False
            writes = [self._items[i] for i in self._writes[one] if start < i < end]
            if any(_may_write(other, value) for other in writes):
                return False
        return True


def _written(item: Any) -> set[Storage]:
    """The storages that a call writes into, or makes."""
    if isinstance(item, Check):
        return set()
    return {value.storage for value in (*item.makes(), *([] if item.target is None else [item.target]))}


def _may_write(item: Any, value: Value) -> bool:
    """Whether an instruction may change numbers of a value whose memory it writes into."""
    return item.target is None or bool(np.may_share_memory(extent(item.target).array, extent(value).array))


def _is_cheap(item: Any, storage: Storage) -> bool:
    """Whether an instruction computes all of an array, element by element."""
    made = item.result
    if not isinstance(made, Value) or made.array.nbytes != storage.array.nbytes or not made.array.flags.c_contiguous:
        return False
    return item.function in _CHEAP and not set(item.kwargs) - {"out"}


def _is_plain(value: Value) -> bool:
    """Whether a value is what a call made, or a view of it that lies at the same place at each call."""
    source = value.source
    while source is not None and source.kind == "view":
        base = [read for read in source.reads() if read.storage is value.storage]
        if type(source.outs) is not Value or wanders(source) or len(base) != 1:
            return False
        source = base[0].source
    return source is not None


def _make_again(program: Program, gap: _Gap) -> Storage:
    """Make an array again where it is needed next; returns where that lies."""
    items, storage = program.items, gap.storage
    again = Storage("fresh", storage.array)
    again.written = storage.written
    first: Any = items[gap.calls[0]]
    section = getattr(items[gap.after], "section", first.section)
    added: list[Any] = []
    known: dict[Value, Value] = {}

    def stand_in(leaf: Any) -> Any:
        """What stands for a value of the array."""
        if type(leaf) is not Value or leaf.storage is not storage:
            return leaf
        if leaf not in known:
            repeat(leaf.source)
        return known[leaf]

    def repeat(item: Any) -> None:
        """The same instruction, of what stands for its arguments."""
        args, kwargs, target = map_tree(item.args, stand_in), map_tree(item.kwargs, stand_in), stand_in(item.target)
        other = Instruction(item.kind, item.name, item.function, args, kwargs, (item.line, section))
        other.target = target
        if item.outs is not None:
            known[item.outs] = other.outs = Value(again, item.outs.array, other)
        added.append(other)

    for i in gap.calls:
        repeat(items[i])
    for item in items[gap.after :]:
        if isinstance(item, Check):
            item.parts = map_tree(item.parts, stand_in)
        elif item.kind == "call":
            item.args, item.kwargs = map_tree(item.args, stand_in), map_tree(item.kwargs, stand_in)
            item.target = stand_in(item.target)
    rest = [
        item
        for item in items[gap.before + 1 :]
        if isinstance(item, Check) or item.kind == "call" or all(made.storage is not storage for made in item.makes())
    ]
    at = next(i for i, item in enumerate(rest) if item is items[gap.after])
    passed = {storage for item in items[gap.calls[0] : gap.after] for storage in _written(item)}
    program.reorders |= may_overlap(passed, {value.storage for item in added for value in item.reads()})
    program.items = [*items[: gap.before + 1], *rest[:at], *added, *rest[at:]]
    return again
