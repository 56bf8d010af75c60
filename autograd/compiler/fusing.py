"""Fusing: which calls of a program one kernel can do together, a row of its arrays at a time.

A kernel works on arrays of some rows and columns. Beside these whole arrays it takes a number for each row, a number
for each column, and single numbers. It computes elementwise, reduces rows to numbers, and adds up columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from numpy.lib.array_utils import byte_bounds

from .operations import FULL, ROW, SCALAR, Domain, Operation, domain_of, operation
from .program import Program, reads_of
from .runs import Run, grouped
from .values import Check, Instruction, Storage, Value, extent

__all__ = ["Kernel", "Region", "fuse", "region_of"]

Region = tuple[Any, float, float]
"""Bytes from where to where of a storage, or of an argument: two that were one array may be others at the next call."""
CALL = 1 << 12
"""A call of NumPy takes as long as the work on so many elements."""
MOST = 80
"""Calls in one kernel: compiling takes more than proportionally longer."""
_EVERYTHING = float("inf")


class Kernel(Run):
    """Calls that one kernel does together.

    Attributes:
        domain: the rows and columns.
        operations: what it does, in order.
        views: of results that it makes.
        hidden: storages that only it uses: they need no memory; unread: those that nothing reads after it.
    """

    def __init__(self, program: Program, domain: Domain, operations: list[Operation], views: list[Instruction]) -> None:
        super().__init__(program)
        self.items = [op.item for op in operations]
        self.domain = domain
        self.operations = operations
        self.views = views
        self.hidden: set[Storage] = set()
        self.unread: set[Storage] = set()


def fuse(program: Program) -> list[Any]:
    """Put together what kernels can do: the program's items in their new order, and the groups that they form.

    Returns: Checks, Instructions, Kernels, and Runs of what is left.
    """
    groups: list[Any] = []
    window: list[Instruction] = []
    for item in [*program.items, None]:
        if isinstance(item, Instruction):
            window.append(item)
            continue
        groups += _fused(program, window, frozenset())
        window = []
        if item is not None:
            groups.append(item)
    _hide(program, groups)
    program.items = [item for group in groups for item in (group.items if isinstance(group, Kernel) else [group])]
    found: list[Any] = []
    for fused, stretch in itertools.groupby(groups, lambda group: isinstance(group, Kernel)):
        items = list(stretch)
        found += items if fused else grouped(program, items)
    return found


def _fused(program: Program, items: list[Instruction], tried: frozenset[Domain]) -> list[Any]:
    """A stretch of instructions as groups: the largest work first, then what is left before and after it."""
    sizes: dict[Domain, int] = {}
    for item in items:
        domain = domain_of(item)
        if domain is not None and domain not in tried:
            sizes[domain] = sizes.get(domain, 0) + max(CALL, domain.rows * domain.columns)
    for domain in sorted(sizes, key=lambda domain: -sizes[domain]):
        scan = _best_scan(items, domain)
        if scan is not None:
            kernel = Kernel(program, domain, scan.operations, scan.late)
            behind = [*scan.late, *scan.after]
            return [*_fused(program, scan.before, tried), kernel, *_fused(program, behind, tried)]
        tried |= {domain}
    return list(items)


def _best_scan(items: list[Instruction], domain: Domain) -> _Scan | None:
    """A kernel of a domain that pays: of what could be done together the largest part that belongs together."""
    operations = {id(item): operation(item, domain) for item in items}
    everything = _scanned(items, operations)
    for part in _parts(everything.operations):
        scan = everything
        if len(part) < len(everything.operations):
            inside = {id(op.item) for op in part}
            scan = _scanned(items, {key: op if key in inside else None for key, op in operations.items()})
        if scan.pays():
            return scan
    return None


def _scanned(items: list[Instruction], operations: dict[int, Operation | None]) -> _Scan:
    scan = _Scan(operations)
    for item in items:
        scan.add(item)
    return scan


def _parts(operations: list[Operation]) -> list[list[Operation]]:
    """Operations by what they have to do with each other, through arrays or numbers of rows; the most first."""
    parts: list[tuple[set[Region], list[Operation]]] = []
    for op in operations:
        values = [v for level, v in op.operands if level in (FULL, ROW) and isinstance(v, Value)]
        regions = {region_of(value) for value in [*values, op.result]}
        near = [part for part in parts if part[0] & regions]
        parts = [part for part in parts if not part[0] & regions]
        parts.append((regions.union(*[part[0] for part in near]), [*[op for part in near for op in part[1]], op]))
    return sorted((part[1] for part in parts), key=len, reverse=True)


class _Scan:
    """Sorts instructions into those that a kernel does, and those before and after it."""

    def __init__(self, known: dict[int, Operation | None]) -> None:
        self._known = known
        self.operations: list[Operation] = []
        self.before: list[Instruction] = []
        self.late: list[Instruction] = []
        self.after: list[Instruction] = []
        self._levels: dict[Region, set[str]] = {}
        self._inside = _Uses()
        self._behind = _Uses()
        self._cut_behind: set[Value] = set()

    def add(self, item: Instruction) -> None:
        """Sort one in."""
        if item.kind == "view" and isinstance(item.outs, Value) and len(item.reads()) == 1:
            storage, parent = item.outs.storage, item.reads()[0]
            if storage in self._behind.made or parent in self._cut_behind:
                self.after.append(item)
                self._cut_behind.add(item.outs)
            else:
                (self.late if storage in self._inside.made else self.before).append(item)
            return
        reads, writes = _uses(item)
        if not self._behind.meets(reads, writes):
            if len(self.operations) < MOST and self._takes(item):
                self._inside.note(item, reads, writes)
                return
            if not self._inside.meets(reads, writes):
                self.before.append(item)
                return
        self.after.append(item)
        self._behind.note(item, reads, writes)
        self._cut_behind.update(item.makes())

    def _takes(self, item: Instruction) -> bool:
        """Whether the kernel can do it."""
        op = self._known[id(item)]
        if op is None:
            return False
        target: Region = region_of(op.result)
        wanted: dict[Region, str] = {target: op.level}
        for level, operand in op.operands:
            if isinstance(operand, Value) and operand in self._cut_behind:
                return False
            if isinstance(operand, Value) and level != SCALAR:
                region = region_of(operand)
                if wanted.setdefault(region, level) != level:
                    return False
        if any(region[2] == _EVERYTHING for region in wanted):
            return False
        numbers = {region_of(value) for value in item.reads()} - {*wanted}
        if any(self._inside.meets([region], []) for region in numbers):
            return False
        for region, level in wanted.items():
            if region != target and _overlap(region, target):
                return False
            for other in self._inside.overlapping(region, region == target):
                if other != region or self._levels[region] != {level} or level not in (FULL, ROW):
                    return False
        if target in self._levels and op.kind in ("columns", "total"):
            return False
        for region, level in wanted.items():
            self._levels.setdefault(region, set()).add(level)
        self.operations.append(op)
        return True

    def pays(self) -> bool:
        """Whether a kernel is worth its compilation and its call."""
        return len(self.operations) > 1 and any(op.is_large() for op in self.operations)


class _Uses:
    """What some instructions read and write."""

    def __init__(self) -> None:
        self.made: set[Storage] = set()
        self._reads: dict[Any, set[Region]] = {}
        self._writes: dict[Any, set[Region]] = {}

    def note(self, item: Instruction, reads: list[Region], writes: list[Region]) -> None:
        """One more instruction."""
        for region in reads:
            self._reads.setdefault(region[0], set()).add(region)
        for region in writes:
            self._writes.setdefault(region[0], set()).add(region)
        if item.kind != "view":
            self.made.update([made.storage for made in item.makes()])

    def meets(self, reads: list[Region], writes: list[Region]) -> bool:
        """Whether the order between these instructions and one with such reads and writes matters."""
        return any(_touch(region, self._writes) for region in (*reads, *writes)) or any(
            _touch(region, self._reads) for region in writes
        )

    def overlapping(self, region: Region, written: bool) -> list[Region]:
        """What of it is written here, or, if it is to be written, read."""
        return [*_touched(region, self._writes), *(_touched(region, self._reads) if written else ())]


def _touch(region: Region, known: dict[Any, set[Region]]) -> bool:
    return next(_touched(region, known), None) is not None


def _touched(region: Region, known: dict[Any, set[Region]]) -> Iterator[Region]:
    """The known regions that a region overlaps."""
    owners = [region[0]] if isinstance(region[0], Storage) else list(known)
    for owner in owners:
        yield from (other for other in known.get(owner, ()) if _overlap(region, other))


def _overlap(a: Region, b: Region) -> bool:
    return _storage(a) is _storage(b) and a[1] < b[2] and b[1] < a[2]


def _storage(region: Region) -> Storage:
    owner = region[0]
    return owner.storage if isinstance(owner, Value) else owner


def _uses(item: Instruction) -> tuple[list[Region], list[Region]]:
    """What an instruction reads and writes; of what it makes everything, and the state of its generator."""
    reads = [region_of(value) for value in item.reads()]
    writes = [region_of(made) for made in item.makes()] if item.kind != "view" else []
    if item.target is not None:
        writes.append(region_of(item.target))
        if not isinstance(item.kwargs.get("out"), (Value, tuple)):  # a writer of another kind: no more is known
            writes.append((writes[-1][0], -_EVERYTHING, _EVERYTHING))
    if item.stream is not None:
        writes.append((_STREAMS, 0, 1))
    return reads, writes


_STREAMS = Storage("stream", None)
"""Stands for all random generators: draws stay in order."""


def region_of(value: Value) -> Region:
    """The bytes of its storage that a value lies in: everything, if that is not known."""
    value = extent(value)
    owner: Any = value.storage
    if owner.kind == "input":
        owner = value
        while owner.source is not None:
            owner = owner.source.reads()[0]
    low, high = byte_bounds(value.array)
    start, stop = byte_bounds(value.storage.array) if value.storage.array is not None else (0, 0)
    if not (start <= low and high <= stop):
        return owner, -_EVERYTHING, _EVERYTHING
    return owner, low - start, high - start


# ---- what needs no memory --------------------------------------------------------------------------------------------


def _hide(program: Program, groups: list[Any]) -> None:
    """Find the storages that only one kernel uses; what makes and cuts them falls away."""
    given = {value.storage for value in program.given()}
    users, makers = _users(groups)
    hidden: set[Storage] = set()
    for number, kernel in enumerate(groups):
        if not isinstance(kernel, Kernel):
            continue
        written: set[Region] = set()
        kept = {op.result.storage for op in kernel.operations if op.kind in ("columns", "total")}
        for op in kernel.operations:
            read = [region_of(value) for level, value in op.operands if level != SCALAR]
            kept.update([region[0] for region in read if region not in written])
            written.add(region_of(op.result))
        own = {region[0] for region in written if _storage(region).kind == "fresh"} - given
        kernel.unread = {storage for storage in own if max(users[storage]) == number}
        kernel.hidden = {
            storage
            for storage in own - kept
            if users[storage] == {number} and (storage in makers or _made_by(kernel, storage))
        }
        kernel.inner = {item.outs for item in kernel.items if item.outs and item.outs.storage in kernel.hidden}
        hidden |= kernel.hidden
    keep = {id(makers[storage]) for storage in makers if storage not in hidden}
    groups[:] = [
        group
        for group in groups
        if not isinstance(group, Instruction) or id(group) in keep or not _falls_away(group, hidden)
    ]


def _users(groups: list[Any]) -> tuple[dict[Storage, set[int]], dict[Storage, Instruction]]:
    """For each storage the numbers of the groups that use it, and the call that makes it where that fills in nothing.

    Views only name what others use.
    """
    users: dict[Storage, set[int]] = {}
    makers: dict[Storage, Instruction] = {}
    for number, group in enumerate(groups):
        for item in group.items if isinstance(group, Kernel) else [group]:
            if isinstance(item, Instruction) and item.kind == "view":
                continue
            if isinstance(item, Instruction) and item.name in ("empty", "empty_like") and isinstance(item.outs, Value):
                makers[item.outs.storage] = item
                continue
            for storage in _storages(item):
                users.setdefault(storage, set()).add(number)
    return users, makers


def _made_by(kernel: Kernel, storage: Storage) -> bool:
    return any(isinstance(item.outs, Value) and item.outs.storage is storage for item in kernel.items)


def _falls_away(item: Instruction, hidden: set[Storage]) -> bool:
    return isinstance(item.outs, Value) and item.outs.storage in hidden


def _storages(item: Instruction | Check) -> Iterator[Storage]:
    for value in reads_of(item):
        yield value.storage
    if isinstance(item, Instruction):
        for made in item.makes():
            yield made.storage
        if item.target is not None:
            yield item.target.storage
