"""The threads that share the work on one large array.

NumPy gives up Python's lock while it computes, so threads really run at the same time. Handing over the lock takes
time too, and more so where the system puts both on one processor. And after a large matrix product OpenBLAS's threads
wait for the next one busily, for some hundredths of a second, on processors that ours need: then one of ours that is
in the middle of its share may not run for a tick of the system's clock, 4 ms, which is more than it saved. So whoever
waits for others notes what they saved and what they cost, and works alone for a while where that was more.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import operator
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError
from .blas import in_one_thread_each, opened

__all__ = ["get_num_threads", "set_num_threads", "shared"]

MANY = 16
"""Work of more items than this is shared even where threads kept each other waiting: it takes longer than that."""

_APART = 32
"""Calls in which threads that shared a processor are kept on different ones."""
_CREDIT = 0.01
"""Seconds saved that are remembered at most: sharing goes on until it has cost more."""
_PAUSES = 32, 4096
"""Calls that are not shared after that, the first time and at most."""
_BUSY = 1e-4
"""Seconds for which the calling thread waits for the others busily, as BLAS does: to wake it takes half of that."""

_sqrt = np.sqrt
"""NumPy's own, as another may stand in its place while something is recorded."""
_ZEROS = np.zeros(1 << 13)
"""What the roots are taken of to wait for some millionths of a second."""

_team: _Team | None = None
_wanted: int | None = None


def set_num_threads(num: int) -> None:
    """Set how many threads share the work on one large array.

    It holds for what this library divides into blocks (in large arrays normalizations, activations, special functions,
    softmax, losses, variances, running sums, sorting, indexing, joining and copying), for FFTs, and for matrix
    products if ``threadpoolctl`` is installed, as those are BLAS's work: without it, BLAS keeps the number that it
    started with (set ``OMP_NUM_THREADS`` before the program starts). While these threads share some work, each product
    in it is computed in one. Elsewhere NumPy computes in one thread anyway. Where the others kept the calling thread
    waiting for longer than they saved, it works alone for a while.

    Raises: ValueError for less than one.
    """
    global _wanted
    if not hasattr(num, "__index__"):
        raise DtypeError(f"set_num_threads: expected an integer, got {type(num).__name__} {num!r}")
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
    allowed = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # "4,2": two inside of each of four
    return max(1, min(_processors(), int(allowed) if allowed.isdecimal() else 2))


