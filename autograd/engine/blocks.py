"""Work on large arrays in blocks of rows, shared out over threads.

NumPy gives up Python's lock while it computes, so threads really run at the same time. Handing over the lock takes
time too: a block is so large that this does not matter.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import operator
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["BLOCK", "block_rows", "copied", "copy_all", "get_num_threads", "in_blocks", "set_num_threads", "shared"]

BLOCK = 1 << 18
"""Elements in a block, about: with fewer the threads wait for each other more than they work."""

LINE = 1 << 9
"""Rows so long NumPy takes faster one by one than as many at once as its buffers hold, for which it copies what is
broadcast."""

FEW = 1 << 16
"""With fewer elements this does not matter."""

_MANY = 1 << 21
"""From so many elements on threads pay for a copy, which takes less time than any other work on them."""

_team: Any = None
_wanted: int | None = None


def set_num_threads(num: int) -> None:
    """Set how many threads share the work on one large array.

    It holds for what this library divides into blocks (in large arrays normalizations, activations, softmax, losses,
    variances, running sums, sorting, indexing, joining and copying), for FFTs, and for matrix products if
    ``threadpoolctl`` is installed, as those are BLAS's work: without it, BLAS keeps the number that it started with
    (set ``OMP_NUM_THREADS`` before the program starts). Elsewhere NumPy computes in one thread anyway.

    Raises: ValueError for less than one.
    """
    global _wanted
    if operator.index(num) < 1:
        raise ArgumentError(f"set_num_threads: expected at least one thread, got {num}")
    _wanted = operator.index(num)
    with contextlib.suppress(ImportError):
        from threadpoolctl import threadpool_limits

        threadpool_limits(_wanted, "blas")


def get_num_threads() -> int:
    """How many threads share the work on one large array: what was set; else ``OMP_NUM_THREADS``, or two.

    Never more than there are processors, unless set. More than two help where single calls of NumPy are long (sorting,
    exponentials); where they are short and many, as in normalizations, threads wait for Python's lock.
    """
    if _wanted is not None:
        return _wanted
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(allowed) if allowed.isdigit() else 2))


def _forget() -> None:
    """In a forked process the parent's threads do not exist."""
    global _team
    _team = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


_here = threading.local()


def _help(jobs: Any) -> None:
    _here.helps = True
    while True:
        jobs.get()()


def _helpers() -> tuple[Any, int]:
    """The queue from which the helping threads take jobs, and how many may work on them."""
    global _team
    count = get_num_threads() - 1
    if _team is None or _team[1] < count:
        from queue import SimpleQueue  # which would slow down `import autograd`

        jobs, started = _team or (SimpleQueue(), 0)
        for _ in range(started, count):
            threading.Thread(target=_help, args=(jobs,), name="autograd-blocks", daemon=True).start()
        _team = jobs, count
    return _team[0], count


def block_rows(x: Any, block: int | None = None) -> int:
    """How many rows of ``x`` make a block of at most about ``block`` elements (default: BLOCK).

    Blocks are as equal as can be, and even in number, as there are often two threads.
    """
    rows, block = x.shape[0], block or BLOCK
    if x.size <= block or type(x) is not np.ndarray:
        return max(1, rows)
    blocks = -(-rows // max(1, block * rows // x.size))
    return -(-rows // (blocks + blocks % 2))


def _by_lines(function: Callable[..., None]) -> Callable[..., None]:
    """``function(x, ...)``; if ``x`` is large and its rows are long, NumPy's buffers hold no second row meanwhile."""

    @functools.wraps(function)
    def call(x: Any, *args: Any, **settings: Any) -> None:
        if type(x) is not np.ndarray or x.ndim < 2 or x.shape[-1] < LINE or x.size < FEW:
            return function(x, *args, **settings)
        before = np.setbufsize(min(x.shape[-1], 1 << 13) // 16 * 16)  # a multiple of 16, as NumPy wants it
        try:
            return function(x, *args, **settings)
        finally:
            np.setbufsize(before)

    return call


@_by_lines
def in_blocks(
    x: Any, start: Callable[[], Callable[[slice], None]], block: int | None = None, rows: int | None = None
) -> None:
    """Do some work on every block of the rows of ``x``: of what stands side by side along dimension 0.

    Args:
        x: the array. If it is not quite an array, but records what NumPy does to it, all its rows are one block.
        start: is called once in each thread and returns what to call with the rows of a block (so a thread can make
            its scratch space first). Blocks come in any order; what writes must write to its own rows alone.
        block: about how many elements make a block (default: BLOCK).
        rows: how many rows make a block, if it is to be so many exactly (but for the last).
    """
    count, size = x.shape[0], rows or block_rows(x, block)
    if count <= size:
        start()(slice(0, count))
    else:
        shared([slice(first, min(first + size, count)) for first in range(0, count, size)], start)


def shared(items: Sequence[Any], start: Callable[[], Callable[[Any], None]]) -> None:
    """Do some work on every item, in several threads; see ``in_blocks``. Within such work there are no others."""
    pending = iter(items)  # whoever is free takes the next

    def run() -> None:
        work = None
        for item in pending:
            work = work or start()
            work(item)

    if hasattr(_here, "helps"):  # it would wait for itself
        run()
        return
    jobs, helpers = _helpers()
    done = type(jobs)()
    begun: list[None] = []
    tasks = [run]

    def job() -> None:
        begun.append(None)  # before it takes an item: who finds none left knows of all who work
        error: BaseException | None = None
        try:
            for task in tasks:
                task()
        except BaseException as raised:  # noqa: BLE001 (it is raised again in the thread that asked for the work)
            error = raised
        done.put(error)

    for _ in range(min(helpers, len(items) - 1)):
        jobs.put(functools.partial(contextvars.copy_context().run, job))  # the context has NumPy's errstate
    errors: list[BaseException | None] = []
    try:
        run()
    finally:
        while len(errors) < len(begun):
            errors.append(done.get())
        tasks.clear()  # who comes too late is not waited for, and holds on to no array
    for error in errors:
        if error is not None:
            raise error


def copied(x: Any) -> Any:
    """A copy of an array, in C order."""
    if type(x) is not np.ndarray or x.size < _MANY:
        return x.copy()
    out = np.empty(x.shape, x.dtype)
    copy_all([(out, x)])
    return out


def copy_all(pairs: Sequence[tuple[Any, Any]]) -> None:
    """Copy large arrays: for each pair of plain arrays the second into the first."""
    if sum([target.size for target, _ in pairs]) < _MANY:
        for target, source in pairs:
            np.copyto(target, source)
        return
    parts = []
    for target, source in pairs:
        rows = block_rows(target)
        parts += [(target[i : i + rows], source[i : i + rows]) for i in range(0, len(target), rows)]
    shared(parts, lambda: lambda pair: np.copyto(*pair))
