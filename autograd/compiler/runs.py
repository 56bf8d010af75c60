"""Runs: calls on large arrays that work row by row are done together, on a block of rows at a time.

What one call writes the next finds in the processor's cache; and the blocks are shared out over threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .program import Program, reads_of
from .rowwise import Rows, is_flat, only_names, rows_of, together
from .values import Check, Instruction, Storage, Value

__all__ = ["BLOCK", "FINE", "LARGE", "SMALL", "THREADED", "Run", "grouped", "join_runs", "join_sums"]

BLOCK = 1 << 18
"""Elements in a block, at most: with fewer, threads wait for each other; more do not stay in the cache."""
FLAT = 1 << 16
"""Elements in a block, about, of an elementwise run on arrays that do not stay in a cache as a whole."""
MUCH = 1 << 21
"""Elements of such arrays."""
FINE = 1 << 15
"""Elements in a block, at least, of a run that would need more memory otherwise: threads wait for each other a little.
"""
FINELY = 16
"""So many blocks such a run has at most, if they have as many elements as that or more."""
LARGE = 1 << 18
"""Smaller arrays are computed whole: handing over Python's lock would take longer than the work."""
ALONE = 1 << 20
"""Elements of an array from which a single call is divided too."""
THREADED = 3 << 17
"""Smaller runs one thread does alone, of which BLAS's thread may still wait for work on the other processor, in smaller
blocks, which stay in its cache."""
SMALL = 1 << 16
"""Elements in such a block, at most."""
EVEN = 64
"""The elements of a block are a multiple of this."""
TEAM = 2
"""Threads that share a run, as a rule, and find scratch space of their own among the buffers; others make theirs."""
FEWEST = 8
"""With fewer rows there are not enough blocks: then only calls on arrays of one shape join, as rows of elements."""