def _processors() -> int:
    """How many processors this process may use, as far as the system tells."""
    with contextlib.suppress(AttributeError, OSError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _forget() -> None:
    """In a forked process the parent's threads do not exist."""
    global _team
    _team = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


_here = threading.local()


class _Team:
    """The helping threads, and the queue from which they take jobs."""

    def __init__(self) -> None:
        from queue import SimpleQueue  # which would slow down `import autograd`

        self.jobs: Any = SimpleQueue()
        self._threads: list[Any] = []
        self._starting = threading.RLock()
        self._placing = threading.Lock()
        self._apart = _APART
        self._credit, self._pause, self._next_pause = _CREDIT, 0, _PAUSES[0]
        placed = sys.platform == "linux" and hasattr(os, "sched_setaffinity")
        self._processor = getattr(opened(None), "sched_getcpu", None) if placed else None

    def pays(self, count: int) -> bool:
        """Whether so many items are to be shared, after what sharing saved and cost in the last calls."""
        if count > MANY or self._pause == 0:
            return True
        self._pause -= 1
        return False

    def note(self, saved: float, waited: float) -> None:
        """Notes what the others saved, and how long they kept the calling thread waiting: seconds.

        Waiting counts twice, as it is not seen how the others held up whatever else runs.
        """
        self._credit = min(_CREDIT, self._credit + saved - 2 * waited)
        if self._credit == _CREDIT:
            self._next_pause = _PAUSES[0]
        elif self._credit < 0:
            self._pause, self._credit = self._next_pause, _CREDIT / 5
            self._next_pause = min(2 * self._next_pause, _PAUSES[1])

    def helping(self, count: int) -> int:
        """How many threads can help, up to ``count``: they are started if need be, as far as the system lets us."""
        while len(self._threads) < count:
            with self._starting:
                thread = threading.Thread(target=self._help, name="autograd-blocks", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # there may be no more of them, or Python is about to end
                    return len(self._threads)
                self._threads.append(thread.native_id)
        return count

    def _help(self) -> None:
        _here.helps = True
        while True:
            self.jobs.get()()

    def place(self) -> int:
        """The processor on which the calling thread runs; -1 where that is not known."""
        return self._processor() if self._processor else -1

    def met(self, places: list[int]) -> None:
        """Notes whether helping threads, at ``places``, shared the processor of the calling one."""
        self._apart = _APART if self.place() in places else max(0, self._apart - 1)

    def apart(self, work: Callable[[], None]) -> None:
        """Do some work; meanwhile the calling thread stays on its processor, and helping ones that shared it on others.

        Linux likes to wake a thread on the processor of the one that wakes it, so threads that hand over Python's lock
        may come to share one and take turns, while another processor has nothing to do.
        """
        if not self._apart or self._processor is None or not self._placing.acquire(blocking=False):
            return work()
        allowed: set[int] = set()
        try:
            with contextlib.suppress(OSError):  # some sandboxes forbid to ask, others to set
                allowed, own = os.sched_getaffinity(0), self.place()
                if allowed > {own}:
                    for thread in self._threads:
                        os.sched_setaffinity(thread, allowed - {own})
                    os.sched_setaffinity(0, {own})
            work()
        finally:
            try:
                self._apart_no_more(allowed)
            except KeyboardInterrupt:  # it may come before the call begins
                self._apart_no_more(allowed)
                raise

    def _apart_no_more(self, allowed: set[int]) -> None:
        with contextlib.suppress(OSError):
            if allowed:
                os.sched_setaffinity(0, allowed)
        with contextlib.suppress(RuntimeError):  # it was interrupted, and is called again
            self._placing.release()


def shared(items: Sequence[Any], start: Callable[[], Callable[[Any], None]], long: bool = False) -> None:
    """Do some work on every item, in several threads. Within such work there are no others.

    Args:
        items: the calling thread takes the first, the others the last, so that where work follows on work each finds
            about the same part of the arrays in its processor's cache.
        start: is called once in each thread and returns what to call with an item.
        long: whether each item is a single call that takes long: then threads share them where they kept each other
            waiting lately, too, and the calling one waits for the last busily.

    Raises: what the work raises, in whichever thread.
    """
    global _team
    pending = deque(items)

    def run(take: Callable[[], Any]) -> int:
        work, done = None, 0
        while pending:
            try:
                item = take()
            except IndexError:  # another thread was faster
                break
            try:
                work = work or start()
                work(item)
            except BaseException:
                pending.clear()  # nobody need do what is left
                raise
            done += 1
        return done

    helpers = 0 if hasattr(_here, "helps") else min(get_num_threads(), len(items)) - 1  # a helper would wait for itself
    own, others = functools.partial(run, pending.popleft), functools.partial(run, pending.pop)
    if helpers > 0:
        _team = team = _team or _Team()
        helpers = team.helping(helpers) if long or team.pays(len(items)) else 0
    if helpers < 1:
        own()
        return
    in_one_thread_each(team.apart, functools.partial(_together, team, helpers, own, others, len(items), long))


def _next(queue: Any) -> Any:
    """What comes next in a queue, waited for busily at first: but without Python's lock, which others may need."""
    end = time.perf_counter() + _BUSY
    while queue.empty() and time.perf_counter() < end:
        _sqrt(_ZEROS, out=_ZEROS)
    return queue.get()


def _together(
    team: _Team, helpers: int, own: Callable[[], int], others: Callable[[], int], count: int, busily: bool
) -> None:
    """``own()`` in this thread, and ``others()`` in as many helping ones as come before it is over.

    Each returns how many of ``count`` items it has done.
    """
    done = type(team.jobs)()
    begun: list[None] = []
    places: list[int] = []
    tasks = [others]

    def job() -> None:
        begun.append(None)  # before it takes an item: who finds none left knows of all who work
        error: BaseException | None = None
        try:
            for task in tasks:
                task()
        except BaseException as raised:  # noqa: BLE001 (it is raised again in the thread that asked for the work)
            error = raised
        places.append(team.place())
        done.put(error)

    for _ in range(helpers):
        team.jobs.put(functools.partial(contextvars.copy_context().run, job))  # the context has NumPy's errstate
    errors: list[BaseException | None] = []
    mine, first = 0, time.perf_counter()
    try:
        mine = own()
    finally:
        last = time.perf_counter()
        while len(errors) < len(begun):
            errors.append(_next(done) if busily else done.get())
        team.met(places)
        if mine and count <= MANY:
            each = (last - first) / mine
            team.note((count - mine) * each, max(0.0, time.perf_counter() - last - each))
        tasks.clear()  # who comes too late is not waited for, and holds on to no array
    for error in errors:
        if error is not None:
            raise error
