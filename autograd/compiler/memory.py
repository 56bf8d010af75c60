"""Memory: which results are written into buffers that are made once, and which of these can share their bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .buffers import can_be_told, empty_text
from .program import Program, reads_of, values_of
from .rowwise import is_whole
from .runs import Run, grouped
from .values import Check, Instruction, Storage, Value, wanders

__all__ = ["Plan", "placed", "shared_scratch"]

FEW = 4
"""Blocks of which each may have scratch space of its own: of more the threads' own stays in the cache."""

BIG = 1 << 12
"""Buffers of so many bytes lie in one piece of memory, each where nothing else lies while it is needed."""


class Plan:
    """Where each result lies.

    Attributes:
        before: bytes of all results; after: of the buffers that they share.
        kept: the storages of results that are written again while nobody sees them (see ``keeping``).
        hosts: for pieces of memory by number the arrays in which they lie instead (see ``hosting``), and where.
    """

    def __init__(self, program: Program, reuse_outputs: bool = False, groups: list[Any] | None = None) -> None:
        self.program = program
        self.groups = list(grouped(program)) if groups is None else groups
        runs = [group for group in self.groups if isinstance(group, Run)]
        inner = {value for run in runs for value in run.inner}
        in_runs = {item for run in runs for item in run.rows}
        given = {value.storage for value in (program.lasting() if reuse_outputs else program.given())}
        self._fixed: dict[Storage, Value] = {}
        for item in program.instructions():
            if item.kind == "call" and isinstance(item.outs, Value) and item.target is None:
                made = item.outs
                if (
                    made.storage.kind == "fresh"
                    and made.storage not in given
                    and made not in inner
                    and (can_be_told(item) or (item in in_runs and item.function is np.where))
                ):
                    self._fixed[made.storage] = made
        self._runs = {item: run for run in runs for item in run.rows}
        self.joined: dict[int, Value] = {}
        self.parts: dict[Storage, tuple[Value, int]] = {}
        self.kept: set[Storage] = set()
        self.hosts: dict[int, tuple[Value, int]] = {}
        self._join(given, inner)
        self._share()

    def is_fixed(self, value: Value) -> bool:
        """Whether a call is told to put its result there: into a buffer, or a part of one."""
        return self._fixed.get(value.storage) is value or (
            (value.storage in self.parts or value.storage in self.kept)
            and value.source is not None
            and value.source.kind == "call"
        )

    def reused(self) -> list[Value]:
        """The buffers in which results lie."""
        results = {value.storage for value in values_of(self.program.results)}
        results |= {self.parts[storage][0].storage for storage in results if storage in self.parts}
        return [value for storage, value in self._fixed.items() if storage in results]

    def _join(self, given: set[Storage], inner: set[Value]) -> None:
        """Arrays that are only made to be concatenated are made where they belong, in the result."""
        last = self._last_uses()
        last_writes = {storage: max(items) for storage, items in self.program.written().items()}
        for at, item in enumerate(self.program.items):
            if not isinstance(item, Instruction) or item.function is not np.concatenate or item.target is not None:
                continue
            made = item.outs
            whole = isinstance(made, Value) and made.shape == (made.array.size,) and made.storage.kind == "fresh"
            if not whole or not item.args or type(item.args[0]) not in (list, tuple) or made.storage in given:
                continue
            pieces = item.args[0]
            if not all(self._can_be_part(piece, made, inner) for piece in pieces):
                continue
            if len({piece.storage for piece in pieces}) != len(pieces):
                continue
            later = last if made.storage.written else last_writes
            if any(later.get(piece.storage, 0) > at for piece in pieces):
                continue
            self.joined[id(item)] = made
            if any(piece.storage in given for piece in pieces):
                self._fixed.pop(made.storage, None)
            offset = 0
            for piece in pieces:
                self._fixed.pop(piece.storage, None)
                self.parts[piece.storage] = made, offset
                offset += piece.array.size

    def _can_be_part(self, piece: Any, made: Value, inner: set[Value]) -> bool:
        """Whether an array can be made where it belongs in the result ``made``."""
        if type(piece) is not Value or piece.storage.kind != "fresh" or piece.storage in self.parts or piece in inner:
            return False
        source = piece.source
        if source is None or source.kind != "call" or source.outs is not piece or source.function is np.concatenate:
            return False
        return piece.dtype == made.dtype and piece.array.flags.c_contiguous and can_be_told(source)

    def _last_uses(self) -> dict[Storage, int]:
        """For each storage the number of the last item that uses it."""
        last: dict[Storage, int] = {}
        for i, item in enumerate(self.program.items):
            for value in reads_of(item):
                last[value.storage] = i
            if isinstance(item, Instruction) and item.target is not None:
                last[item.target.storage] = i
        for value in self.program.given():
            last[value.storage] = len(self.program.items)
        return last

    def is_static(self, value: Any) -> bool:
        """Whether a value's array is the same at each call."""
        if not isinstance(value, Value):
            return False
        source = value.source
        if source is not None and source.kind == "view":
            made = isinstance(source.outs, Value) and not wanders(source)
            return made and all(self.is_static(read) for read in source.reads())
        kind = value.storage.kind
        if kind in ("state", "constant"):
            return source is None or all(self.is_static(read) for read in source.reads())
        if value.storage in self.parts:
            return self.parts[value.storage][0].storage in self._fixed
        return value.storage in self._fixed and not self._is_guest(value.storage)

    def is_remade(self, value: Any) -> bool:
        """Whether a value's array is made together with those of gradients: it lies in one of them."""
        if not isinstance(value, Value):
            return False
        source = value.source
        if source is not None and source.kind == "view":
            made = isinstance(source.outs, Value) and not wanders(source)
            return made and all(self.is_static(read) or self.is_remade(read) for read in source.reads())
        return value.storage in self.kept or self._is_guest(value.storage)

    def _is_guest(self, storage: Storage) -> bool:
        return bool(self.hosts) and self._pool.get(storage) in self.hosts

    def _share(self) -> None:
        """Give storages that are not needed at the same time the same bytes."""
        last = self._last_uses()
        for part, (whole, _) in self.parts.items():  # a buffer lives as long as its parts
            last[whole.storage] = max(last.get(whole.storage, 0), last.get(part, 0))
        free: list[tuple[int, int]] = []  # bytes and number of a pool
        self._pool: dict[Storage, int] = {}
        self._sizes: list[int] = []
        self._spans: dict[int, tuple[int, int]] = {}
        self._together = self._bounds()
        ending: dict[int, list[Storage]] = {}
        for storage in self._fixed:
            ending.setdefault(last.get(storage, -1), []).append(storage)
        beginning: dict[int, list[Storage]] = {}
        self._first = self._first_uses(last)
        for storage, i in self._first.items():
            if storage in self._fixed:
                beginning.setdefault(i, []).append(storage)
        ended: list[tuple[int, int]] = []
        for i, item in enumerate(self.program.items):
            for storage in beginning.get(i, ()):
                self._settle(storage, item, i, free, ending.setdefault(i, []))
                if storage not in last:  # nobody reads it
                    ending[i].append(storage)
            end = self._together.get(i, (i, i))[1]
            for storage in ending.get(i, ()):
                pool = self._pool[storage]
                if pool in self._spans:
                    self._spans[pool] = self._spans[pool][0], end
                else:
                    ended.append((self._sizes[pool], pool))
            if i == end:  # not earlier: blocks of a run are at different items at the same time
                free += ended
                ended.clear()
        self.before = sum(value.array.nbytes for value in self._fixed.values())
        small = [size for pool, size in enumerate(self._sizes) if pool not in self._spans]
        self._small = sum(small)
        self._place()

    def _place(self) -> None:
        self._large, self._offsets = placed(self._spans, self._sizes)
        self._find_rooms()
        self.after = self._small + self._large

    @property
    def pieces(self) -> tuple[dict[int, tuple[int, int]], list[int]]:
        """Of the large pieces of memory by number from which item up to which they are needed; the bytes of all."""
        whole = {self._pool[whole.storage] for whole, _ in self.parts.values() if whole.storage in self._pool}
        return {pool: span for pool, span in self._spans.items() if pool not in whole}, self._sizes

    def host(self, found: dict[int, tuple[Value, int]]) -> None:
        """Let pieces of memory lie in arrays that are there anyway."""
        self.hosts = found
        for pool in found:
            del self._spans[pool]
        for run in self.scratch:
            run.fine = False
        self._place()

    def begin_of(self, i: int) -> int:
        """The number of the first of the items that an item is done together with."""
        return self._together.get(i, (i, i))[0]

    def _find_rooms(self) -> None:
        """Put scratch space where the buffers leave room at that time, or where two threads would need as much.

        If there is not so much room for all rows, the blocks are made smaller. Two threads' own scratch space may lie
        there too.
        """
        self.scratch = {run: list(shared_scratch(run, self)) for run in self.groups if isinstance(run, Run)}
        numbers = {id(item): i for i, item in enumerate(self.program.items)}
        rooms: dict[int, tuple[Run, str | Value]] = {}
        spans, sizes = dict(self._spans), list(self._sizes)
        for run, found in self.scratch.items():
            if not found or run.blocks > FEW:
                continue
            rows = {place: math.prod(row) * value.dtype.itemsize for value, place, row in found if type(place) is str}
            span = self._together[numbers[id(run.items[0])]]
            own = run.team * run.fine_height * sum(rows.values())
            for finely, count, most in ((False, run.count, own), (True, run.team * run.fine_height, own // 2)):
                last, more = len(sizes), [*sizes, *[count * each for each in rows.values()]]
                size, offsets = placed({**spans, **dict.fromkeys(range(last, len(more)), span)}, more)
                run.fine = finely
                if size - self._large <= most:
                    rooms.update({last + i: (run, place) for i, place in enumerate(rows)})
                    spans.update(dict.fromkeys(range(last, len(more)), span))
                    sizes, self._large, self._offsets = more, size, offsets
                    break
        self.rooms = {room: self._offsets[number] for number, room in rooms.items()}

    def _bounds(self) -> dict[int, tuple[int, int]]:
        """For each item of a run the first and the last of those it is done together with, block by block."""
        numbers = {id(item): i for i, item in enumerate(self.program.items)}
        bounds: dict[int, tuple[int, int]] = {}
        for group in self.groups:
            if isinstance(group, Run):
                inside = [numbers[id(item)] for item in group.items]
                bounds.update(dict.fromkeys(inside, (min(inside), max(inside))))
        return bounds

    def _first_uses(self, last: dict[Storage, int]) -> dict[Storage, int]:
        """For each storage the number of the item that is the first to need it: before it was only named.

        A buffer is needed from the first of its parts on.
        """
        first: dict[Storage, int] = {}
        for i, item in enumerate(self.program.items):
            for value in (*reads_of(item), *(item.makes() if isinstance(item, Instruction) else ())):
                storage = self.parts[value.storage][0].storage if value.storage in self.parts else value.storage
                if storage not in first and (not _only_names(item) or last.get(storage, i) == i):
                    first[storage] = i
        return first

    def _settle(self, storage: Storage, item: Any, i: int, free: Any, ending: list[Storage]) -> None:
        """Find bytes for a buffer that an item is the first to use."""
        made = self._fixed[storage]
        over = self._overwritten(item, ending) if isinstance(item, Instruction) and item.outs is made else None
        if over is not None:
            self._pool[storage] = self._pool[over]
            ending.remove(over)
        else:
            self._pool[storage] = self._take(free, made.array.nbytes, i)

    def _overwritten(self, item: Instruction, ending: Any) -> Storage | None:
        """A storage that an elementwise call may write its result over, since it reads it for the last time."""
        made: Value = item.outs
        if not isinstance(item.function, np.ufunc) or item.function.signature is not None:
            return None
        if made.array.size == 1:
            return None  # NumPy takes twice as long to see that it may
        run = self._runs.get(item)
        beside = [item] if run is None else run.rows  # in a run another block may still need what it reads
        taken = {value.storage for rows in run.rows.values() for value in rows.whole} if run is not None else ()
        for read in item.reads():
            whole = self._fixed.get(read.storage)
            if whole is None or read.storage not in ending or read.storage in taken:
                continue
            reads = [value for one in beside for value in one.reads() if value.storage is read.storage]
            if whole.array.nbytes == made.array.nbytes and all(_same_layout(value, made) for value in reads):
                return read.storage
        return None

    def _take(self, free: list[tuple[int, int]], size: int, i: int) -> int:
        """A pool for what is made at an item."""
        if size >= BIG:
            self._spans[len(self._sizes)] = self._together.get(i, (i, i))[0], len(self.program.items)
            self._sizes.append(size)
            return len(self._sizes) - 1
        fits = [pool for pool in free if size <= pool[0] <= 2 * size + 4096]
        if fits:
            best = min(fits)
            free.remove(best)
            return best[1]
        self._sizes.append(size)
        return len(self._sizes) - 1

    def lent(self, run: Run) -> Iterator[tuple[int, Value]]:
        """The results of a run with the numbers of the items that make them: up to there their bytes can be used."""
        pools: dict[Any, set[Storage]] = {}
        for storage in {value.storage for item in run.items for value in (*item.reads(), *item.makes())}:
            pools.setdefault(self._bytes_of(storage), set()).add(storage)
        for i, item in enumerate(run.items):
            made = item.result
            if item not in run.rows or made in run.inner or run.rows[item].total or not is_whole(made):
                continue
            begins = self.program.items[self._first.get(made.storage, 0)] is item
            if begins and len(pools[self._bytes_of(made.storage)]) == 1:  # it lies over nothing that the run reads
                yield i, made

    def _bytes_of(self, storage: Storage) -> Any:
        """What tells storages apart that cannot lie over each other."""
        whole = self.parts[storage][0].storage if storage in self.parts else storage
        return self._pool.get(whole, whole)

    def buffers(self, guests: bool = False) -> Iterator[tuple[Value, str]]:
        """For each value that is a buffer the text that makes it; or of those that lie in other arrays."""
        first: dict[int, Value] = {}
        mixed = self._mixed()
        for storage, value in self._fixed.items():
            pool, array = self._pool[storage], value.array
            if (pool in self.hosts) is not guests:
                continue
            strides = "" if array.flags.c_contiguous else f", strides={array.strides}"
            if pool in first:
                yield value, first[pool].name
                continue
            if pool not in mixed:
                first[pool] = value
            if pool in self._offsets:
                yield value, f"ndarray({array.shape}, '{array.dtype}', pools, {self._offsets[pool]}{strides})"
            elif pool in self.hosts:
                whole, at = self.hosts[pool]
                yield value, f"ndarray({array.shape}, '{array.dtype}', {whole.name}, {at}{strides})"
            elif pool in mixed:
                yield value, f"ndarray({array.shape}, '{array.dtype}', pool{pool}{strides})"
            else:
                yield value, empty_text(array)

    def pools(self) -> Iterator[str]:
        """The lines that make the bytes of arrays of different shapes or dtypes."""
        if self._large:
            yield f"pools = empty({self._large}, 'uint8')"
        for pool in sorted(self._mixed() - self._offsets.keys() - self.hosts.keys()):
            yield f"pool{pool} = empty({self._sizes[pool]}, 'uint8')"

    def _mixed(self) -> set[int]:
        """The pools whose users differ in shape, dtype or layout."""
        first: dict[int, Value] = {}
        found = set()
        for storage, value in self._fixed.items():
            one = first.setdefault(self._pool[storage], value)
            if not _same_layout(one, value) or one.dtype != value.dtype:
                found.add(self._pool[storage])
        return found


def placed(spans: dict[int, tuple[int, int]], sizes: list[int]) -> tuple[int, dict[int, int]]:
    """Offsets for pieces of memory, so that those needed at the same time do not overlap, and how much it is in all.

    Args:
        spans: for each piece its number, and from which item up to which it is needed.
        sizes: bytes of the pieces by number.
    """
    orders: tuple[Callable[[int], Any], ...] = (
        lambda pool: (-sizes[pool], spans[pool]),
        lambda pool: (spans[pool][0] - spans[pool][1], -sizes[pool]),
        lambda pool: (spans[pool][0], -sizes[pool]),
    )
    found = [_placed_in_turn(sorted(spans, key=order), spans, sizes) for order in orders]
    return min(found, key=lambda one: one[0])


def _placed_in_turn(
    order: list[int], spans: dict[int, tuple[int, int]], sizes: list[int]
) -> tuple[int, dict[int, int]]:
    """Offsets for pieces of memory that are placed one after the other, each as low as it can be."""
    offsets: dict[int, int] = {}
    total = 0
    for pool in order:
        first, last = spans[pool]
        beside = [other for other in offsets if spans[other][0] <= last and first <= spans[other][1]]
        at, size = 0, -(-sizes[pool] // 64) * 64
        for other in sorted(beside, key=offsets.__getitem__):
            if at + size <= offsets[other]:
                break
            at = max(at, offsets[other] + -(-sizes[other] // 64) * 64)
        offsets[pool] = at
        total = max(total, at + size)
    return total, offsets


def _same_layout(a: Value, b: Value) -> bool:
    return a.shape == b.shape and a.array.strides == b.array.strides and a.array.nbytes == b.array.nbytes


def _only_names(item: Instruction | Check) -> bool:
    """Whether an instruction of a buffer needs none of its bytes."""
    return isinstance(item, Instruction) and (item.kind == "view" or item.function in (np.empty, np.empty_like))


def shared_scratch(run: Run, plan: Plan) -> Iterator[tuple[Value, str | Value, tuple[int, ...]]]:
    """For each value of a run's own where its rows lie, and the shape of a row.

    That is a result of the run which is made later, or scratch space of this name. Both are shared where one value ends
    before the other begins.
    """
    last: dict[Storage, int] = {}
    for i, item in enumerate(run.items):
        for value in (*item.reads(), *item.makes()):
            last[value.storage] = i
    free: dict[Any, list[tuple[float, int, str | Value]]] = {}  # until when it can be used, and since when
    for limit, made in plan.lent(run):
        free.setdefault((made.dtype, () if run.flat else made.shape[1:]), []).append((limit, -1, made))
    count = 0
    ending: dict[int, list[tuple[Any, float, Any]]] = {}
    for i, item in enumerate(run.items):
        for kind, until, name in ending.get(i, ()):  # a row of a result may lie over one that is read for the last time
            free.setdefault(kind, []).append((until, i, name))
        if item in run.rows and item.outs in run.inner:
            made = item.outs
            kind = made.dtype, () if run.flat else made.shape[1:]
            end = last[made.storage]
            places = [place for place in free.get(kind, ()) if place[0] >= end]
            if places:  # where it has just read, rather than what the cache may not hold any more
                place = min(places, key=lambda one: (one[1] < i, one[0], -one[1]))
                free[kind].remove(place)
            else:
                count += 1
                place = math.inf, i, f"scratch{count}"
            ending.setdefault(end, []).append((kind, place[0], place[2]))
            yield made, place[2], kind[1]