class Run:
    """Instructions that work row by row on the same rows.

    Attributes:
        items: the instructions, with those that make views of what they need.
        rows: for each of those that compute how it works.
        flat: whether all is elementwise on arrays of one shape, or a sum of all: then each element is a row.
        inner: the values that only these use: each thread has scratch space for them, of one block.
        fine: whether blocks are smaller than they could be, so that scratch space is.
    """

    def __init__(self, program: Program) -> None:
        self.fine = False
        self.items: list[Any] = []
        self.rows: dict[Instruction, Rows] = {}
        self.flat = True
        self.inner: set[Value] = set()
        self._program = program
        self._first: Any = None
        self._by_element = False
        self._cut: dict[Storage, dict[Value, None]] = {}
        self._whole: set[Storage] = set()
        self._uncut: set[Value] = set()
        self._written: set[Storage] = set()
        self._totals: set[Storage] = set()

    @classmethod
    def starting(cls, program: Program, item: Any) -> Run | None:
        """A run that begins with an item, if it is one for that."""
        if not isinstance(item, Instruction):
            return None
        if all(value.array.size < LARGE for value in (*item.makes(), *item.reads())):
            return None
        rows, run = rows_of(item), cls(program)
        if rows is None or rows.size < LARGE:
            return None
        run._first = rows
        run._by_element = rows.rows < FEWEST or rows.size > rows.rows * BLOCK
        return run if run.take(item) else None

    def take(self, item: Any) -> bool:
        """Let an item join, if it can."""
        rows = rows_of(item) if isinstance(item, Instruction) else None
        if rows is None or rows.rows != self._first.rows or (rows.total and not self._program.blocked_sums):
            return False
        flat = is_flat(item) and rows.cut[0].shape == self._first.cut[0].shape
        if self._by_element and not flat:
            return False
        if any(value in self._cut.get(value.storage, ()) for value in rows.whole) or self._uncut & {*rows.cut}:
            return False  # as many rows as there are by chance: of one array all and a part cannot have one name
        made = _writes(item)
        written = self._written | made
        whole = self._whole | {value.storage for value in rows.whole}
        totals = self._totals | (made if rows.total else set())
        if written & whole or totals & {*self._cut, *[value.storage for value in rows.cut]}:
            return False
        for storage in {value.storage for value in rows.cut} & written:
            cut = [value for value in rows.cut if value.storage is storage]
            if not together([*self._cut.get(storage, ()), *cut], self._by_element):
                return False
        self.items.append(item)
        self.rows[item] = rows
        self.flat = self.flat and flat
        for value in rows.cut:
            self._cut.setdefault(value.storage, {})[value] = None
        self._uncut.update(rows.whole)
        self._written, self._whole, self._totals = written, whole, totals
        return True

    @property
    def height(self) -> int:
        """How many rows make a block: of elements, if the run is flat."""
        return self._height(self._fine if self.fine else self._block)

    @property
    def fine_height(self) -> int:
        """How many rows make a block if blocks are smaller."""
        return self._height(self._fine)

    @property
    def _block(self) -> int:
        return FLAT if self.flat and self._size >= MUCH else BLOCK

    @property
    def _fine(self) -> int:
        return min(self._block, max(FINE, -(-self._size // FINELY)))

    @property
    def _size(self) -> int:
        return max([rows.size for rows in self.rows.values()])

    @property
    def team(self) -> int:
        """How many threads share it."""
        return 1 if self._size < THREADED else TEAM

    def _height(self, block: int) -> int:
        largest = max(self.rows.values(), key=lambda rows: rows.size)
        block = min(block, SMALL if self.team == 1 else -(-largest.size // TEAM))
        if not self.flat:
            return max(1, block * largest.rows // largest.size)
        blocks = -(-largest.size // block)
        return -(-largest.size // (blocks + blocks % self.team) // EVEN) * EVEN

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.count // self.height)

    @property
    def count(self) -> int:
        """How many rows there are: elements, if the run is flat."""
        largest = max(self.rows.values(), key=lambda rows: rows.size)
        return largest.size if self.flat else largest.rows

    @property
    def pays(self) -> bool:
        """Whether there is enough to do."""
        sizes = [rows.size for rows in self.rows.values()]
        return max(sizes) >= ALONE or sum([size >= LARGE for size in sizes]) > 1

    def outer(self) -> list[Value]:
        """The arrays of which it cuts rows, other than its own scratch space, in order."""
        inner = {value.storage for value in self.inner}
        found = dict.fromkeys(value for rows in self.rows.values() for value in rows.cut)
        return [value for value in found if value.storage not in inner]

    def settle(self, users: dict[Storage, set[Instruction]]) -> None:
        """Find out which values are its own."""
        inside = {item for item in self.items if item in self.rows or item.kind == "view"}  # arrays are made outside
        given = {value.storage for value in self._program.given()}
        for item, rows in self.rows.items():
            made = item.outs
            if item.target is None and not rows.total and made.storage not in given and users[made.storage] <= inside:
                views = [other for other in self.items if other.kind == "view" and made.storage is _base(other)]
                if not views or (not self.flat and all(_keeps_rows(view, made.shape[0]) for view in views)):
                    self.inner.add(made)


def _writes(item: Any) -> set[Storage]:
    """The storages whose numbers an item decides."""
    if not isinstance(item, Instruction) or item.kind == "view":
        return set()
    written = {made.storage for made in item.makes()}
    if item.target is not None:
        written.add(item.target.storage)
    return written


def _base(view: Instruction) -> Storage | None:
    made = view.makes()
    return made[0].storage if made else None


def _keeps_rows(view: Instruction, count: int) -> bool:
    """Whether the same index, of a block of rows, gives the view's rows of that block."""
    if view.name != "__getitem__" or len(view.args) != 2:
        return False
    index = view.args[1][0] if isinstance(view.args[1], tuple) and view.args[1] else view.args[1]
    return isinstance(index, slice) and index in (slice(None), slice(0, count), slice(None, count), slice(0, None))


# ---- bringing together what can be done together ---------------------------------------------------------------------


def join_sums(program: Program) -> None:
    """Let sums over all rows join runs: they are added up block by block, in another order than NumPy's."""
    program.blocked_sums = True


def join_runs(program: Program) -> None:
    """Put calls that work on the same rows of large arrays next to each other, where nothing between them minds."""
    waiting, done = program.items, []
    while waiting:
        item, waiting = waiting[0], waiting[1:]
        run = Run.starting(program, item)
        if run is None:
            done.append(item)
            continue
        joined, behind = _joined(run, waiting)
        if not run.pays:
            done.append(item)
            continue
        done += joined
        waiting = behind
    program.items = done


def _joined(run: Run, waiting: list[Any]) -> tuple[list[Any], list[Any]]:
    """A run with what can join it, and what comes after."""
    later = _Later()
    for item in waiting:
        if only_names(item) and not later.makes(item):
            run.items.append(item)
        elif later.minds(item) or not run.take(item):
            later.put(item)
    kept, idle = _without_idle(run)
    taken = {id(item) for item in (*kept, *idle)}
    return kept, [*idle, *[item for item in waiting if id(item) not in taken]]


class _Later:
    """Items that are put off until after a run."""

    def __init__(self) -> None:
        self._read: set[Storage] = set()
        self._written: set[Storage] = set()
        self._checks = False

    def put(self, item: Any) -> None:
        """Put an item off."""
        self._read.update(value.storage for value in reads_of(item))
        self._written.update(_writes(item))
        if isinstance(item, Instruction):
            self._written.update(made.storage for made in item.makes())
        self._checks = self._checks or isinstance(item, Check)

    def makes(self, item: Instruction) -> bool:
        """Whether an item takes what is only made later."""
        return any(value.storage in self._written for value in item.reads())

    def minds(self, item: Any) -> bool:
        """Whether an item cannot come before those that were put off."""
        written = _writes(item)
        if written & (self._read | self._written) or any(v.storage in self._written for v in reads_of(item)):
            return True
        target = item.target if isinstance(item, Instruction) else None
        return self._checks and target is not None and target.is_given


def _without_idle(run: Run) -> tuple[list[Any], list[Any]]:
    """Leave out of a run what is small and what nothing in it needs: once is enough for that.

    What only names something comes where it stood before, unless it is needed earlier.
    """
    kept: list[Any] = []
    idle: list[Any] = []
    read: set[Storage] = set()
    written: set[Storage] = set()
    read_idly: set[Storage] = set()
    for item in reversed(run.items):
        reads, writes = {value.storage for value in item.reads()}, _writes(item)
        large = item in run.rows and run.rows[item].size >= LARGE
        bases = {made.storage for made in item.makes()}
        if large or bases & (read | written) or writes & (read | written) or reads & written:
            kept.append(item)
            read |= reads
            written |= writes
        elif item in run.rows or bases & read_idly:
            idle.append(item)
            read_idly |= reads | writes
    return kept[::-1], idle[::-1]


def grouped(program: Program, items: list[Any] | None = None) -> Iterator[Any]:
    """The program's items, or some of them, with runs in the places of those that can be done together."""
    users: dict[Storage, set[Any]] = {}
    for item in program.items:
        makes = item.makes() if isinstance(item, Instruction) else ()
        for value in (*reads_of(item), *makes):
            users.setdefault(value.storage, set()).add(item)
    waiting = program.items if items is None else items
    while waiting:
        run = Run.starting(program, waiting[0])
        if run is None:
            yield waiting[0]
            waiting = waiting[1:]
            continue
        n = 1
        while n < len(waiting) and (run.take(waiting[n]) or only_names(waiting[n])):
            if waiting[n] not in run.rows:
                run.items.append(waiting[n])
            n += 1
        while run.items[-1] not in run.rows:
            run.items.pop()
        if run.pays:
            run.settle(users)
            yield run
        else:
            yield from run.items
        waiting = waiting[len(run.items) :]
